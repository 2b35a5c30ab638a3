"""transforms.v2: pictures, boxes and masks change together; compared with torchvision where it is installed."""

import numpy as np
import pytest

import lightwell
from lightwell.vision import tv_tensors
from lightwell.vision.transforms import v2
from lightwell.vision.transforms.v2 import functional as F

BOXES = [[2, 3, 20, 30], [10, 10, 36, 42], [0, 0, 5, 5]]


def pixels():
    y, x = np.mgrid[0:43, 0:37]
    return ((np.stack([np.sin(x / 5 + y / 7), np.cos(x / 3), np.sin(y / 4 - x / 9)]) + 1) * 127).astype(np.uint8)


def sample(tv=tv_tensors, lw=lightwell):
    a = pixels()
    return {
        "image": tv.Image(lw.tensor(a)),
        "boxes": tv.BoundingBoxes(lw.tensor(BOXES, dtype=lw.float32), format="XYXY", canvas_size=(43, 37)),
        "mask": tv.Mask(lw.tensor((a[:1] > 100).astype(np.uint8))),
        "labels": lw.tensor([1, 2, 3]),
        "name": "a",
    }


def block(box):
    """A picture that is 1 inside a box and 0 outside, the same as a mask, and the box."""
    x1, y1, x2, y2 = box
    a = np.zeros((1, 24, 32), np.float32)
    a[:, y1:y2, x1:x2] = 1
    t = lightwell.tensor(a)
    boxes = tv_tensors.BoundingBoxes([list(map(float, box))], format="XYXY", canvas_size=(24, 32))
    return tv_tensors.Image(t), tv_tensors.Mask(t.bool()), boxes


MOVES = [
    v2.RandomHorizontalFlip(1.0),
    v2.RandomVerticalFlip(1.0),
    v2.Resize((48, 64), interpolation="nearest"),
    v2.Pad([3, 1, 2, 4]),
    v2.CenterCrop((20, 30)),
    v2.RandomCrop((30, 30), padding=6),
    v2.RandomZoomOut(p=1.0, side_range=(1.5, 1.6)),
    v2.RandomRotation((90, 90), expand=True),
    v2.RandomAffine(0, translate=(0.1, 0.1)),
]


@pytest.mark.parametrize("transform", MOVES, ids=lambda t: type(t).__name__)
def test_box_stays_around_its_block(transform):
    for seed in range(4):
        lightwell.manual_seed(seed)
        image, mask, boxes = transform(block((8, 6, 18, 15)))
        assert (type(image).__name__, type(mask).__name__) == ("Image", "Mask")
        assert boxes.canvas_size == tuple(image.shape[-2:]) == tuple(mask.shape[-2:])
        np.testing.assert_array_equal(image.numpy() > 0.5, mask.numpy())
        y, x = np.nonzero(mask.numpy()[0])
        found = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        np.testing.assert_allclose(boxes.numpy()[0], found, atol=1.01)


def test_only_pictures_change_colour():
    for transform in (v2.ColorJitter(0.5, 0.5, 0.5, 0.2), v2.RandomInvert(1.0), v2.GaussianBlur(3), v2.RandomPhotometricDistort(p=1.0)):
        given = sample()
        out = transform(given)
        assert not lightwell.equal(out["image"], given["image"])
        for name in ("boxes", "mask", "labels"):
            assert out[name] is given[name]
        assert out["name"] == "a" and type(out["image"]) is tv_tensors.Image


def test_plain_tensors():
    x, y = lightwell.rand(3, 8, 8), lightwell.rand(3, 8, 8)
    flip = v2.RandomHorizontalFlip(1.0)
    a, b = flip(x, y)
    assert lightwell.equal(a, x.flip(-1)) and b is y  # only the first plain tensor is the picture
    image = tv_tensors.Image(x)
    a, b = flip(y, image)
    assert a is y and lightwell.equal(b, x.flip(-1))
    assert flip([x, {"n": (1, "t")}])[1] == {"n": (1, "t")}


def test_classes_of_results():
    image = tv_tensors.Image(lightwell.rand(3, 4, 4))
    assert type(image + 1) is lightwell.Tensor and type(tv_tensors.wrap(image + 1, like=image)) is tv_tensors.Image
    boxes = sample()["boxes"]
    assert repr(boxes).startswith("BoundingBoxes([[") and "canvas_size=(43, 37)" in repr(boxes)
    assert tv_tensors.wrap(boxes * 2, like=boxes, canvas_size=(86, 74)).canvas_size == (86, 74)
    with pytest.raises(ValueError, match="1D or 2D"):
        tv_tensors.BoundingBoxes(lightwell.zeros(1, 1, 4), format="XYXY", canvas_size=(1, 1))
    pure = v2.ToPureTensor()(sample())
    assert type(pure["boxes"]) is type(pure["image"]) is lightwell.Tensor


def test_conversions():
    a = pixels().transpose(1, 2, 0)
    chain = v2.Compose([v2.ToImage(), v2.ToDtype(lightwell.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)])
    out = chain(a)
    np.testing.assert_allclose(out.numpy(), (pixels() / 255 - 0.5) / 0.5, atol=1e-6)
    by_type = v2.ToDtype({tv_tensors.Image: lightwell.float32, tv_tensors.Mask: lightwell.int64, "others": None}, scale=True)(sample())
    assert by_type["image"].dtype == lightwell.float32 and by_type["mask"].dtype == lightwell.int64
    assert by_type["boxes"].dtype == lightwell.float32
    with pytest.raises(ValueError, match="No dtype was specified"):
        v2.ToDtype({tv_tensors.Image: lightwell.float32})(sample())
    assert F.convert_bounding_box_format(sample()["boxes"], new_format="CXCYWH").numpy()[0].tolist() == [11, 16.5, 18, 27]
    with pytest.raises(ValueError, match="old_format"):
        F.convert_bounding_box_format(lightwell.zeros(1, 4), new_format="xyxy")


def test_boxes_cleaned_up():
    given = sample()
    given["boxes"] = tv_tensors.wrap(lightwell.tensor([[2.0, 3, 20, 30], [5, 5, 5, 9], [30, 30, 50, 50]]), like=given["boxes"])
    out = v2.SanitizeBoundingBoxes()(given)
    assert out["boxes"].shape == (1, 4) and out["labels"].tolist() == [1]
    clamped = v2.ClampBoundingBoxes()(given)["boxes"]
    assert clamped.numpy()[2].tolist() == [30, 30, 37, 43]
    assert v2.Compose([v2.SetClampingMode(None), v2.ClampBoundingBoxes()])(given)["boxes"].numpy()[2].tolist() == [30, 30, 50, 50]


def test_iou_crop_keeps_a_box():
    lightwell.manual_seed(0)
    for _ in range(20):
        out = v2.Compose([v2.RandomIoUCrop(), v2.SanitizeBoundingBoxes()])(sample())
        assert len(out["boxes"]) == len(out["labels"]) >= 1
    with pytest.raises(TypeError, match="bounding boxes"):
        v2.RandomIoUCrop()(lightwell.rand(3, 8, 8))


@pytest.mark.parametrize("kind", [v2.MixUp, v2.CutMix])
def test_mixed_batches(kind):
    lightwell.manual_seed(1)
    x, y = lightwell.rand(4, 3, 8, 8), lightwell.tensor([0, 1, 2, 1])
    mixed, shares = kind(num_classes=3)(x, y)
    share = float(shares[0, 0])
    np.testing.assert_allclose(shares.sum(1).numpy(), 1, rtol=1e-6)
    rolled = x.roll(1, 0)
    if kind is v2.MixUp:
        np.testing.assert_allclose(mixed.numpy(), (share * x + (1 - share) * rolled).numpy(), atol=1e-6)
    else:
        own = (mixed == x).all(1)[0]
        np.testing.assert_allclose(float(own.float().mean()), share, atol=1e-6)
        assert bool(((mixed == x) | (mixed == rolled)).all())
    with pytest.raises(ValueError, match="num_classes"):
        kind()(x, y)
    with pytest.raises(ValueError, match="batched"):
        kind(num_classes=3)(x[0], y)


def test_combinations():
    one, two = v2.RandomHorizontalFlip(1.0), v2.RandomVerticalFlip(1.0)
    x = lightwell.rand(1, 4, 4)
    assert lightwell.equal(v2.RandomOrder([one, two])(x), x.flip(-1, -2))
    assert lightwell.equal(v2.RandomChoice([one, two], p=[0, 1])(x), x.flip(-2))
    assert v2.RandomApply([one], p=0.0)(x) is x
    assert v2.Identity()(x) is x and v2.Lambda(lambda t: t + 1, lightwell.Tensor)((x, 3))[1] == 3
    with pytest.raises(ValueError, match="at least one"):
        v2.Compose([])


CASES = [
    ("Resize", (20,), {"max_size": 22}),
    ("RandomResizedCrop", (16,), {}),
    ("RandomZoomOut", (), {"p": 0.9}),
    ("RandomRotation", (30,), {"fill": 3}),
    ("RandomAffine", (20,), {"translate": (0.1, 0.2), "scale": (0.7, 1.3), "shear": 10}),
    ("RandomCrop", (40,), {"padding": 4}),
    ("RandomPerspective", (), {"p": 0.9}),
    ("ElasticTransform", (), {}),
    ("RandomIoUCrop", (), {}),
    ("ScaleJitter", ((30, 40),), {}),
    ("RandomShortestSize", ([20, 30],), {"max_size": 33}),
    ("RandomPhotometricDistort", (), {}),
    ("GaussianBlur", (5,), {}),
    ("RandomErasing", (0.8,), {}),
]


@pytest.mark.filterwarnings("ignore:RandomErasing")
@pytest.mark.parametrize("name, args, options", CASES, ids=[c[0] for c in CASES])
def test_like_torchvision(name, args, options):
    pytest.importorskip("torchvision")
    import torch
    import torchvision.transforms.v2 as theirs
    import torchvision.tv_tensors as their_tensors

    for seed in range(4):
        found = []
        for module, tv, lw in ((theirs, their_tensors, torch), (v2, tv_tensors, lightwell)):
            transform = getattr(module, name)(*args, **options)
            lw.manual_seed(seed)
            found.append((transform(sample(tv, lw)), lw.rand(1).item(), repr(transform)))
        (a, next_a, text_a), (b, next_b, text_b) = found
        assert next_a == next_b and text_a == text_b
        for key in ("image", "boxes", "mask"):
            p, q = (np.asarray(v[key].detach().numpy()).astype(float) for v in (a, b))
            assert p.shape == q.shape
            assert np.mean(np.abs(p - q) > 1.01) < 0.005, key
        assert a["boxes"].canvas_size == b["boxes"].canvas_size
