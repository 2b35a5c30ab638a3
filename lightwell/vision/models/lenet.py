"""LeNet-5 (LeCun et al. 1998); not in torchvision."""

from lightwell import nn

__all__ = ["LeNet", "lenet"]


class LeNet(nn.Module):
    """Two convolutions with mean-pooling and three linear layers, sigmoid between them, for pictures of 28x28.

    ``in_channels`` is 1 for MNIST. ``activation`` is a class of module.

    >>> import lightwell as torch
    >>> from lightwell.vision.models import lenet
    >>> lenet()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, activation=nn.Sigmoid):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, kernel_size=5, padding=2), activation(), nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Conv2d(6, 16, kernel_size=5), activation(), nn.AvgPool2d(kernel_size=2, stride=2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(16 * 5 * 5, 120), activation(), nn.Linear(120, 84), activation(), nn.Linear(84, num_classes)
        )
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(m.weight)

    def forward(self, x):
        return self.classifier(self.features(x))


def lenet(**kwargs) -> LeNet:
    """LeNet-5; ``kwargs`` go to the class."""
    return LeNet(**kwargs)
