"""Segmentation networks: a backbone, a head that classifies its pixels, the result enlarged to the picture's size."""

from collections import OrderedDict

import lightwell
from lightwell import nn
from lightwell.errors.teaching import ValueError
from lightwell.vision.models._utils import IntermediateLayerGetter
from lightwell.vision.models.resnet import ResNet50_Weights, ResNet101_Weights, resnet50, resnet101

F = nn.functional


class Segmentation(nn.Module):
    """forward(pictures) gives a dict with 'out' (N, classes, H, W), and 'aux' where there is an auxiliary head."""

    def __init__(self, backbone, classifier, aux_classifier=None):
        super().__init__()
        self.backbone, self.classifier, self.aux_classifier = backbone, classifier, aux_classifier

    def forward(self, x):
        size, features = x.shape[-2:], self.backbone(x)
        result = OrderedDict(out=F.interpolate(self.classifier(features["out"]), size=size, mode="bilinear", align_corners=False))
        if self.aux_classifier is not None:
            aux = self.aux_classifier(features["aux"])
            result["aux"] = F.interpolate(aux, size=size, mode="bilinear", align_corners=False)
        return result


class FCN(Segmentation):
    """Fully convolutional network (Long et al. 2015).

    >>> import lightwell as torch
    >>> from lightwell.vision.models.segmentation import fcn_resnet50
    >>> net = fcn_resnet50(weights_backbone=None, num_classes=3).eval()
    >>> net(torch.zeros(1, 3, 32, 40))["out"].shape
    torch.Size([1, 3, 32, 40])
    """


class DeepLabV3(Segmentation):
    """DeepLab v3: convolutions of several dilations side by side (Chen et al. 2017)."""


def _unit(inner, out, kernel, **how):
    """Convolution, norm, ReLU."""
    return nn.Conv2d(inner, out, kernel, bias=False, **how), nn.BatchNorm2d(out), nn.ReLU()


class FCNHead(nn.Sequential):
    """A 3x3 convolution to a quarter of the channels, then the classes."""

    def __init__(self, in_channels, channels):
        inner = in_channels // 4
        super().__init__(*_unit(in_channels, inner, 3, padding=1), nn.Dropout(0.1), nn.Conv2d(inner, channels, 1))


class ASPPConv(nn.Sequential):
    """A dilated 3x3 convolution."""

    def __init__(self, in_channels, out_channels, dilation):
        super().__init__(*_unit(in_channels, out_channels, 3, padding=dilation, dilation=dilation))


class ASPPPooling(nn.Sequential):
    """The mean of the whole picture at every pixel."""

    def __init__(self, in_channels, out_channels):
        super().__init__(nn.AdaptiveAvgPool2d(1), *_unit(in_channels, out_channels, 1))

    def forward(self, x):
        return F.interpolate(super().forward(x), size=x.shape[-2:], mode="bilinear", align_corners=False)


class ASPP(nn.Module):
    """A pyramid: 1x1, dilated 3x3 ones, and the mean, side by side."""

    def __init__(self, in_channels, atrous_rates, out_channels=256):
        super().__init__()
        first = nn.Sequential(*_unit(in_channels, out_channels, 1))
        dilated = [ASPPConv(in_channels, out_channels, rate) for rate in atrous_rates]
        self.convs = nn.ModuleList([first, *dilated, ASPPPooling(in_channels, out_channels)])
        self.project = nn.Sequential(*_unit(len(self.convs) * out_channels, out_channels, 1), nn.Dropout(0.5))

    def forward(self, x):
        return self.project(lightwell.cat([conv(x) for conv in self.convs], dim=1))


class DeepLabHead(nn.Sequential):
    """The pyramid, a 3x3 convolution, the classes."""

    def __init__(self, in_channels, num_classes, atrous_rates=(12, 24, 36)):
        super().__init__(ASPP(in_channels, atrous_rates), *_unit(256, 256, 3, padding=1), nn.Conv2d(256, num_classes, 1))


def segmentation(kind, head, depth, num_classes=None, aux_loss=None, weights_backbone="IMAGENET1K_V1", **kwargs):
    """A segmentation network over ResNet-50 or -101, whose later stages keep the pictures large."""
    resnet, enumeration = (resnet50, ResNet50_Weights) if depth == 50 else (resnet101, ResNet101_Weights)
    body = resnet(weights=enumeration.verify(weights_backbone), replace_stride_with_dilation=[False, True, True])
    layers = {"layer4": "out", **({"layer3": "aux"} if aux_loss else {})}
    classes = 21 if num_classes is None else num_classes
    aux = FCNHead(1024, classes) if aux_loss else None
    body = IntermediateLayerGetter(body, layers)
    return kind(body, head(2048, classes), aux, **kwargs)


def trained(weights, kwargs):
    """The arguments that go with the published weights."""
    kwargs["weights_backbone"] = None
    if kwargs.setdefault("aux_loss", True) is not True:
        raise ValueError(f"The parameter 'aux_loss' expected value True but got {kwargs['aux_loss']} instead.")
