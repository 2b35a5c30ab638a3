"""CelebA: 200,000 faces of celebrities with forty attributes each (Liu et al. 2015)."""

import os

import numpy as np

from lightwell.errors.teaching import RuntimeError, ValueError
from lightwell.tensor import wrap
from lightwell.vision._pillow import image_module
from lightwell.vision.datasets.utils import (
    absent,
    check_integrity,
    download_file_from_google_drive,
    extract_archive,
    verify_str_arg,
)
from lightwell.vision.datasets.vision import VisionDataset, one_or_all

__all__ = ["CelebA"]


class CelebA(VisionDataset):
    """Faces (Pillow images 178x218) with targets of the kinds asked for, one or a tuple of them, None without any.

    ``split``: 'train', 'valid', 'test' or 'all'. ``target_type``: 'attr' (40 numbers 0 or 1), 'identity', 'bbox' (x, y, w, h),
    'landmarks' (5 points), or a list of them. Files: ``root/celeba/``. Raises RuntimeError where they are missing.
    """

    base_folder = "celeba"
    file_list = [
        ("0B7EVK8r0v71pZjFTYXZWM3FlRnM", "00d2c5bc6d35e252742224ab0c1e8fcb", "img_align_celeba.zip"),
        ("0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c", "list_attr_celeba.txt"),
        ("1_ee_0u7vcNLOfNLegJRHmolfH5ICW-XS", "32bd1bd63d3c78cd57e08160ec5ed1e2", "identity_CelebA.txt"),
        ("0B7EVK8r0v71pbThiMVRxWXZ4dU0", "00566efa6fedff7a56946cd1c10f1c16", "list_bbox_celeba.txt"),
        ("0B7EVK8r0v71pd0FJY3Blby1HUTQ", "cc24ecafdb5b50baae59b03474781f8c", "list_landmarks_align_celeba.txt"),
        ("0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668", "list_eval_partition.txt"),
    ]

    def __init__(self, root, split="train", target_type="attr", transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = split
        self.target_type = target_type if isinstance(target_type, list) else [target_type]
        if not self.target_type and target_transform is not None:
            raise RuntimeError("target_transform is specified but target_type is empty")
        parts = ("train", "valid", "test", "all")
        part = parts.index(verify_str_arg(split.lower() if isinstance(split, str) else split, "split", parts))
        if download:
            self.download()
        if not self._check_integrity():
            raise absent("CelebA", self._path(""))
        _, names, numbers = self._table("list_eval_partition.txt")
        chosen = np.arange(len(names)) if part == 3 else np.flatnonzero(numbers[:, 0] == part)
        self.filename = [names[i] for i in chosen]
        self.identity = wrap(self._table("identity_CelebA.txt")[2][chosen])
        self.bbox = wrap(self._table("list_bbox_celeba.txt", 1)[2][chosen])
        self.landmarks_align = wrap(self._table("list_landmarks_align_celeba.txt", 1)[2][chosen])
        self.attr_names, _, attributes = self._table("list_attr_celeba.txt", 1)
        self.attr = wrap((attributes[chosen] + 1) // 2)  # the file says -1 and 1

    def _path(self, name):
        return os.path.join(self.root, self.base_folder, name)

    def _table(self, name, header=None):
        """(names of the columns, files, numbers) of a text file."""
        with open(self._path(name)) as file:
            rows = [line.split() for line in file]
        columns = [] if header is None else rows[header]
        rows = rows if header is None else rows[header + 1 :]
        return columns, [row[0] for row in rows], np.array([row[1:] for row in rows], np.int64)

    def _check_integrity(self):
        texts = [(name, md5) for _, md5, name in self.file_list if name.endswith(".txt")]
        there = all(check_integrity(self._path(name), md5) for name, md5 in texts)
        return there and os.path.isdir(self._path("img_align_celeba"))

    def download(self):
        """Fetch and unpack the files, unless they are there."""
        if self._check_integrity():
            return
        for file_id, md5, name in self.file_list:
            download_file_from_google_drive(file_id, self._path(""), name, md5)
        extract_archive(self._path("img_align_celeba.zip"))

    def __getitem__(self, index):
        picture = image_module().open(self._path(os.path.join("img_align_celeba", self.filename[index])))
        kinds = {"attr": self.attr, "bbox": self.bbox, "landmarks": self.landmarks_align}
        targets = []
        for kind in self.target_type:
            if kind != "identity" and kind not in kinds:
                raise ValueError(f'Target type "{kind}" is not recognized.')
            targets.append(self.identity[index, 0] if kind == "identity" else kinds[kind][index])
        if self.transform is not None:
            picture = self.transform(picture)
        target = one_or_all(targets)
        if targets and self.target_transform is not None:
            target = self.target_transform(target)
        return picture, target

    def __len__(self):
        return len(self.attr)

    def extra_repr(self):
        return f"Target type: {self.target_type}\nSplit: {self.split}"
