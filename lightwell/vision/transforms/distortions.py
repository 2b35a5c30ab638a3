"""Random transforms of tones, sharpness and shape; chances from the global stream in torchvision's order."""

import numbers

import lightwell
from lightwell.errors.teaching import TypeError, ValueError
from lightwell.nn import Module
from lightwell.vision.transforms import functional as F
from lightwell.vision.transforms._pictures import mode_name
from lightwell.vision.transforms.functional import InterpolationMode
from lightwell.vision.transforms.randomised import _chance, _fill_for, _integer, _uniform, _WithChance
from lightwell.vision.transforms.transforms import _size2


class RandomPerspective(Module):
    """With probability p the corners moved inwards by up to ``distortion_scale`` of half the size.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomPerspective(p=1.0)(torch.ones(1, 8, 8)).shape
    torch.Size([1, 8, 8])
    """

    def __init__(self, distortion_scale=0.5, p=0.5, interpolation=InterpolationMode.BILINEAR, fill=0):
        super().__init__()
        if fill is not None and not isinstance(fill, (numbers.Number, tuple, list)):
            raise TypeError("Fill should be either a sequence or a number.")
        self.p, self.distortion_scale = p, distortion_scale
        self.interpolation = InterpolationMode(mode_name(interpolation))
        self.fill = 0 if fill is None else fill

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float):
        """(start points, end points): the corners and where they go."""
        reach_x, reach_y = int(distortion_scale * (width // 2)), int(distortion_scale * (height // 2))
        near = lambda reach: _integer(reach + 1)
        far = lambda size, reach: size - reach - 1 + _integer(reach + 1)
        ends = [
            [near(reach_x), near(reach_y)],
            [far(width, reach_x), near(reach_y)],
            [far(width, reach_x), far(height, reach_y)],
            [near(reach_x), far(height, reach_y)],
        ]
        return [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], ends

    def forward(self, img):
        if not _chance() < self.p:
            return img
        _, height, width = F.get_dimensions(img)
        points = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, *points, self.interpolation, _fill_for(img, self.fill))

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"


class GaussianBlur(Module):
    """Blurred by a Gaussian of the given odd size and a random deviation between two. Raises ValueError for others.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.GaussianBlur(3)
    GaussianBlur(kernel_size=(3, 3), sigma=(0.1, 2.0))
    """

    def __init__(self, kernel_size, sigma=(0.1, 2.0)):
        super().__init__()
        self.kernel_size = _size2(kernel_size, "Kernel size should be a tuple/list of two integers")
        if any(k <= 0 or k % 2 == 0 for k in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        if isinstance(sigma, numbers.Number):
            if sigma <= 0:
                raise ValueError("If sigma is a single number, it must be positive.")
            sigma = (sigma, sigma)
        if not isinstance(sigma, (tuple, list)) or len(sigma) != 2:
            raise ValueError("sigma should be a single number or a list/tuple with length 2.")
        if not 0.0 < sigma[0] <= sigma[1]:
            raise ValueError("sigma values should be positive and of the form (min, max).")
        self.sigma = sigma

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """A random deviation."""
        return _uniform(sigma_min, sigma_max)

    def forward(self, img):
        sigma = self.get_params(*self.sigma)
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self):
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"


def _floats(name, value):
    """[for x, for y] out of one float or two."""
    if not isinstance(value, (float, tuple, list)):
        raise TypeError(f"{name} should be float or a sequence of floats. Got {type(value)}")
    value = [value, value] if isinstance(value, float) else list(value)
    if len(value) != 2:
        raise ValueError(f"If {name} is a sequence its length should be 2. Got {len(value)}")
    if not all(isinstance(v, float) for v in value):
        raise TypeError(f"{name} should be a sequence of floats. Got {[type(v) for v in value]}")
    return value


class ElasticTransform(Module):
    """Pixels displaced at random by about ``alpha`` pixels, neighbours (within ``sigma``) alike, as if seen through water.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.ElasticTransform(alpha=5.0, sigma=1.0)(torch.ones(1, 12, 12)).shape
    torch.Size([1, 12, 12])
    """

    def __init__(self, alpha=50.0, sigma=5.0, interpolation=InterpolationMode.BILINEAR, fill=0):
        super().__init__()
        self.alpha, self.sigma = _floats("alpha", alpha), _floats("sigma", sigma)
        self.interpolation = InterpolationMode(mode_name(interpolation))
        if not isinstance(fill, (numbers.Number, tuple, list)):
            raise TypeError(f"fill should be int or float or a list or tuple of them. Got {type(fill)}")
        self.fill = [float(fill)] if isinstance(fill, numbers.Number) else [float(f) for f in fill]

    @staticmethod
    def get_params(alpha, sigma, size):
        """A random displacement (1, H, W, 2)."""
        parts = []
        for reach, spread, length in zip(alpha, sigma, (size[1], size[0])):
            noise = lightwell.rand([1, 1, *size]) * 2 - 1
            if spread > 0.0:
                width = int(8 * spread + 1) // 2 * 2 + 1
                noise = F.gaussian_blur(noise, [width, width], list(sigma))
            parts.append(noise * reach / length)
        return lightwell.cat(parts, 1).permute(0, 2, 3, 1)

    def forward(self, tensor):
        _, height, width = F.get_dimensions(tensor)
        return F.elastic_transform(tensor, self.get_params(self.alpha, self.sigma, [height, width]), self.interpolation, self.fill)

    def __repr__(self):
        return f"{type(self).__name__}(alpha={self.alpha}, sigma={self.sigma}, interpolation={self.interpolation}, fill={self.fill})"


class _WithChanceOf(_WithChance):
    """A transform with one setting, done with probability p."""

    def __init__(self, value, p):
        super().__init__(p)
        setattr(self, self._setting, value)

    def _done(self, img):
        return self._function(img, getattr(self, self._setting))

    def __repr__(self):
        return f"{type(self).__name__}({self._setting}={getattr(self, self._setting)},p={self.p})"


class RandomPosterize(_WithChanceOf):
    """Fewer bits for each channel, with probability p.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomPosterize(bits=2)
    RandomPosterize(bits=2,p=0.5)
    """

    _setting, _function = "bits", staticmethod(F.posterize)

    def __init__(self, bits, p=0.5):
        super().__init__(bits, p)


class RandomSolarize(_WithChanceOf):
    """Values from ``threshold`` on inverted, with probability p.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomSolarize(threshold=128)
    RandomSolarize(threshold=128,p=0.5)
    """

    _setting, _function = "threshold", staticmethod(F.solarize)

    def __init__(self, threshold, p=0.5):
        super().__init__(threshold, p)


class RandomAdjustSharpness(_WithChanceOf):
    """Another sharpness, with probability p.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomAdjustSharpness(2)
    RandomAdjustSharpness(sharpness_factor=2,p=0.5)
    """

    _setting, _function = "sharpness_factor", staticmethod(F.adjust_sharpness)

    def __init__(self, sharpness_factor, p=0.5):
        super().__init__(sharpness_factor, p)


class RandomAutocontrast(_WithChance):
    """The values spread over the whole range, with probability p.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.RandomAutocontrast(p=1.0)(torch.tensor([[[0.25, 0.75]]]))
    tensor([[[0., 1.]]])
    """

    _done = staticmethod(F.autocontrast)


class RandomEqualize(_WithChance):
    """The histogram made even, with probability p.

    >>> from lightwell.vision import transforms as T
    >>> T.RandomEqualize()
    RandomEqualize(p=0.5)
    """

    _done = staticmethod(F.equalize)


class LinearTransformation(Module):
    """A flattened picture times a square matrix, its mean taken off first: (x - mean) · M, for whitening.

    Raises ValueError for shapes or dtypes that do not fit.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.LinearTransformation(torch.eye(2) * 3, torch.ones(2))(torch.tensor([[[1., 2.]]]))
    tensor([[[0., 3.]]])
    """

    def __init__(self, transformation_matrix, mean_vector):
        super().__init__()
        rows, columns = transformation_matrix.shape
        if rows != columns:
            raise ValueError(f"transformation_matrix should be square. Got {(rows, columns)} rectangular matrix.")
        if mean_vector.size(0) != rows:
            raise ValueError(f"mean_vector should have the length {rows} of the transformation_matrix, got {mean_vector.size(0)}")
        if transformation_matrix.dtype != mean_vector.dtype:
            raise ValueError(f"Input tensors should have the same dtype. Got {transformation_matrix.dtype} and {mean_vector.dtype}")
        self.transformation_matrix, self.mean_vector = transformation_matrix, mean_vector

    def forward(self, tensor):
        n = tensor.shape[-3] * tensor.shape[-2] * tensor.shape[-1]
        if n != self.transformation_matrix.shape[0]:
            size = self.transformation_matrix.shape[0]
            raise ValueError(
                f"Input tensor and transformation matrix have incompatible shape: {tuple(tensor.shape[-3:])} for {size} values"
            )
        flat = tensor.reshape(-1, n) - self.mean_vector
        return (flat @ self.transformation_matrix.to(flat.dtype)).view(tensor.shape)

    def __repr__(self):
        return (
            f"{type(self).__name__}(transformation_matrix={self.transformation_matrix.tolist()}, mean_vector={self.mean_vector.tolist()})"
        )
