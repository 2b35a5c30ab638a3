"""Transforms as plain functions on one picture: a Pillow image, or a tensor of shape (..., C, H, W)."""

import enum
import numbers

import numpy as np

from lightwell.tensor import Tensor, wrap
from lightwell.vision._pillow import image_module, is_pil
from lightwell.vision.transforms import _arrays


class InterpolationMode(enum.Enum):
    """How pixels between pixels are guessed."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


_PIL_CODE = {"nearest": 0, "nearest-exact": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
_FROM_CODE = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}


def _mode(interpolation) -> str:
    """The name of an interpolation given as an InterpolationMode or as Pillow's number."""
    if isinstance(interpolation, int):
        return _FROM_CODE[interpolation]
    if not isinstance(interpolation, InterpolationMode):
        raise TypeError(f"interpolation should be an InterpolationMode, got {interpolation!r}; write InterpolationMode.BILINEAR")
    return interpolation.value


def _tensor_mode(interpolation, allowed):
    """The same for tensors, which know fewer."""
    name = _mode(interpolation)
    if name not in allowed:
        raise ValueError(f"interpolation {name!r} is not known for tensors; there are {', '.join(allowed)}")
    return name


def _check(picture, op):
    """Whether the picture is a Pillow image; raises TypeError where it is no picture at all."""
    if is_pil(picture):
        return True
    if not isinstance(picture, Tensor):
        raise TypeError(f"{op}: img should be a PIL Image or a Tensor, got {type(picture).__name__}")
    if picture.dim() < 2:
        raise TypeError(f"{op}: a tensor picture has shape (..., H, W), got {tuple(picture.shape)}")
    return False


def get_dimensions(img) -> list[int]:
    """[channels, height, width] of a picture."""
    if _check(img, "get_dimensions"):
        return [len(img.getbands()), img.height, img.width]
    return [1 if img.dim() == 2 else img.shape[-3], *img.shape[-2:]]


def get_image_size(img) -> list[int]:
    """[width, height] of a picture."""
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img) -> int:
    """Number of channels of a picture."""
    return get_dimensions(img)[0]


def to_tensor(pic) -> Tensor:
    """A Pillow image, or an array (H, W) or (H, W, C), as a tensor (C, H, W); bytes become float32 in [0, 1].

    y = x / 255 for 8-bit values; other dtypes keep their values. Raises TypeError for anything else, ValueError for an
    array of another rank.

    >>> import numpy as np
    >>> from lightwell.vision.transforms.functional import to_tensor
    >>> to_tensor(np.array([[0, 51], [102, 255]], dtype=np.uint8))
    tensor([[[0.0000, 0.2000],
             [0.4000, 1.0000]]])
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"to_tensor: the array should be (H, W) or (H, W, C), got shape {pic.shape}")
        return wrap(_scaled(_planes(pic)))
    if not is_pil(pic):
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    return wrap(_scaled(_pil_planes(pic)))


def _planes(a):
    """(H, W) or (H, W, C) as contiguous (C, H, W); a batch of these likewise."""
    return a[None] if a.ndim == 2 else np.ascontiguousarray(a.transpose(2, 0, 1))


def _scaled(a):
    """Bytes as float32 in [0, 1]."""
    if a.dtype != np.uint8:
        return a.copy()
    kind = _default_np()
    return np.true_divide(a, kind(255), dtype=kind)


def _default_np():
    """NumPy's type of the default float dtype."""
    from lightwell.dtypes import get_default_dtype

    return get_default_dtype().np.type


def _pil_planes(image):
    """The pixels of a Pillow image as (C, H, W)."""
    kinds = {"I": np.int32, "I;16": np.uint16, "F": np.float32}
    a = np.array(image, kinds.get(image.mode), copy=True)
    if image.mode == "1":
        a = a.astype(np.uint8) * 255
    return _planes(a)


def pil_to_tensor(pic) -> Tensor:
    """A Pillow image as a tensor (C, H, W) of its own dtype. Raises TypeError for anything else."""
    if not is_pil(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    if pic.mode == "1":
        return wrap(np.array(pic, np.uint8)[None])
    return wrap(_pil_planes(pic))


def convert_image_dtype(image, dtype=None) -> Tensor:
    """A tensor picture in another dtype, its range adapted: floats are in [0, 1], integers fill their range.

    Raises RuntimeError where the float has fewer digits than the integer.
    """
    import lightwell

    dtype = lightwell.float32 if dtype is None else dtype
    if image.dtype == dtype:
        return image
    if image.dtype.is_floating_point:
        if dtype.is_floating_point:
            return image.to(dtype)
        bits = lightwell.iinfo(dtype).bits
        if bits > 32 or (bits == 32 and image.dtype == lightwell.float32):
            raise RuntimeError(f"The cast from {image.dtype} to {dtype} cannot be performed safely: too few digits")
        top = float(lightwell.iinfo(dtype).max)
        return image.mul(top + 1.0 - 1e-3).to(dtype)
    top = lightwell.iinfo(image.dtype).max
    if dtype.is_floating_point:
        return image.to(dtype) / top
    new_top = lightwell.iinfo(dtype).max
    if top > new_top:
        return (image // ((top + 1) // (new_top + 1))).to(dtype)
    return image.to(dtype) * ((new_top + 1) // (top + 1))


def to_pil_image(pic, mode=None):
    """A tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), as a Pillow image.

    Floats are taken to be in [0, 1]. ``mode`` is guessed from the channels and the dtype.
    Raises TypeError for other inputs or dtypes, ValueError for other shapes or a mode that does not fit.
    """
    if isinstance(pic, Tensor):
        if pic.dim() not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.dim()} dimensions.")
        a = pic.detach().cpu().numpy()
        if a.ndim == 3:
            if a.shape[0] > 4:
                raise ValueError(f"pic should not have > 4 channels. Got {a.shape[0]} channels.")
            a = a.transpose(1, 2, 0)
        if a.dtype.kind in "fV" and mode != "F":
            a = (a.astype(np.float32, copy=False) * np.float32(255)).astype(np.uint8)
    elif isinstance(pic, np.ndarray):
        a = pic
        if a.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {a.ndim} dimensions.")
        if a.ndim == 3 and a.shape[2] > 4:
            raise ValueError(f"pic should not have > 4 channels. Got {a.shape[2]} channels.")
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if a.ndim == 2:
        a = a[:, :, None]
    channels = a.shape[2]
    if channels == 1:
        guess = {"u1": "L", "i2": "I;16", "u2": "I;16", "i4": "I", "f4": "F"}.get(a.dtype.str[1:])
        fits = (guess,)
        a = a[:, :, 0]
    else:
        fits = {2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}[channels]
        guess = fits[0] if a.dtype == np.uint8 else None
    if mode is not None and mode not in fits:
        raise ValueError(f"Only modes {list(fits)} are supported for {channels} channels of {a.dtype}, got {mode}")
    if guess is None:
        raise TypeError(f"Input type {a.dtype} is not supported")
    mode = mode or guess
    a = np.ascontiguousarray(a)
    Image = image_module()
    if mode in ("L", "LA", "RGB", "RGBA", "I", "F", "I;16"):
        if mode == "I;16":
            a = a.astype(np.uint16)
        return Image.fromarray(a)
    return Image.frombytes(mode, (a.shape[1], a.shape[0]), a.tobytes())


def normalize(tensor: Tensor, mean, std, inplace: bool = False) -> Tensor:
    """y = (x - mean) / std for each channel of a float tensor (..., C, H, W).

    Raises TypeError for anything but a float tensor, ValueError for a zero in std or fewer than three dimensions.
    """
    import lightwell

    if not isinstance(tensor, Tensor):
        raise TypeError(f"normalize: img should be a Tensor, got {type(tensor).__name__}; put ToTensor before it")
    if not tensor.is_floating_point():
        raise TypeError(f"normalize: the input should be a float tensor, got {tensor.dtype}; put ToTensor before it")
    if tensor.dim() < 3:
        raise ValueError(f"normalize: the input should be (..., C, H, W), got shape {tuple(tensor.shape)}")
    mean = lightwell.as_tensor(mean, dtype=tensor.dtype, device=tensor.device)
    std = lightwell.as_tensor(std, dtype=tensor.dtype, device=tensor.device)
    if (std == 0).any():
        raise ValueError(f"normalize: std has a zero ({std.tolist()}), which would divide by zero")
    mean = mean.view(-1, 1, 1) if mean.dim() == 1 else mean
    std = std.view(-1, 1, 1) if std.dim() == 1 else std
    tensor = tensor if inplace else tensor.clone()
    return tensor.sub_(mean).div_(std)


def _resized(size, height, width, max_size):
    """[height, width] after resizing: exact for two numbers, else the shorter side becomes the number."""
    size = [size] if isinstance(size, int) else list(size)
    if len(size) not in (1, 2):
        raise ValueError(f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element one")
    if len(size) == 2:
        if max_size is not None:
            raise ValueError("max_size should only be passed if size specifies the length of the smaller edge")
        return size
    short, long = sorted((height, width))
    new_short, new_long = size[0], int(size[0] * long / short)
    if max_size is not None:
        if max_size <= size[0]:
            raise ValueError(f"max_size = {max_size} must be strictly greater than the requested size {size[0]}")
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return [new_short, new_long] if height <= width else [new_long, new_short]


def resize(img, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
    """The picture with the given height and width, or with its shorter side of the given length.

    ``max_size`` bounds the longer side. Pillow images are always antialiased. Raises ValueError for other sizes.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms.functional import resize
    >>> resize(torch.arange(16.).view(1, 4, 4), [2, 2])
    tensor([[[ 3.5714,  5.1429],
             [ 9.8571, 11.4286]]])
    """
    pil = _check(img, "resize")
    _, height, width = get_dimensions(img)
    new_h, new_w = _resized(size, height, width, max_size)
    if [new_h, new_w] == [height, width]:
        return img
    if pil:
        return img.resize((new_w, new_h), _PIL_CODE[_mode(interpolation)])
    name = _tensor_mode(interpolation, ("nearest", "nearest-exact", "bilinear", "bicubic"))
    antialias = bool(antialias) and name in ("bilinear", "bicubic")
    return wrap(_arrays.resize(img.detach().numpy(), new_h, new_w, name, antialias))


def _four(padding):
    """(left, top, right, bottom) out of one, two or four numbers."""
    if isinstance(padding, numbers.Number):
        return (int(padding),) * 4
    p = [int(v) for v in padding]
    if len(p) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(p)} element tuple")
    return tuple(p * 4 if len(p) == 1 else p * 2 if len(p) == 2 else p)


def pad(img, padding, fill=0, padding_mode="constant"):
    """The picture with a border: (all), (left/right, top/bottom) or (left, top, right, bottom) pixels wide.

    ``padding_mode``: 'constant' (of ``fill``), 'edge', 'reflect' or 'symmetric'. Raises ValueError for any other.
    """
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}")
    pil, (left, top, right, bottom) = _check(img, "pad"), _four(padding)
    if pil and padding_mode == "constant":
        from PIL import ImageOps

        border = (left, top, right, bottom)
        if min(border) >= 0 and img.mode != "P":
            return ImageOps.expand(img, border=border, fill=_pil_fill(fill, img))
    if min(left, top, right, bottom) < 0:  # a negative border cuts
        _, h, w = get_dimensions(img)
        img = crop(img, max(-top, 0), max(-left, 0), h + min(top, 0) + min(bottom, 0), w + min(left, 0) + min(right, 0))
        return pad(img, [max(v, 0) for v in (left, top, right, bottom)], fill, padding_mode)
    a = np.asarray(img) if pil else img.detach().numpy()
    rows, columns = (top, bottom), (left, right)
    widths = (rows, columns, (0, 0))[: a.ndim] if pil else ((0, 0),) * (a.ndim - 2) + (rows, columns)
    extra = {"constant_values": fill[0] if isinstance(fill, (tuple, list)) else fill}
    a = np.pad(a, widths, mode=padding_mode, **(extra if padding_mode == "constant" else {}))
    return image_module().fromarray(a) if pil else wrap(a)


def _pil_fill(fill, img):
    """A fill colour with as many values as the image has bands."""
    bands = len(img.getbands())
    if fill is None:
        fill = 0
    if isinstance(fill, numbers.Number):
        fill = float(fill) if img.mode == "F" else int(fill)
        return fill if bands == 1 else (fill,) * bands
    fill = tuple(int(v) for v in fill)
    fill = fill * bands if len(fill) == 1 else fill
    if len(fill) != bands:
        raise ValueError(f"fill has {len(fill)} values, the image has {bands} bands")
    return fill[0] if bands == 1 else fill


def crop(img, top: int, left: int, height: int, width: int):
    """The part of the picture that begins at (top, left); what lies outside the picture is 0."""
    if _check(img, "crop"):
        return img.crop((left, top, left + width, top + height))
    h, w = img.shape[-2:]
    right, bottom = left + width, top + height
    if left < 0 or top < 0 or right > w or bottom > h:
        inner = img[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        border = [
            max(min(right, 0) - left, 0),
            max(min(bottom, 0) - top, 0),
            max(right - max(w, left), 0),
            max(bottom - max(h, top), 0),
        ]
        return pad(inner, border)
    return img[..., top:bottom, left:right]


def _pair(size):
    """(height, width) out of one number or two."""
    if isinstance(size, numbers.Number):
        return int(size), int(size)
    return (size[0], size[0]) if len(size) == 1 else tuple(size)


def center_crop(img, output_size):
    """The middle of the picture; a picture that is too small is padded with 0 first."""
    height, width = _pair(output_size)
    _, h, w = get_dimensions(img)
    if width > w or height > h:
        border = [
            (width - w) // 2 if width > w else 0,
            (height - h) // 2 if height > h else 0,
            (width - w + 1) // 2 if width > w else 0,
            (height - h + 1) // 2 if height > h else 0,
        ]
        img = pad(img, border, fill=0)
        _, h, w = get_dimensions(img)
        if (h, w) == (height, width):
            return img
    return crop(img, round((h - height) / 2.0), round((w - width) / 2.0), height, width)


def resized_crop(img, top, left, height, width, size, interpolation=InterpolationMode.BILINEAR, antialias=True):
    """A part of the picture, resized."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def five_crop(img, size):
    """The four corners (top left, top right, bottom left, bottom right) and the middle. Raises ValueError if too large."""
    height, width = _pair(size)
    _, h, w = get_dimensions(img)
    if width > w or height > h:
        raise ValueError(f"Requested crop size {(height, width)} is bigger than input size {(h, w)}")
    corners = [(0, 0), (0, w - width), (h - height, 0), (h - height, w - width)]
    return (*(crop(img, t, l, height, width) for t, l in corners), center_crop(img, [height, width]))


def ten_crop(img, size, vertical_flip: bool = False):
    """five_crop of the picture and of its mirror image."""
    mirrored = vflip(img) if vertical_flip else hflip(img)
    return five_crop(img, size) + five_crop(mirrored, size)


def hflip(img):
    """The picture with left and right exchanged."""
    return img.transpose(0) if _check(img, "hflip") else img.flip(-1)


def vflip(img):
    """The picture with top and bottom exchanged."""
    return img.transpose(1) if _check(img, "vflip") else img.flip(-2)


def rotate(img, angle: float, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=None):
    """The picture turned by ``angle`` degrees counter-clockwise about its middle, or about ``center`` = [x, y]."""
    if _check(img, "rotate"):
        code = _PIL_CODE[_mode(interpolation)]
        return img.rotate(angle, code, expand, center, fillcolor=_pil_fill(fill, img))
    name = _tensor_mode(interpolation, ("nearest", "bilinear"))
    _, h, w = get_dimensions(img)
    middle = [0.0, 0.0] if center is None else [center[0] - w * 0.5, center[1] - h * 0.5]
    matrix = _arrays.inverse_affine(middle, -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    out_size = None
    if expand:
        corners = np.array([[-0.5 * w, -0.5 * h, 1], [-0.5 * w, 0.5 * h, 1], [0.5 * w, 0.5 * h, 1], [0.5 * w, -0.5 * h, 1]])
        turned = corners @ np.array(matrix).reshape(2, 3).T + [w * 0.5, h * 0.5]
        low, high = turned.min(0), turned.max(0)
        # a corner that misses a whole pixel by rounding alone makes no new pixel
        low, high = (np.trunc(v / 0.001 + np.copysign(0.5, v)) * 0.001 for v in (low, high))
        new_w, new_h = (np.ceil(high) - np.floor(low)).astype(int).tolist()
        out_size = (new_h, new_w)
    return wrap(_arrays.affine(img.detach().numpy(), matrix, name, fill, out_size))


def affine(img, angle, translate, scale, shear, interpolation=InterpolationMode.NEAREST, fill=None, center=None):
    """The picture turned (degrees, clockwise), moved (pixels), scaled and sheared (degrees) about its middle.

    Raises ValueError for a scale that is not positive.
    """
    if scale <= 0:
        raise ValueError(f"affine: scale should be positive, got {scale}")
    shear = [shear, 0.0] if isinstance(shear, numbers.Number) else list(shear)
    shear = shear * 2 if len(shear) == 1 else shear
    _, h, w = get_dimensions(img)
    if _check(img, "affine"):
        middle = [w * 0.5, h * 0.5] if center is None else center
        matrix = _arrays.inverse_affine(middle, angle, translate, scale, shear)
        code = _PIL_CODE[_mode(interpolation)]
        return img.transform((w, h), 0, matrix, code, fillcolor=_pil_fill(fill, img))  # 0: an affine map
    name = _tensor_mode(interpolation, ("nearest", "bilinear"))
    middle = [0.0, 0.0] if center is None else [center[0] - w * 0.5, center[1] - h * 0.5]
    matrix = _arrays.inverse_affine(middle, angle, [float(t) for t in translate], scale, shear)
    return wrap(_arrays.affine(img.detach().numpy(), matrix, name, fill))


def to_grayscale(img, num_output_channels: int = 1):
    """A Pillow image in grey, of one or three equal channels."""
    if not is_pil(img):
        raise TypeError(f"to_grayscale takes a PIL Image, got {type(img).__name__}; use rgb_to_grayscale for tensors")
    return rgb_to_grayscale(img, num_output_channels)


def rgb_to_grayscale(img, num_output_channels: int = 1):
    """The picture in grey: 0.2989 r + 0.587 g + 0.114 b, in one channel or three. Raises ValueError for other counts."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    if _check(img, "rgb_to_grayscale"):
        grey = img.convert("L")
        if num_output_channels == 1:
            return grey
        return image_module().fromarray(np.dstack([np.array(grey)] * 3))
    if img.shape[-3] == 1:
        return img
    grey = wrap(_arrays.grey(img.detach().numpy()))
    return grey.expand(*grey.shape[:-3], 3, *grey.shape[-2:]) if num_output_channels == 3 else grey


def invert(img):
    """The negative of the picture."""
    if _check(img, "invert"):
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
    """The picture mixed with black: 0 gives black, 1 the picture, 2 twice the brightness."""
    _check_factor("brightness_factor", brightness_factor)
    if _check(img, "adjust_brightness"):
        return _enhance(img, "Brightness", brightness_factor)
    return wrap(_arrays.blend(img.detach().numpy(), 0, brightness_factor))


def adjust_contrast(img, contrast_factor: float):
    """The picture mixed with its mean grey: 0 gives grey, 1 the picture."""
    _check_factor("contrast_factor", contrast_factor)
    if _check(img, "adjust_contrast"):
        return _enhance(img, "Contrast", contrast_factor)
    a = img.detach().numpy()
    grey = _arrays.grey(a) if a.shape[-3] == 3 else a
    mean = grey.astype(_arrays.work_dtype(a.dtype)).mean((-3, -2, -1), keepdims=True)
    return wrap(_arrays.blend(a, mean, contrast_factor))


def adjust_saturation(img, saturation_factor: float):
    """The picture mixed with its grey version: 0 gives grey, 1 the picture."""
    _check_factor("saturation_factor", saturation_factor)
    if _check(img, "adjust_saturation"):
        return _enhance(img, "Color", saturation_factor)
    if img.shape[-3] == 1:
        return img
    a = img.detach().numpy()
    return wrap(_arrays.blend(a, _arrays.grey(a), saturation_factor))


def adjust_hue(img, hue_factor: float):
    """The hues turned by hue_factor of the circle, in [-0.5, 0.5]. Raises ValueError outside."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if _check(img, "adjust_hue"):
        if img.mode in ("L", "1", "I", "F"):
            return img
        Image = image_module()
        h, s, v = img.convert("HSV").split()
        turned = np.array(h, np.uint8) + np.array(int(hue_factor * 255)).astype(np.uint8)  # wraps round
        return Image.merge("HSV", (Image.fromarray(turned.astype(np.uint8)), s, v)).convert(img.mode)
    return img if img.shape[-3] == 1 else wrap(_arrays.turn_hue(img.detach().numpy(), hue_factor))


def erase(img: Tensor, i: int, j: int, h: int, w: int, v, inplace: bool = False) -> Tensor:
    """The tensor picture with a rectangle overwritten by v."""
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(img)}")
    img = img if inplace else img.clone()
    img[..., i : i + h, j : j + w] = v
    return img
