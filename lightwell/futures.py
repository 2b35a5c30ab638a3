"""`torch.futures`: a value that will come, and what is to be done when it is there."""

import threading

from .errors.teaching import AssertionError, RuntimeError

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """A value that some thread will set: `wait()` for it, or chain functions with `then`.

    >>> import lightwell as torch
    >>> future = torch.futures.Future()
    >>> later = future.then(lambda f: f.value() + 1)
    >>> future.set_result(1)
    >>> later.wait()
    2
    """

    def __init__(self, *, devices=None):
        self._ready = threading.Condition()
        self._done, self._value, self._error = False, None, None
        self._callbacks: list = []

    def done(self) -> bool:
        """Whether the value, or an error, is there."""
        return self._done

    def wait(self):
        """The value, once it is there; raises the error that came instead."""
        with self._ready:
            self._ready.wait_for(lambda: self._done)
        return self.value()

    def value(self):
        """The value that is there; RuntimeError before it has come, or the error that came instead."""
        if not self._done:
            raise RuntimeError("Future.value(): the value isn't there yet: wait() for it, or ask done() first")
        if self._error is not None:
            raise self._error
        return self._value

    def then(self, callback) -> "Future":
        """A Future of `callback(self)`, which runs when this one is done."""
        after = Future()

        def run(future):
            try:
                result = callback(future)
            except Exception as error:
                after.set_exception(error)
            else:
                after.set_result(result)

        self.add_done_callback(run)
        return after

    def add_done_callback(self, callback) -> None:
        """Run `callback(self)` when the value is there; at once if it is."""
        with self._ready:
            if not self._done:
                self._callbacks.append(callback)
                return
        callback(self)

    def _finish(self, value, error) -> None:
        with self._ready:
            if self._done:
                raise RuntimeError("Future can only be marked completed once, and this one is: make a new Future for another value")
            self._done, self._value, self._error = True, value, error
            callbacks, self._callbacks = self._callbacks, []
            self._ready.notify_all()
        for callback in callbacks:
            callback(self)

    def set_result(self, result) -> None:
        """Give the value; RuntimeError where there is one already."""
        self._finish(result, None)

    def set_exception(self, result) -> None:
        """Let `wait` and `value` raise this error."""
        if not isinstance(result, BaseException):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._finish(None, result)


def collect_all(futures) -> Future:
    """A Future of the list of these, done when all are.

    >>> import lightwell as torch
    >>> a, b = torch.futures.Future(), torch.futures.Future()
    >>> both = torch.futures.collect_all([a, b])
    >>> a.set_result(1); b.set_result(2)
    >>> [f.value() for f in both.wait()]
    [1, 2]
    """
    futures = list(futures)
    out, left, lock = Future(), [len(futures)], threading.Lock()

    def one(_):
        with lock:
            left[0] -= 1
            last = left[0] == 0
        if last:
            out.set_result(futures)

    if not futures:
        out.set_result(futures)
    for future in futures:
        future.add_done_callback(one)
    return out


def wait_all(futures) -> list:
    """The values of all the futures, once they are there; raises the first error among them.

    >>> import lightwell as torch
    >>> done = torch.futures.Future(); done.set_result("x")
    >>> torch.futures.wait_all([done])
    ['x']
    """
    return [future.wait() for future in collect_all(futures).wait()]
