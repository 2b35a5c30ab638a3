"""`torch.futures`: a value that another thread will set, with what is to happen then."""

import threading

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """A value that is set once, later; `wait` blocks until it is there.

    >>> import lightwell as torch
    >>> future = torch.futures.Future()
    >>> doubled = future.then(lambda f: 2 * f.wait())
    >>> future.set_result(21)
    >>> doubled.wait()
    42
    """

    def __init__(self, *, devices=None):
        self._condition = threading.Condition()
        self._set, self._value, self._error, self._callbacks = False, None, None, []

    def done(self) -> bool:
        """Whether a value or an error has been set."""
        return self._set

    def wait(self):
        """The value, as soon as it is there; raises the error if one was set instead."""
        with self._condition:
            self._condition.wait_for(lambda: self._set)
        return self.value()

    def value(self):
        """The value; RuntimeError where there is none yet."""
        if not self._set:
            raise RuntimeError("Future.value(): no value has been set yet: wait() blocks until there is one")
        if self._error is not None:
            raise self._error
        return self._value

    def set_result(self, result) -> None:
        """Set the value, and run what waits for it in this thread; RuntimeError where one is set already."""
        self._settle(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Set an error that `wait` will raise; AssertionError if it is no exception, RuntimeError if one is set already."""
        if not isinstance(result, BaseException):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._settle(None, result)

    def _settle(self, value, error):
        with self._condition:
            if self._set:
                raise RuntimeError("Future: a value can only be set once")
            self._value, self._error, self._set = value, error, True
            callbacks, self._callbacks = self._callbacks, []
            self._condition.notify_all()
        for callback in callbacks:
            callback(self)

    def add_done_callback(self, callback) -> None:
        """Call `callback(self)` when the value is set (at once if it is); what it raises is reported and goes no further."""

        def run(future):
            try:
                callback(future)
            except Exception:
                import logging

                logging.getLogger(__name__).exception("a Future's callback raised")

        self._when_set(run)

    def _when_set(self, run):
        with self._condition:
            if not self._set:
                self._callbacks.append(run)
                return
        run(self)

    def then(self, callback) -> "Future":
        """A future of `callback(self)`, which runs when the value is set (at once if it is)."""
        following = Future()

        def run(future):
            try:
                following.set_result(callback(future))
            except Exception as error:
                following.set_exception(error)

        self._when_set(run)
        return following


def collect_all(futures) -> Future:
    """A future of the list of the futures themselves, set when all of them are."""
    futures, whole = list(futures), Future()
    left, lock = len(futures), threading.Lock()
    if not futures:
        whole.set_result(futures)

    def count(_):
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            whole.set_result(futures)

    for future in futures:
        future._when_set(count)
    return whole


def wait_all(futures) -> list:
    """The values of all futures, when they are there; raises the first error among them.

    >>> import lightwell as torch
    >>> a, b = torch.futures.Future(), torch.futures.Future()
    >>> b.set_result(2); a.set_result(1)
    >>> torch.futures.wait_all([a, b])
    [1, 2]
    """
    return [future.wait() for future in collect_all(futures).wait()]
