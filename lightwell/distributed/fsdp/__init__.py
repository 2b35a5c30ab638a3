"""`torch.distributed.fsdp`: parameters, gradients and optimizer state spread over the ranks.

fully_sharded_data_parallel.py  the wrapper module (FSDP 1)      unit.py         flat vectors, gathering, scattering
optim_state.py                  optimizer states whole           wrap.py, api.py policies and options
_fully_shard.py                 parameters as DTensors (FSDP 2)
"""

from ._fully_shard import *
from .api import *
from .fully_sharded_data_parallel import FullyShardedDataParallel

__all__ = [
    "BackwardPrefetch", "CPUOffload", "CPUOffloadPolicy", "FSDPModule", "MixedPrecisionPolicy", "OffloadPolicy", "UnshardHandle", "fully_shard",
    "register_fsdp_forward_method", "FullOptimStateDictConfig", "FullStateDictConfig", "FullyShardedDataParallel",
    "LocalOptimStateDictConfig", "LocalStateDictConfig", "MixedPrecision", "OptimStateDictConfig", "ShardedOptimStateDictConfig",
    "ShardedStateDictConfig", "ShardingStrategy", "StateDictConfig", "StateDictSettings", "StateDictType",
]  # fmt: skip
