"""RNN, GRU and LSTM in JAX: the inputs' products ahead of the loop, lax.scan over the steps."""

import jax
import jax.numpy as jnp
from jax import lax

from .common import cross_entropy, linear, sgd, training


def cell(kind, w, b):
    """`(carry, projected input) → carry` and the place of h in the carry."""
    if kind == "RNN":
        return lambda h, x: jnp.tanh(x + h @ w.T + b)
    if kind == "GRU":

        def gru(h, x):
            xr, xz, xn = jnp.split(x, 3, axis=-1)
            hr, hz, hn = jnp.split(h @ w.T + b, 3, axis=-1)
            z = jax.nn.sigmoid(xz + hz)
            return (1 - z) * jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn) + z * h

        return gru

    def lstm(carry, x):
        h, c = carry
        i, f, g, o = jnp.split(x + h @ w.T + b, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c), c

    return lstm


def build(weights, x, y, kind, steps=35, batch=32, hidden=256, vocabulary=28):
    """See workloads/recurrent.py."""

    def loss(p, buffers, x, y):
        part = lambda name: p[f"recurrent.{name}_l0"]
        inputs = jax.nn.one_hot(x, vocabulary) @ part("weight_ih").T + part("bias_ih")
        step = cell(kind, part("weight_hh"), part("bias_hh"))
        zero = jnp.zeros((batch, hidden))

        def body(carry, x):
            carry = step(carry, x)
            return carry, carry[0] if kind == "LSTM" else carry

        _, states = lax.scan(body, (zero, zero) if kind == "LSTM" else zero, inputs)
        return cross_entropy(linear(p, "out", states), y), buffers

    return training(loss, weights, sgd(1.0), x, y)
