"""The operations: one record each, one file per family. `op.py` says how they run, `public.py` how they get their names."""

import importlib

_FAMILIES = "arith convert creation products contractions sampling shape axes broadcasting layout join parts indexing picking scattering masks reduce extremes moments distances scan gradient sorting statistics pointwise softmax activations network_names decompose".split()
__all__ = []
for _name in _FAMILIES:
    try:
        _module = importlib.import_module(f".{_name}", __name__)
    except ImportError:
        continue
    for _public in getattr(_module, "__all__", ()):
        globals()[_public] = getattr(_module, _public)
        __all__.append(_public)
