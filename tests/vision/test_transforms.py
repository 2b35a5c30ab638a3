"""Transforms: what they print, do and draw from the random stream; compared with torchvision where it is installed."""

import warnings

import numpy as np
import pytest

import lightwell
from lightwell.vision import transforms as T
from lightwell.vision import utils
from lightwell.vision.transforms import functional as F

NEAREST, BILINEAR, BICUBIC = T.InterpolationMode.NEAREST, T.InterpolationMode.BILINEAR, T.InterpolationMode.BICUBIC

REPRS = [
    (T.Resize(3), "Resize(size=3, interpolation=bilinear, max_size=None, antialias=True)"),
    (T.CenterCrop(3), "CenterCrop(size=(3, 3))"),
    (T.RandomCrop(4, padding=2), "RandomCrop(size=(4, 4), padding=2)"),
    (T.RandomHorizontalFlip(), "RandomHorizontalFlip(p=0.5)"),
    (T.Normalize((0.5,), (0.5,)), "Normalize(mean=(0.5,), std=(0.5,))"),
    (T.Lambda(abs), "Lambda()"),
    (T.Grayscale(), "Grayscale(num_output_channels=1)"),
    (T.Pad(2), "Pad(padding=2, fill=0, padding_mode=constant)"),
    (
        T.ColorJitter(0.1, 0.2, 0.3, 0.1),
        "ColorJitter(brightness=(0.9, 1.1), contrast=(0.8, 1.2), saturation=(0.7, 1.3), hue=(-0.1, 0.1))",
    ),
    (
        T.RandomResizedCrop(4),
        "RandomResizedCrop(size=(4, 4), scale=(0.08, 1.0), ratio=(0.75, 1.3333), interpolation=bilinear, antialias=True)",
    ),
    (T.RandomRotation(10), "RandomRotation(degrees=[-10.0, 10.0], interpolation=nearest, expand=False, fill=0)"),
    (T.RandomAffine(0, shear=5), "RandomAffine(degrees=[0.0, 0.0], shear=[-5.0, 5.0])"),
    (T.ToPILImage("L"), "ToPILImage(mode=L)"),
    (T.RandomApply([T.ToTensor()]), "RandomApply(\n    p=0.5\n    ToTensor()\n)"),
    (T.RandomChoice([T.ToTensor()]), "RandomChoice(\n    ToTensor()\n)(p=None)"),
    (T.Compose([T.ToTensor(), T.PILToTensor()]), "Compose(\n    ToTensor()\n    PILToTensor()\n)"),
    (T.ConvertImageDtype(lightwell.float32), "ConvertImageDtype()"),
    (T.RandomErasing(), "RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)"),
]


@pytest.mark.parametrize("transform, text", REPRS, ids=[t.split("(")[0] for _, t in REPRS])
def test_reprs(transform, text):
    assert repr(transform) == text


def picture():
    """A smooth colour picture, bytes (3, 23, 31)."""
    y, x = np.mgrid[0:23, 0:31]
    planes = [np.sin(x / 5 + y / 7), np.cos(x / 3), np.sin(y / 4 - x / 9)]
    return ((np.stack(planes) + 1) * 127).astype(np.uint8)


CASES = [
    ("Resize", (12,), {}),
    ("Resize", ((9, 40),), {}),
    ("Resize", (12,), {"max_size": 14}),
    ("Resize", (40,), {"interpolation": NEAREST}),
    ("Resize", (10,), {"interpolation": BICUBIC}),
    ("Resize", (50,), {"antialias": False, "interpolation": BICUBIC}),
    ("Resize", (10,), {"antialias": False}),
    ("CenterCrop", ((40, 10),), {}),
    ("RandomCrop", (17,), {"padding": 3}),
    ("RandomCrop", ((40, 20),), {"pad_if_needed": True}),
    ("RandomCrop", (20,), {"padding": (1, 2, 3, 4), "padding_mode": "reflect"}),
    ("RandomHorizontalFlip", (), {}),
    ("RandomVerticalFlip", (0.3,), {}),
    ("RandomInvert", (), {}),
    ("Grayscale", (3,), {}),
    ("RandomGrayscale", (0.5,), {}),
    ("Pad", ((1, 2),), {"fill": 7}),
    ("Pad", (3,), {"padding_mode": "symmetric"}),
    ("ColorJitter", (0.4, 0.3, 0.2, 0.1), {}),
    ("ColorJitter", (0, 0, 0, 0.4), {}),
    ("RandomResizedCrop", ((12, 9),), {}),
    ("RandomRotation", (30,), {"expand": True}),
    ("RandomRotation", ((10, 50),), {"interpolation": BILINEAR, "fill": 9, "center": (3, 4)}),
    ("RandomAffine", (20,), {"translate": (0.2, 0.1), "scale": (0.7, 1.4), "shear": 10}),
    ("RandomAffine", (0,), {"shear": (1, 20, 3, 15), "interpolation": BILINEAR, "fill": 3}),
    ("FiveCrop", (8,), {}),
    ("TenCrop", (8,), {"vertical_flip": True}),
    ("RandomErasing", (0.8,), {}),
    ("RandomErasing", (1.0,), {"value": "random"}),
    ("Normalize", ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)), {}),
]


def outcome(lw, module, case, kind, seed):
    """(arrays, next random numbers), or the type of the error."""
    name, args, options = case
    options = dict(options)
    if "interpolation" in options:
        options["interpolation"] = module.InterpolationMode(options["interpolation"].value)
    a = picture()
    if kind == "pillow":
        from PIL import Image

        given = Image.fromarray(a.transpose(1, 2, 0))
    else:
        given = lw.tensor(a if kind == "bytes" else a.astype(np.float32) / 255)
    transform = getattr(module, name)(*args, **options)
    lw.manual_seed(seed)
    try:
        out = transform(given)
    except Exception as error:
        return type(error).__name__
    parts = out if isinstance(out, tuple) else (out,)
    return [np.asarray(p) for p in parts], lw.rand(2).tolist()


@pytest.mark.parametrize("kind", ["pillow", "bytes", "floats"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}{c[1]}")
def test_like_torchvision(case, kind):
    torchvision = pytest.importorskip("torchvision")
    import torch

    for seed in range(3):
        ours = outcome(lightwell, T, case, kind, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torchvision's own, about options without effect
            theirs = outcome(torch, torchvision.transforms, case, kind, seed)
        if isinstance(theirs, str):
            assert ours == theirs
            continue
        assert ours[1] == theirs[1]
        for a, b in zip(ours[0], theirs[0], strict=True):
            assert a.dtype == b.dtype
            # one grey level: rounded coordinates, or fixed-point against floating-point sums
            np.testing.assert_allclose(a.astype(float), b.astype(float), atol=5e-5 if kind == "floats" else 1)


def test_pillow_and_tensors_agree():
    pytest.importorskip("PIL.Image")
    for case in CASES:
        if case[0] in ("RandomErasing", "Normalize") or case[2].get("antialias") is False:
            continue  # for tensors only, or differing by definition
        for seed in range(2):
            a, b = (outcome(lightwell, T, case, kind, seed) for kind in ("pillow", "bytes"))
            assert a[1] == b[1], case
            for x, y in zip(a[0], b[0], strict=True):
                x = x.reshape(*x.shape[:2], -1).transpose(2, 0, 1)
                assert x.shape == y.shape, case
                off = np.abs(x.astype(int) - y.astype(int))
                assert np.median(off) <= 2, case


def test_to_tensor_of_every_kind():
    Image = pytest.importorskip("PIL.Image")
    grey = np.array([[0, 51], [102, 255]], np.uint8)
    expected = [[[0.0, np.float32(0.2).item()], [np.float32(0.4).item(), 1.0]]]
    assert F.to_tensor(grey).tolist() == F.to_tensor(Image.fromarray(grey)).tolist() == expected
    assert F.to_tensor(Image.fromarray(grey.astype(np.int32))).dtype == lightwell.int32
    assert F.to_tensor(Image.fromarray(grey.astype(np.float32))).tolist() == [grey.astype(float).tolist()]
    assert F.to_tensor(Image.fromarray(grey > 60)).tolist() == [[[0, 0], [1, 1]]]
    assert F.to_tensor(np.zeros((2, 3, 4))).shape == (4, 2, 3)
    assert T.PILToTensor()(Image.fromarray(grey)).dtype == lightwell.uint8
    for bad, kind in ((3, TypeError), (lightwell.zeros(1, 2, 2), TypeError), (np.zeros(3), ValueError)):
        with pytest.raises(kind):
            F.to_tensor(bad)


def test_there_and_back():
    pytest.importorskip("PIL.Image")
    a = lightwell.tensor(picture())
    assert bool((T.PILToTensor()(T.ToPILImage()(a)) == a).all())
    assert bool((T.ToTensor()(T.ToPILImage()(a / 255.0)) - a / 255.0).abs().max() < 1 / 255)
    assert T.ToPILImage()(a[0]).mode == "L" and T.ToPILImage("HSV")(a).mode == "HSV"
    with pytest.raises(ValueError):
        T.ToPILImage("L")(a)
    with pytest.raises(ValueError):
        T.ToPILImage()(lightwell.zeros(1, 2, 3, 4))


def test_refusals():
    for kind, act in (
        (TypeError, lambda: T.Resize("3")),
        (ValueError, lambda: T.Resize((1, 2, 3))),
        (ValueError, lambda: T.Resize(5, max_size=4)(lightwell.zeros(1, 9, 30))),
        (ValueError, lambda: T.RandomCrop(9)(lightwell.zeros(1, 4, 4))),
        (ValueError, lambda: T.Normalize(0.0, 0.0)(lightwell.zeros(1, 4, 4))),
        (TypeError, lambda: T.Normalize(0.0, 1.0)(lightwell.zeros(1, 4, 4, dtype=lightwell.uint8))),
        (TypeError, lambda: T.Lambda(3)),
        (ValueError, lambda: T.Pad(1, padding_mode="wrap")),
        (ValueError, lambda: T.ColorJitter(hue=0.6)),
        (ValueError, lambda: T.ColorJitter(brightness=-1)),
        (ValueError, lambda: T.RandomRotation(-3)),
        (ValueError, lambda: T.RandomAffine(3, translate=(2, 0))),
        (TypeError, lambda: F.hflip("picture")),
        (ValueError, lambda: F.adjust_hue(lightwell.zeros(3, 2, 2), 0.7)),
        (ValueError, lambda: F.five_crop(lightwell.zeros(1, 3, 3), 4)),
    ):
        with pytest.raises(kind):
            act()


def test_convert_image_dtype():
    bytes_ = lightwell.tensor([0, 128, 255], dtype=lightwell.uint8)
    assert F.convert_image_dtype(bytes_).tolist() == (bytes_ / 255).tolist()
    assert F.convert_image_dtype(lightwell.tensor([0.0, 0.5, 1.0]), lightwell.uint8).tolist() == [0, 127, 255]
    assert F.convert_image_dtype(bytes_, lightwell.int32).tolist() == [v * 2**23 for v in (0, 128, 255)]
    with pytest.raises(RuntimeError):
        F.convert_image_dtype(lightwell.zeros(1), lightwell.int32)


def test_grid_and_saving(tmp_path):
    x = lightwell.arange(5.0).view(5, 1, 1, 1).expand(5, 1, 2, 3) / 4
    grid = utils.make_grid(x, nrow=2, padding=1, pad_value=0.5)
    assert grid.shape == (3, 10, 9) and grid[0, 1, 5].item() == 0.25 and grid[2, 8, 8].item() == 0.5
    assert utils.make_grid(x * 8 - 3, normalize=True).max().item() == 1.0
    assert utils.make_grid([x[0], x[1]]).shape == (3, 6, 12)
    with pytest.raises(TypeError):
        utils.make_grid("x")
    Image = pytest.importorskip("PIL.Image")
    utils.save_image(x, tmp_path / "grid.png", nrow=2)
    with Image.open(tmp_path / "grid.png") as saved:
        assert saved.size == (12, 14)
