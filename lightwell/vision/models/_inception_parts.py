"""What GoogLeNet and Inception v3 share: a convolution with its norm, branches side by side, the input's other scaling."""

import lightwell
from lightwell import nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class BasicConv2d(nn.Module):
    """relu(norm(convolution))."""

    def __init__(self, in_channels, out_channels, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x):
        return nn.functional.relu(self.bn(self.conv(x)), inplace=True)


def rescaled(x):
    """A picture normalised with ImageNet's mean and deviation, as one normalised with 0.5 and 0.5."""
    planes = [x[:, c].unsqueeze(1) * (STD[c] / 0.5) + (MEAN[c] - 0.5) / 0.5 for c in range(3)]
    return lightwell.cat(planes, 1)


def normal_init(model, spread):
    """Truncated normal for convolutions and linear layers with deviation spread(module); norms at 1 and 0."""
    for m in model.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            nn.init.trunc_normal_(m.weight, mean=0.0, std=spread(m), a=-2, b=2)
        elif isinstance(m, nn.BatchNorm2d):
            nn.init.constant_(m.weight, 1)
            nn.init.constant_(m.bias, 0)


def trained(weights, kwargs):
    """The arguments that go with the published weights."""
    kwargs.setdefault("transform_input", True)
    kwargs["init_weights"] = False
    kwargs["aux_logits"] = True  # the file has the auxiliary classifiers; `finish` takes them away where they are not wanted
