"""MNASNet B1 (Tan et al. 2019, Platform-Aware Neural Architecture Search for Mobile)."""

import warnings

from lightwell import nn
from lightwell.errors.teaching import ValueError
from lightwell.vision.models._api import builder, weights

from ...errors.level import users_level

_NAMES = ("0_5", "0_75", "1_0", "1_3")
__all__ = ["MNASNet"]
__all__ += [f"MNASNet{n}_Weights" for n in _NAMES]
__all__ += [f"mnasnet{n}" for n in _NAMES]

_MOMENTUM = 1 - 0.9997  # the paper's TensorFlow momentum said PyTorch's way


class _InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; added to the input where the shapes agree."""

    def __init__(self, in_ch, out_ch, kernel_size, stride, expansion_factor, bn_momentum=0.1):
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        if kernel_size not in (3, 5):
            raise ValueError(f"kernel_size should be 3 or 5 instead of {kernel_size}")
        mid = in_ch * expansion_factor
        self.apply_residual = in_ch == out_ch and stride == 1
        self.layers = nn.Sequential(
            nn.Conv2d(in_ch, mid, 1, bias=False),
            nn.BatchNorm2d(mid, momentum=bn_momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid, mid, kernel_size, padding=kernel_size // 2, stride=stride, groups=mid, bias=False),
            nn.BatchNorm2d(mid, momentum=bn_momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid, out_ch, 1, bias=False),
            nn.BatchNorm2d(out_ch, momentum=bn_momentum),
        )

    def forward(self, input):
        return self.layers(input) + input if self.apply_residual else self.layers(input)


def _stack(in_ch, out_ch, kernel, stride, expansion, repeats):
    """Blocks of which the first changes the shape."""
    blocks = [_InvertedResidual(in_ch, out_ch, kernel, stride, expansion, _MOMENTUM)]
    blocks += [_InvertedResidual(out_ch, out_ch, kernel, 1, expansion, _MOMENTUM) for _ in range(1, repeats)]
    return nn.Sequential(*blocks)


def _scaled(channels, alpha):
    """alpha · channels as a multiple of 8, rounded up unless it is within 10 % of the lower one."""
    value = channels * alpha
    near = max(8, int(value + 4) // 8 * 8)
    return near if near >= 0.9 * value else near + 8


def _stem(first, second):
    """The layers before the stacks."""
    return [
        nn.Conv2d(3, first, 3, padding=1, stride=2, bias=False),
        nn.BatchNorm2d(first, momentum=_MOMENTUM),
        nn.ReLU(inplace=True),
        nn.Conv2d(first, first, 3, padding=1, stride=1, groups=first, bias=False),
        nn.BatchNorm2d(first, momentum=_MOMENTUM),
        nn.ReLU(inplace=True),
        nn.Conv2d(first, second, 1, padding=0, stride=1, bias=False),
        nn.BatchNorm2d(second, momentum=_MOMENTUM),
    ]


class MNASNet(nn.Module):
    """MNASNet with its channels scaled by ``alpha``. Raises ValueError for an alpha that is not positive.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import mnasnet0_5
    >>> mnasnet0_5(num_classes=4).eval()(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 4])
    """

    _version = 2  # in version 1 the first layers were not scaled

    def __init__(self, alpha: float, num_classes: int = 1000, dropout: float = 0.2):
        super().__init__()
        if alpha <= 0.0:
            raise ValueError(f"alpha should be greater than 0.0 instead of {alpha}")
        self.alpha, self.num_classes = alpha, num_classes
        d = self._depths()
        self.layers = nn.Sequential(
            *_stem(d[0], d[1]),
            _stack(d[1], d[2], 3, 2, 3, 3),
            _stack(d[2], d[3], 5, 2, 3, 3),
            _stack(d[3], d[4], 5, 2, 6, 3),
            _stack(d[4], d[5], 3, 1, 6, 2),
            _stack(d[5], d[6], 5, 2, 6, 4),
            _stack(d[6], d[7], 3, 1, 6, 1),
            nn.Conv2d(d[7], 1280, 1, padding=0, stride=1, bias=False),
            nn.BatchNorm2d(1280, momentum=_MOMENTUM),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(1280, num_classes))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.ones_(m.weight)
                nn.init.zeros_(m.bias)
            elif isinstance(m, nn.Linear):
                nn.init.kaiming_uniform_(m.weight, mode="fan_out", nonlinearity="sigmoid")
                nn.init.zeros_(m.bias)

    def _depths(self):
        return [_scaled(c, self.alpha) for c in (32, 16, 24, 40, 80, 96, 192, 320)]

    def forward(self, x):
        return self.classifier(self.layers(x).mean([2, 3]))

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        version = local_metadata.get("version", None)
        if version not in (1, 2):
            raise ValueError(f"version should be set to 1 or 2 instead of {version}")
        if version == 1 and self.alpha != 1.0:
            for i, layer in enumerate([*_stem(32, 16), _stack(16, self._depths()[2], 3, 2, 3, 3)]):
                self.layers[i] = layer
            self._version = 1
            warnings.warn(
                "MNASNet: these weights are of the first version, whose first layers are not scaled; the model now has that form",
                stacklevel=users_level(),
            )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


MNASNet0_5_Weights, MNASNet0_75_Weights, MNASNet1_0_Weights, MNASNet1_3_Weights = (weights(f"MNASNet{n}_Weights") for n in _NAMES)
mnasnet0_5 = builder("mnasnet0_5", MNASNet0_5_Weights, MNASNet, 0.5)
mnasnet0_75 = builder("mnasnet0_75", MNASNet0_75_Weights, MNASNet, 0.75)
mnasnet1_0 = builder("mnasnet1_0", MNASNet1_0_Weights, MNASNet, 1.0)
mnasnet1_3 = builder("mnasnet1_3", MNASNet1_3_Weights, MNASNet, 1.3)
