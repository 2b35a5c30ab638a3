"""LeNet in JAX."""

import jax
from jax import lax

from .common import conv, cross_entropy, hwio, linear, sgd, training


def pool(x):
    """The mean of 2×2 windows."""
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4


def build(weights, x, y, batch):
    """See workloads/lenet.py."""
    first = weights["7.weight"]
    weights = {
        **weights,
        "0.weight": hwio(weights["0.weight"]),
        "3.weight": hwio(weights["3.weight"]),
        "7.weight": first.reshape(-1, 16, 5, 5).transpose(0, 2, 3, 1).reshape(first.shape),  # flattened channels last
    }

    def loss(p, buffers, x, y):
        x = pool(jax.nn.sigmoid(conv(x, p["0.weight"], padding=2) + p["0.bias"]))
        x = pool(jax.nn.sigmoid(conv(x, p["3.weight"]) + p["3.bias"]))
        x = x.reshape(x.shape[0], -1)
        for name in ("7", "9"):
            x = jax.nn.sigmoid(linear(p, name, x))
        return cross_entropy(linear(p, "11", x), y), buffers

    return training(loss, weights, sgd(0.9), x.transpose(0, 2, 3, 1), y)
