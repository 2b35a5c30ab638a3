"""What FullyShardedDataParallel can be told: strategies, precisions, kinds of state_dict."""

from dataclasses import dataclass
from enum import Enum, auto

__all__ = [
    "BackwardPrefetch", "CPUOffload", "FullOptimStateDictConfig", "FullStateDictConfig", "LocalOptimStateDictConfig",
    "LocalStateDictConfig", "MixedPrecision", "OptimStateDictConfig", "ShardedOptimStateDictConfig", "ShardedStateDictConfig",
    "ShardingStrategy", "StateDictConfig", "StateDictSettings", "StateDictType",
]  # fmt: skip


class ShardingStrategy(Enum):
    """What each rank keeps a part of only.

    FULL_SHARD: parameters, gradients and optimizer state; parameters are gathered for forward and again for backward. SHARD_GRAD_OP:
    they stay gathered from forward to backward. NO_SHARD: nothing, gradients are averaged. HYBRID_SHARD: FULL_SHARD within the first of
    two groups, copies along the second; _HYBRID_SHARD_ZERO2: SHARD_GRAD_OP likewise.
    """

    FULL_SHARD = auto()
    SHARD_GRAD_OP = auto()
    NO_SHARD = auto()
    HYBRID_SHARD = auto()
    _HYBRID_SHARD_ZERO2 = auto()


class BackwardPrefetch(Enum):
    """When a GPU would gather the next parameters in backward; on a CPU both orders cost the same."""

    BACKWARD_PRE = auto()
    BACKWARD_POST = auto()


class StateDictType(Enum):
    """FULL: whole tensors under the module's own names; LOCAL: this rank's flat parts; SHARDED: distributed tensors."""

    FULL_STATE_DICT = auto()
    LOCAL_STATE_DICT = auto()
    SHARDED_STATE_DICT = auto()


@dataclass(frozen=True)
class MixedPrecision:
    """Dtypes of parameters in forward and backward, of gradients as they are averaged, and of buffers; None leaves them."""

    param_dtype: object = None
    reduce_dtype: object = None
    buffer_dtype: object = None
    keep_low_precision_grads: bool = False
    cast_forward_inputs: bool = False
    cast_root_forward_inputs: bool = True
    _module_classes_to_ignore: tuple = ()


@dataclass
class CPUOffload:
    """Whether parameters rest on the CPU: here they always do."""

    offload_params: bool = False


@dataclass
class StateDictConfig:
    """`offload_to_cpu`: give CPU tensors; here they always are."""

    offload_to_cpu: bool = False


@dataclass
class FullStateDictConfig(StateDictConfig):
    """`rank0_only`: give the state to rank 0 and an empty dict to the others."""

    rank0_only: bool = False


@dataclass
class LocalStateDictConfig(StateDictConfig):
    """Nothing beyond StateDictConfig."""


@dataclass
class ShardedStateDictConfig(StateDictConfig):
    """`_use_dtensor`: give DTensors; here they always are."""

    _use_dtensor: bool = False


@dataclass
class OptimStateDictConfig:
    """`offload_to_cpu`: give CPU tensors; here they always are."""

    offload_to_cpu: bool = True


@dataclass
class FullOptimStateDictConfig(OptimStateDictConfig):
    """`rank0_only`: give the state to rank 0 and an empty dict to the others."""

    rank0_only: bool = False


@dataclass
class LocalOptimStateDictConfig(OptimStateDictConfig):
    """Nothing beyond OptimStateDictConfig."""

    offload_to_cpu: bool = False


@dataclass
class ShardedOptimStateDictConfig(OptimStateDictConfig):
    """`_use_dtensor`: give DTensors; here they always are."""

    _use_dtensor: bool = False


@dataclass
class StateDictSettings:
    """The kind of state_dict in force, and its details."""

    state_dict_type: StateDictType
    state_dict_config: StateDictConfig
    optim_state_dict_config: OptimStateDictConfig


CONFIGS = {
    StateDictType.FULL_STATE_DICT: (FullStateDictConfig, FullOptimStateDictConfig),
    StateDictType.LOCAL_STATE_DICT: (LocalStateDictConfig, LocalOptimStateDictConfig),
    StateDictType.SHARDED_STATE_DICT: (ShardedStateDictConfig, ShardedOptimStateDictConfig),
}
