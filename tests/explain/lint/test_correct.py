"""Correct programs in the way people write them, close to what the lint looks for: none of them may be warned of."""

from pathlib import Path

import pytest

from lightwell import standin
from lightwell.explain.lint import observer, run_script

PROGRAMS = sorted((Path(__file__).parent / "correct").glob("*.py"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_nothing_is_found(path, monkeypatch, capsys):
    monkeypatch.setattr(observer, "_STRICT", True)
    try:
        report, error = run_script(str(path))
    finally:
        standin.uninstall()
    assert error is None and [(f.code, f.line, f.text) for f in report.findings] == []
