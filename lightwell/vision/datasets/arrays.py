"""Small pictures kept in one file: street-view digits (SVHN), STL-10, USPS digits."""

import os

import numpy as np

from lightwell.errors.teaching import ValueError
from lightwell.vision.datasets.utils import (
    absent,
    check_integrity,
    download_and_extract_archive,
    download_url,
    load_mat,
    verify_str_arg,
)
from lightwell.vision.datasets.vision import ArrayPictures

__all__ = ["STL10", "SVHN", "USPS"]


class SVHN(ArrayPictures):
    """Digits of house numbers, 32x32 in colour (Netzer et al. 2011); split 'train', 'test' or 'extra'.

    Samples: (Pillow image, int). ``data``: uint8 (N, 3, 32, 32); ``labels``: int64 (N,). Reading needs SciPy.
    Raises RuntimeError where the file is missing or damaged.
    """

    split_list = {
        name: [f"http://ufldl.stanford.edu/housenumbers/{name}_32x32.mat", f"{name}_32x32.mat", md5]
        for name, md5 in (
            ("train", "e26dedcc434d2e4c54c9b2d4a06d8373"),
            ("test", "eb5a983be6a315427106f1b164d9cef3"),
            ("extra", "a93ce644f1a588dc4d68dda5feec44a7"),
        )
    }

    def __init__(self, root, split="train", transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", tuple(self.split_list))
        self.url, self.filename, self.file_md5 = self.split_list[split]
        if download:
            self.download()
        path = os.path.join(self.root, self.filename)
        if not check_integrity(path, self.file_md5):
            raise absent("SVHN", path)
        found = load_mat(path)
        self.labels = found["y"].astype(np.int64).squeeze() % 10  # the files call the digit 0 ten
        self.data = np.transpose(found["X"], (3, 2, 0, 1))

    @property
    def targets(self):
        """The labels."""
        return self.labels

    def _pixels(self, index):
        return np.ascontiguousarray(np.moveaxis(self.data[index], -3, -1))

    def download(self):
        """Fetch the file, unless it is there."""
        download_url(self.url, self.root, self.filename, self.file_md5)

    def extra_repr(self):
        return f"Split: {self.split}"


class STL10(ArrayPictures):
    """Ten kinds of things, 96x96 in colour, few of them labelled (Coates et al. 2011).

    ``split``: 'train', 'train+unlabeled', 'unlabeled' (labels -1) or 'test'; ``folds`` chooses one of ten parts of 'train'.
    Samples: (Pillow image, int). Raises RuntimeError where files are missing, ValueError for another split or fold.
    """

    base_folder = "stl10_binary"
    url = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
    filename = "stl10_binary.tar.gz"
    tgz_md5 = "91f7769df0f17e558f3565bffb0c7dfb"
    class_names_file = "class_names.txt"
    folds_list_file = "fold_indices.txt"
    train_list = [
        ["train_X.bin", "918c2871b30a85fa023e0c44e0bee87f"],
        ["train_y.bin", "5a34089d4802c674881badbb80307741"],
        ["unlabeled_X.bin", "5242ba1fed5e4be9e1e742405eb56ca4"],
    ]
    test_list = [["test_X.bin", "7f263ba9f9e0b06b93213547f721ac82"], ["test_y.bin", "36f9794fa4beb8a2c72628de14fa638e"]]
    splits = ("train", "train+unlabeled", "unlabeled", "test")

    def __init__(self, root, split="train", folds=None, transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", self.splits)
        if folds is not None and (not isinstance(folds, int) or not 0 <= folds < 10):
            raise ValueError(f"Value for argument folds should be None or in the range [0, 10), but got {folds!r}.")
        self.folds = folds
        if download:
            self.download()
        elif not self._check_integrity():
            raise absent("STL10", self._path(""))
        parts = [self._load(name, labels) for name, labels in self._files()]
        if folds is not None and split.startswith("train"):
            with open(self._path(self.folds_list_file)) as file:
                chosen = np.array(file.read().splitlines()[folds].split(), np.int64)
            parts[0] = tuple(a[chosen] for a in parts[0])
        self.data, self.labels = (np.concatenate(arrays) for arrays in zip(*parts))
        if os.path.isfile(self._path(self.class_names_file)):
            with open(self._path(self.class_names_file)) as file:
                self.classes = file.read().splitlines()

    def _path(self, name):
        return os.path.join(self.root, self.base_folder, name)

    def _files(self):
        """(pictures, labels or None) of this split."""
        train, bare = ("train_X.bin", "train_y.bin"), ("unlabeled_X.bin", None)
        test = ("test_X.bin", "test_y.bin")
        return {"train": [train], "train+unlabeled": [train, bare], "unlabeled": [bare], "test": [test]}[self.split]

    def _load(self, name, labels):
        """(pictures, labels); the files count classes from 1 and keep columns together."""
        pixels = np.fromfile(self._path(name), np.uint8).reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2)
        if labels is None:
            return pixels, np.full(len(pixels), -1)
        return pixels, np.fromfile(self._path(labels), np.uint8).astype(np.int64) - 1

    @property
    def targets(self):
        """The labels."""
        return self.labels

    def _pixels(self, index):
        return np.ascontiguousarray(np.moveaxis(self.data[index], -3, -1))

    def _check_integrity(self):
        return all(check_integrity(self._path(name), md5) for name, md5 in self.train_list + self.test_list)

    def download(self):
        """Fetch and unpack the archive, unless its files are there."""
        if not self._check_integrity():
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.tgz_md5)

    def extra_repr(self):
        return f"Split: {self.split}"


class USPS(ArrayPictures):
    """Handwritten digits of American letters, 16x16 (Hull 1994).

    Samples: (Pillow image of mode 'L', int). ``data``: uint8 (N, 16, 16). Raises RuntimeError where the file is missing.
    """

    _address = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
    split_list = {
        "train": [_address + "usps.bz2", "usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197"],
        "test": [_address + "usps.t.bz2", "usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118"],
    }

    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        import bz2

        super().__init__(root, transform=transform, target_transform=target_transform)
        url, name, md5 = self.split_list["train" if train else "test"]
        path = os.path.join(self.root, name)
        if download and not os.path.exists(path):
            download_url(url, self.root, name, md5=md5)
        if not os.path.exists(path):
            raise absent("USPS", path)
        with bz2.open(path, "rt") as file:
            rows = [line.split() for line in file]
        values = np.array([[pair.split(":")[1] for pair in row[1:]] for row in rows], np.float32)
        self.data = ((values.reshape(-1, 16, 16) + 1) / 2 * 255).astype(np.uint8)
        self.targets = [int(row[0]) - 1 for row in rows]
