"""Pooling over a sliding window in one, two and three dimensions: maxima, averages, power averages, and maxima put back."""

from __future__ import annotations

import functools
import inspect
import math

import numpy as np

from ...errors.teaching import NotImplementedError, RuntimeError, ValueError
from ...ops import pool as P
from ...tensor import wrap
from ._sizes import batched, positive, sizes, tensor, window_count

__all__ = [
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool1d_with_indices",
    "max_pool2d", "max_pool2d_with_indices", "max_pool3d", "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip


@functools.lru_cache(256)
def _geometry(op, n, space, kernel, stride, padding, dilation, ceil_mode):
    """Kernel, stride, padding, dilation as tuples, and the output's size; checked."""
    kernel = sizes(op, "kernel_size", kernel, n)
    stride = kernel if stride is None or stride == () else sizes(op, "stride", stride, n)
    padding, dilation = sizes(op, "padding", padding, n), sizes(op, "dilation", dilation, n)
    positive(op, "kernel_size", kernel)
    positive(op, "stride", stride)
    positive(op, "dilation", dilation)
    for k, p, d in zip(kernel, padding, dilation):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p} ({op}())")
        if p > ((k - 1) * d + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and dilation={d} ({op}())"
            )
    out = tuple(window_count(*at, ceil_mode) for at in zip(space, kernel, stride, padding, dilation))
    if any(o <= 0 for o in out):
        raise RuntimeError(
            f"Given input size per channel: {space}. Calculated output size per channel: {out}. Output size is too small: {op}() "
            f"has kernel_size {kernel}; pad the input, or take a smaller kernel."
        )
    return kernel, stride, padding, dilation, out


def _hashable(v):
    return v if v is None or type(v) is int or type(v) is tuple else tuple(v) if hasattr(v, "__iter__") else v


def _setting(op, n, input, kernel, stride, padding, dilation, ceil_mode):
    space = input._a.shape[2:]
    if 0 in space or 0 in input._a.shape[1:2]:
        raise RuntimeError(f"{op}(): expected input to have non-zero sizes but for the batch, but got {list(input.shape)}")
    if input._a.dtype.kind == "b":
        raise NotImplementedError(f'"{op}" not implemented for torch.bool: convert it first, with .float()')
    return _geometry(op, n, space, _hashable(kernel), _hashable(stride), _hashable(padding), _hashable(dilation), bool(ceil_mode))


def _max_pool(op, n, input, kernel, stride, padding, dilation, ceil_mode, places):
    input, single = batched(op, input, n)
    kernel, stride, padding, dilation, out = _setting(op, n, input, kernel, stride, padding, dilation, ceil_mode)
    if n == 1:  # two dimensions, of which the first has size 1
        input, out = input.unsqueeze(-2), (1, *out)
        kernel, stride, padding, dilation = (1, *kernel), (1, *stride), (0, *padding), (1, *dilation)
    if places:
        run = P.max_pool3d_with_indices_ if n == 3 else P.max_pool2d_with_indices_
        found = run(input, kernel, stride, padding, dilation, out)
    else:
        run = P.max_pool3d_ if n == 3 else P.max_pool2d_
        found = (run(input, kernel, stride, padding, dilation, out),)
    if n == 1:
        found = tuple(f.squeeze(-2) for f in found)
    if single:
        found = tuple(f.squeeze(0) for f in found)
    return found if places else found[0]


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    r"""The largest value of each window: (N, C, L) or (C, L) to (N, C, L'), L' = ⌊(L + 2·padding - dilation·(k-1) - 1)/stride⌋ + 1.

    `stride` defaults to the kernel size; `ceil_mode` rounds up; NaN wins. With `return_indices` also the places of the
    maxima (of equal ones the first). RuntimeError where the padding exceeds half the kernel or no window fits.

    >>> import lightwell as torch
    >>> torch.nn.functional.max_pool1d(torch.tensor([[1., 3., 2., 5.]]), 2)
    tensor([[3., 5.]])
    """
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    r"""The largest value of each window: (N, C, H, W) or (C, H, W) to (N, C, H', W'). See max_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.max_pool2d(torch.arange(16.).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    r"""The largest value of each window: (N, C, D, H, W) or (C, D, H, W) to (N, C, D', H', W'). See max_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.max_pool3d(torch.zeros(1, 2, 4, 4, 4), 2).shape
    torch.Size([1, 2, 2, 2, 2])
    """
    return _max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def with_indices(f):
    """`f` with its indices, under the name PyTorch gives that form."""
    at = inspect.unwrap(f).__code__.co_varnames.index("return_indices")

    def call(*args, **kwargs):
        if len(args) > at:
            return f(*args[:at], True, *args[at + 1 :], **kwargs)
        return f(*args, **{**kwargs, "return_indices": True})

    call.__name__ = call.__qualname__ = f.__name__ + "_with_indices"
    call.__doc__ = f"`{f.__name__}` with return_indices=True: the maxima and their places in the flattened space."
    return call


max_pool1d_with_indices = with_indices(max_pool1d)
max_pool2d_with_indices = with_indices(max_pool2d)
max_pool3d_with_indices = with_indices(max_pool3d)


@functools.lru_cache(256)
def _divisors(space, kernel, stride, padding, out, include):
    """How many places each window counts: one number where all agree."""
    counts = []
    for n, k, s, p, o in zip(space, kernel, stride, padding, out):
        start = np.arange(o) * s - p
        stop = np.minimum(start + k, n + p)
        if not include:
            start, stop = np.maximum(start, 0), np.minimum(stop, n)
        counts.append(stop - start)
    total = functools.reduce(np.multiply.outer, counts)
    return int(total.flat[0]) if (total == total.flat[0]).all() else total


def _avg_pool(op, n, input, kernel, stride, padding, ceil_mode, include, divisor):
    input, single = batched(op, input, n)
    kernel, stride, padding, _, out = _setting(op, n, input, kernel, stride, padding, 1, ceil_mode)
    if divisor is None:
        divisor = _divisors(input._a.shape[2:], kernel, stride, padding, out, bool(include))
    elif divisor == 0:
        raise RuntimeError(f"{op}(): divisor must be not zero")
    if n == 1:
        input, kernel, stride, padding, out = input.unsqueeze(-2), (1, *kernel), (1, *stride), (0, *padding), (1, *out)
    y = (P.avg_pool3d_ if n == 3 else P.avg_pool2d_)(input, kernel, stride, padding, out, divisor)
    if n == 1:
        y = y.squeeze(-2)
    return y.squeeze(0) if single else y


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    r"""The average of each window: (N, C, L) or (C, L) to (N, C, L'), L' = ⌊(L + 2·padding - k)/stride⌋ + 1.

    `count_include_pad` counts the zeros of the padding. RuntimeError where the padding exceeds half the kernel or no
    window fits.

    >>> import lightwell as torch
    >>> torch.nn.functional.avg_pool1d(torch.tensor([[1., 3., 2., 6.]]), 2)
    tensor([[2., 4.]])
    """
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    r"""The average of each window: (N, C, H, W) or (C, H, W) to (N, C, H', W'); `divisor_override` divides the sums instead. See avg_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.avg_pool2d(torch.arange(16.).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    return _avg_pool("avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    r"""The average of each window: (N, C, D, H, W) or (C, D, H, W) to (N, C, D', H', W'). See avg_pool2d.

    >>> import lightwell as torch
    >>> torch.nn.functional.avg_pool3d(torch.ones(1, 2, 4, 4, 4), 2).shape
    torch.Size([1, 2, 2, 2, 2])
    """
    return _avg_pool("avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _lp_pool(op, n, input, p, kernel, stride, ceil_mode):
    """(Σ xᵖ)^(1/p) over windows, as PyTorch has it: the sign of the sum is kept off the root."""
    kernel = sizes(op, "kernel_size", kernel, n)
    count = math.prod(kernel)
    powers = input.pow(p)
    mean = avg_pool1d if n == 1 else avg_pool2d if n == 2 else avg_pool3d
    y = mean(powers, kernel, stride, 0, ceil_mode)
    return (y.sign() * y.abs()).mul(count).pow(1.0 / p)


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    r"""The p-norm of each window, (Σ xᵖ)^(1/p) with p = `norm_type`: (N, C, L) or (C, L) to (N, C, L').

    >>> import lightwell as torch
    >>> torch.nn.functional.lp_pool1d(torch.tensor([[3., 4., 6., 8.]]), 2, 2)
    tensor([[ 5., 10.]])
    """
    return _lp_pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    r"""The p-norm of each window, (Σ xᵖ)^(1/p) with p = `norm_type`: (N, C, H, W) to (N, C, H', W').

    >>> import lightwell as torch
    >>> torch.nn.functional.lp_pool2d(torch.ones(1, 2, 2), 2, 2)
    tensor([[[2.]]])
    """
    return _lp_pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    r"""The p-norm of each window, (Σ xᵖ)^(1/p) with p = `norm_type`: (N, C, D, H, W) to (N, C, D', H', W').

    >>> import lightwell as torch
    >>> torch.nn.functional.lp_pool3d(torch.ones(1, 2, 2, 2), 3, 2)
    tensor([[[[2.]]]])
    """
    return _lp_pool("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)


def _max_unpool(op, n, input, indices, kernel, stride, padding, output_size):
    tensor(op, "input", 1, input)
    tensor(op, "indices", 2, indices)
    if indices._a.dtype != np.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype} ({op}())")
    if indices._a.shape != input._a.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but got indices tensor with "
            f"shape: {list(indices.shape)} ({op}())"
        )
    input, single = batched(op, input, n)
    if single:
        indices = indices.unsqueeze(0)
    kernel = sizes(op, "kernel_size", kernel, n)
    stride = kernel if stride is None else sizes(op, "stride", stride, n)
    padding = sizes(op, "padding", padding, n)
    space = tuple((m - 1) * s + k - 2 * p for m, k, s, p in zip(input._a.shape[2:], kernel, stride, padding))
    if output_size is not None:
        wanted = tuple(output_size)[-n:] if len(output_size) in (n, n + 1, n + 2) else None
        if wanted is None:
            raise ValueError(
                f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a length of '{len(output_size)}'"
            )
        for w, m, s in zip(wanted, space, stride):
            if not m - s < w < m + s:
                raise ValueError(f'invalid output_size "{output_size}" (dim must be between {m - s} and {m + s})')
        space = tuple(int(w) for w in wanted)
    size = math.prod(space)
    found = indices._a
    if found.size and (found.min() < 0 or found.max() >= size):
        bad = found[(found < 0) | (found >= size)][0]
        raise RuntimeError(
            f"Found an invalid max index: {bad} (allowed are 0 to {math.prod(space) - 1}, output volumes are of size {'x'.join(map(str, space))}) ({op}())"
        )
    y = P.TAKES[f"max_unpool{max(n, 2)}d"](_last_of_each(input, found), indices, space)
    return y.squeeze(0) if single else y


def _last_of_each(input, index):
    """`input` with all but the last of the values that share a place set to 0: the last one written stays."""
    flat = index.reshape(-1, math.prod(index.shape[2:]))
    order = np.argsort(flat, axis=1, kind="stable")
    run = np.take_along_axis(flat, order, 1)
    again = run[:, :-1] == run[:, 1:]
    if not again.any():
        return input
    keep = np.ones(flat.shape, bool)
    np.put_along_axis(keep, order[:, :-1], ~again, 1)
    return input - (input * wrap(~keep.reshape(index.shape)).to(input.dtype)).detach()


def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    r"""Each value put back at its place of max_pool1d, zeros elsewhere: (N, C, L) to (N, C, (L-1)·stride - 2·padding + k).

    `output_size` chooses among the sizes that pool to L. RuntimeError for an index outside, ValueError for another size.

    >>> import lightwell as torch
    >>> F = torch.nn.functional
    >>> F.max_unpool1d(*F.max_pool1d(torch.tensor([[1., 3., 5., 2.]]), 2, return_indices=True), 2)
    tensor([[0., 3., 5., 0.]])
    """
    return _max_unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    r"""Each value put back at its place of max_pool2d, zeros elsewhere: (N, C, H, W) to (N, C, H', W'). See max_unpool1d.

    >>> import lightwell as torch
    >>> F = torch.nn.functional
    >>> F.max_unpool2d(*F.max_pool2d(torch.arange(4.).reshape(1, 2, 2), 2, return_indices=True), 2)
    tensor([[[0., 0.],
             [0., 3.]]])
    """
    return _max_unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    r"""Each value put back at its place of max_pool3d, zeros elsewhere: (N, C, D, H, W) to (N, C, D', H', W'). See max_unpool1d.

    >>> import lightwell as torch
    >>> F = torch.nn.functional
    >>> F.max_unpool3d(*F.max_pool3d(torch.ones(1, 1, 4, 4, 4), 2, return_indices=True), 2).shape
    torch.Size([1, 1, 4, 4, 4])
    """
    return _max_unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)
