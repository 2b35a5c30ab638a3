"""Functions of neural networks without state, under the names of torch.nn.functional."""

from ...errors import refusing
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

# Each family says in `__all__` what it gives; a family's name may be a function's too, and then means the function.
# `linear`, the quickest, sees to bad arguments itself.
__all__ = []
for _family in (
    activation, linear, distance, loss, linear_loss, margin_loss, dropout, embedding, norm, conv, pooling, adaptive_pooling, pad, fold, resize,
    attention, grid, pixel_shuffle, recurrent, ctc,
):  # fmt: skip
    for _name in _family.__all__:
        _found = getattr(_family, _name) if _name == "linear" else refusing(getattr(_family, _name))
        globals()[_name] = _found
        setattr(_family, _name, _found)  # one object under both names: a pickle finds it again
        __all__.append(_name)
del _family, _name, _found
