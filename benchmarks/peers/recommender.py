"""The recommender in JAX."""

import jax
import jax.numpy as jnp

from .common import adam, linear, training


def build(weights, x, y, batch, entries, width=32):
    """See workloads/recommender.py."""

    def loss(p, buffers, x, y):
        h = jnp.concatenate([p["users.weight"][x[:, 0]], p["items.weight"][x[:, 1]]], axis=1)
        for name in ("mlp.0", "mlp.2"):
            h = jax.nn.relu(linear(p, name, h))
        return jnp.square(linear(p, "mlp.4", h)[:, 0] - y).mean(), buffers

    return training(loss, weights, adam(1e-3), x, y)
