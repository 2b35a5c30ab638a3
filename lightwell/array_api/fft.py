"""The Fourier transform extension of the array API standard: https://data-apis.org/array-api/2024.12/extensions/fourier_transform_functions.html"""

from .. import fft as _fft
from ..errors import teaching as _teaching
from ._array import as_array as _as_array
from ._array import function as _function

__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft", "rfftfreq", "rfftn",
]  # fmt: skip


def _check(name, x, norm):
    if norm not in ("backward", "ortho", "forward"):
        raise _teaching.ValueError(f"{name}(): norm must be 'backward', 'ortho' or 'forward', got {norm!r}")
    if x.is_complex() and name in ("rfft", "ihfft", "rfftn"):
        raise _teaching.TypeError(f"{name}(): expected real numbers, got {x.dtype}: take real(x), or use fft")


def _along_one(name, doc):
    f = getattr(_fft, name)

    def call(x, /, *, n=None, axis=-1, norm="backward"):
        _check(name, x, norm)
        return f(x, n, axis, norm)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return _function(call)


def _along_many(name, doc):
    f = getattr(_fft, name)

    def call(x, /, *, s=None, axes=None, norm="backward"):
        _check(name, x, norm)
        return f(x, s, None if axes is None else tuple(axes), norm)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return _function(call)


fft = _along_one("fft", "Σₖ x[k]·e^(-2πi·jk/n) along `axis`, cut or filled with zeros to n; scaled by 1, 1/√n (ortho) or 1/n (forward).")
ifft = _along_one("ifft", "The inverse of `fft`.")
rfft = _along_one("rfft", "`fft` of real x: the n//2 + 1 terms that determine the others.")
irfft = _along_one("irfft", "The inverse of `rfft`: n real numbers, 2·(m - 1) of m terms unless given.")
hfft = _along_one("hfft", "`fft` of Hermitian x given by half: n real numbers.")
ihfft = _along_one("ihfft", "The inverse of `hfft`.")
fftn = _along_many("fftn", "`fft` along several axes: all of them, or the last len(s), unless given.")
ifftn = _along_many("ifftn", "The inverse of `fftn`.")
rfftn = _along_many("rfftn", "`rfft` along the last of the axes, `fft` along the others.")
irfftn = _along_many("irfftn", "The inverse of `rfftn`.")


def fftfreq(n, /, *, d=1.0, dtype=None, device=None):
    """The frequencies of the terms of `fft`, for samples d apart: 0, 1/(nd), … and the negative ones.

    >>> import lightwell.array_api as xp
    >>> xp.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    return _as_array(_fft.fftfreq(n, d, dtype=dtype, device=device))


def rfftfreq(n, /, *, d=1.0, dtype=None, device=None):
    """The frequencies of the terms of `rfft`, for samples d apart."""
    return _as_array(_fft.rfftfreq(n, d, dtype=dtype, device=device))


@_function
def fftshift(x, /, *, axes=None):
    """x with the term of frequency 0 moved to the middle along the axes (all, where None)."""
    return _fft.fftshift(x, axes)


@_function
def ifftshift(x, /, *, axes=None):
    """The inverse of `fftshift`."""
    return _fft.ifftshift(x, axes)
