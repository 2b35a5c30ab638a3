"""Checkpoints that PyTorch wrote are read without PyTorch; what we write is read back."""

import copy
import io
import os
import pathlib
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from lightwell import dtypes
from lightwell.serialization import load, save
from lightwell.tensor import Size, Tensor, wrap
from tests.serialization.helpers import loaded, saved

FILES = pathlib.Path(__file__).parent / "files"


def check(d):
    base = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(d["base"]._a, base) and np.array_equal(d["turned"]._a, base.T) and np.array_equal(d["part"]._a, base[1:, ::2])
    assert d["part"].stride() == (4, 2) and d["part"].storage_offset() == 4 and d["turned"].stride() == (1, 4)
    d["base"]._a[1, 0] = 99
    assert d["turned"]._a[0, 1] == 99 and d["part"]._a[0, 0] == 99, "views of one storage must share it"
    assert d["point"]._a.shape == () and d["point"]._a == 7 and d["point"].dtype is dtypes.int64
    assert tuple(d["empty"].shape) == (0, 3) and d["flag"]._a.tolist() == [True, False]
    assert d["brain"].dtype is dtypes.bfloat16 and d["brain"]._a.astype(float).tolist() == [1.5, -2.0]
    assert d["small"].dtype is dtypes.int16 and d["small"]._a.tolist() == [1, 2, 300]
    assert d["wave"]._a.tolist() == [1 - 2j]
    assert type(d["weight"]).__name__ == "Parameter" and d["weight"].requires_grad and d["weight"]._a.tolist() == [0.5]
    assert type(d["size"]) is Size and d["size"] == (2, 3) and d["kind"] is dtypes.float64 and str(d["place"]) == "cpu"
    assert d["plain"] == {"list": [1, 2.5, None, "text"], "set": {1, 2}, "bytes": b"\x00\xff", "long": 10**30}


@pytest.mark.parametrize("name", ["new.pt", "old.pt"])
@pytest.mark.parametrize("options", [{}, {"weights_only": False}])
def test_reads_what_pytorch_wrote(name, options):
    check(load(FILES / name, **options))


def test_float8_and_mapping():
    d = load(str(FILES / "new.pt"), mmap=True)
    assert d["tiny"].dtype is dtypes.float8_e4m3fn and d["tiny"]._a.astype(float).tolist() == [1.0, -0.5]
    before = (FILES / "new.pt").read_bytes()
    check(d)  # writes into the mapped memory
    assert (FILES / "new.pt").read_bytes() == before, "changes to mapped tensors must stay in memory"


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_our_own_files(new, protocol):
    d = load(FILES / "new.pt")
    d.pop("tiny")
    check(loaded(saved(d, pickle_protocol=protocol, _use_new_zipfile_serialization=new)))


def test_state_dict_keeps_its_metadata():
    d = load(FILES / "linear_state.pt")
    assert type(d) is OrderedDict and d._metadata == OrderedDict({"": {"version": 1}})
    again = loaded(saved(d))
    assert again._metadata == d._metadata and list(again) == ["weight", "bias"]


def test_records_are_those_of_pytorch(tmp_path):
    save({"x": wrap(np.ones(5))}, tmp_path / "a.b.pt")
    with zipfile.ZipFile(tmp_path / "a.b.pt") as z:
        assert z.testzip() is None
        names = "data.pkl .format_version .storage_alignment byteorder data/0 version .data/serialization_id".split()
        assert z.namelist() == [f"a.b/{n}" for n in names]
        assert z.read("a.b/version") == b"3\n" and z.read("a.b/.storage_alignment") == b"64" and z.read("a.b/byteorder") == b"little"
        for info in z.infolist():
            z.fp.seek(info.header_offset + 26)
            n, m = np.frombuffer(z.fp.read(4), "<u2").tolist()
            assert (info.header_offset + 30 + n + m) % 64 == 0
    assert saved([1]) == saved([1]), "equal contents give equal files"


def test_untidy_arrays():
    a = np.arange(6, dtype=np.float32)
    for x in (a[::-1], np.arange(6, dtype=">f4"), np.asfortranarray(a.reshape(2, 3)), np.broadcast_to(a[:1], (4, 1))):
        y = loaded(saved(wrap(x)))
        assert np.array_equal(y._a, x) and y._a.dtype.isnative


def test_one_memory_as_two_dtypes():
    a = np.arange(4, dtype=np.float32)
    x, y = loaded(saved([wrap(a), wrap(a.view(np.int32))]))
    x._a[0] = 1
    assert y.dtype is dtypes.int32 and y._a[0] == np.float32(1).view(np.int32)


def test_big_endian_files_are_turned():
    a = np.array([1.0, 2.0], np.float32)
    data = saved(wrap(a))
    z = zipfile.ZipFile(io.BytesIO(data))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as w:
        for n in z.namelist():
            raw = z.read(n)
            w.writestr(n, b"big" if n.endswith("byteorder") else a.byteswap().tobytes() if n.endswith("data/0") else raw)
    assert loaded(out.getvalue())._a.tolist() == [1, 2]


def test_several_objects_in_one_old_form_file():
    f = io.BytesIO()
    for x in ([wrap(np.ones(2))], {"a": 1}):
        save(x, f, _use_new_zipfile_serialization=False)
    f.seek(0)
    assert load(f)[0]._a.tolist() == [1, 1] and load(f) == {"a": 1}


def test_map_location(tmp_path):
    x = wrap(np.ones(3))
    data = saved(x).replace(b"X\x03\x00\x00\x00cpu", b"X\x03\x00\x00\x00gpu")  # a tag unknown here
    z = zipfile.ZipFile(io.BytesIO(saved(x)))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as w:
        for n in z.namelist():
            w.writestr(n, z.read(n).replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))
    data = out.getvalue()
    with pytest.raises(RuntimeError, match="map_location='cpu'"):
        loaded(data)
    seen = []
    for where in ("cpu", {"cuda:0": "cpu"}, lambda s, tag: s, lambda s, tag: seen.append((tag, s.nbytes())) or s.cpu()):
        assert loaded(data, map_location=where)._a.tolist() == [1, 1, 1]
    assert seen == [("cuda:0", 24)]
    with pytest.raises(RuntimeError, match="CUDA"):
        loaded(data, map_location=lambda s, tag: None)
    with pytest.raises(RuntimeError, match="xyz"):
        loaded(data, map_location="xyz")


class Holder:
    """A user's class."""

    def __init__(self):
        self.x = wrap(np.arange(3.0))


def test_user_classes_need_trust():
    data = saved(Holder())
    with pytest.raises(pickle.UnpicklingError, match=r"add_safe_globals\(\[.*Holder\]\)"):
        loaded(data)
    assert loaded(data, weights_only=False).x._a.tolist() == [0, 1, 2]
    from lightwell import serialization

    with serialization.safe_globals([Holder]):
        assert serialization.get_safe_globals() == [Holder] and loaded(data).x._a.tolist() == [0, 1, 2]
    assert serialization.get_safe_globals() == []
    serialization.add_safe_globals([(Holder, f"{Holder.__module__}.Holder")])
    assert type(loaded(data)) is Holder
    serialization.clear_safe_globals()
    with pytest.raises(pickle.UnpicklingError):
        loaded(data)


def test_numpy_by_permission():
    from lightwell.serialization import safe_globals

    data = saved({"a": np.arange(3), "s": np.float32(2)})
    with pytest.raises(pickle.UnpicklingError, match="multiarray"):
        loaded(data)
    core = np._core.multiarray
    with safe_globals([core._reconstruct, core.scalar, np.ndarray, np.dtype, type(np.dtype("f4")), type(np.dtype("i8"))]):
        d = loaded(data)
    assert d["a"].tolist() == [0, 1, 2] and d["s"] == 2 and type(d["s"]) is np.float32


def test_plain_pickle_and_deepcopy_keep_sharing():
    x = wrap(np.arange(6.0))
    x.requires_grad = True
    y = wrap(x._a[2:].view())
    for protocol in range(2, 6):
        a, b = pickle.loads(pickle.dumps((x, y), protocol))
        assert a.requires_grad and not b.requires_grad and b._a.tolist() == [2, 3, 4, 5]
        a._a[2] = -1
        assert b._a[0] == -1
    for d in dtypes.ALL:
        t = wrap(np.ones((2, 3), d.np)[:, 1:])
        back = pickle.loads(pickle.dumps(t))
        assert back.dtype is d and np.array_equal(back._a.astype(complex), t._a.astype(complex))
        assert pickle.loads(pickle.dumps(wrap(np.ones(2, d.np))))._a.dtype is d.np  # operations compare dtypes by identity
    assert type(copy.deepcopy(x)) is Tensor


class Refuses:
    """Can't be pickled, and says so halfway through."""

    def __reduce__(self):
        raise KeyError("no")


@pytest.mark.parametrize("new", [True, False])
def test_an_error_keeps_the_old_file_and_leaves_nothing(tmp_path, new):
    path = tmp_path / "x.pt"
    save(1, path)
    old = path.read_bytes()
    with pytest.raises(KeyError):
        save([wrap(np.ones(1000)), Refuses()], path, _use_new_zipfile_serialization=new)
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["x.pt"]
    f = io.BytesIO()
    with pytest.raises(KeyError):
        save(Refuses(), f, _use_new_zipfile_serialization=new)
    assert f.getvalue() == b""


def test_a_full_disk_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.pt"
    save(1, path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(2, path)
    monkeypatch.undo()
    assert load(path) == 1 and os.listdir(tmp_path) == ["x.pt"]


def test_saving_through_a_link_and_keeping_the_mode(tmp_path):
    real, link = tmp_path / "real.pt", tmp_path / "link.pt"
    save(1, real)
    os.chmod(real, 0o640)
    link.symlink_to(real)
    save(2, link)
    assert link.is_symlink() and load(real) == 2 and os.stat(real).st_mode & 0o777 == 0o640


def test_wrong_arguments(tmp_path):
    with pytest.raises(RuntimeError, match="does not exist"):
        save(1, tmp_path / "no" / "x.pt")
    with pytest.raises(AttributeError, match="write"):
        save(1, 3)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "no.pt")
    with pytest.raises(AttributeError, match="seek"):
        load(3)
    with pytest.raises(ValueError, match="mmap"):
        load(io.BytesIO(saved(1)), mmap=True)
    with pytest.raises(RuntimeError, match="mmap"):
        load(FILES / "old.pt", mmap=True)
    with pytest.raises(RuntimeError, match="pickle_module"):
        load(io.BytesIO(saved(1)), weights_only=True, pickle_module=pickle)
    with pytest.raises(ValueError, match="pickle_protocol"):
        saved(1, pickle_protocol=9)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        saved(lambda: 1)
