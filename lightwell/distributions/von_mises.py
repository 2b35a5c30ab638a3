"""The von Mises distribution on the circle."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.utils import lazy_property
from lightwell.tensor import Size

__all__ = ["VonMises"]


def _log_i(order: int, x):
    """log Iₙ(x) of the modified Bessel function of order 0 or 1, by way of the scaled one that cannot overflow."""
    return x + lw.log(lw.special.i0e(x) if order == 0 else lw.special.i1e(x))


class VonMises(Distribution):
    """p(x) = exp(κ cos(x-μ))/(2πI₀(κ)) on the circle, with direction μ = `loc` and κ = `concentration` > 0.

    Draws in [-π, π) by Best and Fisher (1979), in float64. They have no gradient.

    >>> import lightwell as torch
    >>> torch.distributions.VonMises(torch.tensor([0.0]), torch.tensor([1.0])).log_prob(torch.tensor([0.0]))
    tensor([-1.0738])
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _batched = ("loc", "concentration")

    def __init__(self, loc, concentration, validate_args=None):
        super().__init__(self._place(loc=loc, concentration=concentration), validate_args=validate_args)

    @property
    def mean(self):
        return self.loc

    mode = mean

    @lazy_property
    def variance(self):
        """The circular variance, 1 - I₁(κ)/I₀(κ)."""
        return 1 - (_log_i(1, self.concentration) - _log_i(0, self.concentration)).exp()

    def log_prob(self, value):
        self._check(value)
        return self.concentration * lw.cos(value - self.loc) - math.log(2 * math.pi) - _log_i(0, self.concentration)

    @lazy_property
    def _proposal_r(self):
        """The parameter of the wrapped Cauchy distribution that proposes."""
        kappa = self.concentration.double()
        tau = 1 + (1 + 4 * kappa**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return lw.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))

    def sample(self, sample_shape=Size()):
        with lw.no_grad():
            loc, kappa, r = self.loc.double(), self.concentration.double(), self._proposal_r
            x = lw.zeros(self._extended_shape(sample_shape), dtype=lw.float64)
            done = lw.zeros(x.shape, dtype=lw.bool)
            while not done.all():
                u1, u2, u3 = lw.rand((3,) + x.shape, dtype=lw.float64).unbind()
                z = lw.cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                x = lw.where(accept, (u3 - 0.5).sign() * f.acos(), x)
                done = done | accept
            return ((x + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)
