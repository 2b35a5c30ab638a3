"""Tests and doctests run in English, whatever the machine's locale; those of the other language choose it themselves."""

import os

import pytest

os.environ["LIGHTWELL_LANG"] = "en"


@pytest.fixture(autouse=True)
def _language_as_it_was():
    yield
    import sys

    language = sys.modules.get("lightwell.language")
    if language is not None:
        language.set_language(None)


@pytest.fixture
def pytorch_hidden():
    """For tests that run a script under the stand-in in this process: where another test has imported PyTorch, it is out of sight meanwhile."""
    import sys

    names = ("torch", "torchgen", "functorch", "torchvision")
    hidden = {n: m for n, m in sys.modules.items() if n.split(".")[0] in names}
    for name in hidden:
        del sys.modules[name]
    yield
    _without_standin()
    for name in [n for n in sys.modules if n.split(".")[0] in names]:
        del sys.modules[name]
    sys.modules.update(hidden)


@pytest.fixture(autouse=True)
def _no_script_stays():
    """A test may run a script in this process; the next one must meet neither its main module nor lightwell in the place of torch."""
    import sys

    main, arguments, path = sys.modules["__main__"], sys.argv[:], sys.path[:]
    yield
    sys.modules["__main__"], sys.argv[:], sys.path[:] = main, arguments, path
    _without_standin()


def _without_standin() -> None:
    import sys

    standin = sys.modules.get("lightwell.standin")
    if standin is not None and standin._installed():
        standin.uninstall()
