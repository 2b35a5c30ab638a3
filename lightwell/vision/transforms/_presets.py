"""What a picture goes through before a network with pretrained weights sees it."""

from lightwell import nn
from lightwell.tensor import Tensor
from lightwell.vision.transforms import functional as F
from lightwell.vision.transforms.functional import InterpolationMode

__all__ = ["ImageClassification", "ObjectDetection", "SemanticSegmentation"]

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _tensor(img):
    """The picture as floats in [0, 1]."""
    import lightwell

    return F.convert_image_dtype(img if isinstance(img, Tensor) else F.pil_to_tensor(img), lightwell.float)


class _Preset(nn.Module):
    """Prints its settings, one a line."""

    def __repr__(self):
        return "\n    ".join([f"{type(self).__name__}(", *(f"{k}={getattr(self, k)}" for k in self._shown)]) + "\n)"


class ObjectDetection(nn.Module):
    """Pictures for detectors: floats in [0, 1], nothing else (the detectors resize and normalise by themselves)."""

    def forward(self, img):
        return _tensor(img)

    def __repr__(self):
        return f"{type(self).__name__}()"


class ImageClassification(_Preset):
    """Pictures for classifiers: resized, the middle cut out, floats in [0, 1], normalised.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms._presets import ImageClassification
    >>> ImageClassification(crop_size=4, resize_size=5)(torch.zeros(3, 8, 8)).shape
    torch.Size([3, 4, 4])
    """

    _shown = ("crop_size", "resize_size", "mean", "std", "interpolation")

    def __init__(self, *, crop_size, resize_size=256, mean=_MEAN, std=_STD, interpolation=InterpolationMode.BILINEAR, antialias=True):
        super().__init__()
        self.crop_size, self.resize_size = [crop_size], [resize_size]
        self.mean, self.std = list(mean), list(std)
        self.interpolation, self.antialias = interpolation, antialias

    def forward(self, img):
        img = F.resize(img, self.resize_size, interpolation=self.interpolation, antialias=self.antialias)
        return F.normalize(_tensor(F.center_crop(img, self.crop_size)), mean=self.mean, std=self.std)


class SemanticSegmentation(_Preset):
    """Pictures for segmentation: resized (unless ``resize_size`` is None), floats in [0, 1], normalised."""

    _shown = ("resize_size", "mean", "std", "interpolation")

    def __init__(self, *, resize_size, mean=_MEAN, std=_STD, interpolation=InterpolationMode.BILINEAR, antialias=True):
        super().__init__()
        self.resize_size = None if resize_size is None else [resize_size]
        self.mean, self.std = list(mean), list(std)
        self.interpolation, self.antialias = interpolation, antialias

    def forward(self, img):
        if self.resize_size is not None:
            img = F.resize(img, self.resize_size, interpolation=self.interpolation, antialias=self.antialias)
        return F.normalize(_tensor(img), mean=self.mean, std=self.std)
