"""Swin transformer, versions 1 and 2 (Liu et al. 2021, 2022)."""

import math
from functools import partial

import lightwell
from lightwell import nn
from lightwell.errors.teaching import ValueError
from lightwell.fx import wrap
from lightwell.vision.models._api import builder, weights
from lightwell.vision.ops.misc import MLP, Permute
from lightwell.vision.ops.stochastic_depth import StochasticDepth

_NAMES = ("T", "S", "B", "V2_T", "V2_S", "V2_B")
__all__ = ["SwinTransformer"]
__all__ += [f"Swin_{n}_Weights" for n in _NAMES]
__all__ += [f"swin_{n.lower()}" for n in _NAMES]
F = nn.functional


def _patch_merging_pad(x):
    """(…, H, W, C) as (…, H/2, W/2, 4C), the four pixels of a square one behind the other; odd sizes are padded."""
    h, w, _ = x.shape[-3:]
    x = F.pad(x, (0, 0, 0, w % 2, 0, h % 2))
    return lightwell.cat([x[..., i::2, j::2, :] for j in (0, 1) for i in (0, 1)], -1)


wrap("_patch_merging_pad")


class PatchMerging(nn.Module):
    """Four neighbouring pixels become one with twice the channels: norm, then the linear layer."""

    def __init__(self, dim, norm_layer=nn.LayerNorm):
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(4 * dim)

    def forward(self, x):
        return self.reduction(self.norm(_patch_merging_pad(x)))


class PatchMergingV2(nn.Module):
    """PatchMerging with the norm behind the linear layer."""

    def __init__(self, dim, norm_layer=nn.LayerNorm):
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(2 * dim)

    def forward(self, x):
        return self.norm(self.reduction(_patch_merging_pad(x)))


def _windows(x, size):
    """(B, H, W, …) as (B · windows, pixels of a window, …)."""
    b, h, w, *rest = x.shape
    x = x.reshape(b, h // size[0], size[0], w // size[1], size[1], *rest).transpose(2, 3)
    return x.reshape(-1, size[0] * size[1], *rest)


def _regions(h, w, window, shift):
    """-100 for pairs of pixels of one window that were not neighbours before the shift, else 0: (windows, n, n)."""
    label = lightwell.zeros(1, h, w)
    cuts = [(slice(0, -s), slice(-s, -d), slice(-d, None)) for s, d in zip(window, shift)]
    for i, rows in enumerate(cuts[0]):
        for j, columns in enumerate(cuts[1]):
            label[:, rows, columns] = 3 * i + j
    label = _windows(label, window)
    return (label.unsqueeze(1) != label.unsqueeze(2)).to(lightwell.float32) * -100.0


def shifted_window_attention(
    input,
    qkv_weight,
    proj_weight,
    relative_position_bias,
    window_size,
    num_heads,
    shift_size,
    attention_dropout=0.0,
    dropout=0.0,
    qkv_bias=None,
    proj_bias=None,
    logit_scale=None,
    training=True,
):
    """Attention within windows of a picture (B, H, W, C), which is rolled by ``shift_size`` first.

    softmax(q kᵀ/√d + b) v, or softmax(s cos(q, k) + b) v with ``logit_scale`` = log s (version 2).
    """
    b, h, w, c = input.shape
    x = F.pad(input, (0, 0, 0, -w % window_size[1], 0, -h % window_size[0]))
    full_h, full_w = x.shape[1:3]
    shift = [0 if size >= full else s for s, size, full in zip(shift_size, window_size, (full_h, full_w))]
    if any(shift):
        x = lightwell.roll(x, shifts=(-shift[0], -shift[1]), dims=(1, 2))
    x = _windows(x, window_size)
    n, pixels = x.shape[:2]
    if logit_scale is not None and qkv_bias is not None:  # version 2 has no bias for the keys
        qkv_bias = qkv_bias.clone()
        qkv_bias[c : 2 * c].zero_()
    q, k, v = F.linear(x, qkv_weight, qkv_bias).reshape(n, pixels, 3, num_heads, c // num_heads).permute(2, 0, 3, 1, 4)
    if logit_scale is not None:
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
        scores = scores * lightwell.clamp(logit_scale, max=math.log(100.0)).exp()
    else:
        scores = (q * (c // num_heads) ** -0.5) @ k.transpose(-2, -1)
    scores = scores + relative_position_bias
    if any(shift):
        mask = _regions(full_h, full_w, window_size, shift).to(x.dtype).to(x.device)
        scores = scores.view(b, -1, num_heads, pixels, pixels) + mask.unsqueeze(1)
        scores = scores.view(-1, num_heads, pixels, pixels)
    scores = F.dropout(F.softmax(scores, dim=-1), p=attention_dropout, training=training)
    x = (scores @ v).transpose(1, 2).reshape(n, pixels, c)
    x = F.dropout(F.linear(x, proj_weight, proj_bias), p=dropout, training=training)
    x = x.view(b, full_h // window_size[0], full_w // window_size[1], *window_size, c).transpose(2, 3).reshape(b, full_h, full_w, c)
    if any(shift):
        x = lightwell.roll(x, shifts=(shift[0], shift[1]), dims=(1, 2))
    return x[:, :h, :w, :].contiguous()


wrap("shifted_window_attention")


def _get_relative_position_bias(table, index, window_size):
    """Rows of the table for all pairs of pixels: (1, heads, n, n)."""
    n = window_size[0] * window_size[1]
    return table[index].view(n, n, -1).permute(2, 0, 1).contiguous().unsqueeze(0)


wrap("_get_relative_position_bias")


class ShiftedWindowAttention(nn.Module):
    """`shifted_window_attention` with its weights; each pair of positions in a window has a learnt bias."""

    def __init__(self, dim, window_size, shift_size, num_heads, qkv_bias=True, proj_bias=True, attention_dropout=0.0, dropout=0.0):
        super().__init__()
        if len(window_size) != 2 or len(shift_size) != 2:
            raise ValueError("window_size and shift_size must be of length 2")
        self.window_size, self.shift_size, self.num_heads = window_size, shift_size, num_heads
        self.attention_dropout, self.dropout = attention_dropout, dropout
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim, bias=proj_bias)
        self.define_relative_position_bias_table()
        self.define_relative_position_index()

    def define_relative_position_bias_table(self):
        """One learnt number for each offset and head."""
        wh, ww = self.window_size
        self.relative_position_bias_table = nn.Parameter(lightwell.zeros((2 * wh - 1) * (2 * ww - 1), self.num_heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def define_relative_position_index(self):
        """For each pair of pixels the row of the table that belongs to their offset."""
        wh, ww = self.window_size
        row = lightwell.arange(wh).repeat_interleave(ww)
        column = lightwell.arange(ww).repeat(wh)
        down, right = row[:, None] - row[None, :] + wh - 1, column[:, None] - column[None, :] + ww - 1
        self.register_buffer("relative_position_index", (down * (2 * ww - 1) + right).flatten())

    def _pairs(self, table):
        """Rows of the table for all pairs of pixels: (1, heads, n, n)."""
        return _get_relative_position_bias(table, self.relative_position_index, self.window_size)

    def get_relative_position_bias(self):
        """The bias of each pair, (1, heads, n, n)."""
        return self._pairs(self.relative_position_bias_table)

    def forward(self, x):
        bias = self.get_relative_position_bias()
        return shifted_window_attention(
            x,
            self.qkv.weight,
            self.proj.weight,
            bias,
            self.window_size,
            self.num_heads,
            shift_size=self.shift_size,
            attention_dropout=self.attention_dropout,
            dropout=self.dropout,
            qkv_bias=self.qkv.bias,
            proj_bias=self.proj.bias,
            logit_scale=getattr(self, "logit_scale", None),  # version 2 has one
            training=self.training,
        )


class ShiftedWindowAttentionV2(ShiftedWindowAttention):
    """Version 2: cosine scores, and a small network that gives the bias of an offset."""

    def __init__(self, dim, window_size, shift_size, num_heads, qkv_bias=True, proj_bias=True, attention_dropout=0.0, dropout=0.0):
        super().__init__(dim, window_size, shift_size, num_heads, qkv_bias, proj_bias, attention_dropout, dropout)
        self.logit_scale = nn.Parameter(lightwell.log(10 * lightwell.ones((num_heads, 1, 1))))
        self.cpb_mlp = nn.Sequential(nn.Linear(2, 512), nn.ReLU(inplace=True), nn.Linear(512, num_heads, bias=False))
        if qkv_bias:
            self.qkv.bias.data[dim : 2 * dim].zero_()

    def define_relative_position_bias_table(self):
        """The offsets, scaled to [-8, 8] and then logarithmically."""
        offsets = [lightwell.arange(-(n - 1), n, dtype=lightwell.float32) / (n - 1) * 8 for n in self.window_size]
        table = lightwell.stack(lightwell.meshgrid(*offsets, indexing="ij"), -1).unsqueeze(0)
        table = lightwell.sign(table) * lightwell.log2(lightwell.abs(table) + 1.0) / 3.0
        self.register_buffer("relative_coords_table", table)

    def get_relative_position_bias(self):
        """16 σ(network(offset)) for each pair."""
        return 16 * lightwell.sigmoid(self._pairs(self.cpb_mlp(self.relative_coords_table).view(-1, self.num_heads)))


class SwinTransformerBlock(nn.Module):
    """x + attention(norm x), then the same with the perceptron, both left out at random."""

    def __init__(
        self,
        dim,
        num_heads,
        window_size,
        shift_size,
        mlp_ratio=4.0,
        dropout=0.0,
        attention_dropout=0.0,
        stochastic_depth_prob=0.0,
        norm_layer=nn.LayerNorm,
        attn_layer=ShiftedWindowAttention,
    ):
        super().__init__()
        self.norm1 = norm_layer(dim)
        self.attn = attn_layer(dim, window_size, shift_size, num_heads, attention_dropout=attention_dropout, dropout=dropout)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.norm2 = norm_layer(dim)
        self.mlp = MLP(dim, [int(dim * mlp_ratio), dim], activation_layer=nn.GELU, inplace=None, dropout=dropout)
        for m in self.mlp.modules():
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                nn.init.normal_(m.bias, std=1e-6)

    def forward(self, x):
        x = x + self.stochastic_depth(self.attn(self.norm1(x)))
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


class SwinTransformerBlockV2(SwinTransformerBlock):
    """The block with its norms behind attention and perceptron."""

    def __init__(
        self,
        dim,
        num_heads,
        window_size,
        shift_size,
        mlp_ratio=4.0,
        dropout=0.0,
        attention_dropout=0.0,
        stochastic_depth_prob=0.0,
        norm_layer=nn.LayerNorm,
        attn_layer=ShiftedWindowAttentionV2,
    ):
        super().__init__(
            dim, num_heads, window_size, shift_size, mlp_ratio, dropout, attention_dropout, stochastic_depth_prob, norm_layer, attn_layer
        )

    def forward(self, x):
        x = x + self.stochastic_depth(self.norm1(self.attn(x)))
        return x + self.stochastic_depth(self.norm2(self.mlp(x)))


class SwinTransformer(nn.Module):
    """Stages of window attention, each with half the size and twice the channels of the one before.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import SwinTransformer
    >>> net = SwinTransformer([4, 4], 8, [2, 2], [2, 4], [4, 4], num_classes=3).eval()
    >>> net(torch.zeros(1, 3, 40, 40)).shape
    torch.Size([1, 3])
    """

    def __init__(
        self,
        patch_size,
        embed_dim,
        depths,
        num_heads,
        window_size,
        mlp_ratio=4.0,
        dropout=0.0,
        attention_dropout=0.0,
        stochastic_depth_prob=0.1,
        num_classes=1000,
        norm_layer=None,
        block=None,
        downsample_layer=PatchMerging,
    ):
        super().__init__()
        self.num_classes = num_classes
        block, norm = block or SwinTransformerBlock, norm_layer or partial(nn.LayerNorm, eps=1e-5)
        patch = (patch_size[0], patch_size[1])
        stem = nn.Conv2d(3, embed_dim, kernel_size=patch, stride=patch)
        layers = [nn.Sequential(stem, Permute([0, 2, 3, 1]), norm(embed_dim))]
        done = 0
        for i, depth in enumerate(depths):
            dim, stage = embed_dim * 2**i, []
            for j in range(depth):
                stage.append(
                    block(
                        dim,
                        num_heads[i],
                        window_size=window_size,
                        shift_size=[0 if j % 2 == 0 else w // 2 for w in window_size],
                        mlp_ratio=mlp_ratio,
                        dropout=dropout,
                        attention_dropout=attention_dropout,
                        stochastic_depth_prob=stochastic_depth_prob * float(done) / (sum(depths) - 1),
                        norm_layer=norm,
                    )
                )
                done += 1
            layers.append(nn.Sequential(*stage))
            if i < len(depths) - 1:
                layers.append(downsample_layer(dim, norm))
        self.features = nn.Sequential(*layers)
        width = embed_dim * 2 ** (len(depths) - 1)
        self.norm = norm(width)
        self.permute = Permute([0, 3, 1, 2])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten(1)
        self.head = nn.Linear(width, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.trunc_normal_(m.weight, std=0.02)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.head(self.flatten(self.avgpool(self.permute(self.norm(self.features(x))))))


def _swin(embed_dim, depths, num_heads, window, v2, **kwargs):
    second = dict(block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2) if v2 else {}
    return SwinTransformer([4, 4], embed_dim, depths, num_heads, [window, window], **{**second, **kwargs})


Swin_T_Weights, Swin_S_Weights, Swin_B_Weights = (weights(f"Swin_{n}_Weights") for n in "TSB")
Swin_V2_T_Weights, Swin_V2_S_Weights, Swin_V2_B_Weights = (weights(f"Swin_V2_{n}_Weights") for n in "TSB")
_small, _large, _heads, _more = [2, 2, 6, 2], [2, 2, 18, 2], [3, 6, 12, 24], [4, 8, 16, 32]
swin_t = builder("swin_t", Swin_T_Weights, _swin, 96, _small, _heads, 7, False, stochastic_depth_prob=0.2)
swin_s = builder("swin_s", Swin_S_Weights, _swin, 96, _large, _heads, 7, False, stochastic_depth_prob=0.3)
swin_b = builder("swin_b", Swin_B_Weights, _swin, 128, _large, _more, 7, False, stochastic_depth_prob=0.5)
swin_v2_t = builder("swin_v2_t", Swin_V2_T_Weights, _swin, 96, _small, _heads, 8, True, stochastic_depth_prob=0.2)
swin_v2_s = builder("swin_v2_s", Swin_V2_S_Weights, _swin, 96, _large, _heads, 8, True, stochastic_depth_prob=0.3)
swin_v2_b = builder("swin_v2_b", Swin_V2_B_Weights, _swin, 128, _large, _more, 8, True, stochastic_depth_prob=0.5)
