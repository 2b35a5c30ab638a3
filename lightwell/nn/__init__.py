"""Neural networks under PyTorch's names: modules, layers, losses, initialisation and helpers."""

from . import functional, init, parallel, parameter, utils
from .containers import Container, ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .layers import *
from .module import Module
from .parallel import DataParallel
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

from . import grad, modules  # isort: skip  (its names are those above)
