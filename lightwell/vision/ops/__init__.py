"""Operations of object detection and of image networks, under torchvision's names."""

from lightwell.vision.ops.misc import (
    MLP,
    Conv2dNormActivation,
    Conv3dNormActivation,
    FrozenBatchNorm2d,
    Permute,
    SqueezeExcitation,
)
from lightwell.vision.ops.stochastic_depth import StochasticDepth, stochastic_depth
