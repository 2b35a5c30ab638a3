"""How much arithmetic an operation does, by its record: multiply–adds of products, and FLOPs in all.

A multiply–add is one a·b + c of a matrix product, convolution or recurrent cell, and counts two FLOPs. Every other addition,
multiplication, comparison or function of one number (exp, tanh, …) counts one. What only moves numbers (views, copies,
indexing, padding) counts nothing.
"""

import math

from ...tensor import Tensor

_MOVES = frozenset(
    (
        "to_copy as_strided strided_add copy_slices copy reshape clone alias cat stack index index_place index_put setitem repeat flip roll "
        "index_select gather take masked_select masked_fill masked_fill_tensor masked_scatter scatter scatter_value index_copy put_along pick "
        "tril triu constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d "
        "circular_pad im2col embedding where conj real imag view_as_real view_as_complex upsample_nearest1d upsample_nearest2d "
        "upsample_nearest3d upsample_nearest_exact1d upsample_nearest_exact2d upsample_nearest_exact3d pool_take unpool max_unpool2d "
        "max_unpool3d windows isin searchsorted nll_loss"
    ).split()
)
# FLOPs for each element of the first input (or of the result, for names in _BY_RESULT), where it isn't one.
_PER_INPUT = {
    **dict.fromkeys("sum sum_dim nansum mean mean_dim prod prod_dim amax amin max_full min_full max_dim min_dim argmax argmin all any".split(), 1),
    **dict.fromkeys("count_nonzero cumsum cumprod cummax cummin trace adaptive_avg_pool2d adaptive_avg_pool3d bincount".split(), 1),
    **dict.fromkeys("adaptive_max_pool2d adaptive_max_pool3d scatter_add index_add unwindow col2im embedding_bag".split(), 1),
    "aminmax": 2, "linalg_vector_norm": 2, "var": 4, "std": 4, "var_mean": 4, "std_mean": 4, "logsumexp": 4, "logcumsumexp": 4,
    "softmax": 5, "log_softmax": 5, "cross_entropy": 5, "native_batch_norm": 8, "native_layer_norm": 8, "native_group_norm": 8,
    "fixed_batch_norm": 4, "mse_loss": 3, "mean_square": 3, "smooth_l1_loss": 4, "huber_loss": 4, "binary_cross_entropy": 5,
    "binary_cross_entropy_with_logits": 6, "soft_margin_loss": 5,
}  # fmt: skip
# FLOPs for each unit and step of a recurrent layer beside its products: sums of biases and gates, gate functions, the new state.
_CELLS = {"rnn_tanh": 4, "rnn_relu": 4, "gru": 17, "lstm": 21}


def count(record, args: tuple, outputs: tuple) -> tuple[int, int]:
    """(multiply–adds, FLOPs) of one run of an operation, from its arguments and results."""
    name, n = record.name, sum(t._a.size for t in outputs if isinstance(t, Tensor))
    if record.view or name in _MOVES:
        return 0, 0
    sizes = [_shape(a) for a in args]
    size = math.prod(sizes[0]) if sizes and sizes[0] is not None else n
    products = _products(name, sizes, n)
    if products is not None:
        return products
    if name in _PER_INPUT:
        return 0, _PER_INPUT[name] * size
    if name.startswith(("max_pool", "avg_pool", "window_sum")) and len(args) > 1 and isinstance(args[1], (tuple, list)):
        return 0, n * math.prod(args[1])
    if name in ("sort", "topk", "kthvalue", "median", "median_dim", "nanmedian", "nanmedian_dim", "mode"):
        return 0, int(size * max(1.0, math.log2(max(size, 2))))
    if name.startswith("fft_"):
        return 0, int(5 * size * math.log2(max(size, 2)) / (1 if name == "fft_c2c" else 2))
    return 0, n


def _shape(value) -> tuple | None:
    """The shape of a tensor or array; () of a number; None of anything else."""
    if isinstance(value, (int, float)):
        return ()
    shape = getattr(value, "shape", None)
    return None if shape is None else tuple(shape)


def _products(name: str, sizes: list, n: int) -> tuple[int, int] | None:
    """The counts of the operations that multiply matrices; None for any other. `n` is the number of elements of the result."""
    x, w = (sizes + [None, None])[:2]
    bias = len(sizes) > 2 and bool(sizes[2])
    if name in ("mm", "bmm", "mv", "dot") and x:
        return _pair(n * x[-1])
    if name == "addmm" and w:
        return _pair(n * w[-1], n)
    if name == "linear" and x:
        return _pair(n * x[-1], n * bias)
    if name == "sparse_mm" and x and w:
        return _pair(x[0] * math.prod(w[1:]))
    if name == "convolution" and w:  # each element of the result meets one filter
        return _pair(n * math.prod(w[1:]), n * bias)
    if name == "convolution_transpose" and x and w:  # each element of the input meets one filter
        return _pair(math.prod(x) * math.prod(w[1:]), n * bias)
    cell = name.removesuffix("_cell")
    if cell in _CELLS and x:
        at = 3 if cell == "lstm" else 2
        w_ih, w_hh = sizes[at], sizes[at + 1]
        steps = math.prod(x) // x[-1]
        return _pair(steps * (math.prod(w_ih) + math.prod(w_hh)), _CELLS[cell] * steps * w_hh[-1])
    if name in ("linalg_inv", "linalg_solve", "linalg_det", "linalg_slogdet", "linalg_cholesky", "linalg_lu_factor") and x:
        cube = math.prod(x[:-2]) * x[-1] ** 3
        share = {"linalg_inv": 2.0, "linalg_cholesky": 1 / 3}.get(name, 2 / 3)
        right = 2 * x[-1] ** 2 * (w[-1] if name == "linalg_solve" and w and len(w) > 1 else 0)
        return 0, int(cube * share) + right
    return None


def _pair(multiply_adds: int, more: int = 0) -> tuple[int, int]:
    return multiply_adds, 2 * multiply_adds + more
