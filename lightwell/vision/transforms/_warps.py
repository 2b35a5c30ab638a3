"""Transforms that bend a picture: in perspective, and by a displacement of every pixel."""

import numpy as np

from lightwell.errors.teaching import TypeError, ValueError
from lightwell.tensor import Tensor, wrap
from lightwell.vision.transforms import _arrays
from lightwell.vision.transforms._pictures import (
    InterpolationMode,
    is_image,
    pil_mode,
    pil_to_tensor,
    tensor_mode,
    to_pil_image,
)


def perspective_coefficients(startpoints, endpoints) -> list[float]:
    """(a … h) of the map (x, y) ↦ (ax + by + c, dx + ey + f)/(gx + hy + 1) that takes the end points to the start points.

    Raises ValueError unless there are four of each.
    """
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(f"Please provide exactly four corners, got {len(startpoints)} startpoints and {len(endpoints)} endpoints.")
    rows = []
    for (x, y), (u, v) in zip(endpoints, startpoints):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    solution = np.linalg.lstsq(np.array(rows, np.float64), np.array(startpoints, np.float64).reshape(8), rcond=None)[0]
    return solution.astype(np.float32).tolist()


def perspective(img, startpoints, endpoints, interpolation=InterpolationMode.BILINEAR, fill=None):
    """The picture with its four ``startpoints`` [x, y] moved to the ``endpoints``, straight lines staying straight.

    Raises ValueError unless four points of each are given.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> corners = [[0, 0], [2, 0], [2, 1], [0, 1]]
    >>> F.perspective(torch.arange(6.).view(1, 2, 3), corners, [[1, 0], [3, 0], [3, 1], [1, 1]], F.InterpolationMode.NEAREST)
    tensor([[[0., 0., 1.],
             [0., 3., 4.]]])
    """
    c = perspective_coefficients(startpoints, endpoints)
    if is_image(img, "perspective"):
        from lightwell.vision.transforms.functional import _pil_fill

        return img.transform(img.size, 2, c, pil_mode(interpolation), fillcolor=_pil_fill(fill, img))  # 2: a perspective
    name = tensor_mode(interpolation, ("nearest", "bilinear"))
    a = img.detach().numpy()
    kind = _arrays.work_dtype(a.dtype)
    x = np.arange(a.shape[-1], dtype=kind) + kind(0.5)
    y = (np.arange(a.shape[-2], dtype=kind) + kind(0.5))[:, None]
    c = [kind(v) for v in c]
    depth = c[6] * x + c[7] * y + kind(1)
    at = []
    for row, size in ((c[:3], a.shape[-1]), (c[3:6], a.shape[-2])):  # by way of [-1, 1], as torchvision goes: ties fall alike
        half = kind(0.5 * size)
        grid = (row[0] / half * x + row[1] / half * y + row[2] / half) / depth - kind(1)
        at.append(((grid + kind(1)) * kind(size) - kind(1)) / kind(2))
    at_x, at_y = at
    return wrap(_arrays.sample(a, at_x, at_y, name, fill))


def elastic_transform(img, displacement: Tensor, interpolation=InterpolationMode.BILINEAR, fill=None):
    """Each pixel taken from elsewhere: ``displacement`` (1, H, W, 2) holds (Δx, Δy), 2 being the picture's size.

    Raises TypeError or ValueError for a displacement of another kind or shape.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import functional as F
    >>> x = torch.arange(6.).view(1, 2, 3)
    >>> torch.equal(F.elastic_transform(x, torch.zeros(1, 2, 3, 2)), x)
    True
    """
    if not isinstance(displacement, Tensor):
        raise TypeError("Argument displacement should be a Tensor")
    pil = is_image(img, "elastic_transform")
    a = (pil_to_tensor(img) if pil else img.detach()).numpy()
    height, width = a.shape[-2:]
    if tuple(displacement.shape) != (1, height, width, 2):
        raise ValueError(f"Argument displacement shape should be {(1, height, width, 2)}, but given {tuple(displacement.shape)}")
    name = tensor_mode(interpolation, ("nearest", "bilinear"))
    kind = _arrays.work_dtype(a.dtype)
    shift = displacement.detach().numpy()[0].astype(kind)
    at_x = np.arange(width, dtype=kind) + shift[..., 0] * kind(width * 0.5)
    at_y = np.arange(height, dtype=kind)[:, None] + shift[..., 1] * kind(height * 0.5)
    out = wrap(_arrays.sample(a, at_x, at_y, name, fill))
    return to_pil_image(out, mode=img.mode) if pil else out
