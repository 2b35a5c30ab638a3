"""`lightwell lint`: exit codes, JSON, ways to silence it, notebooks, programs that fail."""

import json
import sys

import pytest

from lightwell import cli, standin
from lightwell.explain.lint.codes import BY_CODE

GOOD, BAD = BY_CODE["LW411"].better, BY_CODE["LW411"].example


@pytest.fixture
def lint(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIGHTWELL_LANG", "en")

    def run(text, *options, name="script.py", args=()):
        (tmp_path / name).write_text(text)
        try:
            code = cli.main(["lint", *options, name, *args])
        finally:
            standin.uninstall()
            for n in [n for n, m in sys.modules.items() if str(tmp_path) in (getattr(m, "__file__", None) or "")]:
                del sys.modules[n]
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_exit_codes_and_text(lint):
    code, out, _ = lint(BAD)
    assert code == 1
    assert "script.py:12: LW411 zero_grad() is missing" in out and "    loss.backward()" in out
    assert "Mend: Call `optimizer.zero_grad()` before `backward()`." in out
    assert lint(GOOD) == (0, "lint: nothing found.\n", "")


def test_json_is_all_that_stands_on_stdout(lint):
    code, out, err = lint(BAD + "print('hello')\n", "--json")
    (found,) = json.loads(out)
    assert code == 1 and "hello" in err
    assert {"code": "LW411", "file": "script.py", "line": 12, "text": "loss.backward()"}.items() <= found.items()
    assert set(found) == {"code", "file", "line", "text", "title", "message", "mend", "page"}
    assert lint(GOOD, "--json")[1] == "[]\n"


def test_ignore(lint):
    assert lint(BAD, "--ignore", "LW401,LW411")[0] == 0
    assert lint(BAD.replace("loss.backward()", "loss.backward()  # lw: ignore[LW411]"))[0] == 0
    assert lint("# lw: ignore-file[LW411]\n" + BAD)[0] == 0
    assert lint("# lw: ignore-file[LW401]\n" + BAD)[0] == 1
    code, _, err = lint(BAD, "--ignore", "LW9")
    assert code == 2 and "LW9" in err


def test_the_scripts_own_arguments_and_files(lint, tmp_path):
    (tmp_path / "helper.py").write_text("from torch import nn\n\n\ndef make():\n    return nn.Sequential(nn.ReLU)\n")
    code, out, _ = lint("import sys\nimport helper\nprint(sys.argv[1:], __name__)\n", args=["--epochs", "3"])
    assert code == 1 and "['--epochs', '3'] __main__" in out and "helper.py:5: LW425" in out


def test_static_does_not_run(lint):
    code, out, _ = lint("import torch\nprint('it ran')\nnet = torch.nn.Sequential(torch.nn.ReLU)\n", "--static")
    assert code == 1 and "it ran" not in out and "LW425" in out


def test_programs_that_fail(lint):
    code, out, err = lint("import torch\ntorch.ones(3) @ torch.ones(4)\n")
    assert code == 2 and "stopped at an error" in out and "inconsistent tensor size" in err and "explain/lint" not in err
    code, out, err = lint("import torch\nnet = torch.nn.Sequential(torch.nn.ReLU)\n")
    assert code == 1 and "LW425" in out and "TypeError" in err
    assert lint("import sys\nsys.exit(0)\n")[0] == 0
    assert lint("import sys\nsys.exit(3)\n")[0] == 2
    code, _, err = lint("x = (\n")
    assert code == 2 and "never closed" in err
    assert cli.main(["lint", "not_there.py"]) == 2


def notebook(*cells):
    return json.dumps({"cells": [{"cell_type": "code", "source": text.splitlines(keepends=True)} for text in cells]})


def test_notebooks(lint):
    cut = BAD.index("optimizer =")
    code, out, _ = lint(notebook("%matplotlib inline\n!ls\n" + BAD[:cut], BAD[cut:]), name="lesson.ipynb")
    assert code == 1 and "lesson.ipynb[2]:4: LW411" in out and "loss.backward()" in out
    assert lint(notebook(GOOD), name="lesson.ipynb")[0] == 0
    assert lint("no notebook", name="lesson.ipynb")[0] == 2
