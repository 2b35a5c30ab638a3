"""Pascal VOC: pictures with the class of every pixel, or with boxes around the objects (Everingham et al. 2010)."""

import os

from lightwell.vision._pillow import image_module
from lightwell.vision.datasets.utils import absent, download_and_extract_archive, verify_str_arg
from lightwell.vision.datasets.vision import FilePictures, open_rgb

__all__ = ["VOCDetection", "VOCSegmentation"]

_SITE = "https://thor.robots.ox.ac.uk/pascal/VOC/"


def _archive(year, name, md5, folder=None, saved=None):
    return {
        "url": f"{_SITE}voc{year}/{name}",
        "filename": saved or name,
        "md5": md5,
        "base_dir": folder or os.path.join("VOCdevkit", f"VOC{year}"),
    }


DATASET_YEAR_DICT = {
    "2012": _archive("2012", "VOCtrainval_11-May-2012.tar", "6cd6e144f989b92b3379bac3b3de84fd"),
    "2011": _archive(
        "2011", "VOCtrainval_25-May-2011.tar", "6c3384ef61512963050cb5d687e5bf1e", os.path.join("TrainVal", "VOCdevkit", "VOC2011")
    ),
    "2010": _archive("2010", "VOCtrainval_03-May-2010.tar", "da459979d0c395079b5c75ee67908abb"),
    "2009": _archive("2009", "VOCtrainval_11-May-2009.tar", "a3e00b113cfcfebf17e343f59da3caa1"),
    "2008": _archive("2008", "VOCtrainval_14-Jul-2008.tar", "2629fa636546599198acfcfbfcf1904a"),
    "2007": _archive("2007", "VOCtrainval_06-Nov-2007.tar", "c52e279531787c972589f7e41ab4ae64"),
    "2007-test": _archive("2007", "VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f"),
}


class _VOC(FilePictures):
    """The pictures that a list of the data set names, and the files with their targets."""

    def __init__(self, root, year="2012", image_set="train", download=False, transform=None, target_transform=None, transforms=None):
        super().__init__(root, transforms, transform, target_transform)
        self.year = verify_str_arg(year, "year", [str(y) for y in range(2007, 2013)])
        self.image_set = verify_str_arg(image_set, "image_set", ["train", "trainval", "val", *(["test"] if year == "2007" else [])])
        archive = DATASET_YEAR_DICT["2007-test" if (year, image_set) == ("2007", "test") else year]
        self.url, self.filename, self.md5 = archive["url"], archive["filename"], archive["md5"]
        home = os.path.join(self.root, archive["base_dir"])
        if download:
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.md5)
        if not os.path.isdir(home):
            raise absent(type(self).__name__, home)
        with open(os.path.join(home, "ImageSets", self._SPLITS_DIR, image_set + ".txt")) as file:
            names = [line.strip() for line in file]
        self.images = [os.path.join(home, "JPEGImages", name + ".jpg") for name in names]
        self.targets = [os.path.join(home, self._TARGET_DIR, name + self._TARGET_FILE_EXT) for name in names]

    def __len__(self):
        return len(self.images)


class VOCSegmentation(_VOC):
    """Pictures and the class of every pixel, as two Pillow images (the second with a palette; 255 marks the edges).

    ``year`` '2007' … '2012', ``image_set`` 'train', 'trainval', 'val' (and 'test' of 2007). Files: ``root/VOCdevkit/VOC2012/``.
    Raises RuntimeError where they are missing, ValueError for another year or set.
    """

    _SPLITS_DIR, _TARGET_DIR, _TARGET_FILE_EXT = "Segmentation", "SegmentationClass", ".png"

    @property
    def masks(self):
        """The files with the classes."""
        return self.targets

    def _sample(self, index):
        return open_rgb(self.images[index]), image_module().open(self.targets[index])


class VOCDetection(_VOC):
    """Pictures and the annotation of their objects, the XML file as nested dicts. Use as VOCSegmentation."""

    _SPLITS_DIR, _TARGET_DIR, _TARGET_FILE_EXT = "Main", "Annotations", ".xml"

    @property
    def annotations(self):
        """The XML files."""
        return self.targets

    def _sample(self, index):
        from xml.etree import ElementTree

        return open_rgb(self.images[index]), self.parse_voc_xml(ElementTree.parse(self.targets[index]).getroot())

    @staticmethod
    def parse_voc_xml(node) -> dict:
        """An element as {tag: text} or {tag: {child: …}}; children of the same tag, and all objects, come as a list.

        >>> from xml.etree import ElementTree
        >>> from lightwell.vision.datasets import VOCDetection
        >>> VOCDetection.parse_voc_xml(ElementTree.fromstring("<a><b>1</b><c>2</c><c>3</c></a>"))
        {'a': {'b': '1', 'c': ['2', '3']}}
        """
        children = list(node)
        if not children:
            return {node.tag: node.text.strip()} if node.text else {}
        found: dict = {}
        for child in children:
            for tag, value in VOCDetection.parse_voc_xml(child).items():
                found.setdefault(tag, []).append(value)
        if node.tag == "annotation":
            found["object"] = [found.get("object", [])]
        return {node.tag: {tag: values[0] if len(values) == 1 else values for tag, values in found.items()}}
