"""t.lw: right for every dtype, layout and size; the mode that prints it; pictures."""

import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lightwell as torch
from lightwell import nn
from lightwell.explain.glance import Glance, Statistics, sparkline


@pytest.fixture(autouse=True)
def english():
    torch.set_language("en")
    yield
    torch.glance(False)
    torch.set_language(None)


DTYPES = [
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.int8, torch.uint8,
    torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.complex64, torch.complex128,
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (7,), (3, 4, 5), (70000,), (300, 301)])
def test_every_dtype_and_shape(dtype, shape):
    torch.manual_seed(0)
    t = (torch.rand(shape, dtype=torch.float64) * 5).to(dtype)
    line = t.lw
    assert isinstance(line, str) and repr(line) == str(line) and "\n" not in line
    assert str(tuple(shape)) in line and str(dtype).removeprefix("torch.") in line
    values = np.abs(t._a) if t.is_complex() else t._a.astype(np.float64)
    if t.numel() > 1:
        assert float(line.low) == pytest.approx(float(values.min())) and float(line.high) == pytest.approx(float(values.max()))
        assert line.mean == pytest.approx(float(values.mean()), rel=1e-5) and line.std == pytest.approx(float(values.std(ddof=1)), rel=1e-4)
        assert line.zeros == int((values == 0).sum()) and line.nans == line.infs == 0
        assert sum(line.histogram) == min(t.numel(), sum(line.histogram)) > 0
    else:
        assert ("empty" in line) == (t.numel() == 0) and ("= " in line) == (t.numel() == 1)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_numbers_that_are_not_finite_are_counted_apart(numbers):
    a = np.array(numbers, np.float32)
    s = Statistics(a)
    finite = a[np.isfinite(a)].astype(np.float64)
    assert (s.nans, s.infs, s.zeros) == (np.isnan(a).sum(), np.isinf(a).sum(), (a == 0).sum())
    if finite.size:
        assert (
            s.low == finite.min()
            and s.high == finite.max()
            and s.mean == pytest.approx(finite.mean(), rel=1e-5, abs=1e-5 * np.abs(finite).max())
        )


def test_large_offsets_do_not_cancel():
    a = np.random.default_rng(0).normal(1e6, 1.0, 200_000).astype(np.float64)
    s = Statistics(a)
    assert s.std == pytest.approx(a.std(ddof=1), rel=1e-9) and s.mean == pytest.approx(a.mean())


@pytest.mark.parametrize("how", ["t", "step", "middle", "expand", "three"])
def test_strided_tensors_count_every_element_once(how):
    x = torch.rand(400, 500)
    view = {
        "t": x.t(),
        "step": x[::3, 1::2],
        "middle": x[:, 100:200],
        "expand": x[:1].expand(300, 500),
        "three": x.view(20, 20, 500).permute(1, 2, 0),
    }[how]
    found, a = view.lw, view._a.astype(np.float64)
    assert found.mean == pytest.approx(a.mean(), rel=1e-5) and found.std == pytest.approx(a.std(ddof=1), rel=1e-4)
    assert "not contiguous" in found and "view of (400, 500)" in found


def test_what_the_line_tells():
    x = torch.tensor([0.0, 1.0, float("nan"), float("inf")], requires_grad=True)
    assert "NaN 1 (25%)" in x.lw and "inf 1 (25%)" in x.lw and "zeros 1 (25%)" in x.lw and x.lw.endswith("requires_grad")
    assert (x * 2).lw.endswith("grad_fn MulBackward0")
    assert "Parameter(3, 2)" in nn.Linear(2, 3).weight.lw
    x = torch.arange(6.0)
    assert "view of (6,) at offset 2" in x[2:].lw and "all 1" in torch.ones(3).lw
    assert "2 entries" in torch.tensor([0.0, 2.0, 3.0]).to_sparse().lw and "sparse_csr" in torch.eye(2).to_sparse_csr().lw
    assert "no numbers" in torch.empty(3, device="meta").lw and torch.empty(3, device="meta").lw.mean is None
    assert "first batch" in nn.LazyLinear(3).weight.lw
    lines: list = []
    torch.func.vmap(lambda row: lines.append(row.lw) or row)(torch.ones(2, 3))
    assert "no numbers to look at" in lines[0]
    assert "True 2 (67%)" in torch.tensor([True, False, True]).lw
    torch.set_language("zh")
    assert "均值" in torch.rand(5).lw and "不连续" in torch.rand(3, 3).t().lw
    assert sparkline([]) == "" and sparkline([0, 0]) == "▁▁" and sparkline([1, 7]) == "▂█"
    with pytest.raises(AttributeError, match="no attribute 'median'"):
        torch.ones(2).lw.median


def test_a_huge_tensor_takes_one_pass():
    x = torch.rand(10_000_000)
    x.lw
    took = min(_seconds(lambda: x.lw) for _ in range(3))
    assert took < 20 * min(_seconds(lambda: x.std()) for _ in range(3)) + 0.05
    assert 65000 < sum(x.lw.histogram) <= 65536


def _seconds(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def test_the_mode_of_printing():
    plain, own = torch.Tensor.__repr__, nn.Parameter.__repr__
    tensors = [
        torch.ones(2),
        nn.Parameter(torch.ones(2)),
        torch.eye(2).to_sparse(),
        torch.eye(2).to_sparse_csr(),
        torch.empty(2, device="meta"),
    ]
    usual = [repr(t) for t in tensors]
    with torch.glance() as mode:
        assert [repr(t) for t in tensors] == [str(t.lw) for t in tensors] and "glance" in repr(mode)
        assert f"{tensors[0]}" == tensors[0].lw and repr([tensors[0]]) == f"[{tensors[0].lw}]"
        with torch.glance(numbers=True):
            assert [repr(t) for t in tensors] == [f"{u}\n# {t.lw}" for u, t in zip(usual, tensors)]
        assert repr(tensors[0]) == tensors[0].lw
        with torch.glance(False):
            assert repr(tensors[0]) == usual[0]
        assert repr(tensors[0]) == tensors[0].lw
    assert [repr(t) for t in tensors] == usual and torch.Tensor.__repr__ is plain and nn.Parameter.__repr__ is own
    torch.glance()
    assert repr(tensors[0]) == tensors[0].lw
    torch.glance(False)
    assert repr(tensors[0]) == usual[0]


def test_glance_is_picklable_text():
    line = torch.rand(3).lw
    assert isinstance(line, Glance) and line + "" == str(line) and len(line.split("  ")) >= 4 and "<code" in line._repr_html_()


# ---- pictures ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as pyplot

    yield pyplot
    pyplot.close("all")


def test_pictures_by_shape(plt, tmp_path):
    line = torch.linspace(0, 6, 50).sin().plot()
    assert len(line.lines) == 1 and line.get_title() == "Tensor(50,) float32"
    assert len(torch.rand(3, 50).plot().lines) == 3
    torch.set_language("zh")
    assert torch.rand(3).plot().get_xlabel() in ("下标", "index")
    assert torch.randn(20, 30).plot().images[0].get_array().shape == (20, 30)
    assert torch.rand(3, 16, 16).plot().images[0].get_array().shape == (16, 16, 3)
    assert torch.rand(4, 1, 8, 8).plot().images[0].get_array().shape == (17, 17)
    assert torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8).plot().images
    histogram = torch.tensor([1.0, 2.0, float("nan")]).plot("hist")
    assert sum(p.get_height() for p in histogram.patches) == 2
    assert torch.rand(2, 3, 4).bfloat16().plot().patches and torch.tensor(3.0).plot().patches
    assert torch.eye(9).to_sparse().plot().images and torch.rand(4, dtype=torch.complex64).plot().lines
    ax = plt.subplots()[1]
    assert torch.rand(5, requires_grad=True).plot(ax=ax, title="mine", save=tmp_path / "p.png") is ax and ax.get_title() == "mine"
    assert (tmp_path / "p.png").stat().st_size > 1000


def test_pictures_that_cannot_be(plt, monkeypatch):
    for kind, shape, what in (("image", (5,), "images need"), ("heatmap", (5,), "a heatmap needs"), ("line", (2, 2, 2), "lines need")):
        with pytest.raises(ValueError, match=what):
            torch.rand(shape).plot(kind)
    with pytest.raises(ValueError, match="must be one of"):
        torch.rand(3).plot("pie")
    with pytest.raises(RuntimeError, match="meta tensor"):
        torch.empty(3, device="meta").plot()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        torch.rand(3).plot()
