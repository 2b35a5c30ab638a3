"""The small settings objects that PyTorch's process groups take, and the debug level."""

import enum
import os
from contextlib import contextmanager
from datetime import timedelta

from ..errors.teaching import RuntimeError
from .constants import default_pg_timeout
from .reduce_op import ReduceOp


class _Options:
    """Keyword values with defaults."""

    timeout: timedelta = default_pg_timeout
    asyncOp = True

    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)


class AllreduceOptions(_Options):
    """How `allreduce` reduces."""

    reduceOp = ReduceOp.SUM


class AllreduceCoalescedOptions(AllreduceOptions):
    """How several tensors are reduced."""


class ReduceOptions(AllreduceOptions):
    """How, and where to, `reduce` reduces."""

    rootRank = rootTensor = 0


class ReduceScatterOptions(AllreduceOptions):
    """How `reduce_scatter` reduces."""


class BroadcastOptions(_Options):
    """Where `broadcast` starts from."""

    rootRank = rootTensor = 0


class GatherOptions(_Options):
    """Where `gather` goes."""

    rootRank = 0


class ScatterOptions(_Options):
    """Where `scatter` starts from."""

    rootRank = 0


class AllToAllOptions(_Options):
    """Settings of `alltoall`."""


class BarrierOptions(_Options):
    """Settings of `barrier`."""

    device_ids: list = []
    device = None


class BackendConfig:
    """The backend for each kind of device.

    >>> import lightwell.distributed as dist
    >>> str(dist.BackendConfig(dist.Backend("gloo")))
    'cpu:gloo,cuda:gloo'
    """

    def __init__(self, backend):
        from .backend import Backend

        if ":" in backend:
            self.device_backend_map = {k: Backend(v) for k, v in (part.split(":") for part in backend.split(","))}
        elif backend == Backend.UNDEFINED:
            self.device_backend_map = dict(Backend.default_device_backend_map)
        else:
            self.device_backend_map = {"cpu": Backend(backend), "cuda": Backend(backend)}

    def get_device_backend_map(self) -> dict:
        """Device type to backend."""
        return self.device_backend_map

    def __repr__(self):
        return ",".join(f"{k}:{v}" for k, v in self.device_backend_map.items())


class DebugLevel(enum.Enum):
    """TORCH_DISTRIBUTED_DEBUG's values."""

    OFF = 0
    INFO = 1
    DETAIL = 2


_level = None


def set_debug_level_from_env() -> None:
    """Take the debug level from TORCH_DISTRIBUTED_DEBUG (OFF, INFO, DETAIL); RuntimeError for another value."""
    global _level
    name = os.environ.get("TORCH_DISTRIBUTED_DEBUG", "OFF").upper()
    if name not in DebugLevel.__members__:
        raise RuntimeError(f"The value of TORCH_DISTRIBUTED_DEBUG must be OFF, INFO, or DETAIL, not {name}")
    _level = DebugLevel[name]


def set_debug_level(level: DebugLevel) -> None:
    """Set the debug level."""
    global _level
    _level = level


def get_debug_level() -> DebugLevel:
    """The debug level: that of TORCH_DISTRIBUTED_DEBUG until it is set."""
    if _level is None:
        set_debug_level_from_env()
    return _level


@contextmanager
def record_comm(name: str):
    """Name what is inside for the profiler."""
    try:
        from ..profiler import record_function
    except ImportError:  # pragma: no cover
        yield
        return
    with record_function(name):
        yield
