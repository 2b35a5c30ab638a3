"""AlexNet (Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks)."""

from lightwell import nn
from lightwell.vision.models._api import builder, weights

__all__ = ["AlexNet", "AlexNet_Weights", "alexnet"]


class AlexNet(nn.Module):
    """Five convolutions and three linear layers; pictures of at least 63x63.

    >>> from lightwell.vision.models import alexnet
    >>> sum(p.numel() for p in alexnet(num_classes=10).parameters())
    57044810
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5):
        super().__init__()
        relu, pool = lambda: nn.ReLU(inplace=True), lambda: nn.MaxPool2d(kernel_size=3, stride=2)
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2), relu(), pool(),
            nn.Conv2d(64, 192, kernel_size=5, padding=2), relu(), pool(),
            nn.Conv2d(192, 384, kernel_size=3, padding=1), relu(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1), relu(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1), relu(), pool(),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), nn.Linear(256 * 6 * 6, 4096), relu(),
            nn.Dropout(p=dropout), nn.Linear(4096, 4096), relu(),
            nn.Linear(4096, num_classes),
        )  # fmt: skip

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


AlexNet_Weights = weights("AlexNet_Weights")
alexnet = builder("alexnet", AlexNet_Weights, AlexNet)
