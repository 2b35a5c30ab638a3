"""Networks that classify every pixel."""

from lightwell.vision.models.segmentation.deeplabv3 import *
from lightwell.vision.models.segmentation.fcn import *
