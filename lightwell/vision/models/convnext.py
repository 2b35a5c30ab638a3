"""ConvNeXt (Liu et al. 2022, A ConvNet for the 2020s)."""

from collections.abc import Sequence
from functools import partial

import lightwell
from lightwell import nn
from lightwell.errors.teaching import TypeError, ValueError
from lightwell.vision.models._api import builder, weights
from lightwell.vision.ops.misc import Conv2dNormActivation, Permute
from lightwell.vision.ops.stochastic_depth import StochasticDepth

_SIZES = ("Tiny", "Small", "Base", "Large")
__all__ = ["ConvNeXt"]
__all__ += [f"ConvNeXt_{s}_Weights" for s in _SIZES]
__all__ += [f"convnext_{s.lower()}" for s in _SIZES]


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of (N, C, H, W)."""

    def forward(self, x):
        x = nn.functional.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class CNBlock(nn.Module):
    """7x7 of each channel, norm, widen fourfold, GELU, narrow; scaled, left out at random, added."""

    def __init__(self, dim, layer_scale, stochastic_depth_prob, norm_layer=None):
        super().__init__()
        norm = norm_layer or partial(nn.LayerNorm, eps=1e-6)
        self.block = nn.Sequential(
            nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim, bias=True),
            Permute([0, 2, 3, 1]),
            norm(dim),
            nn.Linear(dim, 4 * dim),
            nn.GELU(),
            nn.Linear(4 * dim, dim),
            Permute([0, 3, 1, 2]),
        )
        self.layer_scale = nn.Parameter(lightwell.ones(dim, 1, 1) * layer_scale)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")

    def forward(self, input):
        return self.stochastic_depth(self.layer_scale * self.block(input)) + input


class CNBlockConfig:
    """One stage: channels, channels of the next (None for the last), number of blocks."""

    def __init__(self, input_channels, out_channels, num_layers):
        self.input_channels = input_channels
        self.out_channels = out_channels
        self.num_layers = num_layers

    def __repr__(self):
        return (
            f"{type(self).__name__}(input_channels={self.input_channels}, out_channels={self.out_channels}, num_layers={self.num_layers})"
        )


class ConvNeXt(nn.Module):
    """ConvNeXt of the given stages. Raises ValueError or TypeError for a setting that is no list of configurations.

    >>> import lightwell as torch
    >>> from lightwell.vision.models.convnext import CNBlockConfig, ConvNeXt
    >>> net = ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=4)
    >>> net(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 4])
    """

    def __init__(
        self,
        block_setting,
        stochastic_depth_prob: float = 0.0,
        layer_scale: float = 1e-6,
        num_classes: int = 1000,
        block=None,
        norm_layer=None,
        **kwargs,
    ):
        super().__init__()
        if not block_setting:
            raise ValueError("The block_setting should not be empty")
        if not (isinstance(block_setting, Sequence) and all(isinstance(s, CNBlockConfig) for s in block_setting)):
            raise TypeError("The block_setting should be List[CNBlockConfig]")
        block, norm = block or CNBlock, norm_layer or partial(LayerNorm2d, eps=1e-6)
        width = block_setting[0].input_channels
        layers = [Conv2dNormActivation(3, width, kernel_size=4, stride=4, padding=0, norm_layer=norm, activation_layer=None, bias=True)]
        total, done = sum(cnf.num_layers for cnf in block_setting), 0
        for cnf in block_setting:
            stage = []
            for _ in range(cnf.num_layers):
                stage.append(block(cnf.input_channels, layer_scale, stochastic_depth_prob * done / (total - 1.0)))
                done += 1
            layers.append(nn.Sequential(*stage))
            width = cnf.input_channels
            if cnf.out_channels is not None:
                layers.append(nn.Sequential(norm(width), nn.Conv2d(width, cnf.out_channels, kernel_size=2, stride=2)))
                width = cnf.out_channels
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(norm(width), nn.Flatten(1), nn.Linear(width, num_classes))
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(m.weight, std=0.02)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)))


def _convnext(widths, depths, **kwargs):
    return ConvNeXt([CNBlockConfig(w, after, d) for w, after, d in zip(widths, [*widths[1:], None], depths)], **kwargs)


ConvNeXt_Tiny_Weights, ConvNeXt_Small_Weights, ConvNeXt_Base_Weights, ConvNeXt_Large_Weights = (
    weights(f"ConvNeXt_{s}_Weights") for s in _SIZES
)
_T, _S = [96, 192, 384, 768], [3, 3, 27, 3]
convnext_tiny = builder("convnext_tiny", ConvNeXt_Tiny_Weights, _convnext, _T, [3, 3, 9, 3], stochastic_depth_prob=0.1)
convnext_small = builder("convnext_small", ConvNeXt_Small_Weights, _convnext, _T, _S, stochastic_depth_prob=0.4)
convnext_base = builder("convnext_base", ConvNeXt_Base_Weights, _convnext, [128, 256, 512, 1024], _S, stochastic_depth_prob=0.5)
convnext_large = builder("convnext_large", ConvNeXt_Large_Weights, _convnext, [192, 384, 768, 1536], _S, stochastic_depth_prob=0.5)
