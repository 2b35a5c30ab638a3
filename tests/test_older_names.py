"""Older names at the front door: storages by type, removed functions, fill, swap_tensors."""

import os

import pytest

import lightwell as lw


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_storages():
    s = lw.FloatStorage([1, 2])
    assert s.tolist() == [1.0, 2.0] and type(s) is lw.TypedStorage and s.dtype is lw.float32 and lw.FloatStorage.dtype is lw.float32
    assert isinstance(lw.ones(1).storage(), lw.FloatStorage) and not isinstance(lw.ones(1).storage(), lw.LongStorage)
    assert len(lw.LongStorage(3)) == 3 and lw.Storage is lw.FloatStorage and not isinstance(1, lw.BoolStorage)
    torch = pytest.importorskip("torch")
    for name in "BFloat16 Bool Byte Char ComplexDouble ComplexFloat Double Float Half Int Long Short".split():
        ours, theirs = getattr(lw, f"{name}Storage"), getattr(torch, f"{name}Storage")
        assert str(ours.dtype) == str(theirs.dtype) and str(ours([1, 0]).tolist()) == str(theirs([1, 0]).tolist())


@pytest.mark.parametrize("name", ["eig", "symeig", "solve", "lstsq", "matrix_rank"])
def test_removed(name):
    with pytest.raises(RuntimeError, match=r"now removed: torch\.linalg"):
        getattr(lw, name)(lw.ones(2, 2), lw.ones(2, 1))
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError, match="removed"):
        getattr(torch, name)(torch.ones(2, 2), torch.ones(2, 1)) if name in ("solve", "lstsq") else getattr(torch, name)(torch.ones(2, 2))


def test_fill():
    x, v = lw.ones(2, requires_grad=True), lw.tensor(3.0, requires_grad=True)
    y = lw.fill(x, v)
    y.sum().backward()
    assert y.tolist() == [3.0, 3.0] and x.tolist() == [1.0, 1.0] and x.grad.tolist() == [0.0, 0.0] and v.grad.item() == 2.0
    assert lw.fill(lw.ones(2, dtype=lw.int64), 4).tolist() == [4, 4]


def test_about_the_build():
    assert os.path.exists(lw.get_file_path("torch", "version.py")) and lw.has_lapack and not lw.is_vulkan_available()
    lw.set_anomaly_enabled(True, False)
    assert lw.is_anomaly_enabled() and not lw.is_anomaly_check_nan_enabled()
    lw.set_anomaly_enabled(False)
    assert lw.is_anomaly_enabled() is False


def test_swap_tensors():
    a, b = lw.nn.Parameter(lw.ones(2)), lw.zeros(3)
    a.mark, a.grad = "a", lw.ones(2)
    known = a
    lw.utils.swap_tensors(a, b)
    assert known is a and type(a) is lw.Tensor and a.tolist() == [0.0] * 3 and not a.requires_grad and a.grad is None
    assert type(b) is lw.nn.Parameter and b.mark == "a" and b.requires_grad and b.grad.tolist() == [1.0, 1.0] and not hasattr(a, "mark")
    with pytest.raises(RuntimeError, match="t2 is a result"):
        lw.utils.swap_tensors(a, b * 2)
    assert a.tolist() == [0.0] * 3


def test_hardshrink_is_a_method():
    x = lw.tensor([-1.0, 0.3, 0.6], requires_grad=True)
    y = x.hardshrink()
    y.sum().backward()
    assert y.tolist() == pytest.approx([-1.0, 0.0, 0.6]) and x.grad.tolist() == [1.0, 0.0, 1.0]
    assert x.hardshrink(lambd=0.7).tolist() == [-1.0, 0.0, 0.0]
