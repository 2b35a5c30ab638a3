"""`torch.return_types`: the named tuples that operations with several results return."""

from .errors.teaching import AttributeError
from .ops import return_types as _types


def __getattr__(name):
    found = getattr(_types, name, None)
    if not isinstance(found, type):
        raise AttributeError(f"module 'torch.return_types' has no attribute '{name}'")
    return found


def __dir__():
    return sorted(n for n, v in vars(_types).items() if isinstance(v, type))
