"""How DistributedDataParallel's gradients may travel: see `default_hooks` and `powerSGD_hook`."""

from enum import Enum
from functools import partial

from . import default_hooks


class DDPCommHookType(Enum):
    """The hooks by name."""

    ALLREDUCE = partial(default_hooks.allreduce_hook)
    FP16_COMPRESS = partial(default_hooks.fp16_compress_hook)
    BF16_COMPRESS = partial(default_hooks.bf16_compress_hook)


def register_ddp_comm_hook(comm_hook_type: DDPCommHookType, model, state=None) -> None:
    """Register a hook by its DDPCommHookType; `state` is the process group, or None for all ranks."""
    model.register_comm_hook(state, comm_hook_type.value)
