"""The sampler that gives each process of a group its own share of a dataset."""

import math

from lightwell.errors.teaching import RuntimeError, ValueError
from lightwell.utils.data.sampler import Sampler, _lw

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index from ``rank`` on, of a permutation that all processes of the group agree upon.

    The permutation depends on ``seed + epoch`` alone; call ``set_epoch(epoch)`` before each epoch to change it. The
    order is padded from its own start (or cut, with ``drop_last``) to a multiple of ``num_replicas``.
    Raises ValueError for a rank outside [0, num_replicas), RuntimeError or ValueError where the group is not known.

    >>> from lightwell.utils.data import DistributedSampler
    >>> [list(DistributedSampler(range(10), num_replicas=3, rank=r, shuffle=False)) for r in range(3)]
    [[0, 3, 6, 9], [1, 4, 7, 0], [2, 5, 8, 1]]
    """

    def __init__(self, dataset, num_replicas=None, rank=None, shuffle=True, seed=0, drop_last=False) -> None:
        if num_replicas is None or rank is None:
            group = self._group()
            num_replicas = group.get_world_size() if num_replicas is None else num_replicas
            rank = group.get_rank() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(f"DistributedSampler: rank {rank} is outside [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        n = len(dataset)
        self.num_samples = math.ceil((n - num_replicas) / num_replicas) if drop_last and n % num_replicas else math.ceil(n / num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    @staticmethod
    def _group():
        """The process group's module, or an error that says what to pass instead."""
        try:
            from lightwell import distributed
        except ImportError:
            distributed = None
        if distributed is None or not distributed.is_available():
            raise RuntimeError("DistributedSampler: no process group is available; pass num_replicas and rank")
        return distributed

    def __iter__(self):
        n = len(self.dataset)
        if self.shuffle:
            lw = _lw()
            order = lw.randperm(n, generator=lw.Generator().manual_seed(self.seed + self.epoch)).tolist()
        else:
            order = list(range(n))
        if not self.drop_last and order:
            order = (order * math.ceil(self.total_size / n))[: self.total_size]
        share = order[: self.total_size][self.rank :: self.num_replicas]
        return iter(share)

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose permutation the next pass uses."""
        self.epoch = epoch
