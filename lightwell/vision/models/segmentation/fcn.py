"""Fully convolutional networks (Long et al. 2015)."""

from lightwell.vision.models._api import builder, weights
from lightwell.vision.models.segmentation._heads import FCN, FCNHead, segmentation, trained

__all__ = ["FCN", "FCN_ResNet50_Weights", "FCN_ResNet101_Weights", "fcn_resnet50", "fcn_resnet101"]

FCN_ResNet50_Weights, FCN_ResNet101_Weights = weights("FCN_ResNet50_Weights"), weights("FCN_ResNet101_Weights")
fcn_resnet50 = builder("fcn_resnet50", FCN_ResNet50_Weights, segmentation, FCN, FCNHead, 50, prepare=trained)
fcn_resnet101 = builder("fcn_resnet101", FCN_ResNet101_Weights, segmentation, FCN, FCNHead, 101, prepare=trained)
