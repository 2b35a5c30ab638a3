"""LSUN: a million pictures of each of ten scenes, in LMDB files (Yu et al. 2015)."""

import bisect
import builtins
import io
import itertools
import os

from lightwell.errors.teaching import ModuleNotFoundError, ValueError
from lightwell.vision._pillow import image_module
from lightwell.vision.datasets.utils import verify_str_arg
from lightwell.vision.datasets.vision import VisionDataset

__all__ = ["LSUN", "LSUNClass"]

_SCENES = "bedroom bridge church_outdoor classroom conference_room dining_room kitchen living_room restaurant tower".split()
_PARTS = ("train", "val", "test")


class LSUNClass(VisionDataset):
    """The pictures of one LMDB file: (Pillow image, None). Raises ModuleNotFoundError without the lmdb package."""

    def __init__(self, root, transform=None, target_transform=None):
        try:
            import lmdb
        except builtins.ModuleNotFoundError as error:
            raise ModuleNotFoundError("LSUN is kept in LMDB files: pip install lmdb", name="lmdb") from error

        super().__init__(root, transform=transform, target_transform=target_transform)
        self.env = lmdb.open(self.root, max_readers=1, readonly=True, lock=False, readahead=False, meminit=False)
        with self.env.begin(write=False) as transaction:
            self.keys = [bytes(key) for key in transaction.cursor().iternext(keys=True, values=False)]

    def __getitem__(self, index):
        with self.env.begin(write=False) as transaction:
            picture = image_module().open(io.BytesIO(transaction.get(self.keys[index]))).convert("RGB")
        target = None
        if self.transform is not None:
            picture = self.transform(picture)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return picture, target

    def __len__(self):
        return len(self.keys)


class LSUN(VisionDataset):
    """The scenes asked for, numbered in that order: 'train', 'val', 'test', or a list such as ['bedroom_train'].

    Samples: (Pillow image, int). Files: ``root/bedroom_train_lmdb`` … Raises ValueError for an unknown scene.
    """

    def __init__(self, root, classes="train", transform=None, target_transform=None):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.classes = self._verify_classes(classes)
        self.dbs = [LSUNClass(os.path.join(self.root, f"{name}_lmdb"), transform=transform) for name in self.classes]
        self.indices = list(itertools.accumulate(len(db) for db in self.dbs))
        self.length = self.indices[-1] if self.indices else 0

    @staticmethod
    def _verify_classes(classes):
        """The names of the files asked for."""
        if isinstance(classes, str):
            part = verify_str_arg(classes, "classes", _PARTS)
            return [part] if part == "test" else [f"{scene}_{part}" for scene in _SCENES]
        if not isinstance(classes, (list, tuple)):
            raise ValueError(f"Expected type str or Iterable for argument classes, but got type {type(classes)}.")
        for name in classes:
            scene, _, part = verify_str_arg(name, "classes").rpartition("_")
            verify_str_arg(scene, "LSUN class", _SCENES)
            verify_str_arg(part, "postfix", _PARTS)
        return list(classes)

    def __getitem__(self, index):
        target = bisect.bisect_right(self.indices, index)
        picture, _ = self.dbs[target][index - (self.indices[target - 1] if target else 0)]
        if self.target_transform is not None:
            target = self.target_transform(target)
        return picture, target

    def __len__(self):
        return self.length

    def extra_repr(self):
        return f"Classes: {self.classes}"
