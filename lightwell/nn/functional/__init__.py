"""Functions of neural networks without state, under the names of torch.nn.functional."""

import importlib

# One module per family; each says in `__all__` what it gives.
_FAMILIES = (
    "activation linear distance loss dropout embedding norm conv pooling pad fold resize attention vision recurrent ctc"
).split()

__all__ = []
for _name in _FAMILIES:
    try:
        _module = importlib.import_module(f".{_name}", __name__)
    except ModuleNotFoundError as _error:
        if _error.name != f"{__name__}.{_name}":
            raise
        continue
    for _public in _module.__all__:
        globals()[_public] = getattr(_module, _public)
        __all__.append(_public)
del _name, _module, _public
