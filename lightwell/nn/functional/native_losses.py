"""The losses that PyTorch also has at its top level, where `reduction` is a number: 0 none (the default there), 1 mean, 2 sum."""

from ...errors import refusing_all
from ...errors.teaching import ValueError
from . import ctc, loss, margin_loss

__all__ = [
    "binary_cross_entropy_with_logits", "cosine_embedding_loss", "ctc_loss", "hinge_embedding_loss", "kl_div",
    "margin_ranking_loss", "poisson_nll_loss", "triplet_margin_loss",
]  # fmt: skip


def _named(reduction: int) -> str:
    """The reduction's name; ValueError for a number that has none."""
    if reduction not in (0, 1, 2):
        raise ValueError(f"{reduction} is not a valid value for reduction: 0 is 'none', 1 'mean', 2 'sum'")
    return ("none", "mean", "sum")[reduction]


def binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None, reduction=0):
    """`nn.functional.binary_cross_entropy_with_logits` with a number for the reduction.

    >>> import lightwell as torch
    >>> torch.binary_cross_entropy_with_logits(torch.zeros(2), torch.ones(2), reduction=1)
    tensor(0.6931)
    """
    return loss.binary_cross_entropy_with_logits(input, target, weight, reduction=_named(reduction), pos_weight=pos_weight)


def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction=0):
    """`nn.functional.cosine_embedding_loss` with a number for the reduction."""
    return margin_loss.cosine_embedding_loss(input1, input2, target, margin, reduction=_named(reduction))


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction=0, zero_infinity=False):
    """`nn.functional.ctc_loss` with a number for the reduction."""
    return ctc.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, _named(reduction), zero_infinity)


def hinge_embedding_loss(input, target, margin=1.0, reduction=0):
    """`nn.functional.hinge_embedding_loss` with a number for the reduction."""
    return margin_loss.hinge_embedding_loss(input, target, margin, reduction=_named(reduction))


def kl_div(input, target, reduction=0, *, log_target=False):
    """`nn.functional.kl_div` with a number for the reduction.

    >>> import lightwell as torch
    >>> torch.kl_div(torch.tensor([0.5]).log(), torch.tensor([1.0]), 2)
    tensor(0.6931)
    """
    return loss.kl_div(input, target, reduction=_named(reduction), log_target=log_target)


def margin_ranking_loss(input1, input2, target, margin=0.0, reduction=0):
    """`nn.functional.margin_ranking_loss` with a number for the reduction."""
    return margin_loss.margin_ranking_loss(input1, input2, target, margin, reduction=_named(reduction))


def poisson_nll_loss(input, target, log_input, full, eps, reduction):
    """`nn.functional.poisson_nll_loss` with a number for the reduction, and nothing left out."""
    return loss.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=_named(reduction))


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-06, swap=False, reduction=0):
    """`nn.functional.triplet_margin_loss` with a number for the reduction."""
    return margin_loss.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=_named(reduction))


refusing_all(globals(), __all__)
