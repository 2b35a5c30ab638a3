"""PyTorch's paths to the layers: `nn.modules.linear.Linear` and the like, as other names of the files in `nn.layers`."""

import sys

from ...errors.teaching import AttributeError
from .. import containers as container
from .. import module
from ..containers import Container, ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from ..layers import *
from ..layers import (
    activation,
    adaptive,
    attention,
    conv,
    distance,
    dropout,
    embedding,
    lazy,
    linear,
    linear_loss,
    loss,
    norm,
    padding,
    pixelshuffle,
    pooling,
    rnn,
    softmax,
    upsample,
)
from ..module import Module

batchnorm = instancenorm = normalization = norm
flatten, sparse, upsampling = linear, embedding, upsample
linear_cross_entropy_options = linear_loss
channelshuffle = fold = pixelshuffle
for _family in (softmax, attention):  # PyTorch keeps these in the file of the activations
    for _name in _family.__all__:
        setattr(activation, _name, getattr(_family, _name))

for _name in (
    "activation adaptive batchnorm channelshuffle container conv distance dropout flatten fold instancenorm lazy linear linear_cross_entropy_options loss "
    "module normalization padding pixelshuffle pooling rnn sparse upsampling"
).split():
    sys.modules[f"{__name__}.{_name}"] = globals()[_name]


def __getattr__(name: str):
    if name in ("transformer", "utils"):  # loaded at their first use
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
