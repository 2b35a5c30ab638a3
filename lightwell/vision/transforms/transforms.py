"""Transforms as objects that are set up once and called on one picture after another; the ones without chance."""

import numbers

import numpy as np

from lightwell.errors.teaching import TypeError, ValueError
from lightwell.nn import Module
from lightwell.tensor import wrap
from lightwell.vision.transforms import functional as F
from lightwell.vision.transforms._pictures import mode_name, scaled
from lightwell.vision.transforms.functional import InterpolationMode


def _size2(size, message="Please provide only two dimensions (h, w) for size."):
    """(h, w) out of one number, a sequence of one, or of two."""
    if isinstance(size, numbers.Number):
        return int(size), int(size)
    if len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(message)
    return size


class Compose:
    """Transforms one after the other.

    >>> import numpy as np
    >>> from lightwell.vision.transforms import Compose, Normalize, ToTensor
    >>> print(Compose([ToTensor(), Normalize(0.5, 0.5)]))
    Compose(
        ToTensor()
        Normalize(mean=0.5, std=0.5)
    )
    """

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, img):
        for t in self.transforms:
            img = t(img)
        return img

    def __repr__(self):
        return "\n".join([f"{type(self).__name__}(", *(f"    {t}" for t in self.transforms), ")"])


class ToTensor:
    """A Pillow image or an array (H, W[, C]) as a float tensor (C, H, W), bytes divided by 255.

    >>> import numpy as np
    >>> from lightwell.vision.transforms import ToTensor
    >>> ToTensor()(np.zeros((4, 5, 3), dtype=np.uint8)).shape
    torch.Size([3, 4, 5])
    """

    def __call__(self, pic):
        return F.to_tensor(pic)

    def __repr__(self):
        return f"{type(self).__name__}()"

    def _on_batch(self, pixels):
        """(B, H, W[, C]) bytes to (B, C, H, W)."""
        planes = pixels[:, None] if pixels.ndim == 3 else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        return wrap(scaled(planes))


class PILToTensor:
    """A Pillow image as a tensor (C, H, W) of its own dtype, not scaled."""

    def __call__(self, pic):
        return F.pil_to_tensor(pic)

    def __repr__(self):
        return f"{type(self).__name__}()"


class ToPILImage:
    """A tensor (C, H, W) or an array (H, W, C) as a Pillow image; ``mode`` is guessed from channels and dtype."""

    def __init__(self, mode=None):
        self.mode = mode

    def __call__(self, pic):
        return F.to_pil_image(pic, self.mode)

    def __repr__(self):
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class ConvertImageDtype(Module):
    """A tensor picture in another dtype, its range adapted.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.ConvertImageDtype(torch.float32)(torch.tensor([[[0, 255]]], dtype=torch.uint8))
    tensor([[[0., 1.]]])
    """

    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, image):
        return F.convert_image_dtype(image, self.dtype)


class Normalize(Module):
    """y = (x - mean) / std for each channel of a float tensor (..., C, H, W).

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import Normalize
    >>> Normalize([1.0], [2.0])(torch.tensor([[[1., 5.]]]))
    tensor([[[0., 2.]]])
    """

    def __init__(self, mean, std, inplace=False):
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor):
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def _on_batch(self, batch):
        """The same for a whole batch, which is fresh and may be written to."""
        return F.normalize(batch, self.mean, self.std, inplace=True)

    def __repr__(self):
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class Resize(Module):
    """The picture resized: ``size`` = (h, w), or the length of the shorter side. Raises TypeError or ValueError for others.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.Resize(4)(torch.zeros(1, 8, 16)).shape
    torch.Size([1, 4, 8])
    """

    def __init__(self, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
        super().__init__()
        if not isinstance(size, (int, tuple, list)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, (tuple, list)) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size = size
        self.max_size = max_size
        self.interpolation = InterpolationMode(mode_name(interpolation))
        self.antialias = antialias

    def forward(self, img):
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self):
        return (
            f"{type(self).__name__}(size={self.size}, interpolation={self.interpolation.value}, "
            f"max_size={self.max_size}, antialias={self.antialias})"
        )


class CenterCrop(Module):
    """The middle of the picture, (h, w) or square.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.CenterCrop(2)(torch.zeros(1, 8, 16)).shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, size):
        super().__init__()
        self.size = _size2(size)

    def forward(self, img):
        return F.center_crop(img, self.size)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size})"


class Pad(Module):
    """The picture with a border: one width, (left/right, top/bottom) or (left, top, right, bottom).

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.Pad(1)(torch.ones(1, 1, 1))
    tensor([[[0., 0., 0.],
             [0., 1., 0.],
             [0., 0., 0.]]])
    """

    def __init__(self, padding, fill=0, padding_mode="constant"):
        super().__init__()
        if not isinstance(padding, (numbers.Number, tuple, list)):
            raise TypeError("Got inappropriate padding arg")
        if not isinstance(fill, (numbers.Number, str, tuple, list)):
            raise TypeError("Got inappropriate fill arg")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        F.four_sides(padding)
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img):
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self):
        return f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class Lambda:
    """Any function as a transform. Raises TypeError for something that cannot be called.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.Lambda(lambda x: x.flatten())(torch.zeros(1, 2, 3)).shape
    torch.Size([6])
    """

    def __init__(self, lambd):
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img):
        return self.lambd(img)

    def __repr__(self):
        return f"{type(self).__name__}()"


class Grayscale(Module):
    """The picture in grey, of one or three channels.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.Grayscale()(torch.ones(3, 1, 1))
    tensor([[[0.9999]]])
    """

    def __init__(self, num_output_channels=1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img):
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self):
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class FiveCrop(Module):
    """A tuple of the four corners and the middle.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> torch.stack(T.FiveCrop(2)(torch.zeros(1, 4, 4))).shape
    torch.Size([5, 1, 2, 2])
    """

    def __init__(self, size):
        super().__init__()
        self.size = _size2(size)

    def forward(self, img):
        return F.five_crop(img, self.size)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size})"


class TenCrop(Module):
    """FiveCrop of the picture and of its mirror image.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> torch.stack(T.TenCrop(2)(torch.zeros(1, 4, 4))).shape
    torch.Size([10, 1, 2, 2])
    """

    def __init__(self, size, vertical_flip=False):
        super().__init__()
        self.size = _size2(size)
        self.vertical_flip = vertical_flip

    def forward(self, img):
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size}, vertical_flip={self.vertical_flip})"


def batched(transform):
    """A function from bytes (B, H, W[, C]) to the batch of transformed pictures, or None.

    There is one where the transform is ToTensor followed by nothing but Normalize: steps that do the same to every
    pixel, with the same rounding, whether they see one picture or many.
    """
    steps = list(transform.transforms) if type(transform) is Compose else [transform]
    if not steps or type(steps[0]) is not ToTensor or any(type(s) is not Normalize for s in steps[1:]):
        return None

    def run(pixels):
        for step in steps:
            pixels = step._on_batch(pixels)
        return pixels

    return run
