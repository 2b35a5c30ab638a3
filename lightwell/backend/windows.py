"""Windows into arrays (N, C, *space): what convolution and pooling see, without copying, and the adjoint that adds them up."""

import itertools

import numpy as np

from .moving import window


def outputs(space, kernel, stride, padding, dilation) -> tuple:
    """How many windows fit along each dimension: ⌊(n + 2p - d(k-1) - 1)/s⌋ + 1."""
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(space, kernel, stride, padding, dilation))


def windows(x, kernel, stride, dilation):
    """(N, C, *space) to (N, C, *out, *kernel), sharing memory: y[n, c, o, k] = x[n, c, o·stride + k·dilation]."""
    out = tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation))
    shape = x.shape[:2] + out + tuple(kernel)
    if 0 in shape or not x.size:
        return np.empty(shape, x.dtype)
    steps = x.strides
    space = steps[2:]
    strides = steps[:2] + tuple(a * s for a, s in zip(space, stride)) + tuple(a * d for a, d in zip(space, dilation))
    return window(x, shape, strides)


def taps(kernel, stride, dilation, out):
    """For each position in the kernel, itself and the slices of space that it sees."""
    for k in itertools.product(*[range(n) for n in kernel]):
        yield k, tuple(slice(i * d, i * d + (o - 1) * s + 1, s) for i, s, d, o in zip(k, stride, dilation, out))


def unwindow(y, space, stride, dilation):
    """The adjoint of `windows`: (N, C, *out, *kernel) to (N, C, *space), overlapping windows added up."""
    n = len(space)
    out, kernel = y.shape[2 : 2 + n], y.shape[2 + n :]
    x = np.zeros(y.shape[:2] + tuple(space), y.dtype)
    if not y.size:
        return x
    if y.dtype.num >= 256 or y.dtype.char == "e":
        return unwindow(y.astype(np.float32), space, stride, dilation).astype(y.dtype)
    for k, at in taps(kernel, stride, dilation, out):
        x[(..., *at)] += y[(..., *k)]
    return x


def padded(x, padding, value=0, buffer=None):
    """x with `padding` places of `value` at both ends of each spatial dimension (x itself where there is none)."""
    if not any(padding):
        return x
    if buffer is None:
        shape = x.shape[:2] + tuple(n + 2 * p for n, p in zip(x.shape[2:], padding))
        buffer = np.zeros(shape, x.dtype) if value == 0 else np.full(shape, value, x.dtype)
    else:
        buffer = buffer[: len(x)]
    buffer[inner(x.shape[2:], padding)] = x
    return buffer


def inner(space, padding) -> tuple:
    """The key of the unpadded part of a padded array."""
    return (Ellipsis, *[slice(p, p + n) for n, p in zip(space, padding)])
