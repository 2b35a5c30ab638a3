"""Lets lightwell stand for PyTorch: after ``install()``, ``import torch`` gives lightwell itself.

A finder in front of Python's own maps ``torch.X`` to ``lightwell.X``, ``torchvision.X`` to ``lightwell.vision.X``, and so
``torchtext``, ``gpytorch`` and ``torchviz`` to ``lightwell.text``, ``lightwell.gp`` and ``lightwell.explain.graph``, to the very same module objects. Scripts that ask for
``torch.__version__`` are told the version of PyTorch whose interface this is. Worker processes get the finder too, whichever way they are started.
"""

import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys

from lightwell.errors.teaching import ModuleNotFoundError, RuntimeError

_NAMES = {
    "torch": "lightwell",
    "torchvision": "lightwell.vision",
    "torchtext": "lightwell.text",
    "gpytorch": "lightwell.gp",
    "torchviz": "lightwell.explain.graph",
}
_NAMES |= {name: f"lightwell.explain.memory.{name}" for name in ("torchinfo", "torchsummary")}


def _target(name: str) -> str | None:
    """Our name of a module of PyTorch's or torchvision's; None for any other."""
    head, _, rest = name.partition(".")
    ours = _NAMES.get(head)
    return ours and (f"{ours}.{rest}" if rest else ours)


def own_name(name: str) -> str:
    """A module's real name: `torch.X` stands for `lightwell.X`, any other for itself."""
    return _target(name) or name


class _Loader(importlib.abc.Loader):
    """Hands out a module that is there already."""

    def __init__(self, target):
        self.target = target

    def create_module(self, spec):
        module = importlib.import_module(self.target)
        # the import system is about to write the stand-in's name over these; exec_module puts them back
        self.own = {key: getattr(module, key, None) for key in ("__spec__", "__loader__", "__package__", "__name__")}
        return module

    def exec_module(self, module):
        for key, value in self.own.items():
            setattr(module, key, value)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds torch.* and torchvision.* in lightwell."""

    def find_spec(self, fullname, path=None, target=None):
        ours = _target(fullname)
        if ours is None:
            return None
        try:
            found = importlib.util.find_spec(ours)
        except builtins.ModuleNotFoundError as error:
            if error.name is None or not ours.startswith(error.name):
                raise
            found = None
        if found is None:
            raise ModuleNotFoundError(f"No module named {fullname!r}: lightwell stands for it here and has no {ours!r}", name=fullname)
        package = found.submodule_search_locations is not None
        return importlib.machinery.ModuleSpec(fullname, _Loader(ours), origin=found.origin, is_package=package)


class _InChild:
    """Installs the stand-in when it is unpickled: rides on what a spawned process reads before its main module."""

    def __reduce__(self):
        home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        code = (
            f"import sys\nhome = {home!r}\nif home not in sys.path: sys.path.append(home)\nfrom lightwell.standin import install\ninstall()"
        )
        return exec, (code,)


def _reach_children():
    """Have processes started by 'spawn' and 'forkserver' install the stand-in first; forked ones have it anyway."""
    import multiprocessing.spawn

    told = multiprocessing.spawn.get_preparation_data
    if getattr(told, "_lightwell", False):
        return

    def get_preparation_data(name, *args, **kwargs):
        if not _installed():
            return told(name, *args, **kwargs)
        # first in the dict, so that it is unpickled before anything that imports torch
        return {"lightwell": _InChild(), **told(name, *args, **kwargs)}

    get_preparation_data._lightwell = True
    multiprocessing.spawn.get_preparation_data = get_preparation_data
    if "forkserver" in multiprocessing.get_all_start_methods():
        # the server would import the main module without the stand-in, to save its children the time
        multiprocessing.set_forkserver_preload([])


def install() -> None:
    """Let ``torch`` and ``torchvision`` mean lightwell in this process and in those it starts.

    Calling it again changes nothing. Raises RuntimeError where the real PyTorch is imported already.

    >>> from lightwell.standin import install, uninstall
    >>> install()
    >>> import torch, lightwell
    >>> torch is lightwell
    True
    >>> uninstall()
    """
    for name in _NAMES:
        module = sys.modules.get(name)
        if module is not None and not module.__name__.startswith("lightwell"):
            raise RuntimeError(
                f"lightwell.standin.install(): {name} is imported already (from {getattr(module, '__file__', '?')}); "
                "install before the first 'import torch'"
            )
    if not _installed():
        sys.meta_path.insert(0, _Finder())
    ours = importlib.import_module("lightwell")
    ours.__version__ = importlib.import_module("lightwell.version").torch_version()
    _reach_children()


def _installed() -> bool:
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def uninstall() -> None:
    """Take the finder and the names it gave away again."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    importlib.import_module("lightwell").__version__ = importlib.import_module("lightwell._version").__version__
    for name in [n for n, m in list(sys.modules.items()) if _target(n) and getattr(m, "__name__", "").startswith("lightwell")]:
        del sys.modules[name]
