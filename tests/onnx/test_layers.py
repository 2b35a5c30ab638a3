"""Every layer and function that exports: its file, run in onnxruntime, gives what the module gives, at other batch sizes too."""

import pytest

import lightwell as lw
from tests.onnx.running import agree

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
nn, F = lw.nn, lw.nn.functional


def x(*shape):
    return lw.randn(*shape, generator=lw.Generator().manual_seed(sum(shape)))


def pos(*shape):
    return lw.rand(*shape, generator=lw.Generator().manual_seed(sum(shape))) + 0.1


def ids(n, *shape):
    return lw.randint(0, n, shape, generator=lw.Generator().manual_seed(1))


_MASK = lw.tensor([[True, False, True, True], [False, True, True, False]])

# name -> (module or function, shape behind the batch, or a function of the batch size that gives the arguments)
CASES = {
    "linear": (lambda: nn.Linear(4, 3), (4,)),
    "linear_3d": (lambda: nn.Linear(4, 3), (5, 4)),
    "linear_plain": (lambda: nn.Linear(4, 3, bias=False), (2, 5, 4)),
    "bilinear": (lambda: nn.Bilinear(3, 4, 2), lambda n: (x(n, 3), x(n, 4))),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), (4, 9)),
    "conv2d": (lambda: nn.Conv2d(3, 4, (3, 2), padding=(1, 0), dilation=(2, 1)), (3, 8, 7)),
    "conv2d_same": (lambda: nn.Conv2d(3, 4, 4, padding="same"), (3, 8, 7)),
    "conv2d_reflect": (lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), (3, 8, 7)),
    "conv2d_depthwise": (lambda: nn.Conv2d(4, 4, 3, groups=4, bias=False), (4, 6, 6)),
    "conv3d": (lambda: nn.Conv3d(2, 3, 3, padding=1), (2, 4, 5, 6)),
    "conv_transpose1d": (lambda: nn.ConvTranspose1d(2, 3, 3, stride=2, output_padding=1), (2, 5)),
    "conv_transpose2d": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), (4, 5, 6)),
    "conv_transpose3d": (lambda: nn.ConvTranspose3d(2, 3, 2, stride=2), (2, 3, 3, 3)),
    "batch_norm1d": (lambda: nn.BatchNorm1d(4), (4,)),
    "batch_norm2d": (lambda: _settled(nn.BatchNorm2d(3), x(4, 3, 5, 5)), (3, 5, 5)),
    "batch_norm3d_plain": (lambda: nn.BatchNorm3d(2, affine=False), (2, 3, 3, 3)),
    "batch_norm_unsettled": (lambda: nn.BatchNorm2d(3, track_running_stats=False), (3, 5, 5)),
    "layer_norm": (lambda: nn.LayerNorm(4), (3, 4)),
    "layer_norm_2": (lambda: nn.LayerNorm([3, 4], elementwise_affine=False), (2, 3, 4)),
    "layer_norm_no_bias": (lambda: nn.LayerNorm(4, bias=False), (3, 4)),
    "group_norm": (lambda: nn.GroupNorm(2, 4), (4, 5, 5)),
    "instance_norm1d": (lambda: nn.InstanceNorm1d(3), (3, 6)),
    "instance_norm2d": (lambda: nn.InstanceNorm2d(3, affine=True), (3, 5, 6)),
    "rms_norm": (lambda: nn.RMSNorm(4), (3, 4)),
    "local_response_norm": (lambda: nn.LocalResponseNorm(2), (4, 5, 5)),
    "max_pool1d": (lambda: nn.MaxPool1d(2), (3, 7)),
    "max_pool2d": (lambda: nn.MaxPool2d(3, 2, padding=1), (3, 8, 9)),
    "max_pool2d_ceil": (lambda: nn.MaxPool2d(3, 2, ceil_mode=True), (3, 8, 8)),
    "max_pool2d_indices": (lambda: nn.MaxPool2d(2, return_indices=True), (3, 6, 6)),
    "max_pool2d_dilated": (lambda: nn.MaxPool2d(2, 1, dilation=2), (3, 6, 6)),
    "max_pool3d": (lambda: nn.MaxPool3d(2), (2, 4, 4, 4)),
    "avg_pool1d": (lambda: nn.AvgPool1d(3, 2), (3, 9)),
    "avg_pool2d": (lambda: nn.AvgPool2d(3, 2, padding=1), (3, 8, 9)),
    "avg_pool2d_inside": (lambda: nn.AvgPool2d(3, 2, padding=1, count_include_pad=False), (3, 8, 9)),
    "avg_pool2d_divisor": (lambda: nn.AvgPool2d(2, divisor_override=3), (3, 6, 6)),
    "avg_pool3d": (lambda: nn.AvgPool3d(2), (2, 4, 4, 4)),
    "lp_pool2d": (lambda: nn.LPPool2d(2, 2), (3, 6, 6)),
    "adaptive_avg_pool1d": (lambda: nn.AdaptiveAvgPool1d(1), (3, 7)),
    "adaptive_avg_pool2d": (lambda: nn.AdaptiveAvgPool2d(1), (3, 7, 5)),
    "adaptive_avg_pool2d_uneven": (lambda: nn.AdaptiveAvgPool2d((3, 2)), (3, 7, 5)),
    "adaptive_max_pool2d": (lambda: nn.AdaptiveMaxPool2d(1), (3, 7, 5)),
    "adaptive_max_pool2d_even": (lambda: nn.AdaptiveMaxPool2d((2, 3)), (3, 6, 6)),
    **{
        name: ((lambda name=name: getattr(nn, name)()), (3, 4))
        for name in (
            "ReLU ReLU6 LeakyReLU ELU SELU CELU GELU SiLU Mish Hardswish Hardsigmoid Sigmoid Tanh LogSigmoid PReLU Softplus Hardtanh "
            "Softshrink Hardshrink Softsign Tanhshrink RReLU Identity Dropout"
        ).split()
    },
    "relu_inplace": (lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Sigmoid()), (4,)),
    "gelu_tanh": (lambda: nn.GELU(approximate="tanh"), (4,)),
    "leaky": (lambda: nn.LeakyReLU(0.2), (4,)),
    "softplus_beta": (lambda: nn.Softplus(beta=2, threshold=1), (4,)),
    "threshold": (lambda: nn.Threshold(0.1, 20.0), (4,)),
    "prelu_channels": (lambda: nn.PReLU(3, 0.1), (3, 4, 4)),
    "glu": (lambda: nn.GLU(1), (6, 2)),
    "softmax": (lambda: nn.Softmax(1), (3, 4)),
    "log_softmax": (lambda: nn.LogSoftmax(-1), (3, 4)),
    "softmin": (lambda: nn.Softmin(-1), (3, 4)),
    "embedding": (lambda: nn.Embedding(7, 3, padding_idx=0), lambda n: (ids(7, n, 5),)),
    "flatten": (lambda: nn.Flatten(), (3, 4, 2)),
    "unflatten": (lambda: nn.Unflatten(1, (2, 3)), (6, 4)),
    "pixel_shuffle": (lambda: nn.PixelShuffle(2), (8, 3, 3)),
    "pixel_unshuffle": (lambda: nn.PixelUnshuffle(2), (2, 4, 6)),
    "upsample_nearest": (lambda: nn.Upsample(scale_factor=2), (2, 3, 4)),
    "upsample_nearest_size": (lambda: nn.Upsample(size=(5, 7)), (2, 3, 4)),
    "upsample_bilinear": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), (2, 3, 4)),
    "upsample_corners": (lambda: nn.Upsample(size=(6, 9), mode="bilinear", align_corners=True), (2, 3, 4)),
    "upsample_linear": (lambda: nn.Upsample(scale_factor=3, mode="linear"), (2, 5)),
    "upsample_bicubic": (lambda: nn.Upsample(size=(5, 7), mode="bicubic"), (2, 3, 4)),
    "upsample_trilinear": (lambda: nn.Upsample(scale_factor=2, mode="trilinear"), (2, 3, 4, 2)),
    "downsample": (lambda: lambda v: F.interpolate(v, size=(2, 3), mode="bilinear"), (2, 5, 7)),
    "pad_constant": (lambda: nn.ConstantPad2d((1, 2, -1, 0), 0.5), (2, 4, 4)),
    "pad_reflect": (lambda: nn.ReflectionPad2d((1, 2, 1, 0)), (2, 4, 4)),
    "pad_replicate": (lambda: nn.ReplicationPad2d((1, 2, 0, 3)), (2, 4, 4)),
    "pad_circular": (lambda: lambda v: F.pad(v, (1, 2), mode="circular"), (2, 5)),
    "rnn": (lambda: nn.RNN(4, 3, batch_first=True), (5, 4)),
    "rnn_relu_2": (lambda: nn.RNN(4, 3, 2, nonlinearity="relu", batch_first=True), (5, 4)),
    "gru": (lambda: nn.GRU(4, 3, batch_first=True), (5, 4)),
    "gru_bidirectional": (lambda: nn.GRU(4, 3, 2, bidirectional=True, batch_first=True), (5, 4)),
    "lstm": (lambda: nn.LSTM(4, 3, batch_first=True), (5, 4)),
    "lstm_bidirectional": (lambda: nn.LSTM(4, 3, 2, bidirectional=True, batch_first=True, bias=False), (5, 4)),
    "lstm_states": (lambda: nn.LSTM(4, 3, batch_first=True), lambda n: (x(n, 5, 4), (x(1, n, 3), x(1, n, 3)))),
    "lstm_projected": (lambda: nn.LSTM(4, 3, proj_size=2, batch_first=True), (5, 4)),
    "rnn_cell": (lambda: nn.RNNCell(4, 3), lambda n: (x(n, 4), x(n, 3))),
    "gru_cell": (lambda: nn.GRUCell(4, 3), lambda n: (x(n, 4), x(n, 3))),
    "lstm_cell": (lambda: nn.LSTMCell(4, 3), lambda n: (x(n, 4), (x(n, 3), x(n, 3)))),
    "attention": (lambda: lambda q: F.scaled_dot_product_attention(q, q, q), (2, 5, 4)),
    "attention_causal": (lambda: lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True), (2, 5, 4)),
    "multihead": (lambda: _selfish(nn.MultiheadAttention(4, 2, batch_first=True)), (5, 4)),
    "encoder_layer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (5, 4)),
    "encoder_layer_first": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, norm_first=True, activation="gelu"), (5, 4)),
    "decoder_layer": (lambda: nn.TransformerDecoderLayer(4, 2, 8, batch_first=True), lambda n: (x(n, 3, 4), x(n, 5, 4))),
    "transpose": (lambda: lambda v: v.transpose(1, 2), (3, 4)),
    "permute": (lambda: lambda v: v.permute(0, 3, 1, 2), (3, 4, 2)),
    "reshape": (lambda: lambda v: v.reshape(v.shape[0] * 3, -1), (3, 4)),
    "view_times": (lambda: lambda v: v.view(v.size(0), 2, -1), (3, 4)),
    "cat": (lambda: lambda v: lw.cat([v, v * 2, v], 1), (3, 4)),
    "stack": (lambda: lambda v: lw.stack([v, v + 1], 1), (3,)),
    "split": (lambda: lambda v: v.split([1, 3], 1), (4, 2)),
    "chunk": (lambda: lambda v: v.chunk(2, -1), (4, 4)),
    "unbind": (lambda: lambda v: v.unbind(1), (3, 2)),
    "slice": (lambda: lambda v: v[:, 1:-1, ::2], (4, 5)),
    "select": (lambda: lambda v: (v[:, -1], v[..., 0], v[0], v[-1, 1]), (4, 5)),
    "newaxis": (lambda: lambda v: v[:, None, 1:, ..., None], (4, 5)),
    "batch_slice": (lambda: lambda v: (v[1:], v[:-1], v[: v.shape[0] // 2]), (4,)),
    "gather": (lambda: lambda v, i: v.gather(1, i), lambda n: (x(n, 5), ids(5, n, 3))),
    "index": (lambda: lambda v: v[:, lw.tensor([2, 0, 2])], (3, 4)),
    "index_rows": (lambda: lambda v, i: v[i], lambda n: (x(6, 3), ids(6, n))),
    "index_pairs": (lambda: lambda v, i: v[i, i], lambda n: (x(4, 4), ids(4, n))),
    "index_mask": (lambda: lambda v: v[v > 0], (3,)),
    "index_select": (lambda: lambda v: v.index_select(1, lw.tensor([1, 1, 0])), (3, 4)),
    "expand": (lambda: lambda v: v.unsqueeze(1).expand(-1, 3, -1), (4,)),
    "repeat": (lambda: lambda v: v.repeat(1, 2), (4,)),
    "repeat_batch": (lambda: lambda v: v.repeat(2, 1, 3), (4,)),
    "squeeze": (lambda: lambda v: v.squeeze(1), (1, 4)),
    "where": (lambda: lambda v: lw.where(v > 0, v, -v * 2), (3, 4)),
    "masked_fill": (lambda: lambda v: v.masked_fill(v < 0, -1.0), (3, 4)),
    "mask_buffer": (lambda: lambda v: v.masked_fill(_MASK, float("-inf")).softmax(-1), (2, 4)),
    "arithmetic": (lambda: lambda v, w: (v + w * 2 - 1) / (w.abs() + 0.5) ** 2 + 2 - v, lambda n: (x(n, 4), x(n, 4))),
    "powers": (lambda: lambda v: v**2.5 + v.sqrt() + v.rsqrt() + 1 / v + 2**v, lambda n: (pos(n, 4),)),
    "exponentials": (lambda: lambda v: v.exp() + v.log() + v.log1p() + v.expm1() + v.log2() + v.log10() + v.exp2(), lambda n: (pos(n, 4),)),
    "trigonometry": (lambda: lambda v: v.sin() + v.cos() + v.tanh() + v.atan() + v.erf(), (4,)),
    "rounding": (lambda: lambda v: (v * 3).floor() + v.ceil() + (v * 2).round() + v.sign() + (v * 3).trunc(), (4,)),
    "modulo": (lambda: lambda v: v % 0.7 + v // 0.3, (4,)),
    "whole_numbers": (lambda: lambda i: (i // 2, i % 3, i * 2 + 1, -i, i > 2), lambda n: (ids(9, n, 4) - 4,)),
    "comparisons": (lambda: lambda v, w: ((v > w) & (v != 0)) | ~(v <= w), lambda n: (x(n, 4), x(n, 4))),
    "extremes": (lambda: lambda v, w: lw.maximum(v, w) - lw.minimum(v, w), lambda n: (x(n, 4), x(n, 4))),
    "clamp": (lambda: lambda v: v.clamp(-0.5, 0.3) + v.clamp(min=0) + v.clamp(max=0.1), (4,)),
    "sums": (lambda: lambda v: (v.sum(1), v.sum((1, 2), keepdim=True), v.sum(), v.sum(0)), (3, 4)),
    "means": (lambda: lambda v: (v.mean(-1), v.mean((0, 2)), v.mean(), v.mean(0)), (3, 4)),
    "spread": (lambda: lambda v: (v.var(1), v.std(1, keepdim=True), v.var(0, unbiased=False), v.std(0)), (3, 4)),
    "products": (lambda: lambda v: (v.prod(1), v.amax(1), v.amin((1, 2)), v.max(), v.logsumexp(-1)), (3, 4)),
    "norms": (lambda: lambda v: (v.norm(dim=1), v.norm(p=1, dim=-1), v.norm(), v.norm(float("inf"), 1)), (3, 4)),
    "normalize": (lambda: lambda v: F.normalize(v, dim=1), (3, 4)),
    "cosine": (lambda: lambda v, w: F.cosine_similarity(v, w), lambda n: (x(n, 4), x(n, 4))),
    "max_dim": (lambda: lambda v: v.max(1), (5, 3)),
    "argmax": (lambda: lambda v: (v.argmax(1), v.argmin(-1, keepdim=True), v.argmax()), (5, 3)),
    "topk": (lambda: lambda v: v.topk(3, 1), (5, 2)),
    "sort": (lambda: lambda v: v.sort(1, descending=True), (5,)),
    "cumsum": (lambda: lambda v: v.cumsum(1), (5, 2)),
    "truth": (lambda: lambda v: ((v > 0).any(1), (v > -9).all(), (v > 0).all(-1, keepdim=True)), (3, 4)),
    "matmul": (lambda: lambda v, w: v @ w, lambda n: (x(n, 2, 3), x(n, 3, 4))),
    "matmul_vector": (lambda: lambda v: v @ lw.arange(4.0), (3, 4)),
    "matmul_broadcast": (lambda: lambda v: v @ lw.arange(12.0).reshape(4, 3), (2, 5, 4)),
    "bmm": (lambda: lambda v, w: lw.bmm(v, w.transpose(1, 2)), lambda n: (x(n, 2, 3), x(n, 4, 3))),
    "baddbmm": (lambda: lambda v, w: lw.baddbmm(v, v, w, beta=0.5, alpha=2), lambda n: (x(n, 3, 3), x(n, 3, 3))),
    "addmm": (lambda: lambda v: lw.addmm(lw.ones(3), v, lw.ones(4, 3), beta=2), (4,)),
    "einsum": (lambda: lambda v, w: lw.einsum("bij,bkj->bik", v, w), lambda n: (x(n, 2, 3), x(n, 4, 3))),
    "einsum_heads": (lambda: lambda v: lw.einsum("bqhd,bkhd->bhqk", v, v), (5, 2, 3)),
    "casts": (lambda: lambda v: (v.int(), v.double() * 2, (v > 0).float(), v.long() + 1.5), (4,)),
    "mixed": (lambda: lambda v, i: v * i + i / 2 + (i > 1), lambda n: (x(n, 4), ids(5, n, 4))),
    "flip": (lambda: lambda v: v.flip(1), (4, 2)),
    "roll": (lambda: lambda v: v.roll(2, 1), (5, 2)),
    "tril": (lambda: lambda v: v.tril() + v.triu(1) * 2, (4, 4)),
    "diagonal": (lambda: lambda v: v.diagonal(0, 1, 2), (3, 4)),
    "unfold": (lambda: lambda v: v.unfold(1, 3, 2), (7, 2)),
    "positions": (lambda: lambda v: v + lw.arange(v.shape[1]).unsqueeze(0) + lw.zeros(v.shape[0], 1), (6,)),
    "ones_like": (lambda: lambda v: lw.cat([lw.ones_like(v), lw.zeros(v.shape[0], 2), lw.full_like(v, 3.0)], 1) * 2, (4,)),
    "meshgrid": (lambda: lambda v: v + lw.stack(lw.meshgrid(lw.arange(2.0), lw.arange(3.0), indexing="ij")), (2, 2, 3)),
    "distance": (lambda: lambda v, w: F.pairwise_distance(v, w), lambda n: (x(n, 4), x(n, 4))),
    "mse": (lambda: lambda v, w: F.mse_loss(v, w), lambda n: (x(n, 4), x(n, 4))),
    "channel_shuffle": (lambda: nn.ChannelShuffle(2), (4, 3, 3)),
    "structure": (lambda: lambda v: {"a": v + 1, "b": [v * 2, (v.sum(1),)]}, (4,)),
    "write_part": (lambda: _shifted, (4,)),
    "one_hot": (lambda: lambda i: F.one_hot(i, 5).float(), lambda n: (ids(5, n, 3),)),
    "argsort": (lambda: lambda v: v.argsort(1), (5,)),
    "masked_select": (lambda: lambda v: v.masked_select(v > 0), (4,)),
    "index_fill": (lambda: lambda v: v.index_fill(1, lw.tensor([0, 2]), 7.0), (4,)),
    "index_add": (lambda: lambda v: v.index_add(1, lw.tensor([0, 2, 0]), v[:, 1:]), (4,)),
    "scatter": (lambda: lambda v: v.scatter(1, v[:, :2].argsort(1), v[:, 2:]), (4,)),
    "halves": (lambda: lambda v: v.view(v.shape[0] // 2, 2, -1).mean(1), lambda n: (x(2 * n, 4),)),
    "unfold2d": (lambda: nn.Unfold((2, 3), dilation=(2, 1), padding=1, stride=2), (2, 5, 6)),
    "fold": (lambda: nn.Fold((4, 5), 2), (12, 12)),
    "padding_mask": (lambda: _masked(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)), lambda n: (x(n, 3, 4), lw.tensor([[False, False, True]]).repeat(n, 1) ^ (ids(2, n, 3) > 5))),
    "transformer": (lambda: nn.Transformer(4, 2, 1, 1, 8, batch_first=True), lambda n: (x(n, 3, 4), x(n, 5, 4))),
    "in_place": (lambda: lambda v: (v * 2).add_(1).mul_(v).relu_(), (4,)),
}  # fmt: skip


def _settled(norm, batch):
    """A batch norm that has seen something."""
    norm(batch * 2 + 1)
    return norm


def _shifted(v):
    out = lw.zeros_like(v)
    out[:, 0] = 3
    out[:, 1:] = v[:, :-1] * 2
    return out


def _masked(layer):
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, v, padding):
            return self.layer(v, src_key_padding_mask=padding)

    return Masked()


def _selfish(attention):
    class Self(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = attention

        def forward(self, v):
            return self.attention(v, v, v)

    return Self()


@pytest.mark.parametrize("name", sorted(CASES))
def test_layer(name, tmp_path):
    lw.manual_seed(0)
    make, shape = CASES[name]
    args = shape if callable(shape) else lambda n: (x(n, *shape),)
    names = [f"in{i}" for i in range(3)]
    given = args(2)
    from lightwell.utils._capture import _tensors

    leaves = _tensors(given)
    batch_axis = {"lstm_states": (0, 1, 1), "index_rows": (None, 0), "index_pairs": (None, 0)}.get(name, (0,) * len(leaves))
    axes = {names[i]: {a: "batch"} for i, a in enumerate(batch_axis) if a is not None}
    names = names[: len(leaves)]
    fixed = name == "mask_buffer"
    agree(make(), given, tmp_path / "m.onnx", () if fixed else (args(5), args(3)), input_names=names, dynamic_axes=None if fixed else axes)
