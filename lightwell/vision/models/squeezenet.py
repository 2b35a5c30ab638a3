"""SqueezeNet (Iandola et al. 2016)."""

import lightwell
from lightwell import nn
from lightwell.errors.teaching import ValueError
from lightwell.vision.models._api import builder, weights

__all__ = ["SqueezeNet", "SqueezeNet1_0_Weights", "SqueezeNet1_1_Weights", "squeezenet1_0", "squeezenet1_1"]


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then 1x1 and 3x3 ones side by side."""

    def __init__(self, inplanes, squeeze_planes, expand1x1_planes, expand3x3_planes):
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.squeeze_activation(self.squeeze(x))
        return lightwell.cat([self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """Fire modules with pooling between, and a convolution as the classifier; version '1_0' or '1_1' (fewer operations).

    >>> import lightwell as torch
    >>> from lightwell.vision.models import squeezenet1_1
    >>> squeezenet1_1(num_classes=5)(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 5])
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5):
        super().__init__()
        self.num_classes = num_classes
        pool = lambda: nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        fires = {
            n: Fire(i, s, e, e)
            for n, i, s, e in (
                (2, 64 if version == "1_1" else 96, 16, 64), (3, 128, 16, 64), (4, 128, 32, 128), (5, 256, 32, 128),
                (6, 256, 48, 192), (7, 384, 48, 192), (8, 384, 64, 256), (9, 512, 64, 256),
            )
        } if version in ("1_0", "1_1") else {}  # fmt: skip
        f = fires.get
        if version == "1_0":
            stem = nn.Conv2d(3, 96, kernel_size=7, stride=2)
            rest = [pool(), f(2), f(3), f(4), pool(), f(5), f(6), f(7), f(8), pool(), f(9)]
        elif version == "1_1":
            stem = nn.Conv2d(3, 64, kernel_size=3, stride=2)
            rest = [pool(), f(2), f(3), pool(), f(4), f(5), pool(), f(6), f(7), f(8), f(9)]
        else:
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        self.features = nn.Sequential(stem, nn.ReLU(inplace=True), *rest)
        final = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), final, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1)))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                if m is final:
                    nn.init.normal_(m.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(m.weight)
                if m.bias is not None:
                    nn.init.constant_(m.bias, 0)

    def forward(self, x):
        return self.classifier(self.features(x)).flatten(1)


SqueezeNet1_0_Weights, SqueezeNet1_1_Weights = weights("SqueezeNet1_0_Weights"), weights("SqueezeNet1_1_Weights")
squeezenet1_0 = builder("squeezenet1_0", SqueezeNet1_0_Weights, SqueezeNet, "1_0")
squeezenet1_1 = builder("squeezenet1_1", SqueezeNet1_1_Weights, SqueezeNet, "1_1")
