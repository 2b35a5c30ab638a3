"""Operations of object detection and of image networks, under torchvision's names."""

from lightwell.vision.ops.boxes import *
from lightwell.vision.ops.deform_conv import *
from lightwell.vision.ops.drop_block import *
from lightwell.vision.ops.feature_pyramid_network import FeaturePyramidNetwork
from lightwell.vision.ops.losses import *
from lightwell.vision.ops.misc import (
    MLP,
    Conv2dNormActivation,
    Conv3dNormActivation,
    FrozenBatchNorm2d,
    Permute,
    SqueezeExcitation,
)
from lightwell.vision.ops.poolers import MultiScaleRoIAlign
from lightwell.vision.ops.regions import *
from lightwell.vision.ops.stochastic_depth import StochasticDepth, stochastic_depth
