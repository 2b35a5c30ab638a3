"""DCGAN in JAX: both networks' steps in one jitted function."""

import jax
import jax.numpy as jnp
from jax import lax

from .common import adam, batch_norm, conv, hwio, parts


def transposed(x, weight, stride=2, padding=1):
    """A transposed convolution with 4×4 windows: a plain one over the spread-out input with the window turned around."""
    around = [(3 - padding, 3 - padding)] * 2
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, weight, (1, 1), around, lhs_dilation=(stride, stride), dimension_numbers=numbers)


def generator(p, buffers, x):
    """Noise (n, 1, 1, c) → images (n, 32, 32, 3)."""
    for i in (0, 3, 6):
        x = transposed(x, p[f"generator.{i}.weight"], *((1, 0) if i == 0 else (2, 1)))
        x = jax.nn.relu(batch_norm(p, buffers, f"generator.{i + 1}", x))
    return jnp.tanh(transposed(x, p["generator.9.weight"]))


def discriminator(p, buffers, x):
    """Images → one logit each."""
    x = jax.nn.leaky_relu(conv(x, p["discriminator.0.weight"], 2, 1), 0.2)
    for i in (2, 5):
        x = batch_norm(p, buffers, f"discriminator.{i + 1}", conv(x, p[f"discriminator.{i}.weight"], 2, 1))
        x = jax.nn.leaky_relu(x, 0.2)
    return conv(x, p["discriminator.8.weight"]).reshape(-1)


def entropy(logits, target):
    """The mean binary cross-entropy against one number."""
    return (jax.nn.relu(logits) - logits * target + jnp.log1p(jnp.exp(-jnp.abs(logits)))).mean()


def build(weights, x, y, batch, width=32, noise=100):
    """See workloads/dcgan.py."""
    weights = {
        k: v if v.ndim != 4 else v[:, :, ::-1, ::-1].transpose(2, 3, 0, 1) if k.startswith("generator") else hwio(v)
        for k, v in weights.items()
    }
    p, buffers = jax.tree.map(jnp.array, parts(weights))
    pg, pd = ({k: v for k, v in p.items() if k.startswith(part)} for part in ("generator", "discriminator"))
    x, y = (jnp.array(v.transpose(0, 2, 3, 1)) for v in (x, y))
    initial, update = adam(2e-4, 0.5, 0.999)
    held = [pg, pd, buffers, initial(pg), initial(pd)]

    def loss_d(pd, buffers, made, y):
        real = entropy(discriminator(pd, buffers, y), 1.0)
        return (real + entropy(discriminator(pd, buffers, made), 0.0)) / 2, buffers

    def whole(pg, pd, buffers, sg, sd, x, y):
        before = dict(buffers)

        def make(pg):
            inside = dict(before)
            made = generator(pg, inside, x)
            return made, inside

        made, back, buffers = jax.vjp(make, pg, has_aux=True)  # the generator runs once; its images serve both losses
        (value_d, buffers), gd = jax.value_and_grad(loss_d, has_aux=True)(pd, buffers, lax.stop_gradient(made), y)
        pd, sd = update(pd, gd, sd)

        def fool(made):
            inside = dict(buffers)
            return entropy(discriminator(pd, inside, made), 1.0), inside

        (value_g, buffers), g_made = jax.value_and_grad(fool, has_aux=True)(made)
        pg, sg = update(pg, back(g_made)[0], sg)
        return [pg, pd, buffers, sg, sd], value_d + value_g

    step = jax.jit(whole, donate_argnums=(0, 1, 2, 3, 4))

    def run():
        held[:], value = step(*held, x, y)
        return value

    return run
