"""One module over several devices (`DataParallel`) or several processes (`DistributedDataParallel`)."""

from ...errors.teaching import AttributeError
from .data_parallel import DataParallel, data_parallel
from .parallel_apply import parallel_apply
from .replicate import replicate
from .scatter_gather import gather, scatter

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "parallel_apply", "replicate", "scatter"]


def __getattr__(name: str):
    import importlib

    if name in ("DistributedDataParallel", "distributed"):  # needs process groups, which most programs don't
        module = importlib.import_module(".distributed", __name__)
        found = module if name == "distributed" else module.DistributedDataParallel
        globals()[name] = found
        return found
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
