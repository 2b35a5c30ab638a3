"""ResNet, ResNeXt and wide ResNet (He et al. 2016; Xie et al. 2017; Zagoruyko & Komodakis 2016)."""

from lightwell import nn
from lightwell.errors.teaching import NotImplementedError, ValueError
from lightwell.vision.models._api import builder, weights


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A 3x3 convolution without bias that keeps the size at stride 1."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=3, stride=stride, padding=dilation, groups=groups, bias=False, dilation=dilation)


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """y = relu(x + bn(conv(relu(bn(conv x))))), with x projected where its shape has to change.

    >>> import lightwell as torch
    >>> from lightwell.vision.models.resnet import BasicBlock
    >>> BasicBlock(4, 4)(torch.zeros(1, 4, 6, 6)).shape
    torch.Size([1, 4, 6, 6])
    """

    expansion = 1

    def __init__(self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64, dilation=1, norm_layer=None):
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        if groups != 1 or base_width != 64:
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """A residual block of 1x1, 3x3 (with the stride) and 1x1 convolutions.

    >>> import lightwell as torch
    >>> from lightwell.vision.models.resnet import Bottleneck
    >>> Bottleneck(16, 4)(torch.zeros(1, 16, 6, 6)).shape
    torch.Size([1, 16, 6, 6])
    """

    expansion = 4

    def __init__(self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64, dilation=1, norm_layer=None):
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    """Four stages of residual blocks over a 7x7 stem; ``layers`` counts the blocks of each stage.

    ``replace_stride_with_dilation`` (three bools) keeps the later stages' pictures large. Raises ValueError for another length.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import resnet18
    >>> resnet18(num_classes=10)(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 10])
    """

    def __init__(
        self,
        block,
        layers,
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation=None,
        norm_layer=None,
    ):
        super().__init__()
        norm = self._norm_layer = norm_layer or nn.BatchNorm2d
        dilate = [False, False, False] if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilate) != 3:
            raise ValueError(f"replace_stride_with_dilation should be None or a 3-element tuple, got {dilate}")
        self.inplanes, self.dilation = 64, 1
        self.groups, self.base_width = groups, width_per_group
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = norm(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], stride=2, dilate=dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], stride=2, dilate=dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], stride=2, dilate=dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)
        if zero_init_residual:  # every block begins as the identity (Goyal et al. 2017)
            for m in self.modules():
                last = m.bn3 if isinstance(m, Bottleneck) else m.bn2 if isinstance(m, BasicBlock) else None
                if last is not None and last.weight is not None:
                    nn.init.constant_(last.weight, 0)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        """One stage: the first block changes size and channels."""
        before = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        shared = dict(groups=self.groups, base_width=self.base_width, norm_layer=self._norm_layer)
        downsample, out = None, planes * block.expansion
        if stride != 1 or self.inplanes != out:
            downsample = nn.Sequential(conv1x1(self.inplanes, out, stride), self._norm_layer(out))
        stage = [block(self.inplanes, planes, stride, downsample, dilation=before, **shared)]
        self.inplanes = out
        stage += [block(out, planes, dilation=self.dilation, **shared) for _ in range(1, blocks)]
        return nn.Sequential(*stage)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


ResNet18_Weights, ResNet34_Weights, ResNet50_Weights = (weights(f"ResNet{n}_Weights") for n in (18, 34, 50))
ResNet101_Weights, ResNet152_Weights = (weights(f"ResNet{n}_Weights") for n in (101, 152))
ResNeXt50_32X4D_Weights = weights("ResNeXt50_32X4D_Weights")
ResNeXt101_32X8D_Weights = weights("ResNeXt101_32X8D_Weights")
ResNeXt101_64X4D_Weights = weights("ResNeXt101_64X4D_Weights")
Wide_ResNet50_2_Weights = weights("Wide_ResNet50_2_Weights")
Wide_ResNet101_2_Weights = weights("Wide_ResNet101_2_Weights")

_50, _101, _152 = [3, 4, 6, 3], [3, 4, 23, 3], [3, 8, 36, 3]
resnet18 = builder("resnet18", ResNet18_Weights, ResNet, BasicBlock, [2, 2, 2, 2])
resnet34 = builder("resnet34", ResNet34_Weights, ResNet, BasicBlock, _50)
resnet50 = builder("resnet50", ResNet50_Weights, ResNet, Bottleneck, _50)
resnet101 = builder("resnet101", ResNet101_Weights, ResNet, Bottleneck, _101)
resnet152 = builder("resnet152", ResNet152_Weights, ResNet, Bottleneck, _152)
resnext50_32x4d = builder("resnext50_32x4d", ResNeXt50_32X4D_Weights, ResNet, Bottleneck, _50, groups=32, width_per_group=4)
resnext101_32x8d = builder("resnext101_32x8d", ResNeXt101_32X8D_Weights, ResNet, Bottleneck, _101, groups=32, width_per_group=8)
resnext101_64x4d = builder("resnext101_64x4d", ResNeXt101_64X4D_Weights, ResNet, Bottleneck, _101, groups=64, width_per_group=4)
wide_resnet50_2 = builder("wide_resnet50_2", Wide_ResNet50_2_Weights, ResNet, Bottleneck, _50, width_per_group=128)
wide_resnet101_2 = builder("wide_resnet101_2", Wide_ResNet101_2_Weights, ResNet, Bottleneck, _101, width_per_group=128)

__all__ = [n for n in dir() if n.startswith(("ResNe", "resne", "Wide_", "wide_"))]
