"""CIFAR-10 and CIFAR-100: small colour pictures, in the authors' Python archive, read without executing anything."""

import os
import pickle

import numpy as np

from lightwell.errors.teaching import RuntimeError
from lightwell.errors.unpickling import UnpicklingError
from lightwell.vision.datasets.utils import check_integrity, data_root, download, safe_extract
from lightwell.vision.datasets.vision import ArrayPictures

# all that the authors' files ask for, by the names NumPy gave these at the time and gives them now
_ALLOWED = {
    (module, name)
    for module in ("numpy.core.multiarray", "numpy._core.multiarray", "numpy")
    for name in ("_reconstruct", "ndarray", "dtype")
}


class _ArrayUnpickler(pickle.Unpickler):
    """Reads pickles of plain containers and NumPy arrays; refuses every other name."""

    def find_class(self, module, name):
        if (module, name) not in _ALLOWED:
            raise UnpicklingError(f"refused: the file asks for {module}.{name}")
        if name == "_reconstruct":
            return np.ndarray.__reduce__(np.empty(0))[0]
        return getattr(np, name)


class CIFAR10(ArrayPictures):
    """60,000 colour pictures, 32x32, of ten kinds of things (Krizhevsky, 2009): 50,000 to train on, 10,000 to test on.

    Samples: (Pillow image of mode 'RGB', int). ``data``: uint8 array (N, 32, 32, 3); ``targets``: list of int.
    Files: ``root/cifar-10-batches-py/``. ``download=True`` fetches and checks them. Raises RuntimeError where files are
    missing or damaged.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list = [
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta = {"filename": "batches.meta", "key": "label_names", "md5": "5ff9c542aee3614f3951f8cda6e48888"}

    def __init__(self, root=None, train: bool = True, transform=None, target_transform=None, download: bool = False):
        super().__init__(data_root(root), transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"{type(self).__name__}: missing or damaged in {os.path.join(self.root, self.base_folder)}. "
                "You can use download=True to download it"
            )
        pixels, self.targets = [], []
        for name, _ in self.train_list if train else self.test_list:
            entry = self._read(name)
            pixels.append(entry["data"])
            self.targets.extend(entry["labels"] if "labels" in entry else entry["fine_labels"])
        # the files hold whole colour planes; pictures want the colours of a pixel together
        planes = np.vstack(pixels).reshape(-1, 3, 32, 32)
        self.data = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        self.classes = self._read(self.meta["filename"])[self.meta["key"]]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}

    def _read(self, name):
        """One of the files, as a dict."""
        with open(os.path.join(self.root, self.base_folder, name), "rb") as file:
            return _ArrayUnpickler(file, encoding="latin1").load()

    def _check_integrity(self) -> bool:
        wanted = [*self.train_list, *self.test_list, [self.meta["filename"], self.meta["md5"]]]
        return all(check_integrity(os.path.join(self.root, self.base_folder, name), md5) for name, md5 in wanted)

    def download(self) -> None:
        """Fetch and unpack the archive, unless the files are there."""
        if not self._check_integrity():
            archive = os.path.join(self.root, self.filename)
            download([self.url], archive, self.tgz_md5)
            safe_extract(archive, self.root)

    def extra_repr(self) -> str:
        """Which part this is."""
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """Like CIFAR10, with a hundred kinds of things."""

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta = {"filename": "meta", "key": "fine_label_names", "md5": "7973b15100ade9c7d40fb424638fde48"}
