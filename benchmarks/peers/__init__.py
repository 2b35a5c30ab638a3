"""The suite's training steps once more in plain JAX: same shapes, same arithmetic, one jitted function with donated arguments.

A file has `loss(p, x, y, ...)` over a dict of arrays named as the parameters of the file of the same name in workloads, whose
initial values it starts from. Images are laid out channels last, which XLA's CPU convolutions run faster.
"""

import importlib

import numpy as np

from .. import workloads


def build(row: str, tiny: bool = False, quiet: bool = False):
    """A function of no arguments that trains a row by one batch and returns the loss, a JAX scalar."""
    import lightwell

    chosen = workloads.ROWS[row]
    sizes = chosen.tiny if tiny else chosen.sizes
    training = workloads.build(lightwell, row, tiny, quiet)
    weights = {name: np.array(value.detach().numpy()) for name, value in training.net.state_dict().items()}
    x, y = (np.array(value.numpy()) for value in (training.x, training.y))
    extra = {"dropout": 0.0 if quiet else 0.1} if chosen.random else {}
    return importlib.import_module(f"{__name__}.{chosen.file}").build(weights, x, y, **sizes, **extra)
