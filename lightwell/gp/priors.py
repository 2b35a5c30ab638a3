"""Priors of parameters: distributions that are modules, whose log-densities the marginal likelihood adds."""

from lightwell import distributions as D
from lightwell import nn

__all__ = ["GammaPrior", "HalfCauchyPrior", "HalfNormalPrior", "LogNormalPrior", "NormalPrior", "Prior", "UniformPrior"]


class Prior(D.Distribution, nn.Module):
    """A distribution as a module; `transform` is applied to values before their density is taken."""

    def __init__(self, *parameters, validate_args=None, transform=None):
        nn.Module.__init__(self)  # first: distributions set attributes
        self._transform = transform
        super().__init__(*parameters, validate_args=validate_args)
        self._transform = transform

    def transform(self, x):
        """The transform, or x itself."""
        return x if self._transform is None else self._transform(x)

    def log_prob(self, x):
        """The log-density at transform(x)."""
        return super().log_prob(self.transform(x))

    def forward(self, x):
        """`log_prob`."""
        return self.log_prob(x)

    __call__ = forward
    __repr__ = nn.Module.__repr__


class NormalPrior(Prior, D.Normal):
    """Normal(loc, scale).

    >>> from lightwell import gp
    >>> gp.priors.NormalPrior(0.0, 1.0).mean
    tensor(0.)
    """

    _batched = D.Normal._batched

    def __init__(self, loc, scale, validate_args=False, transform=None):
        super().__init__(loc, scale, validate_args=validate_args, transform=transform)


class LogNormalPrior(Prior, D.LogNormal):
    """LogNormal(loc, scale)."""

    _batched = ()

    def __init__(self, loc, scale, validate_args=None, transform=None):
        super().__init__(loc, scale, validate_args=validate_args, transform=transform)


class GammaPrior(Prior, D.Gamma):
    """Gamma(concentration, rate)."""

    _batched = D.Gamma._batched

    def __init__(self, concentration, rate, validate_args=False, transform=None):
        super().__init__(concentration, rate, validate_args=validate_args, transform=transform)


class UniformPrior(Prior, D.Uniform):
    """Uniform(a, b)."""

    _batched = D.Uniform._batched

    def __init__(self, a, b, validate_args=None, transform=None):
        super().__init__(a, b, validate_args=validate_args, transform=transform)


class HalfNormalPrior(Prior, D.HalfNormal):
    """HalfNormal(scale)."""

    _batched = ()

    def __init__(self, scale, validate_args=None, transform=None):
        super().__init__(scale, validate_args=validate_args, transform=transform)


class HalfCauchyPrior(Prior, D.HalfCauchy):
    """HalfCauchy(scale)."""

    _batched = ()

    def __init__(self, scale, validate_args=None, transform=None):
        super().__init__(scale, validate_args=validate_args, transform=transform)
