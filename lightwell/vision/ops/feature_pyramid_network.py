"""Feature pyramids: features of several sizes, each enriched by the smaller ones (Lin et al. 2017)."""

from collections import OrderedDict

from lightwell import nn
from lightwell.errors.teaching import NotImplementedError, TypeError, ValueError
from lightwell.vision.ops.misc import Conv2dNormActivation

__all__ = ["ExtraFPNBlock", "FeaturePyramidNetwork", "LastLevelMaxPool", "LastLevelP6P7"]

F = nn.functional


class ExtraFPNBlock(nn.Module):
    """What may be added behind a pyramid: forward(results, inputs, names) gives (results, names)."""

    def forward(self, results, x, names):
        raise NotImplementedError("ExtraFPNBlock: define forward(results, x, names) -> (results, names)")


class LastLevelMaxPool(ExtraFPNBlock):
    """One level more: every second pixel of the smallest, called 'pool'."""

    def forward(self, x, y, names):
        return [*x, F.max_pool2d(x[-1], kernel_size=1, stride=2, padding=0)], [*names, "pool"]


class LastLevelP6P7(ExtraFPNBlock):
    """Two levels more by convolutions, called 'p6' and 'p7' (Lin et al. 2017, RetinaNet)."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.p6 = nn.Conv2d(in_channels, out_channels, 3, 2, 1)
        self.p7 = nn.Conv2d(out_channels, out_channels, 3, 2, 1)
        for module in (self.p6, self.p7):
            nn.init.kaiming_uniform_(module.weight, a=1)
            nn.init.constant_(module.bias, 0)
        self.use_P5 = in_channels == out_channels

    def forward(self, p, c, names):
        p6 = self.p6(p[-1] if self.use_P5 else c[-1])
        return [*p, p6, self.p7(F.relu(p6))], [*names, "p6", "p7"]


class FeaturePyramidNetwork(nn.Module):
    """Levels P_i = conv3x3(Q_i) with Q_i = conv1x1(C_i) + Q_{i+1} enlarged, for an ordered dict of features C, large to small.

    Raises ValueError for a level without channels, TypeError for extra blocks of another kind.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import FeaturePyramidNetwork
    >>> levels = {"a": torch.zeros(1, 2, 8, 8), "b": torch.zeros(1, 4, 4, 4)}
    >>> {k: v.shape for k, v in FeaturePyramidNetwork([2, 4], 3)(levels).items()}
    {'a': torch.Size([1, 3, 8, 8]), 'b': torch.Size([1, 3, 4, 4])}
    """

    _version = 2

    def __init__(self, in_channels_list, out_channels: int, extra_blocks=None, norm_layer=None):
        super().__init__()
        self.inner_blocks, self.layer_blocks = nn.ModuleList(), nn.ModuleList()
        for channels in in_channels_list:
            if channels == 0:
                raise ValueError("in_channels=0 is currently not supported")
            how = dict(norm_layer=norm_layer, activation_layer=None)
            self.inner_blocks.append(Conv2dNormActivation(channels, out_channels, kernel_size=1, padding=0, **how))
            self.layer_blocks.append(Conv2dNormActivation(out_channels, out_channels, kernel_size=3, **how))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_uniform_(m.weight, a=1)
                if m.bias is not None:
                    nn.init.constant_(m.bias, 0)
        if extra_blocks is not None and not isinstance(extra_blocks, ExtraFPNBlock):
            raise TypeError(f"extra_blocks should be of type ExtraFPNBlock not {type(extra_blocks)}")
        self.extra_blocks = extra_blocks

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        if (local_metadata.get("version") or 1) < 2:  # version 1 had bare convolutions
            for block in ("inner_blocks", "layer_blocks"):
                for i in range(len(self.inner_blocks)):
                    for kind in ("weight", "bias"):
                        old = f"{prefix}{block}.{i}.{kind}"
                        if old in state_dict:
                            state_dict[f"{prefix}{block}.{i}.0.{kind}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def forward(self, x):
        names, levels = list(x.keys()), list(x.values())
        above = self.inner_blocks[-1](levels[-1])
        results = [self.layer_blocks[-1](above)]
        for i in range(len(levels) - 2, -1, -1):
            side = self.inner_blocks[i](levels[i])
            above = side + F.interpolate(above, size=side.shape[-2:], mode="nearest")
            results.insert(0, self.layer_blocks[i](above))
        if self.extra_blocks is not None:
            results, names = self.extra_blocks(results, levels, names)
        return OrderedDict(zip(names, results))
