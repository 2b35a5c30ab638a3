"""Which batch is at work, of which loader, and which items of the dataset are in it: DataLoaders followed while a watch is on."""

import inspect
import sys
from collections import deque
from typing import Any

import numpy as np

from ...tensor import Tensor
from .numbers import finite
from .sites import here

MOST_TASKS = 4096  # batches whose indices are remembered ahead of their delivery


class _Tasks:
    """A loader's index lists, noted as they are handed to whoever fetches."""

    def __init__(self, tasks):
        self.tasks, self.log = iter(tasks), deque(maxlen=MOST_TASKS)

    def __iter__(self):
        return self

    def __next__(self):
        task = next(self.tasks)
        self.log.append(task)
        return task


class _Noted:
    """A sampler whose passes are noted."""

    def __init__(self, sampler):
        self.sampler = sampler

    def __iter__(self):
        return _Tasks(self.sampler)

    def __len__(self):
        return len(self.sampler)


def tensors_in(value, out: list | None = None, depth: int = 0) -> list:
    """The tensors of a batch, in order, whatever it is made of."""
    out = [] if out is None else out
    if isinstance(value, Tensor):
        out.append(value)
    elif depth < 8:
        if isinstance(value, dict):
            value = list(value.values())
        elif not isinstance(value, list | tuple):
            value = list(vars(value).values()) if hasattr(value, "__dataclass_fields__") else ()
        for v in value:
            tensors_in(v, out, depth + 1)
    return out


class Data:
    """The batch at work: `batch` as the loader gave it, its `tensors`, the `items` of the dataset, `epoch` and `number` in it."""

    def __init__(self, delivered):
        self.delivered_to = delivered  # called after each batch
        self.replace: Any = None  # replay: replace(loader number, batch) -> the batch to hand out
        self.batch: Any = None
        self.tensors: list = []
        self.call: Any = None  # the last call of an outermost module: (module, args, kwargs)
        self.items: list | None = None
        self.epoch: int | None = None
        self.number: int | None = None
        self.loader_number: int | None = None
        self._loaders: dict[tuple, list] = {}  # line -> [code, passes begun, the loader's number]
        self._passes: dict[int, list] = {}  # id of an iterator -> that entry
        self._undo: list = []

    def begin(self) -> None:
        """Follow all DataLoaders from now on."""
        from ...utils.data import dataloader

        kind, base = dataloader.DataLoader, dataloader._BaseDataLoaderIter
        sampler, following = kind.__dict__["_index_sampler"], base.__dict__["__next__"]

        def index_sampler(loader):
            return _Noted(sampler.fget(loader))

        def following_batch(iterator):
            return self._delivered(iterator, following(iterator))

        kind._index_sampler = property(index_sampler)
        base.__next__ = following_batch
        self._undo = [(kind, "_index_sampler", sampler), (base, "__next__", following)]

    def end(self) -> None:
        """As it was."""
        for owner, name, value in reversed(self._undo):
            setattr(owner, name, value)
        self._undo = []

    def _delivered(self, iterator, batch):
        loader = iterator._loader
        if iterator._yielded == 1:  # a pass is known by the line that begins it: loaders are often made anew for each epoch
            code, at = here(sys._getframe(2))
            known = self._loaders.setdefault((id(code), at), [code, 0, len(self._loaders)])
            known[1] += 1
            self._passes[id(iterator)] = known
        known = self._passes.get(id(iterator)) or self._loaders.setdefault((0, 0), [None, 1, len(self._loaders)])  # begun before the watch
        tasks = iterator._tasks
        items = None
        while isinstance(tasks, _Tasks):
            items = tasks.log.popleft() if tasks.log and getattr(loader, "in_order", True) else None
            tasks = tasks.tasks  # under a nested watch
        if self.replace is not None:
            batch = self.replace(known[2], batch)
        self.batch, self.tensors = batch, tensors_in(batch)
        self.items = [i for i in items if isinstance(i, int | np.integer)] if isinstance(items, list | tuple) else None
        self.items = self.items or None
        self.epoch, self.number, self.loader_number = known[1], iterator._yielded, known[2]
        self.delivered_to()
        return batch

    def size(self) -> int:
        """How many examples are in the batch: the first dimension of its tensors."""
        for t in (*self.tensors, *self.inputs):
            if t._a.ndim:
                axis = 1 if t._a.ndim > 1 and self.time_first and not self.tensors else 0
                return int(t._a.shape[axis])
        return 0

    @property
    def inputs(self) -> list:
        """The tensors that the outermost module was called with, last."""
        return [] if self.call is None else tensors_in(self.call[1:])

    @property
    def time_first(self) -> bool:
        """Whether the outermost module is recurrent, and takes sequences with time as their first dimension."""
        return self.call is not None and self.call[0].__dict__.get("batch_first", True) is False

    def masked(self) -> bool:
        """Whether all infinities that came in from outside are masks' -inf."""
        broken = [t for t in (*self.tensors, *self.inputs) if t._a.__class__ is np.ndarray and not finite(t._a)]
        if not broken or any(np.isnan(t._a).any() or np.isposinf(t._a).any() for t in broken):
            return False
        named = self._named("mask")
        return all(any(t is m for m in named) or self._looks_like_a_mask(t) for t in broken)

    def _named(self, word: str) -> list:
        """The tensors that the outermost module takes under a name with this word in it."""
        if self.call is None:
            return []
        module, args, kwargs = self.call
        try:
            given = inspect.signature(module.forward).bind_partial(*args, **kwargs).arguments
        except (TypeError, ValueError):
            given = {}
        return tensors_in([v for name, v in {**given, **kwargs}.items() if word in name])

    def _looks_like_a_mask(self, t) -> bool:
        """Whether a tensor, not the first of its batch, holds 0 and -inf only."""
        first = [many[0] for many in (self.tensors, self.inputs) if many]
        return not any(t is v for v in first) and bool((np.isneginf(t._a) | (t._a == 0)).all())

    def holds(self, array) -> tuple | None:
        """(position in the batch, tensor) of the batch's tensor whose memory an array shows; None."""
        for i, t in enumerate(self.tensors):
            if t._a.size and np.may_share_memory(t._a, array):
                return i, t
        return None
