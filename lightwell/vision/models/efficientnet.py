"""EfficientNet B0-B7 (Tan & Le 2019) and EfficientNet v2 (Tan & Le 2021)."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from lightwell import nn
from lightwell.errors.teaching import TypeError, ValueError
from lightwell.vision.models._api import builder, weights
from lightwell.vision.models._utils import _make_divisible, constant_norms
from lightwell.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation
from lightwell.vision.ops.stochastic_depth import StochasticDepth


@dataclass
class _MBConvConfig:
    """One stage: widening, kernel, stride, channels in and out, number of blocks, the block's class."""

    expand_ratio: float
    kernel: int
    stride: int
    input_channels: int
    out_channels: int
    num_layers: int
    block: type

    @staticmethod
    def adjust_channels(channels, width_mult, min_value=None):
        """The scaled number, a multiple of 8."""
        return _make_divisible(channels * width_mult, 8, min_value)


class MBConvConfig(_MBConvConfig):
    """A stage of MBConv blocks, scaled in width and depth."""

    def __init__(self, expand_ratio, kernel, stride, input_channels, out_channels, num_layers, width_mult=1.0, depth_mult=1.0, block=None):
        channels = (self.adjust_channels(c, width_mult) for c in (input_channels, out_channels))
        super().__init__(expand_ratio, kernel, stride, *channels, self.adjust_depth(num_layers, depth_mult), block or MBConv)

    @staticmethod
    def adjust_depth(num_layers, depth_mult):
        """The scaled number of blocks, rounded up."""
        return math.ceil(num_layers * depth_mult)


class FusedMBConvConfig(_MBConvConfig):
    """A stage of FusedMBConv blocks."""

    def __init__(self, expand_ratio, kernel, stride, input_channels, out_channels, num_layers, block=None):
        super().__init__(expand_ratio, kernel, stride, input_channels, out_channels, num_layers, block or FusedMBConv)


class _Block(nn.Module):
    """A chain of layers, left out at random and added to the input where the shapes agree."""

    def __init__(self, cnf, stochastic_depth_prob, norm_layer, *rest):
        super().__init__()
        if cnf.stride not in (1, 2):
            raise ValueError("illegal stride value")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
        wide = cnf.adjust_channels(cnf.input_channels, cnf.expand_ratio)
        self.block = nn.Sequential(*self._layers(cnf, conv, wide, *rest))
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.out_channels = cnf.out_channels

    def forward(self, input):
        result = self.block(input)
        if self.use_res_connect:
            result = self.stochastic_depth(result)
            result += input
        return result


class MBConv(_Block):
    """Widen, filter each channel, weigh the channels, narrow."""

    def __init__(self, cnf, stochastic_depth_prob, norm_layer, se_layer=SqueezeExcitation):
        super().__init__(cnf, stochastic_depth_prob, norm_layer, se_layer)

    def _layers(self, cnf, conv, wide, se_layer):
        if wide != cnf.input_channels:
            yield conv(cnf.input_channels, wide, kernel_size=1)
        yield conv(wide, wide, kernel_size=cnf.kernel, stride=cnf.stride, groups=wide)
        yield se_layer(wide, max(1, cnf.input_channels // 4), activation=partial(nn.SiLU, inplace=True))
        yield conv(wide, cnf.out_channels, kernel_size=1, activation_layer=None)


class FusedMBConv(_Block):
    """Widen by a full convolution, narrow."""

    def _layers(self, cnf, conv, wide):
        if wide != cnf.input_channels:
            yield conv(cnf.input_channels, wide, kernel_size=cnf.kernel, stride=cnf.stride)
            yield conv(wide, cnf.out_channels, kernel_size=1, activation_layer=None)
        else:
            yield conv(cnf.input_channels, cnf.out_channels, kernel_size=cnf.kernel, stride=cnf.stride)


class EfficientNet(nn.Module):
    """EfficientNet of the given stages. Raises ValueError or TypeError for a setting that is no list of configurations.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import efficientnet_b0
    >>> efficientnet_b0(num_classes=4).eval()(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 4])
    """

    def __init__(
        self,
        inverted_residual_setting,
        dropout: float,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        norm_layer=None,
        last_channel: int | None = None,
    ):
        super().__init__()
        rows = inverted_residual_setting
        if not rows:
            raise ValueError("The inverted_residual_setting should not be empty")
        if not (isinstance(rows, Sequence) and all(isinstance(r, _MBConvConfig) for r in rows)):
            raise TypeError("The inverted_residual_setting should be List[MBConvConfig]")
        norm = norm_layer or nn.BatchNorm2d
        conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.SiLU)
        layers = [conv(3, rows[0].input_channels, kernel_size=3, stride=2)]
        total, done = sum(r.num_layers for r in rows), 0
        for row in rows:
            stage, cnf = [], copy.copy(row)
            for _ in range(row.num_layers):
                stage.append(cnf.block(copy.copy(cnf), stochastic_depth_prob * done / total, norm))
                cnf.input_channels, cnf.stride = cnf.out_channels, 1
                done += 1
            layers.append(nn.Sequential(*stage))
        last_in = rows[-1].out_channels
        last = last_channel if last_channel is not None else 4 * last_in
        layers.append(conv(last_in, last, kernel_size=1))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(last, num_classes))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            elif isinstance(m, nn.Linear):
                bound = 1.0 / math.sqrt(m.out_features)
                nn.init.uniform_(m.weight, -bound, bound)
                nn.init.zeros_(m.bias)
        constant_norms(self)

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


_B = [(1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3), (6, 5, 1, 80, 112, 3),
      (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1)]  # fmt: skip
_S = [(1, 3, 1, 24, 24, 2), (4, 3, 2, 24, 48, 4), (4, 3, 2, 48, 64, 4), (4, 3, 2, 64, 128, 6), (6, 3, 1, 128, 160, 9),
      (6, 3, 2, 160, 256, 15)]  # fmt: skip
_M = [(1, 3, 1, 24, 24, 3), (4, 3, 2, 24, 48, 5), (4, 3, 2, 48, 80, 5), (4, 3, 2, 80, 160, 7), (6, 3, 1, 160, 176, 14),
      (6, 3, 2, 176, 304, 18), (6, 3, 1, 304, 512, 5)]  # fmt: skip
_L = [(1, 3, 1, 32, 32, 4), (4, 3, 2, 32, 64, 7), (4, 3, 2, 64, 96, 7), (4, 3, 2, 96, 192, 10), (6, 3, 1, 192, 224, 19),
      (6, 3, 2, 224, 384, 25), (6, 3, 1, 384, 640, 7)]  # fmt: skip


def _v1(width, depth, **kwargs):
    return EfficientNet([MBConvConfig(*row, width_mult=width, depth_mult=depth) for row in _B], **kwargs)


def _v2(table, **kwargs):
    rows = [(FusedMBConvConfig if i < 3 else MBConvConfig)(*row) for i, row in enumerate(table)]
    return EfficientNet(rows, last_channel=1280, **{"norm_layer": partial(nn.BatchNorm2d, eps=1e-03), **kwargs})


_slow = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
EfficientNet_B0_Weights, EfficientNet_B1_Weights, EfficientNet_B2_Weights, EfficientNet_B3_Weights = (
    weights(f"EfficientNet_B{n}_Weights") for n in range(4)
)
EfficientNet_B4_Weights, EfficientNet_B5_Weights, EfficientNet_B6_Weights, EfficientNet_B7_Weights = (
    weights(f"EfficientNet_B{n}_Weights") for n in range(4, 8)
)
EfficientNet_V2_S_Weights, EfficientNet_V2_M_Weights, EfficientNet_V2_L_Weights = (weights(f"EfficientNet_V2_{s}_Weights") for s in "SML")
efficientnet_b0 = builder("efficientnet_b0", EfficientNet_B0_Weights, _v1, 1.0, 1.0, dropout=0.2)
efficientnet_b1 = builder("efficientnet_b1", EfficientNet_B1_Weights, _v1, 1.0, 1.1, dropout=0.2)
efficientnet_b2 = builder("efficientnet_b2", EfficientNet_B2_Weights, _v1, 1.1, 1.2, dropout=0.3)
efficientnet_b3 = builder("efficientnet_b3", EfficientNet_B3_Weights, _v1, 1.2, 1.4, dropout=0.3)
efficientnet_b4 = builder("efficientnet_b4", EfficientNet_B4_Weights, _v1, 1.4, 1.8, dropout=0.4)
efficientnet_b5 = builder("efficientnet_b5", EfficientNet_B5_Weights, _v1, 1.6, 2.2, dropout=0.4, norm_layer=_slow)
efficientnet_b6 = builder("efficientnet_b6", EfficientNet_B6_Weights, _v1, 1.8, 2.6, dropout=0.5, norm_layer=_slow)
efficientnet_b7 = builder("efficientnet_b7", EfficientNet_B7_Weights, _v1, 2.0, 3.1, dropout=0.5, norm_layer=_slow)
efficientnet_v2_s = builder("efficientnet_v2_s", EfficientNet_V2_S_Weights, _v2, _S, dropout=0.2)
efficientnet_v2_m = builder("efficientnet_v2_m", EfficientNet_V2_M_Weights, _v2, _M, dropout=0.3)
efficientnet_v2_l = builder("efficientnet_v2_l", EfficientNet_V2_L_Weights, _v2, _L, dropout=0.4)

__all__ = [n for n in dir() if n.startswith(("EfficientNet", "efficientnet_"))]
