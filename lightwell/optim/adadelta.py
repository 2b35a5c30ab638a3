"""Adadelta: steps in the parameter's own units, from running averages of gradients and of steps."""

from __future__ import annotations

from ..errors.teaching import ValueError
from .optimizer import Optimizer, _advance, _check_at_least_zero, _check_options, _number, _scalar_state, _zeros_like
from .readers import directed

__all__ = ["Adadelta"]


def _update(k, p, g, v, u, lr, rho, eps, weight_decay, maximize):
    g = directed(k, p, g, weight_decay, maximize)
    k.mul_(v, rho)
    k.addcmul_(v, g, g, 1 - rho)
    std = k.shift_(k.copy(v, k.s), eps)
    std = k.sqrt(std, k.s)
    delta = k.shift_(k.copy(u, k.t), eps)
    delta = k.sqrt(delta, k.t)
    k.div_(delta, std)
    k.mul_(delta, g)
    k.mul_(u, rho)
    k.addcmul_(u, delta, delta, 1 - rho)
    k.axpy_(p, delta, -lr)


class Adadelta(Optimizer):
    """Gradient descent whose step is the gradient times the ratio of two running root mean squares: of steps and of gradients.

        g ← -g if maximize;   g ← g + weight_decay · p
        v ← rho · v + (1 - rho) · g²
        d ← √(u + eps) / √(v + eps) · g
        u ← rho · u + (1 - rho) · d²
        p ← p - lr · d

    `foreach` and `capturable` are accepted and change nothing; `differentiable=True` records the step in the graph.
    State per parameter: `step`, `square_avg` (v), `acc_delta` (u). Raises ValueError unless 0 ≤ rho ≤ 1 and the rest is ≥ 0.

    Zeiler: ADADELTA: An Adaptive Learning Rate Method, arXiv:1212.5701.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.Adadelta([w])
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.9968], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        _check_options("Adadelta", lr, foreach, None, differentiable, capturable)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho} (Adadelta needs 0 <= rho <= 1)")
        _check_at_least_zero("Adadelta", epsilon=eps, weight_decay=weight_decay)
        defaults = dict(
            lr=lr,
            rho=rho,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
            capturable=capturable,
            foreach=foreach,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            differentiable = group["differentiable"]
            lr = group["lr"] if differentiable else _number(group["lr"])
            numbers = (lr, group["rho"], group["eps"], group["weight_decay"], group["maximize"])
            for p, g, state in self._ready(group):
                if not state:
                    state["step"] = _scalar_state()
                    state["square_avg"] = _zeros_like(p)
                    state["acc_delta"] = _zeros_like(p)
                _advance(state["step"])
                self._apply(_update, (p, g, state["square_avg"], state["acc_delta"]), numbers, differentiable)
        return loss
