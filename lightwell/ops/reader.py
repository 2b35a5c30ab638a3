"""The vocabulary on tensors: running a rule through it records a graph, so gradients have gradients. Long: it is one list, the vocabulary's.

Each function has the array API's signature and calls the operation of that meaning.
"""

from ..tensor import Tensor, make

# ---- arithmetic (ops/arith.py) --------------------------------------------------------------------------------------


def _late(path: str, name: str):
    """A function found at its first call: operations import this file's users, not the other way round."""
    found = None

    def call(*args, **kwargs):
        nonlocal found
        if found is None:
            import importlib

            found = getattr(importlib.import_module(path, __package__), name)
        return found(*args, **kwargs)

    call.__name__ = name
    return call


add = _late(".arith", "add_")
subtract = _late(".arith", "sub_")
multiply = _late(".arith", "mul_")
divide = _late(".arith", "div_")
pow = _late(".arith", "pow_")

strided_add_ = _late(".inplace", "strided_add_")


def strided_add(shape, v, strides, offset):
    """See backend.numpy.strided_add."""
    return strided_add_(v, shape, strides, offset)


def strided(x, shape, strides, offset):
    """See backend.numpy.strided."""
    from .inplace import as_strided_

    return as_strided_(x.contiguous(), shape, strides, offset, tuple(range(x.ndim)))


def strided_set(x, v, strides, offset):
    """See backend.numpy.strided_set."""
    from .inplace import copy_slices_

    return copy_slices_(x, v, strides, offset, tuple(range(x.ndim)))


def zeros_like(x):
    """Zeros of x's shape and dtype, outside any graph."""
    import numpy as np

    return make(np.zeros_like(x._a if isinstance(x, Tensor) else x))


def ones_like(x):
    """Ones of x's shape and dtype, outside any graph."""
    import numpy as np

    return make(np.ones_like(x._a if isinstance(x, Tensor) else x))


# ---- reductions, scans, orders (ops/reduce.py, extremes.py, moments.py, scan.py, sorting.py) -------------------------


def _public(path: str, name: str):
    """A public reduction under the array API's signature."""
    call = _late(path, name)

    def reduce(x, axis=None, keepdims=False, dtype=None):
        if dtype is None:
            return call(x, axis, keepdims)
        from ..dtypes import from_np

        return call(x, axis, keepdims, dtype=from_np(dtype) if hasattr(dtype, "kind") else dtype)

    reduce.__name__ = name
    return reduce


sum = _public(".reduce", "sum")
mean = _public(".reduce", "mean")
prod = _public(".reduce", "prod")
any = _public(".reduce", "any")
all = _public(".reduce", "all")
max = _public(".extremes", "amax")
min = _public(".extremes", "amin")
argmax = _public(".extremes", "argmax")
argmin = _public(".extremes", "argmin")
put_along_axis = _late(".pick", "put_along")


def square_sum(x, axis=None, keepdims=False):
    """See backend.reductions.square_sum."""
    return sum(x * x, axis, keepdims)


def var(x, axis=None, correction=0.0, keepdims=False):
    """See backend.reductions.var."""
    from .moments import var as call

    return call(x, axis, correction=correction, keepdim=keepdims)


def cumulative_sum(x, axis=None, dtype=None, include_initial=False):
    """See backend.reductions.cumulative_sum."""
    from .scan import cumsum as call

    return _scan(call, x, 0 if axis is None else axis, include_initial, zeros_like)


def cumulative_prod(x, axis=None, dtype=None, include_initial=False):
    """See backend.reductions.cumulative_prod."""
    from .scan import cumprod as call

    return _scan(call, x, 0 if axis is None else axis, include_initial, ones_like)


def _scan(call, x, axis, include_initial, first):
    out = call(x, axis)
    if include_initial:
        out = concat((first(out.narrow(axis, 0, 1)), out), axis=axis)
    return out


def sort(x, axis=-1, descending=False, stable=True):
    """x in order along an axis."""
    from .sorting import sort as call

    return call(x, axis, descending)[0]


def argsort(x, axis=-1, descending=False, stable=True):
    """The places of x's values in order along an axis."""
    from .sorting import argsort as call

    return call(x, axis, descending)


def searchsorted(x1, x2, side="left", sorter=None):
    """Where each x2 belongs in the sorted x1."""
    from .sorting import searchsorted as call

    return call(x1, x2, side=side, sorter=sorter)


# ---- products (ops/products.py) -----------------------------------------------------------------------------------------

matmul = _late(".products", "matmul")
add_into = add
einsum = _late(".contractions", "einsum")


def tile(x, reps):
    """x laid side by side, reps[k] times along dimension k."""
    return x.repeat(*reps)


def matrix_transpose(x):
    """The last two dimensions swapped."""
    return x.transpose(-2, -1)


def tril(x, *, k=0):
    """See torch.tril."""
    return x.tril(k)


def triu(x, *, k=0):
    """See torch.triu."""
    return x.triu(k)


def astype(x, dtype, *, copy=True):
    """x in the type `dtype`, NumPy's or PyTorch's."""
    from .. import dtypes
    from .convert import cast

    return cast(x, dtype if isinstance(dtype, dtypes.dtype) else dtypes.from_np(dtype))


# ---- shape and indexing (ops/shape.py, join.py, indexing.py, picking.py) ----------------------------------------------

reshape = _late(".shape", "reshape")
permute_dims = _late(".axes", "permute")
expand_dims_ = _late(".shape", "unsqueeze")
squeeze_ = _late(".shape", "squeeze")
expand_ = _late(".broadcasting", "broadcast_to")
concat_ = _late(".join", "cat")
stack_ = _late(".join", "stack")
flip_ = _late(".layout", "flip")
roll_ = _late(".layout", "roll")
diagonal = _late(".layout", "diagonal")
sliding = _late(".layout", "unfold")
scatter_prod_ = _late(".scatter_reduce", "scatter_prod_")
getitem_ = _late(".indexing", "getitem")
index_place_ = _late(".indexing", "index_place")
index_put_ = _late(".indexing", "index_put_")
take_ = _late(".picking", "index_select")
gather_ = _late(".picking", "gather")
scatter_add_ = _late(".scattering", "scatter_add")
scatter_ = _late(".scattering", "scatter")


def expand_dims(x, axis):
    """A dimension of size 1 put in at `axis`."""
    return expand_dims_(x, axis)


def squeeze(x, axis):
    """The dimensions `axis`, of size 1, taken out."""
    return squeeze_(x, axis)


def broadcast_to(x, shape):
    """x repeated to `shape`."""
    return expand_(x, shape)


def concat(xs, axis=0):
    """Tensors behind one another along `axis`; all flattened where it is None."""
    return concat_([reshape(x, (-1,)) for x in xs], 0) if axis is None else concat_(xs, axis)


def stack(xs, axis=0):
    """Tensors of one shape side by side along a new dimension."""
    return stack_(xs, axis)


def flip(x, axis=None):
    """x turned round along `axis` (all dimensions where None)."""
    return flip_(x, tuple(range(x.ndim)) if axis is None else axis)


def roll(x, shift, axis=None):
    """x shifted along `axis`, what leaves at one end entering at the other."""
    return roll_(x, shift, () if axis is None else axis)


def getitem(x, key):
    """x[key], see backend.moving.getitem."""
    return getitem_(x, key)


def index_add(shape, key, v, unique=False):
    """See backend.moving.index_add."""
    return index_place_(v, shape, key, unique)


def index_set(x, key, v):
    """See backend.moving.index_set."""
    return index_put_(x, v, key, False)


def take(x, index, axis):
    """x's slices at `index` along one axis."""
    return take_(x, axis, index)


def take_along_axis(x, index, axis=-1):
    """y[i, j, …] = x[i, index[i, j, …], …] along `axis`."""
    return gather_(x, axis, index)


def scatter_add(x, index, v, axis):
    """See backend.moving.scatter_add."""
    return scatter_add_(x, axis, index, v)


def scatter_set(x, index, v, axis):
    """See backend.moving.scatter_set."""
    return scatter_(x, axis, index, v)


def scatter_prod(x, index, v, axis):
    """See backend.moving.scatter_prod."""
    return scatter_prod_(x, index, v, axis)


# ---- pointwise functions (ops/pointwise.py and its siblings) --------------------------------------------------------


def _pointwise(module: str, names: str, prefix: str = "", suffix: str = "") -> None:
    """Late-bound functions of one tensor (or two), under the vocabulary's names."""
    for name in names.split():
        globals()[name] = _late(module, prefix + name + suffix)


_pointwise(
    ".pointwise",
    "acos acosh asin asinh atan atanh cos cosh exp exp2 expm1 log log10 log1p log2 rsqrt sigmoid sin sinc sinh sqrt tan tanh "
    "erf erfc erfinv lgamma digamma i0 ceil floor trunc sgn abs real imag conj angle polygamma round",
)
sign = _late(".pointwise", "sgn")  # the array API's sign of a complex number is z/|z|, which the public sign refuses
_pointwise(".complexes", "view_as_real view_as_complex", suffix="_")
_pointwise(".special_ops", "ndtr ndtri log_ndtr erfcx entr i0e i1 i1e zeta xlog1py", "special_", "_")
_pointwise(".choose", "maximum minimum fmax fmin", suffix="_")
_pointwise(".choose", "where nan_to_num")
_pointwise(".pairs", "atan2 hypot copysign nextafter heaviside logaddexp logaddexp2", suffix="_")
_pointwise(".pairs", "xlogy gcd lcm")
_pointwise(".compare", "isnan isinf isfinite signbit logical_not logical_and logical_or logical_xor", suffix="_")
_pointwise(".compare", "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift", suffix="_")
bitwise_invert = _late(".compare", "bitwise_not_")
for _name, _record in (
    ("equal", "eq_"), ("not_equal", "ne_"), ("less", "lt_"), ("less_equal", "le_"), ("greater", "gt_"), ("greater_equal", "ge_"),
):  # fmt: skip
    globals()[_name] = _late(".compare", _record)
_pointwise(".activations", "softplus log_sigmoid erf_gelu tanh_gelu", suffix="_")
negative, square, reciprocal = _late(".arith", "neg"), _late(".arith", "square"), _late(".arith", "reciprocal")


def asarray(x):
    """x itself, or a number as a tensor."""
    import numpy as np

    return x if isinstance(x, Tensor) else make(np.asarray(x))


def full_like(x, value):
    """x's shape and dtype filled with a number, outside any graph."""
    import numpy as np

    return make(np.full_like(x._a if isinstance(x, Tensor) else x, value))


# ---- windows, convolution, pooling, resampling (ops/conv.py, pool.py) ------------------------------------------------

windows = _late(".conv", "windows_")
convolve = _late(".conv", "convolution_")
convolve_weight = _late(".conv", "convolution_weight_")
max_pool_back = _late(".pool", "max_pool_back_")
pool_take = _late(".pool", "pool_take_")
unpool = _late(".pool", "unpool_")
window_sum = _late(".pool", "window_sum_")
window_spread = _late(".pool", "window_spread_")
resample_adjoint = _late(".pool", "resample_adjoint_")
region_resample = _late(".regions", "region_resample_")
region_spread = _late(".regions", "region_spread_")


def unwindow(y, space, stride, dilation):
    """See backend.windows.unwindow."""
    from .conv import unwindow_

    return unwindow_(y, space, tuple(y.shape[2 + len(space) :]), stride, dilation)


def convolve_adjoint(g, w, b, space, stride, padding, dilation, groups):
    """See backend.convolve.convolve_adjoint."""
    from .conv import convolution_transpose_

    return convolution_transpose_(g, w, b, tuple(space), stride, padding, dilation, groups)


def max_pool_indices(x, y, *geometry):
    """See backend.pooling.max_pool_indices: integers, outside any graph."""
    from ..backend.pooling import max_pool_indices as call

    return make(call(x._a, y._a, *geometry))


def divide_by(x, divisor):
    """See backend.resample.divide_by."""
    import numpy as np

    return x / (make(divisor).to(x.dtype) if isinstance(divisor, np.ndarray) else divisor)


def resample(x, plans):
    """See backend.resample.resample."""
    from .pool import RESAMPLING

    return RESAMPLING["circular_pad"](x, plans)


def constant_pad(x, pad, value):
    """See backend.resample.constant_pad."""
    from .pool import constant_pad_nd_

    return constant_pad_nd_(x, pad, value)


# ---- matrices and transforms (ops/solving.py, decompose.py, spectral.py; fft.py) ----------------------------------------


class _Linalg:
    """xp.linalg on tensors: torch.linalg's functions, and the three that only rules use."""

    def __getattr__(self, name):
        from importlib import import_module

        found = getattr(import_module("..linalg", __package__), name)
        setattr(self, name, found)
        return found

    @staticmethod
    def diagonal(x):
        """See backend.linalg.diagonal."""
        return x.diagonal(0, -2, -1)

    @staticmethod
    def permutation_matrix(pivots, m, dtype):
        """See backend.linalg.permutation_matrix."""
        from ..backend.linalg import permutation_matrix

        return make(permutation_matrix(pivots._a, m, dtype.np))

    @staticmethod
    def cofactor(x):
        """See backend.linalg.cofactor. Singular matrices: Faddeev and LeVerrier's recursion, a polynomial in x."""
        from .solving import cofactor as call

        return call(x)


linalg = _Linalg()


class fft:
    """xp.fft on tensors: the records of fourier.py."""

    c2c = _late(".fourier", "fft_c2c_of")
    r2c = _late(".fourier", "fft_r2c_")
    c2r = _late(".fourier", "fft_c2r_")

    @staticmethod
    def weigh(x, n, axis, factor):
        """See backend.fft.weigh."""
        from ..backend.fft import weights

        return x * make(weights(n, axis, x.ndim, factor, x._a.real.dtype))


def eye(n_rows, n_cols=None, *, k=0, dtype=None):
    """Ones on the k-th diagonal, outside any graph."""
    import numpy as np

    return make(np.eye(n_rows, n_cols, k, dtype=dtype.np))


_pointwise(".softmax", "softmax log_softmax", suffix="_")


def softmax_pull(gy, y, axis):
    """See backend.softmax.softmax_pull."""
    return y * (gy - sum(gy * y, axis, True)) if y.ndim else zeros_like(gy)


def log_softmax_pull(gy, y, axis):
    """See backend.softmax.log_softmax_pull."""
    return gy - exp(y) * (sum(gy, axis, True) if y.ndim else gy)  # noqa: F821


relu = _late(".activations", "relu_")


def relu_pull(gy, y):
    """See backend.pointwise.relu_pull."""
    return gy * (y > 0)


def nll_pull(logp, index, c, axis):
    """See backend.softmax.nll_pull."""
    full = broadcast_to(c, tuple(index.shape)) if tuple(c.shape) != tuple(index.shape) else c
    return scatter_add(exp(logp) * -c, index, full, axis)  # noqa: F821


def moments(x, axes, eps):
    """See backend.norm.moments."""
    m = mean(x, axes, True)
    d = x - m
    v = mean(d * d, axes, True)
    return m, rsqrt(v + eps), v  # noqa: F821


def scaled(x, m, r, w, b, view, wide, wshape):
    """See backend.norm.scaled."""
    y = reshape((x - m) * r, wide)
    y = y if w is None else y * reshape(w, wshape)
    return y if b is None else y + reshape(b, wshape)


# ---- recurrent layers (ops/recurrent.py): written out step by step, and that differentiated --------------------------

_taped, _untaped = _late(".recurrent", "taped"), _late(".recurrent", "untaped")


def rnn(relu, *args):
    """See backend.recurrent.rnn."""
    return _taped("RNN_RELU" if relu else "RNN_TANH", args[:-1], args[-1], 1)


def gru(*args):
    """See backend.recurrent.gru."""
    return _taped("GRU", args[:-1], args[-1], 3)


def lstm(*args):
    """See backend.recurrent.lstm."""
    return _taped("LSTM", args[:-1], args[-1], 4)


def rnn_back(relu, needed, gradients, inputs, kept, reverse):
    """See backend.recurrent.rnn_back; what was kept is the tape of `rnn`."""
    return _untaped(needed, gradients, kept[0])


def gru_back(needed, gradients, inputs, kept, reverse):
    """See backend.recurrent.gru_back."""
    return _untaped(needed, gradients, kept[0])


def lstm_back(needed, gradients, inputs, kept, reverse):
    """See backend.recurrent.lstm_back."""
    return _untaped(needed, gradients, kept[0])


def fused(formula, *tensors):
    """See backend.pointwise.fused: on tensors, the formula itself."""
    import sys

    return formula(sys.modules[__name__], *tensors)


def rows_pull(g, h, r):
    """See backend.norm.rows_pull."""
    return (g - mean(g, 1, True) - h * mean(g * h, 1, True)) * r
