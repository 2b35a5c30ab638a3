"""The batching rules: what each record does to a whole batch, said in operations on tensors with one dimension more in front.

A rule takes a `Batch` and the operation's arguments, examples among them, and returns the batch of results, or None
where only the example-by-example way is left. A record that has no rule goes that way too.
"""

import math

import numpy as np

from ..ops.op import promote
from ..tensor import Tensor

RULES: dict = {}
FUNCTIONS: dict = {}  # the same for functions that look at numbers, by their names: rule(batch, **arguments)


def rule(*names):
    """Register a function as the rule of some records."""

    def register(fn):
        for name in names:
            RULES[name] = fn
        return fn

    return register


def _words(text: str) -> list:
    return text.split()


# ---- element by element ---------------------------------------------------------------------------------------------

UNARY = _words(
    "alias relu leaky_relu hardtanh elu celu_record erf_gelu tanh_gelu silu mish softplus log_sigmoid softshrink hardshrink hardsigmoid "
    "hardswish neg square reciprocal power_half to_copy clamp clamp_min clamp_max threshold nan_to_num bitwise_not logical_not isnan "
    "isinf isfinite signbit abs sgn angle real imag conj view_as_real view_as_complex floor ceil trunc frac round sign polygamma logit "
    "special_ndtr special_ndtri special_log_ndtr special_erfcx special_entr special_i0e special_i1 special_i1e special_bessel_j0 "
    "special_bessel_j1 special_bessel_y0 special_bessel_y1 special_modified_bessel_k0 special_modified_bessel_k1 "
    "special_scaled_modified_bessel_k0 special_scaled_modified_bessel_k1 exp exp2 expm1 log log10 log2 log1p sqrt rsqrt sin cos tan "
    "asin acos atan sinh cosh tanh asinh acosh atanh sigmoid sinc erf erfc erfinv lgamma digamma i0 deg2rad rad2deg frexp"
)


@rule(*UNARY)
def unary(b, x, *params):
    """One tensor, no dimension looked at."""
    return b.call(b.whole(x), *params)


@rule(
    *_words(
        "add sub rsub mul div pow floor_divide remainder fmod atan2 hypot copysign nextafter heaviside logaddexp logaddexp2 xlogy gcd lcm "
        "maximum minimum fmax fmin eq ne lt le gt ge bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift "
        "logical_and logical_or logical_xor special_zeta special_xlog1py mse_loss"
    )
)
def binary(b, x, y):
    """Two operands that broadcast: the examples' dimensions are counted from the last, the batch stands before them all."""
    n = max(getattr(x, "ndim", 0), getattr(y, "ndim", 0))
    x, y = _typed(b, x, y)
    return b.call(b.lifted(x, n), b.lifted(y, n))


def _typed(b, x, y):
    """The operands in the dtype that the examples have in common: a 0-dim example counts as a number, its batch would not."""
    rec = b.call.record
    if rec.promotes and isinstance(x, Tensor) and isinstance(y, Tensor) and x.dtype is not y.dtype and 0 in (x.ndim, y.ndim):
        xa, ya, _ = promote(rec, np.empty((1,) * x.ndim, x._a.dtype), np.empty((1,) * y.ndim, y._a.dtype))
        from .. import dtypes

        return x.to(dtypes.from_np(xa.dtype)) if x.dtype.np != xa.dtype else x, y.to(
            dtypes.from_np(ya.dtype)
        ) if y.dtype.np != ya.dtype else y
    return x, y


@rule("where", "clamp_between", "prelu_kernel", "rrelu_with_noise", "masked_fill", "masked_fill_tensor", "copy")
def nary(b, *args):
    """Several operands that broadcast, numbers behind them."""
    n = max(t.ndim for t in args if isinstance(t, Tensor))
    if b.call.record.name == "copy":
        return b.call(b.full(args[0]), b.lifted(args[1], n))
    return b.call(*[b.lifted(t, n) for t in args])


@rule("smooth_l1_loss", "huber_loss", "binary_cross_entropy", "soft_margin_loss", "binary_cross_entropy_with_logits")
def loss(b, *args):
    """Element by element, and the sum over n behind it where n is given."""
    *args, n = args
    ndim = max(t.ndim for t in args if isinstance(t, Tensor))
    each = b.call(*[None if t is None else b.lifted(t, ndim) for t in args], None)
    if n is None:
        return each
    flat = each.reshape(b.size, -1)
    return flat.mean(1) if n else flat.sum(1)


@rule("mean_square")
def mean_square(b, x, y, scale):
    """Σ(x - y)²·scale of each example."""
    n = max(x.ndim, y.ndim)
    d = b.lifted(x, n) - b.lifted(y, n)
    return (d * d).reshape(b.size, -1).sum(1) * scale


# ---- along dimensions -----------------------------------------------------------------------------------------------


def _place(axis: int, ndim: int) -> int:
    """A dimension of an example as a dimension of the batch."""
    return (axis % ndim if ndim else 0) + 1


def _places(axis, ndim: int):
    """Several dimensions, or all (None), as dimensions of the batch."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    return tuple(_place(a, ndim) for a in axis) if isinstance(axis, (tuple, list)) else _place(axis, ndim)


_AXIS = {  # the position of the dimension among a record's parameters
    **dict.fromkeys(
        _words("amax amin aminmax sum_dim nansum mean_dim prod_dim all any count_nonzero var std var_mean std_mean logsumexp"), 0
    ),
    "linalg_vector_norm": 1,
}


@rule(*_AXIS)
def reduction(b, x, *params):
    """Some dimensions go, or stay with size 1."""
    at = _AXIS[b.call.record.name]
    whole, axis = b.whole(x), params[at]
    if not x.ndim:  # reducing a number: one dimension for the purpose
        whole, axis = whole[:, None], 1
        params = tuple(False if p is True else p for p in params)
    else:
        axis = _places(axis, x.ndim)
        if axis == ():
            return None
    return b.call(whole, *params[:at], axis, *params[at + 1 :])


@rule("sum", "mean", "prod", "max_full", "min_full")
def total(b, x, *params):
    """One number of each example."""
    flat = b.whole(x).reshape(b.size, -1)
    name = {"max_full": "amax", "min_full": "amin"}.get(b.call.record.name, b.call.record.name)
    from ..dtypes import from_np

    dtype = (
        {"dtype": from_np(np.dtype(params[0])) if not hasattr(params[0], "tensor_type") else params[0]}
        if params and params[0] is not None
        else {}
    )
    return getattr(flat, name)(1, **dtype)


@rule(*_words("max_dim min_dim argmax argmin kthvalue median_dim nanmedian_dim mode"))
def chosen(b, x, *params):
    """One place along a dimension: (…, axis, keepdim) at the end of the parameters."""
    *first, axis, keepdim = params
    if axis is None:
        flat = b.whole(x).reshape(b.size, -1)
        found = b.call(flat, *first, 1, False)
        return found.reshape(b.size, *(1,) * x.ndim) if keepdim else found
    if not x.ndim:
        return b.call(b.whole(x)[:, None], *first, 1, False)
    return b.call(b.whole(x), *first, _place(axis, x.ndim), keepdim)


_ALONG = {
    **dict.fromkeys(_words("softmax log_softmax cumsum cumprod logcumsumexp cummax cummin sort"), 0),
    "topk": 1,
}


@rule(*_ALONG)
def along(b, x, *params):
    """A dimension is worked along and stays."""
    at = _ALONG[b.call.record.name]
    if x.ndim:
        return b.call(b.whole(x), *params[:at], _place(params[at], x.ndim), *params[at + 1 :])
    made = b.call(b.whole(x)[:, None], *params[:at], 1, *params[at + 1 :])
    return tuple(t.squeeze(1) for t in made) if type(made) is tuple else made.squeeze(1)


# ---- shape ----------------------------------------------------------------------------------------------------------


def _filled(shape, numel: int) -> tuple:
    """A shape with its -1 worked out."""
    rest = math.prod(n for n in shape if n != -1)
    return tuple((numel // rest if rest else 0) if n == -1 else n for n in shape)


@rule("view", "reshape")
def reshape(b, x, shape):
    """The examples in another shape."""
    return b.call(b.whole(x), (b.size, *_filled(shape, x.numel())))


@rule("expand")
def expand(b, x, shape):
    """The examples repeated along new dimensions, or those of size 1."""
    return b.call(b.lifted(x, len(shape)), (b.size, *shape))


@rule("unsqueeze")
def unsqueeze(b, x, dim):
    """A new dimension."""
    return b.call(b.whole(x), dim % (x.ndim + 1) + 1)


@rule("squeeze", "squeeze_dim", "squeeze_dims", "flip")
def some_dims(b, x, dims):
    """A list of dimensions."""
    return b.call(b.whole(x), _places(dims, x.ndim)) if x.ndim else b.call(b.whole(x), ())


@rule("permute", "transpose")
def permute(b, x, dims):
    """The dimensions in another order."""
    return b.call(b.whole(x), (0, *[d % x.ndim + 1 for d in dims]))


@rule("t")
def t(b, x):
    """A matrix turned, others as they are."""
    return b.whole(x).transpose(1, 2) if x.ndim == 2 else b.whole(x).view_as(b.whole(x))


@rule("clone")
def clone(b, x, order=None):
    """A copy, the examples' dimensions laid out in an order."""
    return b.call(b.whole(x), None if order is None else (0, *[d + 1 for d in order]))


@rule("view_dtype")
def view_dtype(b, x, dtype):
    """The same bytes as another dtype."""
    return b.call(b.whole(x), dtype) if x.ndim else None


@rule("repeat")
def repeat(b, x, reps):
    """The examples side by side."""
    return b.call(b.lifted(x, len(reps)), (1, *reps))


@rule("roll")
def roll(b, x, shifts, dims=()):
    """The examples shifted; without dims, as one row."""
    if dims == () or dims is None:
        flat = b.whole(x).reshape(b.size, -1)
        return b.call(flat, shifts if isinstance(shifts, (tuple, list)) else (shifts,), (1,)).reshape(b.size, *x.shape)
    return b.call(b.whole(x), shifts, _places(dims, x.ndim))


@rule("diagonal")
def diagonal(b, x, offset, dim1, dim2):
    """A diagonal of two dimensions."""
    return b.call(b.whole(x), offset, _place(dim1, x.ndim), _place(dim2, x.ndim))


@rule("unfold")
def unfold(b, x, dim, size, step):
    """Windows along a dimension."""
    return b.call(b.whole(x), _place(dim, x.ndim), size, step) if x.ndim else None


@rule("tril", "triu")
def triangle(b, x, k):
    """The last two dimensions."""
    return b.call(b.whole(x), k)


@rule("trace")
def trace(b, x):
    """Σ of the diagonal."""
    return b.whole(x).diagonal(0, 1, 2).sum(1)


@rule("cat")
def cat(b, xs, dim):
    """Behind one another: what is the same for all is repeated."""
    parts = [b.full(x) for x in xs if x.shape != (0,) or all(y.ndim == 1 for y in xs)]
    ndim = max(x.ndim for x in xs)
    return b.call(parts, _place(dim, ndim)) if all(x.ndim == ndim or x.shape == (0,) for x in xs) else None


@rule("stack")
def stack(b, xs, dim):
    """Side by side along a new dimension."""
    return b.call([b.full(x) for x in xs], dim % (xs[0].ndim + 1) + 1)


@rule("split", "split_with_sizes")
def split(b, x, sizes, dim):
    """Parts along a dimension."""
    return b.call(b.whole(x), sizes, _place(dim, x.ndim))


@rule("unbind")
def unbind(b, x, dim):
    """The slices along a dimension."""
    return b.call(b.whole(x), _place(dim, x.ndim))


# ---- products -------------------------------------------------------------------------------------------------------


@rule("mm", "bmm")
def matmul(b, x, y):
    """Matrix by matrix."""
    if b.whole(x) is not None and b.whole(y) is None and y.ndim == 2:  # one product of all rows
        whole = b.whole(x)
        return (whole.reshape(-1, x.shape[-1]) @ y).reshape(*whole.shape[:-1], y.shape[-1])
    n = max(x.ndim, y.ndim)
    return b.lifted(x, n) @ b.lifted(y, n)


@rule("mv")
def mv(b, x, y):
    """Matrix by vector."""
    wx, wy = b.whole(x), b.whole(y)
    if wy is None:
        return wx @ y
    return wy @ x.t() if wx is None else (wx @ wy[..., None])[..., 0]


@rule("dot")
def dot(b, x, y):
    """Vector by vector."""
    wx, wy = b.whole(x), b.whole(y)
    if wx is None or wy is None:
        return wy @ x if wx is None else wx @ y
    return (wx[:, None, :] @ wy[..., None])[:, 0, 0]


@rule("addmm")
def addmm(b, c, a, m, beta, alpha):
    """beta·c + alpha·a·m."""
    n = max(a.ndim, m.ndim)
    y = b.lifted(a, n) @ b.lifted(m, n)
    y = y * alpha if alpha != 1 else y
    return y if beta == 0 else y + (b.lifted(c, n) if beta == 1 else b.lifted(c, n) * beta)


@rule("linear")
def linear(b, x, w, bias):
    """x·wᵀ + bias: weights of their own for each example make it a batched product."""
    wx, ww = b.whole(x), b.whole(w)
    if ww is None:
        if bias is None or b.whole(bias) is None:
            return b.call(wx, w, bias)
        y = b.call(b.lifted(x, x.ndim), w, None)
    elif w.ndim != 2:
        return None
    else:
        rows = b.full(x).reshape(b.size, -1, x.shape[-1])
        y = (rows @ ww.transpose(1, 2)).reshape(b.size, *x.shape[:-1], w.shape[0])
    return y if bias is None else y + b.lifted(bias, x.ndim)


# ---- matrices and transforms ----------------------------------------------------------------------------------------


@rule(
    *_words(
        "linalg_det linalg_slogdet linalg_inv linalg_cholesky linalg_svd linalg_svdvals linalg_eigh linalg_eig linalg_eigvalsh "
        "linalg_eigvals linalg_matrix_exp linalg_lu_factor linalg_qr"
    )
)
def matrices(b, x, *params):
    """Matrices in the last two dimensions."""
    return b.call(b.whole(x), *params)


@rule("linalg_solve", "linalg_solve_triangular")
def solve(b, a, y, *params):
    """Systems in the last two dimensions."""
    return b.call(b.lifted(a, y.ndim), b.lifted(y, a.ndim), *params) if a.ndim == y.ndim else None


@rule("fft_c2c")
def fft_c2c(b, x, axes, *params):
    """Transforms along some dimensions."""
    return b.call(b.whole(x), _places(axes, x.ndim), *params)


@rule("fft_r2c")
def fft_r2c(b, x, axis, norm):
    """A real transform along a dimension."""
    return b.call(b.whole(x), _place(axis, x.ndim), norm)


@rule("fft_c2r")
def fft_c2r(b, x, n, axis, norm):
    """Its inverse."""
    return b.call(b.whole(x), n, _place(axis, x.ndim), norm)
