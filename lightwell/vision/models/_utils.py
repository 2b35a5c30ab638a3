"""What several models share: rounding of channel counts, and reading out intermediate layers."""

from collections import OrderedDict

from lightwell import nn
from lightwell.errors.teaching import ValueError


class IntermediateLayerGetter(nn.ModuleDict):
    """The outputs of some of a model's direct children, run in the order in which the model lists them.

    ``return_layers`` maps a child's name to the name of its output. Raises ValueError for a name that is no child.

    >>> import lightwell as torch
    >>> from lightwell.vision.models._utils import IntermediateLayerGetter
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 4))
    >>> {k: v.shape for k, v in IntermediateLayerGetter(net, {"0": "a"})(torch.zeros(1, 2)).items()}
    {'a': torch.Size([1, 3])}
    """

    _version = 2

    def __init__(self, model, return_layers):
        missing = set(return_layers) - {name for name, _ in model.named_children()}
        if missing:
            raise ValueError(f"return_layers are not present in model: {sorted(missing)}")
        wanted, layers = {str(k) for k in return_layers}, OrderedDict()
        for name, module in model.named_children():
            if not wanted:
                break
            layers[name] = module
            wanted.discard(name)
        super().__init__(layers)
        self.return_layers = return_layers

    def forward(self, x):
        out = OrderedDict()
        for name, module in self.items():
            x = module(x)
            if name in self.return_layers:
                out[self.return_layers[name]] = x
        return out


def _make_divisible(v: float, divisor: int, min_value: int | None = None) -> int:
    """The multiple of ``divisor`` nearest to v, at least ``min_value`` and never less than 0.9 v."""
    nearest = max(min_value or divisor, int(v + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * v else nearest


def constant_norms(model):
    """Weight 1 and bias 0 for every batch or group norm."""
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
            nn.init.ones_(m.weight)
            nn.init.zeros_(m.bias)


def mobile_init(model):
    """The initialisation of the MobileNet family: He for convolutions by fan-out, N(0, 0.01²) for linear layers."""
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out")
        elif isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, 0, 0.01)
        if isinstance(m, (nn.Conv2d, nn.Linear)) and m.bias is not None:
            nn.init.zeros_(m.bias)
    constant_norms(model)
