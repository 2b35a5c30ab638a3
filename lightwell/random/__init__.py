"""Random numbers on NumPy arrays: PyTorch's CPU streams, bit for bit, and the functions on the default generator."""

import contextlib
import functools
from typing import Any

from ..errors.teaching import ValueError
from . import draws, rejection
from .draws import fill
from .engine import Generator, default_generator

__all__ = [
    "Generator",
    "bernoulli",
    "binomial",
    "cauchy",
    "default_generator",
    "dirichlet",
    "exponential",
    "fill",
    "fork_rng",
    "gamma",
    "geometric",
    "get_rng_state",
    "initial_seed",
    "integers",
    "log_normal",
    "manual_seed",
    "multinomial",
    "normal",
    "permutation",
    "poisson",
    "random_full",
    "seed",
    "set_rng_state",
    "uniform",
]


drawing: Any = None  # set by compile.trace while it is at work: drawing(function, args, kwargs) draws, and notes the draw


def _noted(fn):
    """`fn`, which draws, or while a program is being traced `drawing` in its place."""

    @functools.wraps(fn)
    def call(*args, **kwargs):
        return fn(*args, **kwargs) if drawing is None else drawing(fn, args, kwargs)

    return call


bernoulli, cauchy, exponential, geometric, integers = map(
    _noted, (draws.bernoulli, draws.cauchy, draws.exponential, draws.geometric, draws.integers)
)
log_normal, multinomial, normal, permutation = map(_noted, (draws.log_normal, draws.multinomial, draws.normal, draws.permutation))
random_full, uniform = _noted(draws.random_full), _noted(draws.uniform)
binomial, dirichlet, gamma, poisson = map(_noted, (rejection.binomial, rejection.dirichlet, rejection.gamma, rejection.poisson))


def manual_seed(seed) -> Generator:
    """Start the default generator's stream of `seed` and return that generator.

    Args:
        seed: a number in [-2**63, 2**64), of which the integer part counts; ValueError beyond that range.

    Example::

        >>> import lightwell as torch
        >>> _ = torch.manual_seed(0)
        >>> torch.initial_seed()
        0
    """
    if isinstance(seed, (str, bytes)) and not seed.strip().lstrip("-").isdigit():
        raise ValueError(f"manual_seed(): the seed must be a number, not {seed!r}")
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seed the default generator from the operating system's entropy, and return that seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state():
    """Return the default generator's state, a uint8 tensor of 5056 bytes."""
    return default_generator.get_state()


def set_rng_state(new_state) -> None:
    """Restore the default generator's state from what `get_rng_state` returned."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices=None, enabled=True, _caller="fork_rng", _devices_kw="devices", device_type="cuda"):
    """Run a block on a copy of the default generator: after it, the stream goes on as if nothing had been drawn.

    Args:
        devices: accelerators whose generators to keep as well; here they all draw from this one.
        enabled: False makes this a block like any other.
        device_type: the kind of those accelerators.

    Example::

        >>> import lightwell as torch
        >>> _ = torch.manual_seed(0)
        >>> with torch.random.fork_rng():
        ...     _ = torch.rand(3)
        >>> bool((torch.rand(3) == torch.rand(3, generator=torch.Generator().manual_seed(0))).all())
        True
    """
    if not enabled:
        yield
        return
    state = default_generator._get_state_array()
    try:
        yield
    finally:
        default_generator._set_state_array(state)
