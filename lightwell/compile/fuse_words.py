"""Which values a nest can compute element by element, in which dtype, and what that costs."""

import numpy as np

from .graph import Value
from .infer import POINTWISE
from .ir import TYPES
from .layout import MAPS, full_key

COMPARISONS = frozenset("equal not_equal less less_equal greater greater_equal".split())
LOGICAL = frozenset("logical_and logical_or logical_xor logical_not".split())
TESTS = frozenset("isnan isinf isfinite signbit".split())
REDUCTIONS = frozenset("sum prod max min any all argmax argmin".split())
MADE = frozenset("full arange".split())  # values that come from nothing but their index
ON_BOOLS = {
    "add": "logical_or", "multiply": "logical_and", "maximum": "logical_or", "minimum": "logical_and", "bitwise_and": "logical_and",
    "bitwise_or": "logical_or", "bitwise_xor": "logical_xor", "bitwise_invert": "logical_not", "fmax": "logical_or", "fmin": "logical_and",
}  # fmt: skip
UNCHANGED = frozenset("real conj".split())  # of real numbers
WHOLE_ALREADY = frozenset("floor ceil trunc round".split())  # of integers
PARAMETERS = frozenset(("softplus",))  # words with plain numbers behind their operands

_COSTS = {"divide": 4, "sqrt": 6, "rsqrt": 6, "floor_divide": 6, "remainder": 6, "fmod": 6, "reciprocal": 4, "pow": 25}
_CHEAP = frozenset(
    "add subtract multiply negative abs square maximum minimum relu relu_pull where astype cast positive copysign sign sgn floor ceil trunc "
    "round fmax fmin real conj bitwise_and bitwise_or bitwise_xor bitwise_invert bitwise_left_shift bitwise_right_shift".split()
) | COMPARISONS | LOGICAL | TESTS  # fmt: skip


def cost_of(word: str) -> int:
    """About how many additions one element of a word costs."""
    return 1 if word in _CHEAP else _COSTS.get(word, 12)


_NATIVE = frozenset(np.dtype(name) for name in TYPES)


def native(dtype) -> bool:
    """Whether kernels know the dtype."""
    return dtype in _NATIVE


_asked: dict[tuple, bool] = {}


def supported(word: str, dtype, exponent=None) -> bool:
    """Whether nests know a word on a dtype."""
    key = word, dtype, exponent
    known = _asked.get(key)
    if known is None:
        from .emit_words import supported as ask

        known = _asked[key] = ask(word, dtype, exponent)
    return known


def _told(a):
    """An operand as NumPy's promotion looks at it."""
    if isinstance(a, Value):
        return 1.0 if a.word == "number" else a.dtype
    return a


def plain(a) -> bool:
    """Whether an argument is a plain number."""
    return isinstance(a, (bool, int, float, np.bool_, np.integer, np.floating))


def typed(v: Value):
    """(word, dtype that the operands are brought to) of a pointwise value as a nest has it; None where NumPy must do it.

    The word "cast" stands for a conversion alone.
    """
    word, args = v.word, v.args
    if v.kwargs and not (word == "astype" and set(v.kwargs) <= {"copy"}):
        return None
    if v.parts is not None or not native(v.dtype):
        return None
    if word == "astype":
        return ("cast", args[0].dtype) if isinstance(args[0], Value) and native(args[0].dtype) else None
    operands = args[:1] if word in PARAMETERS else args
    for a in operands:
        if isinstance(a, Value):
            if a.word != "number" and not native(a.dtype):
                return None
        elif not plain(a):
            return None
    if any(not plain(a) for a in args[len(operands) :]):
        return None
    dtype = v.dtype
    if word in COMPARISONS or word in TESTS:
        told = [_told(a) for a in operands]
        if not all(_holds(a, told) for a in told):
            return None
        dtype = np.result_type(*told)
        if {a.kind for a in told if isinstance(a, np.dtype)} >= {"u", "i"} and dtype.kind == "f":
            return None  # NumPy compares these exactly
        if dtype.kind == "b" and word in COMPARISONS:
            dtype = np.dtype(np.uint8)
        if word in TESTS and dtype.kind in "iub":
            return None
    elif word in LOGICAL:
        dtype = np.dtype(bool)
    elif dtype.kind == "b":
        if word in ON_BOOLS:
            word = ON_BOOLS[word]
        elif word in UNCHANGED or word in WHOLE_ALREADY:
            word = "cast"
        elif word != "where":
            return None
    elif word in UNCHANGED or (dtype.kind in "iu" and word in WHOLE_ALREADY):
        word = "cast"
    if word == "add_into":
        word = "add"
    if dtype.kind in "iu" and not all(_holds(a, [dtype]) for a in operands if not isinstance(a, Value)):
        return None
    exponent = args[1] if word == "pow" and dtype.kind in "iu" and type(args[1]) is int else None
    if not native(dtype) or (word != "cast" and not supported(word, dtype, exponent)):
        return None
    return word, dtype


def _holds(a, told) -> bool:
    """Whether a plain integer fits the arrays' dtype."""
    if type(a) is not int:
        return True
    kinds = [t for t in told if isinstance(t, np.dtype)]
    if not kinds or kinds[0].kind not in "iu":
        return True
    info = np.iinfo(np.result_type(*kinds))
    return bool(info.min <= a <= info.max)


def mapped(v: Value) -> bool:
    """Whether a view is one that `layout.pull` follows."""
    if v.parts is not None or not isinstance(v.args[0], Value) or v.args[0].parts is not None or v.args[0].dtype is None:
        return False
    x, word = v.args[0], v.word
    if word == "getitem":
        key = full_key(v.args[1] if len(v.args) > 1 else v.kwargs["key"], x.ndim)
        return key is not None and len([k for k in key if k is not None]) == x.ndim and x.size > 0
    if word in ("take", "take_along_axis"):
        index = v.args[1]
        axis = v.args[2] if len(v.args) > 2 else v.kwargs.get("axis", -1 if word == "take_along_axis" else None)
        return isinstance(index, Value) and index.dtype.kind in "iu" and isinstance(axis, int) and x.size > 0
    return True


def computable(v: Value) -> bool:
    """Whether a nest can compute the value, element by element."""
    if not native(v.dtype) or v.parts is not None:
        return False
    if v.word in MAPS:
        return mapped(v)
    if v.word == "full":
        return isinstance(v.args[1], Value) or plain(v.args[1])
    if v.word == "arange":
        return v.dtype.kind in "iu" and all(isinstance(a, (int, np.integer)) for a in v.args)
    if v.word == "constant_pad":
        return plain(v.args[2]) and isinstance(v.args[0], Value)
    return (v.word in POINTWISE or v.word == "astype") and typed(v) is not None


def reducible(v: Value) -> bool:
    """Whether a nest can compute a reduction."""
    if v.word not in REDUCTIONS or not isinstance(v.args[0], Value) or not native(v.dtype) or not native(v.args[0].dtype):
        return False
    if v.args[0].word == "number" or (v.word in ("argmax", "argmin") and not v.args[0].size):
        return False
    return v.dtype.kind in "fib" or v.word not in ("sum", "prod")


def reduced_axes(v: Value) -> tuple:
    """The axes that a reduction runs over."""
    axis = v.args[1] if len(v.args) > 1 else v.kwargs.get("axis")
    n = v.args[0].ndim
    if axis is None:
        return tuple(range(n))
    if not n:
        return ()
    return tuple(sorted({int(a) % n for a in (axis if isinstance(axis, (tuple, list)) else (axis,))}))
