"""torch.utils.benchmark: statistics, texts and tables as PyTorch writes them; timers that count and repeat."""

import importlib

import pytest

import lightwell as lw
from lightwell.utils import benchmark


def _both():
    pytest.importorskip("torch")
    return [importlib.import_module(f"{name}.utils.benchmark") for name in ("lightwell", "torch")]


def _measurements(b):
    one = {"stmt": "x + 1", "setup": "x = 1", "label": "add", "env": "old", "description": "one"}
    two = {"stmt": "x + 1", "setup": "x = 1", "label": "add", "description": "two", "num_threads": 2}
    return [
        b.Measurement(1, [1.0e-3, 1.1e-3, 1.05e-3], b.TaskSpec(**one, sub_label="small")),
        b.Measurement(1, [2.0e-3, 2.1e-3, 2.05e-3], b.TaskSpec(**one, sub_label="large")),
        b.Measurement(1, [2.0e-6, 2.1e-6, 2.05e-6], b.TaskSpec(**two, env="old", sub_label="large")),
        b.Measurement(1, [2.0e-6, 9.1e-6, 2.05e-6, 4e-6], b.TaskSpec(**two, env="new")),
        b.Measurement(10, [5.0e-5] * 5, b.TaskSpec(stmt="x + 1\ny", setup="a\nb", description="d")),
        b.Measurement(1, [1.0] * 20, b.TaskSpec(stmt="x", setup="", num_threads=4, sub_label="s")),
    ]


def test_measurements_as_text():
    told = [[str(m).split("\n", 1)[1] for m in _measurements(b)] for b in _both()]
    assert told[0] == told[1]
    numbers = [
        [(m.median, m.mean, m.significant_figures, m.has_warnings, m.title, m.as_row_name) for m in _measurements(b)] for b in _both()
    ]
    for ours, theirs in zip(*numbers):
        assert ours[2:] == theirs[2:] and ours[:2] == pytest.approx(theirs[:2])


@pytest.mark.parametrize("way", ["trim_significant_figures", "colorize", "rowwise", "highlight_warnings", None])
@pytest.mark.parametrize("which", [slice(0, 3), slice(0, 4), slice(4, 5), slice(1, 5)])
def test_tables(way, which):
    tables = []
    for b in _both():
        table = b.Compare(_measurements(b)[which])
        if way == "rowwise":
            table.colorize(rowwise=True)
        elif way:
            getattr(table, way)()
        tables.append(str(table))
    assert tables[0] == tables[1]


def test_timers(capsys):
    told = []
    timer = benchmark.Timer("y = x + 1", setup="x = torch.ones(n)", globals={"n": 3}, label="add", num_threads=1)
    m = timer.blocked_autorange(callback=lambda n, t: told.append(n), min_run_time=0.02)
    assert len(told) == len(m.raw_times) and sum(m.raw_times) >= 0.02 and m.median > 0
    assert timer.timeit(30).number_per_run == 30 and len(timer.timeit(3).times) == 1
    assert len(timer.adaptive_autorange(max_run_time=0.05).times) >= 1
    merged = benchmark.Measurement.merge([m, m])
    assert len(merged) == 1 and len(merged[0].times) == 2 * len(m.times)
    benchmark.Compare([m]).print()
    assert "[" in capsys.readouterr().out
    before = lw.get_num_threads()
    with benchmark.set_torch_threads(before):
        assert lw.get_num_threads() == before


@pytest.mark.parametrize(
    "given, kind",
    [
        ({"stmt": 3}, ValueError),
        ({"global_setup": "x"}, ValueError),
        ({"language": "rust"}, ValueError),
        ({"language": "c++"}, RuntimeError),
    ],
)
def test_refused(given, kind):
    with pytest.raises(kind):
        benchmark.Timer(**given)
    with pytest.raises(ValueError, match="Measurement"):
        benchmark.Compare([1.0])
    with pytest.raises(NotImplementedError, match="blocked_autorange"):
        benchmark.Timer().repeat()
    with pytest.raises(AttributeError, match="nothing"):
        benchmark.Measurement(1, [1.0], benchmark.TaskSpec("x", "")).nothing
