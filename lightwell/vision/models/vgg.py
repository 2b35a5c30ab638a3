"""VGG (Simonyan & Zisserman 2015, Very Deep Convolutional Networks for Large-Scale Image Recognition)."""

from lightwell import nn
from lightwell.vision.models._api import builder, weights
from lightwell.vision.models._utils import constant_norms

CFGS = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", *[256] * 3, "M", *[512] * 3, "M", *[512] * 3, "M"],
    "E": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}
cfgs = CFGS


class VGG(nn.Module):
    """Blocks of 3x3 convolutions, halving the picture in between, then three linear layers.

    >>> from lightwell.vision.models import vgg
    >>> len(vgg.make_layers([64, "M"], batch_norm=True))
    4
    """

    def __init__(self, features, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5):
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(True), nn.Dropout(p=dropout),
            nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(p=dropout),
            nn.Linear(4096, num_classes),
        )  # fmt: skip
        if init_weights:
            for m in self.modules():
                if isinstance(m, nn.Conv2d):
                    nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
                elif isinstance(m, nn.Linear):
                    nn.init.normal_(m.weight, 0, 0.01)
                if isinstance(m, (nn.Conv2d, nn.Linear)) and m.bias is not None:
                    nn.init.zeros_(m.bias)
            constant_norms(self)

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def make_layers(cfg, batch_norm: bool = False) -> nn.Sequential:
    """The layers of a list: a number is a convolution with that many channels, 'M' a max-pooling."""
    layers, channels = [], 3
    for v in cfg:
        if v == "M":
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        layers.append(nn.Conv2d(channels, v, kernel_size=3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(v))
        layers.append(nn.ReLU(inplace=True))
        channels = v
    return nn.Sequential(*layers)


def _vgg(cfg, batch_norm, **kwargs):
    return VGG(make_layers(CFGS[cfg], batch_norm=batch_norm), **kwargs)


def _trained(weights, kwargs):
    kwargs["init_weights"] = False


VGG11_Weights, VGG13_Weights, VGG16_Weights, VGG19_Weights = (weights(f"VGG{n}_Weights") for n in (11, 13, 16, 19))
VGG11_BN_Weights, VGG13_BN_Weights, VGG16_BN_Weights, VGG19_BN_Weights = (weights(f"VGG{n}_BN_Weights") for n in (11, 13, 16, 19))

vgg11 = builder("vgg11", VGG11_Weights, _vgg, "A", False, prepare=_trained)
vgg11_bn = builder("vgg11_bn", VGG11_BN_Weights, _vgg, "A", True, prepare=_trained)
vgg13 = builder("vgg13", VGG13_Weights, _vgg, "B", False, prepare=_trained)
vgg13_bn = builder("vgg13_bn", VGG13_BN_Weights, _vgg, "B", True, prepare=_trained)
vgg16 = builder("vgg16", VGG16_Weights, _vgg, "D", False, prepare=_trained)
vgg16_bn = builder("vgg16_bn", VGG16_BN_Weights, _vgg, "D", True, prepare=_trained)
vgg19 = builder("vgg19", VGG19_Weights, _vgg, "E", False, prepare=_trained)
vgg19_bn = builder("vgg19_bn", VGG19_BN_Weights, _vgg, "E", True, prepare=_trained)

__all__ = [n for n in dir() if n.startswith(("VGG", "vgg")) and n != "vgg"]
