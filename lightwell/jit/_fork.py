"""`jit.fork` and `jit.wait`: PyTorch's spelling of work that may run aside; here it runs at once."""

from ..futures import Future

__all__ = ["Future", "fork", "wait"]


def fork(func, *args, **kwargs) -> Future:
    """A Future of `func(*args, **kwargs)`, which is done on return: eager PyTorch does the same.

    >>> import lightwell as torch
    >>> torch.jit.wait(torch.jit.fork(torch.add, torch.ones(1), 1))
    tensor([2.])
    """
    future = Future()
    try:
        result = func(*args, **kwargs)
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(result)
    return future


def wait(future):
    """The value of a forked call."""
    return future.wait()
