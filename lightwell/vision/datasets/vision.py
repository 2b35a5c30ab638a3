"""The base of the image datasets: a root folder, transforms, and a description of itself."""

import os
from pathlib import Path

import numpy as np

from lightwell.errors.teaching import NotImplementedError, ValueError
from lightwell.tensor import wrap
from lightwell.utils.data import Dataset
from lightwell.vision._pillow import image_module


class StandardTransform:
    """A pair of transforms, one for the picture and one for its target."""

    def __init__(self, transform=None, target_transform=None):
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input, target):
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def _lines(self):
        for label, t in (("Transform: ", self.transform), ("Target transform: ", self.target_transform)):
            if t is not None:
                first, *rest = repr(t).splitlines()
                yield label + first
                yield from (" " * len(label) + line for line in rest)

    def __repr__(self):
        return "\n".join(["StandardTransform", *self._lines()])


class VisionDataset(Dataset):
    """Samples (picture, target), each through its transform: either one ``transforms(picture, target)`` or two apart.

    Raises ValueError where both kinds of transform are given.

    >>> from lightwell.vision.datasets import FakeData
    >>> print(FakeData(size=3))
    Dataset FakeData
        Number of datapoints: 3
    """

    _repr_indent = 4

    def __init__(self, root=None, transforms=None, transform=None, target_transform=None):
        self.root = os.path.expanduser(root) if isinstance(root, (str, Path)) else root
        if transforms is not None and (transform is not None or target_transform is not None):
            raise ValueError("give either transforms, or transform and target_transform, not both")
        self.transform = transform
        self.target_transform = target_transform
        if transforms is None and (transform is not None or target_transform is not None):
            transforms = StandardTransform(transform, target_transform)
        self.transforms = transforms

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} has to define __getitem__(self, index)")

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} has to define __len__(self)")

    def extra_repr(self) -> str:
        """More lines for the description."""
        return ""

    def __repr__(self):
        body = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += self.extra_repr().splitlines()
        if self.transforms is not None:
            body.append(repr(self.transforms))  # only its first line is indented, as torchvision prints it
        return "\n".join([f"Dataset {type(self).__name__}", *(" " * self._repr_indent + line for line in body)])


class FilePictures(VisionDataset):
    """Pictures that lie in files, opened one at a time; a subclass defines ``_sample(index)``: (picture, target)."""

    def __getitem__(self, index):
        picture, target = self._sample(index)
        if self.transforms is not None:
            picture, target = self.transforms(picture, target)
        return picture, target


def open_rgb(path):
    """A picture file as a Pillow image of mode 'RGB'."""
    with image_module().open(path) as picture:
        return picture.convert("RGB")


def one_or_all(targets):
    """The only target, all of them as a tuple, or None."""
    return None if not targets else targets[0] if len(targets) == 1 else tuple(targets)


class ArrayPictures(VisionDataset):
    """Pictures that lie in memory as bytes (N, H, W) or (N, H, W, C), with one integer target each."""

    def _pixels(self, index):
        """The bytes of these pictures."""
        return self.data._a[index] if hasattr(self.data, "_a") else self.data[index]

    def _labels(self, indices):
        """The targets of these pictures, int64."""
        targets = self.targets._a if hasattr(self.targets, "_a") else np.asarray(self.targets, dtype=np.int64)
        return np.take(targets, indices).astype(np.int64, copy=False)

    def __getitem__(self, index):
        """(picture, target): a Pillow image and an int before the transforms."""
        pixels, target = self._pixels(index), int(self.targets[index])
        if _starts_with_to_tensor(self.transform):
            picture = pixels  # ToTensor makes the same of the bytes as of the image, so Pillow is not needed
        else:
            picture = image_module().fromarray(pixels)
        if self.transform is not None:
            picture = self.transform(picture)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return picture, target

    def __len__(self):
        return len(self.data)

    def _batch(self, indices):
        """A whole batch at once where every step of the transform treats pixels alike; else None."""
        from lightwell.vision.transforms.transforms import batched

        if self.target_transform is not None or type(self).__getitem__ is not ArrayPictures.__getitem__:
            return None
        steps = batched(self.transform)
        if steps is None:
            return None
        return [steps(self._pixels(np.asarray(indices))), wrap(self._labels(indices))]


def _starts_with_to_tensor(transform):
    """Whether the first thing done to a picture is ToTensor itself."""
    from lightwell.vision.transforms.transforms import Compose, ToTensor

    if type(transform) is Compose and transform.transforms:
        transform = transform.transforms[0]
    return type(transform) is ToTensor
