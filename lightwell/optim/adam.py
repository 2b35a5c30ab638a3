"""Adam: running averages of the gradient and of its square, corrected for starting at zero."""

from __future__ import annotations

from ..errors.teaching import ValueError
from ..tensor import Tensor
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

__all__ = ["Adam"]


def _update(k, p, g, m, v, top, beta1, beta2, eps, keep, weight_decay, rate, root, amsgrad, maximize):
    """`keep` = 1 - lr · decay, for decoupled decay, or None; `rate` = lr / (1 - beta1ᵗ); `root` = √(1 - beta2ᵗ)."""
    g = directed(k, p, g, weight_decay, maximize)
    if keep is not None:
        k.mul_(p, keep)
    moments(k, m, v, g, beta1, beta2)
    if amsgrad:
        v = k.max_(top, v)
    d = k.sqrt(v, k.s)
    d = k.div(d, root, k.s)
    k.shift_(d, eps)
    k.addcdiv_(p, m, d, -rate)


class Adam(Optimizer):
    """Gradient descent along a running average of gradients, each coordinate divided by a running root mean square.

    With betas = (β1, β2), step t = 1, 2, …:

        g ← -g if maximize;   g ← g + weight_decay · p    (or, if decoupled_weight_decay,  p ← (1 - lr · weight_decay) · p)
        m ← m + (1 - β1) · (g - m)
        v ← β2 · v + (1 - β2) · g²
        w ← max(w, v) if amsgrad, else v
        p ← p - lr / (1 - β1ᵗ) · m / (√w / √(1 - β2ᵗ) + eps)

    `foreach`, `fused` and `capturable` choose among implementations in PyTorch; here they are accepted and change nothing.
    `differentiable=True` records the step in the graph, for parameters that are not leaves.

    State per parameter: `step` (a 0-dim tensor), `exp_avg` (m), `exp_avg_sq` (v), and `max_exp_avg_sq` if amsgrad. Raises
    ValueError for a negative lr, eps or weight_decay and for betas outside [0, 1).

    Kingma, Ba: Adam: A Method for Stochastic Optimization, arXiv:1412.6980; amsgrad: Reddi, Kale, Kumar, arXiv:1904.09237.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        name = type(self).__name__
        _check_options(name, lr, foreach, fused, differentiable, capturable)
        _check_at_least_zero(name, epsilon=eps)
        _check_betas(name, betas)
        if isinstance(betas[0], Tensor) != isinstance(betas[1], Tensor):
            raise ValueError(f"betas must be either both floats or both Tensors ({name} got {betas})")
        for i in (0, 1):
            if isinstance(betas[i], Tensor) and betas[i].numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element ({name} got shape {tuple(betas[i].shape)})")
        _check_at_least_zero(name, weight_decay=weight_decay)
        defaults = dict(
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=decoupled_weight_decay,
        )
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            differentiable, amsgrad, maximize = group["differentiable"], group["amsgrad"], group["maximize"]
            lr, (beta1, beta2), eps, decay = group["lr"], group["betas"], group["eps"], group["weight_decay"]
            if not differentiable:
                lr, beta1, beta2 = _number(lr), _number(beta1), _number(beta2)
            keep = None
            if group["decoupled_weight_decay"]:
                keep = 1 - lr * decay if decay != 0 else None
                decay = 0
            for p, g, state in self._ready(group, ", please consider SparseAdam instead"):
                if not state:
                    state["step"] = _scalar_state()
                    state["exp_avg"] = _zeros_like(p)
                    state["exp_avg_sq"] = _zeros_like(p)
                    if amsgrad:
                        state["max_exp_avg_sq"] = _zeros_like(p)
                t = _advance(state["step"])
                rate, root = lr / (1 - beta1**t), (1 - beta2**t) ** 0.5
                m, v = state["exp_avg"], state["exp_avg_sq"]
                tensors = (p, g, m, v, state["max_exp_avg_sq"]) if amsgrad else (p, g, m, v, v)
                numbers = (beta1, beta2, eps, keep, decay, rate, root, amsgrad, maximize)
                self._apply(_update, tensors, numbers, differentiable)
        return loss
