"""Reading and writing picture files as tensors of bytes (C, H, W), through Pillow."""

import enum
import io
import os

import numpy as np

from lightwell.errors.teaching import RuntimeError, TypeError, ValueError
from lightwell.tensor import Tensor, wrap
from lightwell.vision._pillow import image_module

__all__ = [
    "ImageReadMode", "decode_gif", "decode_image", "decode_jpeg", "decode_png", "decode_webp", "encode_jpeg", "encode_png",
    "read_file", "read_image", "write_file", "write_jpeg", "write_png",
]  # fmt: skip


class ImageReadMode(enum.Enum):
    """The channels a picture is read with."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


_PIL_MODE = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def _mode(mode) -> ImageReadMode:
    """A mode given as a member or by its name."""
    return ImageReadMode[mode.upper()] if isinstance(mode, str) else mode


def read_file(path: str) -> Tensor:
    """The bytes of a file as a tensor (size,) of uint8.

    >>> import os, tempfile
    >>> from lightwell.vision.io import read_file, write_file
    >>> import lightwell as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_file(os.path.join(folder, "a"), torch.tensor([1, 2], dtype=torch.uint8))
    ...     read_file(os.path.join(folder, "a"))
    tensor([1, 2], dtype=torch.uint8)
    """
    return wrap(np.fromfile(os.fspath(path), dtype=np.uint8))


def write_file(filename: str, data: Tensor) -> None:
    """Write a tensor (size,) of uint8 as a file."""
    _bytes("write_file", data).tofile(os.fspath(filename))


def _bytes(name, data):
    """The array of a tensor (size,) of uint8; TypeError or RuntimeError for others."""
    if not isinstance(data, Tensor):
        raise TypeError(f"{name}: a tensor of bytes is expected, got {type(data).__name__}")
    a = data.detach().numpy()
    if a.dtype != np.uint8 or a.ndim != 1:
        raise RuntimeError(f"{name}: a tensor (size,) of uint8 is expected, got shape {a.shape} of {data.dtype}")
    return np.ascontiguousarray(a)


def _opened(name, data, kinds=None, mode=None):
    """The Pillow image in these bytes; RuntimeError where they hold none, or one of another kind or without that mode."""
    raw = _bytes(name, data).tobytes()
    if not raw:
        raise ValueError(f"{name}: the input has no bytes")
    try:
        image = image_module().open(io.BytesIO(raw))
        if image.format in ("JPEG", "MPO") and mode is not None and _mode(mode).value == 1:
            image.draft("L", image.size)  # the brightness as it lies in the file, not made of the colours again
        image.load()
    except (OSError, SyntaxError) as error:
        raise RuntimeError(f"{name}: these {len(raw)} bytes are no picture that can be read ({error})") from error
    if kinds is not None and image.format not in kinds:
        raise RuntimeError(f"{name}: a {' or '.join(kinds)} file is expected, this is {image.format}; decode_image reads any")
    if image.format in ("JPEG", "MPO") and mode is not None and _mode(mode).value in (2, 4):
        raise RuntimeError(f"{name}: a JPEG file has no alpha channel; read it with ImageReadMode.GRAY or RGB")
    return image


def _pixels(image, mode, apply_exif_orientation):
    """The picture (C, H, W) with the channels of the mode."""
    if apply_exif_orientation:
        from PIL import ImageOps

        image = ImageOps.exif_transpose(image)
    wanted = _PIL_MODE.get(_mode(mode).value)
    if image.mode.startswith("I"):  # 16 bits of grey stay 16 bits, in as many channels as asked for
        a = np.array(image).astype(np.uint16)
        opaque = np.full_like(a, 65535)
        planes = {None: [a], "L": [a], "LA": [a, opaque], "RGB": [a] * 3, "RGBA": [a] * 3 + [opaque]}
        return wrap(np.stack(planes[wanted]))
    if wanted is None:  # a palette gives its indices: masks of classes are kept in such files
        wanted = {"1": "L", "PA": "RGBA"}.get(image.mode, image.mode)
    if image.mode != wanted:
        image = image.convert(wanted)
    a = np.array(image)
    if image.mode == "CMYK" and "adobe" in image.info:
        a = 255 - a  # Pillow turns these round, the file has them so
    return wrap(a[None].copy() if a.ndim == 2 else np.ascontiguousarray(a.transpose(2, 0, 1)))


def decode_png(input: Tensor, mode=ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False) -> Tensor:
    """The picture in the bytes of a PNG file, as uint8 (uint16 for 16 bits of grey) (C, H, W). Errors as of `decode_image`."""
    return _pixels(_opened("decode_png", input, ("PNG",), mode), mode, apply_exif_orientation)


def decode_jpeg(input, mode=ImageReadMode.UNCHANGED, device="cpu", apply_exif_orientation: bool = False):
    """The picture in the bytes of a JPEG file, or a list of them for a list. Errors as of `decode_image`."""
    if isinstance(input, (list, tuple)):
        return [decode_jpeg(data, mode, device, apply_exif_orientation) for data in input]
    return _pixels(_opened("decode_jpeg", input, ("JPEG", "MPO"), mode), mode, apply_exif_orientation)


def decode_webp(input: Tensor, mode=ImageReadMode.UNCHANGED) -> Tensor:
    """The picture in the bytes of a WEBP file. Errors as of `decode_image`."""
    return _pixels(_opened("decode_webp", input, ("WEBP",)), mode, False)


def decode_gif(input: Tensor) -> Tensor:
    """The pictures in the bytes of a GIF file: (3, H, W), or (N, 3, H, W) for several. Errors as of `decode_image`."""
    from PIL import ImageSequence

    image = _opened("decode_gif", input, ("GIF",))
    frames = [np.array(f.convert("RGB")).transpose(2, 0, 1) for f in ImageSequence.Iterator(image)]
    return wrap(np.ascontiguousarray(frames[0] if len(frames) == 1 else np.stack(frames)))


def decode_image(input, mode=ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False) -> Tensor:
    """The picture in the bytes of a JPEG, PNG, GIF or WEBP file, or in the file of that name, as uint8 (C, H, W).

    ``mode`` says which channels, by an ImageReadMode or its name. Raises RuntimeError for bytes that are no picture.

    >>> import lightwell as torch
    >>> from lightwell.vision.io import decode_image, encode_png
    >>> x = torch.arange(6, dtype=torch.uint8).view(1, 2, 3)
    >>> decode_image(encode_png(x))
    tensor([[[0, 1, 2],
             [3, 4, 5]]], dtype=torch.uint8)
    """
    data = input if isinstance(input, Tensor) else read_file(input)
    image = _opened("decode_image", data, mode=mode)
    if image.format == "GIF":
        return decode_gif(data)
    return _pixels(image, mode, apply_exif_orientation)


def read_image(path: str, mode=ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False) -> Tensor:
    """The picture in a file, as uint8 (C, H, W); use as `decode_image`."""
    return decode_image(read_file(path), mode, apply_exif_orientation)


def _encoded(name, input, **how):
    """The bytes of the picture as a file."""
    if not isinstance(input, Tensor) or input.dtype.np != np.uint8:
        raise RuntimeError(f"{name}: the picture should be a tensor of uint8, got {getattr(input, 'dtype', type(input).__name__)}")
    if input.dim() != 3 or input.shape[0] not in (1, 3):
        raise RuntimeError(f"{name}: the picture should be (1 or 3, H, W), got shape {tuple(input.shape)}")
    a = input.detach().numpy()
    a = a[0] if a.shape[0] == 1 else a.transpose(1, 2, 0)
    file = io.BytesIO()
    image_module().fromarray(np.ascontiguousarray(a)).save(file, **how)
    return wrap(np.frombuffer(file.getvalue(), np.uint8).copy())


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """The bytes of a PNG file with this picture, uint8 (1 or 3, H, W). Raises RuntimeError for other pictures or levels.

    >>> import lightwell as torch
    >>> from lightwell.vision.io import encode_png
    >>> bytes(encode_png(torch.zeros(1, 2, 2, dtype=torch.uint8)).tolist())[1:4]
    b'PNG'
    """
    if not 0 <= compression_level <= 9:
        raise RuntimeError(f"Compression level should be between 0 and 9, got {compression_level}")
    return _encoded("encode_png", input, format="PNG", compress_level=compression_level)


def encode_jpeg(input, quality: int = 75):
    """The bytes of a JPEG file with this picture, uint8 (1 or 3, H, W); a list for a list. Raises ValueError for the quality.

    >>> import lightwell as torch
    >>> from lightwell.vision.io import decode_jpeg, encode_jpeg
    >>> decode_jpeg(encode_jpeg(torch.full((3, 8, 8), 100, dtype=torch.uint8))).shape
    torch.Size([3, 8, 8])
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"Image quality should be a positive number between 1 and 100, got {quality}")
    if isinstance(input, (list, tuple)):
        return [encode_jpeg(picture, quality) for picture in input]
    return _encoded("encode_jpeg", input, format="JPEG", quality=quality)


def write_png(input: Tensor, filename: str, compression_level: int = 6) -> None:
    """Write the picture as a PNG file; errors as of `encode_png`."""
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input: Tensor, filename: str, quality: int = 75) -> None:
    """Write the picture as a JPEG file; errors as of `encode_jpeg`."""
    write_file(filename, encode_jpeg(input, quality))
