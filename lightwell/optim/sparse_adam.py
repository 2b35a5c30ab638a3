"""SparseAdam: Adam for sparse gradients, moving only the rows that have one."""

from __future__ import annotations

import numpy as np

from ..errors.teaching import RuntimeError, ValueError
from .optimizer import Optimizer, _check_betas, _check_options, _number, _zeros_like

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Adam whose averages and parameters change only where the sparse gradient has entries: for large embeddings.

    For the entries g of the gradient, and the same entries of p, m, v:

        m ← m + (1 - β1) · (g - m);     v ← v + (1 - β2) · (g² - v)
        p ← p - lr · √(1 - β2ᵗ) / (1 - β1ᵗ) · m / (√v + eps)

    State per parameter: `step` (an int), `exp_avg`, `exp_avg_sq`. Raises ValueError for sparse parameters and bad options,
    RuntimeError for dense gradients.

    >>> import lightwell as torch
    >>> opt = torch.optim.SparseAdam([torch.ones(3, 2, requires_grad=True)], lr=0.1)
    >>> opt.param_groups[0]["lr"]
    0.1
    """

    _step_is_tensor = False

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps: float = 1e-8, maximize: bool = False):
        _check_options("SparseAdam", lr)
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps} (SparseAdam needs eps > 0)")
        _check_betas("SparseAdam", betas)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, maximize=maximize))
        sparse = [[i, j] for i, group in enumerate(self.param_groups) for j, p in enumerate(group["params"]) if p.is_sparse]
        if sparse:
            raise ValueError(f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors")

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            lr, (beta1, beta2), eps = _number(group["lr"]), group["betas"], group["eps"]
            for p, g, state in self._ready(group, None):
                if not g.is_sparse:
                    raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
                if not state:
                    state["step"] = 0
                    state["exp_avg"] = _zeros_like(p)
                    state["exp_avg_sq"] = _zeros_like(p)
                state["step"] += 1
                t = state["step"]
                g = g.coalesce()
                rows, g = tuple(g.indices()._a), g.values()._a
                if not g.size:
                    continue
                if group["maximize"]:
                    g = -g
                averages, squares = state["exp_avg"]._a, state["exp_avg_sq"]._a
                m, v = averages[rows], squares[rows]
                m += (g - m) * (1 - beta1)
                v += (g * g - v) * (1 - beta2)
                averages[rows], squares[rows] = m, v
                rate = lr * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
                p._a[rows] -= rate * (m / (np.sqrt(v) + eps))
                p._bump()
        return loss
