"""Both directions with PyTorch itself."""

import io
from collections import Counter, OrderedDict

import numpy as np
import pytest

from lightwell import dtypes
from lightwell._utils import _rebuild_parameter
from lightwell.serialization import load, save
from lightwell.tensor import Tensor, wrap
from tests.serialization.helpers import loaded, saved

torch = pytest.importorskip("torch")
LATE = [d for d in dtypes.ALL if d.name.startswith(("float8", "uint")) and d.name != "uint8"]


def theirs(obj, **options) -> bytes:
    f = io.BytesIO()
    torch.save(obj, f, **options)
    return f.getvalue()


def back(data: bytes, **options):
    return torch.load(io.BytesIO(data), **options)


def same(a: Tensor, b):
    assert a.dtype.name == str(b.dtype).removeprefix("torch.") and tuple(a.shape) == tuple(b.shape)
    assert a.requires_grad == b.requires_grad
    if b.numel() > 1:
        assert tuple(a.stride()) == b.stride()
    raw = b.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format).view(-1).view(torch.uint8)
    assert np.ascontiguousarray(a._a).tobytes() == raw.numpy().tobytes()


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
def test_every_dtype_and_view(dtype, new):
    x = torch.arange(24).remainder(2 if dtype.name == "bool" else 100).to(getattr(torch, dtype.name)).reshape(2, 3, 4)
    given = [x, x.transpose(0, 2), x[1:, ::2, 1:], x[0, 0, 0], x[:0], x[..., :1].expand(2, 3, 5), x[1].clone()]
    ours = loaded(theirs(given, _use_new_zipfile_serialization=new))
    for a, b in zip(ours, given):
        same(a, b)
    assert all(a._storage_owner() is ours[0]._storage_owner() for a in ours[1:6] if a.numel())
    if dtype in LATE and not new:
        with pytest.raises(AttributeError):  # PyTorch can't read its own old-form files of these
            back(theirs(given, _use_new_zipfile_serialization=False))
        again = loaded(saved(ours, _use_new_zipfile_serialization=False))
        assert all(np.array_equal(a._a.view(np.uint8), b._a.view(np.uint8)) for a, b in zip(again[:1], ours))
        return
    again = back(saved(ours, _use_new_zipfile_serialization=new))
    for a, b in zip(ours, again):
        same(a, b)
    assert {t.untyped_storage().data_ptr() for t in again[:6] if t.numel()} == {again[0].untyped_storage().data_ptr()}
    assert again[6].untyped_storage().data_ptr() != again[0].untyped_storage().data_ptr()


@pytest.mark.parametrize("new", [True, False])
def test_containers_and_small_things(new):
    t = torch.ones(2, requires_grad=True)
    tagged = torch.zeros(1)
    tagged.note = "hi"
    given = {
        "size": torch.Size([2, 0]), "dtype": torch.bfloat16, "device": torch.device("cpu"), "cuda": torch.device("cuda:1"),
        "layout": torch.strided, "counter": Counter("aab"), "set": {1, "x"}, "complex": 1 - 2j, "bytes": b"\x00\xff",
        "array": bytearray(b"ab"), "nest": [(1, [2.5, {"k": None}]), True, -(10**30), 2**31, "\u00e9\ud800"], 3: OrderedDict(b=1, a=2),
    }  # fmt: skip
    tensors = [
        t,
        t * 2,
        torch.nn.Parameter(torch.ones(3)),
        torch.nn.Parameter(torch.ones(3, dtype=torch.int64), requires_grad=False),
        tagged,
    ]
    tensors += [torch.tensor([1 + 2j]).conj(), torch.tensor([1 + 2j]).conj().imag]
    options = {"_use_new_zipfile_serialization": new}
    mine, ts = loaded(theirs([given, tensors], **options))
    for a, b in zip(ts, tensors):
        same(a, b)
    assert ts[4].note == "hi" and type(ts[2]).__name__ == "Parameter"
    plain = {k: v for k, v in given.items() if k not in ("size", "dtype", "device", "cuda", "layout")}
    assert {k: mine[k] for k in plain} == plain and list(mine[3]) == ["b", "a"]
    assert [repr(mine[k]) for k in ("size", "dtype", "device", "cuda", "layout")] == [
        "torch.Size([2, 0])", "torch.bfloat16", "device(type='cpu')", "device(type='cuda', index=1)", "torch.strided"
    ]  # fmt: skip
    again, ts2 = back(saved([mine, ts], **options))
    assert again == given and ts2[4].note == "hi" and type(ts2[2]) is torch.nn.Parameter and not ts2[3].requires_grad
    for a, b in zip(ts, ts2):
        same(a, b)


def test_training_state():
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    opts = [torch.optim.Adam(net.parameters()), torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)]
    net(torch.rand(4, 3)).sum().backward()
    for o in opts:
        o.step()
    plan = torch.optim.lr_scheduler.StepLR(opts[0], 3)
    given = {
        "net": net.state_dict(),
        "opts": [o.state_dict() for o in opts],
        "plan": plan.state_dict(),
        "rng": torch.get_rng_state(),
    }
    ours = loaded(theirs(given))
    assert ours["net"]._metadata == given["net"]._metadata
    again = back(saved(ours))
    assert torch.equal(again["rng"], given["rng"]) and again["plan"] == given["plan"]
    assert again["opts"][0]["param_groups"] == given["opts"][0]["param_groups"]
    net.load_state_dict(again["net"])
    for o, state in zip(opts, again["opts"]):
        o.load_state_dict(state)


def test_one_memory_as_two_dtypes_is_read_by_pytorch():
    a = np.arange(4, dtype=np.float32)
    x, y = back(saved([wrap(a), wrap(a.view(np.int32))]))
    assert y.dtype is torch.int32 and x.data_ptr() == y.data_ptr() and torch.equal(x.view(torch.int32), y)


def test_paths_and_mapping(tmp_path):
    x = torch.arange(1000.0)
    torch.save({"x": x, "y": x[10:20]}, tmp_path / "t.pt")
    ours = load(tmp_path / "t.pt", mmap=True)
    same(ours["y"], x[10:20])
    save(ours, tmp_path / "l.pt")
    again = torch.load(tmp_path / "l.pt", mmap=True)
    assert torch.equal(again["y"], x[10:20]) and again["y"].storage_offset() == 10


def test_parameter_with_attributes():
    p = _rebuild_parameter(wrap(np.ones(2, np.float32)), True, None)
    p.note = 3
    q = back(saved(p))
    assert type(q) is torch.nn.Parameter and q.note == 3 and loaded(saved(p)).note == 3


def test_without_checksums(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(torch.ones(3), tmp_path / "x.pt")
    finally:
        torch.serialization.set_crc32_options(True)
    same(load(tmp_path / "x.pt"), torch.ones(3))


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_bare_storages():
    s = loaded(theirs(torch.arange(3.0).untyped_storage()))
    assert s.nbytes() == 12 and torch.equal(
        torch.tensor(back(saved(s)).tolist()), torch.tensor(torch.arange(3.0).untyped_storage().tolist())
    )


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_exceptions_are_of_pytorchs_type(kind):
    good = theirs({"x": torch.arange(10)})
    data = [b"", good[: len(good) // 2], good.replace(b"QK\x00K\n", b"QK\x05K\n"), theirs(range(3))][kind]
    if kind == 2:
        import zipfile

        z, out = zipfile.ZipFile(io.BytesIO(good)), io.BytesIO()
        with zipfile.ZipFile(out, "w") as w:
            for n in z.namelist():
                w.writestr(n, z.read(n).replace(b"QK\x00K\n", b"QK\x05K\n"))
        data = out.getvalue()
    with pytest.raises(Exception) as wanted:
        back(data)
    with pytest.raises(Exception) as got:
        loaded(data)
    assert got.type == wanted.type
