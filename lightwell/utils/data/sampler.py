"""Samplers: the order in which a DataLoader asks a dataset for its samples. Random ones follow PyTorch's streams."""

import itertools
from typing import Generic, TypeVar

from lightwell.errors.teaching import NotImplementedError, TypeError, ValueError

T_co = TypeVar("T_co", covariant=True)


def _lw():
    """The front door, looked up late because it may still be loading when this module is imported."""
    import lightwell

    return lightwell


def _draw_seed(generator=None) -> int:
    """One 64-bit draw from the stream, as PyTorch's loaders and samplers take it."""
    lw = _lw()
    return int(lw.empty((), dtype=lw.int64).random_(generator=generator).item())


def _fresh_generator():
    """A generator of its own, seeded by one draw from the global stream."""
    return _lw().Generator().manual_seed(_draw_seed())


def _check_count(name, value):
    """Refuse anything but a positive integer."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


class Sampler(Generic[T_co]):
    """The base of all samplers: an iterable of indices; subclasses write ``__iter__`` and, where known, ``__len__``.

    >>> from lightwell.utils.data import DataLoader, Sampler
    >>> class Backwards(Sampler):
    ...     def __init__(self, n): self.n = n
    ...     def __iter__(self): return iter(range(self.n - 1, -1, -1))
    ...     def __len__(self): return self.n
    >>> [b.tolist() for b in DataLoader([10, 11, 12], batch_size=2, sampler=Backwards(3))]
    [[12, 11], [10]]
    """

    def __iter__(self):
        raise NotImplementedError(f"{type(self).__name__} has to define __iter__(self)")


class SequentialSampler(Sampler[int]):
    """0, 1, …, n − 1.

    >>> from lightwell.utils.data import SequentialSampler
    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source) -> None:
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """A random permutation of 0 … n − 1, or ``num_samples`` independent draws with ``replacement=True``.

    Without a generator each pass draws a seed from the global stream. Raises TypeError for a ``replacement`` that is
    not a bool, ValueError for a ``num_samples`` that is not a positive integer.

    >>> import lightwell as torch
    >>> from lightwell.utils.data import RandomSampler
    >>> sorted(RandomSampler(range(5), generator=torch.Generator().manual_seed(0)))
    [0, 1, 2, 3, 4]
    """

    def __init__(self, data_source, replacement: bool = False, num_samples: int | None = None, generator=None) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        _check_count("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices one pass yields: the number asked for, or the length of the source as it is now."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self):
        lw, n, total = _lw(), len(self.data_source), self.num_samples
        generator = _fresh_generator() if self.generator is None else self.generator
        if self.replacement:
            # blocks of 32, as the stream is consumed in PyTorch
            for size in [32] * (total // 32) + [total % 32]:
                yield from lw.randint(0, n, (size,), dtype=lw.int64, generator=generator).tolist()
        else:
            for _ in range(total // n):
                yield from lw.randperm(n, generator=generator).tolist()
            # drawn even where nothing of it is used: a generator handed in ends where PyTorch's does
            yield from lw.randperm(n, generator=generator).tolist()[: total % n]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order, each once.

    >>> from lightwell.utils.data import SubsetRandomSampler
    >>> sorted(SubsetRandomSampler([3, 1, 4]))
    [1, 3, 4]
    """

    def __init__(self, indices, generator=None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self):
        for i in _lw().randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """``num_samples`` indices drawn with probability proportional to ``weights`` (n,).

    Raises ValueError for weights that are not one-dimensional, a ``num_samples`` that is not a positive integer, or a
    ``replacement`` that is not a bool.

    >>> from lightwell.utils.data import WeightedRandomSampler
    >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 4))
    [1, 1, 1, 1]
    """

    def __init__(self, weights, num_samples: int, replacement: bool = True, generator=None) -> None:
        _check_count("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        lw = _lw()
        weights = lw.as_tensor(weights, dtype=lw.double)
        if weights.dim() != 1:
            raise ValueError(f"weights should be one number per sample, a 1d sequence, but got {tuple(weights.shape)}")
        self.weights = weights
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self):
        drawn = _lw().multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        yield from iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of ``batch_size`` indices from another sampler; the last may be shorter unless ``drop_last``.

    Raises ValueError for a batch size that is not a positive integer or a ``drop_last`` that is not a bool.

    >>> from lightwell.utils.data import BatchSampler
    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler, batch_size: int, drop_last: bool) -> None:
        _check_count("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self):
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        n = len(self.sampler)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
