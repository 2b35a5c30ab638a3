"""Regions taken from the level of a feature pyramid that suits their size."""

import math

import lightwell
from lightwell import nn
from lightwell.errors.teaching import ValueError
from lightwell.vision.ops.boxes import box_area
from lightwell.vision.ops.regions import roi_align

__all__ = ["LevelMapper", "MultiScaleRoIAlign", "initLevelMapper"]


class LevelMapper:
    """The level of each box: ⌊k₀ + log₂(√area/s₀) + ε⌋ between k_min and k_max (Lin et al. 2017, equation 1)."""

    def __init__(self, k_min, k_max, canonical_scale=224, canonical_level=4, eps=1e-6):
        self.k_min, self.k_max, self.s0, self.lvl0, self.eps = k_min, k_max, canonical_scale, canonical_level, eps

    def __call__(self, boxlists):
        side = lightwell.sqrt(lightwell.cat([box_area(b) for b in boxlists]))
        level = lightwell.floor(self.lvl0 + lightwell.log2(side / self.s0) + lightwell.tensor(self.eps, dtype=side.dtype))
        return lightwell.clamp(level, min=self.k_min, max=self.k_max).to(lightwell.int64) - self.k_min


def initLevelMapper(k_min, k_max, canonical_scale=224, canonical_level=4, eps=1e-6):
    """A LevelMapper."""
    return LevelMapper(k_min, k_max, canonical_scale, canonical_level, eps)


class MultiScaleRoIAlign(nn.Module):
    """`roi_align` on the level that suits each box's size; forward(features, boxes, image_shapes).

    ``features`` is a dict of levels, of which those in ``featmap_names`` are used; their scales follow from ``image_shapes``.
    Raises ValueError without images.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import MultiScaleRoIAlign
    >>> levels = {"0": torch.zeros(1, 4, 16, 16), "1": torch.zeros(1, 4, 8, 8)}
    >>> MultiScaleRoIAlign(["0", "1"], 3, 2)(levels, [torch.tensor([[0., 0, 30, 30]])], [(64, 64)]).shape
    torch.Size([1, 4, 3, 3])
    """

    def __init__(self, featmap_names, output_size, sampling_ratio: int, *, canonical_scale: int = 224, canonical_level: int = 4):
        super().__init__()
        self.featmap_names, self.sampling_ratio = featmap_names, sampling_ratio
        self.output_size = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
        self.scales = self.map_levels = None
        self.canonical_scale, self.canonical_level = canonical_scale, canonical_level

    def _set_up(self, features, image_shapes):
        """The scale of each level, a power of two, and which boxes go to which."""
        if not image_shapes:
            raise ValueError("images list should not be empty")
        tallest = max(shape[0] for shape in image_shapes)
        self.scales = [2.0 ** round(math.log2(f.shape[-2] / tallest)) for f in features]
        ends = [int(-math.log2(self.scales[i])) for i in (0, -1)]
        self.map_levels = LevelMapper(*ends, self.canonical_scale, self.canonical_level)

    def forward(self, x, boxes, image_shapes):
        features = [v for k, v in x.items() if k in self.featmap_names]
        if self.scales is None:
            self._set_up(features, image_shapes)
        number = [lightwell.full_like(b[:, :1], i) for i, b in enumerate(boxes)]
        rois = lightwell.cat([lightwell.cat(number), lightwell.cat(list(boxes))], dim=1)
        how = dict(output_size=self.output_size, sampling_ratio=self.sampling_ratio)
        if len(features) == 1:
            return roi_align(features[0], rois, spatial_scale=self.scales[0], **how)
        levels = self.map_levels(boxes)
        result = features[0].new_zeros((len(rois), features[0].shape[1], *self.output_size))
        for level, (feature, scale) in enumerate(zip(features, self.scales)):
            here = lightwell.where(levels == level)[0]
            result[here] = roi_align(feature, rois[here], spatial_scale=scale, **how).to(result.dtype)
        return result

    def __repr__(self):
        return (
            f"{type(self).__name__}(featmap_names={self.featmap_names}, "
            f"output_size={self.output_size}, sampling_ratio={self.sampling_ratio})"
        )
