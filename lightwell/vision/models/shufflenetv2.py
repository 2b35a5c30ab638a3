"""ShuffleNet v2 (Ma et al. 2018, Practical Guidelines for Efficient CNN Architecture Design)."""

import lightwell
from lightwell import nn
from lightwell.errors.teaching import ValueError
from lightwell.vision.models._api import builder, weights

_NAMES = ("0_5", "1_0", "1_5", "2_0")
__all__ = ["ShuffleNetV2"]
__all__ += [f"ShuffleNet_V2_X{n}_Weights" for n in _NAMES]
__all__ += [f"shufflenet_v2_x{n}" for n in _NAMES]


def channel_shuffle(x, groups: int):
    """Channels dealt out anew: (groups, n) becomes (n, groups)."""
    b, c, h, w = x.size()
    return x.view(b, groups, c // groups, h, w).transpose(1, 2).contiguous().view(b, c, h, w)


class InvertedResidual(nn.Module):
    """Half the channels pass (or are filtered with the stride), half are filtered; then they are shuffled."""

    def __init__(self, inp, oup, stride):
        super().__init__()
        if not 1 <= stride <= 3:
            raise ValueError("illegal stride value")
        self.stride = stride
        half = oup // 2
        if stride == 1 and inp != half << 1:
            raise ValueError(f"Invalid combination of stride {stride}, inp {inp} and oup {oup}: stride 1 needs inp == oup, an even number")
        if stride > 1:
            self.branch1 = nn.Sequential(
                self.depthwise_conv(inp, inp, kernel_size=3, stride=stride, padding=1),
                nn.BatchNorm2d(inp),
                nn.Conv2d(inp, half, kernel_size=1, stride=1, padding=0, bias=False),
                nn.BatchNorm2d(half),
                nn.ReLU(inplace=True),
            )
        else:
            self.branch1 = nn.Sequential()
        self.branch2 = nn.Sequential(
            nn.Conv2d(inp if stride > 1 else half, half, kernel_size=1, stride=1, padding=0, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            self.depthwise_conv(half, half, kernel_size=3, stride=stride, padding=1),
            nn.BatchNorm2d(half),
            nn.Conv2d(half, half, kernel_size=1, stride=1, padding=0, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
        )

    @staticmethod
    def depthwise_conv(i, o, kernel_size, stride=1, padding=0, bias=False):
        """A convolution of each channel alone."""
        return nn.Conv2d(i, o, kernel_size, stride, padding, bias=bias, groups=i)

    def forward(self, x):
        if self.stride == 1:
            kept, x = x.chunk(2, dim=1)
        else:
            kept = self.branch1(x)
        return channel_shuffle(lightwell.cat((kept, self.branch2(x)), dim=1), 2)


class ShuffleNetV2(nn.Module):
    """Three stages of ``stages_repeats`` blocks; ``stages_out_channels`` from the stem to the last convolution.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import shufflenet_v2_x0_5
    >>> shufflenet_v2_x0_5(num_classes=4).eval()(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 4])
    """

    def __init__(self, stages_repeats, stages_out_channels, num_classes=1000, inverted_residual=InvertedResidual):
        super().__init__()
        if len(stages_repeats) != 3:
            raise ValueError("expected stages_repeats as list of 3 positive ints")
        if len(stages_out_channels) != 5:
            raise ValueError("expected stages_out_channels as list of 5 positive ints")
        self._stage_out_channels = stages_out_channels
        stem, *stages, last = stages_out_channels
        conv = lambda i, o, *how: nn.Sequential(nn.Conv2d(i, o, *how, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))
        self.conv1 = conv(3, stem, 3, 2, 1)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        width = stem
        for name, repeats, out in zip(("stage2", "stage3", "stage4"), stages_repeats, stages):
            blocks = [inverted_residual(width, out, 2), *(inverted_residual(out, out, 1) for _ in range(repeats - 1))]
            setattr(self, name, nn.Sequential(*blocks))
            width = out
        self.conv5 = conv(width, last, 1, 1, 0)
        self.fc = nn.Linear(last, num_classes)

    def forward(self, x):
        x = self.stage4(self.stage3(self.stage2(self.maxpool(self.conv1(x)))))
        return self.fc(self.conv5(x).mean([2, 3]))


ShuffleNet_V2_X0_5_Weights, ShuffleNet_V2_X1_0_Weights, ShuffleNet_V2_X1_5_Weights, ShuffleNet_V2_X2_0_Weights = (
    weights(f"ShuffleNet_V2_X{n}_Weights") for n in _NAMES
)
_4_8_4 = [4, 8, 4]
shufflenet_v2_x0_5 = builder("shufflenet_v2_x0_5", ShuffleNet_V2_X0_5_Weights, ShuffleNetV2, _4_8_4, [24, 48, 96, 192, 1024])
shufflenet_v2_x1_0 = builder("shufflenet_v2_x1_0", ShuffleNet_V2_X1_0_Weights, ShuffleNetV2, _4_8_4, [24, 116, 232, 464, 1024])
shufflenet_v2_x1_5 = builder("shufflenet_v2_x1_5", ShuffleNet_V2_X1_5_Weights, ShuffleNetV2, _4_8_4, [24, 176, 352, 704, 1024])
shufflenet_v2_x2_0 = builder("shufflenet_v2_x2_0", ShuffleNet_V2_X2_0_Weights, ShuffleNetV2, _4_8_4, [24, 244, 488, 976, 2048])
