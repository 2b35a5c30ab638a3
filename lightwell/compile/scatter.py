"""Writing to picked places as native code: index_add and index_set, scatter_add and its relatives, put_along_axis, strided_add.

All are one loop nest: the result begins as zeros or as a copy of x, then for each place i of a few axes

    out[base + Σ i·outs + Σ_p index_p[Σ i·strides]·step_p]  =, +=, ×=, max=, min=  v[Σ i·vs]

in C order of v, so that what meets on one place meets in NumPy's order. Threads take parts of an axis along which all places
differ; where there is none, all run over all indices and each minds only those that fall in its own part of the result, or
(where a place takes few numbers) one does all. Negative indices count from the end. An index that is out of range is left out: nothing is ever written elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from .calls import Kernel, native
from .ir import TYPES, Function, real, vector
from .nest import Call, Ref
from .vectormath import features

ALONE = 16384  # elements up to which one thread is enough


@dataclass(frozen=True)
class Axis:
    """A loop: its extent, and how far one step goes in the result, in v and in each array of indices."""

    extent: int
    out: int
    v: int
    picks: tuple


@dataclass(frozen=True)
class Pick:
    """An array of indices: how many places it chooses from, their distance, its dtype."""

    size: int
    step: int
    dtype: str


@dataclass(frozen=True)
class Form:
    """All that shapes the code. `value`: a number instead of v. `apart`: places differ along every axis that picks nothing."""

    dtype: str
    total: int
    copies: bool
    mode: str
    base: int
    axes: tuple
    picks: tuple
    value: Any = None
    apart: bool = True


# ---- from words to forms --------------------------------------------------------------------------------------------


def _strides(shape: tuple) -> list[int]:
    out, n = [], 1
    for s in reversed(shape):
        out.append(n)
        n *= s
    return out[::-1]


def _against(shape: tuple, wide: tuple) -> list[int] | None:
    """The strides of a dense array of `shape` seen in the shape `wide`: 0 where it is repeated; None where it doesn't fit."""
    while len(shape) > len(wide) and shape[0] == 1:
        shape = shape[1:]
    if len(shape) > len(wide):
        return None
    lead = len(wide) - len(shape)
    if any(n not in (1, w) for n, w in zip(shape, wide[lead:])):
        return None
    return [0] * lead + [0 if n == 1 else s for n, s in zip(shape, _strides(shape))]


def _key(key: Any, shape: tuple) -> list | None:
    """One entry for each dimension: a slice, an int or a Ref; None for keys of other forms."""
    entries = list(key) if isinstance(key, tuple) else [key]
    dots = [i for i, k in enumerate(entries) if k is Ellipsis]
    if len(dots) > 1:
        return None
    missing = [slice(None)] * (len(shape) - (len(entries) - len(dots)))
    entries = entries[: dots[0]] + missing + entries[dots[0] + 1 :] if dots else entries + missing
    if len(entries) != len(shape):
        return None
    for i, k in enumerate(entries):
        if isinstance(k, np.integer):
            entries[i] = int(k)
        elif isinstance(k, slice):
            if not all(x is None or isinstance(x, int) for x in (k.start, k.stop, k.step)):
                return None
        elif isinstance(k, bool) or not isinstance(k, (int, Ref)) or (isinstance(k, Ref) and k.number >= 0):
            return None
    return entries


class _Nest:
    """Axes and picks while they are found."""

    def __init__(self, shapes: Callable):
        self.shapes, self.base = shapes, 0
        self.axes: list[Axis] = []
        self.picks: list[Pick] = []
        self.refs: list[Ref] = []

    def pick(self, ref: Ref, size: int, step: int) -> bool:
        """One more array of indices; False where its numbers are no integers."""
        dtype = np.dtype(self.shapes(ref)[1])
        if dtype.kind not in "iu" or dtype == np.uint64:
            return False
        self.picks.append(Pick(size, step, dtype.name))
        self.refs.append(ref)
        return True

    def keyed(self, shape: tuple, key: Any) -> tuple | None:
        """Axes for out[key], without v's strides; the shape of what is picked."""
        entries = _key(key, shape)
        if entries is None:
            return None
        steps, before, sliced = _strides(shape), [], []
        picked = [i for i, k in enumerate(entries) if not isinstance(k, slice)]
        arrays = any(isinstance(k, Ref) for k in entries)
        try:
            wide = np.broadcast_shapes(*(k.shape for k in entries if isinstance(k, Ref)))
        except ValueError:
            return None
        for i, (k, n, step) in enumerate(zip(entries, shape, steps)):
            if isinstance(k, slice):
                start, stop, by = k.indices(n)
                self.base += start * step
                sliced.append((i, len(range(start, stop, by)), by * step))
            elif isinstance(k, Ref):
                if not self.pick(k, n, step):
                    return None
            elif -n <= k < n:
                self.base += k % n * step
            else:
                return None
        together = not picked or picked[-1] - picked[0] == len(picked) - 1
        at = picked[0] if picked and together else 0  # where what is picked stands among the slices
        none = (0,) * len(self.picks)
        before = [Axis(n, s, 0, none) for i, n, s in sliced if i < at]
        behind = [Axis(n, s, 0, none) for i, n, s in sliced if i >= at]
        strides = [_against(ref.shape, wide) or [0] * len(wide) for ref in self.refs]
        middle = [Axis(n, 0, 0, tuple(s[d] for s in strides)) for d, n in enumerate(wide)] if arrays else []
        self.axes = before + middle + behind
        return tuple(a.extent for a in self.axes)

    def along(self, shape: tuple, index: Ref, axis: int) -> tuple | None:
        """Axes for the places that `index` says along one axis; the index's shape."""
        if len(index.shape) != len(shape) or not shape:
            return None
        axis %= len(shape)
        steps, own = _strides(shape), _strides(index.shape)
        if any(n > m for d, (n, m) in enumerate(zip(index.shape, shape)) if d != axis) or not self.pick(index, shape[axis], steps[axis]):
            return None
        self.axes = [Axis(n, 0 if d == axis else steps[d], 0, (own[d],)) for d, n in enumerate(index.shape)]
        return index.shape

    def valued(self, strides: list[int]) -> None:
        """Give the axes the strides of v."""
        self.axes = [Axis(a.extent, a.out, s, a.picks) for a, s in zip(self.axes, strides)]


def _merged(axes: list[Axis]) -> tuple:
    """The same loops with as few axes as possible."""
    out: list[Axis] = []
    for a in axes:
        if a.extent == 1:
            continue
        if out:
            b = out[-1]
            if b.out == a.extent * a.out and b.v == a.extent * a.v and all(p == a.extent * q for p, q in zip(b.picks, a.picks)):
                out[-1] = Axis(a.extent * b.extent, a.out, a.v, a.picks)
                continue
        out.append(a)
    return tuple(out)


def _apart(axes: list[Axis]) -> bool:
    """Whether no two places of the axes meet, indices left aside: each step goes beyond all that smaller steps reach."""
    reach = 0
    for a in sorted(axes, key=lambda a: abs(a.out)):
        if abs(a.out) <= reach:
            return False
        reach += abs(a.out) * (a.extent - 1)
    return True


def _kernel(
    call: Call, shapes: Callable, nest: _Nest, shape: tuple, picked: tuple | None, x: Any, v: Any, mode: str
) -> list[Kernel] | None:
    """The kernel of a nest whose places have the shape `picked`; None where types or shapes are others than it knows."""
    out = call.outs[0]
    if picked is None or out is None:
        return None
    dtype = np.dtype(shapes(out)[1])
    if dtype.name not in TYPES or (dtype.kind == "b" and mode != "set"):
        return None
    operands, value = [], None
    if x is not None:
        if not isinstance(x, Ref) or x.number >= 0 or x.shape != tuple(shape) or shapes(x)[1] != dtype:
            return None
        operands.append(x.buffer)
    if isinstance(v, Ref):
        strides = _against(v.shape, picked)
        if v.number >= 0 or strides is None or shapes(v)[1] != dtype:
            return None
        operands.append(v.buffer)
        nest.valued(strides)
    elif isinstance(v, (bool, int, float)) and np.result_type(dtype, v) == dtype:
        value = dtype.type(v).item()
    else:
        return None
    total = prod(shape)
    axes = _merged(nest.axes)
    if 0 in picked or not total:
        axes = (Axis(0, 0, 0, (0,) * len(nest.picks)),)
    apart = _apart([a for a in nest.axes if a.out and a.extent > 1])
    form = Form(dtype.name, total, x is not None, mode, nest.base, axes, tuple(nest.picks), value, apart)
    operands += [ref.buffer for ref in nest.refs]
    slots = [*operands, out]
    if total + prod(a.extent for a in axes) <= ALONE:
        return [Kernel(f"scatter alone {form}", lambda: write(form, True), slots, threads=False, reads=operands, writes=[out])]
    begun = Kernel(f"scatter start {form}", lambda: start(form), slots, reads=operands, writes=[out], together=False)
    written = Kernel(f"scatter {form}", lambda: write(form, False), slots, reads=slots, writes=[out], together=False)
    return [begun, written]


@native("index_add")
def index_add(call: Call, shapes: Callable) -> list[Kernel] | None:
    """Zeros with v added at [key]."""
    shape, key, v, *rest = _arguments(call, "shape", "key", "v", "unique")
    nest = _Nest(shapes)
    picked = nest.keyed(tuple(shape), key)
    once = not nest.picks or bool(rest and rest[0])  # no place is named twice: what NumPy writes, it doesn't add
    return _kernel(call, shapes, nest, tuple(shape), picked, None, v, "set" if once else "add")


@native("index_set")
def index_set(call: Call, shapes: Callable) -> list[Kernel] | None:
    """A copy of x with v written at [key]."""
    x, key, v = _arguments(call, "x", "key", "v")
    nest = _Nest(shapes)
    return _kernel(call, shapes, nest, x.shape, nest.keyed(x.shape, key), x, v, "set") if isinstance(x, Ref) else None


@native("scatter_add", "scatter_set", "scatter_prod", "scatter_extreme")
def scatter(call: Call, shapes: Callable) -> list[Kernel] | None:
    """A copy of x with v written, added ... at the places that the index says along one axis."""
    x, index, v, axis, *rest = _arguments(call, "x", "index", "v", "axis", "largest")
    if not isinstance(x, Ref) or not isinstance(index, Ref):
        return None
    modes = {"scatter_add": "add", "scatter_set": "set", "scatter_prod": "mul"}
    mode = modes.get(call.word) or ("max" if rest and rest[0] else "min")
    nest = _Nest(shapes)
    return _kernel(call, shapes, nest, x.shape, nest.along(x.shape, index, axis), x, v, mode)


@native("put_along_axis")
def put_along_axis(call: Call, shapes: Callable) -> list[Kernel] | None:
    """Zeros with v written at the places that the index says along one axis."""
    shape, index, v, axis = _arguments(call, "shape", "index", "v", "axis")
    nest = _Nest(shapes)
    if not isinstance(index, Ref) or not shape:
        return None
    return _kernel(call, shapes, nest, tuple(shape), nest.along(tuple(shape), index, axis), None, v, "set")


@native("strided_add", "strided_set")
def strided(call: Call, shapes: Callable) -> list[Kernel] | None:
    """Zeros with v added into a window of any strides; a copy of x with v written there."""
    x, v, strides, offset = _arguments(call, "shape" if call.word == "strided_add" else "x", "v", "strides", "offset")
    if not isinstance(v, Ref):
        return None
    shape = x.shape if isinstance(x, Ref) else tuple(x)
    nest = _Nest(shapes)
    nest.base, nest.axes = offset, [Axis(n, s, 0, ()) for n, s in zip(v.shape, strides)]
    ends = [s * (n - 1) for n, s in zip(v.shape, strides)]
    if 0 not in v.shape and (offset + sum(min(e, 0) for e in ends) < 0 or offset + sum(max(e, 0) for e in ends) >= prod(shape)):
        return None
    return _kernel(call, shapes, nest, shape, v.shape, x if isinstance(x, Ref) else None, v, "set" if isinstance(x, Ref) else "add")


def _arguments(call: Call, *names: str) -> list:
    """The arguments in the order of their names, those at the end left out that are not given."""
    found = list(call.args)
    for name in names[len(found) :]:
        if name in call.kwargs:
            found.append(call.kwargs[name])
    return found


# ---- from forms to code ---------------------------------------------------------------------------------------------


class _Code:
    """A kernel being written."""

    def __init__(self, form: Form):
        self.form, self.f = form, Function()
        f = self.f
        self.kind, dtype = TYPES[form.dtype], np.dtype(form.dtype)
        self.number = "f" if dtype.kind == "f" else "u" if dtype.kind in "ub" else "s"
        had = features()
        self.lanes = (64 if "avx512f" in had else 32 if "avx" in had else 16) // dtype.itemsize
        self.bytes = dtype.itemsize
        self.part = "0", "0"  # this thread's, of what the threads share
        slots = [f.slot(1 + i) for i in range(form.copies + (form.value is None) + len(form.picks) + 1)]
        self.out = slots.pop()
        self.x = slots.pop(0) if form.copies else ""
        self.v = slots.pop(0) if form.value is None else ""
        self.indices = slots

    def start(self) -> None:
        """Zeros, or a copy of x, in this thread's part of the result."""
        f, step = self.f, 4 * self.lanes
        first, stop = f.share(str(self.form.total), step)
        kind = vector(self.kind, self.lanes)
        whole = f.call("llvm.smin.i64", "i64", ("i64", stop), ("i64", str(self.form.total // step * step)))
        with f.loop(first, whole, step) as i:
            for k in range(4):
                place = f.at(f.at(self.out, self.kind, i), self.kind, str(k * self.lanes))
                x = "zeroinitializer"
                if self.x:
                    x = f.load(kind, f.at(f.at(self.x, self.kind, i), self.kind, str(k * self.lanes)), self.bytes)
                f.store(kind, x, place, self.bytes)
        with f.loop(f.call("llvm.smax.i64", "i64", ("i64", first), ("i64", whole)), stop) as i:
            x = f.load(self.kind, f.at(self.x, self.kind, i)) if self.x else self.constant(0)
            f.store(self.kind, x, f.at(self.out, self.kind, i))

    def constant(self, x: Any) -> str:
        """A number as LLVM writes it."""
        return real(x, self.kind) if self.number == "f" else str(int(x))

    def combined(self, old: str, new: str, lanes: int) -> str:
        """What stands at a place after `new` came to `old`."""
        f, mode, kind, number = self.f, self.form.mode, vector(self.kind, lanes), self.number
        if mode in ("add", "mul"):
            return f.op(("f" if number == "f" else "") + mode, kind, old, new)
        name = f"llvm.{mode}imum" if number == "f" else f"llvm.{number}{mode}"
        letter = f"f{self.bytes * 8}" if number == "f" else f"i{self.bytes * 8}"
        return f.call(f"{name}.{letter if lanes == 1 else f'v{lanes}{letter}'}", kind, (kind, old), (kind, new))

    def loops(self, level: int, split: int, at: str, v: str, indices: list, found: int) -> None:
        """The loops from axis `level` on; `found` of the picks are already part of the place `at`."""
        f, form = self.f, self.form
        rest = form.axes[level:]
        if found < len(form.picks) and not any(a.picks[found] for a in rest):
            pick = form.picks[found]
            place = self.index(found, pick, indices[found])
            low, high = self.part if split == -1 and found == 0 else ("0", str(pick.size))
            inside = f.put(f"and i1 {f.put(f'icmp sge i64 {place}, {low}')}, {f.put(f'icmp slt i64 {place}, {high}')}")
            with f.when(inside):
                self.loops(level, split, self.moved(at, place, pick.step), v, indices, found + 1)
            return
        if not rest:
            self.element(at, v, 1)
            return
        a = rest[0]
        start, stop = self.part if level == split else ("0", str(a.extent))
        if len(rest) == 1 and a.out == 1 and a.v in (0, 1) and found == len(form.picks) and a.extent >= self.lanes:
            length = f.put(f"sub i64 {stop}, {start}")
            whole = f.put(f"add i64 {start}, {f.put(f'and i64 {length}, {-self.lanes}')}")
            with f.loop(start, whole, self.lanes) as i:
                self.element(self.moved(at, i, 1), self.moved(v, i, a.v), self.lanes, a.v)
            with f.loop(whole, stop) as i:
                self.element(self.moved(at, i, 1), self.moved(v, i, a.v), 1)
            return
        with f.loop(start, stop) as i:
            moved = [self.moved(p, i, s) for p, s in zip(indices, a.picks)]
            self.loops(level + 1, split, self.moved(at, i, a.out), self.moved(v, i, a.v), moved, found)

    def moved(self, at: str, i: str, step: int) -> str:
        """at + i·step."""
        if not step:
            return at
        way = i if step == 1 else self.f.put(f"mul i64 {i}, {step}")
        return self.f.put(f"add i64 {at}, {way}")

    def index(self, p: int, pick: Pick, at: str) -> str:
        """An index as an i64, negative ones counted from the end."""
        f, kind = self.f, TYPES[pick.dtype]
        x = f.load(kind, f.at(self.indices[p], kind, at))
        if kind != "i64":
            x = f.cast("zext" if pick.dtype.startswith("u") else "sext", x, kind, "i64")
        negative = f.put(f"icmp slt i64 {x}, 0")
        return f.select(negative, "i64", f.put(f"add i64 {x}, {pick.size}"), x)

    def element(self, at: str, v: str, lanes: int, wide: int = 1) -> None:
        """One place, or a vector of them."""
        f, form, kind = self.f, self.form, vector(self.kind, lanes)
        place = f.at(self.out, self.kind, at)
        if form.value is not None:
            x = f.splat(self.constant(form.value), self.kind, lanes)
        elif wide:
            x = f.load(kind, f.at(self.v, self.kind, v), self.bytes)
        else:
            x = f.splat(f.load(self.kind, f.at(self.v, self.kind, v)), self.kind, lanes)
        if form.mode != "set":
            x = self.combined(f.load(kind, place, self.bytes), x, lanes)
        f.store(kind, x, place, self.bytes)


def _split(form: Form, lanes: int) -> int:
    """Which axis the threads share; -1: the places that the first pick chooses from; -2: nothing, as finding out costs more."""
    free = [i for i, a in enumerate(form.axes) if a.out and form.apart]
    long = [i for i in free if form.axes[i].extent >= (2 * lanes if i == len(form.axes) - 1 else 8)]
    if long:
        return long[0]
    each = prod(a.extent for a in form.axes if not any(a.picks))
    return -1 if form.picks and each >= 16 else free[0] if free else -2


def start(form: Form) -> str:
    """The text of the kernel that begins the result."""
    code = _Code(form)
    code.start()
    return code.f.text()


def write(form: Form, alone: bool) -> str:
    """The text of the kernel that writes the places; of the one for a single thread, which begins the result, too."""
    code = _Code(form)
    f, split = code.f, _split(form, code.lanes)
    if alone:
        code.start()
    if split >= 0:
        inner = split == len(form.axes) - 1
        code.part = f.share(str(form.axes[split].extent), code.lanes if inner else 1)
    elif split == -1:
        code.part = f.share(str(form.picks[0].size))
    if split == -2:
        with f.when(f.put("icmp eq i64 %tid, 0")):
            code.loops(0, split, str(form.base), "0", ["0"] * len(form.picks), 0)
    else:
        code.loops(0, split, str(form.base), "0", ["0"] * len(form.picks), 0)
    return f.text()
