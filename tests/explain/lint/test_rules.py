"""The catalogue: each example makes its mistake and no other, each better program none; texts in both languages."""

import re
from pathlib import Path

import pytest

from lightwell import language, standin
from lightwell.explain.lint import observer, run_script
from lightwell.explain.lint.codes import BY_CODE, ENTRIES


@pytest.fixture
def codes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(observer, "_STRICT", True)

    def run(text):
        path = tmp_path / "program.py"
        path.write_text(text)
        try:
            report, error = run_script(str(path))
        finally:
            standin.uninstall()
        return [f.code for f in report.findings], error

    return run


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.code)
def test_the_example_makes_exactly_this_mistake(entry, codes):
    found, _ = codes(entry.example)
    assert found == [entry.code]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.code)
def test_the_better_program_makes_none(entry, codes):
    found, error = codes(entry.better)
    assert found == [] and error is None


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.code)
def test_texts_in_both_languages(entry):
    for en, zh in (entry.title, entry.cause, entry.mend, *([entry.short] if entry.short else [])):
        assert re.search("[a-z]", en) and not re.search("[\u4e00-\u9fff]", en)
        assert re.search("[\u4e00-\u9fff]", zh)
    assert entry.example != entry.better


def test_codes():
    assert [e.code for e in ENTRIES] == sorted(BY_CODE) and len(BY_CODE) == len(ENTRIES)
    assert all(re.fullmatch(r"LW4\d\d", code) for code in BY_CODE)


def test_the_report_in_both_languages(codes, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(BY_CODE["LW404"].example)
    try:
        report, _ = run_script(str(path))
        for name, words in (
            ("en", ("broadcasts to [64, 64]", "Mend: ", "1 finding.")),
            ("zh", ("会广播成 [64, 64]", "改法：", "共 1 处。")),
        ):
            language.set_language(name)
            assert all(word in str(report) for word in words), str(report)
    finally:
        language.set_language(None)
        standin.uninstall()


@pytest.mark.parametrize("page, number", [("lint.md", 0), ("lint.zh.md", 1)])
def test_the_guides_table_is_the_catalogue(page, number):
    text = (Path(__file__).parents[3] / "docs" / page).read_text(encoding="utf-8")
    for e in ENTRIES:
        assert f"| {e.title[number]} | {(e.short or e.mend)[number]} |" in text
    assert len(re.findall(r"^\| \[LW4", text, re.M)) == len(ENTRIES)
