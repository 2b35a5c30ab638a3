"""What runs in a DataLoader's worker process: seeding, the loop from task to batch, and errors on their way back."""

import sys
import traceback

from lightwell.errors.teaching import RuntimeError


class WorkerInfo:
    """What a worker knows of itself: ``id``, ``num_workers``, ``seed`` and its copy of the ``dataset``."""

    __slots__ = ("dataset", "id", "num_workers", "seed")

    def __init__(self, id, num_workers, seed, dataset):
        for name, value in (("id", id), ("num_workers", num_workers), ("seed", seed), ("dataset", dataset)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name, value):
        raise RuntimeError(f"WorkerInfo.{name} is read-only")

    def __repr__(self):
        return f"WorkerInfo(id={self.id}, num_workers={self.num_workers}, seed={self.seed}, dataset={self.dataset!r})"


_worker_info = None


def get_worker_info() -> WorkerInfo | None:
    """The WorkerInfo of this process, or None outside a DataLoader's worker.

    >>> from lightwell.utils.data import get_worker_info
    >>> get_worker_info() is None
    True
    """
    return _worker_info


class ExceptionWrapper:
    """An exception with its traceback as text, fit to be sent to another process and raised there again."""

    def __init__(self, error, where):
        self.kind = type(error)
        self.text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self.where = where

    def reraise(self):
        """Raise an exception of the same type whose message holds the worker's traceback."""
        message = f"Caught {self.kind.__name__} {self.where}.\nOriginal Traceback (most recent call last):\n"
        message += self.text.removeprefix("Traceback (most recent call last):\n")
        if self.kind is KeyError:
            raise KeyError(_Verbatim(message))
        try:
            error = self.kind(message)
        except Exception:  # its constructor wants something else
            error = RuntimeError(message)
        raise error from None


class _Verbatim(str):
    """Text that KeyError shows as it is and not as a quoted literal."""

    def __repr__(self):
        return str(self)


class _Ended:
    """Sent in place of a batch when a worker's stream has no more to give."""


def seed_worker(base_seed: int, worker_id: int) -> int:
    """Seed Python, NumPy and lightwell for this worker; PyTorch's numbers for the same base seed."""
    import random

    import numpy as np

    import lightwell

    seed = base_seed + worker_id
    random.seed(seed)
    lightwell.manual_seed(seed)
    words = [worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(words).generate_state(4))
    return seed


def worker_loop(conn, others, given, base_seed, worker_id, num_workers):
    """Answer tasks until told to stop. A thread reads them, so the sender never waits for a busy worker."""
    import queue
    import signal
    import threading

    import lightwell
    from lightwell.utils.data._utils import channel

    global _worker_info
    make_fetcher, dataset, init_fn = given
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:  # ends of other workers' pipes that a fork has copied here
        other.close()
    lightwell.set_num_threads(1)
    seed = seed_worker(base_seed, worker_id)
    _worker_info = WorkerInfo(worker_id, num_workers, seed, dataset)
    where = f"in DataLoader worker process {worker_id}"
    tasks = queue.SimpleQueue()

    def read():
        """Pass tasks on; the end of the pipe means that the main process is gone."""
        while True:
            try:
                task = conn.recv()
            except (EOFError, OSError):
                task = None
            tasks.put(task)
            if task is None:
                return

    failure = None
    try:
        if init_fn is not None:
            init_fn(worker_id)
    except Exception as error:
        failure = ExceptionWrapper(error, where)
    threading.Thread(target=read, daemon=True).start()
    fetcher, epoch = None, None
    try:
        while (task := tasks.get()) is not None:
            tag, index = task
            if failure is None:
                try:
                    if tag[0] != epoch:
                        fetcher, epoch = make_fetcher(dataset), tag[0]
                    result = fetcher.fetch(index)
                except StopIteration as stop:
                    result = _Ended() if hasattr(fetcher, "ended") else ExceptionWrapper(stop, where)
                except Exception as error:
                    result = ExceptionWrapper(error, where)
            else:
                result = failure
            try:
                channel.send(conn, tag, result)
            except OSError:
                break  # nobody listens any more
            except Exception as error:
                channel.send(conn, tag, _portable(result, error, where))
            del result
    except OSError:
        pass  # the same, while an error was told
    finally:
        conn.close()
        sys.stdout.flush()


def _portable(result, error, where):
    """What to send instead of something that cannot be pickled."""
    if isinstance(result, ExceptionWrapper):
        text = f"{result.kind.__name__} (a type that cannot be pickled)\n{result.text}"
        return ExceptionWrapper(RuntimeError(text), where)
    return ExceptionWrapper(error, f"while sending a batch {where}")
