"""Rprop: steps from the gradient's sign alone, growing while it stays and shrinking when it turns."""

from __future__ import annotations

import numpy as np

from ..errors.teaching import ValueError
from ..tensor import wrap
from .optimizer import Optimizer, _advance, _check_options, _number, _scalar_state, _zeros_like

__all__ = ["Rprop"]


def _update(k, p, g, prev, size, shrink, grow, low, high, maximize):
    if maximize:
        g = k.neg(g, k.g)
    turn = k.mul(g, prev, k.s)
    k.mul_(size, k.by_sign(turn, grow, shrink, 1.0, k.t))
    k.clip_(size, low, high)
    g = k.zero_where_negative(g, turn, k.u)
    k.addcmul_(p, k.sign(g, k.t), size, -1.0)
    k.set_(prev, g)


class Rprop(Optimizer):
    """Resilient backpropagation: each coordinate keeps its own step size; only the gradient's sign is used. For full batches.

    With etas = (η⁻, η⁺), step_sizes = (smallest, largest), s starting at lr, h the previous gradient:

        g ← -g if maximize
        s ← clamp(s · η⁺, …)   where g·h > 0;     s ← clamp(s · η⁻, …)  and  g ← 0   where g·h < 0
        p ← p - sign(g) · s;   h ← g

    `foreach` and `capturable` are accepted and change nothing; `differentiable=True` records the step in the graph.
    State per parameter: `step`, `prev` (h), `step_size` (s). Raises ValueError unless 0 < η⁻ < 1 < η⁺.

    Riedmiller, Braun: A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP Algorithm, ICNN 1993.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.Rprop([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        etas=(0.5, 1.2),
        step_sizes=(1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        _check_options("Rprop", lr, foreach, None, differentiable, capturable)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]} (Rprop needs 0 < etas[0] < 1 < etas[1])")
        defaults = dict(
            lr=lr,
            etas=etas,
            step_sizes=step_sizes,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
            capturable=capturable,
        )
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            differentiable, lr = group["differentiable"], _number(group["lr"])
            numbers = (*group["etas"], *group["step_sizes"], group["maximize"])
            for p, g, state in self._ready(group):
                if not state:
                    state["step"] = _scalar_state()
                    state["prev"] = _zeros_like(p)
                    state["step_size"] = wrap(np.full_like(p._a, complex(lr, lr) if p.is_complex() else lr))
                _advance(state["step"])
                self._apply(_update, (p, g, state["prev"], state["step_size"]), numbers, differentiable)
        return loss
