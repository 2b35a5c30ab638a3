"""Many small programs, each with one mistake as learners make it: the lint names it; some mistakes bring a second finding along."""

from pathlib import Path

import pytest

from lightwell import standin
from lightwell.explain.lint import observer, run_script

MISTAKES = sorted((Path(__file__).parent / "mistakes").glob("*.py"))
SECOND = {"LW418", "LW432"}  # what may stand beside the mistake that is meant


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", MISTAKES, ids=lambda p: p.stem)
def test_the_mistake_is_found(path, monkeypatch, capsys):
    monkeypatch.setattr(observer, "_STRICT", True)
    expected = path.read_text().split('"""')[1]
    try:
        report, _ = run_script(str(path))
    finally:
        standin.uninstall()
    codes = [f.code for f in report.findings]
    assert expected in codes
    assert set(codes) <= {expected, *SECOND}, codes
    assert all(f.file == str(path) and f.text for f in report.findings)
    marked = {i for i, text in enumerate(path.read_text().split("\n"), 1) if "# <-" in text}
    assert not marked or {f.line for f in report.findings if f.code == expected} & marked
