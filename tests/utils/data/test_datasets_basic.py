"""Datasets and their combinations, and what they refuse."""

import collections

import pytest

import lightwell
from lightwell.utils.data import (
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    StackDataset,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)


class Count(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))


class Sized(Count):
    def __len__(self):
        return 2


def test_tensor_dataset_batches_equal_samples_stacked():
    data = TensorDataset(lightwell.randn(7, 3), lightwell.arange(7))
    quick = next(iter(DataLoader(data, batch_size=4)))
    slow = default_collate([data[i] for i in range(4)])
    assert type(quick) is type(slow) is list
    for a, b in zip(quick, slow, strict=True):
        assert a.dtype == b.dtype and a.tolist() == b.tolist()
    quick[0].zero_()
    assert data.tensors[0].abs().sum() > 0  # a batch is a copy


def test_quick_path_steps_aside_for_subclasses():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * t for t in super().__getitem__(index))

    (batch,) = next(iter(DataLoader(Subset(Doubled(lightwell.arange(4)), [3, 1]), batch_size=2)))
    assert batch.tolist() == [6, 2]


def test_gradients_pass_through_batches():
    x = lightwell.ones(3, requires_grad=True)
    (batch,) = next(iter(DataLoader(TensorDataset(x), batch_size=2)))
    batch.sum().backward()
    assert x.grad.tolist() == [1, 1, 0]


def test_getitems_is_used():
    class Many(Dataset):
        def __len__(self):
            return 4

        def __getitems__(self, indices):
            return [10 * i for i in indices]

    assert next(iter(DataLoader(Many(), batch_size=3))).tolist() == [0, 10, 20]
    assert next(iter(DataLoader(Subset(Many(), [3, 2]), batch_size=2))).tolist() == [30, 20]
    assert StackDataset(Many(), range(4)).__getitems__([1, 2]) == [(10, 1), (20, 2)]


def test_combinations():
    both = ConcatDataset([range(3), range(10, 13)])
    assert [both[i] for i in (0, 2, 3, -1, -6)] == [0, 2, 10, 12, 0]
    assert list(ChainDataset([Count(2), Count(1)])) == [0, 1, 0] == list(Count(2) + Count(1))
    assert len(TensorDataset(lightwell.zeros(2)) + TensorDataset(lightwell.zeros(3))) == 5
    data = TensorDataset(lightwell.arange(5))
    assert Subset(data, [4, 2])[[0, 1]][0].tolist() == [4, 2]


def test_namedtuples_and_mappings_keep_their_type():
    Point = collections.namedtuple("Point", "x y")
    joined = default_collate([Point(1, 2), Point(3, 4)])
    assert type(joined) is Point and joined.y.tolist() == [2, 4]
    ordered = default_collate([collections.OrderedDict(b=1, a=2)])
    assert type(ordered) is collections.OrderedDict and list(ordered) == ["b", "a"]


def test_streams():
    assert [b.tolist() for b in DataLoader(Count(5), batch_size=2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in DataLoader(Count(5), batch_size=2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(DataLoader(Count(3), batch_size=None)) == [0, 1, 2]
    assert len(DataLoader(Sized(4), batch_size=2)) == 1
    with pytest.warns(UserWarning, match="reports a length of 1"):
        list(DataLoader(Sized(4), batch_size=2))


def refusals():
    data = TensorDataset(lightwell.arange(3))
    return {
        "sizes": (AssertionError, lambda: TensorDataset(lightwell.zeros(2), lightwell.zeros(3))),
        "stack of nothing": (ValueError, StackDataset),
        "stack of both": (ValueError, lambda: StackDataset(range(2), a=range(2))),
        "stack lengths": (ValueError, lambda: StackDataset(range(2), range(3))),
        "no parts": (AssertionError, lambda: ConcatDataset([])),
        "stream in concat": (AssertionError, lambda: ConcatDataset([Count(2)])),
        "concat index": (ValueError, lambda: ConcatDataset([range(2)])[-3]),
        "chain of maps": (AssertionError, lambda: list(ChainDataset([range(2)]))),
        "split sum": (ValueError, lambda: random_split(range(4), [1, 2])),
        "split fraction": (ValueError, lambda: random_split(range(4), [1.5, -0.5])),
        "getitem": (NotImplementedError, lambda: Dataset()[0]),
        "samples": (ValueError, lambda: RandomSampler(range(3), num_samples=0)),
        "replacement": (TypeError, lambda: RandomSampler(range(3), replacement=1)),
        "batch size": (ValueError, lambda: DataLoader(data, batch_size=0)),
        "workers": (ValueError, lambda: DataLoader(data, num_workers=-1)),
        "timeout": (ValueError, lambda: DataLoader(data, timeout=-1)),
        "prefetch": (ValueError, lambda: DataLoader(data, prefetch_factor=2)),
        "persistent": (ValueError, lambda: DataLoader(data, persistent_workers=True)),
        "stream shuffle": (ValueError, lambda: DataLoader(Count(2), shuffle=True)),
        "stream sampler": (ValueError, lambda: DataLoader(Count(2), sampler=[0])),
        "sampler and shuffle": (ValueError, lambda: DataLoader(data, shuffle=True, sampler=[0])),
        "batch sampler": (ValueError, lambda: DataLoader(data, batch_sampler=[[0]], batch_size=2)),
        "drop last": (ValueError, lambda: DataLoader(data, batch_size=None, drop_last=True)),
        "context": (ValueError, lambda: DataLoader(data, num_workers=1, multiprocessing_context="thread")),
        "context kind": (TypeError, lambda: DataLoader(data, num_workers=1, multiprocessing_context=3)),
        "later": (ValueError, lambda: setattr(DataLoader(data), "batch_size", 3)),
        "stream length": (TypeError, lambda: len(DataLoader(Count(2)))),
    }


@pytest.mark.parametrize("name", refusals())
def test_refusals(name):
    kind, act = refusals()[name]
    with pytest.raises(kind):
        act()
