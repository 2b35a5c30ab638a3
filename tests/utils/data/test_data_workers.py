"""Worker processes: their results, their errors, their deaths, and every way of starting them."""

import os
import signal
import time

import numpy as np
import pytest

import lightwell
from lightwell.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info


class Squares(Dataset):
    def __init__(self, n=12, trouble=None):
        self.n, self.trouble = n, trouble

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        if index == 5 and self.trouble == "key":
            raise KeyError("no such sample")
        if index == 5 and self.trouble == "odd":
            raise Odd(1, 2)
        if index == 5 and self.trouble == "exit":
            os._exit(7)
        if index == 5 and self.trouble == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if index == 5 and self.trouble == "sleep":
            time.sleep(20)
        return lightwell.tensor([index * index]), index


class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


class Share(IterableDataset):
    """0 … n - 1, each worker its part."""

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        info = get_worker_info()
        return iter(range(self.n)) if info is None else iter(range(info.id, self.n, info.num_workers))


class Large(Dataset):
    """Arrays above the size that is sent through shared memory, in dtypes of NumPy's and not."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        x = lightwell.full((300, 400), float(index))
        return {
            "x": x,
            "half": x.to(lightwell.bfloat16),
            "array": np.full(100_000, index),
            "empty": lightwell.zeros(0, 3),
        }


def announce(worker_id):
    os.environ["WORKER"] = str(worker_id)


def fail(worker_id):
    raise RuntimeError("cannot begin")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_every_way_of_starting(method):
    loader = DataLoader(Squares(5), batch_size=2, num_workers=1, multiprocessing_context=method)
    assert [(x.tolist(), i.tolist()) for x, i in loader] == [([[0], [1]], [0, 1]), ([[4], [9]], [2, 3]), ([[16]], [4])]


@pytest.mark.parametrize("in_order", [True, False])
def test_all_batches_arrive(in_order):
    loader = DataLoader(Squares(23), batch_size=2, num_workers=2, prefetch_factor=3, in_order=in_order)
    for _ in range(2):
        seen = [i for _, batch in loader for i in batch.tolist()]
        assert (seen if in_order else sorted(seen)) == list(range(23))


def test_streams_of_unequal_length_go_round():
    loader = DataLoader(Share(7), batch_size=2, num_workers=2)
    assert [b.tolist() for b in loader] == [[0, 2], [1, 3], [4, 6], [5]]


def test_large_arrays_come_whole_and_may_be_written():
    for i, batch in enumerate(DataLoader(Large(), batch_size=None, num_workers=1)):
        assert batch["x"].dtype == lightwell.float32 and bool((batch["x"] == i).all())
        assert batch["half"].dtype == lightwell.bfloat16 and batch["half"][0, 0].item() == i
        assert batch["array"].tolist() == [i] * 100_000 and batch["empty"].shape == (0, 3)
        batch["x"].add_(1)
        assert bool((batch["x"] == i + 1).all())


def test_an_error_is_raised_here_with_its_traceback():
    with pytest.raises(KeyError) as caught:
        list(DataLoader(Squares(trouble="key"), batch_size=2, num_workers=2))
    text = str(caught.value)
    assert "DataLoader worker process 0" in text and "in __getitem__" in text and "no such sample" in text


def test_an_error_with_another_constructor_becomes_a_runtime_error():
    with pytest.raises(RuntimeError, match="Caught Odd"):
        list(DataLoader(Squares(trouble="odd"), num_workers=1))


def test_a_dead_worker_is_reported():
    with pytest.raises(RuntimeError, match="exit code 7"):
        list(DataLoader(Squares(trouble="exit"), num_workers=1))
    with pytest.raises(RuntimeError, match="SIGKILL"):
        list(DataLoader(Squares(trouble="kill"), num_workers=2))


def test_timeout():
    begun = time.monotonic()
    with pytest.raises(RuntimeError, match=r"timed out after 0\.3 seconds"):
        iterator = iter(DataLoader(Squares(trouble="sleep"), num_workers=1, timeout=0.3))
        while True:
            next(iterator)
    assert time.monotonic() - begun < 10


def test_init_function():
    class Told(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return os.environ["WORKER"]

    assert [b[0] for b in DataLoader(Told(), num_workers=2, worker_init_fn=announce)] == ["0", "1"]
    with pytest.raises(RuntimeError, match="cannot begin"):
        list(DataLoader(Told(), num_workers=1, worker_init_fn=fail))


def test_persistent_workers_are_the_same_processes():
    class Who(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return os.getpid()

    loader = DataLoader(Who(), num_workers=2, persistent_workers=True)
    first = {p for b in loader for p in b.tolist()}
    next(iter(loader))  # a pass left early leaves nothing behind for the next
    assert {p for b in loader for p in b.tolist()} == first and len(first) == 2
    fresh = DataLoader(Who(), num_workers=1)
    assert {p for b in fresh for p in b.tolist()} != {p for b in fresh for p in b.tolist()}


def test_leaving_early_stops_the_workers():
    iterator = iter(DataLoader(Squares(100), num_workers=2))
    next(iterator)
    processes = list(iterator._processes)
    del iterator
    for p in processes:
        p.join(20)  # they leave at once, but a busy machine may take its time to tell
    assert not any(p.is_alive() for p in processes)


def test_what_cannot_be_sent_is_an_error():
    class Functions(Dataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return lambda: None

    with pytest.raises(Exception, match="while sending a batch"):
        list(DataLoader(Functions(), batch_size=None, num_workers=1))


def test_no_worker_info_in_the_main_process_and_read_only_in_a_worker():
    class Info(Dataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            info = get_worker_info()
            try:
                info.id = 5
            except RuntimeError as error:
                return f"{info.num_workers} {error}"

    assert get_worker_info() is None
    assert list(DataLoader(Info(), batch_size=None, num_workers=1)) == ["1 WorkerInfo.id is read-only"]


def test_more_workers_than_cores_warns():
    with pytest.warns(UserWarning, match="CPU cores"):
        DataLoader(TensorDataset(lightwell.zeros(2)), num_workers=4096)
