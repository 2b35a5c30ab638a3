"""Pooling in one, two and three dimensions: maxima, averages, power averages, adaptive forms, and maxima put back."""

from __future__ import annotations

import functools
import math

import numpy as np

from ...ops import pool as P
from ...tensor import wrap
from ._sizes import batched, positive, sizes, tensor, window_count

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices", "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d", "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices", "fractional_max_pool3d", "fractional_max_pool3d_with_indices", "lp_pool1d",
    "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices",
    "max_pool3d", "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
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
    return _geometry(
        op, n, space, _hashable(kernel), _hashable(stride), _hashable(padding), _hashable(dilation), bool(ceil_mode)
    )


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


def _with_indices(f):
    """`f` with its indices, under the name PyTorch gives that form."""

    def call(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        return f(input, kernel_size, stride, padding, dilation, ceil_mode, True)

    call.__name__ = call.__qualname__ = f.__name__ + "_with_indices"
    call.__doc__ = f"`{f.__name__}` with return_indices=True: the maxima and their places in the flattened space."
    return call


max_pool1d_with_indices = _with_indices(max_pool1d)
max_pool2d_with_indices = _with_indices(max_pool2d)
max_pool3d_with_indices = _with_indices(max_pool3d)


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


def _adaptive_size(op, value, space):
    """The output's size, None meaning the input's own."""
    n = len(space)
    value = (value,) * n if value is None or isinstance(value, int) else tuple(value)
    if len(value) == 1:
        value *= n
    if len(value) != n:
        raise RuntimeError(f"{op}(): output_size must be {n} ints, but got {list(value)}")
    value = tuple(s if v is None else int(v) for v, s in zip(value, space))
    if any(v < 0 for v in value):
        raise RuntimeError(f"{op}(): elements of output_size must be greater than or equal to 0, but got {list(value)}")
    if 0 in space:
        raise RuntimeError(f"{op}(): Expected input to have non-zero size for non-batch dimensions, but got {list(space)}")
    return value


def _bounds(n, out):
    """The windows of an adaptive pool: from ⌊o·n/out⌋ up to ⌈(o+1)·n/out⌉."""
    o = np.arange(out)
    return o * n // out, -(-(o + 1) * n // out)


def _adaptive_avg_pool(op, n, input, output_size):
    input, single = batched(op, input, n)
    space = input._a.shape[2:]
    out = _adaptive_size(op, output_size, space)
    if set(out) == {1}:
        y = input.mean(tuple(range(2, n + 2)), keepdim=True)
        return y.squeeze(0) if single else y
    if n == 1:
        input, space, out = input.unsqueeze(-2), (1, *space), (1, *out)
    plans = tuple((2 + a, m, _bounds(m, o), None) for a, (m, o) in enumerate(zip(space, out)) if m != o)
    y = P.RESAMPLING["adaptive_avg_pool3d" if n == 3 else "adaptive_avg_pool2d"](input, plans)
    if n == 1:
        y = y.squeeze(-2)
    return y.squeeze(0) if single else y


def adaptive_avg_pool1d(input, output_size):
    r"""Averages over `output_size` windows that cover L evenly, [⌊oL/L'⌋, ⌈(o+1)L/L'⌉): (N, C, L) to (N, C, L').

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_avg_pool1d(torch.tensor([[1., 2., 3., 4., 5.]]), 2)
    tensor([[2., 4.]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input, output_size):
    r"""Averages over windows that cover the input evenly: (N, C, H, W) to (N, C, *output_size); None keeps a size. See adaptive_avg_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_avg_pool2d(torch.arange(16.).reshape(1, 4, 4), (1, 2))
    tensor([[[6.5000, 8.5000]]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input, output_size):
    r"""Averages over windows that cover the input evenly: (N, C, D, H, W) to (N, C, *output_size). See adaptive_avg_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_avg_pool3d(torch.ones(1, 2, 5, 5, 5), 2).shape
    torch.Size([1, 2, 2, 2, 2])
    """
    return _adaptive_avg_pool("adaptive_avg_pool3d", 3, input, output_size)


def _places(a, starts, size):
    """For windows with corners `starts` (arrays, one per dimension) and own sizes: the flat place of each maximum."""
    out = tuple(len(s) for s in starts)
    space = a.shape[2:]
    index = np.empty((*a.shape[:2], *out), np.int64)
    for o in np.ndindex(*out):
        low = [s[i] for s, i in zip(starts, o)]
        box = a[(..., *[slice(b, b + k[i]) for b, k, i in zip(low, size, o)])]
        rows = box.reshape(*a.shape[:2], -1)
        where = rows.argmax(-1)
        if a.dtype.kind == "f" and np.isnan(rows).any():  # the last NaN wins, as in PyTorch
            nan = np.isnan(rows)
            where = np.where(nan.any(-1), rows.shape[-1] - 1 - nan[..., ::-1].argmax(-1), where)
        inside = np.unravel_index(where, box.shape[2:])
        flat = 0
        for b, i, m in zip(low, inside, space):
            flat = flat * m + b + i
        index[(..., *o)] = flat
    return index


def _adaptive_max_pool(op, n, input, output_size, return_indices):
    input, single = batched(op, input, n)
    space = input._a.shape[2:]
    out = _adaptive_size(op, output_size, space)
    bounds = [_bounds(m, o) for m, o in zip(space, out)]
    a = input._a.astype(np.float32) if input._a.dtype.num >= 256 else input._a
    index = wrap(_places(a, [s for s, _ in bounds], [e - s for s, e in bounds]))
    if n == 1:
        y = P.TAKES["adaptive_max_pool2d"](input.unsqueeze(-2), index.unsqueeze(-2)).squeeze(-2)
    else:
        y = P.TAKES[f"adaptive_max_pool{n}d"](input, index)
    if single:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def adaptive_max_pool1d(input, output_size, return_indices=False):
    r"""The largest values of `output_size` windows that cover L evenly: (N, C, L) to (N, C, L'). See adaptive_avg_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_max_pool1d(torch.tensor([[1., 2., 3., 4., 5.]]), 2)
    tensor([[3., 5.]])
    """
    return _adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    r"""The largest values of windows that cover the input evenly: (N, C, H, W) to (N, C, *output_size). See adaptive_avg_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_max_pool2d(torch.arange(16.).reshape(1, 4, 4), (1, 2))
    tensor([[[13., 15.]]])
    """
    return _adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input, output_size, return_indices=False):
    r"""The largest values of windows that cover the input evenly: (N, C, D, H, W) to (N, C, *output_size).

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_max_pool3d(torch.ones(1, 2, 5, 5, 5), 2).shape
    torch.Size([1, 2, 2, 2, 2])
    """
    return _adaptive_max_pool("adaptive_max_pool3d", 3, input, output_size, return_indices)


def _adaptive_with_indices(f):
    def call(input, output_size, return_indices=False):
        return f(input, output_size, True)

    call.__name__ = call.__qualname__ = f.__name__ + "_with_indices"
    call.__doc__ = f"`{f.__name__}` with return_indices=True: the maxima and their places in the flattened space."
    return call


adaptive_max_pool1d_with_indices = _adaptive_with_indices(adaptive_max_pool1d)
adaptive_max_pool2d_with_indices = _adaptive_with_indices(adaptive_max_pool2d)
adaptive_max_pool3d_with_indices = _adaptive_with_indices(adaptive_max_pool3d)


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
                raise ValueError(f"invalid output_size \"{output_size}\" (dim must be between {m - s} and {m + s})")
        space = tuple(int(w) for w in wanted)
    size = math.prod(space)
    found = indices._a
    if found.size and (found.min() < 0 or found.max() >= size):
        bad = found[(found < 0) | (found >= size)][0]
        raise RuntimeError(
            f"Found an invalid max index: {bad} (output volumes are of size {'x'.join(map(str, space))}) ({op}())"
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
    return input * wrap(keep.reshape(index.shape)).to(input.dtype)


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


def _fractional(op, n, input, kernel, output_size, output_ratio, return_indices, samples):
    """Maxima over windows whose starts step by irregular amounts (Graham, "Fractional max-pooling", 2014)."""
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{op} requires specifying either an output_size or an output_ratio, and only one of them")
    input, single = batched(op, input, n)
    space, kernel = input._a.shape[2:], sizes(op, "kernel_size", kernel, n)
    if output_size is None:
        ratio = (output_ratio,) * n if isinstance(output_ratio, (int, float)) else tuple(output_ratio)
        output_size = tuple(int(m * r) for m, r in zip(space, ratio))
    out = sizes(op, "output_size", output_size, n)
    for m, k, o in zip(space, kernel, out):
        if o + k - 1 > m:
            raise RuntimeError(f"{op}(): pool size ({k}) too large relative to input size ({m}) for output size {o}")
    count, channels = input._a.shape[:2]
    if samples is None:
        from ...ops.creation import empty

        samples = empty(count, channels, n, dtype=input.dtype).uniform_()
    u = samples._a
    a = input._a
    index = np.empty((count, channels, *out), np.int64)
    for i in range(count):
        for c in range(channels):
            starts = []
            for d in range(n):  # in two dimensions the width comes first, as in PyTorch
                m, k, o, r = space[d], kernel[d], out[d], u[i, c, d if n == 3 else 1 - d]
                alpha = u.dtype.type((m - k) / (o - 1)) if o > 1 else 0
                steps = ((np.arange(o, dtype=u.dtype) + r) * alpha).astype(np.int64) - int(r * alpha)
                steps[-1] = m - k
                starts.append(steps)
            index[i, c] = _places(a[i : i + 1, c : c + 1], starts, [np.full(o, k) for o, k in zip(out, kernel)])[0, 0]
    index = wrap(index)
    y = P.TAKES[f"fractional_max_pool{n}d"](input, index)
    if single:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def fractional_max_pool2d(
    input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
):
    r"""Maxima over windows whose starts step by random amounts: (N, C, H, W) to (N, C, *output_size).

    With u drawn from [0, 1) for each channel and dimension and α = (n - k)/(n' - 1), window o starts at ⌊α(o + u)⌋ - ⌊αu⌋,
    the last at n - k (Graham, "Fractional max-pooling", 2014). Give `output_size` or `output_ratio`, otherwise ValueError.

    >>> import lightwell as torch
    >>> torch.nn.functional.fractional_max_pool2d(torch.ones(1, 2, 9, 9), 3, output_size=(4, 5)).shape
    torch.Size([1, 2, 4, 5])
    """
    return _fractional(
        "fractional_max_pool2d", 2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )


def fractional_max_pool3d(
    input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
):
    r"""Maxima over windows whose starts step by random amounts: (N, C, D, H, W) to (N, C, *output_size). See fractional_max_pool2d.

    >>> import lightwell as torch
    >>> torch.nn.functional.fractional_max_pool3d(torch.ones(1, 2, 6, 6, 6), 2, output_ratio=0.5).shape
    torch.Size([1, 2, 3, 3, 3])
    """
    return _fractional(
        "fractional_max_pool3d", 3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )


def _fractional_with_indices(f):
    def call(input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None):
        return f(input, kernel_size, output_size, output_ratio, True, _random_samples)

    call.__name__ = call.__qualname__ = f.__name__ + "_with_indices"
    call.__doc__ = f"`{f.__name__}` with return_indices=True: the maxima and their places in the flattened space."
    return call


fractional_max_pool2d_with_indices = _fractional_with_indices(fractional_max_pool2d)
fractional_max_pool3d_with_indices = _fractional_with_indices(fractional_max_pool3d)
