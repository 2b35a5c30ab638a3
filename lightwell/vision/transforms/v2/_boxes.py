"""What the transforms do to boxes: the boxes' corners go where the picture's pixels go, and the hull of these is the new box."""

import numpy as np

import lightwell
from lightwell.errors.teaching import ValueError
from lightwell.tensor import wrap as make
from lightwell.vision.ops.boxes import box_convert
from lightwell.vision.transforms import _arrays
from lightwell.vision.transforms._warps import perspective_coefficients
from lightwell.vision.transforms.functional import _pair, _resized, four_sides
from lightwell.vision.tv_tensors import wrap


def _corners(boxes):
    """(plain boxes as xyxy in floats, their dtype)."""
    plain = boxes.as_subclass(lightwell.Tensor)
    floats = plain if plain.is_floating_point() else plain.float()
    return box_convert(floats, boxes.format.value.lower(), "xyxy")


def _back(xyxy, like, canvas, clamp=True):
    """Boxes xyxy in the form, dtype and class they came in, cut off at the edges of the canvas."""
    if clamp and like.clamping_mode is not None:
        xyxy = lightwell.stack([xyxy[:, i].clamp(min=0, max=canvas[1 - i % 2]) for i in range(4)], 1)
    plain = box_convert(xyxy, "xyxy", like.format.value.lower()).to(like.dtype)
    return wrap(plain, like=like, canvas_size=tuple(canvas))


def _mirrored(boxes, axis):
    """Mirrored at the middle of the canvas, across (axis 0) or down (axis 1)."""
    b, size = _corners(boxes), boxes.canvas_size[1 - axis]
    b = b.clone()
    b[:, [axis, axis + 2]] = size - b[:, [axis + 2, axis]]
    return _back(b, boxes, boxes.canvas_size, clamp=False)


def hflip(boxes):
    return _mirrored(boxes, 0)


def vflip(boxes):
    return _mirrored(boxes, 1)


def resize(boxes, size, interpolation=None, max_size=None, antialias=None):
    height, width = boxes.canvas_size
    new_h, new_w = _resized(size, height, width, max_size)
    ratio = lightwell.tensor([new_w / width, new_h / height] * 2)
    plain = (boxes.as_subclass(lightwell.Tensor) * ratio).to(boxes.dtype)
    return wrap(plain, like=boxes, canvas_size=(new_h, new_w))


def _moved(boxes, dx, dy, canvas):
    """Moved, on another canvas."""
    return _back(_corners(boxes) + lightwell.tensor([dx, dy] * 2), boxes, canvas)


def pad(boxes, padding, fill=0, padding_mode="constant"):
    if padding_mode != "constant":
        raise ValueError(f"Padding mode '{padding_mode}' is not supported with bounding boxes")
    left, top, right, bottom = four_sides(padding)
    height, width = boxes.canvas_size
    return _moved(boxes, left, top, (height + top + bottom, width + left + right))


def crop(boxes, top, left, height, width):
    return _moved(boxes, -left, -top, (height, width))


def center_crop(boxes, output_size):
    (height, width), (h, w) = _pair(output_size), boxes.canvas_size
    return crop(boxes, round((h - height) / 2.0), round((w - width) / 2.0), height, width)


def resized_crop(boxes, top, left, height, width, size, interpolation=None, antialias=None):
    return resize(crop(boxes, top, left, height, width), size)


def _hull(points):
    """(N, 4, 2) corners to (N, 4) boxes."""
    return np.concatenate([points.min(1), points.max(1)], 1)


def _four(boxes):
    """The corners (N, 4, 2) of the boxes."""
    return _corners(boxes).numpy()[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]


def affine(boxes, angle, translate, scale, shear, interpolation=None, fill=None, center=None, expand=False):
    height, width = canvas = boxes.canvas_size
    if boxes.numel() == 0:
        return boxes
    shear = [shear, 0.0] if isinstance(shear, (int, float)) else list(shear)
    middle = [width * 0.5, height * 0.5] if center is None else center
    inverse = np.array([*_arrays.inverse_affine(middle, angle, translate, scale, shear), 0, 0, 1]).reshape(3, 3)
    forward = np.linalg.inv(inverse)[:2].T
    sent = lambda p: np.concatenate([p, np.ones((*p.shape[:-1], 1))], -1) @ forward
    out = _hull(sent(_four(boxes).astype(np.float64)))
    if expand:
        frame = sent(np.array([[0.0, 0.0], [0.0, height], [width, height], [width, 0.0]]))
        out -= np.tile(frame.min(0), 2)
        about = [0.0, 0.0] if center is None else [center[0] - width * 0.5, center[1] - height * 0.5]
        canvas = _arrays.turned_size(_arrays.inverse_affine(about, angle, translate, scale, shear), height, width)
    return _back(make(out.astype(_corners(boxes).numpy().dtype)), boxes, canvas)


def rotate(boxes, angle, interpolation=None, expand=False, center=None, fill=None):
    return affine(boxes, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center=center, expand=expand)


def perspective(boxes, startpoints, endpoints, interpolation=None, fill=None, coefficients=None):
    if boxes.numel() == 0:
        return boxes
    c = perspective_coefficients(startpoints, endpoints) if coefficients is None else coefficients
    back = np.linalg.inv(np.array([*c, 1.0]).reshape(3, 3))
    points = _four(boxes).astype(np.float64)
    sent = np.concatenate([points, np.ones((*points.shape[:-1], 1))], -1) @ back.T
    out = _hull(sent[..., :2] / sent[..., 2:])
    return _back(make(out.astype(_corners(boxes).numpy().dtype)), boxes, boxes.canvas_size)


def elastic(boxes, displacement, interpolation=None, fill=None):
    """The displacement is undone at each corner: nearly its inverse where it is smooth."""
    if boxes.numel() == 0:
        return boxes
    height, width = boxes.canvas_size
    shift = displacement.numpy()[0]
    points = np.ceil(_four(boxes)).astype(int)
    x, y = points[..., 0].clip(0, width - 1), points[..., 1].clip(0, height - 1)
    out = np.stack([x, y], -1) - shift[y, x] * np.array([width, height]) * 0.5
    return _back(make(_hull(out).astype(_corners(boxes).numpy().dtype)), boxes, boxes.canvas_size)
