"""Embeddings: rows of a table by their numbers, alone or summed in bags; one-hot vectors."""

import numpy as np

from ... import dtypes, errors
from ...autograd.modes import no_grad
from ...errors.teaching import AssertionError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError
from ...ops.compare import eq
from ...ops.embedding_ops import embedding_, embedding_bag_, sparse_rows
from ...ops.op import readable
from ...tensor import Tensor, make

__all__ = ["embedding", "embedding_bag", "one_hot"]


def _index(name: str, input) -> np.ndarray:
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if input._a.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            f"Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int (int64, int32); but got {input.dtype} "
            f"instead (while checking arguments for {name}): convert it, with .long()"
        )
    return input._a


def _in_range(name: str, index: np.ndarray, rows: int, error=IndexError) -> None:
    if errors.traced(index):  # being traced: the range is a condition of the compiled program
        index.within(0, rows)
    elif index.size and not (index.min() >= 0 and index.max() < rows):
        raise error(errors.outside("index out of range in self: index", index, 0, rows - 1, f"{name}()'s weight has {rows} rows"))


def _padding(padding_idx, rows: int):
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx + rows if padding_idx < 0 else padding_idx


def _renorm(weight: Tensor, index: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Shorten, in place, the rows used whose norm is larger than `max_norm`."""
    used = np.unique(index)
    rows = weight._a[used]
    length = np.linalg.norm(rows, norm_type, axis=1)
    long = length > max_norm
    if long.any():
        with no_grad():
            weight._a[used[long]] = rows[long] * (max_norm / (length[long] + 1e-7))[:, None].astype(rows.dtype)
            weight._bump()


def _scale(index: np.ndarray, padding, by_freq: bool, rows: int, dtype):
    """What each taken row's gradient is multiplied by; None where by 1."""
    scale = None
    if by_freq:
        scale = (1 / np.bincount(index.reshape(-1), minlength=rows)[index]).astype(dtype) if index.size else None
    if padding is not None:
        keep = index != padding
        if not keep.all():
            scale = keep.astype(dtype) if scale is None else scale * keep
    return None if scale is None else scale[..., None].astype(dtype)


@readable
def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """The rows of `weight` (V, D) with the numbers `input` (…): shape (…, D).

    Row `padding_idx` gets no gradient; `max_norm` first shortens the rows used, in place; `scale_grad_by_freq` divides the
    gradient of a row by how often it was taken. `sparse` gives a leaf weight a sparse gradient, with an entry for each row
    taken. IndexError for a number that is no row.

    >>> import lightwell as torch
    >>> torch.nn.functional.embedding(torch.tensor([1, 0]), torch.tensor([[1., 2.], [3., 4.]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    index = _index("embedding", input)
    if weight._a.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, (number of rows, size), but embedding() got shape {list(weight._a.shape)}")
    rows = weight._a.shape[0]
    padding = _padding(padding_idx, rows)
    _in_range("embedding", index, rows)
    if max_norm is not None:
        _renorm(weight, index, max_norm, norm_type)
    if sparse:
        if scale_grad_by_freq:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        return sparse_rows(embedding_(weight, input, None), weight, index, padding)
    scale = _scale(index, padding, scale_grad_by_freq, rows, weight._a.dtype) if weight.requires_grad else None
    return embedding_(weight, input, scale)


@readable
def embedding_bag(
    input, weight, offsets=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, mode="mean", sparse=False,
    per_sample_weights=None, include_last_offset=False, padding_idx=None,
):  # fmt: skip
    """Sums, means or maxima of bags of rows of `weight` (V, D): shape (B, D).

    `input` is (B, N), a bag per row, or (N) with `offsets`, the start of each bag. `per_sample_weights` weights the rows of
    a sum; entries equal to `padding_idx` count for nothing; an empty bag gives zeros. ValueError for arguments that don't
    go together.

    >>> import lightwell as torch
    >>> w = torch.tensor([[1., 2.], [3., 4.]])
    >>> torch.nn.functional.embedding_bag(torch.tensor([0, 1, 1]), w, torch.tensor([0, 2]), mode="sum")
    tensor([[4., 6.],
            [3., 4.]])
    """
    index = _index("embedding_bag", input)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max, not {mode!r}")
    if per_sample_weights is not None and per_sample_weights._a.shape != index.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must have the same shape as the "
            f"input ({input.shape})"
        )
    if index.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. However, "
                f"found offsets of type {type(offsets)}"
            )
        bags = index.shape[0]
        bag = np.repeat(np.arange(bags), index.shape[1])
        coef = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    elif index.ndim == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
        starts = offsets._a.astype(np.int64)
        if starts.size and starts[0] != 0:
            raise RuntimeError(
                f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got {starts[0]}"
            )
        if starts.size and starts[-1] > index.size:
            raise RuntimeError(f"offsets[-1] can not be greater than input's length {index.size} but got offsets[-1] of {starts[-1]}")
        bags = starts.size - (1 if include_last_offset else 0)
        bag = np.searchsorted(starts[:bags], np.arange(index.size), side="right") - 1
        coef = per_sample_weights
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {index.ndim}")
    if coef is not None and mode != "sum":
        raise NotImplementedError(
            f"embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode='{mode}')."
        )
    rows, kind = weight._a.shape[0], weight._a.dtype
    padding = _padding(padding_idx, rows)
    _in_range("embedding_bag", index, rows, RuntimeError)
    index = index.reshape(-1).astype(np.int64)
    if max_norm is not None:
        _renorm(weight, index, max_norm, norm_type)
    seen = index
    if padding is not None:
        keep = index != padding
        index, bag = index[keep], bag[keep]
        coef = None if coef is None else coef[make(keep)]
    if mode == "max":
        return _bag_max(weight, index, bag, bags)
    if coef is None:
        c = np.ones(index.size, kind)
        if mode == "mean":
            c = (1 / np.maximum(np.bincount(bag, minlength=bags), 1)[bag]).astype(kind)
        coef = make(c)
    if sparse:
        taken = sparse_rows(embedding_(weight, make(index), None), weight, index, None)
        return weight.new_zeros((bags, weight._a.shape[1])).index_add(0, make(bag), taken * coef.unsqueeze(1))
    scale = _bag_scale(seen, index, rows, kind) if scale_grad_by_freq and index.size else None
    return embedding_bag_(weight, coef, make(index), make(bag), bags, scale)


def _bag_scale(seen, index, rows: int, dtype):
    """1/frequency, as PyTorch's kernel takes it: the k-th smallest index is scaled by the frequency of the k-th of all in order."""
    order, counts = np.sort(seen), np.bincount(seen, minlength=rows)
    rank = np.zeros(rows, np.int64)
    distinct = np.unique(seen)
    rank[distinct] = np.arange(distinct.size)
    return (1 / counts[order[rank[index]]]).astype(dtype)[:, None]


def _bag_max(weight, index, bag, bags):
    """The largest value of each column in each bag, 0 in an empty one."""
    values = weight._a[index]
    best = np.full((bags, values.shape[1]), -1)
    for i, b in enumerate(bag):  # the first of equal values wins
        better = (best[b] < 0) | (values[i] > values[np.maximum(best[b], 0), np.arange(values.shape[1])])
        best[b] = np.where(better, i, best[b])
    taken = embedding_(weight, make(index), None)
    if not index.size:
        return weight.new_zeros((bags, weight._a.shape[1]))
    found = taken.gather(0, make(np.maximum(best, 0)))
    return found * make((best >= 0).astype(weight._a.dtype))


@readable
def one_hot(tensor, num_classes=-1):
    """Vectors of `num_classes` zeros with a 1 at the place that each class number names: (…) to (…, num_classes), int64.

    num_classes = -1 takes one more than the largest number. RuntimeError for negative numbers or too few classes.

    >>> import lightwell as torch
    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    a = tensor._a
    if a.dtype != np.int64:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor (int64), not {tensor.dtype}: convert it, with .long()"
        )
    if not a.size:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return make(np.zeros((*a.shape, num_classes), np.int64))
    if errors.traced(a) and num_classes > 0:  # being traced: the range is a condition of the compiled program
        a.within(0, num_classes)
        return make((a[..., None] == np.arange(num_classes)).astype(np.int64))
    if a.min() < 0:
        raise RuntimeError(
            errors.outside(
                "Class values must be non-negative: value", a, 0, max(num_classes, int(a.max()) + 1, 1) - 1, "one_hot() names places"
            )
        )
    if num_classes == -1:
        num_classes = int(a.max()) + 1
    elif num_classes < 1:
        raise RuntimeError(f"one_hot(): num_classes should be positive, but got {num_classes}")
    elif a.max() >= num_classes:
        raise RuntimeError(
            errors.outside(
                "Class values must be smaller than num_classes: value", a, 0, num_classes - 1, f"one_hot() has {num_classes} classes"
            )
        )
    return eq(tensor.unsqueeze(-1), make(np.arange(num_classes))).to(dtypes.int64)
