"""Whole training scripts print the same numbers under lightwell as under PyTorch: words equal, numbers up to rounding.

The scripts stand in same_numbers/, with what PyTorch 2.13 printed in same_numbers/expected/ (``NAME.data.txt`` where
the script read real data from $LIGHTWELL_DATA). Where PyTorch is installed, its output of today is compared too.
``python tests/test_same_numbers.py`` writes the expected outputs anew.
"""

import importlib.util
import math
import os
import pathlib
import re
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).parent / "same_numbers"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
DATA = {"house_prices": "tabular/kaggle_house_pred_train.csv", "rnn_text": "text/timemachine.txt"}
# nothing to do without these; printed by the script itself
NO_DATA = "no data\n"

# Imports PyTorch once and runs every script that it is told of in a fork of itself.
_SERVER = """
import os, runpy, sys, traceback
import torch
for line in sys.stdin:
    script, out = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        code = 0
        with open(out, "w", encoding="utf-8") as file:
            os.dup2(file.fileno(), 1)
            sys.argv, sys.path[0] = [script], os.path.dirname(script)
            try:
                runpy.run_path(script, run_name="__main__")
            except SystemExit as stop:
                code = stop.code or 0
            except BaseException:
                traceback.print_exc()
                code = 1
            sys.stdout.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def environment():
    """One thread each: the two libraries run side by side, and threads of neither help on small tensors."""
    settings = {"MPLBACKEND": "Agg", "PYTHONPATH": str(FOLDER.parents[1]), "PYTHONIOENCODING": "utf-8"}
    settings |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return {**os.environ, **settings}


class Reference:
    """PyTorch in a process of its own; a script's output for its name."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVER], cwd=folder, env=environment(), text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def ask(self, name):
        """Begin; the answer is read later."""
        self.process.stdin.write(f"{FOLDER / (name + '.py')}\t{self.folder / (name + '.txt')}\n")
        self.process.stdin.flush()

    def answer(self, name):
        code = self.process.stdout.readline().strip()
        assert code == "0", f"{name} fails under PyTorch itself ({code or 'it did not start'})"
        return (self.folder / (name + ".txt")).read_text(encoding="utf-8")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """PyTorch's outputs of today; None where it is not installed or processes cannot be forked."""
    if importlib.util.find_spec("torch") is None or not hasattr(os, "fork"):
        yield None
        return
    made = Reference(tmp_path_factory.mktemp("pytorch"))
    yield made
    made.close()


def expected_file(name):
    """The stored output that belongs to the data that is there."""
    wanted = DATA.get(name)
    there = wanted and os.path.exists(os.path.join(os.environ.get("LIGHTWELL_DATA", ""), wanted))
    return FOLDER / "expected" / f"{name}{'.data' if there else ''}.txt"


_WORD = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[^\W\d_]+|[^\s\w]|_")


def _near(a, b):
    """Equal words, or numbers that differ by rounding only."""
    if a == b:
        return True
    try:
        return math.isclose(float(a), float(b), rel_tol=2e-4, abs_tol=2e-4 if "." in a and "e" not in a.lower() else 0)
    except ValueError:
        return False


def difference(expected, actual):
    """The first line in which two outputs differ in more than rounding; None where there is none."""
    left, right = expected.splitlines(), actual.splitlines()
    for number in range(max(len(left), len(right))):
        a, b = (lines[number] if number < len(lines) else "<end of the output>" for lines in (left, right))
        words, others = _WORD.findall(a), _WORD.findall(b)
        if len(words) != len(others) or not all(map(_near, words, others)):
            return f"line {number + 1}:\n  PyTorch:   {a}\n  lightwell: {b}"
    return None


def test_the_comparison_sees_differences():
    assert difference("loss 0.1234, (2, 3)\n", "loss 0.1235, (2, 3)\n") is None
    assert difference("loss 123.45\n", "loss 123.46\n") is None
    for other in ("loss 123.55\n", "lost 123.45\n", "loss -123.45\n", "loss 123.45,\n", "", "loss 123.45\nmore\n"):
        assert difference("loss 123.45\n", other)
    assert difference("Size([2, 3])", "Size([2, 4])")


@pytest.mark.parametrize("name", NAMES)
def test_script(name, reference, tmp_path):
    if reference is not None:
        reference.ask(name)
    done = subprocess.run(
        [sys.executable, "-m", "lightwell", str(FOLDER / f"{name}.py")], cwd=tmp_path, env=environment(),
        capture_output=True, text=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    theirs = None if reference is None else reference.answer(name)
    assert done.returncode == 0, done.stderr
    if done.stdout == NO_DATA:
        pytest.skip(f"{name} needs {DATA[name]} in $LIGHTWELL_DATA, and pandas")
    for output in (expected_file(name).read_text(encoding="utf-8"), theirs):
        told = output is not None and difference(output, done.stdout)
        assert not told, told


def store():
    """Print with PyTorch what the tests expect, with data and without."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        given = os.environ.pop("LIGHTWELL_DATA", None)
        for data in [None, given] if given else [None]:
            if data:
                os.environ["LIGHTWELL_DATA"] = data
            made = Reference(pathlib.Path(folder))
            for name in DATA if data else NAMES:
                made.ask(name)
                text = made.answer(name)
                if text != NO_DATA:
                    expected_file(name).write_text(text, encoding="utf-8")
                    print(expected_file(name).name, len(text))
            made.close()


if __name__ == "__main__":
    store()
