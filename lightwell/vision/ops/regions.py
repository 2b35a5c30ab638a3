"""Regions of interest cut out of feature maps and brought to one size, with gradients to the features.

Regions are a tensor (K, 5) of (image number, x1, y1, x2, y2), or a list with a tensor (L_i, 4) for each image; their
coordinates are multiplied by ``spatial_scale`` first.
"""

import numpy as np

import lightwell
from lightwell import nn
from lightwell.errors.teaching import AssertionError, IndexError, ValueError
from lightwell.ops.regions import region_resample_

__all__ = ["PSRoIAlign", "PSRoIPool", "RoIAlign", "RoIPool", "ps_roi_align", "ps_roi_pool", "roi_align", "roi_pool"]


def _regions(name, input, boxes, output_size):
    """(image numbers, corners (K, 4) in float32 or wider, (rows, columns)); errors name the function."""
    if isinstance(boxes, (list, tuple)):
        for b in boxes:
            if b.dim() != 2 or b.size(1) != 4:
                raise AssertionError(f"{name}: the boxes of each image should be a Tensor[L, 4], got shape {tuple(b.shape)}")
        if len(boxes) != input.shape[0]:
            raise ValueError(f"{name}: {len(boxes)} lists of boxes for {input.shape[0]} images; one for each is expected")
        image = np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
        corners = np.concatenate([b.detach().numpy() for b in boxes]) if boxes else np.zeros((0, 4), np.float32)
    else:
        if boxes.dim() != 2 or boxes.size(1) != 5:
            raise AssertionError(f"{name}: boxes should be a Tensor[K, 5] or a list of Tensor[L, 4], got shape {tuple(boxes.shape)}")
        a = boxes.detach().numpy()
        image, corners = a[:, 0].astype(int), a[:, 1:]
    if input.dim() != 4:
        raise ValueError(f"{name}: input should be (N, C, H, W), got shape {tuple(input.shape)}")
    if len(image) and not 0 <= image.min() <= image.max() < input.shape[0]:
        raise IndexError(f"{name}: a box belongs to image {image.max()}, there are {input.shape[0]} of them")
    size = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
    return image, corners.astype(np.result_type(corners.dtype, np.float32), copy=False), size


def _line(start, length, bins, points, limit):
    """(first pixel, weights (bins, pixels)): each bin the mean of ``points`` values interpolated on a line of ``limit`` pixels.

    A point more than one pixel outside counts as 0; one less far out takes the edge's value.
    """
    kind = start.dtype.type
    if points <= 0:
        return 0, np.zeros((bins, 1), start.dtype)
    step = length / kind(bins)
    at = start + np.arange(bins, dtype=start.dtype)[:, None] * step + (np.arange(points) + 0.5).astype(start.dtype) * step / kind(points)
    inside = (at >= -1) & (at <= limit)
    at = np.clip(at, 0, limit - 1)
    low = np.minimum(at.astype(int), limit - 1)
    high = np.minimum(low + 1, limit - 1)
    share = (at - low) * inside / kind(points)
    first, last = low.min(), high.max()
    weights = np.zeros((bins, last - first + 1), start.dtype)
    row = np.broadcast_to(np.arange(bins)[:, None], at.shape)
    np.add.at(weights, (row, low - first), inside / kind(points) - share)
    np.add.at(weights, (row, high - first), share)
    return first, weights


def _align_plans(image, corners, size, spatial_scale, sampling_ratio, aligned, shape, least):
    """A plan for backend.regions; ``least`` is the smallest side of a region, None for any."""
    kind = corners.dtype.type
    scaled = corners * kind(spatial_scale) - kind(0.5 if aligned else 0.0)
    plans = []
    for k, (x1, y1, x2, y2) in zip(image, scaled):
        sides = [y2 - y1, x2 - x1]
        if least is not None:
            sides = [np.maximum(side, kind(least)) for side in sides]
        lines = []
        for start, side, bins, limit in zip((y1, x1), sides, size, shape):
            points = sampling_ratio if sampling_ratio > 0 else int(np.ceil(side / kind(bins)))
            lines += _line(start, side, bins, points, limit)
        plans.append((int(k), *lines))
    return plans


def roi_align(input, boxes, output_size, spatial_scale: float = 1.0, sampling_ratio: int = -1, aligned: bool = False):
    """Each region as a grid of ``output_size`` bins, each the mean of values interpolated bilinearly (He et al. 2017).

    ``sampling_ratio`` points in each direction of a bin, or as many as it has pixels; ``aligned`` shifts by half a pixel,
    which makes the values exact. (N, C, H, W) gives (K, C, *output_size); the gradient goes to the input alone.
    Raises AssertionError or ValueError for boxes of another shape, IndexError for a missing image.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import roi_align
    >>> x = torch.arange(16.).view(1, 1, 4, 4)
    >>> roi_align(x, torch.tensor([[0., 0, 0, 4, 4]]), 2, aligned=True)
    tensor([[[[ 2.5000,  4.5000],
              [10.5000, 12.5000]]]])
    """
    image, corners, size = _regions("roi_align", input, boxes, output_size)
    least = None if aligned else 1.0
    plans = _align_plans(image, corners, size, spatial_scale, sampling_ratio, aligned, input.shape[2:], least)
    return region_resample_(input, plans, size)


def _bin_edges(start, side, bins, limit, kind):
    """(first, last + 1) pixel of each bin."""
    at, step = np.arange(bins), side / kind(bins)
    low = np.floor(at.astype(kind) * step).astype(int) + start
    high = np.ceil((at + 1).astype(kind) * step).astype(int) + start
    return np.clip(low, 0, limit), np.clip(high, 0, limit)


def _half_away(x):
    """Rounded to whole numbers, halves away from zero."""
    return (np.sign(x) * np.floor(np.abs(x) + 0.5)).astype(int)


def roi_pool(input, boxes, output_size, spatial_scale: float = 1.0):
    """Each region as a grid of ``output_size`` bins, each the largest of its pixels, 0 for an empty one (Girshick 2015).

    (N, C, H, W) gives (K, C, *output_size); the gradient goes to the place of the maximum. Errors as of `roi_align`.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import roi_pool
    >>> x = torch.arange(16.).view(1, 1, 4, 4)
    >>> roi_pool(x, torch.tensor([[0., 0, 0, 20, 20], [0, 0, 10, 30, 30]]), output_size=(2, 2), spatial_scale=0.1)
    tensor([[[[ 5.,  6.],
              [ 9., 10.]]],
    <BLANKLINE>
    <BLANKLINE>
            [[[ 9., 11.],
              [13., 15.]]]])
    """
    image, corners, (bins_y, bins_x) = _regions("roi_pool", input, boxes, output_size)
    a = input.detach().numpy()
    _, channels, height, width = a.shape
    kind = corners.dtype.type
    place = np.zeros((len(image), channels, bins_y, bins_x), np.int64)
    filled = np.zeros((len(image), 1, bins_y, bins_x), bool)
    base = np.arange(channels) * height * width
    for k, (picture, corner) in enumerate(zip(image, _half_away(corners * kind(spatial_scale)))):
        x1, y1, x2, y2 = (int(v) for v in corner)
        rows = _bin_edges(y1, kind(max(y2 - y1 + 1, 1)), bins_y, height, kind)
        columns = _bin_edges(x1, kind(max(x2 - x1 + 1, 1)), bins_x, width, kind)
        for i, (top, bottom) in enumerate(zip(*rows)):
            for j, (left, right) in enumerate(zip(*columns)):
                if bottom > top and right > left:
                    best = a[picture, :, top:bottom, left:right].reshape(channels, -1).argmax(1)
                    y, x = np.divmod(best, right - left)
                    place[k, :, i, j] = picture * channels * height * width + base + (y + top) * width + x + left
                    filled[k, 0, i, j] = True
    values = input.reshape(-1)[lightwell.from_numpy(place)] if len(image) else input.new_zeros(place.shape)
    return values if filled.all() else lightwell.where(lightwell.from_numpy(filled), values, values.new_zeros(()))


def _own_channel(name, values, size):
    """Of a grid (K, C · bins, *size) each bin from the channel that belongs to it: (K, C, *size)."""
    k, channels = values.shape[:2]
    bins = size[0] * size[1]
    if channels % bins:
        raise ValueError(f"{name}: input channels must be a multiple of pooling height * pooling width, got {channels} for {size}")
    return values.reshape(k, channels // bins, bins, bins).diagonal(dim1=2, dim2=3).reshape(k, channels // bins, *size)


def ps_roi_align(input, boxes, output_size, spatial_scale: float = 1.0, sampling_ratio: int = -1):
    """Position-sensitive `roi_align`: each bin has channels of its own (Li et al. 2018, Light-Head R-CNN).

    (N, C · rows · columns, H, W) gives (K, C, rows, columns).

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import ps_roi_align
    >>> ps_roi_align(torch.ones(1, 8, 4, 4), torch.tensor([[0., 0, 0, 4, 4]]), 2).shape
    torch.Size([1, 2, 2, 2])
    """
    image, corners, size = _regions("ps_roi_align", input, boxes, output_size)
    plans = _align_plans(image, corners, size, spatial_scale, sampling_ratio, True, input.shape[2:], None)
    return _own_channel("ps_roi_align", region_resample_(input, plans, size), size)


def ps_roi_pool(input, boxes, output_size, spatial_scale: float = 1.0):
    """Position-sensitive mean over the pixels of each bin, 0 for an empty one (Dai et al. 2016, R-FCN).

    (N, C · rows · columns, H, W) gives (K, C, rows, columns).

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import ps_roi_pool
    >>> ps_roi_pool(torch.ones(1, 8, 4, 4), torch.tensor([[0., 0, 0, 4, 4]]), 2).shape
    torch.Size([1, 2, 2, 2])
    """
    image, corners, size = _regions("ps_roi_pool", input, boxes, output_size)
    kind, plans = corners.dtype.type, []
    for picture, corner in zip(image, _half_away(corners * kind(spatial_scale))):
        x1, y1, x2, y2 = (int(v) for v in corner)
        lines = []
        for start, end, bins, limit in ((y1, y2, size[0], input.shape[2]), (x1, x2, size[1], input.shape[3])):
            low, high = _bin_edges(start, kind(max(end - start, 1)), bins, limit - 1, kind)  # the last pixel is left out
            where = np.arange(limit)
            inside = (where >= low[:, None]) & (where < high[:, None])
            lines += [0, inside / np.maximum(inside.sum(1, keepdims=True), 1).astype(kind)]
        plans.append((int(picture), *lines))
    return _own_channel("ps_roi_pool", region_resample_(input, plans, size), size)


class _Regions(nn.Module):
    """A function of this file with its settings."""

    def forward(self, input, rois):
        return self._function(input, rois, *(getattr(self, name) for name in self._settings))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)}' for name in self._settings)})"


class RoIAlign(_Regions):
    """`roi_align` as a module.

    >>> from lightwell.vision.ops import RoIAlign
    >>> RoIAlign((7, 7), 0.25, 2)
    RoIAlign(output_size=(7, 7), spatial_scale=0.25, sampling_ratio=2, aligned=False)
    """

    _function, _settings = staticmethod(roi_align), ("output_size", "spatial_scale", "sampling_ratio", "aligned")

    def __init__(self, output_size, spatial_scale: float, sampling_ratio: int, aligned: bool = False):
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale
        self.sampling_ratio, self.aligned = sampling_ratio, aligned


class RoIPool(_Regions):
    """`roi_pool` as a module.

    >>> from lightwell.vision.ops import RoIPool
    >>> RoIPool(7, 0.25)
    RoIPool(output_size=7, spatial_scale=0.25)
    """

    _function, _settings = staticmethod(roi_pool), ("output_size", "spatial_scale")

    def __init__(self, output_size, spatial_scale: float):
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale


class PSRoIAlign(_Regions):
    """`ps_roi_align` as a module.

    >>> from lightwell.vision.ops import PSRoIAlign
    >>> PSRoIAlign(7, 0.25, 2)
    PSRoIAlign(output_size=7, spatial_scale=0.25, sampling_ratio=2)
    """

    _function, _settings = staticmethod(ps_roi_align), ("output_size", "spatial_scale", "sampling_ratio")

    def __init__(self, output_size, spatial_scale: float, sampling_ratio: int):
        super().__init__()
        self.output_size, self.spatial_scale, self.sampling_ratio = output_size, spatial_scale, sampling_ratio


class PSRoIPool(_Regions):
    """`ps_roi_pool` as a module.

    >>> from lightwell.vision.ops import PSRoIPool
    >>> PSRoIPool(7, 0.25)
    PSRoIPool(output_size=7, spatial_scale=0.25)
    """

    _function, _settings = staticmethod(ps_roi_pool), ("output_size", "spatial_scale")

    def __init__(self, output_size, spatial_scale: float):
        super().__init__()
        self.output_size, self.spatial_scale = output_size, spatial_scale
