"""The DataLoader: an iterable of batches over a dataset, in this process or from worker processes."""

import builtins
import warnings
from typing import Generic, TypeVar

from lightwell.errors.teaching import TypeError, ValueError
from lightwell.utils.data._utils import collate as _collate
from lightwell.utils.data._utils.collate import default_collate, default_convert
from lightwell.utils.data._utils.fetch import _IterableDatasetFetcher, _MapDatasetFetcher
from lightwell.utils.data._utils.worker import get_worker_info
from lightwell.utils.data.dataset import Dataset, IterableDataset
from lightwell.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, _draw_seed

from ...errors.level import users_level

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)


class _DatasetKind:
    """How a dataset is read: by index or as a stream."""

    Map = 0
    Iterable = 1

    @staticmethod
    def create_fetcher(kind, dataset, auto_collation, collate_fn, drop_last):
        """The fetcher for this kind of dataset."""
        fetcher = _MapDatasetFetcher if kind == _DatasetKind.Map else _IterableDatasetFetcher
        return fetcher(dataset, auto_collation, collate_fn, drop_last)


class _MakeFetcher:
    """A picklable recipe for a fetcher, made afresh by each worker and each epoch."""

    def __init__(self, loader):
        self.recipe = (loader._dataset_kind, loader._auto_collation, loader.collate_fn, loader.drop_last)

    def __call__(self, dataset):
        kind, auto_collation, collate_fn, drop_last = self.recipe
        return _DatasetKind.create_fetcher(kind, dataset, auto_collation, collate_fn, drop_last)


class _Forever(Sampler):
    """Placeholder indices for a stream."""

    def __iter__(self):
        while True:
            yield None


class DataLoader(Generic[T_co]):
    """Batches of a dataset: for each list of indices from the sampler, the collated samples.

    Shapes: samples (…) become batches (B, …) through ``collate_fn``; ``batch_size=None`` gives samples one by one.
    The order with ``shuffle=True`` is PyTorch's for the same seed, and so is what the global stream holds afterwards.
    ``num_workers`` processes fetch ahead (``prefetch_factor`` batches each, 2 by default) and are seeded by
    base seed + worker id. ``pin_memory`` is accepted and has nothing to do for CPU tensors.
    Raises ValueError for arguments that exclude each other; RuntimeError where a worker dies or is slower than
    ``timeout`` seconds; an error in a worker is raised here with its traceback.

    >>> import lightwell as torch
    >>> from lightwell.utils.data import DataLoader, TensorDataset
    >>> data = TensorDataset(torch.arange(10).view(10, 1), torch.arange(10))
    >>> _ = torch.manual_seed(0)
    >>> [y.tolist() for x, y in DataLoader(data, batch_size=4, shuffle=True)]
    [[6, 7, 1, 4], [2, 0, 9, 8], [3, 5]]
    """

    _iterator = None
    _ready = False
    _FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler=None,
        batch_sampler=None,
        num_workers: int = 0,
        collate_fn=None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn=None,
        multiprocessing_context=None,
        generator=None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_process_options(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        if isinstance(dataset, IterableDataset):
            self._dataset_kind = _DatasetKind.Iterable
            refused = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
            for name, value in refused.items():
                if value is not None:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value} "
                        "(the stream itself decides the order)"
                    )
        else:
            self._dataset_kind = _DatasetKind.Map
            shuffle = bool(shuffle)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle: the sampler decides the order")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
            batch_size, drop_last = None, False
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            if self._dataset_kind == _DatasetKind.Iterable:
                sampler = _Forever()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = _collate.default_collate if self._auto_collation else _collate.default_convert
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._ready = True
        self.check_worker_number_rationality()

    @property
    def multiprocessing_context(self):
        """The context worker processes are started from; None for the system's default."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context):
        if context is not None:
            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got num_workers=0"
                )
            import multiprocessing
            from multiprocessing.context import BaseContext

            if isinstance(context, str):
                known = multiprocessing.get_all_start_methods()
                if context not in known:
                    raise ValueError(
                        "multiprocessing_context option should specify a valid start method in "
                        f"{known!r}, but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context object or a string naming the start "
                    f"method, but got multiprocessing_context={context}"
                )
        self._context = context

    def __setattr__(self, name, value):
        if self._ready and name in self._FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def _auto_collation(self):
        """Whether batches are made here, rather than samples passed on."""
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        """What yields the tasks: lists of indices, or single indices."""
        return self.batch_sampler if self._auto_collation else self.sampler

    def _get_iterator(self):
        """A fresh pass over the data."""
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        from lightwell.utils.data._utils.multiprocess import _MultiProcessingDataLoaderIter

        self.check_worker_number_rationality()
        return _MultiProcessingDataLoaderIter(self)

    def __iter__(self):
        if not (self.persistent_workers and self.num_workers > 0):
            return self._get_iterator()
        if self._iterator is None:
            self._iterator = self._get_iterator()
        else:
            self._iterator._reset(self)
        return self._iterator

    def __len__(self) -> int:
        if self._dataset_kind == _DatasetKind.Map:
            return len(self._index_sampler)
        n = len(self.dataset)
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def check_worker_number_rationality(self):
        """Warn where more workers are asked for than this process may use CPU cores."""
        if not self.num_workers:
            return
        import os

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        if cores and self.num_workers > cores:
            warnings.warn(
                f"DataLoader: {self.num_workers} workers on {cores} CPU cores take turns and slow each other down; "
                f"num_workers={cores} or fewer is usually quicker",
                UserWarning,
                stacklevel=users_level(),
            )


def _check_process_options(num_workers, timeout, prefetch_factor, persistent_workers):
    """Refuse impossible combinations of the options about worker processes."""
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError("prefetch_factor option needs num_workers > 0; leave it None for loading in this process")
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


class _BaseDataLoaderIter:
    """One pass over a loader: the tasks from its sampler, and a count that is checked against a stream's length."""

    def __init__(self, loader):
        self._loader = loader
        self._tasks = iter(loader._index_sampler)
        self._base_seed = _draw_seed(loader.generator)
        self._yielded = 0
        self._warned = False

    def __iter__(self):
        return self

    def __next__(self):
        data = self._next_data()
        self._yielded += 1
        self._check_length()
        return data

    next = __next__

    def __len__(self):
        return len(self._loader)

    def _check_length(self):
        """Warn once where a stream yields more than its ``__len__`` says."""
        if self._warned or self._loader._dataset_kind != _DatasetKind.Iterable:
            return
        try:
            told = len(self._loader)
        except (builtins.TypeError, NotImplementedError):
            self._warned = True
            return
        if self._yielded > told:
            self._warned = True
            hint = " (each worker runs the whole stream: split it by get_worker_info())" if self._loader.num_workers else ""
            warnings.warn(
                f"DataLoader: {type(self._loader.dataset).__name__} reports a length of {told} batches, "
                f"but number {self._yielded} was fetched{hint}",
                UserWarning,
                stacklevel=users_level(),
            )


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """A pass that fetches in this process, when asked."""

    def __init__(self, loader):
        super().__init__(loader)
        self._fetcher = _MakeFetcher(loader)(loader.dataset)

    def _next_data(self):
        return self._fetcher.fetch(next(self._tasks))
