"""Transforms as functions of pictures, boxes and masks alike: each kind of input gets what suits it.

Plain tensors and Pillow images are pictures. Colours and tones leave boxes and masks as they are; masks are never
interpolated. The functions take the arguments of those of ``transforms.functional``.
"""

import numpy as np

import lightwell
from lightwell.errors.teaching import TypeError, ValueError
from lightwell.tensor import Tensor
from lightwell.vision._pillow import is_pil
from lightwell.vision.transforms import _effects
from lightwell.vision.transforms import functional as _v1
from lightwell.vision.transforms._pictures import InterpolationMode
from lightwell.vision.transforms.v2 import _boxes
from lightwell.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, Mask, TVTensor, wrap

_NEAREST = InterpolationMode.NEAREST


def is_pure_tensor(inpt) -> bool:
    """Whether this is a tensor that is not one of tv_tensors."""
    return isinstance(inpt, Tensor) and not isinstance(inpt, TVTensor)


def _plain(inpt):
    """Without its class."""
    return inpt.as_subclass(Tensor) if isinstance(inpt, TVTensor) else inpt


def _function(name, picture, boxes=None, mask=None, sampled=False):
    """A function that sends pictures, boxes and masks their ways; where there is none they pass as they are.

    ``mask`` True: a mask is treated as the picture is, without interpolation where the picture is ``sampled``.
    """

    def call(inpt, *args, **kwargs):
        if isinstance(inpt, BoundingBoxes):
            return inpt if boxes is None else boxes(inpt, *args, **kwargs)
        if isinstance(inpt, Mask):
            return inpt if mask is None else wrap(_as_mask(picture, _plain(inpt), args, kwargs, sampled), like=inpt)
        if not (isinstance(inpt, Tensor) or is_pil(inpt)):
            raise TypeError(f"{name}: a tensor, a tv_tensor or a PIL image is expected, got {type(inpt).__name__}")
        out = picture(_plain(inpt), *args, **kwargs)
        if not isinstance(inpt, TVTensor):
            return out
        again = lambda t: wrap(t, like=inpt) if isinstance(t, Tensor) else t
        return tuple(map(again, out)) if isinstance(out, tuple) else again(out)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`transforms.functional.{picture.__name__}` of a picture" + (", boxes or a mask." if boxes else "; others pass.")
    call.picture = picture
    return call


def _as_mask(picture, mask, args, kwargs, sampled):
    """A mask treated as a picture of one channel, or as many as it has, with the nearest pixel's value."""
    if isinstance(kwargs.get("fill"), (tuple, list)) and len(kwargs["fill"]) > 1 and not sampled:
        raise ValueError("Non-scalar fill value is not supported for masks")
    flat = mask.ndim < 3
    if sampled:
        kwargs = {**kwargs, "interpolation": _NEAREST}
        kwargs.pop("antialias", None)
    out = picture(mask.unsqueeze(0) if flat else mask, *args, **kwargs)
    return out.squeeze(0) if flat else out


def _pad(inpt, padding, fill=0, padding_mode="constant"):
    """Padding with a fill for each channel."""
    if isinstance(fill, (tuple, list)) and len(fill) > 1 and isinstance(inpt, Tensor) and padding_mode == "constant":
        if inpt.dim() < 3 or inpt.shape[-3] not in (1, len(fill)):
            raise ValueError(f"pad: {len(fill)} fill values for a picture or mask of shape {tuple(inpt.shape)}")
        inside = _v1.pad(lightwell.ones_like(inpt, dtype=lightwell.bool), padding)
        colour = lightwell.tensor(list(fill), dtype=inpt.dtype).view(-1, 1, 1)
        return lightwell.where(inside, _v1.pad(inpt, padding), colour)
    fill = 0 if fill is None else fill
    if is_pil(inpt) and isinstance(fill, (tuple, list)):
        fill = tuple(int(v) for v in fill)
    return _v1.pad(inpt, padding, fill, padding_mode)


def _perspective(inpt, startpoints, endpoints, interpolation=InterpolationMode.BILINEAR, fill=None, coefficients=None):
    """Perspective by points, or by coefficients known already."""
    if coefficients is not None:
        if startpoints is not None or endpoints is not None:
            raise ValueError("perspective: give either startpoints and endpoints, or coefficients")
        startpoints = [[0, 0], [1, 0], [1, 1], [0, 1]]
        back = np.linalg.inv(np.array([*coefficients, 1.0]).reshape(3, 3)) @ np.array([[0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1.0]])
        endpoints = (back[:2] / back[2]).T.tolist()
    return _v1.perspective(inpt, startpoints, endpoints, interpolation, fill)


def _equalize(img):
    """Floats are equalised as bytes."""
    if isinstance(img, Tensor) and img.is_floating_point():
        return _to_dtype(_v1.equalize(_v1.convert_image_dtype(img, lightwell.uint8)), img.dtype, scale=True)
    return _v1.equalize(img)


def _posterize(img, bits):
    """Floats keep the lower edge of one of 2^bits steps."""
    if isinstance(img, Tensor) and img.is_floating_point():
        steps = 1 << bits
        return img.mul(steps).floor().clamp(0, steps - 1).mul(1.0 / steps)
    return _v1.posterize(img, bits)


def _gaussian_noise(img, mean=0.0, sigma=0.1, clip=True):
    """Noise is for tensors."""
    if is_pil(img):
        raise ValueError("Gaussian Noise is not implemented for PIL images; put ToImage or PILToTensor before it")
    return _effects.gaussian_noise(img, mean, sigma, clip)


def _erase(img, i, j, h, w, v, inplace=False):
    """A rectangle overwritten, of Pillow images too."""
    if is_pil(img):
        return _v1.to_pil_image(_v1.erase(_v1.pil_to_tensor(img), i, j, h, w, v, inplace=True), mode=img.mode)
    return _v1.erase(img, i, j, h, w, v, inplace)


horizontal_flip = hflip = _function("horizontal_flip", _v1.hflip, _boxes.hflip, mask=True)
vertical_flip = vflip = _function("vertical_flip", _v1.vflip, _boxes.vflip, mask=True)
resize = _function("resize", _v1.resize, _boxes.resize, mask=True, sampled=True)
pad = _function("pad", _pad, _boxes.pad, mask=True)
crop = _function("crop", _v1.crop, _boxes.crop, mask=True)
center_crop = _function("center_crop", _v1.center_crop, _boxes.center_crop, mask=True)
resized_crop = _function("resized_crop", _v1.resized_crop, _boxes.resized_crop, mask=True, sampled=True)
rotate = _function("rotate", _v1.rotate, _boxes.rotate, mask=True, sampled=True)
affine = _function("affine", _v1.affine, _boxes.affine, mask=True, sampled=True)
perspective = _function("perspective", _perspective, _boxes.perspective, mask=True, sampled=True)
elastic = elastic_transform = _function("elastic", _v1.elastic_transform, _boxes.elastic, mask=True, sampled=True)
five_crop = _function("five_crop", _v1.five_crop)
ten_crop = _function("ten_crop", _v1.ten_crop)
rgb_to_grayscale = to_grayscale = _function("rgb_to_grayscale", _v1.rgb_to_grayscale)
adjust_brightness = _function("adjust_brightness", _v1.adjust_brightness)
adjust_contrast = _function("adjust_contrast", _v1.adjust_contrast)
adjust_saturation = _function("adjust_saturation", _v1.adjust_saturation)
adjust_hue = _function("adjust_hue", _v1.adjust_hue)
adjust_gamma = _function("adjust_gamma", _v1.adjust_gamma)
adjust_sharpness = _function("adjust_sharpness", _v1.adjust_sharpness)
autocontrast = _function("autocontrast", _v1.autocontrast)
equalize = _function("equalize", _equalize)
invert = _function("invert", _v1.invert)
posterize = _function("posterize", _posterize)
solarize = _function("solarize", _v1.solarize)
gaussian_blur = _function("gaussian_blur", _v1.gaussian_blur)
gaussian_noise = _function("gaussian_noise", _gaussian_noise)
normalize = _function("normalize", _v1.normalize)
erase = _function("erase", _erase)
pil_to_tensor, to_tensor, to_pil_image = _v1.pil_to_tensor, _v1.to_tensor, _v1.to_pil_image
get_dimensions, get_image_size, get_num_channels = _v1.get_dimensions, _v1.get_image_size, _v1.get_image_num_channels
get_image_num_channels = get_num_channels


def get_size(inpt) -> list[int]:
    """[height, width] of a picture, a mask, or the canvas of boxes.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms.v2 import functional as F
    >>> F.get_size(torch.zeros(3, 4, 5))
    [4, 5]
    """
    if isinstance(inpt, BoundingBoxes):
        return list(inpt.canvas_size)
    return [inpt.height, inpt.width] if is_pil(inpt) else list(inpt.shape[-2:])


def _grayscale_to_rgb(img):
    """A grey picture with three equal channels."""
    if is_pil(img):
        return img.convert("RGB")
    return img if img.shape[-3] >= 3 else img.expand(*img.shape[:-3], 3, *img.shape[-2:]).clone()


def _permute_channels(img, permutation):
    """The channels in another order."""
    order = [int(i) for i in permutation]
    if is_pil(img):
        from lightwell.vision._pillow import image_module

        return image_module().fromarray(np.ascontiguousarray(np.array(img)[..., order]))
    if len(order) != img.shape[-3]:
        raise ValueError(f"permute_channels: {len(order)} numbers for {img.shape[-3]} channels")
    return img[..., order, :, :]


def _jpeg(img, quality):
    """A picture written as JPEG and read again."""
    from lightwell.vision.io import decode_jpeg, encode_jpeg

    if is_pil(img):
        return _v1.to_pil_image(_jpeg(_v1.pil_to_tensor(img), quality), mode=img.mode)
    flat = img.reshape(-1, *img.shape[-3:])
    return lightwell.stack([decode_jpeg(encode_jpeg(one, quality)) for one in flat]).view(img.shape)


grayscale_to_rgb = _function("grayscale_to_rgb", _grayscale_to_rgb)
permute_channels = _function("permute_channels", _permute_channels)
jpeg = _function("jpeg", _jpeg)


def to_image(inpt) -> Image:
    """A tensor, an array (H, W[, C]) or a Pillow image as tv_tensors.Image, values unchanged. Raises TypeError for others.

    >>> import numpy as np
    >>> from lightwell.vision.transforms.v2 import functional as F
    >>> F.to_image(np.zeros((4, 5, 3), np.uint8)).shape
    torch.Size([3, 4, 5])
    """
    if isinstance(inpt, np.ndarray):
        a = inpt[..., None] if inpt.ndim == 2 else inpt
        return Image(lightwell.from_numpy(np.ascontiguousarray(a.transpose(2, 0, 1))))
    if is_pil(inpt):
        return Image(_v1.pil_to_tensor(inpt))
    if isinstance(inpt, Tensor):
        return Image(_plain(inpt))
    raise TypeError(f"to_image: a tensor, a numpy array or a PIL image is expected, got {type(inpt).__name__}")


def _to_dtype(img, dtype=None, scale=False):
    """Another dtype, the range adapted where ``scale``."""
    dtype = lightwell.float32 if dtype is None else dtype
    if not scale or img.dtype == dtype:
        return img.to(dtype)
    if not img.is_floating_point() and dtype.is_floating_point:
        return img.to(dtype) * (1.0 / lightwell.iinfo(img.dtype).max)
    return _v1.convert_image_dtype(img, dtype)


def to_dtype(inpt, dtype=None, scale: bool = False):
    """The input in another dtype (float32); pictures' ranges are adapted where ``scale``.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms.v2 import functional as F
    >>> F.to_dtype(torch.tensor([[[0, 255]]], dtype=torch.uint8), torch.float32, scale=True)
    tensor([[[0., 1.]]])
    """
    if isinstance(inpt, (BoundingBoxes, Mask)):
        return wrap(_plain(inpt).to(lightwell.float32 if dtype is None else dtype), like=inpt)
    out = _to_dtype(_plain(inpt), dtype, scale)
    return wrap(out, like=inpt) if isinstance(inpt, TVTensor) else out


def convert_image_dtype(image, dtype=None):
    """`to_dtype` with the range adapted."""
    return to_dtype(image, dtype, scale=True)


def _format(format):
    return BoundingBoxFormat[format.upper()] if isinstance(format, str) else format


def convert_bounding_box_format(inpt, old_format=None, new_format=None, inplace=False):
    """Boxes in another form; plain tensors need ``old_format``. Raises ValueError or TypeError otherwise.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms.v2 import functional as F
    >>> F.convert_bounding_box_format(torch.tensor([[0., 0, 4, 2]]), "xyxy", "cxcywh")
    tensor([[2., 1., 4., 2.]])
    """
    from lightwell.vision.ops.boxes import box_convert

    if new_format is None:
        raise TypeError("convert_bounding_box_format() missing 1 required argument: 'new_format'")
    new = _format(new_format)
    boxes = isinstance(inpt, BoundingBoxes)
    if boxes == (old_format is not None):
        need = "must not be passed for tv_tensors, which know theirs" if boxes else "has to be passed for plain tensors"
        raise ValueError(f"convert_bounding_box_format: `old_format` {need}")
    old = inpt.format if boxes else _format(old_format)
    out = box_convert(_plain(inpt), old.value.lower(), new.value.lower())
    out = out if out.dtype == inpt.dtype else out.to(inpt.dtype)
    return wrap(out, like=inpt, format=new) if boxes else out


def clamp_bounding_boxes(inpt, format=None, canvas_size=None, clamping_mode="auto"):
    """Boxes cut off at the edges of the canvas; plain tensors need ``format``, ``canvas_size`` and ``clamping_mode``.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms.v2 import functional as F
    >>> F.clamp_bounding_boxes(torch.tensor([[-1., 0, 9, 2]]), format="xyxy", canvas_size=(4, 4), clamping_mode="hard")
    tensor([[0., 0., 4., 2.]])
    """
    if isinstance(inpt, BoundingBoxes):
        if format is not None or canvas_size is not None:
            raise ValueError("For bounding box tv_tensor inputs, `format` and `canvas_size` must not be passed.")
        boxes = inpt
        mode = inpt.clamping_mode if clamping_mode == "auto" else clamping_mode
    else:
        if format is None or canvas_size is None or clamping_mode == "auto":
            raise ValueError("For pure tensor inputs, `format`, `canvas_size` and `clamping_mode` have to be passed.")
        boxes, mode = BoundingBoxes(inpt, format=format, canvas_size=canvas_size), clamping_mode
    if mode is None:
        out = wrap(_plain(boxes).clone(), like=boxes)
    else:
        out = _boxes._back(_boxes._corners(boxes), wrap(_plain(boxes), like=boxes, clamping_mode=mode), boxes.canvas_size)
        out.clamping_mode = boxes.clamping_mode
    return out if isinstance(inpt, BoundingBoxes) else _plain(out)


def _worth_keeping(boxes, min_size=1.0, min_area=1.0):
    """Which boxes lie on the canvas and are large enough."""
    b = _boxes._corners(boxes)
    height, width = boxes.canvas_size
    w, h = b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]
    inside = (b >= 0).all(dim=-1) & (b[:, [0, 2]] <= width).all(dim=-1) & (b[:, [1, 3]] <= height).all(dim=-1)
    return (w >= min_size) & (h >= min_size) & (w * h >= min_area) & inside


def sanitize_bounding_boxes(bounding_boxes, format=None, canvas_size=None, min_size: float = 1.0, min_area: float = 1.0):
    """(boxes without the degenerate ones, which ones were kept); plain tensors need ``format`` and ``canvas_size``.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms.v2 import functional as F
    >>> F.sanitize_bounding_boxes(torch.tensor([[0., 0, 2, 2], [1, 1, 1, 1]]), format="xyxy", canvas_size=(4, 4))
    (tensor([[0., 0., 2., 2.]]), tensor([ True, False]))
    """
    if isinstance(bounding_boxes, BoundingBoxes):
        boxes = bounding_boxes
    else:
        if format is None or canvas_size is None:
            raise ValueError("format and canvas_size must not be None for a plain tensor of boxes")
        boxes = BoundingBoxes(bounding_boxes, format=format, canvas_size=canvas_size)
    valid = _worth_keeping(boxes, min_size, min_area)
    kept = _plain(boxes)[valid]
    return (wrap(kept, like=boxes) if isinstance(bounding_boxes, BoundingBoxes) else kept), valid
