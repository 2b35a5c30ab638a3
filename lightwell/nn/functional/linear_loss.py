"""Products with a purpose: the cross entropy of a linear layer's outputs, products of groups of rows, time-first convolution."""

from ...errors.teaching import RuntimeError
from ...tensor import Tensor
from .conv import conv1d
from .linear import linear
from .loss import cross_entropy

__all__ = ["conv_tbc", "grouped_mm", "linear_cross_entropy"]


def linear_cross_entropy(
    input, linear_weight, target, *, linear_bias=None, weight=None, reduction="mean", ignore_index=None, label_smoothing=0.0, options=None
):
    """cross_entropy(linear(input, linear_weight, linear_bias), target).

    linear_weight is (C, in_features), or (C, d₁, …, in_features) for targets of shape (N, d₁, …). `options` with a
    batch_chunk_size computes so many rows at a time, to the same value.

    >>> import lightwell as torch
    >>> x, w = torch.zeros(2, 3), torch.zeros(4, 3)
    >>> torch.nn.functional.linear_cross_entropy(x, w, torch.tensor([0, 3]))
    tensor(1.3863)
    """
    inner = tuple(linear_weight.shape[1:-1])
    flat = linear_weight.reshape(-1, linear_weight.shape[-1])
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    rest = {"weight": weight, "ignore_index": -100 if ignore_index is None else ignore_index, "label_smoothing": label_smoothing}

    def logits(rows):
        y = linear(rows, flat, bias)
        return y.unflatten(-1, (linear_weight.shape[0], *inner)) if inner else y

    size = None if options is None else options.batch_chunk_size
    if size is None or input.dim() < 2 or size >= input.shape[0] or (reduction == "mean" and not target.is_floating_point()):
        return cross_entropy(logits(input), target, reduction=reduction, **rest)
    how = "none" if reduction == "none" else "sum"
    parts = [cross_entropy(logits(x), t, reduction=how, **rest) for x, t in zip(input.split(size), target.split(size))]
    if reduction == "none":
        from ...ops.join import cat

        return cat(parts)
    total = sum(parts[1:], parts[0])
    return total / (target.numel() // linear_weight.shape[0]) if reduction == "mean" else total


def grouped_mm(mat_a, mat_b, *, offs=None, bias=None, out_dtype=None) -> Tensor:
    """Products of groups: rows (or columns) of 2-D operands belong to group g up to offs[g]; 3-D operands have one matrix a group.

    (Σm, k)·(g, k, n) → (Σm, n);  (m, Σk)·(Σk, n) → (g, m, n);  (g, m, k)·(k, Σn) → (m, Σn);  (g, m, k)·(g, k, n) → (g, m, n).
    RuntimeError: no offs where an operand is 2-D, a bias.

    >>> import lightwell as torch
    >>> x, w = torch.ones(3, 2), torch.stack([torch.eye(2), 2 * torch.eye(2)])
    >>> torch.nn.functional.grouped_mm(x, w, offs=torch.tensor([1, 3], dtype=torch.int32))[:, 0]
    tensor([1., 2., 2.])
    """
    from ...ops.join import cat, stack

    if bias is not None:
        raise RuntimeError("grouped_mm(): bias is not supported yet; add it to the result")
    if (mat_a.dim() == 2 or mat_b.dim() == 2) != (offs is not None):
        raise RuntimeError("grouped_mm(): offs must be given where an operand is 2-dimensional, and only there")
    if offs is None:
        y = mat_a.bmm(mat_b)
    else:
        ends = offs.tolist()
        parts = list(zip([0, *ends[:-1]], ends))
        if mat_a.dim() == 2 and mat_b.dim() == 3:
            y = cat([mat_a[i:j] @ mat_b[g] for g, (i, j) in enumerate(parts)])
        elif mat_a.dim() == 2:
            y = stack([mat_a[:, i:j] @ mat_b[i:j] for i, j in parts])
        else:
            y = cat([mat_a[g] @ mat_b[:, i:j] for g, (i, j) in enumerate(parts)], 1)
    return y if out_dtype is None else y.to(out_dtype)


def conv_tbc(input, weight, bias, pad=0) -> Tensor:
    """Convolution over time of (time, batch, channels), weight (width, in, out), bias (out).

    >>> import lightwell as torch
    >>> torch.conv_tbc(torch.ones(4, 1, 2), torch.ones(3, 2, 1), torch.zeros(1)).flatten()
    tensor([6., 6.])
    """
    if input.dim() != 3 or weight.dim() != 3 or bias.dim() != 1:
        raise RuntimeError(
            f"conv_tbc(): expected input (time, batch, in), weight (width, in, out) and bias (out), got shapes {list(input.shape)}, "
            f"{list(weight.shape)} and {list(bias.shape)}"
        )
    return conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad).permute(2, 0, 1)
