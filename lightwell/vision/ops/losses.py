"""Losses of object detection: focal loss, and those made of the overlap of boxes."""

import lightwell
from lightwell.errors.teaching import ValueError
from lightwell.vision.ops.boxes import _centres, aspect_term

__all__ = ["complete_box_iou_loss", "distance_box_iou_loss", "generalized_box_iou_loss", "sigmoid_focal_loss"]


def _reduced(loss, reduction):
    """The loss itself, its mean (0 of none) or its sum; ValueError for another word."""
    if reduction == "none":
        return loss
    if reduction == "mean":
        return loss.mean() if loss.numel() > 0 else 0.0 * loss.sum()
    if reduction == "sum":
        return loss.sum()
    raise ValueError(f"Invalid Value for arg 'reduction': '{reduction}'; supported reduction modes: 'none', 'mean', 'sum'")


def sigmoid_focal_loss(inputs, targets, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"):
    """α_t (1 - p_t)^γ · (-log p_t), p_t the probability of the right answer (Lin et al. 2017); alpha = -1 leaves α_t away.

    ``inputs`` are logits, ``targets`` 0 or 1 of the same shape. Raises ValueError for another alpha or reduction.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import sigmoid_focal_loss
    >>> sigmoid_focal_loss(torch.zeros(2), torch.tensor([0., 1.]))
    tensor([0.1300, 0.0433])
    """
    if not 0 <= alpha <= 1 and alpha != -1:
        raise ValueError(f"Invalid alpha value: {alpha}. alpha must be in the range [0,1] or -1 for ignore.")
    p = lightwell.sigmoid(inputs)
    entropy = lightwell.nn.functional.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    loss = entropy * ((1 - (p * targets + (1 - p) * (1 - targets))) ** gamma)
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return _reduced(loss, reduction)


def _floats(boxes):
    return boxes if boxes.dtype in (lightwell.float32, lightwell.float64) else boxes.float()


def _overlap(boxes1, boxes2, eps):
    """(intersection, union) of boxes of the same row."""
    side = lightwell.min(boxes1[..., 2:], boxes2[..., 2:]) - lightwell.max(boxes1[..., :2], boxes2[..., :2])
    inter = lightwell.where((side > 0).all(-1), side[..., 0] * side[..., 1], lightwell.zeros((), dtype=side.dtype))
    area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return inter, area(boxes1) + area(boxes2) - inter


def _hull(boxes1, boxes2):
    return lightwell.max(boxes1[..., 2:], boxes2[..., 2:]) - lightwell.min(boxes1[..., :2], boxes2[..., :2])


def generalized_box_iou_loss(boxes1, boxes2, reduction: str = "none", eps: float = 1e-7):
    """1 - GIoU of boxes of the same row (Rezatofighi et al. 2019). Raises ValueError for another reduction.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import generalized_box_iou_loss
    >>> generalized_box_iou_loss(torch.tensor([[0., 0, 1, 1]]), torch.tensor([[3., 0, 4, 1]]))
    tensor([1.5000])
    """
    boxes1, boxes2 = _floats(boxes1), _floats(boxes2)
    inter, union = _overlap(boxes1, boxes2, eps)
    side = _hull(boxes1, boxes2)
    hull = side[..., 0] * side[..., 1]
    return _reduced(1 - (inter / (union + eps) - (hull - union) / (hull + eps)), reduction)


def _distance(boxes1, boxes2, eps):
    """(1 - DIoU, IoU) of boxes of the same row."""
    inter, union = _overlap(boxes1, boxes2, eps)
    iou = inter / (union + eps)
    apart = ((_centres(boxes1) - _centres(boxes2)) ** 2).sum(-1)
    return 1 - iou + apart / ((_hull(boxes1, boxes2) ** 2).sum(-1) + eps), iou


def distance_box_iou_loss(boxes1, boxes2, reduction: str = "none", eps: float = 1e-7):
    """1 - IoU + d²/c² of boxes of the same row (Zheng et al. 2020). Raises ValueError for another reduction.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import distance_box_iou_loss
    >>> distance_box_iou_loss(torch.tensor([[0., 0, 1, 1]]), torch.tensor([[1., 0, 2, 1]]))
    tensor([1.2000])
    """
    return _reduced(_distance(_floats(boxes1), _floats(boxes2), eps)[0], reduction)


def complete_box_iou_loss(boxes1, boxes2, reduction: str = "none", eps: float = 1e-7):
    """The distance loss and a term for the ratio of the sides (Zheng et al. 2020). Raises ValueError for another reduction.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import complete_box_iou_loss
    >>> complete_box_iou_loss(torch.tensor([[0., 0, 1, 1]]), torch.tensor([[1., 0, 2, 1]]))
    tensor([1.2000])
    """
    boxes1, boxes2 = _floats(boxes1), _floats(boxes2)
    loss, iou = _distance(boxes1, boxes2, eps)
    ratio = lambda b: (b[..., 2] - b[..., 0]) / (b[..., 3] - b[..., 1])
    return _reduced(loss + aspect_term(ratio(boxes2), ratio(boxes1), iou, eps), reduction)
