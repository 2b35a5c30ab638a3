"""MobileNet v3 (Howard et al. 2019, Searching for MobileNetV3)."""

from collections.abc import Sequence
from functools import partial

from lightwell import nn
from lightwell.errors.teaching import TypeError, ValueError
from lightwell.vision.models._api import builder, weights
from lightwell.vision.models._utils import _make_divisible, mobile_init
from lightwell.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation

__all__ = ["MobileNetV3", "MobileNet_V3_Large_Weights", "MobileNet_V3_Small_Weights", "mobilenet_v3_large", "mobilenet_v3_small"]


class InvertedResidualConfig:
    """One row of the paper's tables 1 and 2; activation 'RE' is ReLU, 'HS' hardswish."""

    def __init__(self, input_channels, kernel, expanded_channels, out_channels, use_se, activation, stride, dilation, width_mult):
        self.input_channels = self.adjust_channels(input_channels, width_mult)
        self.kernel = kernel
        self.expanded_channels = self.adjust_channels(expanded_channels, width_mult)
        self.out_channels = self.adjust_channels(out_channels, width_mult)
        self.use_se = use_se
        self.use_hs = activation == "HS"
        self.stride = stride
        self.dilation = dilation

    @staticmethod
    def adjust_channels(channels, width_mult):
        """The scaled number, a multiple of 8."""
        return _make_divisible(channels * width_mult, 8)


class InvertedResidual(nn.Module):
    """Widen, filter each channel, weigh the channels, narrow."""

    def __init__(self, cnf, norm_layer, se_layer=partial(SqueezeExcitation, scale_activation=nn.Hardsigmoid)):
        super().__init__()
        if cnf.stride not in (1, 2):
            raise ValueError("illegal stride value")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.Hardswish if cnf.use_hs else nn.ReLU)
        wide, layers = cnf.expanded_channels, []
        if wide != cnf.input_channels:
            layers.append(conv(cnf.input_channels, wide, kernel_size=1))
        stride = 1 if cnf.dilation > 1 else cnf.stride
        layers.append(conv(wide, wide, kernel_size=cnf.kernel, stride=stride, dilation=cnf.dilation, groups=wide))
        if cnf.use_se:
            layers.append(se_layer(wide, _make_divisible(wide // 4, 8)))
        layers.append(conv(wide, cnf.out_channels, kernel_size=1, activation_layer=None))
        self.block = nn.Sequential(*layers)
        self.out_channels = cnf.out_channels
        self._is_cn = cnf.stride > 1

    def forward(self, input):
        result = self.block(input)
        if self.use_res_connect:
            result += input
        return result


class MobileNetV3(nn.Module):
    """MobileNet v3 of the given rows. Raises ValueError or TypeError for a setting that is no list of configurations.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import mobilenet_v3_small
    >>> mobilenet_v3_small(num_classes=4).eval()(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 4])
    """

    def __init__(self, inverted_residual_setting, last_channel, num_classes=1000, block=None, norm_layer=None, dropout=0.2, **kwargs):
        super().__init__()
        rows = inverted_residual_setting
        if not rows:
            raise ValueError("The inverted_residual_setting should not be empty")
        if not (isinstance(rows, Sequence) and all(isinstance(r, InvertedResidualConfig) for r in rows)):
            raise TypeError("The inverted_residual_setting should be List[InvertedResidualConfig]")
        block = block or InvertedResidual
        norm = norm_layer or partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
        conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.Hardswish)
        last_in = rows[-1].out_channels
        self.features = nn.Sequential(
            conv(3, rows[0].input_channels, kernel_size=3, stride=2),
            *(block(row, norm) for row in rows),
            conv(last_in, 6 * last_in, kernel_size=1),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * last_in, last_channel),
            nn.Hardswish(inplace=True),
            nn.Dropout(p=dropout, inplace=True),
            nn.Linear(last_channel, num_classes),
        )
        mobile_init(self)

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _rows(arch, width_mult, half, dilation):
    """(rows, channels of the last linear layer); ``half`` is 2 for the reduced tail, else 1."""
    if arch == "mobilenet_v3_large":
        tail, last = (160 // half, 960 // half), 1280
        table = [
            (16, 3, 16, 16, False, "RE", 1), (16, 3, 64, 24, False, "RE", 2), (24, 3, 72, 24, False, "RE", 1),
            (24, 5, 72, 40, True, "RE", 2), (40, 5, 120, 40, True, "RE", 1), (40, 5, 120, 40, True, "RE", 1),
            (40, 3, 240, 80, False, "HS", 2), (80, 3, 200, 80, False, "HS", 1), (80, 3, 184, 80, False, "HS", 1),
            (80, 3, 184, 80, False, "HS", 1), (80, 3, 480, 112, True, "HS", 1), (112, 3, 672, 112, True, "HS", 1),
            (112, 5, 672, tail[0], True, "HS", 2),
        ]  # fmt: skip
    else:
        tail, last = (96 // half, 576 // half), 1024
        table = [
            (16, 3, 16, 16, True, "RE", 2), (16, 3, 72, 24, False, "RE", 2), (24, 3, 88, 24, False, "RE", 1),
            (24, 5, 96, 40, True, "HS", 2), (40, 5, 240, 40, True, "HS", 1), (40, 5, 240, 40, True, "HS", 1),
            (40, 5, 120, 48, True, "HS", 1), (48, 5, 144, 48, True, "HS", 1), (48, 5, 288, tail[0], True, "HS", 2),
        ]  # fmt: skip
    table += [(tail[0], 5, tail[1], tail[0], True, "HS", 1)] * 2
    dilations = [1] * (len(table) - 3) + [dilation] * 3
    rows = [InvertedResidualConfig(*row, d, width_mult) for row, d in zip(table, dilations)]
    return rows, InvertedResidualConfig.adjust_channels(last // half, width_mult)


def _mobilenet_v3(arch, width_mult=1.0, reduced_tail=False, dilated=False, **kwargs):
    rows, last = _rows(arch, width_mult, 2 if reduced_tail else 1, 2 if dilated else 1)
    return MobileNetV3(rows, last, **kwargs)


MobileNet_V3_Large_Weights, MobileNet_V3_Small_Weights = weights("MobileNet_V3_Large_Weights"), weights("MobileNet_V3_Small_Weights")
mobilenet_v3_large = builder("mobilenet_v3_large", MobileNet_V3_Large_Weights, _mobilenet_v3, "mobilenet_v3_large")
mobilenet_v3_small = builder("mobilenet_v3_small", MobileNet_V3_Small_Weights, _mobilenet_v3, "mobilenet_v3_small")
