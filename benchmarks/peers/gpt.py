"""The small GPT in JAX."""

import jax
import jax.numpy as jnp

from .common import adam, cross_entropy, layer_norm, linear, training


def build(weights, x, y, batch, length, layers=4, width=128, heads=4, vocabulary=65):
    """See workloads/gpt.py."""
    size = width // heads
    causal = jnp.tril(jnp.ones((length, length), bool))

    def attention(p, name, x):
        n, t, c = x.shape
        q, k, v = jnp.split(linear(p, f"{name}.qkv", x).reshape(n, t, 3 * heads, size), 3, axis=2)
        scores = jnp.einsum("nqhd,nkhd->nhqk", q, k) / size**0.5
        scores = jax.nn.softmax(jnp.where(causal, scores, -jnp.inf))
        return linear(p, f"{name}.out", jnp.einsum("nhqk,nkhd->nqhd", scores, v).reshape(n, t, c))

    def loss(p, buffers, x, y):
        h = p["tokens.weight"][x] + p["places.weight"]
        for i in range(layers):
            name = f"blocks.{i}"
            h = h + attention(p, name, layer_norm(p, f"{name}.norm1", h))
            up = linear(p, f"{name}.up", layer_norm(p, f"{name}.norm2", h))
            h = h + linear(p, f"{name}.down", jax.nn.gelu(up, approximate=False))
        return cross_entropy(layer_norm(p, "norm", h) @ p["tokens.weight"].T, y), buffers

    return training(loss, weights, adam(1e-3, 0.9, 0.99, decay=0.1), x, y)
