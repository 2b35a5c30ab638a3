"""Datasets of files, on small ones made here; read like torchvision's where it is installed."""

import bz2
import gzip
import json
import lzma
import os
import struct
import tarfile
import zipfile

import numpy as np
import pytest

import lightwell
from lightwell.vision import datasets
from lightwell.vision.datasets import utils

Image = pytest.importorskip("PIL.Image")
RNG = np.random.RandomState(0)


def save(path, size=(6, 5), mode="RGB", value=None):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    bands = len(Image.new(mode, (1, 1)).getbands())
    a = RNG.randint(0, 256, (*size, bands)) if value is None else np.full((*size, bands), value)
    Image.fromarray(a.astype(np.uint8).squeeze()).save(path)


def voc(root):
    home = os.path.join(root, "VOCdevkit", "VOC2012")
    for part in ("Segmentation", "Main"):
        os.makedirs(os.path.join(home, "ImageSets", part))
        with open(os.path.join(home, "ImageSets", part, "train.txt"), "w") as file:
            file.write("a\nb\n")
    os.makedirs(os.path.join(home, "Annotations"))
    for i, name in enumerate("ab"):
        save(os.path.join(home, "JPEGImages", name + ".jpg"))
        save(os.path.join(home, "SegmentationClass", name + ".png"), mode="L", value=i)
        with open(os.path.join(home, "Annotations", name + ".xml"), "w") as file:
            boxes = "<object><name>cat</name><bndbox><xmin>1</xmin></bndbox></object>" * (i + 1)
            file.write(f"<annotation><size><width>5</width></size>{boxes}</annotation>")


def test_voc(tmp_path):
    root = str(tmp_path)
    with pytest.raises(RuntimeError, match="not found"):
        datasets.VOCSegmentation(root)
    voc(root)
    data = datasets.VOCSegmentation(root, image_set="train")
    picture, mask = data[1]
    assert len(data) == 2 and picture.mode == "RGB" and np.asarray(mask).max() == 1 and data.masks[0].endswith("a.png")
    objects = datasets.VOCDetection(root)[0][1]["annotation"]["object"]
    assert objects == [{"name": "cat", "bndbox": {"xmin": "1"}}]
    assert len(datasets.VOCDetection(root, transforms=lambda p, t: (p, t["annotation"]["object"]))[1][1]) == 2
    with pytest.raises(ValueError, match="'2006'"):
        datasets.VOCSegmentation(root, year="2006")


def test_coco(tmp_path):
    root = str(tmp_path)
    save(os.path.join(root, "x.png"))
    save(os.path.join(root, "y.png"))
    content = {
        "images": [{"id": 9, "file_name": "x.png"}, {"id": 4, "file_name": "y.png"}],
        "annotations": [{"id": 1, "image_id": 9, "bbox": [0, 0, 1, 1], "caption": "a"}, {"id": 2, "image_id": 9, "caption": "b"}],
    }
    path = os.path.join(root, "a.json")
    with open(path, "w") as file:
        json.dump(content, file)
    data = datasets.CocoDetection(root, path)
    assert data.ids == [4, 9] and data[0][1] == [] and [a["id"] for a in data[1][1]] == [1, 2]
    assert datasets.CocoCaptions(root, path)[1][1] == ["a", "b"]
    with pytest.raises(ValueError, match="integer"):
        data["a"]


def test_usps_and_stl10(tmp_path, monkeypatch):
    root = str(tmp_path)
    values = RNG.uniform(-1, 1, (3, 256))
    lines = [f"{label} " + " ".join(f"{i + 1}:{v:.4f}" for i, v in enumerate(row)) for label, row in zip((3, 10, 1), values)]
    with bz2.open(os.path.join(root, "usps.bz2"), "wt") as file:
        file.write("\n".join(lines) + "\n")
    data = datasets.USPS(root)
    assert data.targets == [2, 9, 0] and data.data.shape == (3, 16, 16)
    np.testing.assert_allclose(data.data.reshape(3, -1), (values + 1) / 2 * 255, atol=1.01)
    home = os.path.join(root, "stl10_binary")
    os.makedirs(home)
    given = RNG.randint(0, 256, (4, 3, 96, 96)).astype(np.uint8)
    for name in ("train_X", "test_X", "unlabeled_X"):
        given.transpose(0, 1, 3, 2).tofile(os.path.join(home, name + ".bin"))
    for name in ("train_y", "test_y"):
        np.array([1, 10, 3, 4], np.uint8).tofile(os.path.join(home, name + ".bin"))
    with open(os.path.join(home, "fold_indices.txt"), "w") as file:
        file.write("0 2 \n" * 10)
    monkeypatch.setattr(datasets.STL10, "_check_integrity", lambda self: True)
    data = datasets.STL10(root, "train+unlabeled", folds=3)
    assert len(data) == 6 and data.labels.tolist() == [0, 2, -1, -1, -1, -1]
    np.testing.assert_array_equal(np.asarray(data[1][0]), given[2].transpose(1, 2, 0))
    with pytest.raises(ValueError, match="folds"):
        datasets.STL10(root, folds=10)


def test_svhn(tmp_path, monkeypatch):
    scipy_io = pytest.importorskip("scipy.io")
    pixels = RNG.randint(0, 256, (32, 32, 3, 4)).astype(np.uint8)
    path = str(tmp_path / "train_32x32.mat")
    scipy_io.savemat(path, {"X": pixels, "y": np.array([[10], [1], [2], [9]])})
    md5 = utils.calculate_md5(path)
    monkeypatch.setitem(datasets.SVHN.split_list, "train", [*datasets.SVHN.split_list["train"][:2], md5])
    data = datasets.SVHN(str(tmp_path))
    assert data.labels.tolist() == [0, 1, 2, 9]
    picture, label = data[3]
    assert label == 9 and np.array_equal(np.asarray(picture), pixels[..., 3])
    with pytest.raises(RuntimeError, match="download=True"):
        datasets.SVHN(str(tmp_path), "test")


def test_celeba(tmp_path, monkeypatch):
    home = tmp_path / "celeba"
    home.mkdir()
    names = [f"{i:06d}.jpg" for i in range(3)]
    rows = lambda *columns: "".join(f"{n} {'  '.join(str(c[i]) for c in columns)}\n" for i, n in enumerate(names))
    (home / "list_eval_partition.txt").write_text(rows([0, 1, 0]))
    (home / "identity_CelebA.txt").write_text(rows([7, 8, 9]))
    (home / "list_bbox_celeba.txt").write_text("3\nimage_id x y w h\n" + rows([1, 2, 3], [1, 2, 3], [4, 5, 6], [4, 5, 6]))
    (home / "list_landmarks_align_celeba.txt").write_text("3\na b\n" + rows([1, 2, 3], [4, 5, 6]))
    (home / "list_attr_celeba.txt").write_text("3\nYoung Smiling\n" + rows([1, -1, -1], [-1, 1, 1]))
    for name in names:
        save(str(home / "img_align_celeba" / name))
    monkeypatch.setattr(datasets.celeba, "check_integrity", lambda path, md5=None: os.path.isfile(path))
    data = datasets.CelebA(str(tmp_path), target_type=["attr", "identity"])
    assert len(data) == 2 and data.attr_names == ["Young", "Smiling"] and data.filename == [names[0], names[2]]
    attributes, identity = data[1][1]
    assert attributes.tolist() == [0, 1] and int(identity) == 9
    assert len(datasets.CelebA(str(tmp_path), split="all")) == 3
    with pytest.raises(ValueError, match="'other'"):
        datasets.CelebA(str(tmp_path), split="other")


def test_folders_of_classes(tmp_path, monkeypatch):
    root = str(tmp_path)
    for part, count in (("cat", 2), ("BACKGROUND_Google", 1), ("ant", 3)):
        for i in range(count):
            save(os.path.join(root, "caltech101", "101_ObjectCategories", part, f"image_{i + 1:04d}.jpg"))
    data = datasets.Caltech101(root)
    assert data.categories == ["ant", "cat"] and [data[i][1] for i in range(5)] == [0, 0, 0, 1, 1]
    save(os.path.join(root, "caltech256", "256_ObjectCategories", "001.ak47", "001_0001.jpg"))
    assert datasets.Caltech256(root)[0][1] == 0
    pets = os.path.join(root, "oxford-iiit-pet")
    os.makedirs(os.path.join(pets, "annotations"))
    with open(os.path.join(pets, "annotations", "trainval.txt"), "w") as file:
        file.write("Great_Dane_7 2 2 1\nabyssinian_1 1 1 1\n")
    for name in ("Great_Dane_7", "abyssinian_1"):
        save(os.path.join(pets, "images", name + ".jpg"))
        save(os.path.join(pets, "annotations", "trimaps", name + ".png"), mode="L", value=2)
    data = datasets.OxfordIIITPet(root, target_types=["category", "binary-category", "segmentation"])
    assert data.classes == ["Abyssinian", "Great Dane"] and data[0][1][:2] == (1, 1) and np.asarray(data[0][1][2]).max() == 2
    home = os.path.join(root, "omniglot-py")
    for character in ("Greek/a", "Greek/b", "Latin/a"):
        for i in range(2):
            save(os.path.join(home, "images_background", character, f"{i}.png"), mode="L")
    open(os.path.join(home, "images_background.zip"), "wb").close()
    empty = utils.calculate_md5(os.path.join(home, "images_background.zip"))
    monkeypatch.setitem(datasets.Omniglot.zips_md5, "images_background", empty)
    data = datasets.Omniglot(root)
    assert len(data) == 6 and [data[i][1] for i in range(6)] == [0, 0, 1, 1, 2, 2] and data[0][0].mode == "L"


def test_qmnist(tmp_path):
    raw = tmp_path / "QMNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = RNG.randint(0, 256, (4, 28, 28)).astype(np.uint8)
    labels = RNG.randint(0, 10, (4, 8)).astype(">i4")
    (raw / "qmnist-train-images-idx3-ubyte").write_bytes(struct.pack(">BBBBiii", 0, 0, 8, 3, 4, 28, 28) + pixels.tobytes())
    with gzip.open(raw / "qmnist-train-labels-idx2-int.gz", "wb") as file:
        file.write(struct.pack(">BBBBii", 0, 0, 12, 2, 4, 8) + labels.tobytes())
    data = datasets.QMNIST(str(tmp_path))
    assert data[2][1] == labels[2, 0] and np.array_equal(np.asarray(data[2][0]), pixels[2])
    assert datasets.QMNIST(str(tmp_path), compat=False)[1][1].tolist() == labels[1].tolist()
    with pytest.raises(ValueError, match="'other'"):
        datasets.QMNIST(str(tmp_path), what="other")


def test_lsun_names_the_package(tmp_path):
    if datasets.LSUN._verify_classes("val")[0] != "bedroom_val":
        raise AssertionError
    with pytest.raises(ValueError, match="'attic'"):
        datasets.LSUN(str(tmp_path), classes=["attic_train"])
    try:
        import lmdb  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(ModuleNotFoundError, match="pip install lmdb"):
            datasets.LSUN(str(tmp_path), classes=["bedroom_train"])


def test_archives(tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("hello")
    for ending, mode in ((".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz"), (".tar.xz", "w:xz"), (".tar.bz2", "w:bz2")):
        path = tmp_path / ("pack" + ending)
        with tarfile.open(path, mode) as pack:
            pack.add(source, "inner/a.txt")
        out = tmp_path / ("out" + ending)
        utils.extract_archive(str(path), str(out), remove_finished=True)
        assert (out / "inner" / "a.txt").read_text() == "hello" and not path.exists()
    with lzma.open(tmp_path / "b.txt.xz", "wb") as file:
        file.write(b"packed")
    assert utils.extract_archive(tmp_path / "b.txt.xz") == str(tmp_path / "b.txt") and (tmp_path / "b.txt").read_text() == "packed"
    with pytest.raises(RuntimeError, match="can be read"):
        utils.extract_archive(source)


def test_archives_stay_in_their_folder(tmp_path):
    bad = tmp_path / "bad.tar"
    (tmp_path / "a.txt").write_text("x")
    with tarfile.open(bad, "w") as pack:
        pack.add(tmp_path / "a.txt", "../escaped.txt")
    with pytest.raises(tarfile.OutsideDestinationError):
        utils.extract_archive(bad, tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as pack:
        pack.writestr("../escaped.txt", "x")
    utils.extract_archive(tmp_path / "bad.zip", tmp_path / "out")
    assert not (tmp_path / "escaped.txt").exists()


def test_download(tmp_path):
    source = tmp_path / "site" / "a.zip"
    source.parent.mkdir()
    with zipfile.ZipFile(source, "w") as pack:
        pack.writestr("b.txt", "c")
    md5 = utils.calculate_md5(source)
    utils.download_and_extract_archive(source.as_uri(), tmp_path / "root", md5=md5)
    assert (tmp_path / "root" / "b.txt").read_text() == "c" and utils.check_md5(tmp_path / "root" / "a.zip", md5)
    with pytest.raises(RuntimeError, match="wrong checksum"):
        utils.download_url(source.as_uri(), tmp_path / "other", md5="0" * 32)
    assert utils.list_files(tmp_path / "root", ".txt") == ["b.txt"] and utils.list_dir(tmp_path) == ["other", "root", "site"]


def test_drawing():
    from lightwell.vision import utils as draw

    x = lightwell.zeros(3, 20, 30, dtype=lightwell.uint8)
    boxed = draw.draw_bounding_boxes(x, lightwell.tensor([[2.0, 3, 12, 10]]), labels=["a"], colors="red", width=2)
    assert boxed[0, 3, 5] == 255 and boxed[1].max() == 0 and x.max() == 0
    masks = lightwell.zeros(2, 20, 30, dtype=lightwell.bool)
    masks[0, :10], masks[1, 5:] = True, True
    painted = draw.draw_segmentation_masks(x + 100, masks, alpha=0.5, colors=["red", (0, 0, 200)])
    assert painted[:, 0, 0].tolist() == [177, 50, 50] and painted[:, 7, 0].tolist() == [50, 50, 50]
    points = draw.draw_keypoints(x, lightwell.tensor([[[4, 5], [20, 15]]]), connectivity=[(0, 1)], colors="blue", radius=1)
    assert points[2, 5, 4] == 255 and points.sum() > 0
    flow = draw.flow_to_image(lightwell.tensor([1.0, 0, 0, -1]).view(2, 1, 2).contiguous())
    assert flow.shape == (3, 1, 2) and len({tuple(flow[:, 0, i].tolist()) for i in range(2)}) == 2
    with pytest.raises(ValueError, match="xmin"):
        draw.draw_bounding_boxes(x, lightwell.tensor([[5.0, 3, 2, 10]]))
    with pytest.raises(ValueError, match="individual"):
        draw.draw_segmentation_masks(x[None], masks)
    with pytest.warns(UserWarning, match="any box"):
        draw.draw_bounding_boxes(x, lightwell.zeros(0, 4))
