"""NAdam: Adam with Nesterov's look-ahead."""

from __future__ import annotations

from .optimizer import (
    Optimizer,
    _advance,
    _check_at_least_zero,
    _check_betas,
    _check_options,
    _number,
    _scalar_state,
    _zeros_like,
)
from .readers import directed, moments

__all__ = ["NAdam"]


def _update(k, p, g, m, v, beta1, beta2, eps, keep, weight_decay, correction, rate_g, rate_m, maximize):
    g = directed(k, p, g, weight_decay, maximize)
    if keep is not None:
        k.mul_(p, keep)
    moments(k, m, v, g, beta1, beta2)
    d = k.div(v, correction, k.s)
    d = k.sqrt(d, k.s)
    k.shift_(d, eps)
    k.addcdiv_(p, g, d, -rate_g)
    k.addcdiv_(p, m, d, -rate_m)


class NAdam(Optimizer):
    """Adam whose step already uses the momentum of the step to come.

    With μ(t) = β1 · (1 - 0.96^(t · momentum_decay) / 2) and M(t) = μ(1) · … · μ(t):

        g ← -g if maximize;   g ← g + weight_decay · p    (or, if decoupled_weight_decay,  p ← (1 - lr · weight_decay) · p)
        m ← m + (1 - β1) · (g - m);      v ← β2 · v + (1 - β2) · g²;      d ← √(v / (1 - β2ᵗ)) + eps
        p ← p - lr · (1 - μ(t)) / (1 - M(t)) · g / d - lr · μ(t+1) / (1 - M(t+1)) · m / d

    `foreach` and `capturable` are accepted and change nothing; `differentiable=True` records the step in the graph.
    State per parameter: `step`, `mu_product` (M), `exp_avg`, `exp_avg_sq`. Raises ValueError for a negative option and for betas
    outside [0, 1).

    Dozat: Incorporating Nesterov Momentum into Adam, ICLR workshop 2016.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.8944], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        _check_options("NAdam", lr, foreach, None, differentiable, capturable)
        _check_at_least_zero("NAdam", epsilon=eps)
        _check_betas("NAdam", betas)
        _check_at_least_zero("NAdam", weight_decay=weight_decay, momentum_decay=momentum_decay)
        defaults = dict(
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            differentiable, (beta1, beta2) = group["differentiable"], group["betas"]
            lr = group["lr"] if differentiable else _number(group["lr"])
            eps, decay, maximize, fade = group["eps"], group["weight_decay"], group["maximize"], group["momentum_decay"]
            keep = None
            if group["decoupled_weight_decay"] and decay != 0:
                keep, decay = 1 - lr * decay, 0
            for p, g, state in self._ready(group):
                if not state:
                    state["step"] = _scalar_state()
                    state["mu_product"] = _scalar_state(1.0)
                    state["exp_avg"] = _zeros_like(p)
                    state["exp_avg_sq"] = _zeros_like(p)
                t = _advance(state["step"])
                mu = beta1 * (1.0 - 0.5 * 0.96 ** (t * fade))
                mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((t + 1) * fade))
                product = state["mu_product"]._a
                product *= mu
                total = product.item()
                rate_g, rate_m = lr * (1 - mu) / (1 - total), lr * mu_next / (1 - total * mu_next)
                numbers = (beta1, beta2, eps, keep, decay, 1 - beta2**t, rate_g, rate_m, maximize)
                self._apply(_update, (p, g, state["exp_avg"], state["exp_avg_sq"]), numbers, differentiable)
        return loss
