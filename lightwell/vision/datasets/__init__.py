"""Image datasets under torchvision's names, and Digits, which comes with the package."""

from lightwell.vision.datasets import cifar, fakedata, folder, mnist, utils, vision
from lightwell.vision.datasets.cifar import CIFAR10, CIFAR100
from lightwell.vision.datasets.digits import Digits
from lightwell.vision.datasets.fakedata import FakeData
from lightwell.vision.datasets.folder import DatasetFolder, ImageFolder
from lightwell.vision.datasets.mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from lightwell.vision.datasets.vision import VisionDataset

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "DatasetFolder",
    "Digits",
    "EMNIST",
    "FakeData",
    "FashionMNIST",
    "ImageFolder",
    "KMNIST",
    "MNIST",
    "VisionDataset",
    "cifar",
    "fakedata",
    "folder",
    "mnist",
    "utils",
    "vision",
]
