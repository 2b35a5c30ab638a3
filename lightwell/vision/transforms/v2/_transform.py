"""The base of the transforms: one call changes everything in a sample that can be changed, with the same random choice."""

import enum

import lightwell
from lightwell.errors.teaching import NotImplementedError, TypeError, ValueError
from lightwell.nn import Module
from lightwell.tensor import Tensor
from lightwell.utils._pytree import tree_flatten, tree_unflatten
from lightwell.vision._pillow import is_pil
from lightwell.vision.transforms.v2 import functional as F
from lightwell.vision.transforms.v2.functional import is_pure_tensor
from lightwell.vision.tv_tensors import BoundingBoxes, Image, Mask, Video

__all__ = ["Transform", "check_type", "get_bounding_boxes", "has_all", "has_any", "query_chw", "query_size"]


def check_type(obj, types_or_checks) -> bool:
    """Whether obj is of one of the types, or one of the checks says so."""
    return any(isinstance(obj, t) if isinstance(t, type) else t(obj) for t in types_or_checks)


def has_any(flat_inputs, *types_or_checks) -> bool:
    """Whether one of the inputs is of one of the types."""
    return any(check_type(inpt, types_or_checks) for inpt in flat_inputs)


def has_all(flat_inputs, *types_or_checks) -> bool:
    """Whether there is an input of each of the types."""
    return all(any(check_type(inpt, (t,)) for inpt in flat_inputs) for t in types_or_checks)


def get_bounding_boxes(flat_inputs):
    """The boxes of a sample. Raises ValueError where there are none."""
    for inpt in flat_inputs:
        if isinstance(inpt, BoundingBoxes):
            return inpt
    raise ValueError("No bounding boxes were found in the sample")


_PICTURES = (is_pure_tensor, Image, Video, is_pil)


def _one(found, what):
    """The only one; TypeError without any, ValueError with several."""
    if not found:
        raise TypeError(f"No {what} was found in the sample")
    if len(found) > 1:
        raise ValueError(f"Found several sizes in the sample: {sorted(found)}")
    return found.pop()


def query_chw(flat_inputs):
    """(channels, height, width) of the pictures of a sample, which have to agree."""
    return _one({tuple(F.get_dimensions(i)) for i in flat_inputs if check_type(i, _PICTURES)}, "image or video")


def query_size(flat_inputs):
    """(height, width) of the pictures, masks and boxes of a sample, which have to agree."""
    kinds = (*_PICTURES, Mask, BoundingBoxes)
    return _one({tuple(F.get_size(i)) for i in flat_inputs if check_type(i, kinds)}, "image, video, mask or bounding box")


class Transform(Module):
    """A transform of samples: pictures, boxes and masks in any nesting of tuples, lists and dicts.

    Of plain tensors only the first is a picture, and none where a tv_tensors.Image or a Pillow image is there.
    A subclass defines ``make_params(flat_inputs)``, drawn once, and ``transform(inpt, params)``.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import v2
    >>> class Double(v2.Transform):
    ...     def transform(self, inpt, params):
    ...         return inpt * 2
    >>> Double()((torch.ones(1, 1, 2), 7))
    (tensor([[[2., 2.]]]), 7)
    """

    _transformed_types = (Tensor, is_pil)

    def check_inputs(self, flat_inputs):
        """Raise where the sample cannot be transformed."""

    def make_params(self, flat_inputs):
        """The random choices for one sample."""
        return {}

    def transform(self, inpt, params):
        raise NotImplementedError(f"{type(self).__name__} has to define transform(self, inpt, params)")

    def _call_kernel(self, functional, inpt, *args, **kwargs):
        return functional(inpt, *args, **kwargs)

    def _skipped(self):
        """Whether chance leaves the sample as it is."""
        return False

    def forward(self, *inputs):
        inputs = inputs if len(inputs) > 1 else inputs[0]
        flat, spec = tree_flatten(inputs)
        self.check_inputs(flat)
        if self._skipped():
            return inputs
        wanted = self._needs_transform_list(flat)
        params = self.make_params([inpt for inpt, w in zip(flat, wanted) if w])
        return tree_unflatten([self.transform(inpt, params) if w else inpt for inpt, w in zip(flat, wanted)], spec)

    def _needs_transform_list(self, flat_inputs):
        """Which inputs are to be changed."""
        plain, wanted = not has_any(flat_inputs, Image, Video, is_pil), []
        for inpt in flat_inputs:
            change = check_type(inpt, self._transformed_types)
            if change and is_pure_tensor(inpt):
                change, plain = plain, False
            wanted.append(change)
        return wanted

    def extra_repr(self) -> str:
        """The settings."""
        kinds = (bool, int, float, str, tuple, list, enum.Enum)
        items = self.__dict__.items()
        return ", ".join(f"{k}={v}" for k, v in items if not k.startswith("_") and k != "training" and isinstance(v, kinds))


class RandomApplyTransform(Transform):
    """A transform done with probability p. Raises ValueError for a p outside [0, 1]."""

    def __init__(self, p: float = 0.5):
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"`p` should be a floating point value in the interval [0.0, 1.0], got {p}")
        super().__init__()
        self.p = p

    def _skipped(self):
        return bool(lightwell.rand(1) >= self.p)


def setup_fill(fill):
    """A fill for each type of input: {type or 'others': value}. Raises TypeError for anything else."""
    if isinstance(fill, dict):
        return {kind: setup_fill(value)["others"] for kind, value in fill.items()}
    if fill is not None and not isinstance(fill, (int, float, tuple, list)):
        raise TypeError("Got inappropriate fill arg, only Numbers, tuples, lists and dicts are allowed.")
    return {"others": fill if fill is None or isinstance(fill, (int, float)) else [float(v) for v in fill]}


def fill_of(fills, inpt):
    """The fill for an input."""
    return fills.get(type(inpt), fills.get("others"))
