"""ResNet-18 in JAX."""

import jax
from jax import lax

from .common import batch_norm, conv, cross_entropy, hwio, linear, sgd, training


def build(weights, x, y, batch, side, width=64):
    """See workloads/resnet18.py."""
    weights = {k: hwio(v) if v.ndim == 4 else v for k, v in weights.items()}

    def residual(p, buffers, name, x, stride):
        h = conv(x, p[f"{name}.conv1.weight"], stride, 1) + p[f"{name}.conv1.bias"]
        h = jax.nn.relu(batch_norm(p, buffers, f"{name}.bn1", h))
        h = conv(h, p[f"{name}.conv2.weight"], 1, 1) + p[f"{name}.conv2.bias"]
        h = batch_norm(p, buffers, f"{name}.bn2", h)
        if f"{name}.conv3.weight" in p:
            x = conv(x, p[f"{name}.conv3.weight"], stride) + p[f"{name}.conv3.bias"]
        return jax.nn.relu(h + x)

    def loss(p, buffers, x, y):
        x = conv(x, p["0.0.weight"], 2, 3) + p["0.0.bias"]
        x = jax.nn.relu(batch_norm(p, buffers, "0.1", x))
        around = ((0, 0), (1, 1), (1, 1), (0, 0))
        x = lax.reduce_window(x, -float("inf"), lax.max, (1, 3, 3, 1), (1, 2, 2, 1), around)
        for stage in range(1, 5):
            x = residual(p, buffers, f"{stage}.0", x, 1 if stage == 1 else 2)
            x = residual(p, buffers, f"{stage}.1", x, 1)
        return cross_entropy(linear(p, "7", x.mean((1, 2))), y), buffers

    return training(loss, weights, sgd(0.001), x.transpose(0, 2, 3, 1), y)
