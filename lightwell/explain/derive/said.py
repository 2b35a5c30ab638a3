"""What a formula handles while it is read: a value that knows the term it came from.

A `Said` has a shape and a dtype, it can be compared, indexed and asked for its truth, so that every rule can be read, whatever it
looks at. Each word that is called on it (of WRITER, by an operator or a method) runs the NumPy backend and notes what was called.
"""

import inspect
import types
from functools import cache
from typing import Any

import numpy as np

from ...backend import numpy as NP
from ...errors.teaching import AttributeError, TypeError
from .terms import Term, term

# How NumPy calls what the vocabulary calls otherwise.
_UFUNCS = {"absolute": "abs", "power": "pow", "arctan2": "atan2", "rint": "round", "invert": "bitwise_invert", "conjugate": "conj"}
_UFUNCS |= {"left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift", "true_divide": "divide"}
_UFUNCS |= {"arc" + n: "a" + n for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
_LISTS = ("concat", "stack")  # their first argument is a list of arrays
_NAMESPACES = ("linalg", "fft")
_OPERANDS = frozenset("xlogy xlog1py zeta heaviside softplus copysign where".split())  # elementwise, all arguments operands


def function(word: str) -> Any:
    """The NumPy backend's function for a word, such as "tanh" or "linalg.inv"."""
    found: Any = NP
    for name in word.split("."):
        found = getattr(found, name)
    return found


@cache
def parameters(word: str) -> tuple | None:
    """A word's arguments; None where all of them are operands (elementwise functions)."""
    found = function(word)
    if isinstance(found, np.ufunc) or hasattr(found, "ufunc") or word in _OPERANDS:
        return None
    try:
        names = tuple(inspect.signature(found).parameters.values())
    except ValueError:
        return None
    return None if word != "einsum" and any(p.kind is p.VAR_POSITIONAL for p in names) else names


def value_behind(x: Any) -> Any:
    """What a formula's value is worth: the array behind a `Said`, also within lists."""
    if isinstance(x, Said):
        return x.term.value
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return x
    return type(x)(map(value_behind, x)) if isinstance(x, (list, tuple)) else x


def _term(x: Any) -> Any:
    """What stands in a term's parameters: plain values, and terms where values had a history."""
    if isinstance(x, Said):
        return x.term
    return type(x)(map(_term, x)) if type(x) in (list, tuple) else x


def _known(x: Any) -> bool:
    return isinstance(x, Said) or (type(x) in (list, tuple) and any(map(_known, x)))


def argument(x: Any) -> Term:
    """The term that stands for an argument."""
    return x.term if isinstance(x, Said) else x if isinstance(x, Term) else term(x)


def _write(word: str, args: tuple, kwargs: dict) -> Term:
    """The term of a call: arrays among `args`, everything else in `params` by its name."""
    names = parameters(word)
    kwargs = {k: v for k, v in kwargs.items() if v is not None or k == "b"}
    if names is None:
        return Term(word, tuple(map(argument, args)), {k: _term(v) for k, v in kwargs.items()})
    if word in _LISTS:
        given, args = tuple(args[0]), args[1:]
        names = names[1:]
    elif word == "einsum":
        kwargs, given, args, names = {"equation": args[0]}, args[1:], (), ()
    else:
        given = ()
    operands, params = list(given), {}
    for p, v in [*zip(names, args), *((p, kwargs[p.name]) for p in names[len(args) :] if p.name in kwargs)]:
        if isinstance(v, (Said, np.ndarray)):
            operands.append(v)
        elif v is not None or p.default is p.empty:
            params[p.name] = _term(v)
    spoken = {p.name for p in names}
    params.update({k: _term(v) for k, v in kwargs.items() if k not in spoken})
    return Term(word, tuple(map(argument, operands)), params)


def compute(word: str, args: list, params: dict) -> Any:
    """The value of a word on values: the call that `_write` has written down, made again."""
    names, run = parameters(word), function(word)
    if names is None:
        return run(*args, **params)
    if word in _LISTS:
        return run(list(args), **params)
    if word == "einsum":
        return run(params["equation"], *args)
    waiting, call = list(args), dict(params)
    positional = []
    for p in names:
        if p.kind is p.VAR_KEYWORD:
            continue
        if p.name in call:
            v = call.pop(p.name)
        elif waiting and p.kind is not p.KEYWORD_ONLY:
            v = waiting.pop(0)
        elif p.default is not p.empty:
            v = p.default
        else:
            raise TypeError(f"{word}: no value for {p.name}")
        if p.kind is p.KEYWORD_ONLY:
            call[p.name] = v
        else:
            positional.append(v)
    return run(*positional, **call)


class Said:
    """A value with the term that says where it came from; behaves as the array (or number) does."""

    __slots__ = ("term",)
    __array_priority__ = 1000

    def __init__(self, t: Term):
        self.term = t

    def __repr__(self):
        return f"Said({self.term!r})"

    # -- what it is
    @property
    def value(self):
        return self.term.value

    def __getattr__(self, name):
        v = self.term.value
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("real", "imag"):
            return say(name, self) if v.dtype.kind == "c" or name == "imag" else self
        if name == "T":
            return say("matrix_transpose", self) if v.ndim == 2 else say("permute_dims", self, tuple(range(v.ndim))[::-1])
        if name == "mT":
            return say("matrix_transpose", self)
        if name in _METHODS and isinstance(v, np.ndarray | np.generic):
            return types.MethodType(_METHODS[name], self)
        return getattr(v, name)

    def __len__(self):
        return len(self.term.value)

    def __bool__(self):
        return bool(self.term.value)

    def __int__(self):
        return int(self.term.value)

    def __index__(self):
        return self.term.value.__index__()

    def __float__(self):
        return float(self.term.value)

    def __hash__(self):
        return hash(self.term.value) if np.isscalar(self.term.value) else id(self)

    def __iter__(self):
        return (self[i] for i in range(len(self.term.value)))

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.term.value, dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        kwargs.pop("out", None)
        name = _UFUNCS.get(ufunc.__name__, ufunc.__name__)
        if method == "__call__":
            return say(name, *inputs)
        if method == "accumulate":
            return _keep(
                f"cumulative_{name}",
                inputs[0],
                ufunc.accumulate(value_behind(inputs[0]), *map(value_behind, inputs[1:]), **kwargs),
                **kwargs,
            )
        if method == "reduce":
            return say({"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}[name], inputs[0], **kwargs)
        return NotImplemented

    def __getitem__(self, key):
        return say("getitem", self, key if isinstance(key, tuple) else (key,))

    def __setitem__(self, key, value):  # a formula that writes into its own array: the name now means the new one
        self.term = say("index_set", Said(self.term), key, value).term


def _keep(word: str, x, value, **params) -> Said:
    """A word outside the vocabulary, with the value that it had."""
    return Said(Term(word, (argument(x),), params, value))


def say(word: str, *args, **kwargs) -> Any:
    """Call a word of the vocabulary: its value, and the term that says it."""
    if word == "fused":
        return args[0](WRITER, *args[1:], **kwargs)
    if word == "add_into":
        word = "add"
    if word in ("asarray", "astype") and isinstance(args[0], Said):
        wanted = args[1] if len(args) > 1 else kwargs.get("dtype")
        if wanted is None or (hasattr(args[0].value, "dtype") and args[0].value.dtype == np.dtype(wanted)):
            return args[0]
    values = [value_behind(a) for a in args]
    if word == "getitem" and not isinstance(values[1], tuple):
        values[1] = (values[1],)
    with np.errstate(all="ignore"):
        result = function(word)(*values, **{k: value_behind(v) for k, v in kwargs.items()})
    t = _write(word, args, kwargs)
    if isinstance(result, (tuple, list)):
        t.value = result
        parts = [Said(Term("part", (t,), {"nr": i}, v)) if v is not None else None for i, v in enumerate(result)]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    t.value = result
    return Said(t)


def _operator(word, turned=False):
    def method(self, other):
        if other is None:
            return NotImplemented
        w = word(self, other) if callable(word) else word
        return say(w, other, self) if turned else say(w, self, other)

    return method


def _truth(word):
    """Logic where both sides are true or false, bits otherwise."""

    def choose(a, b):
        return f"logical_{word}" if all(np.asarray(value_behind(v)).dtype.kind == "b" for v in (a, b)) else f"bitwise_{word}"

    return choose


for _sign, _word in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "pow", "matmul": "matmul", "and": _truth("and"), "or": _truth("or"), "xor": _truth("xor"),
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}.items():  # fmt: skip
    setattr(Said, f"__{_sign}__", _operator(_word))
    setattr(Said, f"__r{_sign}__", _operator(_word, True))
for _sign, _word in {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
    setattr(Said, f"__{_sign}__", _operator(_word))
Said.__neg__ = lambda self: say("negative", self)  # type: ignore[attr-defined]
Said.__pos__ = lambda self: self  # type: ignore[attr-defined]
Said.__abs__ = lambda self: say("abs", self)  # type: ignore[attr-defined]
Said.__invert__ = lambda self: say("logical_not" if self.value.dtype.kind == "b" else "bitwise_invert", self)  # type: ignore[attr-defined]


def _shape_of(given):
    return given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


# NumPy's methods, as words.
_METHODS = {
    "reshape": lambda self, *shape: say("reshape", self, tuple(map(int, _shape_of(shape)))),
    "transpose": lambda self, *axes: say("permute_dims", self, _shape_of(axes) or tuple(range(self.ndim))[::-1]),
    "astype": lambda self, dtype, copy=True: say("astype", self, dtype),
    "copy": lambda self, order="C": self,
    "conj": lambda self: say("conj", self),
    "squeeze": lambda self, axis: say("squeeze", self, axis),
    "swapaxes": lambda self, i, j: say("permute_dims", self, _swapped(self.ndim, i, j)),
    **{
        name: lambda self, axis=None, keepdims=False, _name=name, **_: say(_name, self, axis=axis, keepdims=keepdims)
        for name in ("sum", "mean", "prod", "max", "min", "all", "any")
    },
}


def _swapped(ndim, i, j):
    axes = list(range(ndim))
    axes[i], axes[j] = axes[j], axes[i]
    return tuple(axes)


class _Words:
    """The vocabulary (or a namespace in it) as this reader reads it."""

    def __init__(self, prefix=""):
        self._prefix = prefix

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        word = self._prefix + name
        if word in _NAMESPACES:
            return _Words(word + ".")
        found = function(word)
        if isinstance(found, type) or not callable(found):
            return found
        return lambda *args, **kwargs: say(word, *args, **kwargs)


WRITER: Any = _Words()
