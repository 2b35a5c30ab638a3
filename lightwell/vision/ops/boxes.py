"""Boxes of objects: forms, areas, overlaps, and the choice of boxes that do not overlap too much.

A box is (x1, y1, x2, y2), left top and right bottom corner, unless another form is named.
"""

import numpy as np

import lightwell
from lightwell.errors.teaching import RuntimeError, ValueError
from lightwell.tensor import wrap

__all__ = [
    "batched_nms", "box_area", "box_convert", "box_iou", "clip_boxes_to_image", "complete_box_iou", "distance_box_iou",
    "generalized_box_iou", "masks_to_boxes", "nms", "remove_small_boxes",
]  # fmt: skip

_FORMS = ("xyxy", "xywh", "cxcywh")


def _check_boxes(name, boxes, scores):
    """Raise RuntimeError unless boxes are (N, 4) and scores (N,)."""
    if boxes.dim() != 2 or boxes.shape[1] != 4:
        raise RuntimeError(f"{name}: boxes should be a 2d tensor (N, 4), got shape {tuple(boxes.shape)}")
    if scores.dim() != 1 or scores.shape[0] != boxes.shape[0]:
        raise RuntimeError(
            f"{name}: boxes and scores should have same number of elements, got {tuple(boxes.shape)} and {tuple(scores.shape)}"
        )


def nms(boxes, scores, iou_threshold: float):
    """Indices of the boxes kept by non-maximum suppression, by falling score: a box goes if a better one overlaps it.

    ``boxes`` (N, 4), ``scores`` (N); overlap is intersection / union > iou_threshold. Raises RuntimeError for other shapes.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import nms
    >>> nms(torch.tensor([[0., 0, 4, 4], [0, 0, 4, 5], [8, 8, 9, 9]]), torch.tensor([0.5, 0.9, 0.1]), 0.5)
    tensor([1, 2])
    """
    _check_boxes("nms", boxes, scores)
    b, s = boxes.detach().numpy(), scores.detach().numpy()
    if b.dtype.kind not in "fiu":
        b = b.astype(np.float32)
    order = np.argsort(-s if s.dtype.kind == "f" else -s.astype(np.float64), kind="stable")
    x1, y1, x2, y2 = b[order].T
    area = (x2 - x1) * (y2 - y1)
    kept, left = [], np.arange(len(order))
    while len(left):
        best, left = left[0], left[1:]
        kept.append(order[best])
        wide = np.minimum(x2[best], x2[left]) - np.maximum(x1[best], x1[left])
        high = np.minimum(y2[best], y2[left]) - np.maximum(y1[best], y1[left])
        common = np.maximum(wide, 0) * np.maximum(high, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            left = left[~(common / (area[best] + area[left] - common) > iou_threshold)]
    return wrap(np.array(kept, dtype=np.int64))


def batched_nms(boxes, scores, idxs, iou_threshold: float):
    """`nms` within each category, given by ``idxs`` (N): boxes of different categories leave each other alone.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import batched_nms
    >>> boxes = torch.tensor([[0., 0, 4, 4], [0, 0, 4, 5]])
    >>> batched_nms(boxes, torch.tensor([0.5, 0.9]), torch.tensor([0, 1]), 0.5)
    tensor([1, 0])
    """
    _check_boxes("batched_nms", boxes, scores)
    if boxes.numel() == 0:
        return lightwell.empty(0, dtype=lightwell.int64)
    if boxes.numel() <= 4000:  # shifted apart by category, one run does for all
        apart = idxs.to(boxes) * (boxes.max() + lightwell.tensor(1).to(boxes))
        return nms(boxes + apart[:, None], scores, iou_threshold)
    mask = lightwell.zeros_like(scores, dtype=lightwell.bool)
    for category in lightwell.unique(idxs):
        where = lightwell.where(idxs == category)[0]
        mask[where[nms(boxes[where], scores[where], iou_threshold)]] = True
    kept = lightwell.where(mask)[0]
    return kept[scores[kept].sort(descending=True)[1]]


def remove_small_boxes(boxes, min_size: float):
    """Indices of the boxes both of whose sides are at least ``min_size`` long.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import remove_small_boxes
    >>> remove_small_boxes(torch.tensor([[0., 0, 1, 9], [0, 0, 3, 3]]), 2)
    tensor([1])
    """
    sides = boxes[..., 2:] - boxes[..., :2]
    return lightwell.where((sides >= min_size).all(-1))[0]


def clip_boxes_to_image(boxes, size):
    """The boxes cut off at the edges of a picture of ``size`` = (height, width).

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import clip_boxes_to_image
    >>> clip_boxes_to_image(torch.tensor([[-1., 2, 30, 40]]), (10, 20))
    tensor([[ 0.,  2., 20., 10.]])
    """
    height, width = size
    x, y = boxes[..., 0::2].clamp(min=0, max=width), boxes[..., 1::2].clamp(min=0, max=height)
    return lightwell.stack((x, y), dim=boxes.dim()).reshape(boxes.shape)


def box_convert(boxes, in_fmt: str, out_fmt: str):
    """Boxes (..., 4) in another form: 'xyxy' corners, 'xywh' corner and size, 'cxcywh' centre and size.

    Raises ValueError for any other form.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import box_convert
    >>> box_convert(torch.tensor([[0., 0, 4, 2]]), "xyxy", "cxcywh")
    tensor([[2., 1., 4., 2.]])
    """
    if in_fmt not in _FORMS or out_fmt not in _FORMS:
        raise ValueError(f"Unsupported Bounding Box Conversions for given in_fmt {in_fmt} and out_fmt {out_fmt}; there are {_FORMS}")
    if in_fmt == out_fmt:
        return boxes.clone()
    a, b, c, d = boxes.unbind(-1)
    if in_fmt == "xywh":
        a, b, c, d = a, b, a + c, b + d
    elif in_fmt == "cxcywh":
        a, b, c, d = a - 0.5 * c, b - 0.5 * d, a + 0.5 * c, b + 0.5 * d
    if out_fmt == "xywh":
        a, b, c, d = a, b, c - a, d - b
    elif out_fmt == "cxcywh":
        a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
    return lightwell.stack((a, b, c, d), dim=-1)


def _upcast(t):
    """At least 32 bits, so that products of sides do not overflow."""
    if t.is_floating_point():
        return t if t.dtype in (lightwell.float32, lightwell.float64) else t.float()
    return t if t.dtype in (lightwell.int32, lightwell.int64) else t.int()


def box_area(boxes, fmt: str = "xyxy"):
    """(x2 - x1)(y2 - y1) of each box (..., 4). Raises ValueError for an unknown form.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import box_area
    >>> box_area(torch.tensor([[0., 0, 4, 2]]))
    tensor([8.])
    """
    if fmt not in _FORMS:
        raise ValueError(f"Unsupported Bounding Box area for given format {fmt}; there are {_FORMS}")
    boxes = _upcast(boxes)
    if fmt == "xyxy":
        return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return boxes[..., 2] * boxes[..., 3]


def _common(boxes1, boxes2):
    """(intersection, union) of each pair, (..., N, M)."""
    low = lightwell.max(boxes1[..., None, :2], boxes2[..., None, :, :2])
    high = lightwell.min(boxes1[..., None, 2:], boxes2[..., None, :, 2:])
    side = _upcast(high - low).clamp(min=0)
    inter = side[..., 0] * side[..., 1]
    return inter, box_area(boxes1)[..., None] + box_area(boxes2)[..., None, :] - inter


def _hull(boxes1, boxes2):
    """The sides of the smallest box around each pair, (..., N, M, 2)."""
    low = lightwell.min(boxes1[..., None, :2], boxes2[..., None, :, :2])
    high = lightwell.max(boxes1[..., None, 2:], boxes2[..., None, :, 2:])
    return _upcast(high - low).clamp(min=0)


def box_iou(boxes1, boxes2, fmt: str = "xyxy"):
    """intersection / union of each pair: (..., N, 4) and (..., M, 4) give (..., N, M). Raises ValueError for an unknown form.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import box_iou
    >>> box_iou(torch.tensor([[0., 0, 2, 2]]), torch.tensor([[1., 0, 3, 2], [0, 0, 2, 2]]))
    tensor([[0.3333, 1.0000]])
    """
    if fmt != "xyxy":
        boxes1, boxes2 = (box_convert(b, fmt, "xyxy") for b in (boxes1, boxes2))
    inter, union = _common(boxes1, boxes2)
    return inter / union


def generalized_box_iou(boxes1, boxes2):
    """IoU - (hull - union)/hull of each pair, in [-1, 1] (Rezatofighi et al. 2019).

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import generalized_box_iou
    >>> generalized_box_iou(torch.tensor([[0., 0, 1, 1]]), torch.tensor([[1., 0, 2, 1], [3, 0, 4, 1]]))
    tensor([[ 0.0000, -0.5000]])
    """
    inter, union = _common(boxes1, boxes2)
    side = _hull(boxes1, boxes2)
    hull = side[..., 0] * side[..., 1]
    return inter / union - (hull - union) / hull


def _centres(boxes):
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def _distance_iou(boxes1, boxes2, eps):
    """(DIoU, IoU) of each pair."""
    iou = box_iou(boxes1, boxes2)
    diagonal = (_hull(boxes1, boxes2) ** 2).sum(-1) + eps
    apart = _upcast(_centres(boxes1)[..., None, :] - _centres(boxes2)[..., None, :, :]) ** 2
    return iou - apart.sum(-1) / diagonal, iou


def distance_box_iou(boxes1, boxes2, eps: float = 1e-7):
    """IoU - d²/c² of each pair: d the distance of the centres, c the hull's diagonal (Zheng et al. 2020).

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import distance_box_iou
    >>> distance_box_iou(torch.tensor([[0., 0, 2, 2]]), torch.tensor([[0., 0, 2, 2]]))
    tensor([[1.]])
    """
    return _distance_iou(_upcast(boxes1), _upcast(boxes2), eps)[0]


def aspect_term(ratio1, ratio2, iou, eps):
    """α v with v = 4/π² (atan r₁ - atan r₂)² and α = v/(1 - IoU + v), α taken as a constant."""
    v = (4 / lightwell.pi**2) * (lightwell.atan(ratio1) - lightwell.atan(ratio2)) ** 2
    with lightwell.no_grad():
        alpha = v / (1 - iou + v + eps)
    return alpha * v


def complete_box_iou(boxes1, boxes2, eps: float = 1e-7):
    """The distance IoU less a term for the difference of the sides' ratios (Zheng et al. 2020).

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import complete_box_iou
    >>> complete_box_iou(torch.tensor([[0., 0, 2, 2]]), torch.tensor([[0., 0, 2, 2]]))
    tensor([[1.]])
    """
    boxes1, boxes2 = _upcast(boxes1), _upcast(boxes2)
    diou, iou = _distance_iou(boxes1, boxes2, eps)
    ratio = lambda b: (b[..., 2] - b[..., 0]) / (b[..., 3] - b[..., 1])
    return diou - aspect_term(ratio(boxes1)[..., None], ratio(boxes2)[..., None, :], iou, eps)


def masks_to_boxes(masks):
    """The smallest box around each mask (N, H, W), last pixels included; zeros for an empty mask.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import masks_to_boxes
    >>> masks_to_boxes(torch.tensor([[[0, 0, 0], [0, 1, 1]]]))
    tensor([[1., 1., 2., 1.]])
    """
    if masks.numel() == 0:
        return lightwell.zeros((0, 4), dtype=lightwell.float)
    inside = masks.detach().numpy() != 0
    boxes = np.zeros((len(inside), 4), np.float32)
    for box, mask in zip(boxes, inside):
        y, x = np.nonzero(mask)
        if len(y):
            box[:] = x.min(), y.min(), x.max(), y.max()
    return wrap(boxes)
