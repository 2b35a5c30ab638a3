"""ImageNet of the 2012 challenge, out of its three archives (Russakovsky et al. 2015)."""

import os
import shutil
import tempfile

from lightwell.errors.teaching import RuntimeError
from lightwell.vision.datasets.folder import ImageFolder
from lightwell.vision.datasets.utils import check_integrity, extract_archive, load_mat, verify_str_arg

__all__ = ["ImageNet"]

ARCHIVE_META = {
    "train": ("ILSVRC2012_img_train.tar", "1d675b47d978889d74fa0da5fadfb00e"),
    "val": ("ILSVRC2012_img_val.tar", "29b22e2961454d5413ddabcf34fc5622"),
    "devkit": ("ILSVRC2012_devkit_t12.tar.gz", "fa75699e90414af021442c21a62c3abf"),
}
META_FILE = "meta.bin"


class ImageNet(ImageFolder):
    """1.3 million pictures of a thousand kinds of things; split 'train' or 'val'. Unpacks the archives in ``root`` at first use.

    Samples: (Pillow image, int). ``classes``: a tuple of names for each class; ``wnids``: its WordNet number. The archives
    have to be fetched by hand from image-net.org. Raises RuntimeError where they are missing.
    """

    def __init__(self, root, split="train", **kwargs):
        root = self.root = os.path.expanduser(root)
        self.split = verify_str_arg(split, "split", ("train", "val"))
        self.parse_archives()
        names = load_meta_file(root)[0]
        super().__init__(self.split_folder, **kwargs)
        self.root = root
        self.wnids, self.wnid_to_idx = self.classes, self.class_to_idx
        self.classes = [names[wnid] for wnid in self.wnids]
        self.class_to_idx = {name: i for i, group in enumerate(self.classes) for name in group}

    def parse_archives(self):
        """Unpack what is not unpacked yet."""
        if not check_integrity(os.path.join(self.root, META_FILE)):
            parse_devkit_archive(self.root)
        if not os.path.isdir(self.split_folder):
            (parse_train_archive if self.split == "train" else parse_val_archive)(self.root)

    @property
    def split_folder(self) -> str:
        """The folder of this part."""
        return os.path.join(self.root, self.split)

    def extra_repr(self):
        return f"Split: {self.split}"


def load_meta_file(root, file=None):
    """({WordNet number: names}, WordNet numbers of the validation pictures) from the file that ImageNet writes."""
    import lightwell

    path = os.path.join(root, file or META_FILE)
    if not check_integrity(path):
        raise RuntimeError(f"The meta file {path} is not present or corrupted; the ImageNet dataset makes it at first use.")
    return lightwell.load(path, weights_only=True)


def _archive(root, kind, file):
    """The path of an archive that has the right checksum."""
    name, md5 = ARCHIVE_META[kind]
    path = os.path.join(root, file or name)
    if not check_integrity(path, md5):
        raise RuntimeError(f"The archive {path} is not present or corrupted; download it from image-net.org and place it in {root}.")
    return path


def parse_devkit_archive(root, file=None) -> None:
    """Write the file of names out of the development kit. Reading it needs SciPy."""
    import lightwell

    archive = _archive(root, "devkit", file)
    with tempfile.TemporaryDirectory() as folder:
        extract_archive(archive, folder)
        data = os.path.join(folder, "ILSVRC2012_devkit_t12", "data")
        synsets = load_mat(os.path.join(data, "meta.mat"), squeeze_me=True)["synsets"]
        leaves = [row for row in (s.tolist() if hasattr(s, "tolist") else s for s in synsets) if row[4] == 0]  # no children
        wnids = {int(row[0]): str(row[1]) for row in leaves}
        names = {str(row[1]): tuple(str(row[2]).split(", ")) for row in leaves}
        with open(os.path.join(data, "ILSVRC2012_validation_ground_truth.txt")) as lines:
            truth = [wnids[int(line)] for line in lines]
    lightwell.save((names, truth), os.path.join(root, META_FILE))


def parse_train_archive(root, file=None, folder="train") -> None:
    """Unpack the training pictures, one archive for each class inside the archive."""
    target = os.path.join(root, folder)
    extract_archive(_archive(root, "train", file), target)
    for name in sorted(os.listdir(target)):
        path = os.path.join(target, name)
        extract_archive(path, os.path.splitext(path)[0], remove_finished=True)


def parse_val_archive(root, file=None, wnids=None, folder="val") -> None:
    """Unpack the validation pictures and sort them into folders, one for each class."""
    target = os.path.join(root, folder)
    wnids = load_meta_file(root)[1] if wnids is None else wnids
    extract_archive(_archive(root, "val", file), target)
    pictures = sorted(os.listdir(target))
    for wnid in set(wnids):
        os.mkdir(os.path.join(target, wnid))
    for wnid, name in zip(wnids, pictures):
        shutil.move(os.path.join(target, name), os.path.join(target, wnid, name))
