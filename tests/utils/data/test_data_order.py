"""The order of samples and the consumption of the random stream, equal to PyTorch's for the same seed."""

import numpy as np
import pytest

import lightwell
import lightwell.utils.data as ours

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("torch.utils.data")

WHAT = {
    "plain": dict(batch_size=4),
    "shuffle": dict(batch_size=4, shuffle=True),
    "shuffle, drop last": dict(batch_size=4, shuffle=True, drop_last=True),
    "no batches": dict(batch_size=None, shuffle=True),
    "workers": dict(batch_size=4, shuffle=True, num_workers=2),
    "kept workers": dict(batch_size=4, shuffle=True, num_workers=1, persistent_workers=True),
}


def orders(lw, data, options, passes=3):
    """What two epochs and a bit yield, and a number drawn afterwards."""
    lw.manual_seed(7)
    loader = data.DataLoader(data.TensorDataset(lw.arange(11)), **options)
    seen = [[np.asarray(x).tolist() for (x,) in loader] for _ in range(passes)]
    iterator = iter(loader)
    seen.append(np.asarray(next(iterator)[0]).tolist())
    del iterator
    return seen, lw.rand(3).tolist()


@pytest.mark.parametrize("name", WHAT)
def test_order_and_stream_are_pytorchs(name):
    assert orders(lightwell, ours, WHAT[name]) == orders(torch, theirs, WHAT[name])


def test_own_generator_is_used_and_ends_where_pytorchs_does():
    ends = []
    for lw, data in ((lightwell, ours), (torch, theirs)):
        generator = lw.Generator().manual_seed(5)
        before = lw.get_rng_state().tolist()
        loader = data.DataLoader(data.TensorDataset(lw.arange(9)), batch_size=2, shuffle=True, generator=generator)
        order = [x.tolist() for (x,) in loader]
        assert lw.get_rng_state().tolist() == before
        ends.append((order, lw.rand(2, generator=generator).tolist()))
    assert ends[0] == ends[1]


def samplers(lw, data):
    def seeded():
        return lw.Generator().manual_seed(3)

    return [
        list(data.RandomSampler(range(7), generator=seeded())),
        list(data.RandomSampler(range(7), num_samples=17, generator=seeded())),
        list(data.RandomSampler(range(7), replacement=True, num_samples=70, generator=seeded())),
        list(data.SubsetRandomSampler([9, 8, 7, 6], generator=seeded())),
        list(data.WeightedRandomSampler([1.0, 5.0, 2.0], 20, generator=seeded())),
        list(data.WeightedRandomSampler([1.0, 5.0, 2.0], 3, replacement=False, generator=seeded())),
        [list(s) for s in data.random_split(range(10), [3, 7], generator=seeded())],
        [list(s) for s in data.random_split(range(11), [0.35, 0.35, 0.3], generator=seeded())],
        list(data.BatchSampler(range(7), 3, False)),
        list(data.BatchSampler(range(7), 3, True)),
    ] + [
        list(data.DistributedSampler(range(n), 3, rank, shuffle, seed=2, drop_last=drop))
        for n in (2, 10, 12)
        for rank in range(3)
        for shuffle in (True, False)
        for drop in (True, False)
    ]


def test_samplers_and_splits():
    for a, b in zip(samplers(lightwell, ours), samplers(torch, theirs), strict=True):
        assert a == b


class Seeds:
    """Samples that tell how their worker was seeded."""

    def __init__(self, lw, data):
        self.lw, self.data = lw, data

    def __len__(self):
        return 6

    def __getitem__(self, index):
        import random

        info = self.data.get_worker_info()
        return [float(info.seed), info.id, random.random(), float(np.random.rand()), self.lw.rand(()).item()]


def test_workers_are_seeded_as_pytorchs():
    seen = []
    for lw, data in ((lightwell, ours), (torch, theirs)):
        lw.manual_seed(1)
        loader = data.DataLoader(Seeds(lw, data), batch_size=None, num_workers=2, collate_fn=list)
        seen.append(list(loader))
    assert seen[0] == seen[1]


def test_distributed_sampler_changes_with_the_epoch():
    sampler = ours.DistributedSampler(range(20), 2, 0)
    first = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != first and len(sampler) == 10


SAMPLES = [
    [1, 2, 3],
    [1.5, 2.5],
    [True, False],
    ["a", "b"],
    [b"a", b"b"],
    [(1, "a"), (2, "b")],
    [[1, 2.0], [3, 4.0]],
    [{"x": 1, "y": (1, 2)}, {"x": 2, "y": (3, 4)}],
    [np.float32(1), np.float32(2)],
    [np.int16(1), np.int16(2)],
    [np.arange(3), np.arange(3)],
    [range(2), range(2)],
]


def plain(value):
    """Nested containers of (dtype, list) and other values."""
    if hasattr(value, "dtype"):
        return str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(plain(v) for v in value)]
    return value


@pytest.mark.parametrize("batch", SAMPLES, ids=repr)
def test_collate_like_pytorch(batch):
    assert plain(ours.default_collate(batch)) == plain(theirs.default_collate(batch))
    assert plain(ours.default_convert(batch)) == plain(theirs.default_convert(batch))


@pytest.mark.parametrize("batch", [[object()], [None, None], [[1, 2], [1]], [np.array(["a"])], "different sizes"])
def test_collate_refuses_like_pytorch(batch):
    kinds = []
    for lw, data in ((lightwell, ours), (torch, theirs)):
        with pytest.raises((TypeError, RuntimeError)) as caught:
            data.default_collate([lw.zeros(2), lw.zeros(3)] if isinstance(batch, str) else batch)
        kinds.append(caught.type)
    assert kinds[0] == kinds[1]
