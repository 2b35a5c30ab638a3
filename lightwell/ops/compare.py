"""Comparisons, and logic on truth values and bits. Long by its examples."""

import builtins

import numpy as np

from .. import dtypes, errors
from ..errors import traced
from ..errors.teaching import NotImplementedError, RuntimeError, TypeError
from ..tensor import Tensor, wrap
from .op import op, promote
from .public import public

__all__ = [
    "allclose", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "eq", "equal", "ge", "greater", "greater_equal", "gt", "isclose", "isfinite", "isinf", "isnan", "isneginf",
    "isposinf", "le", "less", "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "ne",
    "not_equal", "signbit",
]  # fmt: skip


@op
class eq_:
    r"""z = 1 where x = y, else 0: a truth value, no derivative."""

    def forward(xp, x, y):
        return xp.equal(x, y)


@op
class ne_:
    r"""z = 1 where x ≠ y, else 0: a truth value, no derivative."""

    def forward(xp, x, y):
        return xp.not_equal(x, y)


@op
class lt_:
    r"""z = 1 where x < y, else 0: a truth value, no derivative."""

    def forward(xp, x, y):
        return xp.less(x, y)


@op
class le_:
    r"""z = 1 where x ≤ y, else 0: a truth value, no derivative."""

    def forward(xp, x, y):
        return xp.less_equal(x, y)


@op
class gt_:
    r"""z = 1 where x > y, else 0: a truth value, no derivative."""

    def forward(xp, x, y):
        return xp.greater(x, y)


@op
class ge_:
    r"""z = 1 where x ≥ y, else 0: a truth value, no derivative."""

    def forward(xp, x, y):
        return xp.greater_equal(x, y)


@op
class bitwise_and_:
    r"""z = x and y, bit by bit."""

    def forward(xp, x, y):
        return xp.bitwise_and(x, y)


@op
class bitwise_or_:
    r"""z = x or y, bit by bit."""

    def forward(xp, x, y):
        return xp.bitwise_or(x, y)


@op
class bitwise_xor_:
    r"""z = either x or y, bit by bit."""

    def forward(xp, x, y):
        return xp.bitwise_xor(x, y)


@op
class bitwise_left_shift_:
    r"""z = x·2ʸ, the bits that leave the dtype lost."""

    def forward(xp, x, y):
        return xp.bitwise_left_shift(x, y)


@op
class bitwise_right_shift_:
    r"""z = ⌊x/2ʸ⌋."""

    def forward(xp, x, y):
        return xp.bitwise_right_shift(x, y)


@op
class bitwise_not_:
    r"""y = x with every bit turned; for bool the other truth value."""

    def forward(xp, x):
        return xp.bitwise_invert(x)


@op
class logical_and_:
    r"""z = 1 where x ≠ 0 and y ≠ 0."""

    def forward(xp, x, y):
        return xp.logical_and(x, y)


@op
class logical_or_:
    r"""z = 1 where x ≠ 0 or y ≠ 0."""

    def forward(xp, x, y):
        return xp.logical_or(x, y)


@op
class logical_xor_:
    r"""z = 1 where just one of x and y is not 0."""

    def forward(xp, x, y):
        return xp.logical_xor(x, y)


@op
class logical_not_:
    r"""y = 1 where x = 0."""

    def forward(xp, x):
        return xp.logical_not(x)


@op
class isnan_:
    r"""y = 1 where x is not a number."""

    def forward(xp, x):
        return xp.isnan(x)


@op
class isinf_:
    r"""y = 1 where x is ∞ or -∞."""

    def forward(xp, x):
        return xp.isinf(x)


@op
class isfinite_:
    r"""y = 1 where x is neither infinite nor nan."""

    def forward(xp, x):
        return xp.isfinite(x)


@op
class signbit_:
    r"""y = 1 where x carries a minus sign, -0 included."""

    def forward(xp, x):
        return xp.signbit(x)


def _both(name: str, record, x, y):
    """`record(x, y)`, with TypeError for what is neither tensor nor number."""
    result = record(x, y)
    if result is NotImplemented:
        raise TypeError(f"{name}(): argument 'other' (position 2) must be Tensor or Number, not {type(y).__name__}")
    return result


def _comparison(name: str, record, words: str, shown: str):
    def compare(input, other):
        if name not in ("eq", "ne") and isinstance(input, Tensor) and input._a.dtype.kind == "c":
            errors.refuse(name, input.dtype, input.dtype)
        return _both(name, record, input, other)

    compare.__name__ = name
    compare.__doc__ = (
        f"Whether input {words} other, element by element; both broadcast.\n\n>>> import lightwell as torch\n"
        f">>> torch.{name}(torch.tensor([1, 2, 3]), 2)\n{shown}\n"
    )
    return public(compare, inplace=True)


eq = _comparison("eq", eq_, "equals", "tensor([False,  True, False])")
ne = _comparison("ne", ne_, "differs from", "tensor([ True, False,  True])")
lt = _comparison("lt", lt_, "is less than", "tensor([ True, False, False])")
le = _comparison("le", le_, "is at most", "tensor([ True,  True, False])")
gt = _comparison("gt", gt_, "is greater than", "tensor([False, False,  True])")
ge = _comparison("ge", ge_, "is at least", "tensor([False,  True,  True])")
not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
for _name in ("not_equal", "less", "less_equal", "greater", "greater_equal"):
    setattr(Tensor, _name, globals()[_name])
    setattr(Tensor, _name + "_", globals()[_name].inplace)


def _operator(record):
    """The operator of a comparison: NotImplemented for an operand it doesn't know, so that Python asks the other side."""

    if record in (eq_, ne_):

        def compare(self, other):
            return NotImplemented if other is None else record(self, other)

    else:

        def compare(self, other):
            if self._a.dtype.kind == "c":
                errors.refuse(record.__name__, self.dtype, self.dtype)
            return NotImplemented if other is None else record(self, other)

    return compare


Tensor.__eq__, Tensor.__ne__ = _operator(eq_), _operator(ne_)
Tensor.__lt__, Tensor.__le__, Tensor.__gt__, Tensor.__ge__ = map(_operator, (lt_, le_, gt_, ge_))
Tensor.__hash__ = object.__hash__


# ---- bits -----------------------------------------------------------------------------------------------------------


def _need_bits(name: str, *values) -> None:
    for v in values:
        if isinstance(v, Tensor):
            kind = v._a.dtype.kind
        else:
            kind = "f" if isinstance(v, (float, complex)) else "i"
        if kind not in "iub":
            shown = v.dtype if isinstance(v, Tensor) else type(v).__name__
            raise NotImplementedError(f'"{name}" not implemented for {shown}: it takes integer or bool tensors')


def _bits(name: str, record, words: str, call: str, shown: str):
    def combine(input, other):
        _need_bits(name, input, other)
        if "shift" in name:
            return _shift(record, input, other)
        return _both(name, record, input, other)

    combine.__name__ = name
    combine.__doc__ = f"{words}\n\nNotImplementedError for floating-point tensors.\n\n>>> import lightwell as torch\n>>> {call}\n{shown}\n"
    return public(combine, inplace=True)


def _shift(record, x, n):
    """x shifted by n places; a negative n, like one of the dtype's width or more, shifts every bit out."""
    if isinstance(n, Tensor):
        if n._a.dtype.kind == "i" and n._a.size and (traced(n._a) or n._a.min() < 0):
            n = wrap(np.where(n._a < 0, n._a.dtype.type(64), n._a))
    elif n < 0:
        n = 64
    return _both(record.__name__, record, x, n)


bitwise_and = _bits(
    "bitwise_and", bitwise_and_, "input and other, bit by bit.", "torch.bitwise_and(torch.tensor([3, 5]), 6)", "tensor([2, 4])"
)
bitwise_or = _bits("bitwise_or", bitwise_or_, "input or other, bit by bit.", "torch.bitwise_or(torch.tensor([3, 5]), 6)", "tensor([7, 7])")
bitwise_xor = _bits(
    "bitwise_xor", bitwise_xor_, "Either input or other, bit by bit.", "torch.bitwise_xor(torch.tensor([3, 5]), 6)", "tensor([5, 3])"
)
bitwise_left_shift = _bits(
    "bitwise_left_shift", bitwise_left_shift_, "input·2^other.", "torch.bitwise_left_shift(torch.tensor([1, 2]), 3)", "tensor([ 8, 16])"
)
bitwise_right_shift = _bits(
    "bitwise_right_shift",
    bitwise_right_shift_,
    "⌊input/2^other⌋.",
    "torch.bitwise_right_shift(torch.tensor([16, -9]), 2)",
    "tensor([ 4, -3])",
)


@public(inplace=True)
def bitwise_not(input):
    """Every bit turned; for bool the other truth value. NotImplementedError for floating-point tensors.

    >>> import lightwell as torch
    >>> torch.bitwise_not(torch.tensor([0, 5]))
    tensor([-1, -6])
    """
    _need_bits("bitwise_not", input)
    return bitwise_not_(input)


def _bit_operator(public_f):
    def operate(self, other):
        if not isinstance(other, (Tensor, int, float, complex, np.ndarray, np.generic)):
            return NotImplemented
        return public_f(self, other)

    def reflected(self, other):
        if not isinstance(other, (int, float, complex, np.generic)):
            return NotImplemented
        if isinstance(other, (float, complex)):
            _need_bits(public_f.__name__, other)
        d = dtypes.result_of((self.dtype,), (), (dtypes.of_scalar(other),))
        return public_f(wrap(np.array(int(other) % 2**64, np.uint64).astype(d.np)), self)

    return operate, reflected


for _op, _f in (
    ("and", bitwise_and),
    ("or", bitwise_or),
    ("xor", bitwise_xor),
    ("lshift", bitwise_left_shift),
    ("rshift", bitwise_right_shift),
):
    _direct, _reflected = _bit_operator(_f)
    setattr(Tensor, f"__{_op}__", _direct)
    setattr(Tensor, f"__r{_op}__", _reflected)
    setattr(Tensor, f"__i{_op}__", _f.inplace)


def _invert(self):
    if self._a.dtype.kind not in "iub":
        raise TypeError(f"~ (operator.invert) is only implemented on integer and Boolean-type tensors, not on {self.dtype}")
    return bitwise_not_(self)


Tensor.__invert__ = _invert


# ---- truth ----------------------------------------------------------------------------------------------------------


def _truth(name: str, record, words: str, shown: str):
    def combine(input, other):
        if not isinstance(other, Tensor):
            raise TypeError(f"{name}(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}")
        return record(input, other)

    combine.__name__ = name
    combine.__doc__ = (
        f"{words} Numbers count as true where they are not 0.\n\n>>> import lightwell as torch\n"
        f">>> torch.{name}(torch.tensor([True, True, False]), torch.tensor([1, 0, 0]))\n{shown}\n"
    )
    return public(combine, inplace=True)


logical_and = _truth("logical_and", logical_and_, "Whether both are true.", "tensor([ True, False, False])")
logical_or = _truth("logical_or", logical_or_, "Whether one or both are true.", "tensor([ True,  True, False])")
logical_xor = _truth("logical_xor", logical_xor_, "Whether just one is true.", "tensor([False,  True, False])")


@public(inplace=True)
def logical_not(input):
    """Whether each element is 0 or False.

    >>> import lightwell as torch
    >>> torch.logical_not(torch.tensor([0., 2.]))
    tensor([ True, False])
    """
    return logical_not_(input)


@public(out=False)
def isnan(input):
    """Whether each element is not a number.

    >>> import lightwell as torch
    >>> torch.isnan(torch.tensor([1., float("nan")]))
    tensor([False,  True])
    """
    return isnan_(input)


@public(out=False)
def isinf(input):
    """Whether each element is ∞ or -∞.

    >>> import lightwell as torch
    >>> torch.isinf(torch.tensor([1., float("inf")]))
    tensor([False,  True])
    """
    return isinf_(input)


@public(out=False)
def isfinite(input):
    """Whether each element is neither infinite nor nan.

    >>> import lightwell as torch
    >>> torch.isfinite(torch.tensor([1., float("inf"), float("nan")]))
    tensor([ True, False, False])
    """
    return isfinite_(input)


@public
def signbit(input):
    """Whether each element carries a minus sign (-0. included).

    >>> import lightwell as torch
    >>> torch.signbit(torch.tensor([-0., 1.]))
    tensor([ True, False])
    """
    if input._a.dtype.kind in "bu":
        return wrap(np.zeros(input._a.shape, bool))
    return signbit_(input)


@public
def isposinf(input):
    """Whether each element is ∞; RuntimeError for complex tensors.

    >>> import lightwell as torch
    >>> torch.isposinf(torch.tensor([1., float("inf")]))
    tensor([False,  True])
    """
    return _infinite("isposinf", input, np.inf)


@public
def isneginf(input):
    """Whether each element is -∞; RuntimeError for complex tensors.

    >>> import lightwell as torch
    >>> torch.isneginf(torch.tensor([1., float("-inf")]))
    tensor([False,  True])
    """
    return _infinite("isneginf", input, -np.inf)


def _infinite(name, x, which):
    a = x._a
    if a.dtype.kind == "c":
        raise RuntimeError(f"{name} does not support complex inputs.")
    return wrap(np.zeros(a.shape, bool) if a.dtype.kind in "iub" else np.asarray(a == which))


@public(out=False)
def equal(input, other):
    """Whether both have the same shape and the same values, as a Python bool (nan equals nothing).

    >>> import lightwell as torch
    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    """
    for position, value in ((1, input), (2, other)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"equal(): argument '{('input', 'other')[position - 1]}' (position {position}) must be Tensor, not {type(value).__name__}"
            )
    a, b = input._a, other._a
    if a.shape != b.shape:
        return False
    if a.dtype != b.dtype:
        a, b, _ = promote(eq_.record, a, b)
    return builtins.bool((a == b).all())


def _close(name: str, x, y, rtol: float, atol: float, equal_nan: bool) -> np.ndarray:
    if not isinstance(y, Tensor):
        raise TypeError(f"{name}(): argument 'other' (position 2) must be Tensor, not {type(y).__name__}")
    if x.dtype is not y.dtype:
        raise RuntimeError(f"{name}(): {x.dtype} did not match {y.dtype}: convert one of them, with .to(dtype)")
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"{name}(): rtol and atol must be at least zero, got rtol={rtol} and atol={atol}")
    a, b = x._a, y._a
    if a.dtype.kind == "b":
        return np.asarray(a == b)
    if a.dtype.kind in "iu":
        a, b = a.astype(np.float64), b.astype(np.float64)
    elif a.dtype.itemsize < 4:
        a, b = a.astype(np.float32), b.astype(np.float32)
    with np.errstate(all="ignore"):
        try:
            near = (a == b) | (np.isfinite(b) & (np.abs(a - b) <= atol + rtol * np.abs(b)) & np.isfinite(a))
        except ValueError:
            raise errors.broadcast_error(a.shape, b.shape, name) from None
        if equal_nan:
            near |= np.isnan(a) & np.isnan(b)
    return np.asarray(near)


@public(out=False)
def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether |input - other| ≤ atol + rtol·|other|, element by element; equal infinities are close.

    RuntimeError for two dtypes or a negative tolerance.

    >>> import lightwell as torch
    >>> torch.isclose(torch.tensor([1., 2.]), torch.tensor([1., 2.1]))
    tensor([ True, False])
    """
    return wrap(_close("isclose", input, other, rtol, atol, equal_nan))


@public(out=False)
def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all elements are close in the sense of `isclose`, as a Python bool.

    >>> import lightwell as torch
    >>> torch.allclose(torch.tensor([1.]), torch.tensor([1. + 1e-7]))
    True
    """
    return builtins.bool(_close("allclose", input, other, rtol, atol, equal_nan).all())
