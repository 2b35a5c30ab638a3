"""PyTorch's module path of `errors`."""

from . import errors
