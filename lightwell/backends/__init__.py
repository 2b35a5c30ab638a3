"""`torch.backends`: which libraries compute, as PyTorch's scripts ask."""

import importlib

from ..errors.teaching import AttributeError
from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp

_MORE = ("cusparselt", "kleidiai", "mha", "nnpack", "opt_einsum", "xnnpack")  # loaded at their first use

__all__ = [
    "cpu", "cuda", "cudnn", "cusparselt", "kleidiai", "mha", "mkl", "mkldnn", "mps", "nnpack", "openmp", "opt_einsum", "xnnpack",
]  # fmt: skip


def __getattr__(name: str):
    if name in _MORE:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
