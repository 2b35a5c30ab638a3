"""Programs with one seeded fault each: the command line and the library must name it, its operation, its line and its module.

A program tells what to find in its docstring: `kind: explosion` or `lint`, `expect:` the code, `op:`, `line:` the comment that marks the
line, and where it matters `phase:`, `module:`, `rows:` and `items:` (the examples at fault), `stops: no` (reported, not stopped at).
"""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import lightwell
from lightwell import standin
from lightwell.explain.watch import Exploded

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KEYS = "kind expect op line phase module rows items stops".split()


def header(path: Path) -> dict:
    """What a program's docstring says of it."""
    doc = path.read_text().split('"""')[1]
    return {m[1]: m[2].strip() for m in re.finditer(r"^(\w+): (.*)$", doc, re.M) if m[1] in KEYS}


def marked(path: Path, mark: str) -> int:
    """The number of the line that a comment marks."""
    body = path.read_text().split('"""', 2)
    skipped = body[0].count("\n") + body[1].count("\n")
    lines = [i for i, text in enumerate(body[2].split("\n"), 1 + skipped) if mark in text]
    assert len(lines) == 1, f"{path}: {mark!r} marks {len(lines)} lines"
    return lines[0]


PROGRAMS = {
    p.stem: header(p) for p in sorted(HERE.glob("*.py")) if p.stem not in ("test_faults", "conftest") and not p.stem.startswith("_")
}
LINTS = [name for name, told in PROGRAMS.items() if told["kind"] == "lint"]
CORRECT = sorted(p.stem for p in (HERE / "correct").glob("*.py"))
EXPLOSIONS = [name for name, told in PROGRAMS.items() if told["kind"] == "explosion"]


def shell(*args, language="en", cwd=ROOT):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LIGHTWELL_LANG": language}
    return subprocess.run([sys.executable, "-m", "lightwell", *args], capture_output=True, text=True, env=env, cwd=cwd, timeout=120)


def watched(path: Path, **options):
    """Run a program in this process under a watch; gives the watch."""
    before = list(sys.path)
    standin.install()
    space = {"__name__": "__main__", "__file__": str(path)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with lightwell.watch(save=False, **options) as w:
                exec(compile(path.read_text(), str(path), "exec"), space)
    except Exploded:
        pass
    finally:
        standin.uninstall()
        sys.path[:] = before
    return w


@pytest.mark.parametrize("name", EXPLOSIONS)
def test_explosion_in_process(name):
    told, path = PROGRAMS[name], HERE / f"{name}.py"
    w = watched(path)
    found = [f for f in w.findings if f.fatal or told.get("stops") == "no"]
    assert found, f"{name}: nothing was found"
    f = found[0]
    assert (f.code, f.op, f.line) == (told["expect"], told["op"], marked(path, told["line"])), str(f)
    assert f.filename == str(path)
    assert f.phase == told.get("phase", f.phase)
    assert f.module == told.get("module", f.module)
    if "rows" in told:
        assert ", ".join(map(str, f.rows)) == told["rows"]
    if "items" in told:
        assert ", ".join(map(str, f.items)) == told["items"]
    assert f.fatal is (told.get("stops") != "no")
    for language in ("en", "zh"):
        lightwell.set_language(language)
        try:
            text = str(f)
            assert f.code in text and f.cause in text and f"{path}:{f.line}" in text
            assert all(len(part) > 10 for part in (f.why, f.mend))
        finally:
            lightwell.set_language(None)


@pytest.mark.parametrize("name", EXPLOSIONS)
def test_explosion_by_the_command_line(name, tmp_path):
    told, path = PROGRAMS[name], HERE / f"{name}.py"
    saved = tmp_path / "step.pt"
    done = shell("run", "--watch", "--save", str(saved), str(path), language="zh" if len(name) % 2 else "en", cwd=tmp_path)
    assert told["expect"] in done.stderr, done.stderr
    assert f"{told['op']}   {path}:{marked(path, told['line'])}" in done.stderr, done.stderr
    if told.get("stops") == "no":
        assert done.returncode == 0 and not saved.exists()
        return
    assert done.returncode == 1 and saved.exists()
    again = shell("replay", str(saved), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert told["expect"] in again.stdout and f"{path.name}:{marked(path, told['line'])}" in again.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step.pt"]  # nothing half-written is left


# ---- silent mistakes ------------------------------------------------------------------------------------------------


@pytest.fixture
def linted(monkeypatch, capsys):
    """Runs a program under the lint in this process, with no error of a check let pass; gives the codes and lines found."""
    from lightwell.explain.lint import observer, run_script

    monkeypatch.setenv("LIGHTWELL_LINT_STRICT", "1")
    monkeypatch.setattr(observer, "_STRICT", True)

    def run(path):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                report, error = run_script(str(path))
        finally:
            standin.uninstall()
        capsys.readouterr()
        assert error is None, error
        return [(f.code, f.line) for f in report.findings]

    return run


@pytest.mark.parametrize("name", LINTS)
def test_lint_finds_exactly_the_fault(name, linted):
    told, path = PROGRAMS[name], HERE / f"{name}.py"
    assert linted(path) == [(told["expect"], marked(path, told["line"]))]


@pytest.mark.parametrize("name", LINTS[::8])
def test_lint_by_the_command_line(name):
    told, path = PROGRAMS[name], HERE / f"{name}.py"
    place = f"{path.name}:{marked(path, told['line'])}: {told['expect']} "
    for command in (("lint",), ("run", "--lint")):
        done = shell(*command, str(path), language="zh" if len(name) % 2 else "en")
        assert done.returncode == 1, done.stderr
        assert place in done.stdout + done.stderr
    assert shell("lint", "--ignore", told["expect"], str(path)).returncode == 0


@pytest.mark.parametrize("name", CORRECT)
def test_no_lint_fires_on_a_correct_program(name, linted):
    assert linted(HERE / "correct" / f"{name}.py") == []


def test_there_are_enough_programs():
    assert len(CORRECT) >= 30
    assert len(EXPLOSIONS) + len(LINTS) >= 25


@pytest.mark.parametrize("path", sorted(HERE.glob("correct/*.py")), ids=lambda p: p.stem)
def test_correct_programs_are_not_stopped(path, capsys):
    assert watched(path).findings == []
