"""Network in network (Lin et al. 2014); not in torchvision."""

from lightwell import nn

__all__ = ["NiN", "nin", "nin_block"]


def nin_block(in_channels, out_channels, kernel_size, stride, padding) -> nn.Sequential:
    """A convolution and two 1x1 convolutions, each with ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding), nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1), nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1), nn.ReLU(),
    )  # fmt: skip


class NiN(nn.Module):
    """Four blocks with pooling; the classes' scores are the means of the last block's channels, so no linear layer is needed.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import nin
    >>> nin(num_classes=10, in_channels=1)(torch.zeros(1, 1, 224, 224)).shape
    torch.Size([1, 10])
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, dropout: float = 0.5):
        super().__init__()
        pool = lambda: nn.MaxPool2d(3, stride=2)
        self.features = nn.Sequential(
            nin_block(in_channels, 96, 11, 4, 0), pool(),
            nin_block(96, 256, 5, 1, 2), pool(),
            nin_block(256, 384, 3, 1, 1), pool(), nn.Dropout(dropout),
            nin_block(384, num_classes, 3, 1, 1),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.xavier_uniform_(m.weight)

    def forward(self, x):
        return self.avgpool(self.features(x)).flatten(1)


def nin(**kwargs) -> NiN:
    """Network in network; ``kwargs`` go to the class."""
    return NiN(**kwargs)
