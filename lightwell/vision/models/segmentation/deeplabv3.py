"""DeepLab v3 (Chen et al. 2017, Rethinking Atrous Convolution for Semantic Image Segmentation)."""

from lightwell.vision.models._api import builder, weights
from lightwell.vision.models.segmentation._heads import DeepLabHead, DeepLabV3, segmentation, trained

__all__ = [
    "DeepLabV3", "DeepLabV3_ResNet50_Weights", "DeepLabV3_ResNet101_Weights", "deeplabv3_resnet50", "deeplabv3_resnet101",
]  # fmt: skip

DeepLabV3_ResNet50_Weights, DeepLabV3_ResNet101_Weights = (weights(f"DeepLabV3_ResNet{n}_Weights") for n in (50, 101))
deeplabv3_resnet50 = builder("deeplabv3_resnet50", DeepLabV3_ResNet50_Weights, segmentation, DeepLabV3, DeepLabHead, 50, prepare=trained)
deeplabv3_resnet101 = builder(
    "deeplabv3_resnet101", DeepLabV3_ResNet101_Weights, segmentation, DeepLabV3, DeepLabHead, 101, prepare=trained
)
