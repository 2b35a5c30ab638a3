"""`torch.cuda.nvtx`: marks for NVIDIA's profilers, which want a GPU."""

import contextlib

from .. import _absent
from ..errors.teaching import RuntimeError

_WHY = "NVTX functions not installed. Are you sure you have a CUDA build? On the CPU, torch.profiler.record_function marks a part"
globals().update(_absent.functions("cuda.nvtx", RuntimeError, _WHY, "mark range_end range_pop range_push range_start"))


@contextlib.contextmanager
def range(msg, *args, **kwargs):
    """A mark around a part of the program: RuntimeError on entering, without a GPU."""
    range_push(msg.format(*args, **kwargs))  # noqa: F821  (raises)
    yield
