"""The batching rules of indexing: picking, placing, searching; an index of its own for each example joins the batch's own numbers."""

import numpy as np

from ..errors.teaching import RuntimeError
from ..tensor import Tensor
from .example import Lane
from .rules import _place, rule


def _everything(key) -> tuple:
    return (slice(None), *key)


@rule("select", "slice", "new_dims")
def part(b, x, key):
    """A view by numbers and slices."""
    return b.call(b.whole(x), _everything(key))


def _index_key(b, x, key):
    """(key for the batch, dimensions of the index, where they belong among the result's dimensions).

    The batch's own index goes first, so that all index dimensions come out in front.
    """
    import lightwell as lw

    at = [i for i, k in enumerate(key) if isinstance(k, Tensor)]
    masks = [k for k in key if isinstance(k, Tensor) and k._a.dtype.kind in "b"]
    if any(b.whole(k) is not None for k in masks):
        raise RuntimeError(
            "vmap: We do not support batching operators that can support dynamic shape. Attempting to batch over indexing with a "
            "boolean mask: how many elements it picks differs between the examples. torch.where(mask, x, other) keeps the shape."
        )
    if masks:
        return None
    rank = max(key[i].ndim for i in at)
    lifted = [b.lifted(k, rank) if isinstance(k, Tensor) else k for k in key]
    adjacent = at == list(range(at[0], at[-1] + 1))
    place = at[0] if adjacent else 0
    rows = lw.arange(b.size).reshape(b.size, *(1,) * rank)
    return (rows, *lifted), rank, place


@rule("index")
def index(b, x, key):
    """Index tensors in the key: the batch is indexed as well, by its own numbers."""
    if not any(isinstance(k, Tensor) and b.whole(k) is not None for k in key):
        at = [i for i, k in enumerate(key) if isinstance(k, Tensor)]
        y = b.whole(x)[_everything(key)]
        if at == list(range(at[0], at[-1] + 1)):
            return y
        ranks = [k.ndim if k._a.dtype.kind != "b" else 1 for k in key if isinstance(k, Tensor)]
        return y.movedim(max(ranks), 0)
    found = _index_key(b, x, key)
    if found is None:
        return None
    whole_key, rank, place = found
    y = b.full(x)[whole_key] if b.whole(x) is not None else x[whole_key[1:]]
    if b.whole(x) is None:
        at = [i for i, k in enumerate(whole_key[1:]) if isinstance(k, Tensor)]
        start = at[0] if at == list(range(at[0], at[-1] + 1)) else 0
        return y.movedim(start, 0)
    if place:
        y = y.movedim(tuple(range(1, rank + 1)), tuple(range(place + 1, place + rank + 1)))
    return y


@rule("index_place")
def index_place(b, v, shape, key, unique):
    """The adjoint of indexing, the index being the same for all."""
    tensors = [i for i, k in enumerate(key) if isinstance(k, Tensor)]
    if any(b.whole(key[i]) is not None for i in tensors) or (tensors and tensors != list(range(tensors[0], tensors[-1] + 1))):
        return None
    return b.call(b.full(v), (b.size, *shape), _everything(key), unique)


@rule("setitem")
def setitem(b, x, v, key):
    """Written by numbers and slices."""
    shown = np.empty(tuple(x.shape), bool)[key].ndim
    return b.call(b.full(x), b.lifted(v, shown), _everything(key))


@rule("index_put")
def index_put(b, x, v, key, accumulate):
    """Written at index tensors that are the same for all."""
    tensors = [i for i, k in enumerate(key) if isinstance(k, Tensor)]
    if any(b.whole(key[i]) is not None or key[i]._a.dtype.kind == "b" for i in tensors):
        return None
    if tensors and tensors != list(range(tensors[0], tensors[-1] + 1)):
        return None
    shown = np.empty(tuple(x.shape), bool)[tuple(k._a if isinstance(k, Tensor) else k for k in key)].ndim
    return b.call(b.full(x), b.lifted(v, shown), _everything(key), accumulate)


@rule("index_select")
def index_select(b, x, i, dim):
    """Slices along a dimension."""
    if not x.ndim or i.ndim != 1:
        return None
    wx, wi = b.whole(x), b.whole(i)
    d = dim % x.ndim
    if wi is None:
        return b.call(wx, i, d + 1)
    if wx is None:
        y = b.call(x, wi.reshape(-1), d).unflatten(d, (b.size, i.shape[0]))
        return y.movedim(d, 0)
    view = (b.size,) + (1,) * d + (i.shape[0],) + (1,) * (x.ndim - d - 1)
    shape = (b.size, *x.shape[:d], i.shape[0], *x.shape[d + 1 :])
    return wx.gather(d + 1, wi.reshape(view).expand(shape))


@rule("gather", "scatter", "scatter_add", "scatter_prod", "scatter_extreme", "scatter_value", "pick")
def lookup(b, x, i, *rest):
    """Element by element along a dimension, every operand repeated for the batch."""
    if not x.ndim or not i.ndim:
        return None
    count = len(b.call.record.inputs) - 2
    others, (dim, *params) = rest[:count], rest[count:]
    return b.call(b.full(x), b.full(i), *[b.full(v) for v in others], _place(dim, x.ndim), *params)


@rule("put_along")
def put_along(b, v, i, shape, axis):
    """The adjoint of picking along a dimension."""
    return b.call(b.full(v), b.full(i), (b.size, *shape), _place(axis, len(shape))) if shape else None


@rule("index_add", "index_copy")
def rows(b, x, i, v, dim):
    """Slices along a dimension written, at places that are the same for all."""
    return b.call(b.full(x), i, b.full(v), _place(dim, x.ndim)) if b.whole(i) is None and x.ndim and v.ndim == x.ndim else None


@rule("take")
def take(b, x, i):
    """Picked from the flattened tensor."""
    if b.whole(x) is None:
        return b.call(x, b.whole(i))
    return b.whole(x).reshape(b.size, -1).gather(1, (b.full(i) % max(x.numel(), 1)).reshape(b.size, -1)).reshape(b.size, *i.shape)


@rule("masked_select", "bincount", "bincount_weighted")
def of_unknown_size(b, *args):
    """Results whose shape depends on the values: there is no batch of them."""
    name = b.call.record.name
    raise RuntimeError(
        f"vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over {name}: its result has a "
        "shape of its own for each example. torch.where keeps the shape."
    )


@rule("searchsorted")
def searchsorted(b, s, v, *params):
    """Places in one sorted row; rows of their own go one by one."""
    return b.call(s, b.whole(v), *params) if b.whole(s) is None and s.ndim == 1 else None


@rule("isin")
def isin(b, x, t, assume_unique, invert):
    """Membership in one set."""
    return b.call(b.whole(x), t, assume_unique, invert) if b.whole(t) is None else None


@rule("embedding")
def embedding(b, w, i, scale):
    """Rows of a table, which may be another for each example."""
    if scale is not None:
        return None
    ww = b.whole(w)
    wi = b.whole(i)._a if type(i) is Lane else None
    if type(wi) is Lane:
        return None
    if ww is None:
        return b.call(w, wi, None)
    from ..tensor import make

    if wi is None:
        return ww[:, make(np.asarray(i))]
    return ww[make(np.arange(b.size).reshape(b.size, *(1,) * i.ndim)), make(wi)]


@rule("nll_loss", "cross_entropy")
def nll(b, x, i, c, axis, reduced):
    """Targets that are the same for all."""
    if type(i) is Lane or type(c) is Lane:
        return None
    d = axis % x.ndim
    wide = np.broadcast_to(i, (b.size, *i.shape))
    c = np.broadcast_to(c, (b.size, *np.shape(c)))
    c = c.reshape(c.shape + (1,) * (wide.ndim - c.ndim)) if c.ndim < wide.ndim else c
    y = b.call(b.whole(x), wide, c, d + 1, False)
    return y.reshape(b.size, -1).sum(1) if reduced else y
