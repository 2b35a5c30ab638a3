"""One module over several devices (`DataParallel`) or several processes (`DistributedDataParallel`)."""

from .data_parallel import DataParallel, data_parallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "parallel_apply", "replicate", "scatter"]

_FROM = {
    "DistributedDataParallel": "distributed", "gather": "scatter_gather", "scatter": "scatter_gather", "parallel_apply": "parallel_apply",
    "replicate": "replicate",
}  # fmt: skip


def __getattr__(name: str):
    import importlib

    if name in _FROM:
        found = getattr(importlib.import_module(f".{_FROM[name]}", __name__), name)
    elif name in ("comm", "distributed", "scatter_gather"):
        found = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()[name] = found
    return found
