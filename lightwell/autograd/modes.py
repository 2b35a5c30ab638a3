"""Grad mode and inference mode: per thread, usable as context managers and decorators."""

import functools
import threading


class _State(threading.local):
    grad = True
    inference = False
    targets = False  # whether a backward for chosen inputs is running
    transforms = 0  # how many transforms of torch.func and levels of forward mode are at work


state = _State()  # read freely; written only through `switch`
all_on = True  # whether no thread has grad mode off: one plain look spares operations the look into their thread
anomaly = anomaly_nan = False  # whether backward looks for NaN (autograd/anomaly.py)
_off = 0
_lock = threading.Lock()


def switch(grad: bool) -> None:
    """Turn grad mode on or off in this thread."""
    global all_on, _off
    if state.grad is not grad:
        with _lock:
            _off += -1 if grad else 1
            all_on = _off == 0
            state.grad = grad


def transformed(func, *args, **kwargs):
    """`func(*args, **kwargs)` within a transform: gradients of what it does may themselves be differentiated."""
    state.transforms += 1
    try:
        return func(*args, **kwargs)
    finally:
        state.transforms -= 1


def transforming() -> bool:
    """Whether a transform is at work in this thread."""
    return state.transforms > 0


class _Switch:
    """A context manager that can also decorate a function, a generator function included."""

    def __call__(self, func):
        if isinstance(func, type):
            func.__init__ = self(func.__init__)  # type: ignore[misc]
            return func
        if func.__code__.co_flags & 0x20 if hasattr(func, "__code__") else False:  # a generator: switched at each step

            @functools.wraps(func)
            def steps(*args, **kwargs):
                gen = func(*args, **kwargs)
                sent, step = None, gen.send
                while True:
                    try:
                        with self._again():
                            value = step(sent)
                    except StopIteration as stop:
                        return stop.value
                    try:
                        sent, step = (yield value), gen.send
                    except GeneratorExit:
                        gen.close()
                        raise
                    except BaseException as error:
                        sent, step = error, gen.throw

            return steps

        @functools.wraps(func)
        def switched(*args, **kwargs):
            with self._again():
                return func(*args, **kwargs)

        return switched

    def _again(self):
        return type(self)()


class no_grad(_Switch):
    """Within it, operations record no graph: their results have `requires_grad=False`.

    >>> import lightwell as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     print((x * 2).requires_grad)
    False
    """

    def __new__(cls, func=None):
        made = super().__new__(cls)
        return made if func is None else made(func)  # @no_grad without brackets

    def __enter__(self):
        self._before = state.grad
        switch(False)

    def __exit__(self, *exc):
        switch(self._before)


class enable_grad(_Switch):
    """Within it, operations record the graph, even inside `no_grad`."""

    def __new__(cls, func=None):
        made = super().__new__(cls)
        return made if func is None else made(func)

    def __enter__(self):
        self._before = state.grad
        switch(True)

    def __exit__(self, *exc):
        switch(self._before)


class set_grad_enabled(_Switch):
    """Turn recording on or off: at once when called, and back at the end of a `with`."""

    def __init__(self, mode: bool):
        self._mode, self._before = bool(mode), state.grad
        switch(bool(mode))

    def __call__(self, func):
        switch(self._before)  # as a decorator it acts only inside the function
        return super().__call__(func)

    def _again(self):
        return set_grad_enabled(self._mode)

    def __enter__(self):
        switch(self._mode)

    def __exit__(self, *exc):
        switch(self._before)

    def __repr__(self):
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self._mode})"


class inference_mode(_Switch):
    """As `no_grad`; `is_inference_mode_enabled()` tells of it.

    PyTorch also marks the tensors made within it and refuses them in a later graph; here they are ordinary tensors.

    >>> import lightwell as torch
    >>> with torch.inference_mode():
    ...     print((torch.ones(1, requires_grad=True) * 2).requires_grad)
    False
    """

    _mode: bool

    def __new__(cls, mode=True):
        made = super().__new__(cls)
        made._mode = True
        if callable(mode):
            return made(mode)
        made._mode = bool(mode)
        return made

    def _again(self):
        return inference_mode(self._mode)

    def __enter__(self):
        self._before = state.grad, state.inference
        switch(not self._mode)
        state.inference = self._mode

    def __exit__(self, *exc):
        grad, state.inference = self._before
        switch(grad)


def is_grad_enabled() -> bool:
    """Whether operations record a graph in this thread."""
    return state.grad


def is_inference_mode_enabled() -> bool:
    """Whether inference mode is on in this thread."""
    return state.inference
