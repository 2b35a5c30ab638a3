"""Ranges of numbers, index grids of triangles, and complex numbers from their parts."""

import builtins
import math

import numpy as np

from .. import dtypes
from ..errors.teaching import NotImplementedError, RuntimeError, TypeError
from ..tensor import Tensor
from .fresh import finish, np_dtype
from .precision import float32

__all__ = [
    "arange", "complex", "linspace", "logspace", "polar", "range", "tril_indices", "triu_indices", "vander",
]  # fmt: skip


def _number(v):
    return v.item() if isinstance(v, (Tensor, np.generic)) else v


def arange(start=0, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False) -> Tensor:
    """start, start + step, … below end: ⌈(end - start)/step⌉ numbers, integers where all arguments are.

    RuntimeError for a step of 0 or of the wrong sign.

    >>> import lightwell as torch
    >>> torch.arange(3), torch.arange(1, 2, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    if end is None:
        start, end = 0, start
    start, end, step = _number(start), _number(end), _number(step)
    for argument, v in (("start", start), ("end", end), ("step", step)):
        if isinstance(v, (str, list, tuple)) or v is None:
            raise TypeError(f"arange(): argument '{argument}' must be a number, not {type(v).__name__}")
    if step == 0:
        raise RuntimeError("arange(): step must be nonzero")
    if not abs(end - start) < math.inf:
        raise RuntimeError(f"unsupported range: {start} -> {end}: both ends must be finite")
    if (end - start) * step < 0:
        raise RuntimeError(f"upper bound and lower bound inconsistent with step sign: arange({start}, {end}, {step})")
    whole = all(isinstance(v, int) for v in (start, end, step))
    kind = np_dtype(dtype, (out.dtype if out is not None else dtypes.int64 if whole else None))
    if np.dtype(kind).kind in "bc":
        raise NotImplementedError(f'"arange" not implemented for {dtypes.from_np(kind)}: make integers and convert them with .to(dtype)')
    if whole:
        a = np.arange(start, end, step).astype(kind, copy=False)
    else:
        a = _steps(start, step, max(0, math.ceil((end - start) / step)), np.dtype(kind))
    t = finish(a, device, requires_grad)
    if out is not None:
        from .public import write_out

        return write_out("arange", out, t)
    return t


def range(start=0, end=None, step=1, *, dtype=None, device=None, requires_grad=False, out=None, layout=None) -> Tensor:
    """start, start + step, … up to and with end (deprecated in favour of arange)."""
    if end is None:
        start, end = 0, start
    n = int((end - start) / step) + 1
    return finish((start + np.arange(n) * step).astype(np_dtype(dtype)), device, requires_grad)


def linspace(start, end, steps, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False) -> Tensor:
    """`steps` numbers from start to end, both included, equally far apart.

    >>> import lightwell as torch
    >>> torch.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    start, end = _number(start), _number(end)
    if not isinstance(steps, (int, np.integer)):
        raise TypeError(f"linspace(): argument 'steps' must be int, not {type(steps).__name__}")
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    kind = np_dtype(dtype, dtypes.default_complex() if isinstance(start, builtins.complex) or isinstance(end, builtins.complex) else None)
    t = finish(_linspace(start, end, int(steps), kind), device, requires_grad)
    if out is not None:
        from .public import write_out

        return write_out("linspace", out, t)
    return t


def _linspace(start, end, steps, kind):
    """As PyTorch computes it: in the dtype itself, the first half from the start, the second from the end."""
    kind = np.dtype(kind)
    if steps == 1:
        return np.array([start], kind)
    if kind.kind in "iu":
        step = np.float64((end - start) / (steps - 1))
        i = np.arange(steps)
        return np.where(i < steps // 2, start + step * i, end - step * (steps - 1 - i)).astype(kind)
    work = kind if kind.kind in "fc" and kind.itemsize >= 4 else np.dtype(np.float32)
    first, last = np.asarray(start, work), np.asarray(end, work)
    step = (last - first) / np.asarray(max(steps - 1, 1), work)
    i = np.arange(steps).astype(work if work.kind == "f" else np.float64)
    half = steps // 2
    a = np.empty(steps, work)
    # PyTorch fuses multiply and add here: the product is not rounded before the sum.
    if work == np.float64:
        a[:half] = _fused(first, step, i[:half])
        a[half:] = _fused(last, -step, i[::-1][half:])
        return a
    wide = np.float64 if work == np.float32 else work
    a[:half] = (first.astype(wide) + step.astype(wide) * i[:half].astype(wide)).astype(work)
    a[half:] = (last.astype(wide) - step.astype(wide) * i[::-1][half:].astype(wide)).astype(work)
    return a.astype(kind, copy=False)


def _steps(start, step, n, kind):
    """start + i·step as PyTorch rounds it: in blocks of 32 bytes, each from its own first number, which is rounded itself."""
    i = np.arange(n, dtype=np.float64)
    if kind.kind != "f":
        return (start + i * step).astype(kind)
    a = _fused(np.float64(start), np.float64(step), i).astype(kind)
    width = max(32 // kind.itemsize, 1)
    whole = n - n % (2 * width)  # what is left over is computed number by number
    if kind.itemsize >= 4 and whole:
        first = a[:whole:width, None].astype(np.float64)
        a[:whole] = _fused(first, np.float64(step), i[:width]).astype(kind).reshape(-1)
    return a


def _fused(c, a, b):
    """c + a·b in float64 with one rounding: the product's own error (Dekker 1971) is added in."""
    p = a * b
    ah, bh = a * 134217729.0, b * 134217729.0  # 2²⁷ + 1 splits a number into halves of 26 bits
    ah, bh = ah - (ah - a), bh - (bh - b)
    lost = ((ah * bh - p) + ah * (b - bh) + (a - ah) * bh) + (a - ah) * (b - bh)
    s = c + p
    back = s - c
    return s + ((c - (s - back)) + (p - back) + lost)


def logspace(
    start, end, steps, base=10.0, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
) -> Tensor:
    """`steps` numbers from base^start to base^end, equally far apart in their logarithm.

    >>> import lightwell as torch
    >>> torch.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    kind = np.dtype(np_dtype(dtype))
    exponents = _linspace(_number(start), _number(end), int(steps), kind if kind.kind in "fc" else np.float64)
    wide = np.float64 if kind.kind == "f" else exponents.dtype  # powers are rounded once
    powers = np.power(np.asarray(base, exponents.dtype).astype(wide), exponents.astype(wide))
    return finish(powers.astype(kind), device, requires_grad)


def tril_indices(row, col, offset=0, *, dtype=None, device=None, layout=None) -> Tensor:
    """The row and column numbers of a matrix's lower triangle, as a 2×n tensor.

    >>> import lightwell as torch
    >>> torch.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return finish(np.stack(np.tril_indices(row, offset, col)).astype(np_dtype(dtype, dtypes.int64)), device, False)


def triu_indices(row, col, offset=0, *, dtype=None, device=None, layout=None) -> Tensor:
    """The row and column numbers of a matrix's upper triangle, as a 2×n tensor.

    >>> import lightwell as torch
    >>> torch.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    return finish(np.stack(np.triu_indices(row, offset, col)).astype(np_dtype(dtype, dtypes.int64)), device, False)


def vander(x, N=None, increasing=False) -> Tensor:
    """The Vandermonde matrix of a vector: its powers in columns.

    >>> import lightwell as torch
    >>> torch.vander(torch.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    n = x.shape[0] if N is None else N
    powers = arange(n) if increasing else arange(n - 1, -1, -1) if n else arange(0)
    return x.unsqueeze(1) ** powers.to(x.dtype if x.is_floating_point() else dtypes.int64)


def complex(real, imag, *, out=None) -> Tensor:
    """real + i·imag; RuntimeError where the dtypes differ or are no floats.

    >>> import lightwell as torch
    >>> torch.complex(torch.tensor([1.]), torch.tensor([2.]))
    tensor([1.+2.j])
    """
    if real.dtype is not imag.dtype:
        raise RuntimeError(f"Expected object of scalar type {real.dtype} but got scalar type {imag.dtype} for second argument")
    if real.dtype not in (dtypes.float16, dtypes.float32, dtypes.float64):
        raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {real.dtype} and {imag.dtype}")
    d = dtypes.complex128 if real.dtype is dtypes.float64 else dtypes.complex64
    return real.to(d) + imag.to(d) * 1j


@float32
def polar(abs, angle, *, out=None) -> Tensor:
    """abs·(cos angle + i·sin angle).

    >>> import lightwell as torch
    >>> torch.polar(torch.tensor([2.]), torch.tensor([0.]))
    tensor([2.+0.j])
    """
    return complex(abs * angle.cos(), abs * angle.sin())
