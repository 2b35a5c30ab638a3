"""Discrete Fourier transforms of NumPy arrays: `xp.fft` of the vocabulary on the CPU.

`norm` is NumPy's: "backward" scales the inverse by 1/n, "forward" the forward transform, "ortho" both by 1/√n.
"""

import numpy as np


def c2c(x, axes, norm, inverse):
    """The transform over `axes`: Σ x·e^(-2πi·jk/n), e^(+2πi·jk/n) if `inverse`. x may be real."""
    if len(axes) == 1:
        return (np.fft.ifft if inverse else np.fft.fft)(x, axis=axes[0], norm=norm)
    return (np.fft.ifftn if inverse else np.fft.fftn)(x, axes=axes, norm=norm)


def r2c(x, axis, norm):
    """The first n//2 + 1 values of a real array's transform; the rest are their conjugates."""
    return np.fft.rfft(x, axis=axis, norm=norm)


def c2r(x, n, axis, norm):
    """The real array of length n whose transform begins with x: the inverse of `r2c`."""
    return np.fft.irfft(x, n, axis=axis, norm=norm)


def weights(n, axis, ndim, factor, dtype):
    """`factor` for the values of a half transform that stand for two, 1 for those that stand for one (0, and n/2 if n is even)."""
    w = np.full(n // 2 + 1, factor, dtype)
    w[0] = 1
    if n % 2 == 0:
        w[-1] = 1
    return w.reshape((-1,) + (1,) * (ndim - 1 - axis % ndim))


def weigh(x, n, axis, factor):
    """The half transform x, of length n//2 + 1 along `axis`, times its `weights`."""
    return x * weights(n, axis, x.ndim, factor, x.real.dtype)
