"""Adamax: Adam with the largest recent gradient in place of the root mean square."""

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
from .readers import directed

__all__ = ["Adamax"]


def _update(k, p, g, m, top, rate, beta1, beta2, eps, weight_decay, maximize):
    g = directed(k, p, g, weight_decay, maximize)
    k.lerp_(m, g, 1 - beta1)
    k.mul_(top, beta2)
    size = k.shift_(k.abs(g, k.s), eps)
    k.max_(top, size)
    k.addcdiv_(p, m, top, -rate)


class Adamax(Optimizer):
    """Adam measured in the infinity norm: steps are divided by a decaying maximum of the gradient's size.

        g ← -g if maximize;   g ← g + weight_decay · p
        m ← m + (1 - β1) · (g - m)
        u ← max(β2 · u, |g| + eps)
        p ← p - lr / (1 - β1ᵗ) · m / u

    `foreach` and `capturable` are accepted and change nothing; `differentiable=True` records the step in the graph.
    State per parameter: `step`, `exp_avg` (m), `exp_inf` (u). Raises ValueError as `Adam` does.

    Kingma, Ba: Adam: A Method for Stochastic Optimization, arXiv:1412.6980, section 7.1.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.Adamax([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        _check_options("Adamax", lr, foreach, None, differentiable, capturable)
        _check_at_least_zero("Adamax", epsilon=eps)
        _check_betas("Adamax", betas)
        _check_at_least_zero("Adamax", weight_decay=weight_decay)
        defaults = dict(
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
            capturable=capturable,
        )
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            differentiable, (beta1, beta2) = group["differentiable"], group["betas"]
            lr = group["lr"] if differentiable else _number(group["lr"])
            eps, decay, maximize = group["eps"], group["weight_decay"], group["maximize"]
            for p, g, state in self._ready(group):
                if not state:
                    state["step"] = _scalar_state()
                    state["exp_avg"] = _zeros_like(p)
                    state["exp_inf"] = _zeros_like(p)
                t = _advance(state["step"])
                numbers = (lr / (1 - beta1**t), beta1, beta2, eps, decay, maximize)
                self._apply(_update, (p, g, state["exp_avg"], state["exp_inf"]), numbers, differentiable)
        return loss
