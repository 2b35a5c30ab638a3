"""The causes: codes once each, all parts in both languages, code in backquotes."""

import re
import sys

import numpy as np
import pytest

import lightwell as torch
from lightwell.explain.watch.codes import ENTRIES, entry
from lightwell.explain.watch.examples import EXAMPLES
from lightwell.explain.watch.numbers import bad_rows, finite, power, sparkline, squares, troubles
from lightwell.explain.watch.safe import BACKWARD, FORWARD
from lightwell.ops.op import registry


def test_entries():
    codes = [e.code for e in ENTRIES]
    assert len(set(codes)) == len(codes) and all(re.fullmatch(r"LW5\d\d", c) for c in codes)
    for e in ENTRIES:
        assert entry(e.code) is e
        for part in ("title", "cause", "mend", "short"):
            en, zh = getattr(e, part)
            assert en and zh and en.count("`") % 2 == 0 and zh.count("`") % 2 == 0, (e.code, part)
            if part in ("cause", "mend"):
                assert re.search(r"[一-鿿]", zh), (e.code, part)


def test_operations_that_are_not_looked_at_exist():
    import lightwell.nn  # all families of records
    import lightwell.special

    missing = (FORWARD | BACKWARD) - set(registry)
    assert missing <= {"split", "split_with_sizes", "unbind"}, missing
    assert lightwell.nn and lightwell.special


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "name",
    [n for n in sorted(FORWARD) if n in registry and len(registry[n].inputs) == 1 and not registry[n].params and not registry[n].variadic],
)
def test_unlooked_at_stays_finite(name):
    """On extreme but finite numbers, what takes one tensor and nothing else gives finite numbers, and finite slopes where it says so."""
    record = registry[name]
    for value in (0.0, 1.0, -1.0, 1e-38, 3e38, -3e38):
        a = np.full((2, 2), value, np.float32)
        try:
            out = record.forward(torch.ops.op.NP, a)
        except TypeError:
            assert name.startswith(("bitwise", "view_as")), name  # takes no floats
            return
        for v in out if isinstance(out, tuple) else (out,):
            assert finite(np.asarray(v)), (name, value)


def test_finite():
    for dtype in (np.float16, np.float32, np.float64, np.complex64):
        a = np.ones((3, 4), dtype)
        assert finite(a) and power(a) == 12 and finite(a.T) and finite(a[:, ::2])
        a[1, 2] = np.inf
        assert not finite(a) and not finite(a.T) and troubles(a) == (False, True)
        a[0, 0] = np.nan
        assert troubles(a) == (True, True)
    large = np.full(10, 1e30, np.float32)
    assert finite(large) and squares(large) == pytest.approx(1e61, rel=1e-5)
    assert finite(np.zeros(0, np.float32)) and finite(np.arange(3))
    assert bad_rows(np.array([[1.0], [np.nan]]), 2) == [1]
    assert sparkline([1, None, 3]) == "▁×█"


def _codes(program, tmp_path):
    """What a watch finds in a program, as `run --watch` runs it."""
    from lightwell.explain.watch.command import run_watched

    path = tmp_path / "example.py"
    path.write_text(program, encoding="utf-8")
    w = torch.watch(on="report", save=False)
    hook = sys.excepthook
    try:
        assert run_watched([str(path)], watch=w) == 0
    finally:
        sys.excepthook = hook
    return [f.code for f in w.findings]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_the_example_has_this_fault_and_the_better_one_none(code, tmp_path, pytorch_hidden):
    e = entry(code)
    assert e.example != e.better and max(map(len, e.example.splitlines())) < 120
    assert _codes(e.example, tmp_path)[:1] == [code]
    assert _codes(e.better, tmp_path) == []


def test_the_page_shows_what_the_watch_says():
    text = torch.errors.page("LW510")
    assert "example.py:9" in text and "F.cross_entropy(w, torch.tensor([0]))" in text and "log(0.0) = -inf" in text


def test_all_but_one_have_an_example():
    assert {e.code for e in ENTRIES} - set(EXAMPLES) == {"LW544"}  # its finding has the code of what made the gradients infinite
