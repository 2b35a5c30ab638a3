"""The MNIST family: pictures of 28x28 bytes in IDX files, read packed (.gz) or unpacked, laid out as torchvision does."""

import os
import string

import numpy as np

from lightwell.errors.teaching import RuntimeError, ValueError
from lightwell.tensor import wrap
from lightwell.vision.datasets.utils import check_integrity, data_root, download, safe_extract
from lightwell.vision.datasets.vision import ArrayPictures

_KINDS = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path) -> np.ndarray:
    """The array in an IDX file, plain or gzipped. Raises ValueError that names the file where it is damaged.

    Format: two zero bytes, a type code, the number of dimensions d, d big-endian 32-bit sizes, the values (big-endian).
    """
    import gzip
    import zlib

    try:
        with gzip.open(path, "rb") if str(path).endswith(".gz") else open(path, "rb") as file:
            raw = file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and download it again") from error
    if len(raw) < 4 or raw[0] or raw[1] or raw[2] not in _KINDS:
        raise ValueError(f"{path} is not an IDX file: it begins with {raw[:4].hex() or 'nothing'}")
    kind, ndim = np.dtype(_KINDS[raw[2]]), raw[3]
    shape = tuple(np.frombuffer(raw[4 : 4 + 4 * ndim], ">i4").tolist())
    start, expected = 4 + 4 * ndim, int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if len(shape) != ndim or len(raw) - start != expected:
        raise ValueError(f"{path} is damaged: {len(raw) - start} bytes of values, expected {expected} for shape {shape}")
    values = np.frombuffer(raw, kind, offset=start).reshape(shape)
    return values.astype(kind.newbyteorder("="))  # a copy: the tensors over it may be written to


class MNIST(ArrayPictures):
    """70,000 handwritten digits, 28x28 (LeCun, Cortes, Burges): 60,000 to train on, 10,000 to test on.

    Samples: (Pillow image of mode 'L', int). ``data``: uint8 (N, 28, 28); ``targets``: int64 (N,).
    Files: ``root/MNIST/raw/*-ubyte`` or ``*-ubyte.gz``; root is by default ``$LIGHTWELL_DATA`` or the user's cache, and
    what is missing in root is also looked for in ``$LIGHTWELL_DATA``. ``download=True`` fetches what is nowhere, and
    checks it. Raises RuntimeError where files are missing or no mirror gives them.
    """

    mirrors = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ]
    resources = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes = [f"{i} - {word}" for i, word in enumerate("zero one two three four five six seven eight nine".split())]
    _label_dims = 1

    def __init__(self, root=None, train: bool = True, transform=None, target_transform=None, download: bool = False):
        super().__init__(data_root(root), transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        paths = [self._locate(name) for name in self._files()]
        if None in paths:
            missing = [name for name, path in zip(self._files(), paths) if path is None]
            raise RuntimeError(
                f"{type(self).__name__}: not found in {self.raw_folder}: {', '.join(missing)} (also as .gz). "
                "You can use download=True to download them, or name a folder that has them by root or LIGHTWELL_DATA"
            )
        images, labels = map(read_idx, paths)
        if images.ndim != 3 or labels.shape[:1] != images.shape[:1] or labels.ndim != self._label_dims:
            raise ValueError(f"{paths[0]} has shape {images.shape} and {paths[1]} {labels.shape}: they do not belong together")
        self.data, self.targets = wrap(images), wrap(self._relabel(labels.astype(np.int64)))

    def _relabel(self, labels):
        """Labels as they are in the file."""
        return labels

    def _files(self):
        """Names, unpacked, of the image file and the label file of this part."""
        part = "train" if self.train else "t10k"
        return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"

    @property
    def raw_folder(self) -> str:
        """Where the IDX files lie."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def processed_folder(self) -> str:
        """Where older versions kept converted files."""
        return os.path.join(self.root, type(self).__name__, "processed")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The class names with their numbers."""
        return {name: i for i, name in enumerate(self.classes)}

    @property
    def train_data(self):
        """The old name of ``data``."""
        return self.data

    @property
    def train_labels(self):
        """The old name of ``targets``."""
        return self.targets

    test_data, test_labels = train_data, train_labels

    def _locate(self, name, md5=None):
        """The path of a file, unpacked or packed, in root or in $LIGHTWELL_DATA; None where it is in neither."""
        folders = [self.raw_folder]
        if os.environ.get("LIGHTWELL_DATA"):
            folders.append(os.path.join(data_root(), type(self).__name__, "raw"))
        for folder in folders:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                return path
            if check_integrity(path + ".gz", md5):
                return path + ".gz"
        return None

    def _check_exists(self) -> bool:
        return all(self._locate(name) for name in self._files())

    def download(self) -> None:
        """Fetch the files that are not there; those that are there are left alone."""
        for name, md5 in self.resources:
            if self._locate(name.removesuffix(".gz"), md5) is None:
                download([mirror + name for mirror in self.mirrors], os.path.join(self.raw_folder, name), md5)

    def extra_repr(self) -> str:
        """Which part this is."""
        return f"Split: {'Train' if self.train else 'Test'}"


class FashionMNIST(MNIST):
    """70,000 pictures of clothes in MNIST's format (Xiao, Rasul, Vollgraf, arXiv 1708.07747); used like MNIST."""

    mirrors = [
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",")


class KMNIST(MNIST):
    """70,000 characters of old Japanese handwriting in MNIST's format (Clanuwat et al., arXiv 1812.01718)."""

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = "o ki su tsu na ha ma ya re wo".split()


class EMNIST(MNIST):
    """Handwritten letters and digits in MNIST's format (Cohen et al., arXiv 1702.05373), in six splits.

    ``split``: 'byclass', 'bymerge', 'balanced', 'letters', 'digits' or 'mnist'. Raises ValueError for any other.
    """

    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    _alike = set("cijklmopsuvwxyz")  # small letters that two splits do not tell from the capitals
    _all = set(string.digits + string.ascii_letters)
    classes_split_dict = {
        "byclass": sorted(_all),
        "bymerge": sorted(_all - _alike),
        "balanced": sorted(_all - _alike),
        "letters": ["N/A", *string.ascii_lowercase],
        "digits": list(string.digits),
        "mnist": list(string.digits),
    }

    def __init__(self, root=None, split: str = "balanced", **kwargs):
        if split not in self.splits:
            raise ValueError(f"EMNIST: unknown split {split!r}; there are {', '.join(self.splits)}")
        self.split = split
        self.classes = self.classes_split_dict[split]
        super().__init__(root, **kwargs)

    def _files(self):
        part = f"emnist-{self.split}-{'train' if self.train else 'test'}"
        return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"

    def download(self) -> None:
        """Fetch and unpack the archive, unless this split is there."""
        import shutil

        if self._check_exists():
            return
        archive = os.path.join(self.raw_folder, "gzip.zip")
        download([self.url], archive, self.md5)
        safe_extract(archive, self.raw_folder)
        inner = os.path.join(self.raw_folder, "gzip")
        for name in os.listdir(inner):
            os.replace(os.path.join(inner, name), os.path.join(self.raw_folder, name))
        shutil.rmtree(inner)


class QMNIST(MNIST):
    """MNIST with 60,000 test digits and what is known of each writer (Yadav & Bottou 2019).

    ``what``: 'train', 'test' (all), 'test10k' (MNIST's own), 'test50k' (the others) or 'nist' (everything); by default as
    ``train`` says. With ``compat`` a target is the digit, else a tensor of eight numbers. Errors as of MNIST.
    """

    _address = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"
    _label_dims = 2
    subsets = {"train": "train", "test": "test", "test10k": "test", "test50k": "test", "nist": "nist"}
    resources = {
        "train": [
            (_address + "qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
            (_address + "qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4"),
        ],
        "test": [
            (_address + "qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
            (_address + "qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa"),
        ],
        "nist": [
            (_address + "xnist-images-idx3-ubyte.xz", "7f124b3b8ab81486c9d8c2749c17f834"),
            (_address + "xnist-labels-idx2-int.xz", "5ed0e788978e45d4a8bd4b7caec3d79d"),
        ],
    }

    def __init__(self, root=None, what=None, compat: bool = True, train: bool = True, **kwargs):
        from lightwell.vision.datasets.utils import verify_str_arg

        self.what = verify_str_arg(what or ("train" if train else "test"), "what", tuple(self.subsets))
        self.compat = compat
        super().__init__(root, train, **kwargs)
        part = {"test10k": slice(0, 10000), "test50k": slice(10000, None)}.get(self.what)
        if part is not None:
            self.data, self.targets = self.data[part].clone(), self.targets[part].clone()

    def _files(self):
        return [os.path.splitext(os.path.basename(url))[0] for url, _ in self.resources[self.subsets[self.what]]]

    def download(self) -> None:
        """Fetch and unpack the files that are not there."""
        from lightwell.vision.datasets.utils import download_and_extract_archive

        for (url, md5), name in zip(self.resources[self.subsets[self.what]], self._files()):
            if self._locate(name) is None:
                target = os.path.join(self.raw_folder, name)
                download_and_extract_archive(url, self.raw_folder, target, md5=md5)

    def __getitem__(self, index):
        from lightwell.vision._pillow import image_module

        picture, target = image_module().fromarray(self.data[index].numpy()), self.targets[index]
        if self.transform is not None:
            picture = self.transform(picture)
        target = int(target[0]) if self.compat else target
        if self.target_transform is not None:
            target = self.target_transform(target)
        return picture, target

    def extra_repr(self) -> str:
        """Which part this is."""
        return f"Split: {self.what}"
