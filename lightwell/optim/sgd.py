"""SGD: stochastic gradient descent, plain, with momentum, or with Nesterov's momentum."""

from __future__ import annotations

from ..backend import fast
from ..backend.blas import axpy
from ..errors.teaching import ValueError
from . import optimizer
from .optimizer import Optimizer, _check_at_least_zero, _check_options, _number, _zeros_like
from .readers import directed

__all__ = ["SGD"]


def _update(k, p, g, buf, lr, momentum, dampening, weight_decay, nesterov, maximize, first):
    g = directed(k, p, g, weight_decay, maximize)
    if momentum != 0:
        if first:
            k.set_(buf, g)
        else:
            k.mul_(buf, momentum)
            k.axpy_(buf, g, 1 - dampening)
        g = k.axpy(g, buf, momentum, k.g) if nesterov else buf
    k.axpy_(p, g, -lr)


def _plain(k, p, g, lr):
    k.axpy_(p, g, -lr)


class SGD(Optimizer):
    """Stochastic gradient descent, optionally with momentum.

    With gradient g, parameter p, learning rate lr, for each step:

        g ← -g                          if maximize
        g ← g + weight_decay · p        if weight_decay ≠ 0
        b ← g                           first step with momentum ≠ 0
        b ← momentum · b + (1 - dampening) · g     later steps
        g ← g + momentum · b            if nesterov, else g ← b
        p ← p - lr · g

    `lr` may be a number or a one-element tensor. `foreach` and `fused` choose among implementations in PyTorch; here they are
    accepted and change nothing. `differentiable=True` records the step in the graph, for parameters that are not leaves
    (PyTorch cuts the graph where the momentum buffer is first filled; here the derivative is the full one).

    State per parameter: `momentum_buffer`, if momentum ≠ 0. Raises ValueError for a negative lr, momentum or weight_decay, and for
    nesterov without momentum or with dampening.

    Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum in deep learning, ICML 2013.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     opt.zero_grad()
    ...     (w * w).sum().backward()
    ...     opt.step()
    >>> w
    tensor([0.4600], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay=0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        _check_options("SGD", lr, foreach, fused, differentiable)
        _check_at_least_zero("SGD", momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(f"Nesterov momentum requires a momentum and zero dampening (got momentum={momentum}, dampening={dampening})")
        defaults = dict(
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
            foreach=foreach,
            differentiable=differentiable,
            fused=fused,
        )
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            differentiable = group["differentiable"]
            lr = group["lr"] if differentiable else _number(group["lr"])
            decay = group["weight_decay"] if differentiable else _number(group["weight_decay"])
            momentum, dampening = group["momentum"], group["dampening"]
            nesterov, maximize = group["nesterov"], group["maximize"]
            plain = momentum == 0 and not maximize and isinstance(decay, float) and decay == 0
            for p in group["params"]:
                g = p.grad
                if g is None:
                    continue
                if g.is_sparse:
                    self._sparse_step(p, g, lr, momentum, dampening, decay, nesterov, maximize)
                    continue
                if plain:
                    a = p._a
                    if a.size > 4096 and not differentiable and optimizer.collecting is None:
                        if (a.size >= fast.SIZE and fast.update(_plain, (a, g._a), (lr,))) or axpy(-lr, g._a, a):
                            p._bump()
                            continue
                    self._apply(_plain, (p, g), (lr,), differentiable)
                    continue
                first, buf = False, p
                if momentum != 0:
                    state = self.state[p]
                    buf = state.get("momentum_buffer")
                    if first := buf is None:
                        buf = state["momentum_buffer"] = _zeros_like(p)
                numbers = (lr, momentum, dampening, decay, nesterov, maximize, first)
                self._apply(_update, (p, g, buf), numbers, differentiable)
        return loss

    def _sparse_step(self, p, g, lr, momentum, dampening, decay, nesterov, maximize):
        """A sparse gradient touches only its rows when there is nothing else to do; momentum and decay touch them all."""
        if momentum != 0 or decay != 0:
            buf, first = p, False
            if momentum != 0:
                state = self.state[p]
                buf = state.get("momentum_buffer")
                if first := buf is None:
                    buf = state["momentum_buffer"] = _zeros_like(p)
            numbers = (lr, momentum, dampening, decay, nesterov, maximize, first)
            return self._apply(_update, (p, g.to_dense(), buf), numbers)
        g = g.coalesce()
        rows = tuple(g.indices()._a)
        p._a[rows] -= (-lr if maximize else lr) * g.values()._a
        p._bump()
