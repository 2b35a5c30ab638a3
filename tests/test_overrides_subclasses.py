"""Users' subclasses of Tensor keep their class and may see each call; other objects may stand in for tensors. As in PyTorch."""

import pathlib
import subprocess
import sys

import pytest

import lightwell as lw

ROOT = pathlib.Path(__file__).parents[1]
PROGRAM = ROOT / "tests" / "programs" / "subclasses.py"
EXPECTED = PROGRAM.with_suffix(".txt")


def run(*command):
    """What the program prints, in a process of its own: subclasses change how all functions are called from then on."""
    done = subprocess.run([sys.executable, *command, str(PROGRAM)], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_prints_what_pytorch_prints():
    assert run("-m", "lightwell") == EXPECTED.read_text()


def test_the_expected_output_is_pytorchs():
    pytest.importorskip("torch")
    assert run() == EXPECTED.read_text()


def test_the_locals_of_an_intercepted_call_can_be_read():
    """As debuggers do; it ended the process where a stub had a closure it had never taken over."""
    seen = {}

    def recorder(function, args, kwargs):
        frame = sys._getframe(1)
        while frame is not None:
            seen.setdefault(frame.f_code.co_name, dict(frame.f_locals))
            frame = frame.f_back
        return lw.overrides.original(function)(*args, **kwargs)

    x = lw.ones(3)
    with lw.overrides.interception(recorder):
        lw.add(x, 1), lw.nn.functional.relu(x), x.exp()
    assert any(len(names) > 2 and "args" in names for names in seen.values()), "no stub with a closure was met"
