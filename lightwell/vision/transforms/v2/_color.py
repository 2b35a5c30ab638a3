"""Transforms of colours, tones and sharpness; boxes and masks pass as they are."""

import lightwell
from lightwell.errors.teaching import ValueError
from lightwell.vision.transforms import randomised
from lightwell.vision.transforms.distortions import GaussianBlur as _Blur
from lightwell.vision.transforms.randomised import _around, _uniform
from lightwell.vision.transforms.v2 import functional as F
from lightwell.vision.transforms.v2._transform import RandomApplyTransform, Transform, query_chw

__all__ = [
    "RGB", "ColorJitter", "GaussianBlur", "GaussianNoise", "Grayscale", "JPEG", "RandomAdjustSharpness", "RandomAutocontrast",
    "RandomChannelPermutation", "RandomEqualize", "RandomErasing", "RandomGrayscale", "RandomInvert", "RandomPhotometricDistort",
    "RandomPosterize", "RandomSolarize",
]  # fmt: skip


class Grayscale(Transform):
    """Grey, of one or three channels."""

    def __init__(self, num_output_channels=1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def transform(self, inpt, params):
        return self._call_kernel(F.rgb_to_grayscale, inpt, num_output_channels=self.num_output_channels)


class RandomGrayscale(RandomApplyTransform):
    """Grey, with as many channels as before, with probability p."""

    def __init__(self, p=0.1):
        super().__init__(p=p)

    def make_params(self, flat_inputs):
        return dict(num_output_channels=query_chw(flat_inputs)[0])

    def transform(self, inpt, params):
        return self._call_kernel(F.rgb_to_grayscale, inpt, **params)


class RGB(Transform):
    """Three channels."""

    def transform(self, inpt, params):
        return self._call_kernel(F.grayscale_to_rgb, inpt)


_ADJUST = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed by random amounts, in random order.

    >>> from lightwell.vision.transforms import v2
    >>> v2.ColorJitter(brightness=0.5)
    ColorJitter(brightness=(0.5, 1.5))
    """

    get_params = staticmethod(randomised.ColorJitter.get_params)

    def __init__(self, brightness=None, contrast=None, saturation=None, hue=None):
        super().__init__()
        some = lambda value, name, **how: None if value is None else _around(value, name, **how)
        self.brightness, self.contrast = some(brightness, "brightness"), some(contrast, "contrast")
        self.saturation = some(saturation, "saturation")
        self.hue = some(hue, "hue", center=0.0, bound=(-0.5, 0.5), clip=False)

    def make_params(self, flat_inputs):
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        return dict(order=order.tolist(), factors=factors)

    def transform(self, inpt, params):
        for which in params["order"]:
            if params["factors"][which] is not None:
                inpt = self._call_kernel(_ADJUST[which], inpt, params["factors"][which])
        return inpt


class RandomChannelPermutation(Transform):
    """The channels in random order."""

    def make_params(self, flat_inputs):
        return dict(permutation=lightwell.randperm(query_chw(flat_inputs)[0]))

    def transform(self, inpt, params):
        return self._call_kernel(F.permute_channels, inpt, params["permutation"])


class RandomPhotometricDistort(Transform):
    """Each of brightness, contrast, saturation, hue and channel order changed with probability p (Liu et al. 2016, SSD)."""

    def __init__(self, brightness=(0.875, 1.125), contrast=(0.5, 1.5), saturation=(0.5, 1.5), hue=(-0.05, 0.05), p=0.5):
        super().__init__()
        self.brightness, self.contrast, self.hue, self.saturation, self.p = brightness, contrast, hue, saturation, p

    def make_params(self, flat_inputs):
        channels = query_chw(flat_inputs)[0]
        factors = []
        for span in (self.brightness, self.contrast, self.saturation, self.hue):
            factors.append(_uniform(*span) if lightwell.rand(1) < self.p else None)
        first = bool(lightwell.rand(()) < 0.5)
        order = lightwell.randperm(channels) if lightwell.rand(1) < self.p else None
        return dict(factors=factors, steps=(0, 1, 2, 3) if first else (0, 2, 3, 1), permutation=order)

    def transform(self, inpt, params):
        for which in params["steps"]:
            if params["factors"][which] is not None:
                inpt = self._call_kernel(_ADJUST[which], inpt, params["factors"][which])
        if params["permutation"] is not None:
            inpt = self._call_kernel(F.permute_channels, inpt, params["permutation"])
        return inpt


class RandomEqualize(RandomApplyTransform):
    """The histogram made even, with probability p."""

    def transform(self, inpt, params):
        return self._call_kernel(F.equalize, inpt)


class RandomInvert(RandomApplyTransform):
    """The negative, with probability p."""

    def transform(self, inpt, params):
        return self._call_kernel(F.invert, inpt)


class RandomAutocontrast(RandomApplyTransform):
    """The values spread over the whole range, with probability p."""

    def transform(self, inpt, params):
        return self._call_kernel(F.autocontrast, inpt)


class RandomPosterize(RandomApplyTransform):
    """Fewer bits for each channel, with probability p."""

    def __init__(self, bits, p=0.5):
        super().__init__(p=p)
        self.bits = bits

    def transform(self, inpt, params):
        return self._call_kernel(F.posterize, inpt, bits=self.bits)


class RandomSolarize(RandomApplyTransform):
    """Values from ``threshold`` on inverted, with probability p."""

    def __init__(self, threshold, p=0.5):
        super().__init__(p=p)
        self.threshold = threshold

    def transform(self, inpt, params):
        return self._call_kernel(F.solarize, inpt, threshold=self.threshold)


class RandomAdjustSharpness(RandomApplyTransform):
    """Another sharpness, with probability p."""

    def __init__(self, sharpness_factor, p=0.5):
        super().__init__(p=p)
        self.sharpness_factor = sharpness_factor

    def transform(self, inpt, params):
        return self._call_kernel(F.adjust_sharpness, inpt, sharpness_factor=self.sharpness_factor)


class GaussianBlur(Transform):
    """Blurred by a Gaussian of the given odd size and a random deviation between two."""

    get_params = staticmethod(_Blur.get_params)

    def __init__(self, kernel_size, sigma=(0.1, 2.0)):
        super().__init__()
        checked = _Blur(kernel_size, sigma)
        self.kernel_size, self.sigma = checked.kernel_size, [float(s) for s in checked.sigma]

    def make_params(self, flat_inputs):
        return dict(sigma=[_uniform(*self.sigma)] * 2)

    def transform(self, inpt, params):
        return self._call_kernel(F.gaussian_blur, inpt, self.kernel_size, **params)


class GaussianNoise(Transform):
    """Normal noise added; see `functional.gaussian_noise`."""

    def __init__(self, mean=0.0, sigma=0.1, clip=True):
        super().__init__()
        self.mean, self.sigma, self.clip = mean, sigma, clip

    def transform(self, inpt, params):
        return self._call_kernel(F.gaussian_noise, inpt, mean=self.mean, sigma=self.sigma, clip=self.clip)


class JPEG(Transform):
    """Written as JPEG with a random quality and read again. Raises ValueError for a quality outside 1 … 100."""

    def __init__(self, quality):
        super().__init__()
        quality = [quality, quality] if isinstance(quality, int) else quality
        if not 1 <= quality[0] <= quality[1] <= 100:
            raise ValueError(f"quality must be an integer from 1 to 100, got {quality}")
        self.quality = quality

    def make_params(self, flat_inputs):
        return dict(quality=lightwell.randint(self.quality[0], self.quality[1] + 1, ()).item())

    def transform(self, inpt, params):
        return self._call_kernel(F.jpeg, inpt, quality=params["quality"])


class RandomErasing(RandomApplyTransform):
    """With probability p a rectangle overwritten by ``value``: a number, one for each channel, or 'random' (Zhong et al. 2020)."""

    get_params = staticmethod(randomised.RandomErasing.get_params)

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0.0, inplace=False):
        super().__init__(p=p)
        randomised.RandomErasing(p, scale, ratio, value)
        self.scale, self.ratio = scale, ratio
        self.value = None if isinstance(value, str) else [float(v) for v in (value if isinstance(value, (tuple, list)) else [value])]
        self.inplace = inplace

    def make_params(self, flat_inputs):
        channels, height, width = query_chw(flat_inputs)
        if self.value is not None and len(self.value) not in (1, channels):
            raise ValueError(f"If value is a sequence, it should have either a single value or {channels} (number of inpt channels)")
        part = randomised._random_part(height, width, self.scale, self.ratio)
        if part is None:
            return {}
        h, w = part
        if self.value is None:
            v = lightwell.empty([channels, h, w], dtype=lightwell.float32).normal_()
        else:
            v = lightwell.tensor(self.value)[:, None, None]
        i = lightwell.randint(0, height - h + 1, size=(1,)).item()
        return dict(i=i, j=lightwell.randint(0, width - w + 1, size=(1,)).item(), h=h, w=w, v=v)

    def transform(self, inpt, params):
        return self._call_kernel(F.erase, inpt, **params, inplace=self.inplace) if params else inpt
