"""Contractions: einsum, tensordot, inner, kron and chains of products, all made of matrix products."""

import functools
import math

import numpy as np

from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..tensor import Tensor
from .dims import one_axis
from .products import matmul, mm
from .public import public

__all__ = ["chain_matmul", "einsum", "inner", "kron", "tensordot"]


@public
def inner(input, other):
    """Σ over the last dimensions of both: inner(x, y)[…, …] = Σₖ x[…, k]·y[…, k].

    >>> import lightwell as torch
    >>> torch.inner(torch.tensor([1., 2.]), torch.tensor([3., 4.]))
    tensor(11.)
    """
    if not input.ndim or not other.ndim:
        return input * other
    return tensordot(input, other, dims=([-1], [-1]))


@public
def kron(input, other):
    """The Kronecker product: every element of `input` times all of `other`, in blocks.

    >>> import lightwell as torch
    >>> torch.kron(torch.eye(2), torch.ones(1, 2))
    tensor([[1., 1., 0., 0.],
            [0., 0., 1., 1.]])
    """
    for position, t in enumerate((input, other)):
        if not isinstance(t, Tensor):
            which = ("input", "other")[position]
            raise TypeError(f"kron(): argument '{which}' (position {position + 1}) must be Tensor, not {type(t).__name__}")
    n = max(input.ndim, other.ndim)
    x = input.reshape((1,) * (n - input.ndim) + tuple(input.shape))
    y = other.reshape((1,) * (n - other.ndim) + tuple(other.shape))
    left = [v for s in x.shape for v in (s, 1)]
    right = [v for s in y.shape for v in (1, s)]
    return (x.reshape(left) * y.reshape(right)).reshape([a * b for a, b in zip(x.shape, y.shape)])


def tensordot(a, b, dims=2, out=None):
    """Σ over pairs of dimensions: the last `dims` of a with the first of b, or the listed ones.

    RuntimeError where paired sizes differ.

    >>> import lightwell as torch
    >>> torch.tensordot(torch.ones(2, 3), torch.ones(3, 4), dims=1).shape
    torch.Size([2, 4])
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims} for {a.ndim} and {b.ndim} dimensions")
        da, db = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        da, db = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(da) != len(db):
        raise RuntimeError(f"both dimension lists should have same length, got {list(da)} and {list(db)}")
    da, db = [one_axis(a, d, "tensordot") for d in da], [one_axis(b, d, "tensordot") for d in db]
    for i, j in zip(da, db):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has size {b.shape[j]} in dim {j}"
            )
        if a.shape[i] != b.shape[j]:  # size 1 against more: the other is summed first
            a, b = (a, b.sum(j, keepdim=True)) if a.shape[i] == 1 else (a.sum(i, keepdim=True), b)
    free_a = [d for d in range(a.ndim) if d not in da]
    free_b = [d for d in range(b.ndim) if d not in db]
    n = math.prod(a.shape[d] for d in da)
    rows, columns = [a.shape[d] for d in free_a], [b.shape[d] for d in free_b]
    left = a.permute(*free_a, *da).reshape(math.prod(rows), n) if a.ndim else a.reshape(1, 1)
    right = b.permute(*db, *free_b).reshape(n, math.prod(columns)) if b.ndim else b.reshape(1, 1)
    result = matmul(left, right).reshape(rows + columns)
    if out is not None:
        from .public import write_out

        return write_out("tensordot", out, result)
    return result


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _explicit(equation: str, operands) -> tuple:
    """(terms, right side, operands) without spaces or dots; operands with repeated letters reduced to their diagonals."""
    equation = equation.replace(" ", "")
    for k, c in enumerate(equation):
        if c not in _LETTERS and c not in ".,->":
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {k} in the equation string, subscripts must be in [a-zA-Z], got {c!r}"
            )
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise RuntimeError(
            f"einsum(): {'more' if len(operands) > len(terms) else 'fewer'} operands were provided than specified in the equation"
        )
    used = set(left)
    spare = [c for c in _LETTERS if c not in used]
    widest = max((x.ndim - len(t.replace("...", "")) for t, x in zip(terms, operands) if "..." in t), default=0)
    dots = "".join(spare[: max(widest, 0)])
    ready, shapes, seen = [], {}, []
    for k, (t, x) in enumerate(zip(terms, operands)):
        n = len(t.replace("...", ""))
        if ("..." in t and x.ndim < n) or ("..." not in t and x.ndim != n) or "." in t.replace("...", "", 1):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({n}) does not match the number of dimensions ({x.ndim}) "
                f"for operand {k}: '{t}' names them, '...' stands for the rest"
            )
        t = t.replace("...", dots[len(dots) - (x.ndim - n) :])
        seen.append(t)
        for c, s in zip(t, x.shape):
            if shapes.setdefault(c, s) != s:
                if 1 not in (s, shapes[c]):
                    raise RuntimeError(
                        f"einsum(): subscript {c} has size {s} for operand {k} which does not broadcast with previously seen size {shapes[c]}"
                    )
                shapes[c] = max(s, shapes[c])
        ready.append(t)
    operands = list(operands)
    for k, t in enumerate(ready):
        want = [shapes[c] for c in t]  # a size-1 dimension against a larger one is expanded
        x = operands[k] if list(operands[k].shape) == want else operands[k].expand(*want)
        for c in dict.fromkeys(t):
            while t.count(c) > 1:
                i, j = t.index(c), t.rindex(c)
                x = x.diagonal(0, i, j)
                t = t[:i] + t[i + 1 : j] + t[j + 1 :] + c
        operands[k], ready[k] = x, t
    if arrow:
        right = right.replace("...", dots)
        for c in right:
            if c not in shapes:
                raise RuntimeError(f"einsum(): output subscript {c} does not appear in the equation for any input operand")
            if right.count(c) > 1:
                raise RuntimeError(f"einsum(): output subscript {c} appears more than once in the output")
    else:
        counts = "".join(seen)
        right = dots + "".join(sorted(c for c in set(counts) if counts.count(c) == 1 and c not in dots))
    return ready, right, operands


@functools.lru_cache(256)
def _path(equation, shapes) -> tuple:
    """The order in which to contract more than two operands, two at a time, found greedily."""
    steps = np.einsum_path(equation, *(np.broadcast_to(np.float32(0), s) for s in shapes), optimize="greedy")[0][1:]
    return tuple(tuple(sorted(s, reverse=True)) for s in steps)


def einsum(*args):
    """Einstein's summation: the letters of the equation name dimensions; those missing on the right are summed over.

    `einsum("ij,jk->ik", a, b)` is the matrix product; without an arrow the letters that occur once remain, in order.
    Operands are contracted two at a time by matrix products, in a cheap order. RuntimeError where the equation doesn't fit.

    >>> import lightwell as torch
    >>> torch.einsum("ii", torch.eye(3))
    tensor(3.)
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list"
        )
    if not isinstance(args[0], str):  # einsum(a, [0, 1], b, [1, 2], [0, 2])

        def word(numbers):
            return "".join("..." if n is Ellipsis else _LETTERS[n] for n in numbers)

        operands, terms = list(args[0 : len(args) - len(args) % 2 : 2]), [word(t) for t in args[1::2]]
        equation = ",".join(terms) + ("->" + word(args[-1]) if len(args) % 2 else "")
    else:
        equation, operands = args[0], list(args[1:])
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = list(operands[0])
    terms, right, operands = _explicit(equation, operands)
    if len(operands) > 2:
        order = _path(",".join(terms) + "->" + right, tuple(x._a.shape for x in operands))
    else:
        order = ((1, 0),) * (len(operands) - 1)
    for places in order:
        picked = [(terms.pop(i), operands.pop(i)) for i in places][::-1]
        x, a = picked[0]
        for k in range(1, len(picked)):
            later = set(right).union(*terms, *(t for t, _ in picked[k + 1 :]))
            x, a = _contract(x, a, *picked[k], later)
        terms.append(x)
        operands.append(a)
    x, a = _summed_out(terms[0], operands[0], right, None)
    return a.permute([x.index(c) for c in right]) if x != right else a


def _summed_out(x, a, keep, dtype="same"):
    """(letters, tensor) without the letters that nothing else has."""
    lonely = [i for i, c in enumerate(x) if c not in keep]
    if lonely:
        a = a.sum(lonely, dtype=a.dtype if dtype else None)
        x = "".join(c for c in x if c in keep)
    return x, a


def _contract(x, a, y, b, later):
    """Two operands in one (letters, tensor): a batched matrix product, or where nothing is summed, a product of elements."""
    x, a = _summed_out(x, a, later.union(y))
    y, b = _summed_out(y, b, later.union(x))
    size = {**dict(zip(x, a._a.shape)), **dict(zip(y, b._a.shape))}
    batch = [c for c in x if c in y and c in later]
    summed = [c for c in x if c in y and c not in later]
    rows, columns = [c for c in x if c not in y], [c for c in y if c not in x]
    out = "".join(batch + rows + columns)
    if not summed:
        a, b = _ordered(x, a, batch + rows), _ordered(y, b, batch + columns)
        if columns and rows:
            b = b.reshape([size[c] for c in batch] + [1] * len(rows) + [size[c] for c in columns])
        if columns:
            a = a.reshape([size[c] for c in batch + rows] + [1] * len(columns))
        elif rows:
            b = b.reshape([size[c] for c in batch] + [1] * len(rows))
        return out, a * b

    def count(letters):
        return math.prod(size[c] for c in letters)

    lead, n = [size[c] for c in batch], count(summed)
    a, b = _ordered(x, a, batch + rows + summed), _ordered(y, b, batch + summed + columns)
    if len(rows) != 1 or len(summed) != 1:
        a = a.reshape(*lead, count(rows), n)
    if len(columns) != 1 or len(summed) != 1:
        b = b.reshape(*lead, n, count(columns))
    if len(batch) > 1:
        z = matmul(a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:])) if count(batch) else matmul(a, b)
    else:
        z = matmul(a, b)
    if len(batch) > 1 or len(rows) != 1 or len(columns) != 1:
        z = z.reshape([size[c] for c in out])
    return out, z


def _ordered(x, a, letters):
    """a with its dimensions x in the order `letters`."""
    order = [x.index(c) for c in letters]
    return a if order == list(range(len(order))) else a.permute(order)


def chain_matmul(*matrices, out=None):
    """The product of several matrices, multiplied in the cheapest order.

    >>> import lightwell as torch
    >>> torch.chain_matmul(torch.ones(1, 2), torch.ones(2, 3), torch.ones(3, 1))
    tensor([[6.]])
    """
    n = len(matrices)
    if not n:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    sizes = [matrices[0].shape[0]] + [m.shape[1] for m in matrices]
    best: dict = {(i, i): (0, None) for i in range(n)}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            best[i, j] = min((best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))

    def product(i, j):
        if i == j:
            return matrices[i]
        k = best[i, j][1]
        return mm(product(i, k), product(k + 1, j))

    return product(0, n - 1)
