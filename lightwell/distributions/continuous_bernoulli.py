"""The continuous Bernoulli distribution."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.exp_family import ExponentialFamily
from lightwell.distributions.utils import ProbsOrLogits, broadcast_all, clamp_probs, lazy_property, logits_to_probs
from lightwell.errors.teaching import ValueError
from lightwell.nn.functional import binary_cross_entropy_with_logits
from lightwell.tensor import Size

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(ProbsOrLogits, ExponentialFamily):
    """p(x) ∝ λˣ(1-λ)¹⁻ˣ on [0, 1], with λ = `probs` = sigmoid(`logits`).

    Between `lims`, where the formulas turn into 0/0, their Taylor series about λ = 1/2 stand in.
    Loaiza-Ganem and Cunningham (2019).

    >>> import lightwell as torch
    >>> torch.distributions.ContinuousBernoulli(torch.tensor([0.5])).mean
    tensor([0.5000])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _batched, _kept = ("probs", "logits"), ("_given", "_lims")

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args=None):
        name, value = self._choose(probs, logits)
        shape = self._place(**{name: value})
        if name == "probs":
            if validate_args and not constraints.unit_interval.check(self.probs).all():
                raise ValueError(f"The parameter probs has invalid values: it must lie in [0, 1], got\n{self.probs}")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(shape, validate_args=validate_args)

    @lazy_property
    def probs(self):
        """λ, kept away from 0 and 1."""
        return clamp_probs(logits_to_probs(self.logits, True))

    def _stable(self):
        """Where λ is far enough from 1/2, and λ with the lower limit in the other places."""
        stable = (self.probs <= self._lims[0]) | (self.probs > self._lims[1])
        return stable, lw.where(stable, self.probs, self._lims[0])

    def _cont_bern_log_norm(self):
        """log of 2·artanh(1-2λ)/(1-2λ)."""
        stable, p = self._stable()
        low = p <= 0.5
        below, above = lw.where(low, p, 0.0), lw.where(p >= 0.5, p, 1.0)
        log_norm = (lw.log1p(-p) - p.log()).abs().log() - lw.where(low, lw.log1p(-2.0 * below), lw.log(2.0 * above - 1.0))
        x = (self.probs - 0.5).pow(2)
        return lw.where(stable, log_norm, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self):
        stable, p = self._stable()
        x = self.probs - 0.5
        exact = p / (2.0 * p - 1.0) + 1.0 / (lw.log1p(-p) - p.log())
        return lw.where(stable, exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def variance(self):
        stable, p = self._stable()
        x = (self.probs - 0.5).pow(2)
        exact = p * (p - 1.0) / (1.0 - 2.0 * p).pow(2) + 1.0 / (lw.log1p(-p) - p.log()).pow(2)
        return lw.where(stable, exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def rsample(self, sample_shape=Size()):
        return self.icdf(lw.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def log_prob(self, value):
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value):
        self._check(value)
        stable, p = self._stable()
        exact = (p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        inside = lw.where(stable, exact, value)
        return lw.where(value <= 0.0, lw.zeros_like(value), lw.where(value >= 1.0, lw.ones_like(value), inside))

    def icdf(self, value):
        stable, p = self._stable()
        log_q = lw.log1p(-p)
        return lw.where(stable, (lw.log1p(-p + value * (2.0 * p - 1.0)) - log_q) / (p.log() - log_q), value)

    def entropy(self):
        log_q, log_p = lw.log1p(-self.probs), self.probs.log()
        return self.mean * (log_q - log_p) - self._cont_bern_log_norm() - log_q

    @property
    def _natural_params(self):
        return (self.logits,)

    def _log_normalizer(self, x):
        stable = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        safe = lw.where(stable, x, self._lims[0] - 0.5)
        exact = lw.expm1(safe).abs().log() - safe.abs().log()
        return lw.where(stable, exact, 0.5 * x + x.pow(2) / 24.0 - x.pow(4) / 2880.0)
