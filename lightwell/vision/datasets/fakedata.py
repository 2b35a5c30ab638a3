"""Random pictures, for trying out code without data."""

from lightwell.errors.teaching import IndexError
from lightwell.vision.datasets.vision import VisionDataset


class FakeData(VisionDataset):
    """``size`` random pictures with random classes; picture i is the same each time it is asked for, as in torchvision.

    Samples: (Pillow image, int). Raises IndexError out of range.

    >>> from lightwell.vision.datasets import FakeData
    >>> from lightwell.vision.transforms import ToTensor
    >>> FakeData(size=2, image_size=(1, 4, 4), transform=ToTensor())[0][0].shape
    torch.Size([1, 4, 4])
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform=None,
        target_transform=None,
        random_offset: int = 0,
    ):
        super().__init__(transform=transform, target_transform=target_transform)
        self.size = size
        self.num_classes = num_classes
        self.image_size = image_size
        self.random_offset = random_offset

    def __getitem__(self, index):
        import lightwell
        from lightwell.vision.transforms.functional import to_pil_image

        if index >= len(self):
            raise IndexError(f"FakeData: index {index} is out of range for {len(self)} pictures")
        state = lightwell.get_rng_state()  # the caller's stream is left as it was
        lightwell.manual_seed(index + self.random_offset)
        picture = lightwell.randn(*self.image_size)
        target = lightwell.randint(0, self.num_classes, size=(1,), dtype=lightwell.long)[0]
        lightwell.set_rng_state(state)
        picture = to_pil_image(picture)
        if self.transform is not None:
            picture = self.transform(picture)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return picture, target if not hasattr(target, "item") else target.item()

    def __len__(self):
        return self.size
