"""`torch.distributed.rpc.functions`: functions that answer later."""

import functools


def async_execution(fn):
    """Mark a function that returns a `torch.futures.Future`: called by RPC, its answer is sent when the future is set, and no thread
    waits for it meanwhile. Goes under `@staticmethod` or `@classmethod`.

    >>> import lightwell as torch
    >>> @torch.distributed.rpc.functions.async_execution
    ... def later(x):
    ...     future = torch.futures.Future()
    ...     future.set_result(x + 1)
    ...     return future
    >>> later(1).wait()
    2
    """

    @functools.wraps(fn)
    def call(*args, **kwargs):
        return fn(*args, **kwargs)

    call._answers_later = True
    return call
