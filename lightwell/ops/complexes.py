"""Complex numbers: modulus, argument, parts, conjugate."""

import numpy as np

from .. import dtypes
from ..errors.teaching import NotImplementedError, RuntimeError
from ..tensor import Tensor, wrap
from .op import op
from .precision import float32
from .public import public
from .unary import as_float, example, unary

__all__ = ["angle", "conj", "conj_physical", "imag", "is_conj", "is_neg", "isreal", "real", "resolve_conj", "resolve_neg",
           "view_as_complex", "view_as_real"]  # fmt: skip


@op
class abs_:
    r"""y = |x|.   d|x|/dx = sgn x; for complex x = r·e^(iφ), dr in the direction of e^(iφ) = sgn x:   gx = gy·sgn x."""

    conj_aware = True

    def forward(xp, x):
        return xp.abs(x)

    def grad_x(xp, gy, x):
        return gy * xp.sgn(x)


@op
class sgn_:
    r"""y = x/|x|, 0 at 0.   Real: gx = 0.   Complex: only a turn changes y:   gx = (gy - y·Re(gy·y*))/|x|, 0 at 0."""

    conj_aware = True

    def forward(xp, x):
        return xp.sgn(x)

    def grad_x(xp, gy, x):
        if xp.asarray(x).dtype not in COMPLEX:
            return xp.zeros_like(gy)
        r = xp.abs(x)
        safe = xp.where(r == 0, xp.ones_like(r), r)
        y = x / safe
        g = (gy - y * xp.real(gy * xp.conj(y))) / safe
        return xp.where(r == 0, xp.zeros_like(g), g)


COMPLEX = (dtypes.complex64, dtypes.complex128, np.dtype(np.complex64), np.dtype(np.complex128))


@op
class angle_:
    r"""y = arg x.   Real: gx = 0.   Complex: dy/dx is 1/|x| at a right angle to x:   gx = gy·i·x/|x|², 0 at 0."""

    floats = True
    conj_aware = True

    def forward(xp, x):
        return xp.angle(x)

    def grad_x(xp, gy, x):
        if xp.asarray(x).dtype not in COMPLEX:
            return xp.zeros_like(gy)
        r = xp.abs(x)
        safe = xp.where(r == 0, xp.ones_like(r), r)
        return gy * (x * 1j / safe / safe)


@op
class real_:
    r"""y = Re x, a view.   gx = gy + 0i."""

    view = conj_aware = True

    def forward(xp, x):
        return xp.real(x)

    def grad_x(xp, gy):
        return gy * (1 + 0j)


@op
class imag_:
    r"""y = Im x, a view.   gx = i·gy."""

    view = conj_aware = True

    def forward(xp, x):
        return xp.imag(x)

    def grad_x(xp, gy):
        return gy * 1j


@op
class conj_:
    r"""y = x*, the complex conjugate.   gx = gy*."""

    conj_aware = True

    def forward(xp, x):
        return xp.conj(x)

    def grad_x(xp, gy):
        return xp.conj(gy)


@op
class view_as_real_:
    r"""y = (Re x, Im x) along a new last dimension, sharing memory.   gx = gy[…, 0] + i·gy[…, 1]."""

    view = conj_aware = True

    def forward(xp, x):
        return xp.view_as_real(x)

    def grad_x(xp, gy):
        return xp.view_as_complex(gy)


@op
class view_as_complex_:
    r"""y = x[…, 0] + i·x[…, 1], sharing memory.   gx = (Re gy, Im gy)."""

    view = conj_aware = True

    def forward(xp, x):
        return xp.view_as_complex(x)

    def grad_x(xp, gy):
        return xp.view_as_real(gy)


_abs_record = abs_


def _abs(x):
    if isinstance(x, Tensor) and x._a.dtype.kind == "b":
        raise NotImplementedError('"abs" not implemented for torch.bool: convert it first, with .to(torch.int64)')
    return _abs_record(x)


_TABLE = (
    ("abs", _abs, "|x|, element by element; for complex numbers the modulus.", "[-1., 2.]", "tensor([1., 2.])", ("absolute",)),
    ("sgn", sgn_, "x/|x|, 0 at 0, for complex numbers too.", "[3+4j, 0j]", "tensor([0.6000+0.8000j, 0.0000+0.0000j])", ()),
)  # fmt: skip
for _name, _run, _doc, _argument, _shown, _aliases in _TABLE:
    _doc += example(f"torch.{_name}(torch.tensor({_argument}))", _shown)
    globals().update(unary(__all__, _name, _run, _doc, *_aliases, ufunc=np.absolute if _name == "abs" else None))
del _name, _run, _doc, _argument, _shown, _aliases
Tensor.__abs__ = lambda self: _abs(self)


@public
def angle(input):
    """The argument of complex numbers in (-π, π]; for real ones π below 0, otherwise 0.

    >>> import lightwell as torch
    >>> torch.angle(torch.tensor([1j, -1 + 0j]))
    tensor([1.5708, 3.1416])
    """
    return angle_(as_float(input))


@public(method=False, out=False)
def real(input):
    """The real parts, sharing memory; a real tensor itself.

    >>> import lightwell as torch
    >>> torch.real(torch.tensor([1 + 2j]))
    tensor([1.])
    """
    return real_(input) if input._a.dtype.kind == "c" else input


@public(method=False, out=False)
def imag(input):
    """The imaginary parts, sharing memory; RuntimeError for real tensors.

    >>> import lightwell as torch
    >>> torch.imag(torch.tensor([1 + 2j]))
    tensor([2.])
    """
    if input._a.dtype.kind != "c":
        raise RuntimeError(f"imag is not implemented for tensors with non-complex dtypes: this one is {input.dtype}")
    return imag_(input)


def _set_real(self, value):
    real(self).copy_(value if isinstance(value, Tensor) else self.new_tensor(value, dtype=self.dtype.to_real()))


def _set_imag(self, value):
    imag(self).copy_(value if isinstance(value, Tensor) else self.new_tensor(value, dtype=self.dtype.to_real()))


Tensor.real = property(real, _set_real, doc="The real parts, sharing memory; writable.")
Tensor.imag = property(imag, _set_imag, doc="The imaginary parts, sharing memory; writable.")


@public(out=False)
def conj(input):
    """The complex conjugates; a real tensor itself.

    >>> import lightwell as torch
    >>> torch.conj(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return conj_(input) if input._a.dtype.kind == "c" else input


@public(inplace=True)
def conj_physical(input):
    """The complex conjugates, written out; a real tensor itself."""
    return conj(input)


@public(out=False)
def resolve_conj(input):
    """The tensor itself: conjugates are always written out here."""
    return input


@public(out=False)
def resolve_neg(input):
    """The tensor itself: negatives are always written out here."""
    return input


@public(out=False)
def is_conj(input):
    """False: conjugates are always written out here."""
    return False


@public(out=False)
def is_neg(input):
    """False: negatives are always written out here."""
    return False


@public(out=False)
def isreal(input):
    """Whether each element's imaginary part is zero.

    >>> import lightwell as torch
    >>> torch.isreal(torch.tensor([1 + 0j, 1j]))
    tensor([ True, False])
    """
    return wrap(np.isreal(input._a))


@public(method=False, out=False)
def view_as_real(input):
    """Complex numbers as pairs (real, imaginary) along a new last dimension, sharing memory.

    RuntimeError for tensors that are not complex.

    >>> import lightwell as torch
    >>> torch.view_as_real(torch.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """
    if input._a.dtype.kind != "c":
        raise RuntimeError(f"view_as_real is only supported for complex tensors: this one is {input.dtype}")
    return view_as_real_(input)


@float32
@public(method=False, out=False)
def view_as_complex(input):
    """Pairs along the last dimension (of size 2) as complex numbers, sharing memory.

    RuntimeError for another dtype than float32 or float64, and for another last size.

    >>> import lightwell as torch
    >>> torch.view_as_complex(torch.tensor([[1., 2.]]))
    tensor([1.+2.j])
    """
    a = input._a
    if a.dtype not in (np.float32, np.float64):
        raise RuntimeError(
            f"view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: {input.dtype}"
        )
    if not a.ndim or a.shape[-1] != 2:
        raise RuntimeError(f"Tensor must have a last dimension of size 2: this one has shape {list(a.shape)}")
    return view_as_complex_(input)
