"""Transforms that draw chances, from the global stream and in torchvision's order: same seed, same pictures."""

import math
import numbers
import random

from lightwell.errors.teaching import TypeError, ValueError
from lightwell.nn import Module
from lightwell.vision._pillow import is_pil
from lightwell.vision.transforms import functional as F
from lightwell.vision.transforms._pictures import mode_name
from lightwell.vision.transforms.functional import InterpolationMode
from lightwell.vision.transforms.transforms import Compose, _size2


def _uniform(low, high) -> float:
    """One number between the two."""
    import lightwell

    return float(lightwell.empty(1).uniform_(float(low), float(high)).item())


def _chance() -> float:
    """One number in [0, 1)."""
    import lightwell

    return float(lightwell.rand(1).item())


def _integer(high) -> int:
    """One of 0 … high - 1."""
    import lightwell

    return int(lightwell.randint(0, high, size=(1,)).item())


class _WithChance(Module):
    """A transform done with probability p."""

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, img):
        return self._done(img) if _chance() < self.p else img

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_WithChance):
    """Left and right exchanged, with probability p.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomHorizontalFlip(p=1.0)(torch.tensor([[[1., 2.]]]))
    tensor([[[2., 1.]]])
    """

    _done = staticmethod(F.hflip)


class RandomVerticalFlip(_WithChance):
    """Top and bottom exchanged, with probability p.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomVerticalFlip(p=1.0)(torch.tensor([[[1.], [2.]]])).flatten()
    tensor([2., 1.])
    """

    _done = staticmethod(F.vflip)


class RandomInvert(_WithChance):
    """The negative, with probability p.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomInvert(p=1.0)(torch.tensor([[[0., 1.]]]))
    tensor([[[1., 0.]]])
    """

    _done = staticmethod(F.invert)


class RandomGrayscale(_WithChance):
    """Grey, with as many channels as before, with probability p.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomGrayscale(p=1.0)(torch.ones(3, 1, 1)).flatten()
    tensor([0.9999, 0.9999, 0.9999])
    """

    def __init__(self, p=0.1):
        super().__init__(p)

    def _done(self, img):
        return F.rgb_to_grayscale(img, num_output_channels=F.get_image_num_channels(img))


class RandomCrop(Module):
    """A part of the picture at a random place, after padding. Raises ValueError where the picture is too small.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import RandomCrop
    >>> RandomCrop(3, padding=1)(torch.ones(1, 4, 4)).shape
    torch.Size([1, 3, 3])
    """

    def __init__(self, size, padding=None, pad_if_needed=False, fill=0, padding_mode="constant"):
        super().__init__()
        self.size = tuple(_size2(size))
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img, output_size):
        """(top, left, height, width) of a random part."""
        _, h, w = F.get_dimensions(img)
        height, width = output_size
        if h < height or w < width:
            raise ValueError(f"Required crop size {(height, width)} is larger than input image size {(h, w)}")
        if (h, w) == (height, width):
            return 0, 0, h, w
        top = _integer(h - height + 1)
        return top, _integer(w - width + 1), height, width

    def forward(self, img):
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        _, h, w = F.get_dimensions(img)
        if self.pad_if_needed and w < self.size[1]:
            img = F.pad(img, [self.size[1] - w, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and h < self.size[0]:
            img = F.pad(img, [0, self.size[0] - h], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


def _random_part(height, width, scale, ratio, whole=False):
    """(top, left, h, w) of a rectangle with random area and shape, or None where ten tries give none that fits."""
    import lightwell

    log_ratio = lightwell.log(lightwell.tensor(ratio))
    for _ in range(10):
        area = height * width * _uniform(*scale)
        aspect = lightwell.exp(lightwell.empty(1).uniform_(log_ratio[0].item(), log_ratio[1].item())).item()
        if whole:
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            fits = 0 < w <= width and 0 < h <= height
        else:
            h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            fits = h < height and w < width
        if fits:
            return h, w
    return None


class RandomResizedCrop(Module):
    """A part of random area (a fraction in ``scale``) and shape (width / height in ``ratio``), resized to ``size``.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomResizedCrop(4)(torch.zeros(3, 8, 8)).shape
    torch.Size([3, 4, 4])
    """

    def __init__(
        self,
        size,
        scale=(0.08, 1.0),
        ratio=(3.0 / 4.0, 4.0 / 3.0),
        interpolation=InterpolationMode.BILINEAR,
        antialias=True,
    ):
        super().__init__()
        self.size = _size2(size)
        for name, value in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(value, (tuple, list)):
                raise TypeError(f"{name} should be a sequence")
        self.interpolation = InterpolationMode(mode_name(interpolation))
        self.antialias = antialias
        self.scale = scale
        self.ratio = ratio

    @staticmethod
    def get_params(img, scale, ratio):
        """(top, left, height, width) of a random part, or of the middle where ten tries give none that fits."""
        _, height, width = F.get_dimensions(img)
        part = _random_part(height, width, scale, ratio, whole=True)
        if part is not None:
            h, w = part
            top = _integer(height - h + 1)
            return top, _integer(width - w + 1), h, w
        shape = width / height
        if shape < min(ratio):
            w, h = width, round(width / min(ratio))
        elif shape > max(ratio):
            w, h = round(height * max(ratio)), height
        else:
            w, h = width, height
        return (height - h) // 2, (width - w) // 2, h, w

    def forward(self, img):
        where = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *where, self.size, self.interpolation, antialias=self.antialias)

    def __repr__(self):
        scale, ratio = (tuple(round(v, 4) for v in pair) for pair in (self.scale, self.ratio))
        return (
            f"{type(self).__name__}(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


class RandomErasing(Module):
    """With probability p a rectangle of a tensor picture overwritten by ``value`` (a number, one for each channel, 'random').

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> bool((T.RandomErasing(p=1.0)(torch.ones(1, 8, 8)) == 0).any())
    True
    """

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False):
        super().__init__()
        if not isinstance(value, (numbers.Number, str, tuple, list)):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        if not 0 <= p <= 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        self.p, self.scale, self.ratio, self.value, self.inplace = p, scale, ratio, value, inplace

    @staticmethod
    def get_params(img, scale, ratio, value=None):
        """(top, left, height, width, value) of the rectangle; the whole picture itself where none fits."""
        import lightwell

        channels, height, width = img.shape[-3:]
        part = _random_part(height, width, scale, ratio)
        if part is None:
            return 0, 0, height, width, img
        h, w = part
        if value is None:
            v = lightwell.empty([channels, h, w], dtype=lightwell.float32).normal_()
        else:
            v = lightwell.tensor(value)[:, None, None]
        top = _integer(height - h + 1)
        return top, _integer(width - w + 1), h, w, v

    def forward(self, img):
        if not _chance() < self.p:
            return img
        value = self.value
        value = None if isinstance(value, str) else [value] if isinstance(value, numbers.Number) else list(value)
        if value is not None and len(value) not in (1, img.shape[-3]):
            raise ValueError(f"If value is a sequence, it should have one value or {img.shape[-3]} (number of channels)")
        return F.erase(img, *self.get_params(img, self.scale, self.ratio, value), self.inplace)

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, inplace={self.inplace})"


def _around(value, name, center=1.0, bound=(0.0, float("inf")), clip=True):
    """The range [center - value, center + value], or the one given; None where it is the center alone."""
    if isinstance(value, numbers.Number):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        value = [center - float(value), center + float(value)]
        if clip:
            value[0] = max(value[0], 0.0)
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        value = [float(v) for v in value]
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
    if not bound[0] <= value[0] <= value[1] <= bound[1]:
        raise ValueError(f"{name} values should be between {bound}, but got {value}.")
    return None if value[0] == value[1] == center else tuple(value)


class ColorJitter(Module):
    """Brightness, contrast, saturation and hue changed by random amounts, in random order.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.ColorJitter(brightness=0.5, hue=0.1)(torch.ones(3, 4, 4)).shape
    torch.Size([3, 4, 4])
    """

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        super().__init__()
        self.brightness = _around(brightness, "brightness")
        self.contrast = _around(contrast, "contrast")
        self.saturation = _around(saturation, "saturation")
        self.hue = _around(hue, "hue", center=0.0, bound=(-0.5, 0.5), clip=False)

    @staticmethod
    def get_params(brightness, contrast, saturation, hue):
        """(order, four factors), None for a property that is left alone."""
        import lightwell

        order = lightwell.randperm(4)
        return order, *(None if r is None else _uniform(*r) for r in (brightness, contrast, saturation, hue))

    def forward(self, img):
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        adjust = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for which in order.tolist():
            if factors[which] is not None:
                img = adjust[which](img, factors[which])
        return img

    def __repr__(self):
        return (
            f"{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, saturation={self.saturation}, hue={self.hue})"
        )


def _angles(value, name):
    """[low, high] of an angle: ±value for one number."""
    if isinstance(value, numbers.Number):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive.")
        return [0.0 - float(value), float(value)]
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{name} should be a number or a sequence of length 2.")
    if len(value) not in ((2, 4) if name == "shear" else (2,)):
        raise ValueError(f"{name} should be a sequence of length 2{' or 4' if name == 'shear' else ''}.")
    return [float(v) for v in value]


class RandomRotation(Module):
    """The picture turned by a random angle: within ±degrees, or between two.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomRotation((180, 180))(torch.tensor([[[1., 2.]]]))
    tensor([[[2., 1.]]])
    """

    def __init__(self, degrees, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=0):
        super().__init__()
        self.degrees = _angles(degrees, "degrees")
        self.interpolation = InterpolationMode(mode_name(interpolation))
        self.expand, self.center, self.fill = expand, center, 0 if fill is None else fill

    @staticmethod
    def get_params(degrees):
        """A random angle."""
        return _uniform(*degrees)

    def forward(self, img):
        fill = _fill_for(img, self.fill)
        return F.rotate(img, self.get_params(self.degrees), self.interpolation, self.expand, self.center, fill)

    def __repr__(self):
        parts = f"degrees={self.degrees}, interpolation={self.interpolation.value}, expand={self.expand}"
        parts += "" if self.center is None else f", center={self.center}"
        return f"{type(self).__name__}({parts}, fill={self.fill})"


def _fill_for(img, fill):
    """A fill value for each channel of a tensor picture; as it is for a Pillow image."""
    if is_pil(img):
        return fill
    return [float(fill)] * F.get_image_num_channels(img) if isinstance(fill, numbers.Number) else [float(f) for f in fill]


class RandomAffine(Module):
    """The picture turned, moved (fractions of its size), scaled and sheared by random amounts.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomAffine(degrees=10, translate=(0.1, 0.1))(torch.ones(1, 4, 4)).shape
    torch.Size([1, 4, 4])
    """

    def __init__(
        self,
        degrees,
        translate=None,
        scale=None,
        shear=None,
        interpolation=InterpolationMode.NEAREST,
        fill=0,
        center=None,
    ):
        super().__init__()
        self.interpolation = InterpolationMode(mode_name(interpolation))
        self.degrees = _angles(degrees, "degrees")
        if translate is not None and not all(0.0 <= t <= 1.0 for t in translate):
            raise ValueError("translation values should be between 0 and 1")
        if scale is not None and not all(s > 0 for s in scale):
            raise ValueError("scale values should be positive")
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else _angles(shear, "shear")
        self.fill, self.center = 0 if fill is None else fill, center

    @staticmethod
    def get_params(degrees, translate, scale_ranges, shears, img_size):
        """(angle, (dx, dy), scale, (shear x, shear y)); img_size is [width, height]."""
        angle = _uniform(*degrees)
        moves = (0, 0)
        if translate is not None:
            reach = [float(t * n) for t, n in zip(translate, img_size)]
            moves = tuple(round(_uniform(-r, r)) for r in reach)
        scale = 1.0 if scale_ranges is None else _uniform(*scale_ranges)
        shear_x = shear_y = 0.0
        if shears is not None:
            shear_x = _uniform(shears[0], shears[1])
            if len(shears) == 4:
                shear_y = _uniform(shears[2], shears[3])
        return angle, moves, scale, (shear_x, shear_y)

    def forward(self, img):
        size = F.get_image_size(img)
        chosen = self.get_params(self.degrees, self.translate, self.scale, self.shear, size)
        return F.affine(img, *chosen, self.interpolation, _fill_for(img, self.fill), self.center)

    def __repr__(self):
        parts = f"degrees={self.degrees}"
        for name in ("translate", "scale", "shear"):
            value = getattr(self, name)
            parts += "" if value is None else f", {name}={value}"
        if self.interpolation is not InterpolationMode.NEAREST:
            parts += f", interpolation={self.interpolation.value}"
        parts += "" if self.fill == 0 else f", fill={self.fill}"
        parts += "" if self.center is None else f", center={self.center}"
        return f"{type(self).__name__}({parts})"


class RandomApply(Module):
    """A list of transforms, all of them with probability p or none.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomApply([T.CenterCrop(2)], p=1.0)(torch.ones(1, 4, 4)).shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, transforms, p=0.5):
        super().__init__()
        self.transforms = transforms
        self.p = p

    def forward(self, img):
        if self.p < _chance():
            return img
        for t in self.transforms:
            img = t(img)
        return img

    def __repr__(self):
        return "\n".join([f"{type(self).__name__}(", f"    p={self.p}", *(f"    {t}" for t in self.transforms), ")"])


class RandomOrder(Compose):
    """Transforms in random order (Python's own stream, as in torchvision).

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomOrder([T.CenterCrop(2), T.Pad(1)])(torch.ones(1, 4, 4)).shape[0]
    1
    """

    def __call__(self, img):
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for i in order:
            img = self.transforms[i](img)
        return img


class RandomChoice(Compose):
    """One of the transforms, with weights p (Python's own stream, as in torchvision).

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomChoice([T.CenterCrop(2)])(torch.ones(1, 4, 4)).shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, transforms, p=None):
        super().__init__(transforms)
        if p is not None and not isinstance(p, (tuple, list)):
            raise TypeError("Argument p should be a sequence")
        self.p = p

    def __call__(self, *args):
        return random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self):
        return f"{super().__repr__()}(p={self.p})"
