"""Kullback-Leibler divergences KL(p ‖ q) = E_p[log p(x) - log q(x)]: the registry, and closed forms by pairs of families. Long: one formula a pair."""

import functools
import math
import warnings

import lightwell as lw
from lightwell.distributions.bernoulli import Bernoulli
from lightwell.distributions.beta import Beta
from lightwell.distributions.binomial import Binomial
from lightwell.distributions.categorical import Categorical
from lightwell.distributions.cauchy import Cauchy
from lightwell.distributions.continuous_bernoulli import ContinuousBernoulli
from lightwell.distributions.dirichlet import Dirichlet
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.exp_family import ExponentialFamily
from lightwell.distributions.exponential import Exponential
from lightwell.distributions.gamma import Gamma
from lightwell.distributions.geometric import Geometric
from lightwell.distributions.gumbel import Gumbel
from lightwell.distributions.half_normal import HalfNormal
from lightwell.distributions.independent import Independent
from lightwell.distributions.laplace import Laplace
from lightwell.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from lightwell.distributions.multivariate_normal import MultivariateNormal, batch_mahalanobis, half_log_det
from lightwell.distributions.normal import Normal
from lightwell.distributions.one_hot_categorical import OneHotCategorical
from lightwell.distributions.pareto import Pareto
from lightwell.distributions.poisson import Poisson
from lightwell.distributions.transformed_distribution import TransformedDistribution
from lightwell.distributions.uniform import Uniform
from lightwell.distributions.utils import euler_constant, sum_rightmost
from lightwell.errors.teaching import NotImplementedError, TypeError, ValueError
from lightwell.nn.functional import softplus

from ..errors.level import users_level

__all__ = ["kl_divergence", "register_kl"]

_registry: dict = {}
_memory: dict = {}  # found functions by pair of types


def register_kl(type_p, type_q):
    """Decorator: enter a function of (p, q) as the divergence of these types and, where no closer one is entered, their subclasses.

    TypeError for anything but subclasses of Distribution.

    >>> from lightwell.distributions import Normal, register_kl
    >>> class Mine(Normal): pass
    >>> @register_kl(Mine, Mine)
    ... def kl_mine(p, q): return p.loc * 0
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def enter(function):
        _registry[type_p, type_q] = function
        _memory.clear()
        return function

    return enter


def _find(type_p, type_q):
    """The function of the closest pair of superclasses: closest in p first; a warning where q first finds another."""
    pairs = [(p, q) for p, q in _registry if issubclass(type_p, p) and issubclass(type_q, q)]
    if not pairs:
        return None
    depth_p, depth_q = type_p.__mro__.index, type_q.__mro__.index
    by_p = min(pairs, key=lambda pair: (depth_p(pair[0]), depth_q(pair[1])))
    by_q = min(pairs, key=lambda pair: (depth_q(pair[1]), depth_p(pair[0])))
    if _registry[by_p] is not _registry[by_q]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl({by_p[0].__name__}, {by_q[1].__name__})",
            RuntimeWarning,
            stacklevel=users_level(),
        )
    return _registry[by_p]


def kl_divergence(p: Distribution, q: Distribution):
    """KL(p ‖ q) = E_p[log p(x) - log q(x)], of shape batch_shape.

    NotImplementedError where no closed form is entered for the pair of types (`register_kl` enters one).

    >>> from lightwell.distributions import Normal, kl_divergence
    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5000)
    """
    pair = type(p), type(q)
    if pair not in _memory:
        _memory[pair] = _find(*pair)
    if _memory[pair] is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {pair[0].__name__} and q type {pair[1].__name__}; "
            f"enter one with @register_kl({pair[0].__name__}, {pair[1].__name__})"
        )
    return _memory[pair](p, q)


# ---- divergences that are infinite: p lives where q does not ----------------------------------------------------------

for _p, _parameter, _qs in (
    (Beta, "concentration1", (Pareto,)),
    (ContinuousBernoulli, "probs", (Pareto,)),
    (Exponential, "rate", (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gamma, "concentration", (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gumbel, "loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Laplace, "loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Normal, "loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Pareto, "scale", (Beta, ContinuousBernoulli, Uniform)),
    (Poisson, "rate", (Bernoulli, Binomial)),
):
    for _q in _qs:
        _registry[_p, _q] = functools.partial(lambda name, p, q: lw.full_like(getattr(p, name), math.inf), _parameter)
del _p, _parameter, _qs, _q


def _inf_where(condition, otherwise):
    """∞ where the condition holds."""
    return lw.where(condition, math.inf, otherwise)


def _x_log_x(x):
    return lw.xlogy(x, x)


def _mean_log(low, high):
    """The mean of log x over [low, high]."""
    return (_x_log_x(high) - _x_log_x(low)) / (high - low) - 1


# ---- distributions of one family ---------------------------------------------------------------------------------------


@register_kl(Bernoulli, Bernoulli)
def _bernoulli_bernoulli(p, q):
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    one = lw.where(p.probs == 0, 0.0, _inf_where(q.probs == 0, one))
    zero = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    return one + lw.where(p.probs == 1, 0.0, _inf_where(q.probs == 1, zero))


@register_kl(Beta, Beta)
def _beta_beta(p, q):
    (a, b), (c, d) = p._natural_params, q._natural_params
    psi = (a - c) * a.digamma() + (b - d) * b.digamma() + (c + d - a - b) * (a + b).digamma()
    return q._log_normalizer(c, d) - p._log_normalizer(a, b) + psi


@register_kl(Binomial, Binomial)
def _binomial_binomial(p, q):
    if (p.total_count < q.total_count).any():
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return _inf_where(p.total_count > q.total_count, kl)


@register_kl(Categorical, Categorical)
def _categorical_categorical(p, q):
    terms = _inf_where(q.probs == 0, p.probs * (p.logits - q.logits))
    return lw.where(p.probs == 0, 0.0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot_one_hot(p, q):
    return _categorical_categorical(p._categorical, q._categorical)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli_continuous_bernoulli(p, q):
    log_norm = p._cont_bern_log_norm() - q._cont_bern_log_norm()
    return p.mean * (p.logits - q.logits) + log_norm + lw.log1p(-p.probs) - lw.log1p(-q.probs)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet_dirichlet(p, q):
    a, b = p.concentration, q.concentration
    log_norm = q._log_normalizer(b) - p._log_normalizer(a)
    return log_norm + ((a - b) * (a.digamma() - a.sum(-1, True).digamma())).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential_exponential(p, q):
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(ExponentialFamily, ExponentialFamily)
def _bregman(p, q):
    """F(θ_q) - F(θ_p) - ⟨θ_q - θ_p, ∇F(θ_p)⟩, the Bregman divergence of the log-normaliser."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed using Bregman divergences"
        )
    ours = [t.detach().requires_grad_() for t in p._natural_params]
    log_norm = p._log_normalizer(*ours)
    gradients = lw.autograd.grad(log_norm.sum(), ours, create_graph=True)
    result = q._log_normalizer(*q._natural_params) - log_norm
    for a, b, g in zip(ours, q._natural_params, gradients):
        result = result - sum_rightmost((b - a) * g, len(q.event_shape))
    return result


@register_kl(Gamma, Gamma)
def _gamma_gamma(p, q):
    a, b = p.concentration, q.concentration
    shapes = b.lgamma() - a.lgamma() + (a - b) * a.digamma()
    return b * (p.rate / q.rate).log() + shapes + (q.rate - p.rate) * (a / p.rate)


@register_kl(Gumbel, Gumbel)
def _gumbel_gumbel(p, q):
    ratio, shift = p.scale / q.scale, (q.loc - p.loc) / q.scale
    return -ratio.log() - shift + ratio * euler_constant + (shift + (1 + ratio).lgamma()).exp() - (1 + euler_constant)


@register_kl(Geometric, Geometric)
def _geometric_geometric(p, q):
    return -p.entropy() - lw.log1p(-q.probs) / p.probs - q.logits


@register_kl(Laplace, Laplace)
def _laplace_laplace(p, q):
    ratio, d = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + d / q.scale + ratio * (-d / p.scale).exp() - 1


@register_kl(Normal, Normal)
def _normal_normal(p, q):
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal_half_normal(p, q):
    return _normal_normal(p.base_dist, q.base_dist)


@register_kl(Cauchy, Cauchy)
def _cauchy_cauchy(p, q):
    """Chyzak and Nielsen (2019)."""
    return ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()


@register_kl(Pareto, Pareto)
def _pareto_pareto(p, q):
    ratio = q.alpha / p.alpha
    return _inf_where(p.scale < q.scale, q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1)


@register_kl(Poisson, Poisson)
def _poisson_poisson(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform_uniform(p, q):
    return _inf_where((q.low > p.low) | (q.high < p.high), ((q.high - q.low) / (p.high - p.low)).log())


# ---- distributions made of distributions -------------------------------------------------------------------------------


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed_transformed(p, q):
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("KL of transformed distributions needs equal transforms and event shapes")
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Independent, Independent)
def _independent_independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("KL of Independent distributions needs equal reinterpreted_batch_ndims")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


# ---- multivariate normal: (log det Σ_q/Σ_p + tr Σ_q⁻¹Σ_p + (μ_q-μ_p)ᵀΣ_q⁻¹(μ_q-μ_p) - n)/2 -----------------------------


def _square_sum(matrix):
    """tr XXᵀ."""
    return matrix.pow(2).sum((-2, -1))


def _solved(tril, matrix):
    """L⁻¹X, over batches that broadcast."""
    batch = lw.broadcast_shapes(tril.shape[:-2], matrix.shape[:-2])
    return lw.linalg.solve_triangular(tril.expand(batch + tril.shape[-2:]), matrix.expand(batch + matrix.shape[-2:]), upper=False)


def _log_det(d):
    return d._log_det() if isinstance(d, LowRankMultivariateNormal) else 2 * half_log_det(d._unbroadcasted_scale_tril)


def _factors(d):
    """Matrices whose squares XXᵀ add up to the covariance."""
    if isinstance(d, LowRankMultivariateNormal):
        return [d._unbroadcasted_cov_factor, lw.diag_embed(d._unbroadcasted_cov_diag.sqrt())]
    return [d._unbroadcasted_scale_tril]


def _normals(p, q):
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two (Low Rank) Multivariate Normals with different event shapes cannot be computed: "
            f"{p.event_shape} and {q.event_shape}"
        )
    d = q.loc - p.loc
    if isinstance(q, LowRankMultivariateNormal):  # Woodbury's identity, for the trace and the distance
        factor, diag = q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag
        scaled = factor.mT / diag.unsqueeze(-2)
        root = diag.rsqrt().unsqueeze(-1)
        trace = sum(_square_sum(x * root) - _square_sum(_solved(q._capacitance_tril, scaled @ x)) for x in _factors(p))
        distance = q._mahalanobis(d)
    else:
        tril = q._unbroadcasted_scale_tril
        trace = sum(_square_sum(_solved(tril, x)) for x in _factors(p))
        distance = batch_mahalanobis(tril, d)
    return 0.5 * (_log_det(q) - _log_det(p) + trace + distance - p.event_shape[0])


for _p in (MultivariateNormal, LowRankMultivariateNormal):
    for _q in (MultivariateNormal, LowRankMultivariateNormal):
        register_kl(_p, _q)(_normals)
del _p, _q


# ---- distributions of two families: -H(p) - E_p[log q] -----------------------------------------------------------------


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p, q):
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, ContinuousBernoulli)
@register_kl(Uniform, ContinuousBernoulli)
def _to_continuous_bernoulli(p, q):
    kl = -p.entropy() - p.mean * q.logits - lw.log1p(-q.probs) - q._cont_bern_log_norm()
    return _inf_where((p.high >= 1) | (p.low <= 0), kl) if isinstance(p, Uniform) else kl


@register_kl(Beta, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
@register_kl(Gamma, Exponential)
def _to_exponential(p, q):
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Beta, Gamma)
def _beta_gamma(p, q):
    a, total = p.concentration1, p.concentration1 + p.concentration0
    log_norm = q.concentration.lgamma() - q.concentration * q.rate.log()
    return -p.entropy() + log_norm - (q.concentration - 1) * (a.digamma() - total.digamma()) + q.rate * a / total


@register_kl(Beta, Normal)
@register_kl(ContinuousBernoulli, Normal)
def _to_normal(p, q):
    variance = q.scale.pow(2)
    second = p.variance + (p.mean - q.loc).pow(2)
    return -p.entropy() + 0.5 * (2 * math.pi * variance).log() + second / (2 * variance)


@register_kl(Beta, Uniform)
def _beta_uniform(p, q):
    return _inf_where((q.low > 0) | (q.high < 1), -p.entropy() + (q.high - q.low).log())


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p, q):
    return _inf_where((q.low >= 0) | (q.high <= 1), -p.entropy() + (q.high - q.low).log())


@register_kl(Exponential, Gamma)
def _exponential_gamma(p, q):
    ratio, a = q.rate / p.rate, q.concentration
    return -a * ratio.log() + ratio + a.lgamma() + a * euler_constant - (1 + euler_constant)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p, q):
    product, shift = p.rate * q.scale, q.loc / q.scale
    return product.log() - 1 - shift + shift.exp() * product / (product + 1) + product.reciprocal()


@register_kl(Exponential, Normal)
def _exponential_normal(p, q):
    variance, square = q.scale.pow(2), p.rate.pow(2)
    second = square.reciprocal() - q.loc / p.rate + q.loc.pow(2) * 0.5
    return 0.5 * (square * variance * 2 * math.pi).log() - 1 + second / variance


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p, q):
    a, product, shift = p.concentration, p.rate * q.scale, q.loc / q.scale
    tail = shift.exp() * (1 + product.reciprocal()).pow(-a) - shift
    return (a - 1) * a.digamma() - a.lgamma() - a + product.log() + a / product + tail


@register_kl(Gamma, Normal)
def _gamma_normal(p, q):
    a, variance, square = p.concentration, q.scale.pow(2), p.rate.pow(2)
    log_norm = 0.5 * (square * variance * 2 * math.pi).log() - a - a.lgamma()
    second = 0.5 * (a.pow(2) + a) / square - q.loc * a / p.rate + 0.5 * q.loc.pow(2)
    return log_norm + (a - 1) * a.digamma() + second / variance


@register_kl(Gumbel, Normal)
def _gumbel_normal(p, q):
    ratio = p.scale / q.scale
    shift = ((p.loc + p.scale * euler_constant - q.loc) / q.scale).pow(2) * 0.5
    return -(ratio / math.sqrt(2 * math.pi)).log() + (math.pi * ratio * 0.5).pow(2) / 3 + shift - (euler_constant + 1)


@register_kl(Laplace, Normal)
def _laplace_normal(p, q):
    variance = q.scale.pow(2)
    ratio = p.scale.pow(2) / variance
    return -0.5 * (2 * ratio / math.pi).log() + ratio + 0.5 * (p.loc - q.loc).pow(2) / variance - 1


@register_kl(Normal, Gumbel)
def _normal_gumbel(p, q):
    shift, ratio = (p.loc - q.loc) / q.scale, (p.scale / q.scale).pow(2)
    return -0.5 * ratio.log() + shift + (0.5 * ratio - shift).exp() - 0.5 * (1 + math.log(2 * math.pi))


@register_kl(Normal, Laplace)
def _normal_laplace(p, q):
    d = p.loc - q.loc
    z = d / p.scale
    away = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z.pow(2)).exp() + d * lw.erf(math.sqrt(0.5) * z)  # E|x - μ_q|
    return -(p.scale / q.scale).log() + away / q.scale - 0.5 * (1 + math.log(0.5 * math.pi))


@register_kl(Pareto, Exponential)
def _pareto_exponential(p, q):
    product = p.scale * q.rate
    kl = (p.alpha / product).log() - p.alpha.reciprocal() + p.alpha * product / (p.alpha - 1) - 1
    return _inf_where(p.alpha <= 1, kl)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p, q):
    mean_log = p.scale.log() + p.alpha.reciprocal()
    log_norm = q.concentration.lgamma() - q.concentration * q.rate.log()
    mean = q.rate * p.alpha * p.scale / (p.alpha - 1)
    return _inf_where(p.alpha <= 1, p.alpha.log() - mean_log + log_norm + (1 - q.concentration) * mean_log + mean - 1)


@register_kl(Pareto, Normal)
def _pareto_normal(p, q):
    unit = p.scale / (p.alpha - 1)
    second = p.alpha * unit.pow(2) / (p.alpha - 2) + (p.alpha * unit - q.loc).pow(2)
    log_norm = (math.sqrt(2 * math.pi) * q.scale * p.alpha / p.scale).log()
    return _inf_where(p.alpha <= 2, log_norm - p.alpha.reciprocal() + second / (2 * q.scale.pow(2)) - 1)


@register_kl(Uniform, Beta)
def _uniform_beta(p, q):
    a, b = q.concentration1, q.concentration0
    logs = (a - 1) * _mean_log(p.low, p.high) + (b - 1) * _mean_log(1 - p.high, 1 - p.low)
    kl = q._log_normalizer(a, b) - (p.high - p.low).log() - logs
    return _inf_where((p.high > 1) | (p.low < 0), kl)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p, q):
    return _inf_where(p.low < 0, q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log())


@register_kl(Uniform, Gamma)
def _uniform_gamma(p, q):
    log_norm = q.concentration.lgamma() - q.concentration * q.rate.log()
    logs = (1 - q.concentration) * _mean_log(p.low, p.high)
    return _inf_where(p.low < 0, log_norm - (p.high - p.low).log() + logs + q.rate * (p.high + p.low) / 2)


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p, q):
    unit = q.scale / (p.high - p.low)
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    return unit.log() + 0.5 * (high + low) - unit * ((-high).exp() - (-low).exp())


@register_kl(Uniform, Normal)
def _uniform_normal(p, q):
    width = p.high - p.low
    second = width.pow(2) / 12 + ((p.high + p.low - 2 * q.loc) / 2).pow(2)
    return (math.sqrt(math.pi * 2) * q.scale / width).log() + 0.5 * second / q.scale.pow(2)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p, q):
    log_norm = (q.alpha * q.scale.pow(q.alpha) * (p.high - p.low)).log()
    return _inf_where(p.low < q.scale, (q.alpha + 1) * _mean_log(p.low, p.high) - log_norm)
