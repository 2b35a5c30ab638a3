"""Pictures annotated in COCO's form (Lin et al. 2014): objects, or sentences that describe the picture."""

import json
import os

from lightwell.errors.teaching import ValueError
from lightwell.vision.datasets.vision import FilePictures, open_rgb

__all__ = ["CocoCaptions", "CocoDetection"]


class CocoDetection(FilePictures):
    """Pictures below ``root`` with their annotations out of the JSON file ``annFile``: (Pillow image, list of dicts).

    ``ids``: the pictures' numbers, sorted. The file is read by Python itself; pycocotools is not needed.
    Raises ValueError for an index that is no int.
    """

    def __init__(self, root, annFile, transform=None, target_transform=None, transforms=None):
        super().__init__(root, transforms, transform, target_transform)
        with open(annFile, encoding="utf-8") as file:
            content = json.load(file)
        self.imgs = {picture["id"]: picture for picture in content["images"]}
        self.cats = {kind["id"]: kind for kind in content.get("categories", [])}
        self._annotations = {}
        for annotation in content.get("annotations", []):
            self._annotations.setdefault(annotation["image_id"], []).append(annotation)
        self.ids = sorted(self.imgs)

    def _load_image(self, id):
        return open_rgb(os.path.join(self.root, self.imgs[id]["file_name"]))

    def _load_target(self, id):
        return list(self._annotations.get(id, []))

    def _sample(self, index):
        if not isinstance(index, int):
            raise ValueError(f"Index must be of type integer, got {type(index)} instead.")
        return self._load_image(self.ids[index]), self._load_target(self.ids[index])

    def __len__(self):
        return len(self.ids)


class CocoCaptions(CocoDetection):
    """Pictures with a list of sentences each. Use as CocoDetection."""

    def _load_target(self, id):
        return [annotation["caption"] for annotation in super()._load_target(id)]
