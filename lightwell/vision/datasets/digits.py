"""The 1797 handwritten digits that come with the package: real data without a download."""

import os

import numpy as np

from lightwell.tensor import wrap
from lightwell.vision.datasets.vision import ArrayPictures


class Digits(ArrayPictures):
    """1797 handwritten digits, 8x8 (UCI optdigits, CC BY 4.0; the set bundled by scikit-learn).

    Samples: (Pillow image of mode 'L', int). ``data``: uint8 (N, 8, 8), the source's 0…16 spread over 0…255;
    ``targets``: int64 (N,). Every fifth picture of each digit is in the test part (355); ``train=None`` gives all of them.

    >>> from lightwell.vision.datasets import Digits
    >>> len(Digits()), len(Digits(train=False)), Digits().data.shape
    (1442, 355, torch.Size([1442, 8, 8]))
    """

    classes = list("0123456789")

    def __init__(self, root=None, train: bool | None = True, transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        with np.load(os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "digits.npz")) as file:
            images, targets = file["images"], file["targets"]
        test = np.zeros(len(images), bool)
        for digit in range(10):
            test[np.flatnonzero(targets == digit)[4::5]] = True
        keep = slice(None) if train is None else ~test if train else test
        grey = (images[keep].astype(np.uint16) * 255 + 8) // 16
        self.data, self.targets = wrap(grey.astype(np.uint8)), wrap(targets[keep].astype(np.int64))

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The class names with their numbers."""
        return {name: i for i, name in enumerate(self.classes)}

    def extra_repr(self) -> str:
        """Which part this is."""
        return f"Split: {'All' if self.train is None else 'Train' if self.train else 'Test'}"
