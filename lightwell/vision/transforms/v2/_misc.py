"""Transforms of dtype and kind, combinations of transforms, and those that mix whole batches."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

import lightwell
from lightwell.errors.teaching import TypeError, ValueError
from lightwell.tensor import Tensor
from lightwell.utils._pytree import tree_flatten, tree_unflatten
from lightwell.vision._pillow import is_pil
from lightwell.vision.transforms import distortions
from lightwell.vision.transforms.v2 import functional as F
from lightwell.vision.transforms.v2._transform import Transform, get_bounding_boxes, has_any, query_size
from lightwell.vision.transforms.v2.functional import is_pure_tensor
from lightwell.vision.tv_tensors import BoundingBoxes, Image, Mask, TVTensor, Video, wrap

__all__ = [
    "ClampBoundingBoxes", "Compose", "ConvertBoundingBoxFormat", "ConvertImageDtype", "CutMix", "Identity", "Lambda",
    "LinearTransformation", "MixUp", "Normalize", "PILToTensor", "RandomApply", "RandomChoice", "RandomOrder",
    "SanitizeBoundingBoxes", "SetClampingMode", "ToDtype", "ToImage", "ToPILImage", "ToPureTensor", "ToTensor",
    "UniformTemporalSubsample",
]  # fmt: skip


class _Several(Transform):
    """A list of transforms. Raises TypeError for anything else, ValueError for an empty one."""

    def __init__(self, transforms):
        super().__init__()
        if not isinstance(transforms, (Sequence, lightwell.nn.ModuleList)):
            raise TypeError("Argument transforms should be a sequence of callables")
        if not transforms:
            raise ValueError("Pass at least one transform")
        self.transforms = transforms

    @staticmethod
    def _run(transforms, inputs):
        """One after the other."""
        for transform in transforms:
            out = transform(*inputs)
            inputs = out if len(inputs) > 1 else (out,)
        return inputs if len(inputs) > 1 else inputs[0]

    def extra_repr(self):
        return "\n".join(f"    {t}" for t in self.transforms)


class Compose(_Several):
    """Transforms one after the other.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import v2
    >>> v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])(torch.full((1, 1, 1), 255, dtype=torch.uint8))
    Image([[[1.]]])
    """

    def forward(self, *inputs):
        return self._run(self.transforms, inputs)


class RandomApply(_Several):
    """All of the transforms with probability p, or none."""

    def __init__(self, transforms, p=0.5):
        super().__init__(transforms)
        if not 0.0 <= p <= 1.0:
            raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")
        self.p = p

    def forward(self, *inputs):
        return self._run(() if lightwell.rand(1) >= self.p else self.transforms, inputs)


class RandomChoice(_Several):
    """One of the transforms, with weights p."""

    def __init__(self, transforms, p=None):
        super().__init__(transforms)
        p = [1] * len(transforms) if p is None else p
        if len(p) != len(transforms):
            raise ValueError(f"Length of p doesn't match the number of transforms: {len(p)} != {len(transforms)}")
        self.p = [share / sum(p) for share in p]

    def forward(self, *inputs):
        return self.transforms[int(lightwell.multinomial(lightwell.tensor(self.p), 1))](*inputs)

    def extra_repr(self):
        return Transform.extra_repr(self)


class RandomOrder(_Several):
    """The transforms in random order."""

    def forward(self, *inputs):
        return self._run([self.transforms[i] for i in lightwell.randperm(len(self.transforms)).tolist()], inputs)

    def extra_repr(self):
        return Transform.extra_repr(self)


class Identity(Transform):
    """Nothing changes."""

    def transform(self, inpt, params):
        return inpt


class Lambda(Transform):
    """Any function of the inputs of the given types (all of them)."""

    _transformed_types = (object,)

    def __init__(self, lambd, *types):
        super().__init__()
        self.lambd, self.types = lambd, types or (object,)

    def transform(self, inpt, params):
        return self.lambd(inpt) if isinstance(inpt, self.types) else inpt

    def extra_repr(self):
        name = getattr(self.lambd, "__name__", None)
        return ", ".join([*([name] if name else []), f"types={[t.__name__ for t in self.types]}"])


class LinearTransformation(Transform):
    """(x - mean) · M of a flattened picture; see ``transforms.LinearTransformation``."""

    _transformed_types = (is_pure_tensor, Image, Video)

    def __init__(self, transformation_matrix, mean_vector):
        super().__init__()
        self._plain = distortions.LinearTransformation(transformation_matrix, mean_vector)
        self.transformation_matrix, self.mean_vector = transformation_matrix, mean_vector

    def check_inputs(self, flat_inputs):
        if has_any(flat_inputs, is_pil):
            raise TypeError(f"{type(self).__name__}() does not support PIL images.")

    def transform(self, inpt, params):
        out = self._plain(inpt.as_subclass(Tensor))
        return wrap(out, like=inpt) if isinstance(inpt, TVTensor) else out


class Normalize(Transform):
    """y = (x - mean) / std for each channel. Raises TypeError for Pillow images.

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import v2
    >>> v2.Normalize([1.0], [2.0])(torch.tensor([[[1., 5.]]]))
    tensor([[[0., 2.]]])
    """

    def __init__(self, mean, std, inplace=False):
        super().__init__()
        self.mean, self.std, self.inplace = list(mean), list(std), inplace

    def check_inputs(self, flat_inputs):
        if has_any(flat_inputs, is_pil):
            raise TypeError(f"{type(self).__name__}() does not support PIL images.")

    def transform(self, inpt, params):
        return self._call_kernel(F.normalize, inpt, mean=self.mean, std=self.std, inplace=self.inplace)


class ToDtype(Transform):
    """Pictures in another dtype, their range adapted where ``scale``; ``dtype`` may be a dict by type, with 'others'.

    Raises ValueError for a type without a dtype.
    """

    _transformed_types = (Tensor,)

    def __init__(self, dtype, scale=False):
        super().__init__()
        if not isinstance(dtype, (dict, lightwell.dtype)):
            raise ValueError(f"dtype must be a dict or a torch.dtype, got {type(dtype)} instead")
        self.dtype, self.scale = dtype, scale

    def transform(self, inpt, params):
        if isinstance(self.dtype, lightwell.dtype):
            if isinstance(inpt, (BoundingBoxes, Mask)):
                return inpt
            dtype = self.dtype
        elif type(inpt) in self.dtype or "others" in self.dtype:
            dtype = self.dtype.get(type(inpt), self.dtype.get("others"))
        else:
            raise ValueError(
                f"No dtype was specified for type {type(inpt)}; give it one, give 'others' one, "
                "or pass e.g. dtype=torch.float32 for pictures alone"
            )
        return inpt if dtype is None else self._call_kernel(F.to_dtype, inpt, dtype=dtype, scale=self.scale)


class ConvertImageDtype(Transform):
    """Pictures in another dtype, their range adapted."""

    def __init__(self, dtype=lightwell.float32):
        super().__init__()
        self.dtype = dtype

    def transform(self, inpt, params):
        return inpt if is_pil(inpt) else self._call_kernel(F.to_dtype, inpt, self.dtype, scale=True)


class PILToTensor(Transform):
    """A Pillow image as a tensor of its own dtype."""

    _transformed_types = (is_pil,)

    def transform(self, inpt, params):
        return F.pil_to_tensor(inpt)


def _is_array(inpt):
    return isinstance(inpt, np.ndarray)


class ToImage(Transform):
    """A tensor, an array or a Pillow image as tv_tensors.Image, values unchanged."""

    _transformed_types = (is_pure_tensor, is_pil, _is_array)

    def transform(self, inpt, params):
        return F.to_image(inpt)


class ToTensor(Transform):
    """A Pillow image or an array as a float tensor, bytes divided by 255; ToImage with ToDtype says the same more clearly."""

    _transformed_types = (is_pil, _is_array)

    def transform(self, inpt, params):
        return F.to_tensor(inpt)


class ToPILImage(Transform):
    """A tensor or an array as a Pillow image."""

    _transformed_types = (is_pure_tensor, Image, _is_array)

    def __init__(self, mode=None):
        super().__init__()
        self.mode = mode

    def transform(self, inpt, params):
        return F.to_pil_image(inpt.as_subclass(Tensor) if isinstance(inpt, Tensor) else inpt, mode=self.mode)


class ToPureTensor(Transform):
    """tv_tensors as plain tensors."""

    _transformed_types = (TVTensor,)

    def transform(self, inpt, params):
        return inpt.as_subclass(Tensor)


class ConvertBoundingBoxFormat(Transform):
    """Boxes in another form."""

    _transformed_types = (BoundingBoxes,)

    def __init__(self, format):
        super().__init__()
        self.format = format

    def transform(self, inpt, params):
        return F.convert_bounding_box_format(inpt, new_format=self.format)


class ClampBoundingBoxes(Transform):
    """Boxes cut off at the edges of the canvas."""

    _transformed_types = (BoundingBoxes,)

    def __init__(self, clamping_mode="auto"):
        super().__init__()
        self.clamping_mode = clamping_mode

    def transform(self, inpt, params):
        return F.clamp_bounding_boxes(inpt, clamping_mode=self.clamping_mode)


class SetClampingMode(Transform):
    """Boxes that later transforms cut off at the edges ('soft', 'hard') or leave alone (None)."""

    _transformed_types = (BoundingBoxes,)

    def __init__(self, clamping_mode):
        super().__init__()
        if clamping_mode not in (None, "soft", "hard"):
            raise ValueError(f"clamping_mode must be soft, hard or None, got {clamping_mode}")
        self.clamping_mode = clamping_mode

    def transform(self, inpt, params):
        return wrap(inpt.clone(), like=inpt, clamping_mode=self.clamping_mode)


class UniformTemporalSubsample(Transform):
    """``num_samples`` frames of a video (..., T, C, H, W), evenly spread."""

    _transformed_types = (is_pure_tensor, Video)

    def __init__(self, num_samples):
        super().__init__()
        self.num_samples = num_samples

    def transform(self, inpt, params):
        frames = lightwell.linspace(0, inpt.shape[-4] - 1, self.num_samples).long()
        out = lightwell.index_select(inpt.as_subclass(Tensor), -4, frames)
        return wrap(out, like=inpt) if isinstance(inpt, TVTensor) else out


def _labels_of(inputs):
    """The labels of a sample: the second of a pair, or what a dict calls labels."""
    if isinstance(inputs, (tuple, list)):
        inputs = inputs[1]
    if is_pure_tensor(inputs):
        return inputs
    if not isinstance(inputs, Mapping):
        raise ValueError(
            "When using the default labels_getter, the input passed to forward must be a dictionary or a two-tuple whose second "
            f"item is a dictionary or a tensor, but got {type(inputs).__name__} instead."
        )
    names = [k for k in inputs if k.lower() == "labels"] or [k for k in inputs if "label" in k.lower()]
    if not names:
        raise ValueError("Could not infer where the labels are in the sample; pass a callable as labels_getter, or None without labels")
    return inputs[names[0]]


def _getter(labels_getter):
    """The function that finds the labels."""
    if labels_getter == "default":
        return _labels_of
    if callable(labels_getter):
        return labels_getter
    if labels_getter is None:
        return lambda inputs: None
    raise ValueError(f"labels_getter should either be 'default', a callable, or None, but got {labels_getter}.")


class SanitizeBoundingBoxes(Transform):
    """Boxes that are too small or lie outside taken away, with their labels and masks."""

    def __init__(self, min_size=1.0, min_area=1.0, labels_getter="default"):
        super().__init__()
        if min_size < 1:
            raise ValueError(f"min_size must be >= 1, got {min_size}.")
        if min_area < 1:
            raise ValueError(f"min_area must be >= 1, got {min_area}.")
        self.min_size, self.min_area, self.labels_getter = min_size, min_area, labels_getter
        self._labels_getter = _getter(labels_getter)

    def forward(self, *inputs):
        inputs = inputs if len(inputs) > 1 else inputs[0]
        labels = self._labels_getter(inputs)
        labels = () if labels is None else (labels,) if isinstance(labels, Tensor) else tuple(labels)
        flat, spec = tree_flatten(inputs)
        boxes = get_bounding_boxes(flat)
        for label in labels:
            if not isinstance(label, Tensor):
                raise ValueError(f"The labels in the input to forward() must be a tensor or None, got {type(label)} instead.")
            if label.shape[0] != boxes.shape[0]:
                raise ValueError(f"Number of boxes (shape={boxes.shape}) and labels (shape={label.shape}) do not match.")
        valid = F._worth_keeping(boxes, self.min_size, self.min_area)

        def kept(inpt):
            if any(inpt is label for label in labels):
                return inpt[valid]
            if isinstance(inpt, BoundingBoxes) or (isinstance(inpt, Mask) and inpt.ndim > 2 and inpt.shape[0] == len(valid)):
                return wrap(inpt.as_subclass(Tensor)[valid], like=inpt)
            return inpt

        return tree_unflatten([kept(inpt) for inpt in flat], spec)


class _Mixing(Transform):
    """Pictures of a batch mixed with their neighbours, and the labels likewise, as shares of classes."""

    def __init__(self, *, alpha=1.0, num_classes=None, labels_getter="default"):
        super().__init__()
        from lightwell.distributions import Beta

        self.alpha, self.num_classes = float(alpha), num_classes
        self._dist = Beta(lightwell.tensor([alpha]), lightwell.tensor([alpha]))
        self._labels_getter = _getter(labels_getter)

    def _check_labels(self, labels):
        if not isinstance(labels, Tensor):
            raise ValueError(f"The labels must be a tensor, but got {type(labels)} instead.")
        if labels.ndim not in (1, 2):
            raise ValueError(f"labels should be (batch_size,) or (batch_size, num_classes), but got a tensor of shape {labels.shape}")
        if labels.ndim == 2 and self.num_classes is not None and labels.shape[-1] != self.num_classes:
            raise ValueError(f"labels have {labels.shape[-1]} classes, num_classes is {self.num_classes}; leave it None")
        if labels.ndim == 1 and self.num_classes is None:
            raise ValueError("num_classes must be passed if the labels are index-based (1D)")

    def forward(self, *inputs):
        inputs = inputs if len(inputs) > 1 else inputs[0]
        flat, spec = tree_flatten(inputs)
        if has_any(flat, is_pil, BoundingBoxes, Mask):
            raise ValueError(f"{type(self).__name__}() does not support PIL images, bounding boxes and masks.")
        wanted = self._needs_transform_list(flat)
        labels = self._labels_getter(inputs)
        self._check_labels(labels)
        params = self.make_params([inpt for inpt, w in zip(flat, wanted) if w])
        out = []
        for inpt, w in zip(flat, wanted):
            if inpt is labels:
                inpt = self._mixed_labels(inpt, params["lam"])
            elif w:
                dims = 5 if isinstance(inpt, Video) else 4
                if inpt.ndim != dims or inpt.shape[0] != labels.shape[0]:
                    raise ValueError(
                        f"Expected a batched input with {dims} dims for {labels.shape[0]} labels, but got shape {tuple(inpt.shape)}"
                    )
                mixed = self._mixed(inpt.as_subclass(Tensor), params)
                inpt = wrap(mixed, like=inpt) if isinstance(inpt, TVTensor) else mixed
            out.append(inpt)
        return tree_unflatten(out, spec)

    def _mixed_labels(self, labels, share):
        if labels.ndim == 1:
            labels = lightwell.nn.functional.one_hot(labels, num_classes=self.num_classes)
        labels = labels if labels.is_floating_point() else labels.float()
        return labels.roll(1, 0).mul_(1.0 - share).add_(labels.mul(share))


class MixUp(_Mixing):
    """λ x_i + (1 - λ) x_{i-1} with λ ~ Beta(α, α), for pictures and labels (Zhang et al. 2018).

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import v2
    >>> pictures, labels = v2.MixUp(num_classes=3)(torch.rand(2, 3, 4, 4), torch.tensor([0, 2]))
    >>> labels.sum(1)
    tensor([1., 1.])
    """

    def make_params(self, flat_inputs):
        return dict(lam=float(self._dist.sample(())))

    def _mixed(self, x, params):
        return x.roll(1, 0).mul_(1.0 - params["lam"]).add_(x.mul(params["lam"]))


class CutMix(_Mixing):
    """A rectangle of each picture from its neighbour, the labels by the shares of the area (Yun et al. 2019).

    >>> import lightwell as torch
    >>> from lightwell.vision.transforms import v2
    >>> pictures, labels = v2.CutMix(num_classes=3)(torch.rand(2, 3, 4, 4), torch.tensor([0, 2]))
    >>> labels.sum(1)
    tensor([1., 1.])
    """

    def make_params(self, flat_inputs):
        share = float(self._dist.sample(()))
        height, width = query_size(flat_inputs)
        x, y = int(lightwell.randint(width, size=(1,))), int(lightwell.randint(height, size=(1,)))
        radius = 0.5 * math.sqrt(1.0 - share)
        half_w, half_h = int(radius * width), int(radius * height)
        left, top = max(x - half_w, 0), max(y - half_h, 0)
        right, bottom = min(x + half_w, width), min(y + half_h, height)
        return dict(box=(left, top, right, bottom), lam=float(1.0 - (right - left) * (bottom - top) / (width * height)))

    def _mixed(self, x, params):
        left, top, right, bottom = params["box"]
        out = x.clone()
        out[..., top:bottom, left:right] = x.roll(1, 0)[..., top:bottom, left:right]
        return out
