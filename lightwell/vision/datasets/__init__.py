"""Image datasets under torchvision's names, and Digits, which comes with the package."""

from lightwell.vision.datasets import cifar, fakedata, folder, mnist, utils, vision
from lightwell.vision.datasets.arrays import STL10, SVHN, USPS
from lightwell.vision.datasets.celeba import CelebA
from lightwell.vision.datasets.cifar import CIFAR10, CIFAR100
from lightwell.vision.datasets.classified import Caltech101, Caltech256, Flowers102, Omniglot, OxfordIIITPet
from lightwell.vision.datasets.coco import CocoCaptions, CocoDetection
from lightwell.vision.datasets.digits import Digits
from lightwell.vision.datasets.fakedata import FakeData
from lightwell.vision.datasets.folder import DatasetFolder, ImageFolder
from lightwell.vision.datasets.imagenet import ImageNet
from lightwell.vision.datasets.lsun import LSUN, LSUNClass
from lightwell.vision.datasets.mnist import EMNIST, KMNIST, MNIST, QMNIST, FashionMNIST
from lightwell.vision.datasets.vision import VisionDataset
from lightwell.vision.datasets.voc import VOCDetection, VOCSegmentation

__all__ = [
    "STL10",
    "SVHN",
    "USPS",
    "CelebA",
    "Caltech101",
    "Caltech256",
    "Flowers102",
    "Omniglot",
    "OxfordIIITPet",
    "CocoCaptions",
    "CocoDetection",
    "ImageNet",
    "LSUN",
    "LSUNClass",
    "QMNIST",
    "VOCDetection",
    "VOCSegmentation",
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
