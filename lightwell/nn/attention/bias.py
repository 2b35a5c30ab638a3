"""Masks for `scaled_dot_product_attention` that name their pattern: causal, aligned at the upper left or the lower right."""

import enum

import numpy as np

from ...errors.teaching import AssertionError, RuntimeError
from ...tensor import Tensor, make

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(enum.IntEnum):
    """Which corner the diagonal of a causal mask starts from, where queries and keys are not as many."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """The causal mask of shape (seq_len_q, seq_len_kv), True where a key takes part; made by the functions of this module."""

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int):
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be CausalVariant, got {type(variant).__name__}")
        shift = seq_len_kv - seq_len_q if variant is CausalVariant.LOWER_RIGHT else 0
        mask = make(np.tri(seq_len_q, seq_len_kv, shift, dtype=bool), cls)
        mask.variant, mask.seq_len_q, mask.seq_len_kv = variant, seq_len_q, seq_len_kv
        return mask

    def __repr__(self):
        return f"CausalBias({self.variant.name}, seq_len_q={self.seq_len_q}, seq_len_kv={self.seq_len_kv})"


def _of(variant, size):
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        (size,) = size
    if len(size) != 2:
        raise RuntimeError(f"causal_{variant.name.lower()} only supports 2D tensors: give (queries, keys), not {len(size)} sizes")
    return CausalBias(variant, *size)


def causal_upper_left(*size) -> CausalBias:
    """The mask (queries, keys) in which query i sees keys 0 to i.

    >>> import lightwell as torch
    >>> from lightwell.nn.attention.bias import causal_upper_left
    >>> causal_upper_left(2, 3).tolist()
    [[True, False, False], [True, True, False]]
    """
    return _of(CausalVariant.UPPER_LEFT, size)


def causal_lower_right(*size) -> CausalBias:
    """The mask (queries, keys) in which the last query sees every key: what decoding with a cache of keys wants.

    >>> import lightwell as torch
    >>> from lightwell.nn.attention.bias import causal_lower_right
    >>> causal_lower_right(2, 3).tolist()
    [[True, True, False], [True, True, True]]
    """
    return _of(CausalVariant.LOWER_RIGHT, size)
