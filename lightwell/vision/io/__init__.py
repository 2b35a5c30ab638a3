"""Picture files as tensors, under torchvision's names."""

from lightwell.vision.io.image import *
from lightwell.vision.io.video import *
