"""Transforms of a picture's tones and sharpness: posterise, solarise, equalise, contrast, gamma, sharpen, blur."""

import numpy as np

from lightwell.errors.teaching import TypeError, ValueError
from lightwell.tensor import Tensor, wrap
from lightwell.vision.transforms import _arrays
from lightwell.vision.transforms._colour import _check_factor, _enhance, invert
from lightwell.vision.transforms._pictures import convert_image_dtype, is_image, pil_to_tensor, to_pil_image


def _pil_operation(name, img, *args):
    """One of Pillow's operations of that name."""
    from PIL import ImageOps

    return getattr(ImageOps, name)(img, *args)


def _array(op, img, bytes_only=False):
    """The array of a tensor picture with one or three channels; TypeError otherwise."""
    if img.dim() < 3 or img.shape[-3] not in (1, 3):
        raise TypeError(f"{op}: a tensor picture should be (..., 1 or 3, H, W), got {tuple(img.shape)}")
    if bytes_only and img.dtype.np != np.uint8:
        raise TypeError(f"{op}: only torch.uint8 image tensors are supported, but found {img.dtype}")
    return img.detach().numpy()


def _top(a):
    """The largest value of the dtype's range: 1 for floats."""
    return 1.0 if a.dtype.kind == "f" else np.iinfo(a.dtype).max


def posterize(img, bits: int):
    """The picture with ``bits`` bits for each channel: y = x & ~(2^(8 - bits) - 1). Raises ValueError outside 0 … 8.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.posterize(torch.tensor([[[7, 200]]], dtype=torch.uint8), 2)
    tensor([[[  0, 192]]], dtype=torch.uint8)
    """
    if not 0 <= bits <= 8:
        raise ValueError(f"posterize: the number of bits should be between 0 and 8, got {bits}")
    if is_image(img, "posterize"):
        return _pil_operation("posterize", img, bits)
    return wrap(_array("posterize", img, bytes_only=True) & np.uint8(256 - 2 ** (8 - bits)))


def solarize(img, threshold: float):
    """The picture with its values from ``threshold`` on inverted. Raises TypeError for a threshold beyond the dtype's range.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.solarize(torch.tensor([[[0.25, 0.75]]]), 0.5)
    tensor([[[0.2500, 0.2500]]])
    """
    if is_image(img, "solarize"):
        return _pil_operation("solarize", img, threshold)
    a = _array("solarize", img)
    if threshold > _top(a):
        raise TypeError(f"solarize: the threshold {threshold} should be less than the bound of img, {_top(a)}")
    return wrap(np.where(a >= threshold, invert(img).numpy(), a))


def autocontrast(img):
    """The picture with each channel spread over the whole range: y = (x - min)/(max - min).

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.autocontrast(torch.tensor([[[0.25, 0.5, 0.75]]]))
    tensor([[[0.0000, 0.5000, 1.0000]]])
    """
    if is_image(img, "autocontrast"):
        return _pil_operation("autocontrast", img)
    a = _array("autocontrast", img)
    kind, top = _arrays.work_dtype(a.dtype), _top(a)
    low, high = (f(a, axis=(-2, -1), keepdims=True).astype(kind) for f in (np.min, np.max))
    flat = high == low
    scale = np.where(flat, kind(1), kind(top) / np.where(flat, kind(1), high - low))
    return wrap(np.clip((a - np.where(flat, kind(0), low)) * scale, 0, top).astype(a.dtype))


def _flattened(channel):
    """One channel of bytes with its histogram made even."""
    counts = np.bincount(channel.reshape(-1), minlength=256)
    filled = counts[counts != 0]
    step = filled[:-1].sum() // 255
    if step == 0:
        return channel
    table = np.concatenate([[0], ((np.cumsum(counts) + step // 2) // step)[:-1]])
    return np.clip(table, 0, 255).astype(np.uint8)[channel]


def equalize(img):
    """The picture with the histogram of each channel made even. Raises TypeError for tensors that are no bytes.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.equalize(torch.arange(512).view(1, 2, 256).to(torch.uint8)).float().mean()
    tensor(127.5000)
    """
    if is_image(img, "equalize"):
        return _pil_operation("equalize", img)
    a = _array("equalize", img, bytes_only=True)
    planes = a.reshape(-1, *a.shape[-2:])
    return wrap(np.stack([_flattened(p) for p in planes]).reshape(a.shape))


def adjust_sharpness(img, sharpness_factor: float):
    """The picture mixed with a smoothed one: 0 gives the smoothed picture, 1 the picture, 2 twice the sharpness.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.adjust_sharpness(torch.eye(3).view(1, 3, 3), 0.0)[0, 1]
    tensor([0.0000, 0.5385, 0.0000])
    """
    _check_factor("sharpness_factor", sharpness_factor)
    if is_image(img, "adjust_sharpness"):
        return _enhance(img, "Sharpness", sharpness_factor)
    a = _array("adjust_sharpness", img)
    if min(a.shape[-2:]) <= 2:
        return img
    kind = _arrays.work_dtype(a.dtype)
    h, w = a.shape[-2:]
    total = sum(a[..., i : h - 2 + i, j : w - 2 + j].astype(kind) for i in range(3) for j in range(3))
    smooth = a.copy()
    smooth[..., 1:-1, 1:-1] = _arrays.as_kind((total + 4 * a[..., 1:-1, 1:-1].astype(kind)) / kind(13), a.dtype)
    return wrap(_arrays.blend(a, smooth, sharpness_factor))


def adjust_gamma(img, gamma: float, gain: float = 1):
    """y = gain · x^gamma, for x in [0, 1]. Raises ValueError for a negative gamma.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.adjust_gamma(torch.tensor([[[0.25]]]), 0.5)
    tensor([[[0.5000]]])
    """
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    if is_image(img, "adjust_gamma"):
        table = [int((255 + 1 - 1e-3) * gain * (v / 255.0) ** gamma) for v in range(256)]
        return img.convert("RGB").point(table * 3).convert(img.mode)
    import lightwell

    _array("adjust_gamma", img)
    floats = img if img.is_floating_point() else convert_image_dtype(img, lightwell.float32)
    return convert_image_dtype((gain * floats.pow(gamma)).clamp(0, 1), img.dtype)


def _pair_of(name, value, kinds):
    """[for x, for y] out of one value or two."""
    if not isinstance(value, (*kinds, list, tuple)):
        raise TypeError(f"gaussian_blur: {name} should be a number or a sequence of numbers, got {type(value).__name__}")
    value = [value] if isinstance(value, kinds) else list(value)
    value = value * 2 if len(value) == 1 else value
    if len(value) != 2:
        raise ValueError(f"gaussian_blur: if {name} is a sequence its length should be 2, got {len(value)}")
    return value


def gaussian_blur(img, kernel_size, sigma=None):
    """The picture folded with a Gaussian of odd size and deviation ``sigma`` (0.15 size + 0.35), each one number or [x, y].

    Raises TypeError or ValueError for an even size or a deviation that is not positive.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> F.gaussian_blur(torch.eye(5)[None], 3, 0.5)[0, 2]
    tensor([0.0227, 0.1676, 0.6420, 0.1676, 0.0227])
    """
    size = _pair_of("kernel_size", kernel_size, (int,))
    if any(k % 2 == 0 or k < 0 for k in size):
        raise ValueError(f"gaussian_blur: kernel_size should have odd and positive integers, got {size}")
    sigma = [k * 0.15 + 0.35 for k in size] if sigma is None else _pair_of("sigma", sigma, (int, float))
    if any(s <= 0.0 for s in sigma):
        raise ValueError(f"gaussian_blur: sigma should have positive values, got {sigma}")
    pil = is_image(img, "gaussian_blur")
    a = (pil_to_tensor(img) if pil else img.detach()).numpy()
    kind = _arrays.work_dtype(a.dtype)
    across, down = (_arrays.gaussian(k, s, kind) for k, s in zip(size, sigma))
    out = wrap(_arrays.blur(a, across, down))
    return to_pil_image(out, mode=img.mode) if pil else out


def gaussian_noise(image: Tensor, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Tensor:
    """y = x + mean + σ·n with n ~ N(0, 1), cut to [0, 1] (or the bytes' range) where ``clip``.

    Raises ValueError for a negative sigma or another dtype than floats and bytes.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms.v2 import functional as F
    >>> F.gaussian_noise(torch.tensor([0.25]), sigma=0.0)
    tensor([0.2500])
    """
    import lightwell

    if not (image.is_floating_point() or image.dtype == lightwell.uint8):
        raise ValueError(f"gaussian_noise: the picture should be of floats or uint8, got {image.dtype}")
    if sigma < 0:
        raise ValueError(f"gaussian_noise: sigma shouldn't be negative, got {sigma}")
    if image.is_floating_point():
        noisy = image + mean + lightwell.randn_like(image) * sigma
        return noisy.clamp(0, 1) if clip else noisy
    noise = mean * 255 + lightwell.randn_like(image, dtype=lightwell.float32) * sigma * 255
    noisy = noise.add_(image)
    return (noisy.clamp(0, 255) if clip else noisy).to(lightwell.uint8)
