"""Inception v3 (Szegedy et al. 2016, Rethinking the Inception Architecture for Computer Vision)."""

import warnings
from collections import namedtuple

import lightwell
from lightwell import nn
from lightwell.errors.teaching import ValueError
from lightwell.vision.models._api import builder, weights
from lightwell.vision.models._inception_parts import BasicConv2d, normal_init, rescaled, trained

from ...errors.level import users_level

__all__ = ["Inception3", "InceptionOutputs", "Inception_V3_Weights", "_InceptionOutputs", "inception_v3"]

InceptionOutputs = namedtuple("InceptionOutputs", ["logits", "aux_logits"])
_InceptionOutputs = InceptionOutputs
F = nn.functional


class _Branches(nn.Module):
    """Chains of convolutions side by side, each chain named by the prefix of its layers."""

    def chain(self, x, *names):
        """The layers of these names, one after the other."""
        for name in names:
            x = getattr(self, name)(x)
        return x

    def add(self, conv, in_channels, **layers):
        """Register convolutions (input channels or None for those of the block, output channels, kernel[, stride])."""
        for name, (inner, out, kernel, *stride) in layers.items():
            pad = {} if stride or kernel == 1 else {"padding": kernel // 2 if isinstance(kernel, int) else tuple(k // 2 for k in kernel)}
            step = {"stride": stride[0]} if stride else {}
            setattr(self, name, conv(inner or in_channels, out, kernel_size=kernel, **step, **pad))


class InceptionA(_Branches):
    """1x1; 5x5; two 3x3; mean and 1x1."""

    def __init__(self, in_channels, pool_features, conv_block=None):
        super().__init__()
        self.add(
            conv_block or BasicConv2d, in_channels,
            branch1x1=(None, 64, 1),
            branch5x5_1=(None, 48, 1), branch5x5_2=(48, 64, 5),
            branch3x3dbl_1=(None, 64, 1), branch3x3dbl_2=(64, 96, 3), branch3x3dbl_3=(96, 96, 3),
            branch_pool=(None, pool_features, 1),
        )  # fmt: skip

    def forward(self, x):
        one = self.branch1x1(x)
        five = self.chain(x, "branch5x5_1", "branch5x5_2")
        three = self.chain(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
        pool = self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return lightwell.cat([one, five, three, pool], 1)


class InceptionB(_Branches):
    """3x3 with stride 2; two 3x3 of which the last has it; max-pooling."""

    def __init__(self, in_channels, conv_block=None):
        super().__init__()
        self.add(
            conv_block or BasicConv2d, in_channels,
            branch3x3=(None, 384, 3, 2),
            branch3x3dbl_1=(None, 64, 1), branch3x3dbl_2=(64, 96, 3), branch3x3dbl_3=(96, 96, 3, 2),
        )  # fmt: skip

    def forward(self, x):
        single = self.branch3x3(x)
        three = self.chain(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
        return lightwell.cat([single, three, F.max_pool2d(x, kernel_size=3, stride=2)], 1)


class InceptionC(_Branches):
    """1x1; 7x7 as 1x7 and 7x1; the same twice; mean and 1x1."""

    def __init__(self, in_channels, channels_7x7, conv_block=None):
        super().__init__()
        c, row, column = channels_7x7, (1, 7), (7, 1)
        self.add(
            conv_block or BasicConv2d, in_channels,
            branch1x1=(None, 192, 1),
            branch7x7_1=(None, c, 1), branch7x7_2=(c, c, row), branch7x7_3=(c, 192, column),
            branch7x7dbl_1=(None, c, 1), branch7x7dbl_2=(c, c, column), branch7x7dbl_3=(c, c, row),
            branch7x7dbl_4=(c, c, column), branch7x7dbl_5=(c, 192, row),
            branch_pool=(None, 192, 1),
        )  # fmt: skip

    def forward(self, x):
        one = self.branch1x1(x)
        seven = self.chain(x, "branch7x7_1", "branch7x7_2", "branch7x7_3")
        double = self.chain(x, *(f"branch7x7dbl_{i}" for i in range(1, 6)))
        pool = self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return lightwell.cat([one, seven, double, pool], 1)


class InceptionD(_Branches):
    """3x3 with stride 2; 7x7 and then such a 3x3; max-pooling."""

    def __init__(self, in_channels, conv_block=None):
        super().__init__()
        self.add(
            conv_block or BasicConv2d, in_channels,
            branch3x3_1=(None, 192, 1), branch3x3_2=(192, 320, 3, 2),
            branch7x7x3_1=(None, 192, 1), branch7x7x3_2=(192, 192, (1, 7)), branch7x7x3_3=(192, 192, (7, 1)),
            branch7x7x3_4=(192, 192, 3, 2),
        )  # fmt: skip

    def forward(self, x):
        three = self.chain(x, "branch3x3_1", "branch3x3_2")
        seven = self.chain(x, *(f"branch7x7x3_{i}" for i in range(1, 5)))
        return lightwell.cat([three, seven, F.max_pool2d(x, kernel_size=3, stride=2)], 1)


class InceptionE(_Branches):
    """1x1; 3x3 split into 1x3 beside 3x1; the same behind another 3x3; mean and 1x1."""

    def __init__(self, in_channels, conv_block=None):
        super().__init__()
        self.add(
            conv_block or BasicConv2d, in_channels,
            branch1x1=(None, 320, 1),
            branch3x3_1=(None, 384, 1), branch3x3_2a=(384, 384, (1, 3)), branch3x3_2b=(384, 384, (3, 1)),
            branch3x3dbl_1=(None, 448, 1), branch3x3dbl_2=(448, 384, 3),
            branch3x3dbl_3a=(384, 384, (1, 3)), branch3x3dbl_3b=(384, 384, (3, 1)),
            branch_pool=(None, 192, 1),
        )  # fmt: skip

    def forward(self, x):
        one, three = self.branch1x1(x), self.branch3x3_1(x)
        three = lightwell.cat([self.branch3x3_2a(three), self.branch3x3_2b(three)], 1)
        double = self.chain(x, "branch3x3dbl_1", "branch3x3dbl_2")
        double = lightwell.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1)
        pool = self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return lightwell.cat([one, three, double, pool], 1)


class InceptionAux(nn.Module):
    """A classifier on the 17x17 features."""

    def __init__(self, in_channels, num_classes, conv_block=None):
        super().__init__()
        conv = conv_block or BasicConv2d
        self.conv0 = conv(in_channels, 128, kernel_size=1)
        self.conv1 = conv(128, 768, kernel_size=5)
        self.conv1.stddev = 0.01
        self.fc = nn.Linear(768, num_classes)
        self.fc.stddev = 0.001

    def forward(self, x):
        x = self.conv1(self.conv0(F.avg_pool2d(x, kernel_size=5, stride=3)))
        return self.fc(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


class Inception3(nn.Module):
    """Inception v3 for pictures of 299x299; in training with ``aux_logits`` the output is (logits, aux_logits).

    >>> from lightwell.vision.models import inception_v3
    >>> net = inception_v3(num_classes=10, aux_logits=False, init_weights=False)
    >>> net.fc
    Linear(in_features=2048, out_features=10, bias=True)
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        inception_blocks=None,
        init_weights: bool | None = None,
        dropout: float = 0.5,
    ):
        super().__init__()
        if init_weights is None:
            warnings.warn(
                "The default weight initialization of inception_v3 will be changed in future releases of torchvision. "
                "If you wish to keep the old behavior, please set init_weights=True.",
                FutureWarning,
                stacklevel=users_level(),
            )
            init_weights = True
        blocks = inception_blocks or [BasicConv2d, InceptionA, InceptionB, InceptionC, InceptionD, InceptionE, InceptionAux]
        if len(blocks) != 7:
            raise ValueError(f"length of inception_blocks should be 7 instead of {len(blocks)}")
        conv, a, b, c, d, e, aux = blocks
        self.aux_logits, self.transform_input = aux_logits, transform_input
        self.Conv2d_1a_3x3 = conv(3, 32, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = conv(32, 32, kernel_size=3)
        self.Conv2d_2b_3x3 = conv(32, 64, kernel_size=3, padding=1)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = conv(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = conv(80, 192, kernel_size=3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Mixed_5b = a(192, pool_features=32)
        self.Mixed_5c = a(256, pool_features=64)
        self.Mixed_5d = a(288, pool_features=64)
        self.Mixed_6a = b(288)
        self.Mixed_6b = c(768, channels_7x7=128)
        self.Mixed_6c = c(768, channels_7x7=160)
        self.Mixed_6d = c(768, channels_7x7=160)
        self.Mixed_6e = c(768, channels_7x7=192)
        self.AuxLogits = aux(768, num_classes) if aux_logits else None
        self.Mixed_7a = d(768)
        self.Mixed_7b = e(1280)
        self.Mixed_7c = e(2048)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(2048, num_classes)
        if init_weights:
            normal_init(self, lambda m: float(getattr(m, "stddev", 0.1)))

    def forward(self, x):
        x = rescaled(x) if self.transform_input else x
        x = self.maxpool1(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = self.maxpool2(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        aux = self.AuxLogits(x) if self.training and self.AuxLogits is not None else None
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        x = self.fc(self.dropout(self.avgpool(x)).flatten(1))
        return InceptionOutputs(x, aux) if self.training and self.aux_logits else x


def _finish(model, weights, kwargs):
    """Without aux_logits asked for (they are by default), the classifier that came with the file goes again."""
    if weights is not None and not kwargs.get("aux_logits", True):
        model.aux_logits, model.AuxLogits = False, None


Inception_V3_Weights = weights("Inception_V3_Weights")
inception_v3 = builder("inception_v3", Inception_V3_Weights, Inception3, prepare=trained, finish=_finish)
