"""Devices: how they are named, compared, pickled and made the default."""

import copy
import pickle
import threading

import pytest

from lightwell.device import as_device, device, get_default_device, set_default_device


@pytest.mark.parametrize(
    ("args", "kwargs", "kind", "index", "text", "shown"),
    [
        (("cpu",), {}, "cpu", None, "cpu", "device(type='cpu')"),
        (("cpu:0",), {}, "cpu", 0, "cpu:0", "device(type='cpu', index=0)"),
        (("cuda:1",), {}, "cuda", 1, "cuda:1", "device(type='cuda', index=1)"),
        (("cuda", 1), {}, "cuda", 1, "cuda:1", "device(type='cuda', index=1)"),
        (("cuda", None), {}, "cuda", None, "cuda", "device(type='cuda')"),
        ((b"meta",), {}, "meta", None, "meta", "device(type='meta')"),
        ((device("xpu:2"),), {}, "xpu", 2, "xpu:2", "device(type='xpu', index=2)"),
        ((), {"type": "cuda", "index": 2}, "cuda", 2, "cuda:2", "device(type='cuda', index=2)"),
        ((), {"device": "mps"}, "mps", None, "mps", "device(type='mps')"),
        (("cuda:127",), {}, "cuda", 127, "cuda:127", "device(type='cuda', index=127)"),
    ],
)
def test_names(args, kwargs, kind, index, text, shown):
    place = device(*args, **kwargs)
    assert (place.type, place.index, str(place), f"{place}", repr(place)) == (kind, index, text, text, shown)


BAD = [
    (("foo",), {}, RuntimeError, "Expected one of cpu, cuda, .*foo"),
    (("CPU",), {}, RuntimeError, "Expected one of cpu, cuda"),
    (("foo", 1), {}, RuntimeError, "Expected one of cpu, cuda"),
    (("",), {}, RuntimeError, "empty"),
    (("cuda:",), {}, RuntimeError, "Invalid device string"),
    (("cuda:-1",), {}, RuntimeError, "Invalid device string"),
    (("cuda:01",), {}, RuntimeError, "Invalid device string"),
    (("cuda:1:2",), {}, RuntimeError, "Invalid device string"),
    ((" cpu",), {}, RuntimeError, "Invalid device string"),
    (("cpu\n",), {}, RuntimeError, "Invalid device string"),
    (("cuda:\u0663",), {}, RuntimeError, "Invalid device string"),
    (("cuda:0", 1), {}, RuntimeError, "must not include an index"),
    ((), {"type": "cuda:1"}, RuntimeError, "must not include an index"),
    (("cuda", -1), {}, RuntimeError, "negative"),
    ((0,), {}, RuntimeError, "accelerator"),
    ((-1,), {}, RuntimeError, "negative"),
    (("cuda", "1"), {}, TypeError, "'index'"),
    (("cuda", True), {}, TypeError, "'index'"),
    ((device("cuda"), 1), {}, TypeError, "'type'"),
    ((1.5,), {}, TypeError, "float"),
    ((None,), {}, TypeError, "NoneType"),
    ((True,), {}, TypeError, "bool"),
    ((), {}, TypeError, "device"),
    ((), {"index": 1}, TypeError, "type"),
    ((), {"type": 0}, TypeError, "type"),
    (("cpu",), {"foo": 1}, TypeError, "foo"),
]


@pytest.mark.parametrize(("args", "kwargs", "error", "message"), BAD)
def test_bad_arguments(args, kwargs, error, message):
    with pytest.raises(error, match=message):
        device(*args, **kwargs)


def test_bad_arguments_like_torch():
    torch = pytest.importorskip("torch")
    for args, kwargs, error, _ in BAD:
        args = tuple(torch.device(str(a)) if isinstance(a, device) else a for a in args)
        with pytest.raises(error):
            torch.device(*args, **kwargs)


@pytest.mark.parametrize("index", [128, 10**30])
def test_an_index_beyond_the_byte_is_refused(index):
    with pytest.raises(RuntimeError, match="at most 127"):
        device(f"cuda:{index}")
    with pytest.raises(RuntimeError, match="at most 127"):
        device("cuda", index)


def test_equality_and_hash():
    assert device("cuda:1") == device("cuda", 1) and hash(device("cuda:1")) == hash(device("cuda", 1))
    assert device("cpu") != device("cpu:0")
    assert device("cpu") != "cpu"
    assert len({device("cpu"), device("cpu"), device("cuda")}) == 2
    with pytest.raises(TypeError):
        device("cpu") < device("cuda")


def test_immutable():
    place = device("cpu")
    for name in ("type", "index", "other"):
        with pytest.raises(AttributeError):
            setattr(place, name, "cuda")


def test_every_type_of_torch():
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError) as theirs:
        torch.device("foo")
    with pytest.raises(RuntimeError) as ours:
        device("foo")
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("name", ["cpu", "cuda:3"])
def test_copies_and_pickles(name):
    place = device(name)
    assert copy.deepcopy(place) == place == copy.copy(place)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(place, protocol)) == place
    assert place.__reduce__() == (device, ("cpu",) if name == "cpu" else ("cuda", 3))


def test_default_device():
    assert get_default_device() == device("cpu")
    try:
        set_default_device("meta")
        assert get_default_device() == as_device(None) == device("meta")
        seen = []
        thread = threading.Thread(target=lambda: seen.append(get_default_device()))
        thread.start()
        thread.join()
        assert seen == [device("cpu")]
        with device("cpu") as place:
            assert place == device("cpu") == get_default_device()
            with device("cuda:1"):
                assert as_device(None) == device("cuda:1")
            assert get_default_device() == device("cpu")
        with pytest.raises(KeyError), device("cpu"):
            raise KeyError
        assert get_default_device() == device("meta")
    finally:
        set_default_device(None)
    assert get_default_device() == device("cpu")
    with pytest.raises(RuntimeError, match="Expected one of"):
        set_default_device("foo")


def test_as_device():
    place = device("cuda:1")
    assert as_device(place) is place
    assert as_device("cuda:1") == place
    with pytest.raises(TypeError):
        as_device(1.5)
