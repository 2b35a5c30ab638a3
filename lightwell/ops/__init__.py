"""The operations: one record each, one file per family. `op.py` says how they run, `public.py` how they get their names."""

from ..errors import refusing

# isort: off
from . import (
    activations, arith, axes, broadcasting, contractions, convert, copies, creation, decompose, distances, extremes,
    from_data, gradient, implicit, indexing, join, layout, legacy, masks, method_names, moments, network_names, parts, picking,
    pointwise, products, python_functions, ranges, reduce, sampling, scan, scattering, shape, softmax, sorting,
    statistics, triangles, window_functions,
)  # fmt: skip
from ..errors.teaching import AttributeError
# isort: on

# These see to their arguments themselves, and are called often.
_OWN = frozenset("arange as_tensor empty from_numpy full linspace ones rand randint randn tensor zeros".split())
_function = type(refusing)

# Importing a family attaches its methods to Tensor; its `__all__` says which functions it gives to the front door.
__all__ = []
for _family in (
    activations, arith, axes, broadcasting, contractions, convert, copies, creation, decompose, distances, extremes,
    from_data, gradient, implicit, indexing, join, layout, legacy, masks, method_names, moments, network_names, parts, picking,
    pointwise, products, python_functions, ranges, reduce, sampling, scan, scattering, shape, softmax, sorting,
    statistics, triangles, window_functions,
):  # fmt: skip
    for _name in getattr(_family, "__all__", ()):
        _found = getattr(_family, _name)
        if _found.__class__ is _function and _name not in _OWN:
            _found = refusing(_found)
            setattr(_family, _name, _found)  # one object under both names: a pickle finds it again
        globals()[_name] = _found
        __all__.append(_name)
del _family, _name, _found


def __getattr__(name: str):
    """`torch.ops.aten` and other namespaces of operations by name: see `torch.library`."""
    from ..library import known_namespace, namespace

    if name.startswith("_") or not known_namespace(name):
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return namespace(name)
