"""What a picture is, a Pillow image or a tensor: its size, how pixels are interpolated, and the way from one form to the other."""

import enum

import numpy as np

from lightwell.errors.teaching import RuntimeError, TypeError, ValueError
from lightwell.tensor import Tensor, wrap
from lightwell.vision._pillow import image_module, is_pil


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


def mode_name(interpolation) -> str:
    """The name of an interpolation given as an InterpolationMode or as Pillow's number."""
    if isinstance(interpolation, int):
        return _FROM_CODE[interpolation]
    if isinstance(interpolation, str):  # as transforms.v2 has it
        interpolation = InterpolationMode(interpolation)
    if not isinstance(interpolation, InterpolationMode):
        raise TypeError(f"interpolation should be an InterpolationMode, got {interpolation!r}; write InterpolationMode.BILINEAR")
    return interpolation.value


def pil_mode(interpolation) -> int:
    """Pillow's number of an interpolation."""
    return _PIL_CODE[mode_name(interpolation)]


def tensor_mode(interpolation, allowed) -> str:
    """The name of an interpolation for tensors, which know fewer; ValueError for one that is not `allowed`."""
    name = mode_name(interpolation)
    if name not in allowed:
        raise ValueError(f"interpolation {name!r} is not known for tensors; there are {', '.join(allowed)}")
    return name


def is_image(picture, op: str) -> bool:
    """Whether the picture is a Pillow image, not a tensor; TypeError naming `op` where it is no picture at all."""
    if is_pil(picture):
        return True
    if not isinstance(picture, Tensor):
        raise TypeError(f"{op}: img should be a PIL Image or a Tensor, got {type(picture).__name__}")
    if picture.dim() < 2:
        raise TypeError(f"{op}: a tensor picture has shape (..., H, W), got {tuple(picture.shape)}")
    return False


def get_dimensions(img) -> list[int]:
    """[channels, height, width] of a picture."""
    if is_image(img, "get_dimensions"):
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
        return wrap(scaled(_planes(pic)))
    if not is_pil(pic):
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    return wrap(scaled(_pil_planes(pic)))


def _planes(a):
    """(H, W) or (H, W, C) as contiguous (C, H, W); a batch of these likewise."""
    return a[None] if a.ndim == 2 else np.ascontiguousarray(a.transpose(2, 0, 1))


def scaled(a):
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
