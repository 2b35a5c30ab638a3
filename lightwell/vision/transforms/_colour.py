"""Transforms of a picture's colours: grey, negative, brightness, contrast, saturation, hue."""

import numpy as np

from lightwell.errors.teaching import TypeError, ValueError
from lightwell.tensor import wrap
from lightwell.vision._pillow import image_module, is_pil
from lightwell.vision.transforms import _arrays
from lightwell.vision.transforms._pictures import is_image


def to_grayscale(img, num_output_channels: int = 1):
    """A Pillow image in grey, of one or three equal channels."""
    if not is_pil(img):
        raise TypeError(f"to_grayscale takes a PIL Image, got {type(img).__name__}; use rgb_to_grayscale for tensors")
    return rgb_to_grayscale(img, num_output_channels)


def rgb_to_grayscale(img, num_output_channels: int = 1):
    """The picture in grey: 0.2989 r + 0.587 g + 0.114 b, in one channel or three. Raises ValueError for other counts.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.rgb_to_grayscale(torch.tensor([1., 0., 0.]).view(3, 1, 1))
    tensor([[[0.2989]]])
    """
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    if is_image(img, "rgb_to_grayscale"):
        grey = img.convert("L")
        if num_output_channels == 1:
            return grey
        return image_module().fromarray(np.dstack([np.array(grey)] * 3))
    if img.shape[-3] == 1:
        return img
    grey = wrap(_arrays.grey(img.detach().numpy()))
    return grey.expand(*grey.shape[:-3], 3, *grey.shape[-2:]) if num_output_channels == 3 else grey


def invert(img):
    """The negative of the picture.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.invert(torch.tensor([[[0., 0.25]]]))
    tensor([[[1.0000, 0.7500]]])
    """
    if is_image(img, "invert"):
        from PIL import ImageOps

        return ImageOps.invert(img)
    import lightwell

    return (1 if img.is_floating_point() else lightwell.iinfo(img.dtype).max) - img


def _enhance(img, kind, factor):
    """One of Pillow's own adjustments."""
    from PIL import ImageEnhance

    return getattr(ImageEnhance, kind)(img).enhance(factor)


def _check_factor(name, factor):
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def adjust_brightness(img, brightness_factor: float):
    """The picture mixed with black: 0 gives black, 1 the picture, 2 twice the brightness.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.adjust_brightness(torch.tensor([[[0.25, 0.5]]]), 2.0)
    tensor([[[0.5000, 1.0000]]])
    """
    _check_factor("brightness_factor", brightness_factor)
    if is_image(img, "adjust_brightness"):
        return _enhance(img, "Brightness", brightness_factor)
    return wrap(_arrays.blend(img.detach().numpy(), 0, brightness_factor))


def adjust_contrast(img, contrast_factor: float):
    """The picture mixed with its mean grey: 0 gives grey, 1 the picture.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.adjust_contrast(torch.tensor([[[0.0, 0.5]]]), 0.0)
    tensor([[[0.2500, 0.2500]]])
    """
    _check_factor("contrast_factor", contrast_factor)
    if is_image(img, "adjust_contrast"):
        return _enhance(img, "Contrast", contrast_factor)
    a = img.detach().numpy()
    grey = _arrays.grey(a) if a.shape[-3] == 3 else a
    mean = grey.astype(_arrays.work_dtype(a.dtype)).mean((-3, -2, -1), keepdims=True)
    return wrap(_arrays.blend(a, mean, contrast_factor))


def adjust_saturation(img, saturation_factor: float):
    """The picture mixed with its grey version: 0 gives grey, 1 the picture.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.adjust_saturation(torch.tensor([1., 0., 0.]).view(3, 1, 1), 0.0).flatten()
    tensor([0.2989, 0.2989, 0.2989])
    """
    _check_factor("saturation_factor", saturation_factor)
    if is_image(img, "adjust_saturation"):
        return _enhance(img, "Color", saturation_factor)
    if img.shape[-3] == 1:
        return img
    a = img.detach().numpy()
    return wrap(_arrays.blend(a, _arrays.grey(a), saturation_factor))


def adjust_hue(img, hue_factor: float):
    """The hues turned by hue_factor of the circle, in [-0.5, 0.5]. Raises ValueError outside.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.adjust_hue(torch.tensor([1., 0., 0.]).view(3, 1, 1), 0.5).flatten()
    tensor([0., 1., 1.])
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if is_image(img, "adjust_hue"):
        if img.mode in ("L", "1", "I", "F"):
            return img
        Image = image_module()
        h, s, v = img.convert("HSV").split()
        turned = np.array(h, np.uint8) + np.array(int(hue_factor * 255)).astype(np.uint8)  # wraps round
        return Image.merge("HSV", (Image.fromarray(turned.astype(np.uint8)), s, v)).convert(img.mode)
    return img if img.shape[-3] == 1 else wrap(_arrays.turn_hue(img.detach().numpy(), hue_factor))
