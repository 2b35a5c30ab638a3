"""How a gamma or beta draw moves with its parameter when its place in the distribution stays: implicit reparameterisation.

With F the distribution function and f the density, F(x(α); α) held fixed gives dx/dα = -(∂F/∂α)/f (Figurnov, Mohamed
and Mnih 2018). Both are integrals over the tail on x's side of the mean, where the integrand only falls:

    gamma:  dx/dα = ∓ x ∫₀^∞ e^(-g(y)) (log t - ψ(α)) dy          with t = x e^(∓y), g = x·(t/x - 1) ± αy
    beta:   dx/dα = ∓ x(1-x) ∫₀^∞ e^(-g(y)) (log t - ψ(α) + ψ(α+β)) dy   with logit t = logit x ∓ y

(upper signs: the lower tail). The substitution y = Y·exp(u - e^(-u)) spreads every scale evenly (Takahasi and Mori 1974).
"""

import numpy as np

from .special import digamma

_U = np.linspace(-3.6, 0.62, 160)
_NODES = np.exp(_U - np.exp(-_U))
_WEIGHTS = _NODES * (1 + np.exp(-_U)) * (_U[1] - _U[0])
_BLOCK = 2048  # elements at a time: 160 nodes each
_ENOUGH = 45.0  # e^-45 is nothing beside 1


def _softplus(x):
    """log(1 + eˣ)."""
    return np.logaddexp(0.0, x)


def _gamma_block(alpha, x):
    """dx/dα of gamma draws x of shape parameter α; float64 vectors."""
    lower = x < alpha
    sign = np.where(lower, -1.0, 1.0)[:, None]
    reach = np.where(lower, _ENOUGH / alpha + np.sqrt(2 * _ENOUGH / alpha), np.sqrt(2 * _ENOUGH / np.maximum(x, alpha)))
    a, t, y = alpha[:, None], x[:, None], reach[:, None] * _NODES * sign
    integrand = np.exp(a * y - t * np.expm1(y)) * (np.log(t) + y - digamma(alpha)[:, None])
    return sign[:, 0] * x * reach * (integrand @ _WEIGHTS)


def _beta_block(x, alpha, beta):
    """dx/dα of beta draws x; float64 vectors."""
    total = alpha + beta
    lower = x * total < alpha
    sign = np.where(lower, -1.0, 1.0)[:, None]
    near, far = np.where(lower, alpha, beta), np.where(lower, beta, alpha)
    reach = (_ENOUGH + total * np.log1p(near / far)) / near
    log_x, log_1mx = np.log(x), np.log1p(-x)
    z = (log_x - log_1mx)[:, None] + reach[:, None] * _NODES * sign
    log_t, log_1mt = -_softplus(-z), -_softplus(z)
    fall = alpha[:, None] * (log_t - log_x[:, None]) + beta[:, None] * (log_1mt - log_1mx[:, None])
    integrand = np.exp(np.minimum(fall, 0.0)) * (log_t - (digamma(alpha) - digamma(total))[:, None])
    return sign[:, 0] * x * (1 - x) * reach * (integrand @ _WEIGHTS)


def _blocks(f, dtype, *arrays):
    """`f` over the broadcast arrays, as float64 vectors of bounded length."""
    arrays = np.broadcast_arrays(*arrays)
    flat = [a.reshape(-1).astype(np.float64) for a in arrays]
    out = np.empty(flat[0].size, dtype)
    with np.errstate(all="ignore"):
        for i in range(0, out.size, _BLOCK):
            out[i : i + _BLOCK] = f(*(a[i : i + _BLOCK] for a in flat))
    return out.reshape(arrays[0].shape)


def standard_gamma_grad(alpha: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dx/dα of draws x from Gamma(α, 1)."""
    return _blocks(_gamma_block, x.dtype, alpha, x)


def dirichlet_grad(x: np.ndarray, alpha: np.ndarray, total: np.ndarray) -> np.ndarray:
    """dx/dα divided by 1 - x, of draws x from Beta(α, total - α): the share of a Dirichlet's component in the gradient."""
    small = np.finfo(np.float64).tiny

    def block(x, alpha, total):
        x = np.clip(x, small, 1 - 2.0**-53)
        return _beta_block(x, alpha, np.maximum(total - alpha, small)) / (1 - x)

    return _blocks(block, x.dtype, x, alpha, total)
