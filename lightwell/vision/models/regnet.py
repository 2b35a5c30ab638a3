"""RegNet X and Y (Radosavovic et al. 2020, Designing Network Design Spaces)."""

import math
from collections import OrderedDict
from functools import partial
from itertools import groupby

from lightwell import nn
from lightwell.errors.teaching import ValueError
from lightwell.vision.models._api import builder, weights
from lightwell.vision.models._utils import _make_divisible
from lightwell.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation


class SimpleStemIN(Conv2dNormActivation):
    """A 3x3 convolution with stride 2."""

    def __init__(self, width_in, width_out, norm_layer, activation_layer):
        super().__init__(width_in, width_out, kernel_size=3, stride=2, norm_layer=norm_layer, activation_layer=activation_layer)


class BottleneckTransform(nn.Sequential):
    """1x1, grouped 3x3, channels weighed (RegNet Y), 1x1."""

    def __init__(self, width_in, width_out, stride, norm_layer, activation_layer, group_width, bottleneck_multiplier, se_ratio):
        inner = round(width_out * bottleneck_multiplier)
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=activation_layer)
        layers = OrderedDict()
        layers["a"] = conv(width_in, inner, kernel_size=1, stride=1)
        layers["b"] = conv(inner, inner, kernel_size=3, stride=stride, groups=inner // group_width)
        if se_ratio:
            layers["se"] = SqueezeExcitation(inner, round(se_ratio * width_in), activation=activation_layer)
        layers["c"] = conv(inner, width_out, kernel_size=1, stride=1, activation_layer=None)
        super().__init__(layers)


class ResBottleneckBlock(nn.Module):
    """y = activation(x + f(x)), with x projected where the shape changes."""

    def __init__(
        self,
        width_in,
        width_out,
        stride,
        norm_layer,
        activation_layer,
        group_width=1,
        bottleneck_multiplier=1.0,
        se_ratio=None,
    ):
        super().__init__()
        self.proj = None
        if width_in != width_out or stride != 1:
            self.proj = Conv2dNormActivation(
                width_in, width_out, kernel_size=1, stride=stride, norm_layer=norm_layer, activation_layer=None
            )
        self.f = BottleneckTransform(
            width_in, width_out, stride, norm_layer, activation_layer, group_width, bottleneck_multiplier, se_ratio
        )
        self.activation = activation_layer(inplace=True)

    def forward(self, x):
        return self.activation((x if self.proj is None else self.proj(x)) + self.f(x))


class AnyStage(nn.Sequential):
    """Blocks of one width, the first with the stride."""

    def __init__(
        self,
        width_in,
        width_out,
        stride,
        depth,
        block_constructor,
        norm_layer,
        activation_layer,
        group_width,
        bottleneck_multiplier,
        se_ratio=None,
        stage_index=0,
    ):
        super().__init__()
        rest = (norm_layer, activation_layer, group_width, bottleneck_multiplier, se_ratio)
        for i in range(depth):
            block = block_constructor(width_out if i else width_in, width_out, 1 if i else stride, *rest)
            self.add_module(f"block{stage_index}-{i}", block)


class BlockParams:
    """Depth, width, group width, bottleneck ratio and stride of each stage."""

    def __init__(self, depths, widths, group_widths, bottleneck_multipliers, strides, se_ratio=None):
        self.depths, self.widths, self.group_widths = depths, widths, group_widths
        self.bottleneck_multipliers, self.strides, self.se_ratio = bottleneck_multipliers, strides, se_ratio

    @classmethod
    def from_init_params(cls, depth, w_0, w_a, w_m, group_width, bottleneck_multiplier=1.0, se_ratio=None, **kwargs):
        """Widths u_j = w_0 + w_a j, rounded to w_0 w_m^s for whole s and to multiples of 8; equal ones make a stage.

        Raises ValueError for parameters that give no widths.
        """
        if w_a < 0 or w_0 <= 0 or w_m <= 1 or w_0 % 8 != 0:
            raise ValueError(f"Invalid RegNet settings: w_0={w_0} (a multiple of 8), w_a={w_a} (>= 0), w_m={w_m} (> 1)")
        steps = [round(math.log((w_0 + w_a * j) / w_0) / math.log(w_m)) for j in range(depth)]
        widths = [round(w_0 * w_m**s / 8) * 8 for s in steps]
        stages = [(w, len(list(same))) for w, same in groupby(widths)]
        groups, fitted = [], []
        for w, _ in stages:  # a group holds whole channels
            inner = int(w * bottleneck_multiplier)
            groups.append(min(group_width, inner))
            fitted.append(int(_make_divisible(inner, groups[-1]) / bottleneck_multiplier))
        n = len(stages)
        return cls([d for _, d in stages], fitted, groups, [bottleneck_multiplier] * n, [2] * n, se_ratio)

    def _get_expanded_params(self):
        return zip(self.widths, self.strides, self.depths, self.group_widths, self.bottleneck_multipliers)


class RegNet(nn.Module):
    """RegNet of the given stages.

    >>> import lightwell as torch
    >>> from lightwell.vision.models.regnet import BlockParams, RegNet
    >>> params = BlockParams.from_init_params(depth=4, w_0=8, w_a=8.0, w_m=2.0, group_width=8)
    >>> RegNet(params, num_classes=4)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 4])
    """

    def __init__(self, block_params, num_classes=1000, stem_width=32, stem_type=None, block_type=None, norm_layer=None, activation=None):
        super().__init__()
        norm, act = norm_layer or nn.BatchNorm2d, activation or nn.ReLU
        self.stem = (stem_type or SimpleStemIN)(3, stem_width, norm, act)
        width, stages = stem_width, OrderedDict()
        for i, (out, stride, depth, groups, multiplier) in enumerate(block_params._get_expanded_params(), 1):
            how = (block_type or ResBottleneckBlock, norm, act, groups, multiplier, block_params.se_ratio)
            stages[f"block{i}"] = AnyStage(width, out, stride, depth, *how, stage_index=i)
            width = out
        self.trunk_output = nn.Sequential(stages)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(width, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                fan_out = m.kernel_size[0] * m.kernel_size[1] * m.out_channels
                nn.init.normal_(m.weight, mean=0.0, std=math.sqrt(2.0 / fan_out))
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.ones_(m.weight)
                nn.init.zeros_(m.bias)
            elif isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, mean=0.0, std=0.01)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.fc(self.avgpool(self.trunk_output(self.stem(x))).flatten(1))


def _regnet(depth, w_0, w_a, w_m, group_width, se_ratio, **kwargs):
    return RegNet(BlockParams.from_init_params(depth, w_0, w_a, w_m, group_width, se_ratio=se_ratio), **kwargs)


def _named(name, depth, w_0, w_a, w_m, group_width, se_ratio):
    """The builder regnet_<name> and its weights, as names of this module."""
    enumeration = globals()[f"RegNet_{name.upper()}_Weights"] = weights(f"RegNet_{name.upper()}_Weights")
    globals()[f"regnet_{name}"] = builder(f"regnet_{name}", enumeration, _regnet, depth, w_0, w_a, w_m, group_width, se_ratio)


for _row in (
    ("y_400mf", 16, 48, 27.89, 2.09, 8, 0.25), ("y_800mf", 14, 56, 38.84, 2.4, 16, 0.25), ("y_1_6gf", 27, 48, 20.71, 2.65, 24, 0.25),
    ("y_3_2gf", 21, 80, 42.63, 2.66, 24, 0.25), ("y_8gf", 17, 192, 76.82, 2.19, 56, 0.25), ("y_16gf", 18, 200, 106.23, 2.48, 112, 0.25),
    ("y_32gf", 20, 232, 115.89, 2.53, 232, 0.25), ("y_128gf", 27, 456, 160.83, 2.52, 264, 0.25),
    ("x_400mf", 22, 24, 24.48, 2.54, 16, None), ("x_800mf", 16, 56, 35.73, 2.28, 16, None), ("x_1_6gf", 18, 80, 34.01, 2.25, 24, None),
    ("x_3_2gf", 25, 88, 26.31, 2.25, 48, None), ("x_8gf", 23, 80, 49.56, 2.88, 120, None), ("x_16gf", 22, 216, 55.59, 2.1, 128, None),
    ("x_32gf", 23, 320, 69.86, 2.0, 168, None),
):  # fmt: skip
    _named(*_row)

__all__ = [n for n in dir() if n.startswith(("RegNet", "regnet_"))]
