"""The memory map: storages, coverage and overlaps, counted exactly."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lightwell as torch
from lightwell.explain.memory import memory, shares_memory
from lightwell.explain.memory.storages import View, collect, common_bytes, runs


@pytest.fixture(autouse=True)
def english():
    torch.set_language("en")
    yield
    torch.set_language(None)


@st.composite
def windows(draw):
    """Two strided windows on one memory of 64 bytes or more."""
    memory = np.zeros(192, np.uint8)
    out = []
    for _ in range(2):
        item = draw(st.sampled_from([1, 2, 4]))
        shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
        strides = [draw(st.integers(0, 6)) * item for _ in shape]
        span = sum((n - 1) * s for n, s in zip(shape, strides)) + item
        offset = draw(st.integers(0, (192 - span) // item)) * item
        out.append(np.ndarray(shape, f"u{item}", memory.data, offset, strides))
    return memory, *out


def _mask(memory, a):
    where = np.zeros(memory.size, bool)
    start = a.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    for index in np.ndindex(a.shape):
        at = start + sum(i * s for i, s in zip(index, a.strides))
        where[at : at + a.itemsize] = True
    return where


@settings(max_examples=300, deadline=None)
@given(windows())
def test_runs_and_overlaps_are_exact(drawn):
    memory, a, b = drawn
    base = memory.__array_interface__["data"][0]
    starts, length = runs(a)
    where = np.zeros(memory.size, int)
    for s in starts - base:
        where[s : s + length] += 1
    assert where.max() == 1 and (where.astype(bool) == _mask(memory, a)).all()
    common = int((_mask(memory, a) & _mask(memory, b)).sum())
    assert common_bytes(a, b) == common
    assert shares_memory(a, b) == bool(common)


@settings(max_examples=100, deadline=None)
@given(windows(), st.sampled_from([192, 48, 7]))
def test_bars_are_exact(drawn, cells):
    memory, a, _ = drawn
    storages, _ = collect([("m", memory, "array"), ("a", a, "array")])
    view = next(v for v in storages[0].views if v.name == "a")
    wanted = np.repeat(_mask(memory, a).astype(float), cells).reshape(cells, 192).mean(1)
    assert np.allclose(view.coverage(cells), wanted)


def test_shares_memory_is_exact_not_only_the_same_storage():
    x = torch.arange(12).reshape(3, 4)
    assert shares_memory(x, x.t()) and shares_memory(x[1], x[:, 2]) and not shares_memory(x[0], x[1])
    assert not shares_memory(x[:, ::2], x[:, 1::2]) and not shares_memory(x, x.clone())
    a = np.ones(4)
    assert shares_memory(torch.from_numpy(a), a) and shares_memory(a[:2], torch.from_numpy(a)[1:]) and not shares_memory(a[:2], a[2:])
    assert not shares_memory(torch.empty(2, device="meta"), x) and not shares_memory(torch.zeros(0), torch.zeros(0))
    s = torch.eye(2).to_sparse()
    assert shares_memory(s, s._values()) and not shares_memory(s, x)
    with pytest.raises(TypeError, match=r"'b' must be Tensor or numpy\.ndarray, not list"):
        shares_memory(x, [1])
    b = bytearray(16)
    assert shares_memory(torch.frombuffer(b, dtype=torch.int32), torch.frombuffer(b, dtype=torch.int64))


def test_names_come_from_the_call():
    x = torch.arange(6)
    m = memory(x, x[2:], y=x.view(2, 3))
    assert [v.name for v in m.views] == ["x", "x[2:]", "y"]
    assert len(m.storages) == 1 and m.bytes == 48 and m.storage_of("y") is m.storages[0]
    assert [v.base for v in m.views] == [None, "x", "x"] and [v.offset for v in m.views] == [0, 16, 0]
    assert memory(*[x, x]).views[0].names == ["x"]
    with pytest.raises(KeyError, match="no tensor 'z'"):
        m.storage_of("z")
    with pytest.raises(TypeError, match="argument 'n' must be Tensor"):
        memory(n=3)


def test_what_a_map_tells():
    x = torch.zeros(3, 4)
    x.add_(1)
    text = str(memory(x, column=x[:, 1], row=x[1], wide=x[0].expand(5, 4), array=x.numpy()))
    assert "1 storage, 48 bytes, 5 views" in text and "written in place once" in text
    assert "·█···█···█··" in text and "····████····" in text
    assert "column ∩ row: 1 element" in text and "x, array show the same 12 elements" in text and "row ∩ wide = ∅" in text
    assert "dimension 0 has stride 0" in text
    torch.set_language("zh")
    told = str(memory(x, column=x[:, 1]))
    assert "1 块存储" in told and "不连续" in told and "storage" not in told


def test_tied_parameters_and_foreign_memory():
    net = torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.Linear(3, 5, bias=False))
    net[1].weight = net[0].weight
    m = memory(net)
    assert m.views[0].names == ["net.0.weight", "net.1.weight"] and "tied" in str(m) and m.bytes == 60
    buffer = bytearray(16)
    pair = memory(a=torch.frombuffer(buffer, dtype=torch.int32), b=torch.frombuffer(buffer, dtype=torch.float32, offset=8))
    assert len(pair.storages) == 1 and "dtype" in str(pair)


def test_a_long_map_lists_what_is_plain(tmp_path):
    net = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for _ in range(6)])
    m = memory(net, first=net[0].weight[0])
    text = str(m)
    assert "storages with one view each" in text and text.count("\n") < 24 and "net.5.bias" in text and "⊂ net.0.weight" in text
    assert "net.5.bias" in m.svg()


def test_tensors_without_memory_and_sparse_ones():
    text = str(memory(m=torch.empty(2, 3, device="meta"), e=torch.zeros(0, 3), s=torch.eye(3).to_sparse(), c=torch.eye(3).to_sparse_csr()))
    assert "without memory" in text and "meta" in text and "s.indices" in text and "c.crow_indices" in text


def test_pictures_are_well_formed(tmp_path):
    x = torch.arange(10.0)
    big = torch.zeros(200, 300)
    m = memory(x, x[::2], big, big[:, :100].t(), x.numpy(), s=torch.tensor([True, False]), z=torch.ones(2, dtype=torch.complex64))
    for path in ("map.svg", "map.html", "map.txt"):
        m.save(tmp_path / path)
    root = ElementTree.fromstring((tmp_path / "map.svg").read_text(encoding="utf-8"))
    assert root.tag.endswith("svg") and len(list(root.iter("{http://www.w3.org/2000/svg}rect"))) > 30
    assert "<svg" in (tmp_path / "map.html").read_text(encoding="utf-8") and m._repr_svg_() == m._repr_html_()
    with pytest.raises(ValueError, match=r"must end in \.svg"):
        m.save(tmp_path / "map.gif")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.html", "map.svg", "map.txt"]


def test_large_maps_are_quick_and_right():
    x = torch.zeros(3000, 3000)
    v = View("v", x[::2, 1::3], "tensor")
    assert v.covered is None or v.covered == 1500 * 1000 * 4
    assert common_bytes(x[:, :10]._a, x[:, 5:20]._a) == 3000 * 5 * 4
    assert "30,000 elements" in str(memory(x, x[:, :10], x.t()))
