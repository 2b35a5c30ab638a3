"""Datasets: things with ``len`` and ``[]`` (map style) or with ``iter`` (stream style), and ways to combine them."""

import bisect
import builtins
import itertools
import math
import warnings
from typing import Generic, TypeVar

import numpy as np

from lightwell.errors.teaching import AssertionError, AttributeError, IndexError, NotImplementedError, TypeError, ValueError
from lightwell.tensor import Tensor, wrap

from ...errors.level import users_level

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """A map from an index to a sample; subclasses write ``__getitem__`` and, for most samplers, ``__len__``.

    A subclass may add ``__getitems__(indices) -> list of samples`` to fetch a whole batch at once.
    Adding two datasets concatenates them. Raises NotImplementedError where ``__getitem__`` is not written.

    >>> from lightwell.utils.data import Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self): return 4
    ...     def __getitem__(self, i): return i * i
    >>> data = Squares() + Squares()
    >>> len(data), data[6]
    (8, 4)
    """

    def __getitem__(self, index) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} has to define __getitem__(self, index)")

    def __add__(self, other: "Dataset[T_co]") -> "ConcatDataset[T_co]":
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """A stream of samples; subclasses write ``__iter__``.

    With several workers each of them runs its own copy of the stream: split the work with ``get_worker_info()``.

    >>> from lightwell.utils.data import IterableDataset, DataLoader
    >>> class Count(IterableDataset):
    ...     def __iter__(self): return iter(range(5))
    >>> [batch.tolist() for batch in DataLoader(Count(), batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __iter__(self):
        raise NotImplementedError(f"{type(self).__name__} has to define __iter__(self)")

    def __add__(self, other: Dataset[T_co]) -> "ChainDataset":
        return ChainDataset([self, other])


def _gather(t, indices):
    """Rows of a tensor as a fresh tensor, or None where the rows would have to carry a gradient."""
    if type(t) is not Tensor or t.requires_grad or t.device.type != "cpu" or t.layout is not _strided():
        return None
    return wrap(np.take(t._a, indices, axis=0))


def _strided():
    """The dense layout (looked up late: the front door may still be loading)."""
    import lightwell

    return lightwell.strided


class TensorDataset(Dataset):
    """Tensors side by side: sample i is ``(t[i] for t in tensors)``.

    Tensors: any dtype, equal first dimension. Raises AssertionError where the first dimensions differ.

    >>> import lightwell as torch
    >>> from lightwell.utils.data import TensorDataset
    >>> data = TensorDataset(torch.arange(6).view(3, 2), torch.tensor([7, 8, 9]))
    >>> len(data), data[1]
    (3, (tensor([2, 3]), tensor(8)))
    """

    def __init__(self, *tensors: Tensor) -> None:
        try:
            sizes = [t.size(0) for t in tensors]
        except (builtins.AttributeError, builtins.TypeError) as error:
            other = next((type(t).__name__ for t in tensors if not isinstance(t, Tensor)), None)
            if other is None:
                raise
            kind = AttributeError if isinstance(error, builtins.AttributeError) else TypeError
            hint = "torch.from_numpy(array)" if other == "ndarray" else "torch.tensor(data)"
            raise kind(f"TensorDataset takes tensors, not {other}: convert it first, with {hint}") from None
        if any(n != sizes[0] for n in sizes):
            raise AssertionError(
                f"TensorDataset: the tensors differ in their first dimension ({', '.join(map(str, sizes))}); "
                "every tensor needs one row per sample"
            )
        self.tensors = tensors

    def __getitem__(self, index):
        return tuple(t[index] for t in self.tensors)

    def __len__(self):
        return self.tensors[0].size(0)

    def _batch(self, indices):
        """The collated batch of these indices in one gather per tensor, or None where samples must be taken singly."""
        if type(self).__getitem__ is not TensorDataset.__getitem__ or not self.tensors:
            return None
        rows = [_gather(t, indices) for t in self.tensors]
        return None if any(r is None for r in rows) else rows


class StackDataset(Dataset):
    """Datasets side by side: sample i is a tuple (positional datasets) or a dict (keyword datasets) of their samples i.

    Raises ValueError where no dataset is given, both kinds are, or the lengths differ.

    >>> from lightwell.utils.data import StackDataset
    >>> StackDataset(x=[1, 2], y=["a", "b"])[1]
    {'x': 2, 'y': 'b'}
    """

    def __init__(self, *args, **kwargs) -> None:
        if args and kwargs:
            raise ValueError("StackDataset takes datasets by position (tuples) or by keyword (dicts), not both")
        if not args and not kwargs:
            raise ValueError("StackDataset needs at least one dataset")
        self.datasets = kwargs if kwargs else args
        sizes = [len(d) for d in self._parts()]
        if any(n != sizes[0] for n in sizes):
            raise ValueError(f"StackDataset: the datasets differ in length ({', '.join(map(str, sizes))})")
        self._length = sizes[0]

    def _parts(self):
        """The datasets, whichever way they were given."""
        return list(self.datasets.values()) if isinstance(self.datasets, dict) else list(self.datasets)

    def _join(self, columns):
        """One sample out of one value per dataset."""
        return dict(zip(self.datasets, columns)) if isinstance(self.datasets, dict) else tuple(columns)

    def __getitem__(self, index):
        return self._join([d[index] for d in self._parts()])

    def __getitems__(self, indices: list):
        columns = []
        for d in self._parts():
            fetch = getattr(d, "__getitems__", None)
            column = fetch(indices) if callable(fetch) else [d[i] for i in indices]
            if len(column) != len(indices):
                raise ValueError(
                    f"StackDataset: __getitems__ of {type(d).__name__} returned {len(column)} samples for {len(indices)} indices"
                )
            columns.append(column)
        return [self._join(row) for row in zip(*columns)]

    def __len__(self):
        return self._length


class ConcatDataset(Dataset[T_co]):
    """Datasets end to end; negative indices count from the end.

    Raises AssertionError for an empty list or a stream among the datasets, ValueError for an index out of range.

    >>> from lightwell.utils.data import ConcatDataset
    >>> data = ConcatDataset([range(3), range(10, 12)])
    >>> len(data), data[3], data[-1], data.cumulative_sizes
    (5, 10, 11, [3, 5])
    """

    @staticmethod
    def cumsum(sequence):
        """Running totals of the lengths."""
        return list(itertools.accumulate(len(d) for d in sequence))

    def __init__(self, datasets) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("ConcatDataset: the list of datasets is empty")
        for d in self.datasets:
            if isinstance(d, IterableDataset):
                raise AssertionError("ConcatDataset needs datasets with [] and len; use ChainDataset for streams")
        self.cumulative_sizes = self.cumsum(self.datasets)

    def __len__(self):
        return self.cumulative_sizes[-1]

    def __getitem__(self, index):
        n = len(self)
        if index < 0:
            if -index > n:
                raise ValueError(f"ConcatDataset: index {index} is out of range for {n} samples")
            index += n
        which = bisect.bisect_right(self.cumulative_sizes, index)
        if which == len(self.datasets):
            raise IndexError(f"ConcatDataset: index {index} is out of range for {n} samples")
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]

    @property
    def cummulative_sizes(self):
        """The old spelling of ``cumulative_sizes``."""
        warnings.warn("cummulative_sizes is spelled cumulative_sizes", DeprecationWarning, stacklevel=users_level())
        return self.cumulative_sizes


class ChainDataset(IterableDataset):
    """Streams end to end. Raises AssertionError where a dataset is not an IterableDataset.

    >>> from lightwell.utils.data import ChainDataset, IterableDataset
    >>> class Count(IterableDataset):
    ...     def __init__(self, n): self.n = n
    ...     def __iter__(self): return iter(range(self.n))
    >>> list(ChainDataset([Count(2), Count(3)]))
    [0, 1, 0, 1, 2]
    """

    def __init__(self, datasets) -> None:
        self.datasets = datasets

    def _streams(self):
        for d in self.datasets:
            if not isinstance(d, IterableDataset):
                raise AssertionError(f"ChainDataset takes IterableDatasets, got {type(d).__name__}")
            yield d

    def __iter__(self):
        for d in self._streams():
            yield from d

    def __len__(self):
        return sum(len(d) for d in self._streams())


class Subset(Dataset[T_co]):
    """The samples of a dataset at the given indices, in that order.

    >>> from lightwell.utils.data import Subset
    >>> list(Subset("abcdef", [4, 0]))
    ['e', 'a']
    """

    def __init__(self, dataset: Dataset[T_co], indices) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index):
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        try:
            chosen = self.indices[index]
        except builtins.IndexError:
            raise IndexError(f"Subset: index {index} is out of range for its {len(self.indices)} samples") from None
        return self.dataset[chosen]

    def __getitems__(self, indices: list) -> list:
        chosen = [self.indices[i] for i in indices]
        fetch = getattr(self.dataset, "__getitems__", None)
        return fetch(chosen) if callable(fetch) else [self.dataset[i] for i in chosen]

    def __len__(self):
        return len(self.indices)

    def _batch(self, indices):
        """The inner dataset's quick batch, where it has one."""
        inner = getattr(self.dataset, "_batch", None)
        kept = type(self).__getitem__ is Subset.__getitem__ and type(self).__getitems__ is Subset.__getitems__
        return inner([self.indices[i] for i in indices]) if inner is not None and kept else None


def random_split(dataset: Dataset, lengths, generator=None) -> list[Subset]:
    """Split a dataset at random into parts of the given lengths, or of the given fractions of the whole.

    With fractions fᵢ that sum to 1, part i gets ⌊n·fᵢ⌋ samples and what is left goes round the parts, one each.
    Raises ValueError where the lengths do not sum to ``len(dataset)`` or a fraction is outside [0, 1].

    >>> import lightwell as torch
    >>> from lightwell.utils.data import random_split
    >>> parts = random_split(range(10), [0.35, 0.35, 0.3], generator=torch.Generator().manual_seed(1))
    >>> [list(p) for p in parts]
    [[5, 6, 1, 2], [0, 8, 9], [3, 7, 4]]
    """
    import lightwell

    lengths, n = list(lengths), len(dataset)
    if lengths and math.isclose(sum(lengths), 1) and sum(lengths) <= 1 + 1e-9:
        fractions, lengths = lengths, []
        for i, f in enumerate(fractions):
            if not 0 <= f <= 1:
                raise ValueError(f"random_split: fraction {i} is {f}, expected one between 0 and 1")
            lengths.append(math.floor(n * f))
        for i in range(n - sum(lengths)):
            lengths[i % len(lengths)] += 1
        for i, length in enumerate(lengths):
            if length == 0:
                warnings.warn(f"random_split: part {i} is empty", UserWarning, stacklevel=users_level())
    if sum(lengths) != n:
        raise ValueError(
            f"random_split: the lengths {lengths} sum to {sum(lengths)}, the dataset has {n} samples; "
            "give lengths that sum to it, or fractions that sum to 1"
        )
    order = lightwell.randperm(n, generator=generator).tolist()
    ends = list(itertools.accumulate(lengths))
    return [Subset(dataset, order[end - length : end]) for length, end in zip(lengths, ends)]
