"""Adafactor: adaptive steps whose memory is a row and a column per matrix."""

from __future__ import annotations

import numpy as np

from ..errors.teaching import RuntimeError, ValueError
from ..tensor import Tensor, wrap
from .optimizer import Optimizer, _advance, _check_at_least_zero, _number, _scalar_state

__all__ = ["Adafactor"]


def _norm(a):
    """√Σ a², in double precision for the sum."""
    return float(np.sqrt(np.vdot(a, a))) if a.size < 4096 else float(np.linalg.norm(a))


class Adafactor(Optimizer):
    """Adaptive gradient descent that keeps, for a matrix, only the row and column means of its squared gradients.

    With eps = (ε1, ε2), step t = 1, 2, …, RMS(x) = ‖x‖ / √n:

        β ← 1 - t^beta2_decay;     ρ ← min(lr, 1 / √t);     α ← max(ε2, RMS(p)) · ρ
        p ← (1 - lr · weight_decay) · p
        matrices:  r ← β r + (1 - β) rowmean(g²),  c ← β c + (1 - β) colmean(g²),  v ← r c / max(mean(r), ε1)
        the rest:  v ← β v + (1 - β) g²
        u ← g / √max(v, ε1²);    p ← p - α · u / max(1, RMS(u) / d)

    ε1 None means the dtype's machine epsilon. `foreach` is accepted and changes nothing. State per parameter: `step`, and
    `row_var`, `col_var` for two or more dimensions, else `variance`. Raises ValueError for options out of range, RuntimeError for
    complex parameters and sparse gradients.

    Shazeer, Stern: Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, arXiv:1804.04235.

    >>> import lightwell as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> opt = torch.optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        beta2_decay: float = -0.8,
        eps=(None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ):
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError(f"Tensor lr must be 1-element (Adafactor got shape {tuple(lr.shape)})")
        if not _number(lr) >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        _check_at_least_zero("Adafactor", weight_decay=weight_decay)
        defaults = dict(lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay, foreach=foreach, maximize=maximize)
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = self._closure_loss(closure)
        for group in self.param_groups:
            for p, g, state in self._ready(group):
                if p.is_complex():
                    raise RuntimeError("Adafactor does not support complex parameters")
                a = p._a
                if not state:
                    state["step"] = _scalar_state()
                    if a.ndim > 1:
                        state["row_var"] = wrap(np.zeros((*a.shape[:-1], 1), a.dtype))
                        state["col_var"] = wrap(np.zeros((*a.shape[:-2], 1, a.shape[-1]), a.dtype))
                    else:
                        state["variance"] = wrap(np.zeros_like(a))
                self._update(p, g._a, state, _advance(state["step"]), group)
                p._bump()
        return loss

    def _update(self, p, g, state, t, group):
        a, lr, (eps1, eps2) = p._a, _number(group["lr"]), group["eps"]
        if eps1 is None:
            eps1 = float(np.finfo(a.dtype).eps) if a.dtype.kind == "f" else 2.0**-7
        narrow = a.dtype.itemsize < 4
        x = a.astype(np.float32) if narrow else a
        g = g.astype(x.dtype) if narrow else g
        if group["maximize"]:
            g = np.negative(g, out=np.empty_like(g))
        weight = t ** group["beta2_decay"]
        alpha = max(eps2, _norm(x) / x.size**0.5) * min(lr, 1 / t**0.5)
        if group["weight_decay"] != 0:
            x *= 1 - lr * group["weight_decay"]
        u = np.multiply(g, g, out=np.empty_like(g))
        if a.ndim > 1:
            row, col = state["row_var"]._a, state["col_var"]._a
            row += ((u.mean(-1, keepdims=True) - row) * weight).astype(row.dtype)
            col += ((u.mean(-2, keepdims=True) - col) * weight).astype(col.dtype)
            np.multiply(row, col, out=u, casting="same_kind" if not narrow else "unsafe")
            u /= np.maximum(row.mean(-2, keepdims=True), eps1).astype(u.dtype)
        else:
            v = state["variance"]._a
            v += ((u - v) * weight).astype(v.dtype)
            np.copyto(u, v, casting="unsafe")
        np.maximum(u, eps1 * eps1, out=u)
        np.sqrt(u, out=u)
        np.divide(g, u, out=u)
        clip = max(1.0, _norm(u) / (u.size**0.5 * group["d"]))
        u *= alpha / clip
        x -= u
        if narrow:
            np.copyto(a, x, casting="unsafe")
