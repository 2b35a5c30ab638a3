"""Collections of pictures of one class each, in folders of their own: Omniglot, flowers, pets, Caltech-101 and -256."""

import os
from pathlib import Path

from lightwell.vision._pillow import image_module
from lightwell.vision.datasets.folder import default_loader
from lightwell.vision.datasets.utils import (
    absent,
    check_integrity,
    download_and_extract_archive,
    download_url,
    extract_archive,
    list_dir,
    list_files,
    load_mat,
    verify_str_arg,
)
from lightwell.vision.datasets.vision import FilePictures, one_or_all, open_rgb

__all__ = ["Caltech101", "Caltech256", "Flowers102", "Omniglot", "OxfordIIITPet"]


class Omniglot(FilePictures):
    """Characters of fifty alphabets, each drawn by twenty people, 105x105 (Lake et al. 2015).

    ``background`` chooses the thirty alphabets to learn from, else the twenty to be tested on. Samples: (Pillow image of mode
    'L', int). Files: ``root/omniglot-py/``. Raises RuntimeError where they are missing.
    """

    folder = "omniglot-py"
    download_url_prefix = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"
    zips_md5 = {
        "images_background": "68d2efa1b9178cc56df9314c21c6e718",
        "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
    }

    def __init__(self, root, background=True, transform=None, target_transform=None, download=False, loader=None):
        super().__init__(os.path.join(root, self.folder), transform=transform, target_transform=target_transform)
        self.background, self.loader = background, loader
        part = "images_background" if background else "images_evaluation"
        archive = os.path.join(self.root, part + ".zip")
        if download and not check_integrity(archive, self.zips_md5[part]):
            url = f"{self.download_url_prefix}/{part}.zip"
            download_and_extract_archive(url, self.root, filename=part + ".zip", md5=self.zips_md5[part])
        if not check_integrity(archive, self.zips_md5[part]):
            raise absent("Omniglot", archive)
        self.target_folder = os.path.join(self.root, part)
        self._alphabets = list_dir(self.target_folder)
        self._characters = [os.path.join(a, c) for a in self._alphabets for c in list_dir(os.path.join(self.target_folder, a))]
        self._flat_character_images = [
            (name, i) for i, c in enumerate(self._characters) for name in list_files(os.path.join(self.target_folder, c), ".png")
        ]

    def _sample(self, index):
        name, character = self._flat_character_images[index]
        path = os.path.join(self.target_folder, self._characters[character], name)
        return (image_module().open(path).convert("L") if self.loader is None else self.loader(path)), character

    def __len__(self):
        return len(self._flat_character_images)


class Flowers102(FilePictures):
    """Flowers of 102 kinds (Nilsback & Zisserman 2008); split 'train', 'val' or 'test'. Reading needs SciPy.

    Samples: (Pillow image, int). Files: ``root/flowers-102/``. Raises RuntimeError where they are missing.
    """

    _address = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
    _file_dict = {
        "image": ("102flowers.tgz", "52808999861908f626f3c1f4e79d11fa"),
        "label": ("imagelabels.mat", "e0620be6f572b9609742df49c70aed4d"),
        "setid": ("setid.mat", "a5357ecc9cb78c4bef273ce3793fc85c"),
    }
    classes = (Path(__file__).parent.parent / "data" / "flowers102_categories.txt").read_text(encoding="utf-8").splitlines()

    def __init__(self, root, split="train", transform=None, target_transform=None, download=False, loader=default_loader):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", ("train", "val", "test"))
        self._base_folder = Path(self.root) / "flowers-102"
        self._images_folder = self._base_folder / "jpg"
        self.loader = loader
        if download:
            self.download()
        if not self._check_integrity():
            raise absent("Flowers102", self._base_folder)
        key = {"train": "trnid", "val": "valid", "test": "tstid"}[split]
        ids = load_mat(self._base_folder / "setid.mat", squeeze_me=True)[key].tolist()
        labels = load_mat(self._base_folder / "imagelabels.mat", squeeze_me=True)["labels"] - 1
        self._labels = [int(labels[i - 1]) for i in ids]
        self._image_files = [self._images_folder / f"image_{i:05d}.jpg" for i in ids]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}

    def _check_integrity(self):
        texts = [self._file_dict[kind] for kind in ("label", "setid")]
        return self._images_folder.is_dir() and all(check_integrity(self._base_folder / name, md5) for name, md5 in texts)

    def download(self):
        """Fetch and unpack the files, unless they are there."""
        if self._check_integrity():
            return
        for kind, (name, md5) in self._file_dict.items():
            fetch = download_and_extract_archive if kind == "image" else download_url
            fetch(self._address + name, str(self._base_folder), md5=md5)

    def _sample(self, index):
        return self.loader(self._image_files[index]), self._labels[index]

    def __len__(self):
        return len(self._image_files)

    def extra_repr(self):
        return f"split={self._split}"


class OxfordIIITPet(FilePictures):
    """Cats and dogs of 37 breeds (Parkhi et al. 2012); split 'trainval' or 'test'.

    ``target_types``: 'category' (breed), 'binary-category' (cat or dog), 'segmentation' (a Pillow image), or several of them.
    Files: ``root/oxford-iiit-pet/``. Raises RuntimeError where they are missing.
    """

    _address = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"
    _RESOURCES = (
        (_address + "images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c"),
        (_address + "annotations.tar.gz", "95a8c909bbe2e81eed6a22bccdf3f68f"),
    )
    _VALID_TARGET_TYPES = ("category", "binary-category", "segmentation")

    def __init__(
        self,
        root,
        split="trainval",
        target_types="category",
        transforms=None,
        transform=None,
        target_transform=None,
        download=False,
    ):
        self._split = verify_str_arg(split, "split", ("trainval", "test"))
        kinds = [target_types] if isinstance(target_types, str) else target_types
        self._target_types = [verify_str_arg(kind, "target_types", self._VALID_TARGET_TYPES) for kind in kinds]
        super().__init__(root, transforms, transform, target_transform)
        home = self._base_folder = Path(self.root) / "oxford-iiit-pet"
        there = lambda: (home / "images").is_dir() and (home / "annotations").is_dir()
        if download and not there():
            for url, md5 in self._RESOURCES:
                download_and_extract_archive(url, str(home), md5=md5)
        if not there():
            raise absent("OxfordIIITPet", home)
        with open(home / "annotations" / f"{split}.txt") as file:
            rows = [line.split() for line in file]
        names = [row[0] for row in rows]
        self._labels, self._bin_labels = [int(row[1]) - 1 for row in rows], [int(row[2]) - 1 for row in rows]
        breeds = {label: name.rsplit("_", 1)[0] for name, label in zip(names, self._labels)}
        self.bin_classes = ["Cat", "Dog"]
        self.classes = [" ".join(part.title() for part in breeds[label].split("_")) for label in sorted(breeds)]
        self.bin_class_to_idx = {name: i for i, name in enumerate(self.bin_classes)}
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self._images = [home / "images" / f"{name}.jpg" for name in names]
        self._segs = [home / "annotations" / "trimaps" / f"{name}.png" for name in names]

    def _sample(self, index):
        kinds = {
            "category": lambda: self._labels[index],
            "binary-category": lambda: self._bin_labels[index],
            "segmentation": lambda: image_module().open(self._segs[index]),
        }
        return open_rgb(self._images[index]), one_or_all([kinds[kind]() for kind in self._target_types])

    def __len__(self):
        return len(self._images)


class _Caltech(FilePictures):
    """Folders of numbered pictures, one for each category."""

    def __init__(self, root, transform, target_transform, download):
        super().__init__(os.path.join(root, self._folder), transform=transform, target_transform=target_transform)
        os.makedirs(self.root, exist_ok=True)
        home = os.path.join(self.root, self._pictures)
        if download and not os.path.exists(home):
            self.download()
        if not os.path.exists(home):
            raise absent(type(self).__name__, home)
        self.categories = [name for name in sorted(os.listdir(home)) if name != "BACKGROUND_Google"]
        self.index, self.y = [], []
        for i, name in enumerate(self.categories):
            count = sum(file.endswith(".jpg") for file in os.listdir(os.path.join(home, name)))
            self.index += range(1, count + 1)
            self.y += [i] * count

    def __len__(self):
        return len(self.index)


class Caltech101(_Caltech):
    """Pictures of 101 kinds of things (Fei-Fei et al. 2004); ``target_type`` 'category', 'annotation' (its outline) or both.

    Samples: (Pillow image, int). Files: ``root/caltech101/``. Outlines need SciPy. Raises RuntimeError where files are missing.
    """

    _folder, _pictures = "caltech101", "101_ObjectCategories"
    _OTHER_NAMES = {
        "Faces": "Faces_2",
        "Faces_easy": "Faces_3",
        "Motorbikes": "Motorbikes_16",
        "airplanes": "Airplanes_Side_2",
    }

    def __init__(self, root, target_type="category", transform=None, target_transform=None, download=False):
        kinds = [target_type] if isinstance(target_type, str) else target_type
        self.target_type = [verify_str_arg(kind, "target_type", ("category", "annotation")) for kind in kinds]
        super().__init__(root, transform, target_transform, download)
        self.annotation_categories = [self._OTHER_NAMES.get(name, name) for name in self.categories]

    def _sample(self, index):
        label, number = self.y[index], self.index[index]
        picture = image_module().open(os.path.join(self.root, self._pictures, self.categories[label], f"image_{number:04d}.jpg"))
        outline = os.path.join(self.root, "Annotations", self.annotation_categories[label], f"annotation_{number:04d}.mat")
        targets = [label if kind == "category" else load_mat(outline)["obj_contour"] for kind in self.target_type]
        return picture, one_or_all(targets)

    def download(self):
        """Fetch and unpack the archive and those inside it."""
        url = "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip"
        download_and_extract_archive(url, self.root, md5="3138e1922a9193bfa496528edbbc45d0")
        inner = os.path.join(self.root, "caltech-101")
        for name in list_files(inner, (".gz", ".tar")):
            extract_archive(os.path.join(inner, name), self.root)

    def extra_repr(self):
        return f"Target type: {self.target_type}"


class Caltech256(_Caltech):
    """Pictures of 256 kinds of things and a rest (Griffin et al. 2007). Use as Caltech101."""

    _folder, _pictures = "caltech256", "256_ObjectCategories"

    def __init__(self, root, transform=None, target_transform=None, download=False):
        super().__init__(root, transform, target_transform, download)

    def _sample(self, index):
        label, name = self.y[index], f"{self.y[index] + 1:03d}_{self.index[index]:04d}.jpg"
        return image_module().open(os.path.join(self.root, self._pictures, self.categories[label], name)), label

    def download(self):
        """Fetch and unpack the archive."""
        url = "https://data.caltech.edu/records/nyy15-4j048/files/256_ObjectCategories.tar"
        download_and_extract_archive(url, self.root, md5="67b4f42ca05d46448c6bb8ecd2220f6d")
