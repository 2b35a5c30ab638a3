"""Functions of neural networks without state, under the names of torch.nn.functional."""

import functools

from ...errors import refuse_no_tensor
from . import (
    activation,
    adaptive_pooling,
    attention,
    conv,
    ctc,
    distance,
    dropout,
    embedding,
    fold,
    grid,
    linear,
    linear_loss,
    loss,
    margin_loss,
    norm,
    pad,
    pixel_shuffle,
    pooling,
    recurrent,
    resize,
)


def _refusing(fn):
    """`fn`, which says of an argument that should be a tensor that it is none; public functions and `linear` do so themselves."""
    if hasattr(fn, "takes_out") or fn.__name__ == "linear":
        return fn

    @functools.wraps(fn)
    def call(*args, **kwargs):
        try:
            return fn(*args, **kwargs)
        except AttributeError as error:
            refuse_no_tensor(fn.__name__, fn, args, kwargs, error)
            raise

    return call


# Each family says in `__all__` what it gives; a family's name may be a function's too, and then means the function.
__all__ = []
for _family in (
    activation, linear, distance, loss, linear_loss, margin_loss, dropout, embedding, norm, conv, pooling, adaptive_pooling, pad, fold, resize,
    attention, grid, pixel_shuffle, recurrent, ctc,
):  # fmt: skip
    for _name in _family.__all__:
        globals()[_name] = _refusing(getattr(_family, _name))
        __all__.append(_name)
del _family, _name
