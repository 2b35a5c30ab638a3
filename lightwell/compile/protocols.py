"""How traced arrays answer NumPy: its two protocols, its operators, and the vocabulary as formulas call it (`Reader`)."""

from typing import Any

import numpy as np

from ..errors import Untraceable
from ..errors.teaching import AttributeError
from .symbolic import Recorder, Traced, into

ndarray = np.ndarray

# NumPy's names of ufuncs and functions where the vocabulary has others.
UFUNCS = {
    "true_divide": "divide", "rint": "round", "power": "pow", "float_power": "pow", "absolute": "abs", "fabs": "abs", "conjugate": "conj",
    "arctan": "atan", "arctan2": "atan2", "arcsin": "asin", "arccos": "acos", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "invert": "bitwise_invert", "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift", "mod": "remainder",
}  # fmt: skip
REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any"}
FUNCTIONS = {
    "transpose": "permute_dims", "concatenate": "concat", "amax": "max", "amin": "min", "cumsum": "cumulative_sum",
    "cumprod": "cumulative_prod",
}  # fmt: skip


def _array_ufunc(self, ufunc, method, *inputs, out=None, **kwargs):
    recorder, name = self.recorder, ufunc.__name__
    kwargs = {k: v for k, v in kwargs.items() if v is not None and v is not np._NoValue}
    if method == "reduce":
        word, x = REDUCTIONS.get(name), inputs[0]
        if word is None or "initial" in kwargs or kwargs.get("where", True) is not True:
            raise Untraceable(f"numpy.{name}.reduce")
        kwargs.pop("where", None)
        axis = kwargs.pop("axis", 0) if "axis" in kwargs else None if len(inputs) < 2 else inputs[1]
        x = x if type(x) is Traced else recorder.lift(x)
        return into(out and out[0], x._reduce(word, axis, **kwargs))
    if method != "__call__":
        raise Untraceable(f"numpy.{name}.{method}")
    where, dtype = kwargs.pop("where", True), kwargs.pop("dtype", None)
    kwargs.pop("casting", None)
    if kwargs:
        raise Untraceable(f"numpy.{name} with {', '.join(kwargs)}")
    if dtype is not None:
        inputs = tuple(v.astype(dtype) if hasattr(v, "astype") else v for v in inputs)
    made = call_word(recorder, UFUNCS.get(name, name), *inputs)
    if where is not True:
        if not out:
            raise Untraceable(f"numpy.{name} with where")
        made = recorder.call("where", where, made if made.dtype == out[0].dtype else made.astype(out[0].dtype), out[0])
    return into(out and out[0], made)


def _array_function(self, function, types, args, kwargs):
    name = function.__name__
    special = _SPECIAL.get(name)
    if special is not None:
        return special(self.recorder, *args, **kwargs)
    from ..backend.vocabulary import NAMES

    word = FUNCTIONS.get(name, name)
    kwargs = {k: v for k, v in kwargs.items() if v is not None and v is not np._NoValue}
    out = kwargs.pop("out", None)
    if word not in NAMES:
        raise Untraceable(f"numpy.{name} of a tensor that is computed by the program being compiled")
    return into(out, call_word(self.recorder, word, *args, **kwargs))


# Words that show the same memory in another form.
_VIEW_WORDS = frozenset(
    "broadcast_to expand_dims flip permute_dims reshape squeeze matrix_transpose sliding diagonal windows getitem bitcast strided".split()
)


def call_word(recorder: Recorder, word: str, *args, **kwargs):
    """A word of the vocabulary on arrays, some of which are traced: a view where the word gives one."""
    if word in _VIEW_WORDS and args and type(args[0]) is Traced:
        x = args[0]
        if word == "getitem":
            return x[args[1]]
        if word == "matrix_transpose":
            return x.swapaxes(-1, -2)
        if word == "reshape":
            shape = args[1] if len(args) > 1 else kwargs["shape"]
            return x.reshape((shape,) if isinstance(shape, (int, np.integer)) else tuple(int(s) for s in shape))
        if word == "permute_dims":
            axes = args[1] if len(args) > 1 else kwargs.get("axes")
            return x.transpose(*([] if axes is None else [axes]))
        if word == "squeeze":
            return x.squeeze(args[1] if len(args) > 1 else kwargs.get("axis"))
        order = {"expand_dims": ("axis",), "broadcast_to": ("shape",), "flip": ("axis",), "sliding": ("axis", "size", "step"),
                 "diagonal": ("offset", "axis1", "axis2"), "windows": ("kernel", "stride", "dilation"), "strided": ("shape", "strides", "offset"), "bitcast": ("dtype",)}[word]  # fmt: skip
        rest = list(args[1:]) + [kwargs[k] for k in order[len(args) - 1 :] if k in kwargs]
        return x._shown(word, *rest)
    if word == "astype" and type(args[0]) is Traced:
        return args[0].astype(*args[1:], **kwargs)
    return recorder.call(word, *_uniform(recorder, word, args), **kwargs)


_UNIFORM = frozenset(
    "add subtract multiply divide maximum minimum pow remainder fmod floor_divide equal not_equal less less_equal greater greater_equal "
    "atan2 hypot copysign logaddexp bitwise_and bitwise_or bitwise_xor fmax fmin".split()
)


def _uniform(recorder, word, args):
    """The operands in one dtype, NumPy's common one: the graph says its conversions."""
    if word in _UNIFORM and len(args) == 2:
        a, b = args
        if (
            hasattr(a, "dtype")
            and hasattr(b, "dtype")
            and a.dtype != b.dtype
            and not isinstance(a, np.generic)
            and not isinstance(b, np.generic)
        ):
            kind = np.result_type(a.dtype, b.dtype)
            return tuple(x if x.dtype == kind else x.astype(kind) for x in args)
    if word == "where" and len(args) == 3:
        c, a, b = args
        if hasattr(a, "dtype") and hasattr(b, "dtype") and a.dtype != b.dtype:
            kind = np.result_type(a.dtype, b.dtype)
            return c, a if a.dtype == kind else a.astype(kind), b if b.dtype == kind else b.astype(kind)
    return args


def _copyto(recorder, to, x, casting="same_kind", where=True):
    if where is not True:
        shown = to if type(to) is Traced else recorder.lift(to)
        x = recorder.call("where", where, x if not hasattr(x, "dtype") or x.dtype == shown.dtype else x.astype(shown.dtype), shown)
    if type(to) is not Traced:
        raise Untraceable("numpy.copyto into an array that the program being compiled does not know")
    to.write(x)


def _formal(name):
    """A function that looks at nothing but the form."""
    function = getattr(np, name)

    def call(recorder, *args, **kwargs):
        return function(*[a.form if type(a) is Traced else a for a in args], **kwargs)

    return call


def _like(name):
    """zeros_like and its kin: constants, in memory of their own."""
    function = getattr(np, name)

    def call(recorder, a, *args, **kwargs):
        made = function(np.empty_like(a.form), *args, **kwargs)
        twin = recorder.fresh(
            recorder.graph.call("zeros", made.shape, made.dtype)
            if name in ("zeros_like", "empty_like")
            else recorder.graph.constant(np.array(made))
        )
        twin.form = twin.memory.form = np.empty_like(made)
        return twin

    return call


def _moveaxis(recorder, a, source, destination):
    order = np.moveaxis(np.arange(1).reshape((1,) * a.ndim), source, destination)  # checks the arguments
    del order
    src = [s % a.ndim for s in (source if isinstance(source, (tuple, list)) else (source,))]
    dst = [d % a.ndim for d in (destination if isinstance(destination, (tuple, list)) else (destination,))]
    axes = [k for k in range(a.ndim) if k not in src]
    for d, s in sorted(zip(dst, src)):
        axes.insert(d, s)
    return a.transpose(tuple(axes))


def _clip(recorder, a, a_min=None, a_max=None, out=None, **kwargs):
    low, high = kwargs.get("min", a_min), kwargs.get("max", a_max)
    if low is not None:
        a = np.maximum(a, low)
    if high is not None:
        a = np.minimum(a, high)
    return into(out, a)


_SPECIAL: dict[str, Any] = {
    "copyto": _copyto, "clip": _clip, "moveaxis": _moveaxis,
    "transpose": lambda recorder, a, axes=None: a.transpose(*([] if axes is None else [axes])),
    "swapaxes": lambda recorder, a, x, y: a.swapaxes(x, y),
    "reshape": lambda recorder, a, shape=None, order="C", **kw: a.reshape(shape),
    "ravel": lambda recorder, a, order="C": a.ravel(),
    "copy": lambda recorder, a, order="K", subok=False: a.copy(order),
    "expand_dims": lambda recorder, a, axis: a._shown("expand_dims", axis),
    "squeeze": lambda recorder, a, axis=None: a.squeeze(axis),
    "broadcast_to": lambda recorder, a, shape, subok=False: a._shown("broadcast_to", tuple(shape)),
    "concatenate": lambda recorder, xs, axis=0, out=None, **kw: into(out, recorder.call("concat", list(xs), axis)),
    "stack": lambda recorder, xs, axis=0, out=None, **kw: into(out, recorder.call("stack", list(xs), axis)),
    "sum": lambda recorder, a, axis=None, dtype=None, out=None, keepdims=False, **kw: a._reduce("sum", axis, dtype, out, keepdims, **kw),
    "prod": lambda recorder, a, axis=None, dtype=None, out=None, keepdims=False, **kw: a._reduce("prod", axis, dtype, out, keepdims, **kw),
    "mean": lambda recorder, a, axis=None, dtype=None, out=None, keepdims=False, **kw: a._reduce("mean", axis, dtype, out, keepdims, **kw),
    "max": lambda recorder, a, axis=None, out=None, keepdims=False, **kw: a._reduce("max", axis, None, out, keepdims, **kw),
    "min": lambda recorder, a, axis=None, out=None, keepdims=False, **kw: a._reduce("min", axis, None, out, keepdims, **kw),
    "any": lambda recorder, a, axis=None, out=None, keepdims=False, **kw: a._reduce("any", axis, None, out, keepdims, **kw),
    "all": lambda recorder, a, axis=None, out=None, keepdims=False, **kw: a._reduce("all", axis, None, out, keepdims, **kw),
    "argmax": lambda recorder, a, axis=None, out=None, **kw: a.argmax(axis, **{k: v for k, v in kw.items() if v is not np._NoValue}),
    "argmin": lambda recorder, a, axis=None, out=None, **kw: a.argmin(axis, **{k: v for k, v in kw.items() if v is not np._NoValue}),
    "isneginf": lambda recorder, a, out=None: np.equal(a, -np.inf),
    "isposinf": lambda recorder, a, out=None: np.equal(a, np.inf),
    "einsum": lambda recorder, text, *xs, **kw: recorder.call("einsum", text, *xs),
    **{n: _like(n) for n in ("zeros_like", "ones_like", "empty_like", "full_like")},
    **{n: _formal(n) for n in "shape ndim size result_type iscomplexobj isrealobj can_cast may_share_memory shares_memory".split()},
}  # fmt: skip
_SPECIAL["amax"], _SPECIAL["amin"] = _SPECIAL["max"], _SPECIAL["min"]


def _operator(word: str, swapped: bool = False):
    def method(self, other):
        if not isinstance(other, (Traced, ndarray, np.generic, bool, int, float, complex)):
            return NotImplemented
        return call_word(self.recorder, word, other, self) if swapped else call_word(self.recorder, word, self, other)

    return method


def _in_place(word: str):
    def method(self, other):
        self.write(call_word(self.recorder, word, self, other))
        return self

    return method


_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide", "mod": "remainder", "pow": "pow",
    "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}  # fmt: skip
for _name, _word in _OPERATORS.items():
    setattr(Traced, f"__{_name}__", _operator(_word))
    setattr(Traced, f"__r{_name}__", _operator(_word, True))
    setattr(Traced, f"__i{_name}__", _in_place(_word))
for _name, _word in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"}.items():
    setattr(Traced, f"__{_name}__", _operator(_word))
Traced.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
Traced.__array_function__ = _array_function  # type: ignore[attr-defined]
Traced.__neg__ = lambda self: call_word(self.recorder, "negative", self)  # type: ignore[attr-defined,operator]
Traced.__invert__ = lambda self: call_word(self.recorder, "bitwise_invert", self)  # type: ignore[attr-defined,operator]
Traced.__abs__ = lambda self: call_word(self.recorder, "abs", self)  # type: ignore[attr-defined]


class Reader:
    """The vocabulary as the tracer reads it; the recorder of the moment stands in `recorder`."""

    def __init__(self, recorder: Recorder):
        self._recorder = recorder

    def __getattr__(self, word: str):
        from ..backend import numpy as NP
        from ..backend.vocabulary import NAMES

        if word not in NAMES and not hasattr(NP, word):
            raise AttributeError(f"'{word}' is no word of the vocabulary (backend/vocabulary.py)")
        recorder = self._recorder
        if word == "fused":  # the formula itself, word by word
            return lambda formula, *xs: formula(self, *xs)
        if word in ("linalg", "fft"):
            module = getattr(NP, word)
            return _Module(recorder, word, module)
        own = _OWN.get(word)
        if own is not None:
            return lambda *args, **kwargs: own(recorder, *args, **kwargs)
        return lambda *args, **kwargs: call_word(recorder, word, *(recorder.lift(a) if type(a) is ndarray else a for a in args), **kwargs)


class _Module:
    """linalg and fft: words within a word, "linalg.inv"."""

    def __init__(self, recorder, name, module):
        self._recorder, self._name, self._module = recorder, name, module

    def __getattr__(self, word):
        getattr(self._module, word)
        return lambda *args, **kwargs: self._recorder.call(f"{self._name}.{word}", *args, **kwargs)


def _asarray(recorder, x, dtype=None, *, copy=None, order="K"):
    x = x if type(x) is Traced else recorder.lift(np.asarray(x))
    if dtype is not None and np.dtype(dtype) != x.dtype:
        return x.astype(dtype)
    return x.copy(order or "K") if copy else x


_OWN: dict[str, Any] = {
    "zeros_like": lambda recorder, x: recorder.call("zeros", tuple(x.shape), x.dtype),
    "ones_like": lambda recorder, x: recorder.call("ones", tuple(x.shape), x.dtype),
    "asarray": _asarray,
    "full_like": lambda recorder, x, v: recorder.call("full", tuple(x.shape), v, x.dtype),
}
