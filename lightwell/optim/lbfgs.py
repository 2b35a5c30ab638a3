"""L-BFGS: a quasi-Newton method that remembers a few steps instead of a matrix."""

from __future__ import annotations

import numpy as np

from ..autograd.modes import enable_grad, no_grad
from ..errors.teaching import RuntimeError, ValueError
from ..tensor import wrap
from .line_search import strong_wolfe
from .optimizer import Optimizer, _check_options, _number

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Limited-memory BFGS: minimise with an approximate inverse Hessian built from the last `history_size` steps.

    With g the gradient, sᵢ the steps taken, yᵢ the changes of g, ρᵢ = 1 / (yᵢ·sᵢ), each inner iteration finds d = -H g by the
    two-loop recursion:

        q ← -g;    newest to oldest:  aᵢ ← ρᵢ sᵢ·q,   q ← q - aᵢ yᵢ
        d ← (y·s / y·y) q;    oldest to newest:  d ← d + sᵢ (aᵢ - ρᵢ yᵢ·d)
        p ← p + t d,   t = lr (min(1, 1/‖g‖₁) · lr at the very first iteration), or found by a strong Wolfe line search

    `step(closure)` needs a closure that zeroes the gradients, computes the loss, calls backward and returns the loss; it runs up
    to `max_iter` iterations and `max_eval` (by default 1.25 max_iter) evaluations, stopping early when the largest gradient is at
    most `tolerance_grad` or the change falls below `tolerance_change`, and returns the loss it started from.

    `line_search_fn` is None or "strong_wolfe". Raises ValueError for more than one parameter group and for a negative lr,
    RuntimeError for another line search.

    Nocedal, Wright: Numerical Optimization, 2nd ed., 2006, algorithms 7.4, 7.5, 3.5, 3.6.

    >>> import lightwell as torch
    >>> w = torch.tensor([3.0], requires_grad=True)
    >>> opt = torch.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     opt.zero_grad()
    ...     loss = ((w - 1) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> opt.step(closure).item()
    4.0
    >>> round(w.item(), 4)
    1.0
    """

    _step_is_tensor = False

    def __init__(
        self,
        params,
        lr=1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        _check_options("LBFGS", lr)
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        defaults = dict(
            lr=lr,
            max_iter=max_iter,
            max_eval=max_eval,
            tolerance_grad=tolerance_grad,
            tolerance_change=tolerance_change,
            history_size=history_size,
            line_search_fn=line_search_fn,
        )
        params = params if hasattr(params, "_node") or not hasattr(params, "__iter__") else list(params)
        if isinstance(params, list) and len(params) > 1 and isinstance(params[0], dict):
            raise ValueError(f"LBFGS doesn't support per-parameter options (parameter groups); got {len(params)} groups, pass one list")
        super().__init__(params, defaults)
        self._params = self.param_groups[0]["params"]

    def _flat_grad(self):
        """All gradients as one vector; missing ones count as zeros, complex ones as pairs of reals."""
        parts = []
        for p in self._params:
            g = p.grad
            if g is None:
                part = np.zeros(p._a.size * (2 if p._a.dtype.kind == "c" else 1), p._a.real.dtype)
            else:
                part = (g.to_dense() if g.is_sparse else g)._a.reshape(-1)
                if part.dtype.kind == "c":
                    part = np.ascontiguousarray(part).view(part.real.dtype)
            parts.append(part)
        return np.concatenate(parts)

    def _move(self, t, d):
        """p ← p + t d for all parameters, d being one flat vector."""
        at = 0
        for p in self._params:
            a = p._a
            n = a.size * (2 if a.dtype.kind == "c" else 1)
            part = d[at : at + n]
            if a.dtype.kind == "c":
                part = np.ascontiguousarray(part).view(a.dtype)
            np.add(a, np.multiply(part, t, dtype=a.dtype).reshape(a.shape), out=a)
            p._bump()
            at += n

    def _evaluate(self, closure, start, t, d):
        """Loss and gradient at start + t d; the parameters are put back."""
        self._move(t, d)
        loss = float(closure())
        grad = self._flat_grad()
        for p, a in zip(self._params, start, strict=True):
            np.copyto(p._a, a)
            p._bump()
        return loss, grad

    def step(self, closure):
        """Minimise: up to `max_iter` iterations, each evaluating `closure` at least once; returns the first loss."""
        with no_grad():
            return self._step(closure)

    def _step(self, closure):
        def evaluate():
            with enable_grad():
                return closure()

        group = self.param_groups[0]
        lr = _number(group["lr"])
        max_iter, max_eval, history = group["max_iter"], group["max_eval"], group["history_size"]
        tolerance_grad, tolerance_change = group["tolerance_grad"], group["tolerance_change"]
        search = group["line_search_fn"]
        if search not in (None, "strong_wolfe"):
            raise RuntimeError(f"LBFGS: only 'strong_wolfe' is supported as line_search_fn, but got {search!r}")
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss = evaluate()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        g = self._flat_grad()
        if np.abs(g).max(initial=0) <= tolerance_grad:
            return first_loss

        unpack = lambda name: [t._a for t in state.get(name) or []]
        d = state["d"]._a if state.get("d") is not None else None
        t, scale = state.get("t"), state.get("H_diag")
        ys, ss, rhos = unpack("old_dirs"), unpack("old_stps"), unpack("ro")
        before = state["prev_flat_grad"]._a if state.get("prev_flat_grad") is not None else None
        loss_before = state.get("prev_loss")
        al = state.get("al")
        one = g.dtype.type
        iteration = 0
        while iteration < max_iter:
            iteration += 1
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                d, scale = -g, 1
                ys, ss, rhos = [], [], []
            else:
                y, s = g - before, d * one(_plain(t))
                ys_now = y.dot(s)
                if ys_now > 1e-10:  # else the curvature is too small to learn from
                    if len(ys) == history:
                        del ys[0], ss[0], rhos[0]
                    ys.append(y)
                    ss.append(s)
                    rhos.append(np.asarray(one(1.0) / ys_now))
                    scale = np.asarray(ys_now / y.dot(y))
                al = [None] * history if al is None else al
                q = -g
                for i in range(len(ys) - 1, -1, -1):
                    a = al[i] = ss[i].dot(q) * rhos[i]
                    q -= a * ys[i]
                d = q * one(_plain(scale))
                for i in range(len(ys)):
                    d += ss[i] * (al[i] - ys[i].dot(d) * rhos[i])
            before, loss_before = g.copy(), loss

            t = min(1.0, float(one(1.0) / np.abs(g).sum())) * lr if state["n_iter"] == 1 else lr
            slope = g.dot(d)
            if slope > -tolerance_change:
                break
            used = 0
            if search is not None:
                start = [p._a.copy() for p in self._params]
                loss, g, t, used = strong_wolfe(
                    lambda t, d, start=start: self._evaluate(evaluate, start, t, d),
                    t,
                    d,
                    loss,
                    g,
                    float(slope),
                    tolerance_change,
                    limit=max_eval - evaluations,
                )
                self._move(t, d)
                done = np.abs(g).max(initial=0) <= tolerance_grad
            else:
                self._move(t, d)
                done = False
                if iteration != max_iter:  # the last iteration's loss would not be used
                    loss = float(evaluate())
                    g = self._flat_grad()
                    done = np.abs(g).max(initial=0) <= tolerance_grad
                    used = 1
            evaluations += used
            state["func_evals"] += used
            if iteration == max_iter or evaluations >= max_eval or done:
                break
            if np.abs(d * one(t)).max(initial=0) <= tolerance_change or abs(loss - loss_before) < tolerance_change:
                break

        pack = lambda arrays: [wrap(np.asarray(a)) for a in arrays]
        if al is not None:
            state["al"] = [a if a is None or hasattr(a, "_a") else wrap(np.asarray(a)) for a in al]
        state["d"], state["t"] = wrap(d), t
        state["old_dirs"], state["old_stps"], state["ro"] = pack(ys), pack(ss), pack(rhos)
        state["H_diag"] = wrap(scale) if isinstance(scale, np.ndarray) else scale
        state["prev_flat_grad"], state["prev_loss"] = wrap(before), loss_before
        return first_loss


def _plain(x):
    """A Python number from a number, an array or a tensor of one element."""
    return x.item() if hasattr(x, "item") else x
