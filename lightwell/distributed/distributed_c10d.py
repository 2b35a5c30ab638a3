"""PyTorch's module path of process groups and collectives."""

# ruff: noqa: F401, I001

from .backend import (
    Backend, get_default_backend_for_device, is_backend_available, is_gloo_available, is_mpi_available, is_nccl_available,
    is_ucc_available, is_xccl_available, supports_complex,
)  # fmt: skip
from .coalescing import _coalescing_manager, _CoalescingManager
from .collectives import (
    _all_gather_base, _reduce_scatter_base, all_gather, all_gather_coalesced, all_gather_into_tensor, all_gather_single, all_reduce,
    all_reduce_coalesced, all_to_all, all_to_all_single, barrier, broadcast, gather, monitored_barrier, reduce, reduce_scatter,
    reduce_scatter_single, reduce_scatter_tensor, scatter,
)  # fmt: skip
from .constants import default_pg_timeout
from .errors import DistBackendError, DistError, DistNetworkError, DistStoreError, QueueEmptyError
from .objects import (
    all_gather_object, broadcast_object_list, gather_object, recv_object_list, scatter_object_list, send_object_list,
)  # fmt: skip
from .options import (
    AllreduceCoalescedOptions, AllreduceOptions, AllToAllOptions, BackendConfig, BarrierOptions, BroadcastOptions, DebugLevel, GatherOptions,
    ReduceOptions, ReduceScatterOptions, ScatterOptions, get_debug_level, record_comm, set_debug_level, set_debug_level_from_env,
)  # fmt: skip
from .p2p import P2POp, batch_isend_irecv, irecv, isend, recv, send
from .process_group import (
    GroupMember, ProcessGroup, destroy_process_group, get_backend, get_backend_config, get_global_rank, get_group_rank,
    get_node_local_rank, get_pg_count, get_process_group_ranks, get_rank, get_world_size, group, init_process_group, is_available,
    is_initialized, is_torchelastic_launched, new_group, new_subgroups, new_subgroups_by_enumeration, shrink_group, split_group,
)  # fmt: skip
from .process_group import found as _resolve_process_group_object
from .process_group import outside as _rank_not_in_group
from .reduce_op import ReduceOp, reduce_op
from .rendezvous import register_rendezvous_handler, rendezvous
from .store import FileStore, HashStore, PrefixStore, Store
from .tcp_store import TCPStore
from .work import Work
from ..errors.teaching import ValueError

GroupName = str
ProcessGroupGloo = ProcessGroup


def _get_default_group() -> ProcessGroup:
    """The group of all ranks; ValueError before `init_process_group`."""
    return _resolve_process_group_object(None)


def _get_process_group_name(pg) -> str:
    """The group's name."""
    return pg.group_name


def _resolve_process_group(group_name: str) -> ProcessGroup:
    """The group of a name; ValueError where there is none."""
    from .process_group import world

    if group_name not in world.groups:
        raise ValueError(f"no process group has the name {group_name!r}: it was never made, or destroyed")
    return world.groups[group_name]


__all__ = [name for name in globals() if not name.startswith("_")]
