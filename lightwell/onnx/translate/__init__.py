"""Record by record, what an operation is in ONNX: one small function each, by families."""

from . import arithmetic, layers, normal, recurrent, reductions, resampling, shapes
from .table import TABLE

__all__ = ["TABLE", "arithmetic", "layers", "normal", "recurrent", "reductions", "resampling", "shapes"]
