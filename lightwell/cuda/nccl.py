"""`torch.cuda.nccl` where there is no NCCL: as PyTorch's CPU build has it."""

import warnings

from ..errors.level import users_level
from ..errors.teaching import AttributeError, RuntimeError

__all__ = ["all_gather", "all_reduce", "broadcast", "init_rank", "is_available", "reduce", "reduce_scatter", "unique_id", "version"]

SUM = 0


def is_available(tensors) -> bool:
    """Whether NCCL can work on these tensors: never in this build; tells so once, in a UserWarning."""
    warnings.warn("PyTorch is not compiled with NCCL support", stacklevel=users_level())
    return False


def _missing(name: str, kind: type = RuntimeError):
    def call(*args, **kwargs):
        raise kind(f"cuda.nccl.{name}(): this build has no NCCL, which needs CUDA devices; torch.distributed works between CPUs")

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{kind.__name__}: `{name}` needs NCCL, and this build has none."
    return call


version, unique_id, init_rank = (_missing(name, AttributeError) for name in ("version", "unique_id", "init_rank"))
all_gather, all_reduce, broadcast, reduce, reduce_scatter = map(
    _missing, ("all_gather", "all_reduce", "broadcast", "reduce", "reduce_scatter")
)
