"""torch.fft: discrete Fourier transforms of real and complex tensors, over one dimension or several, with their gradients."""

import math

import numpy as np

from . import dtypes
from .errors import refusing_all
from .errors.teaching import IndexError, RuntimeError, TypeError
from .ops.dims import one_axis
from .ops.fourier import fft_c2c_, fft_c2r_, fft_r2c_
from .ops.fresh import finish, np_dtype
from .ops.precision import lowering
from .ops.public import public
from .tensor import Tensor, wrap

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft",
    "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

_OTHER = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


# ---- arguments ----------------------------------------------------------------------------------------------------------


def _ready(name, x, real=False, complex_=False) -> Tensor:
    """x as floating-point numbers; complex if `complex_`; refused if complex and `real`."""
    if not isinstance(x, Tensor):
        raise TypeError(f"fft_{name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")
    if real and x.is_complex():
        raise RuntimeError(f"{name} expects a real input tensor, but got {x.dtype.tensor_type[:-6]}: take its .real, or use fft")
    d = x.dtype
    if not (d.is_floating_point or d.is_complex):
        x = x.to(dtypes.get_default_dtype())
    elif d.itemsize < 4 and not lowering():
        raise RuntimeError(f"Unsupported dtype {d.tensor_type[:-6]}: {name} takes float32, float64 and complex numbers; use .float()")
    if complex_ and not x.is_complex():
        x = x.to(dtypes.complex128 if x.dtype is dtypes.float64 else dtypes.complex64)
    return x


def _norm(name, norm) -> str:
    if norm is None:
        return "backward"
    if norm not in _OTHER:
        raise RuntimeError(f'Invalid normalization mode: "{norm}" in {name}(): give "forward", "backward" or "ortho"')
    return norm


def _sized(x, n, axis) -> Tensor:
    """x cut or filled with zeros to length n along `axis`."""
    had = x._a.shape[axis]
    if n == had:
        return x
    if n < had:
        return x.narrow(axis, 0, n)
    from .ops.join import cat

    return cat([x, wrap(np.zeros((*x._a.shape[:axis], n - had, *x._a.shape[axis + 1 :]), x._a.dtype))], axis)


def _length(n) -> int:
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified: n must be at least 1")
    return int(n)


def _one(name, x, n, dim):
    """x at the length asked for, and the axis."""
    axis = one_axis(x, dim, name)
    if not x.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions: {name}() takes at least one")
    return _sized(x, _length(x._a.shape[axis] if n is None else n), axis), axis


def _many(name, x, s, dim, last_from_half=False):
    """(sizes, axes) of a transform over several dimensions; the last size is for the real side if `last_from_half`."""
    if dim is not None:
        axes = [one_axis(x, d, name) for d in ((dim,) if isinstance(dim, int) else dim)]
        if len(set(axes)) != len(axes):
            raise RuntimeError(f"FFT dims must be unique: {name}() got dim={list(dim)}")
    s = (s,) if isinstance(s, int) else s
    if s is not None:
        if dim is None:
            if len(s) > x.ndim:
                raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {x.ndim} dimensions.")
            axes = list(range(x.ndim - len(s), x.ndim))
        elif len(s) != len(axes):
            raise RuntimeError(
                f"When dim and shape were both given, they must have the same length: {name}() got s={list(s)}, dim={list(dim)}"
            )
    elif dim is None:
        axes = list(range(x.ndim))
    sizes = [x._a.shape[a] for a in axes]
    if last_from_half and axes:
        sizes[-1] = 2 * (sizes[-1] - 1)
    if s is not None:
        sizes = [had if want == -1 else want for had, want in zip(sizes, s)]
    return [_length(n) for n in sizes], axes


def _last(name, axes):
    if not axes:
        raise RuntimeError(f"{name} must transform at least one axis")


# ---- one dimension --------------------------------------------------------------------------------------------------------


@public(method=False)
def fft(input, n=None, dim=-1, norm=None) -> Tensor:
    """yₖ = Σⱼ xⱼ·e^(-2πi·jk/n): the discrete Fourier transform along one dimension, cut or filled with zeros to length n.

    norm "forward" divides by n, "ortho" by √n, "backward" (the default) not at all. RuntimeError: float16, n < 1, another norm.

    >>> import lightwell as torch
    >>> torch.fft.fft(torch.tensor([1., 0., 0.]))
    tensor([1.+0.j, 1.+0.j, 1.+0.j])
    """
    x, axis = _one("fft", _ready("fft", input), n, dim)
    return fft_c2c_(x, (axis,), _norm("fft", norm), False, not x.is_complex())


@public(method=False)
def ifft(input, n=None, dim=-1, norm=None) -> Tensor:
    """xⱼ = 1/n·Σₖ yₖ·e^(2πi·jk/n): the inverse of `fft`; norm "forward" doesn't divide, "ortho" by √n.

    >>> import lightwell as torch
    >>> torch.fft.ifft(torch.tensor([1., 1., 1.]))
    tensor([1.+0.j, 0.+0.j, 0.+0.j])
    """
    x, axis = _one("ifft", _ready("ifft", input), n, dim)
    return fft_c2c_(x, (axis,), _norm("ifft", norm), True, not x.is_complex())


@public(method=False)
def rfft(input, n=None, dim=-1, norm=None) -> Tensor:
    """The first n//2 + 1 values of a real signal's `fft`: the others are their conjugates. RuntimeError: complex input.

    >>> import lightwell as torch
    >>> torch.fft.rfft(torch.tensor([1., 1., 1., 1.]))
    tensor([4.+0.j, 0.+0.j, 0.+0.j])
    """
    x, axis = _one("rfft", _ready("rfft", input, real=True), n, dim)
    return fft_r2c_(x, axis, _norm("rfft", norm))


@public(method=False)
def irfft(input, n=None, dim=-1, norm=None) -> Tensor:
    """The real signal of length n whose `rfft` is the input: n is 2·(length - 1) unless given, so give it where it was odd.

    >>> import lightwell as torch
    >>> torch.fft.irfft(torch.tensor([4., 0., 0.]))
    tensor([1., 1., 1., 1.])
    """
    return _c2r("irfft", input, n, dim, _norm("irfft", norm))


def _c2r(name, input, n, dim, norm):
    x = _ready(name, input, complex_=True)
    axis = one_axis(x, dim, name)
    n = _length(2 * (x._a.shape[axis] - 1) if n is None else n)
    return fft_c2r_(_sized(x, n // 2 + 1, axis), n, axis, norm)


@public(method=False)
def hfft(input, n=None, dim=-1, norm=None) -> Tensor:
    """The real transform of a Hermitian signal (xₙ₋ⱼ = xⱼ*), given by its first half; n is 2·(length - 1) unless given.

    >>> import lightwell as torch
    >>> torch.fft.hfft(torch.tensor([1., 1., 1.]))
    tensor([4., 0., 0., 0.])
    """
    x = _ready("hfft", input, complex_=True)
    return _c2r("hfft", x.conj(), n, dim, _OTHER[_norm("hfft", norm)])


@public(method=False)
def ihfft(input, n=None, dim=-1, norm=None) -> Tensor:
    """The first half of the Hermitian signal whose transform is the real input: the inverse of `hfft`.

    >>> import lightwell as torch
    >>> torch.fft.ihfft(torch.tensor([4., 0., 0., 0.]))
    tensor([1.-0.j, 1.-0.j, 1.-0.j])
    """
    x, axis = _one("ihfft", _ready("ihfft", input, real=True), n, dim)
    return fft_r2c_(x, axis, _OTHER[_norm("ihfft", norm)]).conj()


# ---- several dimensions ---------------------------------------------------------------------------------------------------


def _c2c(name, input, s, dim, norm, inverse):
    x = _ready(name, input)
    sizes, axes = _many(name, x, s, dim)
    for n, a in zip(sizes, axes):
        x = _sized(x, n, a)
    if not axes:
        return _ready(name, x, complex_=True)
    return fft_c2c_(x, tuple(axes), _norm(name, norm), inverse, not x.is_complex())


@public(method=False)
def fftn(input, s=None, dim=None, norm=None) -> Tensor:
    """`fft` over the dimensions `dim` (all, or as many last ones as s has sizes), each cut or filled to its size in s.

    >>> import lightwell as torch
    >>> torch.fft.fftn(torch.ones(2, 2))
    tensor([[4.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _c2c("fftn", input, s, dim, norm, False)


@public(method=False)
def ifftn(input, s=None, dim=None, norm=None) -> Tensor:
    """The inverse of `fftn`."""
    return _c2c("ifftn", input, s, dim, norm, True)


@public(method=False)
def fft2(input, s=None, dim=(-2, -1), norm=None) -> Tensor:
    """`fftn` over two dimensions, the last two by default.

    >>> import lightwell as torch
    >>> torch.fft.fft2(torch.ones(2, 2))
    tensor([[4.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _c2c("fft2", input, s, dim, norm, False)


@public(method=False)
def ifft2(input, s=None, dim=(-2, -1), norm=None) -> Tensor:
    """The inverse of `fft2`.

    >>> import lightwell as torch
    >>> torch.fft.ifft2(torch.ones(2, 2))
    tensor([[1.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _c2c("ifft2", input, s, dim, norm, True)


def _rfftn(name, input, s, dim, norm):
    x = _ready(name, input, real=True)
    sizes, axes = _many(name, x, s, dim)
    _last(name, axes)
    norm = _norm(name, norm)
    for n, a in zip(sizes, axes):
        x = _sized(x, n, a)
    y = fft_r2c_(x, axes[-1], norm)
    return fft_c2c_(y, tuple(axes[:-1]), norm, False, False) if len(axes) > 1 else y


@public(method=False)
def rfftn(input, s=None, dim=None, norm=None) -> Tensor:
    """`fftn` of a real tensor: along the last transformed dimension only the first n//2 + 1 values.

    >>> import lightwell as torch
    >>> torch.fft.rfftn(torch.ones(2, 2))
    tensor([[4.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _rfftn("rfftn", input, s, dim, norm)


@public(method=False)
def rfft2(input, s=None, dim=(-2, -1), norm=None) -> Tensor:
    """`rfftn` over two dimensions, the last two by default.

    >>> import lightwell as torch
    >>> torch.fft.rfft2(torch.ones(2, 2))
    tensor([[4.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _rfftn("rfft2", input, s, dim, norm)


def _half_to_real(name, input, s, dim, norm, hermitian):
    """irfftn, or hfftn: the same with conjugated input and the other sign and scale."""
    x = _ready(name, input, complex_=True)
    sizes, axes = _many(name, x, s, dim, last_from_half=True)
    _last(name, axes)
    norm = _norm(name, norm)
    for n, a in zip(sizes[:-1], axes[:-1]):
        x = _sized(x, n, a)
    x = _sized(x, sizes[-1] // 2 + 1, axes[-1])
    if len(axes) > 1:
        x = fft_c2c_(x, tuple(axes[:-1]), norm, not hermitian, False)
    if hermitian:
        return fft_c2r_(x.conj(), sizes[-1], axes[-1], _OTHER[norm])
    return fft_c2r_(x, sizes[-1], axes[-1], norm)


@public(method=False)
def irfftn(input, s=None, dim=None, norm=None) -> Tensor:
    """The inverse of `rfftn`: real; the last size is 2·(length - 1) unless s says it."""
    return _half_to_real("irfftn", input, s, dim, norm, False)


@public(method=False)
def irfft2(input, s=None, dim=(-2, -1), norm=None) -> Tensor:
    """The inverse of `rfft2`."""
    return _half_to_real("irfft2", input, s, dim, norm, False)


@public(method=False)
def hfftn(input, s=None, dim=None, norm=None) -> Tensor:
    """The real transform of a tensor Hermitian in its last transformed dimension, given by that dimension's first half."""
    return _half_to_real("hfftn", input, s, dim, norm, True)


@public(method=False)
def hfft2(input, s=None, dim=(-2, -1), norm=None) -> Tensor:
    """`hfftn` over two dimensions, the last two by default."""
    return _half_to_real("hfft2", input, s, dim, norm, True)


def _ihfftn(name, input, s, dim, norm):
    x = _ready(name, input, real=True)
    sizes, axes = _many(name, x, s, dim)
    _last(name, axes)
    norm = _norm(name, norm)
    for n, a in zip(sizes, axes):
        x = _sized(x, n, a)
    y = fft_r2c_(x, axes[-1], _OTHER[norm]).conj()
    return fft_c2c_(y, tuple(axes[:-1]), norm, True, False) if len(axes) > 1 else y


@public(method=False)
def ihfftn(input, s=None, dim=None, norm=None) -> Tensor:
    """The inverse of `hfftn`: of a real tensor, the first half in the last transformed dimension."""
    return _ihfftn("ihfftn", input, s, dim, norm)


@public(method=False)
def ihfft2(input, s=None, dim=(-2, -1), norm=None) -> Tensor:
    """The inverse of `hfft2`."""
    return _ihfftn("ihfft2", input, s, dim, norm)


# ---- frequencies and shifts -------------------------------------------------------------------------------------------------


def _frequencies(name, k, n, d, out, dtype, device, requires_grad):
    kind = np.dtype(np_dtype(dtype))
    if kind.kind not in "fc" and kind.num < 256:
        raise RuntimeError(f"{name} requires a floating point or complex dtype, got {dtype}")
    t = finish((k * np.asarray(1 / (n * d), kind if kind.num < 256 else np.float32)).astype(kind), device, requires_grad)
    if out is not None:
        from .ops.public import write_out

        return write_out(name, out, t)
    return t


def fftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False) -> Tensor:
    """The frequencies 0, 1, …, -2, -1 over n·d that `fft`'s values belong to, for samples d apart.

    >>> import lightwell as torch
    >>> torch.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    k = np.arange(n)
    return _frequencies("fftfreq", np.where(k < (n + 1) // 2, k, k - n), n, d, out, dtype, device, requires_grad)


def rfftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False) -> Tensor:
    """The frequencies 0, 1, …, n//2 over n·d that `rfft`'s values belong to.

    >>> import lightwell as torch
    >>> torch.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    return _frequencies("rfftfreq", np.arange(n // 2 + 1), n, d, out, dtype, device, requires_grad)


def _shifted(input, dim, half):
    dims = tuple(range(input.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    return input.roll(tuple(half(input.shape[d]) for d in dims), dims) if dims else input.clone()


def fftshift(input, dim=None) -> Tensor:
    """The values along `dim` (all dimensions) turned so that frequency 0 stands in the middle.

    >>> import lightwell as torch
    >>> torch.fft.fftshift(torch.tensor([0, 1, 2, -2, -1]))
    tensor([-2, -1,  0,  1,  2])
    """
    return _shifted(input, dim, lambda n: n // 2)


def ifftshift(input, dim=None) -> Tensor:
    """The inverse of `fftshift`.

    >>> import lightwell as torch
    >>> torch.fft.ifftshift(torch.tensor([-2, -1, 0, 1, 2]))
    tensor([ 0,  1,  2, -2, -1])
    """
    return _shifted(input, dim, lambda n: math.ceil(n / 2))


refusing_all(globals(), __all__)
