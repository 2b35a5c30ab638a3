"""Matrix products as BLAS takes them: which memory its operands can be read from as they lie."""

import numpy as np

from .fuse import Fuser, Step, base
from .graph import Value
from .layout import MAPS, RESHAPES, Split, Unfit, pull, strides_of, whole, window_of

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class Product(Step):
    """C = A·B for each index of `batch`; a side is [stored value, offset, rows, cols, batch strides]."""

    def __init__(self, value: Value, rank: int, a, b, c, m: int, n: int, k: int, batch):
        self.value, self.rank, self.a, self.b, self.c = value, rank, a, b, c
        self.m, self.n, self.k, self.batch = m, n, k, batch

    def collapse(self) -> None:
        """Make rows of batches where they lie like rows."""
        self.m, self.n, self.batch = _collapsed(self.a, self.b, self.c, self.m, self.n, self.k, self.batch)


def product(f: Fuser, v: Value) -> bool:
    """Make a product of a matmul; False where BLAS doesn't do it."""
    x, y = v.args
    if not (isinstance(x, Value) and isinstance(y, Value) and x.dtype == y.dtype == v.dtype and v.dtype in FLOATS):
        return False
    if not x.size or not y.size or not x.ndim or not y.ndim:
        return False
    m, k = (1, x.shape[0]) if x.ndim == 1 else x.shape[-2:]
    n = 1 if y.ndim == 1 else y.shape[-1]
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    a = _side(f, x, m, k, batch, x.ndim == 1, True)
    b = _side(f, y, k, n, batch, y.ndim == 1, False)
    c = [v, 0, n, 1, strides_of((*batch, m, n))[:-2]]
    rank = max(f.made[a[0]].rank, f.made[b[0]].rank) + 1
    step = Product(v, rank, a, b, c, m, n, k, batch)
    f.steps.append(step)
    f.settle(v, step)
    return True


def _side(f: Fuser, x: Value, rows: int, cols: int, batch, vector: bool, left: bool) -> list:
    """[stored value, offset, row stride, column stride, batch strides] of an operand."""
    found = window_of(x, lambda u: base(u) in f.made)
    if found is not None:
        u, offset, strides = found
        b = base(u)
        if b in f.made or (u.word not in MAPS and (u.size == x.size or _shared(f, u, x))):
            side = _seen(x, offset, strides, rows, cols, batch, vector, left)
            if side is not None:
                f.store(u)
                f.pinned.add(b)
                return [b, *side]
    f.store(x)
    side = _seen(x, 0, strides_of(x.shape), rows, cols, batch, vector, left)
    assert side is not None
    return [base(x), *side]


def _shared(f: Fuser, u: Value, x: Value) -> bool:
    """Whether x is one of several parts that together are about all of u, which then is stored once for all of them."""
    if u.size < x.size:
        return False
    parts = 0
    while x is not u:
        x = x.args[0]
        parts = max(parts, len(f.users[x]))
        if x.size * parts >= u.size:
            return True
    return False


def redirect(f: Fuser, p: Value, assembly: Value, offset: int, strides) -> "Product | None":
    """Let a product write its result where p, a view of it that is its only use, belongs: into `assembly` (p itself, or what p is a part
    of). None where that can't be."""
    v = p
    while v.word == "permute_dims" or v.word in RESHAPES:
        v = v.args[0]
        if len(f.users[v]) != 1 or v in f.results:
            return None
    step = f.made.get(v)
    if type(step) is not Product or v is p or step.c[0] is not v or v in f.pinned or f.readers.get(v):
        return None
    where = _inverse(p, v, strides)
    if where is None:
        return None
    lead = [1] * (v.ndim - len(v.shape[:-2]) - 2)
    assert not lead
    rows, cols = where[-2:]
    rows, cols = (step.n if step.m == 1 else rows), (1 if step.n == 1 and step.m == 1 else cols)
    if not (
        ((cols == 1 or step.n == 1) and (rows >= step.n or step.m == 1)) or ((rows == 1 or step.m == 1) and (cols >= step.m or step.n == 1))
    ):
        return None
    step.c = [assembly, offset, rows, cols, tuple(where[:-2])]
    f.redirected.add(v)
    return step


def _inverse(p: Value, v: Value, strides) -> list | None:
    """The strides of v's dimensions in the memory in which p, a view of all of v, has the given strides."""
    sizes = list(p.shape)
    steps = list(strides)
    while True:
        place: tuple = tuple((0, tuple(int(i == d) for i in range(len(sizes)))) for d in range(len(sizes)))
        try:
            if len(sizes) != p.ndim:
                place = whole(p.shape, sizes)
            x = p
            while x is not v:
                ((x, place),) = pull(x, place, sizes)
            break
        except Split as e:
            outer = sizes[e.axis] // e.inner
            sizes[e.axis : e.axis + 1] = [outer, e.inner]
            steps[e.axis : e.axis + 1] = [steps[e.axis] * e.inner, steps[e.axis]]
        except Unfit:
            return None
    out = []
    for (c, k), n in zip(place, v.shape):
        axes = [(x, s) for x, s, m in zip(k, steps, sizes) if x and m != 1]
        if n == 1:
            out.append(0)
        elif c or not axes or any(x <= 0 or s % x or s // x != axes[0][1] // axes[0][0] for x, s in axes):
            return None
        else:
            out.append(axes[0][1] // axes[0][0])
    return out


def _seen(x: Value, offset: int, strides, rows: int, cols: int, batch, vector: bool, left: bool) -> list | None:
    """The operand's strides as (offset, rows, cols, batch strides), if BLAS can read it so."""
    if vector:
        r, c = (0, strides[0]) if left else (strides[0], 0)
        lead: tuple = ()
    else:
        r, c = strides[-2:]
        lead = strides[:-2]
    if cols == 1:
        c = 1
    elif rows == 1:
        r = cols if c == 1 else 1
    if rows == 1 and cols == 1:
        r = c = 1
    plain = c == 1 and (r >= cols or rows == 1)
    turned = r == 1 and (c >= rows or cols == 1)
    if not (plain or turned) or offset < 0 or any(s < 0 for s in lead):
        return None
    steps = [0] * (len(batch) - len(lead)) + [0 if n == 1 else s for n, s in zip(x.shape[:-2], lead)]
    return [offset, r, c, tuple(steps)]


def _collapsed(a: list, b: list, c: list, m: int, n: int, k: int, batch) -> tuple:
    """Batches that lie like further rows become rows; neighbouring batch axes become one."""
    sides = [a, b, c]
    axes = [i for i, s in enumerate(batch) if s != 1]
    strides = [[s[4][i] for i in axes] for s in sides]
    sizes = [batch[i] for i in axes]
    i = 0
    while i + 1 < len(sizes):
        if all(s[i] == s[i + 1] * sizes[i + 1] for s in strides):
            sizes[i : i + 2] = [sizes[i] * sizes[i + 1]]
            for s in strides:
                del s[i]
        else:
            i += 1
    while sizes and strides[1][-1] == 0 and a[3] == 1 and strides[0][-1] == a[2] * m and strides[2][-1] == c[2] * m:
        if m == 1 and a[2] < k:
            break
        m *= sizes.pop()
        for s in strides:
            s.pop()
    for side, s in zip(sides, strides):
        side[4] = tuple(s)
    return m, n, tuple(sizes)
