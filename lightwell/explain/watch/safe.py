"""Which operations need no look: those that give finite numbers for finite numbers, forward and backward.

What is not listed is looked at. An operation may be listed only where no finite input can make its value (or its derivative, for a
finite gradient and finite saved values) infinite or NaN in exact arithmetic and in floating point: it moves data, or is bounded.
"""

# Values are moved, compared, rounded or counted.
MOVES = frozenset(
    """
    view reshape unsqueeze squeeze squeeze_dim squeeze_dims alias clone permute transpose t expand as_strided
    cat stack select slice new_dims index repeat flip roll diagonal unfold index_select gather take masked_select
    split split_with_sizes unbind tril triu real imag conj view_as_real view_as_complex circular_pad
    reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d
    im2col windows pool_take pick sort topk kthvalue median nanmedian median_dim nanmedian_dim mode cummax cummin
    embedding upsample_nearest1d upsample_nearest2d upsample_nearest3d
    """.split()
)
COUNTS = frozenset(
    """
    eq ne lt le gt ge isnan isinf isfinite signbit logical_and logical_or logical_xor logical_not all any count_nonzero argmax argmin
    bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift searchsorted isin bincount histogram
    floor ceil trunc frac round sign sgn heaviside
    """.split()
)
# |y| ≤ max(1, |x|) or so, for finite x.
BOUNDED = frozenset(
    """
    relu hardtanh clamp_between maximum minimum fmax fmin abs neg sigmoid tanh atan erf
    hardsigmoid softshrink hardshrink max_full min_full amax amin aminmax max_dim min_dim
    max_pool2d max_pool3d max_pool2d_with_indices max_pool3d_with_indices adaptive_max_pool2d adaptive_max_pool3d
    """.split()
)
FORWARD = MOVES | COUNTS | BOUNDED

# gx has each number of gy at most once, or times something of size at most 1; sums are spread, not added up.
BACKWARD = COUNTS | frozenset(
    """
    view reshape unsqueeze squeeze squeeze_dim squeeze_dims alias clone permute transpose t cat stack select slice new_dims
    flip roll diagonal split split_with_sizes unbind tril triu real imag conj masked_select
    relu hardtanh clamp_between clamp clamp_min clamp_max abs neg sigmoid tanh hardsigmoid softshrink hardshrink threshold where masked_fill
    sum sum_dim mean mean_dim
    """.split()
)
# A kernel of native code may take their values from elsewhere than the formula does; these are looked at all the same: see tests.

ACTIVATIONS = {  # what "dead" or "saturated" means for a layer of them
    "relu": "dead", "threshold": "dead", "hardtanh": "flat", "sigmoid": "flat", "tanh": "flat", "hardsigmoid": "flat",
}  # fmt: skip
WEIGHED = frozenset("linear addmm mm bmm mv matmul convolution convolution_transpose rnn_tanh rnn_relu gru lstm".split())
LOOPS = frozenset("rnn_tanh rnn_relu gru lstm".split())  # a whole sequence in one operation
