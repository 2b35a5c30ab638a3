"""PyTorch's low-level names of what DistributedDataParallel is made of."""

# ruff: noqa: F401

import enum

import numpy as np

from ..errors.teaching import RuntimeError
from ..tensor import wrap
from .reducer import FIRST_BUCKET_BYTES as _DEFAULT_FIRST_BUCKET_BYTES
from .reducer import GradBucket, Reducer, assign_buckets


class BuiltinCommHookType(enum.Enum):
    """The communication hooks that have a number."""

    ALLREDUCE = 0
    FP16_COMPRESS = 1


class Logger:
    """What DistributedDataParallel tells of itself."""

    def __init__(self, reducer: Reducer):
        self.reducer = reducer

    def _get_ddp_logging_data(self) -> dict:
        r = self.reducer
        return {"world_size": r.group.size(), "rank": r.group.rank(), "backend_name": r.group.name(), "num_buckets": len(r.buckets)}


def _compute_bucket_assignment_by_size(tensors, bucket_size_limits, expect_sparse_gradient=(), tensor_indices=(), logger=None):
    """(indices of tensors in buckets, their size limits)."""
    buckets = assign_buckets(tensors, bucket_size_limits)
    limits = [bucket_size_limits[min(i, len(bucket_size_limits) - 1)] for i in range(len(buckets))]
    return [[tensor_indices[i] for i in b] if tensor_indices else b for b in buckets], limits


def _broadcast_coalesced(process_group, tensors, buffer_size: int = 250 << 20, src: int = 0) -> None:
    """Give all ranks the tensors of the group's rank `src`: all of one dtype go as one message."""
    from .collectives import broadcast, flat, put

    for dtype in dict.fromkeys(t.dtype for t in tensors):
        same = [t for t in tensors if t.dtype is dtype]
        row = wrap(np.concatenate([flat(t) for t in same]))
        broadcast(row, group=process_group, group_src=src)
        if process_group.rank() != src:
            at = 0
            for t in same:
                put(t, row._a[at : at + t._a.size])
                at += t._a.size


def _verify_params_across_processes(process_group, params, logger=None) -> None:
    """RuntimeError unless the parameters have the same shapes and dtypes on all ranks."""
    from .objects import all_gather_object

    mine = [(tuple(p.shape), p.dtype.name) for p in params]
    others: list = [None] * process_group.size()
    all_gather_object(others, mine, process_group)
    for rank, theirs in enumerate(others):
        if len(theirs) != len(others[0]):
            raise RuntimeError(
                f"DDP expects same model across all ranks, but Rank 0 has {len(others[0])} params, while rank {rank} has inconsistent {len(theirs)} params."
            )
        for i, (a, b) in enumerate(zip(others[0], theirs)):
            if a != b:
                raise RuntimeError(
                    f"DDP expects same model across all ranks: params[{i}] has sizes {list(a[0])} ({a[1]}) on rank 0 and {list(b[0])} ({b[1]}) on rank {rank}."
                )
