"""The operations: one record each, one file per family. `op.py` says how they run, `public.py` how they get their names."""

from . import (
    activations, arith, axes, broadcasting, contractions, convert, copies, creation, decompose, distances, extremes, gradient, indexing,
    join, layout, masks, method_names, moments, network_names, parts, picking, pointwise, products, python_functions, reduce,
    sampling, scan, scattering, shape, softmax, sorting, statistics,
)  # fmt: skip

# Importing a family attaches its methods to Tensor; `__all__` says which functions it gives to the front door.
__all__ = []
for _family in (
    arith, convert, creation, products, contractions, sampling, shape, axes, broadcasting, layout, join, parts, indexing,
    picking, scattering, masks, reduce, extremes, moments, distances, scan, gradient, sorting, statistics, pointwise, softmax,
    activations, network_names, method_names, copies, python_functions, decompose,
):  # fmt: skip
    for _name in getattr(_family, "__all__", ()):
        globals()[_name] = getattr(_family, _name)
        __all__.append(_name)
del _family, _name
