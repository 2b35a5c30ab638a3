"""Adagrad: a learning rate per element that falls with the gradients seen so far."""

from __future__ import annotations

import numpy as np

from ..errors.teaching import RuntimeError
from ..tensor import wrap
from .optimizer import Optimizer, _advance, _check_at_least_zero, _check_options, _number, _scalar_state
from .readers import directed

__all__ = ["Adagrad"]


def _update(k, p, g, total, rate, weight_decay, eps, maximize):
    g = directed(k, p, g, weight_decay, maximize)
    k.addcmul_(total, g, g, 1.0)
    std = k.sqrt(total, k.s)
    k.shift_(std, eps)
    k.addcdiv_(p, g, std, -rate)


class Adagrad(Optimizer):
    """Gradient descent whose step in each coordinate shrinks with the sum of squared gradients there.

    Step t = 1, 2, …, with s starting at initial_accumulator_value:

        g ← -g if maximize;   g ← g + weight_decay · p
        r ← lr / (1 + (t - 1) · lr_decay)
        s ← s + g²
        p ← p - r · g / (√s + eps)

    `foreach` and `fused` are accepted and change nothing; `differentiable=True` records the step in the graph.
    State per parameter, from construction on: `step`, `sum`. Raises ValueError for a negative option.

    Duchi, Hazan, Singer: Adaptive Subgradient Methods for Online Learning and Stochastic Optimization, JMLR 12, 2011.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        _check_options("Adagrad", lr, foreach, fused, differentiable)
        _check_at_least_zero(
            "Adagrad",
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            epsilon=eps,
        )
        defaults = dict(
            lr=lr,
            lr_decay=lr_decay,
            eps=eps,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
            fused=fused,
        )
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                self._start(p, group)

    def _start(self, p, group):
        """The state of one parameter before its first step."""
        start = group["initial_accumulator_value"]
        if p.is_complex():
            start = complex(start, start)
        self.state[p].update(step=_scalar_state(), sum=wrap(np.full_like(p._a, start)))

    def share_memory(self) -> None:
        """Move the accumulators to shared memory, for processes that train one model together (Hogwild)."""
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["sum"].share_memory_()

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            differentiable, decay, eps = group["differentiable"], group["weight_decay"], group["eps"]
            lr = group["lr"] if differentiable else _number(group["lr"])
            lr_decay, maximize = group["lr_decay"], group["maximize"]
            for p, g, state in self._ready(group, None):
                if "sum" not in state:
                    self._start(p, group)
                t = _advance(state["step"])
                numbers = (lr / (1 + (t - 1) * lr_decay), decay, eps, maximize)
                total = state["sum"]
                if g.is_sparse:
                    self._sparse_step(p, g, total, *numbers)
                else:
                    self._apply(_update, (p, g, total), numbers, differentiable)
        return loss

    def _sparse_step(self, p, g, total, rate, decay, eps, maximize):
        """Only the rows the sparse gradient names are read and written."""
        if decay != 0:
            raise RuntimeError("Adagrad: weight_decay option is not compatible with sparse gradients; use weight_decay=0")
        g = g.coalesce()
        rows = tuple(g.indices()._a)
        values = -g.values()._a if maximize else g.values()._a
        part, s = p._a[rows], total._a[rows]
        self._runner(_update, [part, np.ascontiguousarray(values), s], (rate, 0, eps, False))
        p._a[rows], total._a[rows] = part, s
        p._bump()
