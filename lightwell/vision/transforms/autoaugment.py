"""Augmentation by policies of small operations: AutoAugment, RandAugment, TrivialAugment, AugMix."""

import enum
import math

import lightwell
from lightwell.errors.teaching import ValueError
from lightwell.nn import Module
from lightwell.tensor import Tensor
from lightwell.vision._pillow import is_pil
from lightwell.vision.transforms import functional as F
from lightwell.vision.transforms.functional import InterpolationMode

__all__ = ["AugMix", "AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]


def _apply_op(img, name, magnitude, interpolation, fill):
    """One operation of the policies on a picture. Raises ValueError for an unknown name."""

    def moved(translate=(0, 0), shear=(0.0, 0.0), center=None):
        return F.affine(img, 0.0, list(translate), 1.0, list(shear), interpolation, fill, center)

    slant = math.degrees(math.atan(magnitude))
    operations = {
        "ShearX": lambda: moved(shear=(slant, 0.0), center=[0, 0]),
        "ShearY": lambda: moved(shear=(0.0, slant), center=[0, 0]),
        "TranslateX": lambda: moved((int(magnitude), 0)),
        "TranslateY": lambda: moved((0, int(magnitude))),
        "Rotate": lambda: F.rotate(img, magnitude, interpolation=interpolation, fill=fill),
        "Brightness": lambda: F.adjust_brightness(img, 1.0 + magnitude),
        "Color": lambda: F.adjust_saturation(img, 1.0 + magnitude),
        "Contrast": lambda: F.adjust_contrast(img, 1.0 + magnitude),
        "Sharpness": lambda: F.adjust_sharpness(img, 1.0 + magnitude),
        "Posterize": lambda: F.posterize(img, int(magnitude)),
        "Solarize": lambda: F.solarize(img, magnitude),
        "AutoContrast": lambda: F.autocontrast(img),
        "Equalize": lambda: F.equalize(img),
        "Invert": lambda: F.invert(img),
        "Identity": lambda: img,
    }
    if name not in operations:
        raise ValueError(f"The provided operator {name} is not recognized.")
    return operations[name]()


class AutoAugmentPolicy(enum.Enum):
    """The data sets for which Cubuk et al. (2019) searched a policy."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


# Pairs of (operation, probability, strength of ten) of the paper's tables 7 to 9, one pair to a line.
_TABLES = {
    AutoAugmentPolicy.IMAGENET: """
        Posterize 0.4 8 Rotate 0.6 9; Solarize 0.6 5 AutoContrast 0.6 -; Equalize 0.8 - Equalize 0.6 -; Posterize 0.6 7 Posterize 0.6 6;
        Equalize 0.4 - Solarize 0.2 4; Equalize 0.4 - Rotate 0.8 8; Solarize 0.6 3 Equalize 0.6 -; Posterize 0.8 5 Equalize 1.0 -;
        Rotate 0.2 3 Solarize 0.6 8; Equalize 0.6 - Posterize 0.4 6; Rotate 0.8 8 Color 0.4 0; Rotate 0.4 9 Equalize 0.6 -;
        Equalize 0.0 - Equalize 0.8 -; Invert 0.6 - Equalize 1.0 -; Color 0.6 4 Contrast 1.0 8; Rotate 0.8 8 Color 1.0 2;
        Color 0.8 8 Solarize 0.8 7; Sharpness 0.4 7 Invert 0.6 -; ShearX 0.6 5 Equalize 1.0 -; Color 0.4 0 Equalize 0.6 -;
        Equalize 0.4 - Solarize 0.2 4; Solarize 0.6 5 AutoContrast 0.6 -; Invert 0.6 - Equalize 1.0 -; Color 0.6 4 Contrast 1.0 8;
        Equalize 0.8 - Equalize 0.6 -""",
    AutoAugmentPolicy.CIFAR10: """
        Invert 0.1 - Contrast 0.2 6; Rotate 0.7 2 TranslateX 0.3 9; Sharpness 0.8 1 Sharpness 0.9 3; ShearY 0.5 8 TranslateY 0.7 9;
        AutoContrast 0.5 - Equalize 0.9 -; ShearY 0.2 7 Posterize 0.3 7; Color 0.4 3 Brightness 0.6 7; Sharpness 0.3 9 Brightness 0.7 9;
        Equalize 0.6 - Equalize 0.5 -; Contrast 0.6 7 Sharpness 0.6 5; Color 0.7 7 TranslateX 0.5 8; Equalize 0.3 - AutoContrast 0.4 -;
        TranslateY 0.4 3 Sharpness 0.2 6; Brightness 0.9 6 Color 0.2 8; Solarize 0.5 2 Invert 0.0 -; Equalize 0.2 - AutoContrast 0.6 -;
        Equalize 0.2 - Equalize 0.6 -; Color 0.9 9 Equalize 0.6 -; AutoContrast 0.8 - Solarize 0.2 8; Brightness 0.1 3 Color 0.7 0;
        Solarize 0.4 5 AutoContrast 0.9 -; TranslateY 0.9 9 TranslateY 0.7 9; AutoContrast 0.9 - Solarize 0.8 3; Equalize 0.8 - Invert 0.1 -;
        TranslateY 0.7 9 AutoContrast 0.9 -""",
    AutoAugmentPolicy.SVHN: """
        ShearX 0.9 4 Invert 0.2 -; ShearY 0.9 8 Invert 0.7 -; Equalize 0.6 - Solarize 0.6 6; Invert 0.9 - Equalize 0.6 -;
        Equalize 0.6 - Rotate 0.9 3; ShearX 0.9 4 AutoContrast 0.8 -; ShearY 0.9 8 Invert 0.4 -; ShearY 0.9 5 Solarize 0.2 6;
        Invert 0.9 - AutoContrast 0.8 -; Equalize 0.6 - Rotate 0.9 3; ShearX 0.9 4 Solarize 0.3 3; ShearY 0.8 8 Invert 0.7 -;
        Equalize 0.9 - TranslateY 0.6 6; Invert 0.9 - Equalize 0.6 -; Contrast 0.3 3 Rotate 0.8 4; Invert 0.8 - TranslateY 0.0 2;
        ShearY 0.7 6 Solarize 0.4 8; Invert 0.6 - Rotate 0.8 4; ShearY 0.3 7 TranslateX 0.9 3; ShearX 0.1 6 Invert 0.6 -;
        Solarize 0.7 2 TranslateY 0.6 7; ShearY 0.8 4 Invert 0.8 -; ShearX 0.7 9 TranslateY 0.8 3; ShearY 0.8 5 AutoContrast 0.7 -;
        ShearX 0.7 2 Invert 0.1 -""",
}


def _policy(kind):
    """The pairs of ((operation, probability, strength or None), …) of a policy."""
    if kind not in _TABLES:
        raise ValueError(f"The provided policy {kind} is not recognized.")
    pairs = []
    for line in _TABLES[kind].split(";"):
        words = line.split()
        step = lambda name, p, m: (name, float(p), None if m == "-" else int(m))
        pairs.append((step(*words[:3]), step(*words[3:])))
    return pairs


def _space(bins, x_reach, y_reach, shear=0.3, turn=30.0, tone=0.9, bits=(8, 4)):
    """The strengths of each operation, and whether they come with a sign."""
    line = lambda end: (lightwell.linspace(0.0, end, bins), True)
    plain = (lightwell.tensor(0.0), False)
    steps = (lightwell.arange(bins) / ((bins - 1) / bits[1])).round().int()
    return {
        "Identity": plain,
        "ShearX": line(shear),
        "ShearY": line(shear),
        "TranslateX": line(x_reach),
        "TranslateY": line(y_reach),
        "Rotate": line(turn),
        "Brightness": line(tone),
        "Color": line(tone),
        "Contrast": line(tone),
        "Sharpness": line(tone),
        "Posterize": (bits[0] - steps, False),
        "Solarize": (lightwell.linspace(255.0, 0.0, bins), False),
        "AutoContrast": plain,
        "Equalize": plain,
    }


def _draw(high, **options):
    """One of 0 … high - 1."""
    return int(lightwell.randint(high, (1,), **options).item())


class _Augment(Module):
    """What the four have in common: a fill for each channel, and a description."""

    def _setting(self, img):
        """(fill, height, width) for this picture."""
        channels, height, width = F.get_dimensions(img)
        fill = self.fill
        if isinstance(img, Tensor) and fill is not None:
            fill = [float(fill)] * channels if isinstance(fill, (int, float)) else [float(f) for f in fill]
        return fill, height, width

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)}' for n in self._shown)})"


class AutoAugment(_Augment):
    """One of 25 pairs of operations, found by search for a data set (Cubuk et al. 2019). Tensors should be bytes.

    >>> import lightwell as torch
    >>> from lightwell.vision import transforms as T
    >>> T.AutoAugment()(torch.zeros(3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([3, 8, 8])
    """

    _shown = ("policy", "fill")

    def __init__(self, policy=AutoAugmentPolicy.IMAGENET, interpolation=InterpolationMode.NEAREST, fill=None):
        super().__init__()
        self.policy, self.interpolation, self.fill = policy, interpolation, fill
        self.policies = _policy(policy)

    def _augmentation_space(self, num_bins, image_size):
        space = _space(num_bins, 150.0 / 331.0 * image_size[1], 150.0 / 331.0 * image_size[0])
        return {**space, "Invert": (lightwell.tensor(0.0), False)}

    @staticmethod
    def get_params(transform_num: int):
        """(number of the pair, two chances, two signs)."""
        return _draw(transform_num), lightwell.rand((2,)), lightwell.randint(2, (2,))

    def forward(self, img):
        fill, height, width = self._setting(img)
        pair, chances, signs = self.get_params(len(self.policies))
        space = self._augmentation_space(10, (height, width))
        for (name, p, strength), chance, sign in zip(self.policies[pair], chances, signs):
            if chance > p:
                continue
            magnitudes, signed = space[name]
            magnitude = float(magnitudes[strength].item()) if strength is not None else 0.0
            img = _apply_op(img, name, -magnitude if signed and sign == 0 else magnitude, self.interpolation, fill)
        return img


class RandAugment(_Augment):
    """``num_ops`` random operations of one strength (Cubuk et al. 2020). Tensors should be bytes.

    >>> from lightwell.vision import transforms as T
    >>> T.RandAugment()
    RandAugment(num_ops=2, magnitude=9, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)
    """

    _shown = ("num_ops", "magnitude", "num_magnitude_bins", "interpolation", "fill")

    def __init__(self, num_ops=2, magnitude=9, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None):
        super().__init__()
        self.num_ops, self.magnitude, self.num_magnitude_bins = num_ops, magnitude, num_magnitude_bins
        self.interpolation, self.fill = interpolation, fill

    def _augmentation_space(self, num_bins, image_size):
        return _space(num_bins, 150.0 / 331.0 * image_size[1], 150.0 / 331.0 * image_size[0])

    def forward(self, img):
        fill, height, width = self._setting(img)
        space = self._augmentation_space(self.num_magnitude_bins, (height, width))
        for _ in range(self.num_ops):
            name = list(space)[_draw(len(space))]
            magnitudes, signed = space[name]
            magnitude = float(magnitudes[self.magnitude].item()) if magnitudes.ndim > 0 else 0.0
            if signed and _draw(2):
                magnitude *= -1.0
            img = _apply_op(img, name, magnitude, self.interpolation, fill)
        return img


class TrivialAugmentWide(_Augment):
    """One random operation of random strength (Müller & Hutter 2021). Tensors should be bytes.

    >>> from lightwell.vision import transforms as T
    >>> T.TrivialAugmentWide()
    TrivialAugmentWide(num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)
    """

    _shown = ("num_magnitude_bins", "interpolation", "fill")

    def __init__(self, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None):
        super().__init__()
        self.num_magnitude_bins, self.interpolation, self.fill = num_magnitude_bins, interpolation, fill

    def _augmentation_space(self, num_bins):
        return _space(num_bins, 32.0, 32.0, shear=0.99, turn=135.0, tone=0.99, bits=(8, 6))

    def forward(self, img):
        fill, _, _ = self._setting(img)
        space = self._augmentation_space(self.num_magnitude_bins)
        name = list(space)[_draw(len(space))]
        magnitudes, signed = space[name]
        magnitude = float(magnitudes[_draw(len(magnitudes), dtype=lightwell.long)].item()) if magnitudes.ndim > 0 else 0.0
        if signed and _draw(2):
            magnitude *= -1.0
        return _apply_op(img, name, magnitude, self.interpolation, fill)


class AugMix(_Augment):
    """The picture mixed with ``mixture_width`` chains of random operations (Hendrycks et al. 2020). Tensors should be bytes.

    Raises ValueError for a severity outside 1 … 10.

    >>> from lightwell.vision import transforms as T
    >>> T.AugMix().severity
    3
    """

    _shown = ("severity", "mixture_width", "chain_depth", "alpha", "all_ops", "interpolation", "fill")

    def __init__(
        self,
        severity=3,
        mixture_width=3,
        chain_depth=-1,
        alpha=1.0,
        all_ops=True,
        interpolation=InterpolationMode.BILINEAR,
        fill=None,
    ):
        super().__init__()
        self._PARAMETER_MAX = 10
        if not 1 <= severity <= self._PARAMETER_MAX:
            raise ValueError(f"The severity must be between [1, {self._PARAMETER_MAX}]. Got {severity} instead.")
        self.severity, self.mixture_width, self.chain_depth = severity, mixture_width, chain_depth
        self.alpha, self.all_ops, self.interpolation, self.fill = alpha, all_ops, interpolation, fill

    def _augmentation_space(self, num_bins, image_size):
        space = _space(num_bins, image_size[1] / 3.0, image_size[0] / 3.0, bits=(4, 4))
        first = ["ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Posterize", "Solarize", "AutoContrast", "Equalize"]
        more = ["Brightness", "Color", "Contrast", "Sharpness"] if self.all_ops else []
        return {name: space[name] for name in first + more}

    def _shares(self, count, rows):
        """Random shares with the sum 1, from the Dirichlet distribution."""
        return lightwell._sample_dirichlet(lightwell.tensor([self.alpha] * count).expand(rows, -1))

    def _chain(self, picture, space, fill):
        """The picture after one chain of operations."""
        depth = self.chain_depth if self.chain_depth > 0 else int(lightwell.randint(low=1, high=4, size=(1,)).item())
        for _ in range(depth):
            name = list(space)[_draw(len(space))]
            magnitudes, signed = space[name]
            magnitude = float(magnitudes[_draw(self.severity, dtype=lightwell.long)].item()) if magnitudes.ndim > 0 else 0.0
            if signed and _draw(2):
                magnitude *= -1.0
            picture = _apply_op(picture, name, magnitude, self.interpolation, fill)
        return picture

    def forward(self, orig_img):
        fill, height, width = self._setting(orig_img)
        img = F.pil_to_tensor(orig_img) if is_pil(orig_img) else orig_img
        space = self._augmentation_space(self._PARAMETER_MAX, (height, width))
        batch = img.view([1] * max(4 - img.ndim, 0) + list(img.shape))
        per_row = [batch.size(0)] + [1] * (batch.ndim - 1)
        keep = self._shares(2, per_row[0])
        shares = self._shares(self.mixture_width, per_row[0]) * keep[:, 1].view(per_row[0], -1)
        mix = keep[:, 0].view(per_row) * batch
        for i in range(self.mixture_width):
            mix.add_(shares[:, i].view(per_row) * self._chain(batch, space, fill))
        mix = mix.view(img.shape).to(dtype=img.dtype)
        return F.to_pil_image(mix) if is_pil(orig_img) else mix
