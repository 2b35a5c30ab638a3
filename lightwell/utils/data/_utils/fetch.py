"""Turning what a sampler yields into data: one sample or one batch, from a map or from a stream."""

import itertools

from lightwell.utils.data._utils.collate import default_collate


class _MapDatasetFetcher:
    """Fetch by index. A dataset's own ``_batch`` is used where the result is sure to be the default collation's."""

    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        self.dataset = dataset
        self.auto_collation = auto_collation
        self.collate_fn = collate_fn
        self._quick = getattr(dataset, "_batch", None) if auto_collation and collate_fn is default_collate else None
        fetch_many = getattr(dataset, "__getitems__", None)
        self._many = fetch_many if callable(fetch_many) else None

    def fetch(self, index):
        """Samples of these indices, collated; or the one sample, converted."""
        if not self.auto_collation:
            return self.collate_fn(self.dataset[index])
        if self._quick is not None and type(index) is list and index and type(index[0]) is int:
            batch = self._quick(index)
            if batch is not None:
                return batch
        samples = self._many(index) if self._many is not None else [self.dataset[i] for i in index]
        return self.collate_fn(samples)


class _IterableDatasetFetcher:
    """Fetch the next samples of a stream; StopIteration when there is nothing more to give."""

    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        self.samples = iter(dataset)
        self.auto_collation = auto_collation
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.ended = False

    def fetch(self, index):
        """As many samples as there are indices; the indices themselves are placeholders."""
        if self.ended:
            raise StopIteration
        if not self.auto_collation:
            return self.collate_fn(next(self.samples))
        batch = list(itertools.islice(self.samples, len(index)))
        if len(batch) < len(index):
            self.ended = True
            if not batch or self.drop_last:
                raise StopIteration
        return self.collate_fn(batch)
