"""The multilayer perceptron in JAX."""

import jax

from .common import cross_entropy, linear, sgd, training


def build(weights, x, y, batch, hidden=256):
    """See workloads/mlp.py."""

    def loss(p, buffers, x, y):
        return cross_entropy(linear(p, "2", jax.nn.relu(linear(p, "0", x))), y), buffers

    return training(loss, weights, sgd(0.1), x, y)
