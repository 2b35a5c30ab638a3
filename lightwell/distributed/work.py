"""Work: a collective under way; Lane: the thread that runs a group's works, one after the other."""

import threading
from collections import deque
from datetime import timedelta

from .errors import DistBackendError


class Work:
    """A collective or a message under way: `wait()` for it, `is_completed()`, `get_future()`.

    Until it is done, its tensors must neither be written nor read.
    """

    def __init__(self, name: str, result=(), source: int = -1, limit: float | None = None):
        self.name, self._result, self._source, self._limit = name, list(result), source, limit
        self._event = threading.Event()
        self._error: BaseException | None = None
        self._callbacks: list = []
        self._lock = threading.Lock()

    def _finish(self, error=None, source=None) -> None:
        with self._lock:
            self._error = error
            if source is not None:
                self._source = source
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def _when_done(self, callback) -> None:
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback(self)

    def wait(self, timeout: timedelta = timedelta(0)) -> bool:
        """Block until it is done; True. DistBackendError where it failed, or is not done within `timeout` (0: the group's own)."""
        seconds = timeout.total_seconds() or self._limit
        if not self._event.wait(seconds):
            raise DistBackendError(f"{self.name}: Timed out waiting {round(seconds * 1000)}ms: has the other rank called its part?")
        if self._error is not None:
            raise self._error
        return True

    def synchronize(self) -> None:
        """`wait()`."""
        self.wait()

    def block_current_stream(self) -> None:
        """`wait()`: there are no streams on a CPU."""
        self.wait()

    def is_completed(self) -> bool:
        """Whether it has ended, well or not."""
        return self._event.is_set()

    def is_success(self) -> bool:
        """Whether it has ended well."""
        return self._event.is_set() and self._error is None

    def exception(self):
        """The exception it ended with; None where it ended well or is under way."""
        return self._error

    def result(self) -> list:
        """The tensors it wrote, once it is done."""
        self.wait()
        return self._result

    def source_rank(self) -> int:
        """The rank from which a message came."""
        return self._source

    _source_rank = source_rank

    def get_future(self):
        """A `torch.futures.Future` of `result()`."""
        from ..futures import Future

        future = Future()
        self._when_done(lambda work: future.set_result(work._result) if work._error is None else future.set_exception(work._error))
        return future


class Lane:
    """Runs works in the order in which they came, in a thread that is started when first needed."""

    def __init__(self, name: str):
        self.name = name
        self.changed = threading.Condition()
        self.queue: deque = deque()
        self.busy = False
        self.thread: threading.Thread | None = None
        self.closed = False

    def submit(self, work: Work, run) -> Work:
        """Have `run()` called after everything submitted before."""
        with self.changed:
            if self.closed:
                raise DistBackendError(f"{work.name}: the process group was destroyed")
            self.queue.append((work, run))
            if self.thread is None:
                self.thread = threading.Thread(target=self._loop, daemon=True, name=self.name)
                self.thread.start()
            self.changed.notify_all()
        return work

    def run(self, work: Work, run) -> None:
        """Call `run()` after everything submitted before, and wait: in the caller's own thread if nothing is under way."""
        if threading.current_thread() is self.thread:  # a callback that waits for a collective: what is queued comes first
            while self._next(wait=False):
                pass
        with self.changed:
            if self.closed:
                raise DistBackendError(f"{work.name}: the process group was destroyed")
            here = not self.busy and not self.queue
            self.busy = self.busy or here
        if not here:
            self.submit(work, run).wait()
            return
        try:
            run()
        finally:
            self._idle()

    def _idle(self):
        with self.changed:
            self.busy = False
            self.changed.notify_all()

    def _next(self, wait: bool) -> bool:
        """Run the next work in the queue; False where there is none (or, with `wait`, will be none)."""
        with self.changed:
            while self.busy or not self.queue:
                if not wait or (self.closed and not self.queue):
                    return False
                self.changed.wait()
            work, run = self.queue.popleft()
            self.busy = True
        error = None
        try:
            run()
        except BaseException as caught:
            error = caught
        self._idle()
        work._finish(error)
        return True

    def _loop(self):
        while self._next(wait=True):
            pass

    def close(self) -> None:
        """Let the thread end after what is queued."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
