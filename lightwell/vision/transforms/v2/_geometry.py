"""Transforms of place and size, for pictures, boxes and masks together."""

import math

import lightwell
from lightwell.errors.teaching import TypeError, ValueError
from lightwell.vision._pillow import is_pil
from lightwell.vision.ops.boxes import box_iou
from lightwell.vision.transforms import distortions, randomised
from lightwell.vision.transforms._warps import perspective_coefficients
from lightwell.vision.transforms.functional import four_sides
from lightwell.vision.transforms.randomised import _angles, _integer, _uniform
from lightwell.vision.transforms.transforms import _size2
from lightwell.vision.transforms.v2 import functional as F
from lightwell.vision.transforms.v2._transform import (
    RandomApplyTransform,
    Transform,
    fill_of,
    get_bounding_boxes,
    has_all,
    has_any,
    query_size,
    setup_fill,
)
from lightwell.vision.transforms.v2.functional import is_pure_tensor
from lightwell.vision.tv_tensors import BoundingBoxes, Image, Mask

__all__ = [
    "CenterCrop", "ElasticTransform", "FiveCrop", "Pad", "RandomAffine", "RandomCrop", "RandomHorizontalFlip", "RandomIoUCrop",
    "RandomPerspective", "RandomResize", "RandomResizedCrop", "RandomRotation", "RandomShortestSize", "RandomVerticalFlip",
    "RandomZoomOut", "Resize", "ScaleJitter", "TenCrop",
]  # fmt: skip


class RandomHorizontalFlip(RandomApplyTransform):
    """Left and right exchanged, with probability p.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import v2
    >>> v2.RandomHorizontalFlip(p=1.0)(torch.tensor([[[1., 2.]]]))
    tensor([[[2., 1.]]])
    """

    def transform(self, inpt, params):
        return self._call_kernel(F.horizontal_flip, inpt)


class RandomVerticalFlip(RandomApplyTransform):
    """Top and bottom exchanged, with probability p."""

    def transform(self, inpt, params):
        return self._call_kernel(F.vertical_flip, inpt)


class Resize(Transform):
    """Resized: ``size`` = (h, w), or the length of the shorter side; None with ``max_size`` the length of the longer.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import v2
    >>> v2.Resize(4)(torch.zeros(1, 8, 16)).shape
    torch.Size([1, 4, 8])
    """

    def __init__(self, size, interpolation="bilinear", max_size=None, antialias=True):
        super().__init__()
        if isinstance(size, int):
            size = [size]
        elif isinstance(size, (list, tuple)) and len(size) in (1, 2):
            size = list(size)
        elif size is None:
            if not isinstance(max_size, int):
                raise ValueError(f"max_size must be an integer when size is None, but got {max_size} instead.")
        else:
            raise ValueError(f"size can be an integer, a sequence of one or two integers, or None, but got {size} instead.")
        self.size, self.interpolation, self.max_size, self.antialias = size, interpolation, max_size, antialias

    def transform(self, inpt, params):
        size, longest = self.size, self.max_size
        if size is None:
            height, width = F.get_size(inpt)
            ratio = longest / max(height, width)
            size, longest = [int(height * ratio), int(width * ratio)], None
        return self._call_kernel(F.resize, inpt, size, interpolation=self.interpolation, max_size=longest, antialias=self.antialias)


class CenterCrop(Transform):
    """The middle, (h, w) or square."""

    def __init__(self, size):
        super().__init__()
        self.size = _size2(size)

    def transform(self, inpt, params):
        return self._call_kernel(F.center_crop, inpt, output_size=self.size)


class RandomResizedCrop(Transform):
    """A part of random area and shape, resized to ``size``."""

    get_params = staticmethod(randomised.RandomResizedCrop.get_params)

    def __init__(
        self,
        size,
        scale=(0.08, 1.0),
        ratio=(3.0 / 4.0, 4.0 / 3.0),
        interpolation="bilinear",
        antialias=True,
    ):
        super().__init__()
        self.size = _size2(size)
        for name, value in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(value, (tuple, list)):
                raise TypeError(f"{name} should be a sequence of two floats.")
        self.scale, self.ratio, self.interpolation, self.antialias = scale, ratio, interpolation, antialias

    def make_params(self, flat_inputs):
        return dict(where=self.get_params(lightwell.empty((1, *query_size(flat_inputs))), self.scale, self.ratio))

    def transform(self, inpt, params):
        how = dict(size=self.size, interpolation=self.interpolation, antialias=self.antialias)
        return self._call_kernel(F.resized_crop, inpt, *params["where"], **how)


class _Crops(Transform):
    """Several parts of each picture."""

    def check_inputs(self, flat_inputs):
        if has_any(flat_inputs, BoundingBoxes, Mask):
            raise TypeError(f"BoundingBoxes'es and Mask's are not supported by {type(self).__name__}()")


class FiveCrop(_Crops):
    """The four corners and the middle."""

    def __init__(self, size):
        super().__init__()
        self.size = _size2(size)

    def transform(self, inpt, params):
        return self._call_kernel(F.five_crop, inpt, self.size)


class TenCrop(_Crops):
    """FiveCrop of the picture and of its mirror image."""

    def __init__(self, size, vertical_flip=False):
        super().__init__()
        self.size, self.vertical_flip = _size2(size), vertical_flip

    def transform(self, inpt, params):
        return self._call_kernel(F.ten_crop, inpt, self.size, vertical_flip=self.vertical_flip)


class Pad(Transform):
    """A border: one width, (left/right, top/bottom) or (left, top, right, bottom); ``fill`` may be a dict by type."""

    def __init__(self, padding, fill=0, padding_mode="constant"):
        super().__init__()
        if not isinstance(padding, (int, tuple, list)) or (not isinstance(padding, int) and len(padding) not in (1, 2, 4)):
            raise ValueError(f"Padding must be an int or a 1, 2, or 4 element of tuple or list, got {padding}.")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        self.padding = padding if isinstance(padding, int) else list(padding)
        self.fill, self._fill, self.padding_mode = fill, setup_fill(fill), padding_mode

    def transform(self, inpt, params):
        fill = fill_of(self._fill, inpt)
        return self._call_kernel(F.pad, inpt, padding=self.padding, fill=fill, padding_mode=self.padding_mode)


class RandomZoomOut(RandomApplyTransform):
    """With probability p a larger canvas, by a factor in ``side_range``, with the picture at a random place (Liu et al. 2016)."""

    def __init__(self, fill=0, side_range=(1.0, 4.0), p=0.5):
        super().__init__(p=p)
        self.fill, self._fill, self.side_range = fill, setup_fill(fill), side_range
        if side_range[0] < 1.0 or side_range[0] > side_range[1]:
            raise ValueError(f"Invalid side range provided {side_range}.")

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        low, high = self.side_range
        factor = low + lightwell.rand(1) * (high - low)
        wide, tall = int(width * factor), int(height * factor)
        share = lightwell.rand(2)
        left, top = int((wide - width) * share[0]), int((tall - height) * share[1])
        return dict(padding=[left, top, wide - (left + width), tall - (top + height)])

    def transform(self, inpt, params):
        return self._call_kernel(F.pad, inpt, **params, fill=fill_of(self._fill, inpt))


class RandomRotation(Transform):
    """Turned by a random angle: within ±degrees, or between two."""

    get_params = staticmethod(randomised.RandomRotation.get_params)

    def __init__(self, degrees, interpolation="nearest", expand=False, center=None, fill=0):
        super().__init__()
        self.degrees = _angles(degrees, "degrees")
        self.interpolation, self.expand, self.center = interpolation, expand, center
        self.fill, self._fill = fill, setup_fill(fill)

    def make_params(self, flat_inputs):
        return dict(angle=_uniform(*self.degrees))

    def transform(self, inpt, params):
        how = dict(interpolation=self.interpolation, expand=self.expand, center=self.center, fill=fill_of(self._fill, inpt))
        return self._call_kernel(F.rotate, inpt, **params, **how)


class RandomAffine(Transform):
    """Turned, moved, scaled and sheared by random amounts."""

    get_params = staticmethod(randomised.RandomAffine.get_params)

    def __init__(self, degrees, translate=None, scale=None, shear=None, interpolation="nearest", fill=0, center=None):
        super().__init__()
        checked = randomised.RandomAffine(degrees, translate, scale, shear)
        self.degrees, self.translate, self.scale, self.shear = checked.degrees, translate, scale, checked.shear
        self.interpolation, self.fill, self._fill, self.center = interpolation, fill, setup_fill(fill), center

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        names = ("angle", "translate", "scale", "shear")
        return dict(zip(names, self.get_params(self.degrees, self.translate, self.scale, self.shear, [width, height])))

    def transform(self, inpt, params):
        how = dict(interpolation=self.interpolation, fill=fill_of(self._fill, inpt), center=self.center)
        return self._call_kernel(F.affine, inpt, **params, **how)


class RandomCrop(Transform):
    """A part at a random place, after padding. Raises ValueError where the picture is too small."""

    get_params = staticmethod(randomised.RandomCrop.get_params)

    def __init__(self, size, padding=None, pad_if_needed=False, fill=0, padding_mode="constant"):
        super().__init__()
        self.size = tuple(_size2(size))
        left, top, right, bottom = four_sides(padding) if padding else (0, 0, 0, 0)
        self.padding = [left, right, top, bottom] if padding else None
        self.pad_if_needed, self.fill, self._fill, self.padding_mode = pad_if_needed, fill, setup_fill(fill), padding_mode

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        left, right, top, bottom = self.padding or (0, 0, 0, 0)
        height, width = height + top + bottom, width + left + right
        tall, wide = self.size
        if self.pad_if_needed:
            down, across = max(tall - height, 0), max(wide - width, 0)
            top, bottom, left, right = top + down, bottom + down, left + across, right + across
            height, width = height + 2 * down, width + 2 * across
        if height < tall or width < wide:
            padded = "padded " if self.padding is not None else ""
            raise ValueError(f"Required crop size {self.size} is larger than {padded}input image size {(height, width)}.")
        at_y = int(lightwell.randint(0, height - tall + 1, size=())) if height > tall else 0
        at_x = int(lightwell.randint(0, width - wide + 1, size=())) if width > wide else 0
        return dict(padding=[left, top, right, bottom], crop=(at_y, at_x, tall, wide))

    def transform(self, inpt, params):
        if any(params["padding"]):
            how = dict(padding=params["padding"], fill=fill_of(self._fill, inpt), padding_mode=self.padding_mode)
            inpt = self._call_kernel(F.pad, inpt, **how)
        return self._call_kernel(F.crop, inpt, *params["crop"])


class RandomPerspective(RandomApplyTransform):
    """With probability p the corners moved inwards by up to ``distortion_scale`` of half the size."""

    get_params = staticmethod(distortions.RandomPerspective.get_params)

    def __init__(self, distortion_scale=0.5, p=0.5, interpolation="bilinear", fill=0):
        super().__init__(p=p)
        if not 0 <= distortion_scale <= 1:
            raise ValueError("Argument distortion_scale value should be between 0 and 1")
        self.distortion_scale, self.interpolation = distortion_scale, interpolation
        self.fill, self._fill = fill, setup_fill(fill)

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        points = self.get_params(width, height, self.distortion_scale)
        perspective_coefficients(*points)
        return dict(zip(("startpoints", "endpoints"), points))

    def transform(self, inpt, params):
        how = dict(interpolation=self.interpolation, fill=fill_of(self._fill, inpt))
        return self._call_kernel(F.perspective, inpt, **params, **how)


class ElasticTransform(Transform):
    """Pixels displaced at random by about ``alpha`` pixels, neighbours (within ``sigma``) alike."""

    get_params = staticmethod(distortions.ElasticTransform.get_params)

    def __init__(self, alpha=50.0, sigma=5.0, interpolation="bilinear", fill=0):
        super().__init__()
        pair = lambda v: [float(v)] * 2 if isinstance(v, (int, float)) else [float(x) for x in (list(v) * 2)[:2]]
        self.alpha, self.sigma = pair(alpha), pair(sigma)
        self.interpolation, self.fill, self._fill = interpolation, fill, setup_fill(fill)

    def make_params(self, flat_inputs):
        return dict(displacement=self.get_params(self.alpha, self.sigma, list(query_size(flat_inputs))))

    def transform(self, inpt, params):
        how = dict(interpolation=self.interpolation, fill=fill_of(self._fill, inpt))
        return self._call_kernel(F.elastic, inpt, **params, **how)


class RandomIoUCrop(Transform):
    """A random part that keeps enough of some box (Liu et al. 2016, SSD); boxes outside become empty.

    Raises TypeError without a picture and boxes. SanitizeBoundingBoxes takes the empty boxes away.
    """

    def __init__(self, min_scale=0.3, max_scale=1.0, min_aspect_ratio=0.5, max_aspect_ratio=2.0, sampler_options=None, trials=40):
        super().__init__()
        self.min_scale, self.max_scale = min_scale, max_scale
        self.min_aspect_ratio, self.max_aspect_ratio = min_aspect_ratio, max_aspect_ratio
        self.options = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0] if sampler_options is None else sampler_options
        self.trials = trials

    def check_inputs(self, flat_inputs):
        if not (has_all(flat_inputs, BoundingBoxes) and has_any(flat_inputs, is_pil, Image, is_pure_tensor)):
            raise TypeError(
                f"{type(self).__name__}() requires input sample to contain tensor or PIL images and bounding boxes. "
                "Sample can also contain masks."
            )

    def _try(self, height, width, corners, least):
        """One random part, or None where it does not do."""
        share = self.min_scale + (self.max_scale - self.min_scale) * lightwell.rand(2)
        new_w, new_h = int(width * share[0]), int(height * share[1])
        if not self.min_aspect_ratio <= new_w / new_h <= self.max_aspect_ratio:
            return None
        place = lightwell.rand(2)
        left, top = int((width - new_w) * place[0]), int((height - new_h) * place[1])
        if new_w == 0 or new_h == 0:
            return None
        x, y = 0.5 * (corners[:, 0] + corners[:, 2]), 0.5 * (corners[:, 1] + corners[:, 3])
        inside = (left < x) & (x < left + new_w) & (top < y) & (y < top + new_h)
        if not inside.any():
            return None
        part = lightwell.tensor([[left, top, left + new_w, top + new_h]], dtype=corners.dtype)
        if box_iou(corners[inside], part).max() < least:
            return None
        return dict(crop=(top, left, new_h, new_w), inside=inside)

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        boxes = get_bounding_boxes(flat_inputs)
        corners = F.convert_bounding_box_format(boxes.as_subclass(lightwell.Tensor), boxes.format, "XYXY")
        while True:
            least = self.options[_integer(len(self.options))]
            if least >= 1.0:  # the option to leave everything as it is
                return {}
            for _ in range(self.trials):
                found = self._try(height, width, corners, least)
                if found is not None:
                    return found

    def transform(self, inpt, params):
        if not params:
            return inpt
        out = self._call_kernel(F.crop, inpt, *params["crop"])
        if isinstance(out, BoundingBoxes):
            out[~params["inside"]] = 0
        return out


class _ResizedTo(Transform):
    """Resized to a size drawn for each sample."""

    def transform(self, inpt, params):
        return self._call_kernel(F.resize, inpt, params["size"], interpolation=self.interpolation, antialias=self.antialias)


class ScaleJitter(_ResizedTo):
    """Resized by a random factor (in ``scale_range``) of what fits ``target_size`` (Ghiasi et al. 2021)."""

    def __init__(self, target_size, scale_range=(0.1, 2.0), interpolation="bilinear", antialias=True):
        super().__init__()
        self.target_size, self.scale_range = target_size, scale_range
        self.interpolation, self.antialias = interpolation, antialias

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        low, high = self.scale_range
        ratio = min(self.target_size[1] / height, self.target_size[0] / width) * (low + lightwell.rand(1) * (high - low))
        return dict(size=(int(height * ratio), int(width * ratio)))


class RandomShortestSize(_ResizedTo):
    """The shorter side as one of ``min_size``, the longer at most ``max_size``."""

    def __init__(self, min_size, max_size=None, interpolation="bilinear", antialias=True):
        super().__init__()
        self.min_size = [min_size] if isinstance(min_size, int) else list(min_size)
        self.max_size, self.interpolation, self.antialias = max_size, interpolation, antialias

    def make_params(self, flat_inputs):
        height, width = query_size(flat_inputs)
        ratio = self.min_size[int(lightwell.randint(len(self.min_size), ()))] / min(height, width)
        ratio = min(ratio, math.inf if self.max_size is None else self.max_size / max(height, width))
        return dict(size=(int(height * ratio), int(width * ratio)))


class RandomResize(_ResizedTo):
    """The shorter side of a random length, from ``min_size`` to below ``max_size``."""

    def __init__(self, min_size, max_size, interpolation="bilinear", antialias=True):
        super().__init__()
        self.min_size, self.max_size, self.interpolation, self.antialias = min_size, max_size, interpolation, antialias

    def make_params(self, flat_inputs):
        return dict(size=[int(lightwell.randint(self.min_size, self.max_size, ()))])
