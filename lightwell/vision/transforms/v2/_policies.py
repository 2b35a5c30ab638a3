"""AutoAugment and its kin on samples: the picture is augmented, everything else passes.

They draw their chances in another order than those of ``transforms``, as in torchvision.
"""

import lightwell
from lightwell.errors.teaching import TypeError, ValueError
from lightwell.tensor import Tensor
from lightwell.utils._pytree import tree_flatten, tree_unflatten
from lightwell.vision._pillow import is_pil
from lightwell.vision.transforms import autoaugment
from lightwell.vision.transforms.autoaugment import AutoAugmentPolicy, _apply_op
from lightwell.vision.transforms.functional import InterpolationMode
from lightwell.vision.transforms.v2 import functional as F
from lightwell.vision.transforms.v2._transform import Transform, check_type, fill_of, has_any, setup_fill
from lightwell.vision.transforms.v2.functional import is_pure_tensor
from lightwell.vision.tv_tensors import BoundingBoxes, Image, Mask, TVTensor, Video, wrap

__all__ = ["AugMix", "AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]


def _one_of(count):
    """One of 0 … count - 1."""
    return int(lightwell.randint(count, ()))


class _Policy(Transform):
    """A policy for the one picture of a sample.

    Raises TypeError for a sample with boxes or masks, without a picture or with several.
    """

    def __init__(self, interpolation, fill):
        super().__init__()
        self.interpolation, self.fill, self._fill = interpolation, fill, setup_fill(fill)

    def forward(self, *inputs):
        flat, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        if has_any(flat, BoundingBoxes, Mask):
            raise TypeError(f"{type(self).__name__}() does not support bounding boxes and masks")
        wanted = self._needs_transform_list(flat)
        places = [i for i, inpt in enumerate(flat) if wanted[i] and check_type(inpt, (Image, Video, is_pil, is_pure_tensor))]
        if len(places) != 1:
            raise TypeError(f"{type(self).__name__}() takes samples with one image, this one has {len(places)}")
        picture = flat[places[0]]
        self._now = fill_of(self._fill, picture)
        out = self._augmented(picture.as_subclass(Tensor) if isinstance(picture, TVTensor) else picture)
        flat[places[0]] = wrap(out, like=picture) if isinstance(picture, TVTensor) else out
        return tree_unflatten(flat, spec)

    def _signed(self, magnitude, signed):
        """Negative half of the time, where it has a sign."""
        return -magnitude if signed and lightwell.rand(()) <= 0.5 else magnitude

    def _done(self, picture, name, magnitude):
        """One operation; floats have their own thresholds and steps."""
        if isinstance(picture, Tensor) and picture.is_floating_point():
            if name == "Solarize":
                return F.solarize(picture, magnitude / 255.0)
            if name in ("Posterize", "Equalize"):
                return F.posterize(picture, int(magnitude)) if name == "Posterize" else F.equalize(picture)
        return _apply_op(picture, name, magnitude, InterpolationMode(self.interpolation), self._now)


class AutoAugment(_Policy):
    """One of 25 pairs of operations found by search (Cubuk et al. 2019).

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import v2
    >>> v2.AutoAugment()(torch.zeros(3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(self, policy=AutoAugmentPolicy.IMAGENET, interpolation="nearest", fill=None):
        super().__init__(interpolation, fill)
        self.policy = policy
        self._pairs = autoaugment._policy(policy)

    def _augmented(self, picture):
        height, width = F.get_size(picture)
        space = autoaugment._space(10, 150.0 / 331.0 * width, 150.0 / 331.0 * height)
        space["Invert"] = space["Equalize"]
        for name, p, strength in self._pairs[_one_of(len(self._pairs))]:
            if not lightwell.rand(()) <= p:
                continue
            magnitudes, signed = space[name]
            magnitude = self._signed(float(magnitudes[strength]), signed) if magnitudes.ndim > 0 else 0.0
            picture = self._done(picture, name, magnitude)
        return picture


class RandAugment(_Policy):
    """``num_ops`` random operations of one strength (Cubuk et al. 2020)."""

    def __init__(self, num_ops=2, magnitude=9, num_magnitude_bins=31, interpolation="nearest", fill=None):
        super().__init__(interpolation, fill)
        self.num_ops, self.magnitude, self.num_magnitude_bins = num_ops, magnitude, num_magnitude_bins

    def _augmented(self, picture):
        height, width = F.get_size(picture)
        space = autoaugment._space(self.num_magnitude_bins, 150.0 / 331.0 * width, 150.0 / 331.0 * height)
        for _ in range(self.num_ops):
            name = list(space)[_one_of(len(space))]
            magnitudes, signed = space[name]
            magnitude = self._signed(float(magnitudes[self.magnitude]), signed) if magnitudes.ndim > 0 else 0.0
            picture = self._done(picture, name, magnitude)
        return picture


class TrivialAugmentWide(_Policy):
    """One random operation of random strength (Müller & Hutter 2021)."""

    def __init__(self, num_magnitude_bins=31, interpolation="nearest", fill=None):
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = num_magnitude_bins

    def _augmented(self, picture):
        space = autoaugment.TrivialAugmentWide._augmentation_space(self, self.num_magnitude_bins)
        name = list(space)[_one_of(len(space))]
        magnitudes, signed = space[name]
        magnitude = self._signed(float(magnitudes[_one_of(len(magnitudes))]), signed) if magnitudes.ndim > 0 else 0.0
        return self._done(picture, name, magnitude)


class AugMix(_Policy):
    """The picture mixed with chains of random operations (Hendrycks et al. 2020)."""

    def __init__(self, severity=3, mixture_width=3, chain_depth=-1, alpha=1.0, all_ops=True, interpolation="bilinear", fill=None):
        super().__init__(interpolation, fill)
        if not 1 <= severity <= 10:
            raise ValueError(f"The severity must be between [1, 10]. Got {severity} instead.")
        self.severity, self.mixture_width, self.chain_depth = severity, mixture_width, chain_depth
        self.alpha, self.all_ops = alpha, all_ops

    def _chain(self, picture, space):
        depth = self.chain_depth if self.chain_depth > 0 else int(lightwell.randint(low=1, high=4, size=(1,)).item())
        for _ in range(depth):
            name = list(space)[_one_of(len(space))]
            magnitudes, signed = space[name]
            magnitude = self._signed(float(magnitudes[_one_of(self.severity)]), signed) if magnitudes.ndim > 0 else 0.0
            picture = self._done(picture, name, magnitude)
        return picture

    def _augmented(self, original):
        picture = F.pil_to_tensor(original) if is_pil(original) else original
        space = autoaugment.AugMix._augmentation_space(self, 10, F.get_size(picture))
        batch = picture.reshape([1] * max(4 - picture.ndim, 0) + list(picture.shape))
        per_row = [batch.size(0)] + [1] * (batch.ndim - 1)
        keep = autoaugment.AugMix._shares(self, 2, per_row[0])
        shares = autoaugment.AugMix._shares(self, self.mixture_width, per_row[0]) * keep[:, 1].reshape(per_row[0], -1)
        mix = keep[:, 0].reshape(per_row) * batch
        for i in range(self.mixture_width):
            mix.add_(shares[:, i].reshape(per_row) * self._chain(batch, space))
        mix = mix.reshape(picture.shape).to(dtype=picture.dtype)
        return F.to_pil_image(mix) if is_pil(original) else mix
