"""The teaching exceptions are Python's own to everybody: by except, name, comparison, pickle; and every module raises them."""

import ast
import builtins
import copy
import doctest
import pickle
import traceback
from pathlib import Path

import pytest

import lightwell
from lightwell.errors import teaching, unpickling

PACKAGE = Path(lightwell.__file__).parent
NAMES = [name for name in teaching.__all__ if isinstance(getattr(builtins, name, None), type)]


@pytest.fixture(autouse=True)
def _lessons():
    before = lightwell.lessons_enabled()
    lightwell.set_lessons(True)
    lightwell.set_language("en")
    yield
    lightwell.set_lessons(before)
    lightwell.set_language(None)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_pythons_exception_to_everybody(name):
    ours, python = getattr(teaching, name), getattr(builtins, name)
    assert (
        issubclass(ours, python)
        and ours == python
        and hash(ours) == hash(python)
        and (ours.__module__, ours.__name__) == ("builtins", name)
    )
    error = ours("what is wrong")
    assert repr(error) == repr(python("what is wrong")) and str(error) == str(python("what is wrong")) and error.args == ("what is wrong",)
    error.add_note("a note")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is python and again.args == error.args and again.__notes__ == ["a note"]
    assert pickle.loads(pickle.dumps(ours)) is python
    assert traceback.format_exception_only(ours("x")) == traceback.format_exception_only(python("x"))


def test_classes_of_the_package_stay_themselves():
    from lightwell.distributed.errors import DistBackendError

    assert {DistBackendError} != {RuntimeError} and isinstance(DistBackendError("x"), RuntimeError)
    assert type(pickle.loads(pickle.dumps(lightwell.errors.Unreadable("x")))) is lightwell.errors.Unreadable
    error = pickle.loads(pickle.dumps(teaching.FileNotFoundError(2, "none", "a.txt")))
    assert type(error) is FileNotFoundError and (error.errno, error.filename) == (2, "a.txt")
    assert type(pickle.loads(pickle.dumps(teaching.ImportError("no", name="x")))) is ImportError
    assert unpickling.UnpicklingError == pickle.UnpicklingError


def failed():
    try:
        lightwell.ones(2) + lightwell.ones(3)
    except RuntimeError as error:
        return error
    raise AssertionError("nothing was raised")


def test_the_lesson_is_read_where_a_traceback_is_printed_and_nowhere_else():
    error = failed()
    assert not any(key.startswith("_lesson") for key in error.__dict__)
    text = "".join(traceback.format_exception(error))
    assert "── LW101" in text and "lightwell.ones(2) + lightwell.ones(3)" in text and "LW101" not in str(error)
    error.add_note("mine")
    assert error.__notes__[0] == "mine" and error.__notes__[1].startswith("── LW101")
    assert error.code == "LW101" and error.lesson.code == "LW101"
    assert "── LW101" in lightwell.explain_error(error)


def test_lessons_can_be_switched_off():
    lightwell.set_lessons(False)
    error = failed()
    assert not lightwell.lessons_enabled() and not hasattr(error, "__notes__") and "LW101" not in "".join(traceback.format_exception(error))
    error.add_note("mine")
    assert error.__notes__ == ["mine"]
    error.__notes__ = ["other"]
    assert error.__notes__ == ["other"]
    del error.__notes__
    assert not hasattr(error, "__notes__")


def test_doctests_compare_the_message_alone():
    text = """
    >>> import lightwell
    >>> lightwell.ones(2).item()
    Traceback (most recent call last):
    ...
    RuntimeError: a Tensor with 2 elements cannot be converted to Scalar
    """
    test = doctest.DocTestParser().get_doctest(text, {}, "t", "t.py", 0)
    out: list = []
    assert doctest.DocTestRunner(verbose=False).run(test, out=out.append).failed == 0, "".join(out)


def test_catching_costs_no_lesson(monkeypatch):
    from lightwell.errors import lesson

    monkeypatch.setattr(lesson, "lesson_of", lambda error: pytest.fail("a caught error was explained"))
    for _ in range(3):
        with pytest.raises(RuntimeError):
            lightwell.ones(2).view(3)


def _modules():
    return [p for p in sorted(PACKAGE.rglob("*.py")) if p.relative_to(PACKAGE).parts[0] not in ("explain", "errors")]


def test_every_module_raises_teaching_exceptions_and_catches_pythons():
    """A module that says `raise ValueError` imports errors.teaching's; then it catches `builtins.ValueError`."""
    wrong = []
    for path in _modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        taught = {
            a.asname or a.name
            for n in tree.body
            if isinstance(n, ast.ImportFrom) and (n.module or "").endswith("errors.teaching")
            for a in n.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                name = node.exc.func.id
                if name in NAMES and name not in taught and name not in ("KeyError", "StopIteration"):
                    wrong.append(f"{path.relative_to(PACKAGE)}:{node.lineno} raises Python's {name}: import it from errors.teaching")
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                for n in ast.walk(node.type):
                    if isinstance(n, ast.Name) and n.id in taught:
                        wrong.append(f"{path.relative_to(PACKAGE)}:{n.lineno} catches the teaching {n.id} only: say builtins.{n.id}")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass"):
                for n in ast.walk(node.args[-1]):
                    if isinstance(n, ast.Name) and n.id in taught:
                        wrong.append(f"{path.relative_to(PACKAGE)}:{n.lineno} asks for the teaching {n.id} only: say builtins.{n.id}")
    assert not wrong, "\n".join(wrong)
