"""Attention: softmax(q kᵀ/√d + mask) v, and the many-headed form with its projections."""

from __future__ import annotations

import builtins
import math

import numpy as np

from ... import dtypes
from ...backends.cuda import sdp_usable
from ...errors import traced
from ...errors.teaching import AssertionError, RuntimeError
from ...ops.precision import lower
from ...tensor import wrap
from ._sizes import tensor

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def _lib():
    """`lightwell.nn.functional`, complete by the time anything is computed."""
    from .. import functional

    return functional


def _join(tensors, dim):
    from ...ops.join import cat

    return cat(tensors, dim)


@lower
def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    r"""y = softmax(scale·q kᵀ + mask) v: q (*, L, E), k (*, S, E), v (*, S, Eᵥ) to (*, L, Eᵥ).

    `scale` defaults to 1/√E. A bool mask, broadcast to (*, L, S), is True where a key takes part; a float mask is added.
    `is_causal` masks every key behind the query's own place; a row without keys gives 0. `dropout_p` drops weights, always.
    `enable_gqa` lets each key head serve several query heads (dimension -3). RuntimeError for a mask beside is_causal and
    for shapes that don't fit (Vaswani et al., "Attention is all you need", 2017).

    >>> import lightwell as torch
    >>> q = torch.zeros(1, 2, 4)
    >>> torch.nn.functional.scaled_dot_product_attention(q, q, torch.eye(2)[None], is_causal=True)
    tensor([[[1.0000, 0.0000],
             [0.5000, 0.5000]]])
    """
    name = "scaled_dot_product_attention"
    if not sdp_usable():
        raise RuntimeError(
            f"No viable backend for {name} was found. This is likely due to turning off both the math kernel and the fused kernels: "
            "on the CPU, allow SDPBackend.MATH or SDPBackend.FLASH_ATTENTION."
        )
    for i, (what, t) in enumerate((("query", query), ("key", key), ("value", value))):
        tensor(name, what, i + 1, t)
        if t._a.ndim < 2:
            raise RuntimeError(f"{name}(): {what} must have at least 2 dimensions, (*, length, features), but got {list(t.shape)}")
        if t._a.dtype != query._a.dtype:
            raise RuntimeError(
                f"Expected query, key, and value to have the same dtype, but got query.dtype: {query.dtype} key.dtype: {key.dtype} "
                f"and value.dtype: {value.dtype} instead ({name}())"
            )
    if query._a.shape[-1] != key._a.shape[-1] or key._a.shape[-2] != value._a.shape[-2]:
        raise RuntimeError(
            f"{name}(): query (*, L, E), key (*, S, E) and value (*, S, Ev) must agree in E and S, but got {list(query.shape)}, "
            f"{list(key.shape)} and {list(value.shape)}"
        )
    if is_causal and attn_mask is not None:
        raise RuntimeError(f"{name}: Explicit attn_mask should not be set when is_causal=True")
    if enable_gqa:
        heads = query._a.shape[-3]
        for what, t in (("key", key), ("value", value)):
            if heads % t._a.shape[-3]:
                raise RuntimeError(
                    f"{name}(): Number of heads in {what} ({t._a.shape[-3]}) must divide the number of heads in query ({heads}) "
                    "with enable_gqa=True"
                )
        key = key.repeat_interleave(heads // key._a.shape[-3], -3)
        value = value.repeat_interleave(heads // value._a.shape[-3], -3)
    scale = 1 / math.sqrt(query._a.shape[-1]) if scale is None else scale
    scores = (query * scale).matmul(key.transpose(-2, -1))
    if is_causal:
        attn_mask = wrap(np.tri(*scores._a.shape[-2:], dtype=bool))
    if attn_mask is None:
        weights = scores.softmax(-1)
    else:
        mask = tensor(name, "attn_mask", 4, attn_mask)
        if mask.dtype is dtypes.bool:
            scores = scores.masked_fill(~mask, -math.inf)
        elif mask._a.dtype == query._a.dtype:
            scores = scores + mask
        else:
            raise RuntimeError(
                f"Expected attn_mask dtype to be bool or to match query dtype, but got attn_mask.dtype: {mask.dtype} and query.dtype: "
                f"{query.dtype} instead ({name}())"
            )
        dead = None
        if not is_causal:  # a row without any key gives zeros, where the softmax would be 0/0
            barred = ~mask._a if mask.dtype is dtypes.bool else mask._a.astype(np.float32, copy=False) == -np.inf
            if barred.ndim and (traced(barred) or barred.all(-1).any()):
                dead = wrap(barred.all(-1, keepdims=True))
                scores = scores.masked_fill(dead, 0.0)
        weights = scores.softmax(-1)
        if dead is not None:
            weights = weights.masked_fill(dead, 0.0)
    if dropout_p > 0:
        weights = _lib().dropout(weights, dropout_p)
    y, q = weights.matmul(value), query._a
    fused = dropout_p == 0 and q.ndim == 4 and not (attn_mask is not None and attn_mask.requires_grad)
    if fused and 0 < q.strides[1] < q.strides[2] and min(q.shape[1:3]) > 1:  # heads inside lengths: PyTorch's kernel keeps q's order
        y = y.transpose(1, 2).contiguous().transpose(1, 2)
    return y


def _linear(x, w, b):
    y = x.matmul(w.t())
    return y if b is None else y + b


def _project(q, k, v, w, b):
    """q, k and v through the three parts of one weight; one product where they are one tensor."""
    e = q._a.shape[-1]
    if k is v:
        if q is k:
            return _linear(q, w, b).chunk(3, -1)
        bq, bkv = (None, None) if b is None else (b[:e], b[e:])
        return (_linear(q, w[:e], bq), *_linear(k, w[e:], bkv).chunk(2, -1))
    biases = (None,) * 3 if b is None else b.chunk(3)
    return tuple(_linear(x, part, bias) for x, part, bias in zip((q, k, v), w.chunk(3), biases))


def _additive(mask, name, like):
    """A mask to add: -inf where a bool mask is True; AssertionError for integers."""
    if mask is None:
        return None
    if mask.dtype is dtypes.bool:
        return wrap(np.zeros(mask._a.shape, like._a.dtype)).masked_fill(mask, -math.inf)
    if not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported, but got {mask.dtype}")
    return mask


@lower
def multi_head_attention_forward(
    query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k, bias_v, add_zero_attn, dropout_p,
    out_proj_weight, out_proj_bias, training=True, key_padding_mask=None, need_weights=True, attn_mask=None,
    use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, static_k=None, static_v=None,
    average_attn_weights=True, is_causal=False,
):  # fmt: skip
    r"""Projections of query, key and value, attention in `num_heads` parts of the features, and the projection of the result.

    query (L, N, E) or (L, E), key and value (S, N, ·) or (S, ·) to ((L, N, E), weights (N, L, S) or None). Masks are True
    (or -inf) where a key takes no part: `key_padding_mask` (N, S), `attn_mask` (L, S) or (N·heads, L, S).
    AssertionError and RuntimeError for shapes that don't fit (Vaswani et al., "Attention is all you need", 2017).

    >>> import lightwell as torch
    >>> x, w, b, o = torch.ones(3, 1, 4), torch.zeros(12, 4), torch.zeros(12), torch.eye(4)
    >>> y, weights = torch.nn.functional.multi_head_attention_forward(
    ...     x, x, x, 4, 2, w, b, None, None, False, 0.0, o, None)
    >>> y.shape, weights.shape
    (torch.Size([3, 1, 4]), torch.Size([1, 3, 3]))
    """
    batched = query._a.ndim == 3
    if query._a.ndim not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {query._a.ndim}-D query tensor")
    if key._a.ndim != query._a.ndim or value._a.ndim != query._a.ndim:
        raise AssertionError(
            f"For {'batched (3-D)' if batched else 'unbatched (2-D)'} `query`, expected `key` and `value` to be {query._a.ndim}-D but "
            f"found {key._a.ndim}-D and {value._a.ndim}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask._a.ndim != query._a.ndim - 1:
        raise AssertionError(
            f"For {'batched (3-D)' if batched else 'unbatched (2-D)'} `query`, expected `key_padding_mask` to be `None` or "
            f"{query._a.ndim - 1}-D but found {key_padding_mask._a.ndim}-D tensor instead"
        )
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if not batched:
        same_kv, same_q = key is value, query is key
        query = query.unsqueeze(1)
        key = query if same_q else key.unsqueeze(1)
        value = key if same_kv else value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, count, embed = query._a.shape
    source = key._a.shape[0]
    if embed != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed}")
    head = embed // num_heads
    if head * num_heads != embed:
        raise AssertionError(f"embed_dim {embed} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if key._a.shape[:2] != value._a.shape[:2]:
            raise AssertionError(f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}")
        biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
        weights = (q_proj_weight, k_proj_weight, v_proj_weight)
        if None in weights:
            raise AssertionError("use_separate_proj_weight is True but one of q_proj_weight, k_proj_weight, v_proj_weight is None")
        q, k, v = (_linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))
    else:
        if key._a.shape != value._a.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias)
    key_padding_mask = _additive(key_padding_mask, "key_padding_mask", query)
    if is_causal and key_padding_mask is None and not need_weights and bias_k is None and not add_zero_attn:
        attn_mask = None  # the hint says all that the mask does
    else:
        attn_mask, is_causal = _additive(attn_mask, "attn_mask", query), False
    if attn_mask is not None:
        wanted = (length, source) if attn_mask._a.ndim == 2 else (count * num_heads, length, source)
        if attn_mask._a.ndim not in (2, 3):
            raise AssertionError(f"expected attn_mask to be None, 2-D or 3-D but found a {attn_mask._a.ndim}-D tensor")
        if attn_mask._a.shape != wanted:
            raise RuntimeError(f"The shape of the {attn_mask._a.ndim}D attn_mask is {attn_mask.shape}, but should be {wanted}.")
        if attn_mask._a.ndim == 2:
            attn_mask = attn_mask.unsqueeze(0)
    more = 0
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key or value")
        k, v = _join([k, bias_k.expand(1, count, embed)], 0), _join([v, bias_v.expand(1, count, embed)], 0)
        more += 1
    elif bias_k is not None or bias_v is not None:
        raise AssertionError("bias_k and bias_v must be given together")

    def heads(x):
        try:
            return x.reshape(x.shape[0], count * num_heads, head).transpose(0, 1)
        except builtins.RuntimeError:
            raise RuntimeError(
                f"shape '{[x.shape[0], count * num_heads, head]}' is invalid for input of size {x.numel()}: query and key have different "
                f"batch sizes, {count} and {x.shape[1]} (with (N, T, E) tensors say batch_first=True)"
            ) from None

    q = heads(q)
    k = heads(k) if static_k is None else static_k
    v = heads(v) if static_v is None else static_v
    if add_zero_attn:
        blank = wrap(np.zeros((count * num_heads, 1, head), k._a.dtype))
        k, v = _join([k, blank], 1), _join([v, blank], 1)
        more += 1
    F = _lib()
    if more and attn_mask is not None:
        attn_mask = F.pad(attn_mask, (0, more))
    if more and key_padding_mask is not None:
        key_padding_mask = F.pad(key_padding_mask, (0, more))
    source = k._a.shape[1]
    if key_padding_mask is not None:
        if key_padding_mask._a.shape != (count, source):
            raise AssertionError(f"expecting key_padding_mask shape of {(count, source)}, but got {tuple(key_padding_mask.shape)}")
        spread = key_padding_mask.reshape(count, 1, 1, source).expand(count, num_heads, 1, source)
        spread = spread.reshape(count * num_heads, 1, source)
        attn_mask = spread if attn_mask is None else attn_mask + spread
    p = dropout_p if training else 0.0
    if need_weights:
        if is_causal and attn_mask is None:
            raise AssertionError(
                "multi_head_attention_forward(): is_causal with need_weights takes the mask itself: give attn_mask, or need_weights=False"
            )
        scores = (q * math.sqrt(1.0 / head)).matmul(k.transpose(-2, -1))
        weights = (scores if attn_mask is None else scores + attn_mask).softmax(-1)
        if p > 0:
            weights = F.dropout(weights, p)
        y = weights.matmul(v)
    else:
        if attn_mask is not None and attn_mask._a.shape[0] != 1:
            attn_mask = attn_mask.reshape(count, num_heads, -1, source)
        elif attn_mask is not None:
            attn_mask = attn_mask.unsqueeze(0)
        q, k, v = (t.reshape(count, num_heads, -1, head) for t in (q, k, v))
        y = scaled_dot_product_attention(q, k, v, attn_mask, p, is_causal).reshape(count * num_heads, length, head)
    y = y.transpose(0, 1).reshape(length * count, embed)
    y = _linear(y, out_proj_weight, out_proj_bias).reshape(length, count, out_proj_weight._a.shape[0])
    if not batched:
        y = y.squeeze(1)
    if not need_weights:
        return y, None
    weights = weights.reshape(count, num_heads, length, source)
    if average_attn_weights:
        weights = weights.mean(1)
    return y, weights if batched else weights.squeeze(0)
