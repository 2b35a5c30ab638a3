"""Connectionist temporal classification: the loss of a label sequence under all its alignments."""

import numpy as np

from ...errors.teaching import RuntimeError, ValueError
from ...ops.choose import where
from ...ops.join import cat
from ...ops.op import readable
from ...ops.pairs import logaddexp
from ...ops.precision import float32
from ...tensor import Tensor, make

__all__ = ["ctc_loss"]

NEVER = -1e30  # stands for log 0, so that no difference of two of them is nan


def _lengths(name: str, value, batch: int) -> np.ndarray:
    a = np.atleast_1d(value._a if isinstance(value, Tensor) else np.asarray(value)).astype(np.int64)
    if a.shape != (batch,):
        raise RuntimeError(f"ctc_loss(): {name} must be of size batch_size ({batch}), but has shape {list(a.shape)}")
    return a


@readable
@float32
def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """-log of the summed probability of all alignments of `targets` with `log_probs` (Graves et al., 2006).

    `log_probs` is (T, N, C) or (T, C), log-probabilities; `targets` (N, S), or the label sequences behind one another. An
    alignment repeats labels and puts blanks between them; equal neighbours need a blank. "mean" divides each loss by
    its target's length and averages; `zero_infinity` makes impossible targets count for nothing. RuntimeError for lengths
    that don't fit. By the forward recursion in logarithms, so gradients of any order exist.

    >>> import lightwell as torch
    >>> logp = torch.log_softmax(torch.zeros(3, 1, 2), 2)
    >>> torch.nn.functional.ctc_loss(logp, torch.tensor([[1]]), [3], [1], reduction="none")
    tensor([0.2877])
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    single = log_probs.dim() == 2
    lp = log_probs.unsqueeze(1) if single else log_probs
    steps, batch, classes = lp._a.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range: 0 to {classes - 1}, got {blank}")
    n_in, n_out = _lengths("input_lengths", input_lengths, batch), _lengths("target_lengths", target_lengths, batch)
    if n_in.size and n_in.max() > steps:
        raise RuntimeError(f"Expected input_lengths to have value at most {steps}, but got value {n_in.max()}")
    t = targets._a
    longest = int(n_out.max(initial=0))
    rows = np.full((batch, longest), blank, np.int64)
    if t.ndim == 1 and not (single and t.shape[0] >= longest and batch == 1):
        starts = np.concatenate([[0], np.cumsum(n_out)])
        if starts[-1] > t.size:
            raise RuntimeError(f"Expected targets to hold {starts[-1]} labels (the sum of target_lengths), but it has {t.size}")
        for i in range(batch):
            rows[i, : n_out[i]] = t[starts[i] : starts[i + 1]]
    else:
        t = t.reshape(batch, -1)
        if t.shape[1] < longest:
            raise RuntimeError(f"Expected targets to have size at least {longest} at dimension 1, but got size {list(targets._a.shape)}")
        for i in range(batch):
            rows[i, : n_out[i]] = t[i, : n_out[i]]
    wide = 2 * longest + 1
    labels = np.full((batch, wide), blank, np.int64)
    labels[:, 1::2] = rows
    skips = np.zeros((batch, wide), bool)
    skips[:, 3::2] = rows[:, 1:] != rows[:, :-1]
    emitted = lp.gather(2, make(np.ascontiguousarray(np.broadcast_to(labels, (steps, batch, wide)))))
    never = make(np.full((batch, 2), NEVER, lp._a.dtype))
    first = np.zeros((batch, wide), bool)
    first[:, :1] = True
    first[:, 1:2] = (n_out > 0)[:, None]
    alpha = where(make(first), emitted[0], NEVER) if steps else None
    skip = make(skips)
    for k in range(1, steps):
        padded = cat([never, alpha], 1)
        come = logaddexp(alpha, padded[:, 1 : wide + 1])
        come = logaddexp(come, where(skip, padded[:, :wide], NEVER)) + emitted[k]
        going = k < n_in
        alpha = come if going.all() else where(make(going[:, None]), come, alpha)
    last = alpha.gather(1, make(2 * n_out[:, None]))
    before = where(make((n_out > 0)[:, None]), alpha.gather(1, make(np.maximum(2 * n_out - 1, 0)[:, None])), NEVER)
    loss = -logaddexp(last, before).squeeze(1)
    impossible = make(loss._a > -NEVER / 10)
    if impossible._a.any():
        loss = where(impossible, 0.0 if zero_infinity else float("inf"), loss)
    if reduction == "sum":
        return loss.sum()
    if reduction == "mean":
        return (loss / make(np.maximum(n_out, 1).astype(lp._a.dtype))).mean()
    return loss.squeeze(0) if single else loss
