"""The waist of the hourglass: every function that a formula may call on `xp`, and nothing else.

Names and meanings are the Python array API standard's (2024.12, https://data-apis.org/array-api/2024.12/) where it has
them; what it lacks is listed below with its meaning. Operators, indexing by slices, `.shape`, `.ndim` and `.dtype` of
values belong to the vocabulary too. A reader is a namespace that offers these names: `backend/numpy.py` computes,
`ops/reader.py` computes and records a graph, a tracer notes what was called, a typesetter writes it down.
"""

ELEMENTWISE = (
    "abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_invert bitwise_left_shift bitwise_or "
    "bitwise_right_shift bitwise_xor ceil conj copysign cos cosh divide equal exp expm1 floor floor_divide greater "
    "greater_equal hypot imag isfinite isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and "
    "logical_not logical_or logical_xor maximum minimum multiply negative nextafter not_equal pow real reciprocal "
    "remainder round sign signbit sin sinh sqrt square subtract tan tanh trunc where"
).split()
REDUCE = "all any argmax argmin max mean min prod sum var cumulative_sum cumulative_prod".split()
SHAPE = "broadcast_to concat expand_dims flip permute_dims reshape roll squeeze stack tile".split()
CREATE = "arange asarray astype empty eye full full_like ones ones_like zeros zeros_like tril triu".split()
LINEAR = "matmul matrix_transpose tensordot".split()
SEARCH = "argsort nonzero searchsorted sort take take_along_axis".split()

BEYOND_THE_STANDARD = {
    "erf": "2/√π ∫₀ˣ exp(-t²) dt",
    "erfinv": "the inverse of erf",
    "lgamma": "log |Γ(x)|",
    "digamma": "d log Γ(x) / dx",
    "polygamma": "the n-th derivative of digamma: polygamma(n, x)",
    "erfc, erfcx, ndtr, ndtri, log_ndtr, entr, zeta": "further special functions (backend/special.py)",
    "i0e, i1e, bessel_j0, bessel_j1, bessel_y0, bessel_y1, bessel_k0, bessel_k1": "Bessel functions, scaled or not",
    "relu": "max(x, 0)",
    "relu_pull": "relu_pull(gy, y): gy where y > 0, else 0",
    "softmax, log_softmax": "along an axis; softmax_pull, log_softmax_pull, nll_pull are their derivatives (backend/softmax.py)",
    "moments, scaled, rows_pull": "mean, inverse deviation and variance; the normalisation by them (backend/norm.py)",
    "fused": "fused(formula, *arrays): formula(xp, *arrays), elementwise; the reader may work in blocks",
    "rsqrt": "1/√x",
    "sgn": "x/|x|, 0 at 0, for complex numbers too",
    "angle": "the argument of a complex number",
    "softplus": "log(1 + exp(βx))/β: softplus(x, beta, threshold)",
    "log_sigmoid": "log(sigmoid(x))",
    "erf_gelu": "x·Φ(x)",
    "tanh_gelu": "the approximation of x·Φ(x) by a hyperbolic tangent",
    "view_as_real": "a complex array as pairs of reals, sharing memory; view_as_complex is the way back",
    "sigmoid": "1 / (1 + exp(-x)), without overflow",
    "exp2": "2ˣ",
    "fmod": "the remainder with the sign of the dividend",
    "sinc": "sin(πx) / (πx), 1 at 0",
    "i0": "the modified Bessel function of the first kind, of order 0",
    "i1": "the same, of order 1",
    "index_add": "index_add(shape, key, v): zeros of `shape` with v added at [key], repeated positions added up",
    "index_set": "index_set(x, key, v): a copy of x with v written at [key]",
    "getitem": "getitem(x, key): x[key] with any mixture of slices, integers and arrays",
    "scatter_add": "scatter_add(x, index, v, axis): a copy of x with v added where index says, along one axis",
    "put_along_axis": "put_along_axis(shape, index, v, axis): zeros of `shape` with v written where index says, no place twice",
    "scatter_set": "scatter_set(x, index, v, axis): a copy of x with v written where index says, along one axis",
    "bitcast": "bitcast(x, dtype): the same bytes read as another dtype",
    "scatter_prod": "scatter_prod(x, index, v, axis): a copy of x multiplied by v where index says, along one axis",
    "scatter_extreme": "scatter_extreme(x, index, v, axis, largest): x compared with v where index says",
    "sliding": "sliding(x, axis, size, step): windows along one dimension as a new last one, sharing memory",
    "diagonal": "diagonal(x, offset, axis1, axis2): the diagonal of two dimensions as the last one, sharing memory",
    "square_sum": "Σ x² over axes",
    "strided": "strided(x, shape, strides, offset): a window into x's flat elements, in elements",
    "strided_set": "strided_set(x, v, strides, offset): a copy of x with v written into the window",
    "strided_add": "the adjoint of strided: strided_add(shape, v, strides, offset)",
    "windows": "windows(x, kernel, stride, dilation): (N, C, *space) to (N, C, *out, *kernel), sharing memory",
    "unwindow": "the adjoint of windows: adds overlapping windows up into (N, C, *space)",
    "add_into": "y + x, which may be written over y",
    "convolve": "convolve(x, w, b, stride, padding, dilation, groups): the cross-correlation of x with w, plus b",
    "convolve_adjoint": "the transpose of x ↦ convolve(x, w): convolve_adjoint(g, w, b, space, stride, padding, dilation, groups)",
    "convolve_weight": "convolve's gradient for w: convolve_weight(x, g, kernel, stride, padding, dilation, groups)",
    "max_pool": "the largest value of each window: max_pool(x, kernel, stride, padding, dilation, out)",
    "max_pool_back": "max_pool_back(g, x, y, ...): g added up where the maxima y of x lie",
    "max_pool_indices": "where the maxima y of x lie in x's flattened space",
    "pool_take": "pool_take(x, index): values at flat places of x's space",
    "unpool": "its adjoint: unpool(g, index, space)",
    "window_sum": "the sum of each window: window_sum(x, kernel, stride, padding, out)",
    "window_spread": "its adjoint: window_spread(g, kernel, stride, padding, space)",
    "divide_by": "x / divisor for a number or an array of numbers, in x's dtype",
    "resample": "resample(x, plans): Σ weight·x[index] along dimensions, see backend/resample.py",
    "resample_adjoint": "its adjoint",
    "region_resample": "region_resample(x, plans, size): regions of pictures brought to one size, see backend/regions.py",
    "region_spread": "its adjoint: region_spread(g, plans, shape)",
    "constant_pad": "constant_pad(x, pad, value): value around x; negative pads take places away",
    "rnn, gru, lstm": "a recurrent layer in one direction over a sequence: its outputs, then what its derivative keeps",
    "rnn_back, gru_back, lstm_back": "their adjoints, from (needed, gradients, inputs, kept values)",
    "einsum": "Einstein's summation over named indices",
    "linalg": "decompositions and solvers: det, slogdet, inv, solve, qr, svd, eigh, eig, cholesky, lstsq, pinv",
    "fft": "discrete Fourier transforms",
}

NAMES = frozenset(ELEMENTWISE + REDUCE + SHAPE + CREATE + LINEAR + SEARCH).union(*(key.split(", ") for key in BEYOND_THE_STANDARD))
