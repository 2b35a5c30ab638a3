"""The functions of nn.functional that PyTorch also offers at the top, under its names; loaded at their first call."""

import importlib

from ..tensor import Tensor

_NAMES = (
    "alpha_dropout alpha_dropout_ bilinear celu celu_ cosine_similarity dropout dropout_ feature_alpha_dropout "
    "feature_alpha_dropout_ feature_dropout feature_dropout_ hardshrink pairwise_distance rms_norm rrelu rrelu_ selu selu_"
).split()
__all__ = list(_NAMES)


def _late(name: str):
    def call(*args, **kwargs):
        return getattr(importlib.import_module("..nn.functional", __package__), name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"See `torch.nn.functional.{name}`."
    return call


for _name in _NAMES:
    globals()[_name] = _late(_name)
del _name
Tensor.hardshrink = globals()["hardshrink"]
