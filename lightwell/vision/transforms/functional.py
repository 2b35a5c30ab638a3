"""Transforms as plain functions on one picture: a Pillow image, or a tensor of shape (..., C, H, W)."""

import numbers

import numpy as np

from lightwell.errors.teaching import TypeError, ValueError
from lightwell.tensor import Tensor, wrap
from lightwell.vision._pillow import image_module
from lightwell.vision.transforms import _arrays
from lightwell.vision.transforms._colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    invert,
    rgb_to_grayscale,
    to_grayscale,
)
from lightwell.vision.transforms._effects import (
    adjust_gamma,
    adjust_sharpness,
    autocontrast,
    equalize,
    gaussian_blur,
    posterize,
    solarize,
)
from lightwell.vision.transforms._pictures import (
    InterpolationMode,
    convert_image_dtype,
    get_dimensions,
    get_image_num_channels,
    get_image_size,
    is_image,
    pil_mode,
    pil_to_tensor,
    tensor_mode,
    to_pil_image,
    to_tensor,
)
from lightwell.vision.transforms._warps import elastic_transform, perspective

__all__ = [
    "InterpolationMode", "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation",
    "adjust_sharpness", "affine", "autocontrast", "center_crop", "convert_image_dtype", "crop", "elastic_transform", "equalize",
    "erase", "five_crop", "gaussian_blur", "perspective", "posterize", "solarize", "get_dimensions", "get_image_num_channels", "get_image_size", "hflip",
    "invert", "normalize", "pad", "pil_to_tensor", "resize", "resized_crop", "rgb_to_grayscale", "rotate", "ten_crop",
    "to_grayscale", "to_pil_image", "to_tensor", "vflip",
]  # fmt: skip


def normalize(tensor: Tensor, mean, std, inplace: bool = False) -> Tensor:
    """y = (x - mean) / std for each channel of a float tensor (..., C, H, W).

    Raises TypeError for anything but a float tensor, ValueError for a zero in std or fewer than three dimensions.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.normalize(torch.tensor([[[0., 1.]]]), [0.5], [0.5])
    tensor([[[-1.,  1.]]])
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
    pil = is_image(img, "resize")
    _, height, width = get_dimensions(img)
    new_h, new_w = _resized(size, height, width, max_size)
    if [new_h, new_w] == [height, width]:
        return img
    if pil:
        return img.resize((new_w, new_h), pil_mode(interpolation))
    name = tensor_mode(interpolation, ("nearest", "nearest-exact", "bilinear", "bicubic"))
    antialias = bool(antialias) and name in ("bilinear", "bicubic")
    return wrap(_arrays.resize(img.detach().numpy(), new_h, new_w, name, antialias))


def four_sides(padding):
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

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> F.pad(x, [1, 0], fill=9)
    tensor([[[9., 0., 1., 2., 9.],
             [9., 3., 4., 5., 9.]]])
    """
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}")
    pil, (left, top, right, bottom) = is_image(img, "pad"), four_sides(padding)
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
    """The part of the picture that begins at (top, left); what lies outside the picture is 0.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> F.crop(x, 0, 1, 2, 2)
    tensor([[[1., 2.],
             [4., 5.]]])
    """
    if is_image(img, "crop"):
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
    """The middle of the picture; a picture that is too small is padded with 0 first.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> F.center_crop(x, [2, 1])
    tensor([[[1.],
             [4.]]])
    """
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
    """A part of the picture, resized.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> F.resized_crop(x, 0, 0, 2, 2, [4, 4]).shape
    torch.Size([1, 4, 4])
    """
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def five_crop(img, size):
    """The four corners (top left, top right, bottom left, bottom right) and the middle. Raises ValueError if too large.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> [c.shape[-2:] for c in F.five_crop(x, 1)][:2]
    [torch.Size([1, 1]), torch.Size([1, 1])]
    """
    height, width = _pair(size)
    _, h, w = get_dimensions(img)
    if width > w or height > h:
        raise ValueError(f"Requested crop size {(height, width)} is bigger than input size {(h, w)}")
    corners = [(0, 0), (0, w - width), (h - height, 0), (h - height, w - width)]
    return (*(crop(img, t, l, height, width) for t, l in corners), center_crop(img, [height, width]))


def ten_crop(img, size, vertical_flip: bool = False):
    """five_crop of the picture and of its mirror image.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> len(F.ten_crop(x, 1))
    10
    """
    mirrored = vflip(img) if vertical_flip else hflip(img)
    return five_crop(img, size) + five_crop(mirrored, size)


def hflip(img):
    """The picture with left and right exchanged.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> F.hflip(x)
    tensor([[[2., 1., 0.],
             [5., 4., 3.]]])
    """
    return img.transpose(0) if is_image(img, "hflip") else img.flip(-1)


def vflip(img):
    """The picture with top and bottom exchanged.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> F.vflip(x)
    tensor([[[3., 4., 5.],
             [0., 1., 2.]]])
    """
    return img.transpose(1) if is_image(img, "vflip") else img.flip(-2)


def rotate(img, angle: float, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=None):
    """The picture turned by ``angle`` degrees counter-clockwise about its middle, or about ``center`` = [x, y].

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> F.rotate(x, 180)
    tensor([[[5., 4., 3.],
             [2., 1., 0.]]])
    """
    if is_image(img, "rotate"):
        code = pil_mode(interpolation)
        return img.rotate(angle, code, expand, center, fillcolor=_pil_fill(fill, img))
    name = tensor_mode(interpolation, ("nearest", "bilinear"))
    _, h, w = get_dimensions(img)
    middle = [0.0, 0.0] if center is None else [center[0] - w * 0.5, center[1] - h * 0.5]
    matrix = _arrays.inverse_affine(middle, -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    out_size = None
    if expand:
        out_size = _arrays.turned_size(matrix, h, w)
    return wrap(_arrays.affine(img.detach().numpy(), matrix, name, fill, out_size))


def affine(img, angle, translate, scale, shear, interpolation=InterpolationMode.NEAREST, fill=None, center=None):
    """The picture turned (degrees, clockwise), moved (pixels), scaled and sheared (degrees) about its middle.

    Raises ValueError for a scale that is not positive.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> F.affine(x, angle=0, translate=[1, 0], scale=1.0, shear=[0.0, 0.0])
    tensor([[[0., 0., 1.],
             [0., 3., 4.]]])
    """
    if scale <= 0:
        raise ValueError(f"affine: scale should be positive, got {scale}")
    shear = [shear, 0.0] if isinstance(shear, numbers.Number) else list(shear)
    shear = shear * 2 if len(shear) == 1 else shear
    _, h, w = get_dimensions(img)
    if is_image(img, "affine"):
        middle = [w * 0.5, h * 0.5] if center is None else center
        matrix = _arrays.inverse_affine(middle, angle, translate, scale, shear)
        code = pil_mode(interpolation)
        return img.transform((w, h), 0, matrix, code, fillcolor=_pil_fill(fill, img))  # 0: an affine map
    name = tensor_mode(interpolation, ("nearest", "bilinear"))
    middle = [0.0, 0.0] if center is None else [center[0] - w * 0.5, center[1] - h * 0.5]
    matrix = _arrays.inverse_affine(middle, angle, [float(t) for t in translate], scale, shear)
    return wrap(_arrays.affine(img.detach().numpy(), matrix, name, fill))


def erase(img: Tensor, i: int, j: int, h: int, w: int, v, inplace: bool = False) -> Tensor:
    """The tensor picture with a rectangle overwritten by v.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> F.erase(x, 0, 1, 2, 1, 0.0)
    tensor([[[0., 0., 2.],
             [3., 0., 5.]]])
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(img)}")
    img = img if inplace else img.clone()
    img[..., i : i + h, j : j + w] = v
    return img
