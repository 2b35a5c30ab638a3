"""ASGD: averaged stochastic gradient descent."""

from __future__ import annotations

from .optimizer import Optimizer, _advance, _check_at_least_zero, _check_options, _number, _scalar_state, _zeros_like
from .readers import directed

__all__ = ["ASGD"]


def _update(k, p, g, ax, eta, keep, mu, weight_decay, maximize):
    g = directed(k, p, g, weight_decay, maximize)
    k.mul_(p, keep)
    k.axpy_(p, g, -eta)
    if mu == 1:
        k.set_(ax, p)
    else:
        gap = k.sub(p, ax, k.s)
        k.axpy_(ax, gap, mu)


class ASGD(Optimizer):
    """Gradient descent with a falling rate that also keeps the average of the parameters along the way, in `state[p]["ax"]`.

    Starting with η = lr and μ = 1, step t = 1, 2, …:

        g ← -g if maximize;   g ← g + weight_decay · p
        p ← (1 - lambd · η) · p - η · g
        a ← a + μ · (p - a)
        η ← lr / (1 + lambd · lr · t)^alpha;      μ ← 1 / max(1, t - t0)

    `foreach` and `capturable` are accepted and change nothing; `differentiable=True` records the step in the graph.
    State per parameter: `step`, `eta`, `mu`, `ax`. Raises ValueError for a negative lr or weight_decay.

    Polyak, Juditsky: Acceleration of Stochastic Approximation by Averaging, SIAM J. Control Optim. 30, 1992.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.ASGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        _check_options("ASGD", lr, foreach, None, differentiable, capturable)
        _check_at_least_zero("ASGD", weight_decay=weight_decay)
        defaults = dict(
            lr=lr,
            lambd=lambd,
            alpha=alpha,
            t0=t0,
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
            differentiable, decay, maximize = group["differentiable"], group["weight_decay"], group["maximize"]
            lr, lambd, alpha, t0 = _number(group["lr"]), group["lambd"], group["alpha"], group["t0"]
            for p, g, state in self._ready(group):
                if not state:
                    state["step"] = _scalar_state()
                    state["eta"] = _scalar_state(lr)
                    state["mu"] = _scalar_state(1.0)
                    state["ax"] = _zeros_like(p)
                t = _advance(state["step"])
                eta, mu = state["eta"]._a, state["mu"]._a
                numbers = (eta.item(), 1 - lambd * eta.item(), mu.item(), decay, maximize)
                self._apply(_update, (p, g, state["ax"]), numbers, differentiable)
                # Rounded as a fresh scalar state is: a loaded checkpoint may hold wider ones.
                eta.fill(_scalar_state(lr / (1 + lambd * lr * t) ** alpha)._a)
                mu.fill(_scalar_state(1 / max(1, t - t0))._a)
        return loss
