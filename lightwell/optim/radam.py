"""RAdam: Adam that waits to divide by the root mean square until its estimate has settled."""

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

__all__ = ["RAdam"]


def _update(k, p, g, m, v, lr, beta1, beta2, eps, keep, weight_decay, correction1, root, rectifier, maximize):
    g = directed(k, p, g, weight_decay, maximize)
    if keep is not None:
        k.mul_(p, keep)
    moments(k, m, v, g, beta1, beta2)
    step = k.div(m, correction1, k.t)
    step = k.mul(step, lr, k.t)
    if rectifier is not None:
        d = k.shift_(k.sqrt(v, k.s), eps)
        k.div_(step, d)
        k.mul_(step, root)
        k.mul_(step, rectifier)
    k.axpy_(p, step, -1.0)


class RAdam(Optimizer):
    """Adam with a rectified start: the first steps, whose variance estimate is poor, use momentum alone.

    With ρ∞ = 2 / (1 - β2) - 1 and ρ(t) = ρ∞ - 2 t β2ᵗ / (1 - β2ᵗ):

        g ← -g if maximize;   g ← g + weight_decay · p    (or, if decoupled_weight_decay,  p ← (1 - lr · weight_decay) · p)
        m ← m + (1 - β1) · (g - m);      v ← β2 · v + (1 - β2) · g²;      n ← m / (1 - β1ᵗ)
        r ← √( (ρ - 4)(ρ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρ) )
        p ← p - lr · n · r · √(1 - β2ᵗ) / (√v + eps)     if ρ(t) > 5,  else  p ← p - lr · n

    `foreach` and `capturable` are accepted and change nothing; `differentiable=True` records the step in the graph.
    State per parameter: `step`, `exp_avg`, `exp_avg_sq`. Raises ValueError as `Adam` does.

    Liu, Jiang, He, Chen, Liu, Gao, Han: On the Variance of the Adaptive Learning Rate and Beyond, arXiv:1908.03265.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.RAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        _check_options("RAdam", lr, foreach, None, differentiable, capturable)
        _check_at_least_zero("RAdam", epsilon=eps)
        _check_betas("RAdam", betas)
        _check_at_least_zero("RAdam", weight_decay=weight_decay)
        defaults = dict(
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            decoupled_weight_decay=decoupled_weight_decay,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            differentiable, (beta1, beta2) = group["differentiable"], group["betas"]
            lr = group["lr"] if differentiable else _number(group["lr"])
            eps, decay, maximize = group["eps"], group["weight_decay"], group["maximize"]
            keep = None
            if group["decoupled_weight_decay"] and decay != 0:
                keep, decay = 1 - lr * decay, 0
            rho_max = 2 / (1 - beta2) - 1
            for p, g, state in self._ready(group):
                if not state:
                    state["step"] = _scalar_state()
                    state["exp_avg"] = _zeros_like(p)
                    state["exp_avg_sq"] = _zeros_like(p)
                t = _advance(state["step"])
                correction2 = 1 - beta2**t
                rho = rho_max - 2 * t * beta2**t / correction2
                rectifier = None
                if rho > 5.0:
                    rectifier = ((rho - 4) * (rho - 2) * rho_max / ((rho_max - 4) * (rho_max - 2) * rho)) ** 0.5
                numbers = (lr, beta1, beta2, eps, keep, decay, 1 - beta1**t, correction2**0.5, rectifier, maximize)
                self._apply(_update, (p, g, state["exp_avg"], state["exp_avg_sq"]), numbers, differentiable)
        return loss
