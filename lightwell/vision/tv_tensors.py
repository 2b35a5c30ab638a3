"""Tensors that know what they are (a picture, boxes, a mask), so that transforms.v2 treats each in its own way.

Operations on them give plain tensors; ``wrap(result, like=original)`` makes them what they were.
"""

import enum

import lightwell
from lightwell.errors.teaching import ValueError
from lightwell.tensor import Tensor

__all__ = ["BoundingBoxFormat", "BoundingBoxes", "Image", "Mask", "TVTensor", "Video", "wrap"]


def _tensor(data, dtype, device, requires_grad):
    """The data as a tensor."""
    if requires_grad is None:
        requires_grad = data.requires_grad if isinstance(data, Tensor) else False
    t = lightwell.as_tensor(data, dtype=dtype, device=device)
    return t.as_subclass(Tensor).requires_grad_(requires_grad) if t.requires_grad != requires_grad else t


class TVTensor(Tensor):
    """The base of all of them."""

    def __new__(cls, data, *, dtype=None, device=None, requires_grad=None):
        return _tensor(data, dtype, device, requires_grad).as_subclass(cls)

    def __init__(self, *args, **kwargs):
        pass  # the tensor is complete when __new__ has made it

    def __repr__(self, *, tensor_contents=None):
        return type(self).__name__ + Tensor.__repr__(self.as_subclass(Tensor))[len("tensor") :]


class Image(TVTensor):
    """A picture (..., C, H, W), or (H, W), which becomes (1, H, W); Pillow images are taken too.

    >>> import lightwell as torch
    >>> from lightwell.vision import tv_tensors
    >>> tv_tensors.Image(torch.zeros(2, 2)).shape
    torch.Size([1, 2, 2])
    """

    def __new__(cls, data, *, dtype=None, device=None, requires_grad=None):
        from lightwell.vision._pillow import is_pil
        from lightwell.vision.transforms.functional import pil_to_tensor

        t = _tensor(pil_to_tensor(data) if is_pil(data) else data, dtype, device, requires_grad)
        if t.ndim < 2:
            raise ValueError(f"Image: a picture has at least two dimensions, got shape {tuple(t.shape)}")
        return (t.unsqueeze(0) if t.ndim == 2 else t).as_subclass(cls)


class Video(TVTensor):
    """A video (..., T, C, H, W)."""

    def __new__(cls, data, *, dtype=None, device=None, requires_grad=None):
        t = _tensor(data, dtype, device, requires_grad)
        if t.ndim < 4:
            raise ValueError(f"Video: a video has at least four dimensions (T, C, H, W), got shape {tuple(t.shape)}")
        return t.as_subclass(cls)


class Mask(TVTensor):
    """A mask (..., H, W) of classes or objects; Pillow images are taken too.

    >>> import lightwell as torch
    >>> from lightwell.vision import tv_tensors
    >>> isinstance(tv_tensors.Mask(torch.zeros(2, 2)), torch.Tensor)
    True
    """

    def __new__(cls, data, *, dtype=None, device=None, requires_grad=None):
        from lightwell.vision._pillow import is_pil
        from lightwell.vision.transforms.functional import pil_to_tensor

        return _tensor(pil_to_tensor(data) if is_pil(data) else data, dtype, device, requires_grad).as_subclass(cls)


class BoundingBoxFormat(enum.Enum):
    """What the four numbers of a box are."""

    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"


class BoundingBoxes(TVTensor):
    """Boxes (N, 4) of a ``format`` on a picture of ``canvas_size`` (height, width).

    ``clamping_mode`` None lets transforms leave boxes beyond the edges. Raises ValueError for another rank or mode.

    >>> import lightwell as torch
    >>> from lightwell.vision import tv_tensors
    >>> tv_tensors.BoundingBoxes([[0, 0, 1, 1]], format="XYXY", canvas_size=(4, 4)).format
    <BoundingBoxFormat.XYXY: 'XYXY'>
    """

    def __new__(cls, data, *, format, canvas_size, clamping_mode="soft", dtype=None, device=None, requires_grad=None):
        t = _tensor(data, dtype, device, requires_grad)
        if t.ndim == 1:
            t = t.unsqueeze(0)
        if t.ndim != 2:
            raise ValueError(f"Expected a 1D or 2D tensor, got {t.ndim}D")
        if clamping_mode not in (None, "hard", "soft"):
            raise ValueError(f"clamping_mode must be None, hard or soft, got {clamping_mode}.")
        boxes = t.as_subclass(cls)
        boxes.format = BoundingBoxFormat[format.upper()] if isinstance(format, str) else format
        boxes.canvas_size, boxes.clamping_mode = tuple(canvas_size), clamping_mode
        return boxes

    def __repr__(self, *, tensor_contents=None):
        known = ", ".join(f"{name}={getattr(self, name)}" for name in ("format", "canvas_size", "clamping_mode"))
        return f"{super().__repr__()[:-1]}, {known})"


def wrap(wrappee, *, like, **kwargs):
    """The tensor as what ``like`` is; ``kwargs`` replace the format, canvas size or clamping mode of boxes.

    >>> import lightwell as torch
    >>> from lightwell.vision import tv_tensors
    >>> image = tv_tensors.Image(torch.zeros(1, 2, 2))
    >>> type(image + 1).__name__, type(tv_tensors.wrap(image + 1, like=image)).__name__
    ('Tensor', 'Image')
    """
    out = wrappee.as_subclass(type(like))
    if isinstance(like, BoundingBoxes):
        for name in ("format", "canvas_size", "clamping_mode"):
            setattr(out, name, kwargs.get(name, getattr(like, name)))
    return out
