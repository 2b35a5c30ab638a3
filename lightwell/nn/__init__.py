"""Neural networks under PyTorch's names: modules, layers, losses, initialisation and helpers."""

import sys

from ..errors.teaching import AttributeError
from . import functional, init, parallel, parameter, utils
from .containers import Container, ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .layers import *
from .module import Module
from .parallel import DataParallel
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

globals().pop("attention")  # the file in layers, which its package's names brought along: the package beside it is meant

from . import attention, grad, modules  # noqa: E402  # isort: skip  (modules: its names are those above)


def __getattr__(name: str):
    if name == "common_types":  # annotations only: loaded at its first use
        import importlib

        return importlib.import_module(".common_types", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])
