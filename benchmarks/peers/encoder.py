"""The Transformer encoder in JAX."""

import jax
import jax.numpy as jnp

from .common import adam, cross_entropy, layer_norm, linear, thinned, training


def build(weights, x, y, batch, length, width=128, heads=4, vocabulary=1000, classes=10, dropout=0.1):
    """See workloads/encoder.py."""
    rate, size = dropout, width // heads

    def attention(p, name, x, key):
        n, t, c = x.shape
        joint = x @ p[f"{name}.in_proj_weight"].T + p[f"{name}.in_proj_bias"]
        q, k, v = jnp.split(joint.reshape(n, t, 3 * heads, size), 3, axis=2)
        scores = jax.nn.softmax(jnp.einsum("nqhd,nkhd->nhqk", q, k) / size**0.5)
        mixed = jnp.einsum("nhqk,nkhd->nqhd", thinned(key, scores, rate), v).reshape(n, t, c)
        return linear(p, f"{name}.out_proj", mixed)

    def loss(p, buffers, x, y, key):
        h = p["tokens.weight"][x]
        for i in range(2):
            name = f"encoder.layers.{i}"
            key, *drawn = jax.random.split(key, 5)
            h = layer_norm(p, f"{name}.norm1", h + thinned(drawn[1], attention(p, f"{name}.self_attn", h, drawn[0]), rate))
            up = thinned(drawn[2], jax.nn.relu(linear(p, f"{name}.linear1", h)), rate)
            h = layer_norm(p, f"{name}.norm2", h + thinned(drawn[3], linear(p, f"{name}.linear2", up), rate))
        return cross_entropy(linear(p, "out", h.mean(1)), y), buffers

    return training(loss, weights, adam(1e-3), x, y, key=True)
