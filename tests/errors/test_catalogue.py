"""The catalogue: codes that stay, both languages, every raise of the package finds its code, examples that raise it, pages up to date."""

import ast
import collections
import importlib.util
import re
from pathlib import Path

import pytest

import lightwell
from lightwell.errors import pages
from lightwell.errors.catalogue import entries, entry, resolve

ROOT = Path(lightwell.__file__).parent.parent
CODES = Path(__file__).with_name("codes.txt")
OWN = [code for code in entries() if code[2] not in "45"]  # lint's and watch's have tests of their own
CHINESE = re.compile("[\u4e00-\u9fff]")


def test_codes_never_change_their_meaning():
    """codes.txt lists every code with its English title; a new code is added there, an old one stays."""
    listed = dict(line.split(" ", 1) for line in CODES.read_text(encoding="utf-8").splitlines() if line)
    now = {code: entries()[code].title[0] for code in entries()}
    assert {code: now.get(code) for code in listed} == listed, "a code was given another meaning, or removed"
    assert set(OWN) <= set(listed), f"add to tests/errors/codes.txt: {sorted(set(OWN) - set(listed))}"


@pytest.mark.parametrize("code", OWN)
def test_both_languages_say_all_of_it(code):
    e = entries()[code]
    for part in (e.title, e.cause, e.mend):
        assert len(part) == 2 and all(text.strip() for text in part) and CHINESE.search(part[1]) and not CHINESE.search(part[0])
    assert len(e.title[0]) <= 90 and len(e.cause[0]) <= 240 and len(e.mend[0]) <= 240
    assert re.fullmatch(r"LW\d{3}", code) and (e.matches or e.where)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("code", [code for code in OWN if entries()[code].example])
def test_the_example_makes_this_mistake_and_the_better_one_runs(code, language):
    e = entries()[code]
    with pages.speaking(language):
        said = pages.output_of(e.example, "example")
        titles = [line for line in said.splitlines() if line.startswith("── ")]
        assert titles == [f"── {code} {e.text('title')}"], said
        notes = said[said.index("── ") :].splitlines()
        assert len(notes) <= 8 and ("第" if language == "zh" else "line") in said
        if e.better:
            fine = pages.output_of(e.better, "better")
            assert fine and "Error" not in fine and "──" not in fine, fine


def test_most_codes_have_an_example():
    assert sum(bool(entries()[code].example) for code in OWN) >= 80


def _text(n) -> str:
    if isinstance(n, ast.Constant):
        return str(n.value)
    if isinstance(n, ast.JoinedStr):
        return "".join(_text(v) if isinstance(v, ast.Constant) else "…" for v in n.values)
    if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Add):
        return _text(n.left) + _text(n.right)
    if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mod):
        return _text(n.left)
    return f"{_text(n.body)} | {_text(n.orelse)}" if isinstance(n, ast.IfExp) else "…"


def _raised():
    """(place, module, the constant text of the message) of every error that the package makes."""
    from lightwell.errors import teaching

    kinds = set(teaching.__all__) | {"UnpicklingError", "DistBackendError", "DistNetworkError", "GradcheckError", "OnnxExporterError"}
    for path in sorted((ROOT / "lightwell").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).split(".")[-1] in kinds:
                text = _text(node.args[0])
                if text.strip(" …|():\n"):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", module, text


def test_every_error_of_the_package_finds_its_code():
    found: dict = collections.defaultdict(list)
    lost = []
    for place, module, text in _raised():
        e = resolve(text, module)
        if e is None:
            lost.append(f"{place}: {text[:100]}")
        else:
            found[e.code].append(place)
    total = sum(map(len, found.values()))
    assert len(lost) <= 10, "\n".join(lost)
    assert total > 2300 and len(found) >= 90
    most = max(found.values(), key=len)
    assert len(most) <= 0.08 * total, f"one code swallows {len(most)} of {total} errors: {most[:5]}"


def test_looking_up():
    assert entry("lw101") is entries()["LW101"] and entry("LW000") is None
    with pytest.raises(ValueError, match="LW000"):
        lightwell.errors.page("LW000")
    assert resolve("", "") is None and resolve("something unheard-of") is None
    assert resolve("something unheard-of", "lightwell.jit.frontend").code == "LW611"


def test_the_pages_in_docs_are_those_of_the_catalogue():
    spec = importlib.util.spec_from_file_location("make_error_docs", ROOT / "tools" / "make_error_docs.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    there = {p.relative_to(ROOT / "docs" / "errors").as_posix() for p in (ROOT / "docs" / "errors").rglob("*.md")}
    wanted = {"README.md", "zh/README.md"} | {f"{folder}{code}.md" for folder in ("", "zh/") for code in OWN}
    assert wanted <= there, "run tools/make_error_docs.py"
    for language, folder in (("en", ""), ("zh", "zh/")):
        with pages.speaking(language):
            for code in OWN:  # what the examples print differs between versions of Python: the text is compared
                kept = re.sub(
                    r"\n```text\n.*?```\n",
                    "",
                    (ROOT / "docs" / "errors" / f"{folder}{code}.md").read_text(encoding="utf-8"),
                    flags=re.DOTALL,
                )
                assert kept.replace("\n\n\n", "\n\n") == pages.page(code, run=False).replace("\n\n\n", "\n\n"), (
                    f"{folder}{code}.md: run tools/make_error_docs.py"
                )


def test_the_command_prints_the_page():
    with pages.speaking("zh"):
        text = lightwell.errors.page("LW103")
    assert text.startswith("# LW103 · ") and "## 改法" in text and "net.0 = Linear" in text


def test_lightwell_explain_takes_codes(capsys):
    from lightwell import cli

    assert cli.main(["explain", "lw103", "--lang", "zh"]) == 0
    assert capsys.readouterr().out.startswith("# LW103 · 矩阵乘法")
    assert cli.main(["explain", "LW999"]) == 2 and "LW999" in capsys.readouterr().err
    lightwell.set_language(None)
