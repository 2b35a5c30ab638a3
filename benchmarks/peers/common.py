"""What the JAX programs share: layers, losses, optimizers, and the jitted step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Params = dict[str, Any]


def linear(p: Params, name: str, x):
    """x Wᵀ + b."""
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def hwio(weight):
    """A convolution's weight from PyTorch's order (out, in, h, w) to JAX's (h, w, in, out)."""
    return weight.transpose(2, 3, 1, 0)


def conv(x, weight, stride: int = 1, padding: int = 0):
    """A convolution of images (n, h, w, c)."""
    around = [(padding, padding)] * 2
    return lax.conv_general_dilated(x, weight, (stride, stride), around, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def cross_entropy(logits, y):
    """The mean of -log softmax(logits)[y]."""
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], axis=-1)
    return -chosen.mean()


def layer_norm(p: Params, name: str, x):
    """(x - mean) / sqrt(variance + 1e-5) over the last axis, scaled and shifted."""
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def batch_norm(p: Params, buffers: Params, name: str, x):
    """Batch norm over all axes but the last; the running statistics in `buffers` are replaced by the next ones."""
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes)
    variance = jnp.square(x - mean).mean(axes)
    n = x.size // x.shape[-1]
    for key, value in (("running_mean", mean), ("running_var", variance * (n / (n - 1)))):
        buffers[f"{name}.{key}"] = 0.9 * buffers[f"{name}.{key}"] + 0.1 * lax.stop_gradient(value)
    buffers[f"{name}.num_batches_tracked"] = buffers[f"{name}.num_batches_tracked"] + 1
    return (x - mean) * lax.rsqrt(variance + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def thinned(key, x, rate: float):
    """Zeros with probability `rate`, the rest over 1 - rate."""
    return x if rate == 0 else jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0.0)


def sgd(lr: float):
    """(initial state, update) of plain gradient descent."""

    def update(p, g, state):
        return jax.tree.map(lambda a, b: a - lr * b, p, g), state

    return (lambda p: ()), update


def adam(lr: float, b1: float = 0.9, b2: float = 0.999, decay: float = 0.0, epsilon: float = 1e-8):
    """(initial state, update) of Adam; with `decay`, AdamW."""

    def initial(p):
        return jnp.zeros(()), jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p)

    def update(p, g, state):
        t, m, v = state
        t = t + 1
        m = jax.tree.map(lambda a, b: b1 * a + (1 - b1) * b, m, g)
        v = jax.tree.map(lambda a, b: b2 * a + (1 - b2) * b * b, v, g)
        size, root = lr / (1 - b1**t), jnp.sqrt(1 - b2**t)
        return jax.tree.map(lambda w, a, b: w * (1 - lr * decay) - size * a / (jnp.sqrt(b) / root + epsilon), p, m, v), (t, m, v)

    return initial, update


def parts(weights: Params) -> tuple[Params, Params]:
    """(parameters, buffers): a module's state by what is trained."""
    held = {k: v for k, v in weights.items() if "running_" in k or "num_batches" in k}
    return {k: v for k, v in weights.items() if k not in held}, held


def training(loss: Callable, weights: Params, optimizer, x, y, key: bool = False) -> Callable:
    """The step: `loss(p, buffers, x, y[, key])` returns (loss, buffers); everything that lives on is donated."""
    initial, update = optimizer
    p, buffers = jax.tree.map(jnp.array, parts(weights))
    x, y = jnp.array(x), jnp.array(y)
    held = [p, buffers, initial(p), jax.random.key(0)]

    def whole(p, buffers, state, k, x, y):
        k, drawn = jax.random.split(k)
        more = (drawn,) if key else ()
        (value, buffers), g = jax.value_and_grad(loss, has_aux=True)(p, dict(buffers), x, y, *more)
        p, state = update(p, g, state)
        return [p, buffers, state, k], value

    step = jax.jit(whole, donate_argnums=(0, 1, 2, 3))

    def run():
        held[:], value = step(*held, x, y)
        return value

    return run
