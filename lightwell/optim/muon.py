"""Muon: momentum whose matrix is made orthogonal before the step."""

from __future__ import annotations

import numpy as np

from ..errors.teaching import RuntimeError, ValueError
from ..tensor import Tensor, wrap
from .optimizer import Optimizer, _number

__all__ = ["Muon"]


def _orthogonal(g: Tensor, coefficients, steps: int, eps: float) -> Tensor:
    """UVᵀ of g = UΣVᵀ, nearly: Newton and Schulz's iteration X ← aX + (bA + cA²)X, A = XXᵀ, from X = g/‖g‖, in bfloat16."""
    import lightwell as lw

    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    x = g.bfloat16()
    tall = g.shape[0] > g.shape[1]
    x = x.T if tall else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = lw.addmm(x, lw.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


class Muon(Optimizer):
    """Momentum made orthogonal, for the matrices of hidden layers; other parameters want another optimizer.

    With μ the momentum, λ the weight decay, O(B) = UVᵀ of B = UΣVᵀ (nearly, by `ns_steps` steps of Newton and Schulz):

        B ← B + (1 - μ)(g - B);     u = g + μ(B - g) if nesterov, else B
        p ← (1 - lr·λ) p;     p ← p - lr·s·O(u)

    s = √max(1, rows/columns) ("original", the default), or 0.2·√max(rows, columns) ("match_rms_adamw"). State per parameter:
    `momentum_buffer`. ValueError for options out of range and parameters that are no matrices.

    Jordan: Muon, an optimizer for hidden layers in neural networks, 2024; Liu et al.: Muon is scalable for LLM training, arXiv:2502.16982.

    >>> import lightwell as torch
    >>> w = torch.eye(2).requires_grad_()
    >>> opt = torch.optim.Muon([w], lr=0.1, weight_decay=0.0)
    >>> (w * w).sum().backward(); opt.step()
    >>> bool((w.diagonal() < 1).all())
    True
    """

    def __init__(
        self, params, lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
        ns_coefficients=(3.4445, -4.775, 2.0315), eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not _number(lr) >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not momentum >= 0.0:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported: use 'original' or 'match_rms_adamw'")
        super().__init__(
            params,
            dict(
                lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov, ns_coefficients=ns_coefficients, eps=eps,
                ns_steps=ns_steps, adjust_lr_fn=adjust_lr_fn,
            ),
        )  # fmt: skip
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}")

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            lr, momentum = _number(group["lr"]), group["momentum"]
            for p, g, state in self._ready(group):
                if p.is_complex():
                    raise RuntimeError("Muon does not support complex parameters")
                if not state:
                    state["momentum_buffer"] = wrap(np.zeros_like(g._a))
                buffer = state["momentum_buffer"]
                buffer.lerp_(g.detach(), 1 - momentum)
                u = g.detach().lerp(buffer, momentum) if group["nesterov"] else buffer
                u = _orthogonal(u, group["ns_coefficients"], group["ns_steps"], group["eps"])
                rows, columns = p.shape
                s = 0.2 * max(rows, columns) ** 0.5 if group["adjust_lr_fn"] == "match_rms_adamw" else max(1, rows / columns) ** 0.5
                data = p.detach()
                data.mul_(1 - lr * group["weight_decay"])
                data.add_(u, alpha=-lr * s)
        return loss
