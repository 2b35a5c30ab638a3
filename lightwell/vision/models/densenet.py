"""DenseNet (Huang et al. 2017, Densely Connected Convolutional Networks)."""

import re
from collections import OrderedDict

import lightwell
from lightwell import nn
from lightwell.vision.models._api import builder, weights

__all__ = ["DenseNet"]
__all__ += [f"DenseNet{n}_Weights" for n in (121, 161, 169, 201)]
__all__ += [f"densenet{n}" for n in (121, 161, 169, 201)]


class _DenseLayer(nn.Module):
    """norm, relu, 1x1 convolution, norm, relu, 3x3 convolution over all features so far."""

    def __init__(self, num_input_features, growth_rate, bn_size, drop_rate, memory_efficient=False):
        super().__init__()
        width = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, width, kernel_size=1, stride=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, growth_rate, kernel_size=3, stride=1, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def _squeeze(self, *features):
        return self.conv1(self.relu1(self.norm1(lightwell.cat(features, 1))))

    def forward(self, input):
        features = [input] if isinstance(input, lightwell.Tensor) else input
        if self.memory_efficient and any(f.requires_grad for f in features):
            from lightwell.utils.checkpoint import checkpoint

            x = checkpoint(self._squeeze, *features, use_reentrant=False)
        else:
            x = self._squeeze(*features)
        x = self.conv2(self.relu2(self.norm2(x)))
        return nn.functional.dropout(x, p=self.drop_rate, training=self.training) if self.drop_rate > 0 else x


class _DenseBlock(nn.ModuleDict):
    """Layers each of which sees the outputs of all before it."""

    _version = 2

    def __init__(self, num_layers, num_input_features, bn_size, growth_rate, drop_rate, memory_efficient=False):
        super().__init__()
        for i in range(num_layers):
            layer = _DenseLayer(num_input_features + i * growth_rate, growth_rate, bn_size, drop_rate, memory_efficient)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, init_features):
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return lightwell.cat(features, 1)


class _Transition(nn.Sequential):
    """norm, relu, 1x1 convolution, 2x2 mean."""

    def __init__(self, num_input_features, num_output_features):
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, stride=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """Dense blocks with transitions that halve channels and size; ``growth_rate`` channels are added by each layer.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import DenseNet
    >>> DenseNet(4, (2, 2), 8, num_classes=3)(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 3])
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config=(6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ):
        super().__init__()
        n = num_init_features
        self.features = nn.Sequential(
            OrderedDict(
                conv0=nn.Conv2d(3, n, kernel_size=7, stride=2, padding=3, bias=False),
                norm0=nn.BatchNorm2d(n),
                relu0=nn.ReLU(inplace=True),
                pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            )
        )
        for i, layers in enumerate(block_config, 1):
            self.features.add_module(f"denseblock{i}", _DenseBlock(layers, n, bn_size, growth_rate, drop_rate, memory_efficient))
            n += layers * growth_rate
            if i != len(block_config):
                self.features.add_module(f"transition{i}", _Transition(n, n // 2))
                n //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(n))
        self.classifier = nn.Linear(n, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)
            elif isinstance(m, nn.Linear):
                nn.init.constant_(m.bias, 0)

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        # the published files name the layers by an older rule: norm.1, conv.2 for norm1, conv2
        for key in [k for k in state_dict if re.search(r"\.denselayer\d+\.(?:norm|relu|conv)\.[12]\.", k)]:
            state_dict[re.sub(r"\.(norm|relu|conv)\.([12])\.", r".\1\2.", key)] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def forward(self, x):
        x = nn.functional.relu(self.features(x), inplace=True)
        return self.classifier(nn.functional.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


DenseNet121_Weights, DenseNet161_Weights, DenseNet169_Weights, DenseNet201_Weights = (
    weights(f"DenseNet{n}_Weights") for n in (121, 161, 169, 201)
)
densenet121 = builder("densenet121", DenseNet121_Weights, DenseNet, 32, (6, 12, 24, 16), 64)
densenet161 = builder("densenet161", DenseNet161_Weights, DenseNet, 48, (6, 12, 36, 24), 96)
densenet169 = builder("densenet169", DenseNet169_Weights, DenseNet, 32, (6, 12, 32, 32), 64)
densenet201 = builder("densenet201", DenseNet201_Weights, DenseNet, 32, (6, 12, 48, 32), 64)
