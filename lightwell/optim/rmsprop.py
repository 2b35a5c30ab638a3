"""RMSprop: gradients divided by a running root mean square."""

from __future__ import annotations

from .optimizer import Optimizer, _advance, _check_at_least_zero, _check_options, _number, _scalar_state, _zeros_like
from .readers import directed

__all__ = ["RMSprop"]


def _update(k, p, g, v, mean, buf, lr, alpha, eps, weight_decay, momentum, centered, maximize):
    g = directed(k, p, g, weight_decay, maximize)
    k.mul_(v, alpha)
    k.addcmul_(v, g, g, 1 - alpha)
    if centered:
        k.lerp_(mean, g, 1 - alpha)
        avg = k.copy(v, k.s)
        k.addcmul_(avg, mean, mean, -1.0)
        avg = k.sqrt(avg, k.s)
    else:
        avg = k.sqrt(v, k.s)
    k.shift_(avg, eps)
    if momentum > 0:
        k.mul_(buf, momentum)
        k.addcdiv_(buf, g, avg, 1.0)
        k.axpy_(p, buf, -lr)
    else:
        k.addcdiv_(p, g, avg, -lr)


class RMSprop(Optimizer):
    """Gradient descent with each coordinate divided by the running root mean square of its gradients.

        g ← -g if maximize;   g ← g + weight_decay · p
        v ← alpha · v + (1 - alpha) · g²
        if centered:  m ← m + (1 - alpha) · (g - m),   d ← √(v - m²) + eps;     else  d ← √v + eps
        if momentum:  b ← momentum · b + g / d,   p ← p - lr · b;               else  p ← p - lr · g / d

    `foreach` and `capturable` are accepted and change nothing; `differentiable=True` records the step in the graph.
    State per parameter: `step`, `square_avg`, and `momentum_buffer`, `grad_avg` as the options ask. Raises ValueError for a
    negative option.

    Hinton: Neural Networks for Machine Learning, lecture 6, 2012; centered: Graves, arXiv:1308.0850.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        _check_options("RMSprop", lr, foreach, None, differentiable, capturable)
        _check_at_least_zero("RMSprop", epsilon=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        defaults = dict(
            lr=lr,
            momentum=momentum,
            alpha=alpha,
            eps=eps,
            centered=centered,
            weight_decay=weight_decay,
            capturable=capturable,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
        )
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            differentiable = group["differentiable"]
            lr = group["lr"] if differentiable else _number(group["lr"])
            momentum, centered = group["momentum"], group["centered"]
            numbers = (lr, group["alpha"], group["eps"], group["weight_decay"], momentum, centered, group["maximize"])
            for p, g, state in self._ready(group):
                if not state:
                    state["step"] = _scalar_state()
                    state["square_avg"] = _zeros_like(p)
                    if momentum > 0:
                        state["momentum_buffer"] = _zeros_like(p)
                    if centered:
                        state["grad_avg"] = _zeros_like(p)
                _advance(state["step"])
                v = state["square_avg"]
                tensors = (p, g, v, state["grad_avg"] if centered else v, state["momentum_buffer"] if momentum > 0 else v)
                self._apply(_update, tensors, numbers, differentiable)
        return loss
