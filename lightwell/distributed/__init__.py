"""`torch.distributed`: several processes that train together.

Process groups and collectives (`init_process_group`, `all_reduce`, `send`, ...), with two backends: 'gloo', lightwell's own over TCP, and 'mpi',
through mpi4py. On them stand `nn.parallel.DistributedDataParallel`, meshes and distributed tensors, sharded checkpoints; `python -m
lightwell.distributed.run` starts the processes.

    transport.py, mailbox.py   bytes between two ranks          process_group.py  who is with whom
    gloo.py, mpi.py            collectives on arrays            collectives.py, p2p.py, objects.py  the same on tensors and objects
    store.py, tcp_store.py, rendezvous.py  how ranks find each other
"""

from .._lazy import attributes as _attributes
from .distributed_c10d import *
from .distributed_c10d import (
    _all_gather_base,
    _coalescing_manager,
    _CoalescingManager,
    _get_process_group_name,
    _rank_not_in_group,
    _reduce_scatter_base,
)

_LAZY = frozenset(
    ("algorithms autograd checkpoint constants device_mesh elastic fsdp launch nn optim rpc run tensor _composable _tensor").split()
)
_FROM = {
    "DeviceMesh": "device_mesh", "init_device_mesh": "device_mesh", "GradBucket": "buckets", "Logger": "buckets", "Reducer": "buckets",
    "_compute_bucket_assignment_by_size": "buckets", "_broadcast_coalesced": "buckets", "_verify_params_across_processes": "buckets",
    "_DEFAULT_FIRST_BUCKET_BYTES": "buckets", "BuiltinCommHookType": "buckets", "breakpoint": "debugging",
}  # fmt: skip

__getattr__, __dir__ = _attributes(globals(), _LAZY, _FROM)
