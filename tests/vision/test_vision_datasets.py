"""Image datasets: files packed and unpacked, damaged and missing, downloads, and batches equal to single samples."""

import functools
import gzip
import hashlib
import http.server
import os
import pathlib
import threading

import numpy as np
import pytest

import lightwell
from lightwell.utils.data import DataLoader, Subset, default_collate
from lightwell.vision import datasets
from lightwell.vision.datasets.mnist import read_idx
from lightwell.vision.transforms import Compose, Lambda, Normalize, ToTensor

DATA = pathlib.Path(os.environ.get("LIGHTWELL_DATA") or pathlib.Path(__file__).parents[3] / "shared" / "data")
real = pytest.mark.skipif(
    not (DATA / "FashionMNIST").is_dir(),
    reason="needs the real files: set LIGHTWELL_DATA to a folder with FashionMNIST",
)


def idx(array):
    """An array of bytes as the content of an IDX file."""
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A folder with a tiny MNIST, two files packed and two not, and their sums told to the class."""
    monkeypatch.delenv("LIGHTWELL_DATA", raising=False)
    raw = tmp_path / "there" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    sums = []
    for part, n in (("train", 6), ("t10k", 3)):
        for name, array in (
            (f"{part}-images-idx3-ubyte", rng.integers(0, 256, (n, 28, 28))),
            (f"{part}-labels-idx1-ubyte", rng.integers(0, 10, n)),
        ):
            packed = gzip.compress(idx(array))
            if part == "train":
                (raw / f"{name}.gz").write_bytes(packed)
            else:
                (raw / name).write_bytes(idx(array))
                (tmp_path / f"{name}.gz").write_bytes(packed)
            sums.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "resources", sums)
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:1/"])
    return tmp_path / "there"


def test_packed_and_unpacked_files(small):
    train, test = datasets.MNIST(small), datasets.MNIST(small, train=False, download=True)
    assert len(train) == 6 and train.data.shape == (6, 28, 28) and train.data.dtype == lightwell.uint8
    assert len(test) == 3 and test.targets.dtype == lightwell.int64 and train.classes[3] == "3 - three"
    assert sorted(p.name for p in (small / "MNIST" / "raw").iterdir() if p.suffix == ".part") == []
    assert repr(test) == f"Dataset MNIST\n    Number of datapoints: 3\n    Root location: {small}\n    Split: Test"


def test_samples_are_pillow_images(small):
    pytest.importorskip("PIL.Image")
    data = datasets.MNIST(small)
    picture, target = data[2]
    assert picture.mode == "L" and picture.size == (28, 28) and type(target) is int
    assert np.array_equal(np.asarray(picture), data.data[2].numpy()) and target == data.targets[2].item()


def test_environment_names_the_folder(small, tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTWELL_DATA", str(small))
    assert len(datasets.MNIST()) == 6
    assert len(datasets.MNIST(tmp_path / "empty", download=True)) == 6  # there already: nothing is fetched
    assert not (tmp_path / "empty").exists()


def test_missing_files(tmp_path, monkeypatch):
    monkeypatch.delenv("LIGHTWELL_DATA", raising=False)
    with pytest.raises(RuntimeError, match=r"(?s)FashionMNIST: not found.*download=True.*LIGHTWELL_DATA"):
        datasets.FashionMNIST(tmp_path)
    with pytest.raises(ValueError, match="balanced"):
        datasets.EMNIST(tmp_path, split="capitals")


def test_damaged_files(tmp_path):
    whole = idx(np.arange(12).reshape(3, 2, 2))
    for name, content, text in (
        ("a", b"hello world", "not an IDX file"),
        ("b", b"", "not an IDX file"),
        ("c", whole[:-1], "damaged: 11 bytes"),
        ("d.gz", gzip.compress(whole)[:-9], "damaged"),
        ("e.gz", b"plain", "damaged"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=text):
            read_idx(tmp_path / name)
    (tmp_path / "f").write_bytes(bytes([0, 0, 11, 1, 0, 0, 0, 2, 1, 0, 255, 255]))
    assert read_idx(tmp_path / "f").tolist() == [256, -1]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    """The folder over HTTP."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}/"
        web.shutdown()
        thread.join()


def test_download(small, server, tmp_path, monkeypatch, capsys):
    raw = small / "MNIST" / "raw"
    for name in list(raw.glob("*.gz")):
        name.rename(tmp_path / name.name)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [server + "nowhere/", server])
    data = datasets.MNIST(tmp_path / "new", download=True)
    assert len(data) == 6
    files = sorted(p.name for p in (tmp_path / "new" / "MNIST" / "raw").iterdir())
    assert files == sorted(name for name, _ in datasets.MNIST.resources)
    assert "train-images-idx3-ubyte.gz" in capsys.readouterr().err
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "new").rglob("*.gz")}
    monkeypatch.setattr(datasets.MNIST, "mirrors", [])
    datasets.MNIST(tmp_path / "new", download=True)
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "new").rglob("*.gz")}


def test_a_wrong_checksum_is_refused_and_leaves_nothing(small, server, tmp_path, monkeypatch):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    monkeypatch.setattr(datasets.MNIST, "mirrors", [server, "http://127.0.0.1:1/"])
    with pytest.raises(RuntimeError) as caught:
        datasets.MNIST(tmp_path / "new", download=True)
    text = str(caught.value)
    assert "wrong checksum" in text and server in text and "127.0.0.1:1/" in text
    assert list((tmp_path / "new" / "MNIST" / "raw").iterdir()) == []


@pytest.mark.parametrize("normalize", [False, True])
def test_quick_batches_equal_samples(normalize):
    steps = [ToTensor(), Normalize((0.3,), (0.4,))]
    data = datasets.Digits(transform=Compose(steps) if normalize else steps[0])
    quick = next(iter(DataLoader(Subset(data, range(5, 100)), batch_size=50)))
    slow = default_collate([data[i] for i in range(5, 55)])
    for a, b in zip(quick, slow, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    halved = datasets.Digits(transform=Compose([*steps, Lambda(lambda x: x / 2)]), target_transform=lambda t: -t)
    x, y = next(iter(DataLoader(halved, batch_size=3)))
    assert y.tolist() == [-t for t in data.targets[:3].tolist()] and bool((x[1] == halved[1][0]).all())


def test_quick_batches_with_pillow_in_between():
    pytest.importorskip("PIL.Image")
    data = datasets.Digits(transform=Compose([Lambda(lambda p: p.rotate(90)), ToTensor()]))
    x, _ = next(iter(DataLoader(data, batch_size=2)))
    assert x[0, 0].tolist() == data.data[0].div(255).rot90().tolist()


def test_digits():
    train, test, everything = datasets.Digits(), datasets.Digits(train=False), datasets.Digits(train=None)
    assert (len(train), len(test), len(everything)) == (1442, 355, 1797)
    assert train.data.max().item() == 255 and int(everything.data.long().sum()) > 0
    assert np.bincount(everything.targets.numpy()).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    # the first digit, as the source has it in sixteenths
    assert [round(v * 16 / 255) for v in everything.data[0, 0].tolist()] == [0, 0, 5, 13, 9, 1, 0, 0]


@real
def test_real_files():
    data = datasets.FashionMNIST(DATA, train=False, transform=ToTensor())
    x, y = next(iter(DataLoader(data, batch_size=18)))
    assert x.shape == (18, 1, 28, 28) and y.tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7, 4, 5, 7, 3, 4, 1, 2, 4]
    assert abs(data.data.float().mean().item() / 255 - 0.2868) < 1e-4
    assert data.class_to_idx["Ankle boot"] == 9
    digits = datasets.MNIST(DATA, train=False)
    assert digits.targets[:5].tolist() == [7, 2, 1, 0, 4]


def test_fake_data_and_its_stream():
    pytest.importorskip("PIL.Image")
    lightwell.manual_seed(3)
    expected = lightwell.rand(1).item()
    lightwell.manual_seed(3)
    data = datasets.FakeData(3, (3, 8, 8), transform=ToTensor())
    first, target = data[1]
    assert first.shape == (3, 8, 8) and 0 <= target < 10 and bool((data[1][0] == first).all())
    assert lightwell.rand(1).item() == expected
    with pytest.raises(IndexError):
        data[3]


def test_image_folder(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    for name, colour in (("b/x.png", 10), ("b/deep/y.PNG", 20), ("a/z.png", 30)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 3), colour).save(path)
    (tmp_path / "b" / "notes.txt").write_text("no picture")
    data = datasets.ImageFolder(tmp_path)
    assert data.classes == ["a", "b"] and data.targets == [0, 1, 1] and data[0][0].mode == "RGB"
    (tmp_path / "c").mkdir()
    with pytest.raises(FileNotFoundError, match="classes c"):
        datasets.ImageFolder(tmp_path)
    assert len(datasets.ImageFolder(tmp_path, allow_empty=True).classes) == 3


def test_cifar_reads_and_refuses(tmp_path, monkeypatch):
    import pickle

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    pixels = np.arange(2 * 3072, dtype=np.int64).reshape(2, 3072).astype(np.uint8)
    contents = {
        "train": {"data": pixels, "labels": [3, 1]},
        "test": {"data": pixels[:1], "labels": [0]},
        "meta": {"label_names": list("abcd")},
    }
    for name, value in contents.items():
        (folder / name).write_bytes(pickle.dumps(value, protocol=4))
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [["train", None]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test", None]])
    monkeypatch.setattr(datasets.CIFAR10, "meta", {"filename": "meta", "key": "label_names", "md5": None})
    data = datasets.CIFAR10(tmp_path)
    assert data.data.shape == (2, 32, 32, 3) and data.targets == [3, 1] and data.class_to_idx["d"] == 3
    assert data.data[0, 0, 1].tolist() == [1, 1, 1] and data.data[1, 2, 3].tolist() == [67, 67, 67]
    x, _ = datasets.CIFAR10(tmp_path, transform=ToTensor())[0]
    assert x.shape == (3, 32, 32)
    (folder / "train").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(pickle.UnpicklingError, match="refused"):
        datasets.CIFAR10(tmp_path)
    with pytest.raises(RuntimeError, match="download=True"):
        datasets.CIFAR100(tmp_path)
