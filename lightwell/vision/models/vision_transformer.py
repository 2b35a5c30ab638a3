"""Vision transformer (Dosovitskiy et al. 2021, An Image is Worth 16x16 Words)."""

import math
from collections import OrderedDict
from functools import partial
from typing import Any, NamedTuple

import lightwell
from lightwell import nn
from lightwell.errors.teaching import AssertionError, ValueError
from lightwell.fx import wrap
from lightwell.vision.models._api import builder, overwrite, weights
from lightwell.vision.ops.misc import MLP, Conv2dNormActivation

_NAMES = ("b_16", "b_32", "l_16", "l_32", "h_14")
__all__ = ["VisionTransformer"]
__all__ += [f"ViT_{n.upper()}_Weights" for n in _NAMES]
__all__ += [f"vit_{n}" for n in _NAMES]


def _assert(condition, message):
    """Raise AssertionError with the message, also under ``python -O``."""
    if not condition:
        raise AssertionError(message)


wrap("_assert")  # one step of a traced model: the sizes are known only when it runs


class ConvStemConfig(NamedTuple):
    """One convolution of a stem that takes the place of the patches."""

    out_channels: int
    kernel_size: int
    stride: int
    norm_layer: Any = nn.BatchNorm2d
    activation_layer: Any = nn.ReLU


class MLPBlock(MLP):
    """The perceptron of an encoder block."""

    _version = 2  # version 1 called its layers linear_1 and linear_2

    def __init__(self, in_dim, mlp_dim, dropout):
        super().__init__(in_dim, [mlp_dim, in_dim], activation_layer=nn.GELU, inplace=None, dropout=dropout)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                nn.init.normal_(m.bias, std=1e-6)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        if (local_metadata.get("version") or 1) < 2:
            for old, new in (("linear_1", "0"), ("linear_2", "3")):
                for kind in ("weight", "bias"):
                    if f"{prefix}{old}.{kind}" in state_dict:
                        state_dict[f"{prefix}{new}.{kind}"] = state_dict.pop(f"{prefix}{old}.{kind}")
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


_norm = partial(nn.LayerNorm, eps=1e-6)


class EncoderBlock(nn.Module):
    """x + attention(norm x), then the same with the perceptron."""

    def __init__(self, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer=_norm):
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = nn.MultiheadAttention(hidden_dim, num_heads, dropout=attention_dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input):
        _assert(input.dim() == 3, f"Expected (batch_size, seq_length, hidden_dim) got {input.shape}")
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = self.dropout(x) + input
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Positions added, then the blocks, then a norm."""

    def __init__(self, seq_length, num_layers, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer=_norm):
        super().__init__()
        self.pos_embedding = nn.Parameter(lightwell.empty(1, seq_length, hidden_dim).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        block = lambda: EncoderBlock(num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer)
        self.layers = nn.Sequential(OrderedDict((f"encoder_layer_{i}", block()) for i in range(num_layers)))
        self.ln = norm_layer(hidden_dim)

    def forward(self, input):
        _assert(input.dim() == 3, f"Expected (batch_size, seq_length, hidden_dim) got {input.shape}")
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """Patches of a square picture as words, with a class word before them whose last state is classified.

    Raises AssertionError for pictures of another size than ``image_size``, which the patch size has to divide.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import VisionTransformer
    >>> net = VisionTransformer(image_size=32, patch_size=16, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16, num_classes=3)
    >>> net(torch.zeros(1, 3, 32, 32))
    tensor([[0., 0., 0.]], grad_fn=<AddmmBackward0>)
    """

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
        representation_size: int | None = None,
        norm_layer=_norm,
        conv_stem_configs=None,
    ):
        super().__init__()
        _assert(image_size % patch_size == 0, "Input shape indivisible by patch size!")
        self.image_size, self.patch_size = image_size, patch_size
        self.hidden_dim, self.mlp_dim = hidden_dim, mlp_dim
        self.attention_dropout, self.dropout = attention_dropout, dropout
        self.num_classes, self.representation_size = num_classes, representation_size
        self.norm_layer = norm_layer
        self.conv_proj = _stem(conv_stem_configs, hidden_dim, patch_size)
        self.class_token = nn.Parameter(lightwell.zeros(1, 1, hidden_dim))
        self.seq_length = (image_size // patch_size) ** 2 + 1
        self.encoder = Encoder(self.seq_length, num_layers, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer)
        heads = OrderedDict()
        if representation_size is not None:
            heads["pre_logits"] = nn.Linear(hidden_dim, representation_size)
            heads["act"] = nn.Tanh()
        heads["head"] = nn.Linear(representation_size or hidden_dim, num_classes)
        self.heads = nn.Sequential(heads)
        self._initialise()

    def _initialise(self):
        proj = self.conv_proj
        if isinstance(proj, nn.Conv2d):
            fan_in = proj.in_channels * proj.kernel_size[0] * proj.kernel_size[1]
            nn.init.trunc_normal_(proj.weight, std=math.sqrt(1 / fan_in))
        else:
            proj = proj.conv_last
            nn.init.normal_(proj.weight, mean=0.0, std=math.sqrt(2.0 / proj.out_channels))
        nn.init.zeros_(proj.bias)
        if hasattr(self.heads, "pre_logits"):
            nn.init.trunc_normal_(self.heads.pre_logits.weight, std=math.sqrt(1 / self.heads.pre_logits.in_features))
            nn.init.zeros_(self.heads.pre_logits.bias)
        nn.init.zeros_(self.heads.head.weight)
        nn.init.zeros_(self.heads.head.bias)

    def _process_input(self, x):
        """(N, 3, H, W) to (N, patches, hidden)."""
        n, _, h, w = x.shape
        _assert(h == self.image_size, f"Wrong image height! Expected {self.image_size} but got {h}!")
        _assert(w == self.image_size, f"Wrong image width! Expected {self.image_size} but got {w}!")
        rows, columns = h // self.patch_size, w // self.patch_size
        x = self.conv_proj(x)
        return x.reshape(n, self.hidden_dim, rows * columns).permute(0, 2, 1)

    def forward(self, x):
        x = self._process_input(x)
        n = x.shape[0]
        x = lightwell.cat([self.class_token.expand(n, -1, -1), x], dim=1)
        return self.heads(self.encoder(x)[:, 0])


def _stem(configs, hidden_dim, patch_size):
    """The convolution that makes patches, or the chain of convolutions asked for (Xiao et al. 2021)."""
    if configs is None:
        return nn.Conv2d(3, hidden_dim, kernel_size=patch_size, stride=patch_size)
    stem, channels = nn.Sequential(), 3
    for i, c in enumerate(configs):
        how = dict(kernel_size=c.kernel_size, stride=c.stride, norm_layer=c.norm_layer, activation_layer=c.activation_layer)
        stem.add_module(f"conv_bn_relu_{i}", Conv2dNormActivation(channels, c.out_channels, **how))
        channels = c.out_channels
    stem.add_module("conv_last", nn.Conv2d(channels, hidden_dim, kernel_size=1))
    return stem


def interpolate_embeddings(image_size, patch_size, model_state, interpolation_mode="bicubic", reset_heads=False):
    """The weights of a model, their positions interpolated for pictures of another size; without the heads on request.

    Raises ValueError where the positions are no square.
    """
    old = model_state["encoder.pos_embedding"]
    n, length, hidden = old.shape
    if n != 1:
        raise ValueError(f"Unexpected position embedding shape: {old.shape}")
    side = image_size // patch_size
    if side * side + 1 == length:
        return model_state
    before = math.isqrt(length - 1)
    if before * before != length - 1:
        raise ValueError(f"the {length - 1} positions of the weights are no square, so they cannot be interpolated")
    grid = old[:, 1:].permute(0, 2, 1).reshape(1, hidden, before, before)
    grid = nn.functional.interpolate(grid, size=side, mode=interpolation_mode, align_corners=True)
    new = grid.reshape(1, hidden, side * side).permute(0, 2, 1)
    model_state["encoder.pos_embedding"] = lightwell.cat([old[:, :1], new], dim=1)
    if reset_heads:
        return OrderedDict((k, v) for k, v in model_state.items() if not k.startswith("heads"))
    return model_state


def _vit(patch_size, num_layers, num_heads, hidden_dim, mlp_dim, image_size=224, **kwargs):
    return VisionTransformer(image_size, patch_size, num_layers, num_heads, hidden_dim, mlp_dim, **kwargs)


def _trained(weights, kwargs):
    overwrite(kwargs, "image_size", weights.meta["min_size"][0])


ViT_B_16_Weights, ViT_B_32_Weights, ViT_L_16_Weights, ViT_L_32_Weights, ViT_H_14_Weights = (
    weights(f"ViT_{n.upper()}_Weights") for n in _NAMES
)
vit_b_16 = builder("vit_b_16", ViT_B_16_Weights, _vit, 16, 12, 12, 768, 3072, prepare=_trained)
vit_b_32 = builder("vit_b_32", ViT_B_32_Weights, _vit, 32, 12, 12, 768, 3072, prepare=_trained)
vit_l_16 = builder("vit_l_16", ViT_L_16_Weights, _vit, 16, 24, 16, 1024, 4096, prepare=_trained)
vit_l_32 = builder("vit_l_32", ViT_L_32_Weights, _vit, 32, 24, 16, 1024, 4096, prepare=_trained)
vit_h_14 = builder("vit_h_14", ViT_H_14_Weights, _vit, 14, 32, 16, 1280, 5120, prepare=_trained)
