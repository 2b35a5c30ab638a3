"""`parallel_apply`: modules called at the same time, each in a thread."""

import threading

from ...autograd import modes
from ...errors.teaching import AssertionError

__all__ = ["get_a_var", "parallel_apply"]


def get_a_var(obj):
    """The first tensor in nested lists, tuples and dicts; None where there is none."""
    from ...distributed.reducer import tensors_in

    return next(iter(tensors_in(obj)), None)


def parallel_apply(modules, inputs, kwargs_tup=None, devices=None) -> list:
    """`modules[i](*inputs[i], **kwargs_tup[i])` for all i; the first exception is raised when all have ended.

    >>> import lightwell as torch
    >>> torch.nn.parallel.parallel_apply([torch.nn.ReLU(), torch.nn.Tanh()], [(torch.tensor([-1.0]),), (torch.zeros(1),)])
    [tensor([0.]), tensor([0.])]
    """
    if len(modules) != len(inputs):
        raise AssertionError(f"The number of modules {len(modules)} is not equal to the number of inputs {len(inputs)}")
    kwargs_tup = kwargs_tup or [{}] * len(modules)
    recording, results = modes.state.grad, [None] * len(modules)

    def work(i):
        try:
            with modes.set_grad_enabled(recording):
                given = inputs[i] if isinstance(inputs[i], (list, tuple)) else (inputs[i],)
                results[i] = (modules[i](*given, **(kwargs_tup[i] or {})), None)
        except BaseException as error:
            results[i] = (None, error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, len(modules))]
    for thread in threads:
        thread.start()
    work(0)
    for thread in threads:
        thread.join()
    for _, error in results:
        if error is not None:
            raise error
    return [value for value, _ in results]
