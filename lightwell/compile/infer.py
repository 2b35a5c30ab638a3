"""The shape and dtype of a word's result, without computing it.

Views are asked of NumPy on memory that nobody reads; elementwise words on arrays of no elements; words whose computation is
costly have a rule here; all others run once on zeros.
"""

import builtins
from typing import Any

import numpy as np

from ..backend.vocabulary import ELEMENTWISE
from ..errors.teaching import ValueError
from .graph import Value, compute, replace

# Elementwise words beyond the standard's: their operands broadcast against one another.
MORE = frozenset(
    "erf erfinv erfc erfcx ndtr ndtri log_ndtr entr lgamma digamma relu relu_pull rsqrt sgn angle softplus log_sigmoid erf_gelu "
    "tanh_gelu sigmoid exp2 fmod sinc i0 i1 i0e i1e fmax fmin logaddexp2 xlogy xlog1py heaviside nan_to_num add_into divide_by gcd lcm".split()
)
POINTWISE = frozenset(ELEMENTWISE) | MORE
VIEWS = frozenset(
    "broadcast_to expand_dims flip permute_dims reshape squeeze matrix_transpose sliding diagonal strided windows bitcast getitem "
    "real imag view_as_real view_as_complex".split()
)


class _Phantom:
    """Arrays of a form, for words that look at nothing else."""

    def __init__(self):
        self.made: dict[Value, Any] = {}

    def form(self, v: Value):
        """Memory that nobody reads."""
        if v.parts is not None:
            return tuple(None if p is None else np.empty(*p) for p in v.parts)
        return 1.0 if v.word == "number" else np.empty(v.shape, v.dtype)

    def none(self, v: Value):
        """An array of no elements, which broadcasts like one of one element."""
        return 1.0 if v.word == "number" else np.empty((0,), v.dtype) if v.shape else np.ones((), v.dtype)

    def zeros(self, v: Value):
        """Zeros, which are valid indices too."""
        if v.word == "constant":
            return v.args[0]
        if v.parts is not None:
            return tuple(None if p is None else np.zeros(*p) for p in v.parts)
        return 1.0 if v.word == "number" else np.zeros(v.shape, v.dtype)

    def unit(self, v: Value):
        """Zeros, or unit matrices, which can be inverted and factored."""
        if v.word in ("constant", "number") or v.parts is not None or v.ndim < 2 or v.shape[-1] != v.shape[-2]:
            return self.zeros(v)
        made = np.zeros(v.shape, v.dtype)
        made[...] = np.eye(v.shape[-1], dtype=v.dtype)
        return made


_phantom = _Phantom()


def _told(x) -> tuple:
    """(shape, dtype) of an operand."""
    return (x.shape, x.dtype) if hasattr(x, "dtype") else ((), None)


def _real(dtype):
    return dtype if dtype.itemsize >= 4 else np.dtype(np.float32)


def _reduced(shape, axis, keepdims) -> tuple:
    n = len(shape)
    axes = range(n) if axis is None else [a % n for a in (axis if isinstance(axis, (tuple, list)) else (axis,))] if n else []
    return tuple(1 if i in axes else s for i, s in enumerate(shape) if keepdims or i not in axes)


def _sum_dtype(dtype):
    return np.add.reduce(np.empty(0, dtype)).dtype


def _reduction(x, axis=None, keepdims=False, dtype=None, **_):
    kind = np.dtype(dtype) if dtype is not None else x.dtype
    return _reduced(x.shape, axis, keepdims), kind, None


def _summing(x, axis=None, keepdims=False, dtype=None, **_):
    return _reduced(x.shape, axis, keepdims), np.dtype(dtype) if dtype is not None else _sum_dtype(x.dtype), None


def _counting(x, axis=None, keepdims=False, **_):
    return _reduced(x.shape, axis, keepdims), np.dtype(np.int64), None


def _truth(x, axis=None, keepdims=False, **_):
    return _reduced(x.shape, axis, keepdims), np.dtype(bool), None


def _matmul(x, y):
    dtype = np.result_type(x.dtype, y.dtype)
    xs, ys = x.shape, y.shape
    if len(xs) == 1:
        xs = (1, *xs)
    if len(ys) == 1:
        ys = (*ys, 1)
    if xs[-1] != ys[-2]:
        raise ValueError(f"matmul of shapes {x.shape} and {y.shape}")
    shape = (*np.broadcast_shapes(xs[:-2], ys[:-2]), xs[-2], ys[-1])
    if x.ndim == 1:
        shape = shape[:-2] + shape[-1:]
    if y.ndim == 1:
        shape = shape[:-1]
    return shape, dtype, None


def _like(x, *args, **kwargs):
    return x.shape, x.dtype, None


def _like_second(g, y, *args, **kwargs):
    return np.broadcast_shapes(g.shape, y.shape), np.result_type(g.dtype, y.dtype), None


def _moments(x, axes, eps):
    shape = _reduced(x.shape, axes, True)
    return None, None, ((shape, x.dtype), (shape, x.dtype), (shape, _real(x.dtype)))


def _scaled(x, m, r, w, b, view, wide, wshape):
    return wide, x.dtype, None


def _convolve(x, w, b, stride, padding, dilation, groups):
    from ..backend.windows import outputs

    out = outputs(x.shape[2:], w.shape[2:], stride, padding, dilation)
    return (x.shape[0], w.shape[0], *out), np.result_type(x.dtype, w.dtype), None


def _convolve_adjoint(g, w, b, space, stride, padding, dilation, groups):
    return (g.shape[0], w.shape[1] * groups, *space), np.result_type(g.dtype, w.dtype), None


def _convolve_weight(x, g, kernel, stride, padding, dilation, groups):
    return (g.shape[1], x.shape[1] // groups, *kernel), np.result_type(x.dtype, g.dtype), None


def _max_pool(x, kernel, stride, padding, dilation, out):
    return (*x.shape[:2], *out), x.dtype, None


def _max_pool_back(g, x, y, *args):
    return x.shape, g.dtype, None


def _window_sum(x, kernel, stride, padding, out):
    return (*x.shape[:2], *out), x.dtype, None


def _window_spread(g, kernel, stride, padding, space):
    return (*g.shape[:2], *space), g.dtype, None


def _shaped(x, index, v, *args):
    return x.shape, x.dtype, None


def _index_add(shape, key, v, unique=False):
    return tuple(shape), v.dtype, None


def _strided_set(x, v, strides, offset):
    return x.shape, x.dtype, None


def _strided_add(shape, v, strides, offset):
    return tuple(shape), v.dtype, None


def _rnn(relu, x, h, *rest):
    (steps, batch, _), size = x.shape, h.shape[1]
    return None, None, (((steps, batch, size), x.dtype), (h.shape, x.dtype), ((steps + 1, size, batch), x.dtype))


def _lstm(x, h, c, *rest):
    (steps, batch, _), size, d = x.shape, h.shape[1], x.dtype
    states = (steps + 1, size, batch)
    return None, None, (
        ((steps, batch, size), d), (h.shape, d), (h.shape, d), ((steps, 4 * size, batch), d), (states, d), (states, d), ((steps, size, batch), d)
    )  # fmt: skip


def _gru(x, h, *rest):
    (steps, batch, _), size, d = x.shape, h.shape[1], x.dtype
    return None, None, (
        ((steps, batch, size), d), (h.shape, d), ((steps, 3 * size, batch), d), ((steps, size, batch), d), ((steps + 1, size, batch), d)
    )  # fmt: skip


def _rnn_back(relu, needed, gradients, inputs, kept, reverse):
    return _backs(needed, inputs)


def _lstm_back(needed, gradients, inputs, kept, reverse):
    return _backs(needed, inputs)


def _backs(needed, inputs):
    return None, None, tuple((v.shape, v.dtype) if want and v is not None else None for want, v in zip(needed, inputs))


RULES: dict[str, Any] = {
    "sum": _summing, "prod": _summing, "max": _reduction, "min": _reduction, "mean": _reduction, "square_sum": _reduction,
    "argmax": _counting, "argmin": _counting, "all": _truth, "any": _truth, "matmul": _matmul,
    "softmax": _like, "log_softmax": _like, "softmax_pull": _like_second, "log_softmax_pull": _like_second, "rows_pull": _like,
    "nll_pull": _like, "moments": _moments, "scaled": _scaled, "convolve": _convolve, "convolve_adjoint": _convolve_adjoint,
    "convolve_weight": _convolve_weight, "max_pool": _max_pool, "max_pool_back": _max_pool_back, "window_sum": _window_sum,
    "window_spread": _window_spread, "scatter_add": _shaped, "scatter_set": _shaped, "index_add": _index_add,
    "strided_set": _strided_set, "strided_add": _strided_add, "rnn": _rnn, "gru": _gru, "lstm": _lstm,
    "rnn_back": _rnn_back, "gru_back": _lstm_back, "lstm_back": _lstm_back,
    "zeros_like": _like, "ones_like": _like, "index_set": _like,
}  # fmt: skip


def infer(word: str, args: tuple, kwargs: dict) -> tuple:
    """(shape, dtype, None) of the result, or (None, None, parts) of a word with several."""
    rule = RULES.get(word)
    if rule is not None:
        try:
            shape, dtype, parts = rule(*args, **kwargs)
        except (TypeError, AttributeError):
            pass  # an unusual form of the word: as any other
        else:
            if parts is None and dtype.kind not in "fiub" and word in ("mean",):
                pass
            elif word == "mean" and dtype.kind != "f" and dtype.kind != "c":
                dtype = np.dtype(np.float64)
            return (shape or (), dtype, parts) if parts is None else ((), None, parts)
    if word in POINTWISE:
        try:
            return _pointwise(word, args, kwargs)
        except (TypeError, builtins.ValueError, IndexError):
            pass
    if word in VIEWS and word != "strided" and not _arrays_index(word, args):
        phantom = _phantom.form
    else:
        phantom = _phantom.unit if word == "opaque" or word.startswith("linalg.") else _phantom.zeros
    with np.errstate(all="ignore"):
        made = compute(word, replace(args, phantom), replace(kwargs, phantom))
    if isinstance(made, (tuple, list)):
        return (), None, tuple(None if m is None else (np.shape(m), np.asarray(m).dtype) for m in made)
    made = np.asarray(made)
    return made.shape, made.dtype, None


def _arrays_index(word: str, args) -> bool:
    """Whether a getitem looks at the numbers of its key."""
    return word == "getitem" and any(isinstance(k, Value) for k in (args[1] if isinstance(args[1], tuple) else (args[1],)))


def _pointwise(word, args, kwargs):
    shapes = [np.shape(a) if not isinstance(a, Value) else a.shape for a in args if isinstance(a, (Value, np.ndarray))]
    shape = np.broadcast_shapes(*shapes) if shapes else ()
    with np.errstate(all="ignore"):
        made = compute(word, replace(args, _phantom.none), replace(kwargs, _phantom.none))
    dtype = np.asarray(made).dtype
    if word == "astype":
        dtype = np.dtype(args[1])
    return shape, dtype, None
