"""Writing to picked places: scatter and its reductions, index_put and its relatives, region replacements. Long by its examples."""

import builtins

import numpy as np

from .. import dtypes
from ..errors.teaching import IndexError, RuntimeError, TypeError
from ..tensor import Tensor, make
from .broadcasting import expand, expanded
from .indexing import _fitted, bare, parse, put_recorded
from .op import op
from .picking import check_range, need_index
from .precision import lowering
from .public import public, twin
from .shape import clone, need_tensor, one_dim, reshape

__all__ = [
    "diagonal_scatter", "index_add", "index_copy", "index_fill", "index_put", "index_reduce", "put",
    "scatter", "scatter_add", "scatter_reduce", "select_scatter", "slice_scatter",
]  # fmt: skip


# ---- records --------------------------------------------------------------------------------------------------------


@op
class scatter_:
    r"""y = x with v written where index says along `dim`.   gx = gy, 0 where written;   gv = gy at those places."""

    promotes = False

    def forward(xp, x, index, v, /, dim):
        return xp.scatter_set(x, index, v, axis=dim)

    def grad_x(xp, gy, index, dim):
        return xp.scatter_set(gy, index, xp.zeros_like(xp.take_along_axis(gy, index, axis=dim)), axis=dim)

    def grad_v(xp, gy, index, v_shape, dim):
        return _sized(xp, xp.take_along_axis(gy, index, axis=dim), v_shape)


def _sized(xp, g, shape):
    """g within zeros of a shape that is larger where the index covers only part of the source."""
    if tuple(g.shape) == tuple(shape):
        return g
    return xp.index_add(tuple(shape), tuple(slice(0, n) for n in g.shape), g)


@op
class scatter_value_:
    r"""y = x with a number written where index says along `dim`.   gx = gy, 0 where written."""

    promotes, node_name = False, "ScatterBackward1"

    def forward(xp, x, index, /, dim, value):
        return xp.scatter_set(x, index, value, axis=dim)

    def grad_x(xp, gy, index, dim):
        return xp.scatter_set(gy, index, xp.zeros_like(xp.take_along_axis(gy, index, axis=dim)), axis=dim)


@op
class scatter_add_:
    r"""y = x with v added where index says along `dim`.   gx = gy;   gv = gy at those places."""

    promotes = False

    def forward(xp, x, index, v, /, dim):
        return xp.scatter_add(x, index, v[tuple(slice(0, n) for n in index.shape)], axis=dim)

    def grad_x(xp, gy):
        return gy

    def grad_v(xp, gy, index, v_shape, dim):
        return _sized(xp, xp.take_along_axis(gy, index, axis=dim), v_shape)


@op
class index_add_:
    r"""y = x with the slices of v added at `index` along `dim`.   gx = gy;   gv[…, j, …] = gy[…, index[j], …]."""

    promotes = False

    def forward(xp, x, index, v, /, dim):
        return xp.add(x, xp.index_add(x.shape, (slice(None),) * dim + (index,), v))

    def grad_x(xp, gy):
        return gy

    def grad_v(xp, gy, index, dim):
        return xp.take(gy, index, axis=dim)


@op
class index_copy_:
    r"""y = x with the slices of v written at `index` along `dim`.   gx = gy, 0 where written;   gv = gy there."""

    promotes = False

    def forward(xp, x, index, v, /, dim):
        return xp.index_set(x, (slice(None),) * dim + (index,), v)

    def grad_x(xp, gy, index, dim):
        return xp.index_set(gy, (slice(None),) * dim + (index,), xp.zeros_like(xp.take(gy, index, axis=dim)))

    def grad_v(xp, gy, index, dim):
        return xp.take(gy, index, axis=dim)


# ---- scatter --------------------------------------------------------------------------------------------------------


def _checked(input, dim, index, src, name):
    """Input, dim, index, src of a scatter, checked, with at least one dimension each."""
    need_tensor(input, name)
    need_index(index, name)
    n = input._a.ndim
    d = one_dim(dim, n)
    i = index._a
    if isinstance(src, Tensor):
        if src._a.dtype != input._a.dtype:
            raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype, got {input.dtype} and {src.dtype}")
    if i.size:
        if max(i.ndim, 1) != max(n, 1) or (isinstance(src, Tensor) and max(src._a.ndim, 1) != max(n, 1)):
            raise RuntimeError(
                f"Index tensor must have the same number of dimensions as self tensor, and as src: "
                f"{name}() of shapes {list(input.shape)} and {list(i.shape)}"
            )
        if n and i.ndim:
            for k, m in enumerate(i.shape):
                if (k != d and m > input._a.shape[k]) or (isinstance(src, Tensor) and src._a.ndim and m > src._a.shape[k]):
                    raise RuntimeError(
                        f"{name}(): Expected index {list(i.shape)} to be no larger than self {list(input.shape)} apart from dimension {d}"
                        + (f" and to be no larger size than src {list(src.shape)}" if isinstance(src, Tensor) else "")
                    )
        check_range(i, input._a.shape[d] if n else 1, name, RuntimeError)
    if not n or not i.ndim:
        one = lambda t: reshape(t, (t._a.size,)) if isinstance(t, Tensor) and not t._a.ndim else t
        return one(input), 0 if not n else d, one(index), one(src)
    return input, d, index, src


def _filled(value, shape, like) -> Tensor:
    """A tensor full of a number, in the dtype of `like`."""
    if isinstance(value, Tensor):
        value = value._a
    return make(np.full(shape, value).astype(like._a.dtype))


@public
def scatter(input: Tensor, dim: int, index: Tensor, src=None, *, value=None, reduce=None) -> Tensor:
    """A copy of `input` with y[i, index[i, j, …], …] = src[i, j, …], the index standing in for dimension `dim`.

    `src` is a tensor no smaller than the index, or a number. `reduce`: "add" or "multiply" with what is there.
    RuntimeError: shapes that don't fit, an index outside, dtypes that differ.

    >>> import lightwell as torch
    >>> torch.zeros(3).scatter(0, torch.tensor([2, 0]), torch.tensor([1., 2.]))
    tensor([2., 0., 1.])
    """
    src = value if src is None else src
    if src is None:
        raise TypeError("scatter() missing 1 required argument: 'src' or 'value'")
    shape = input._a.shape if isinstance(input, Tensor) else ()
    input, d, index, src = _checked(input, dim, index, src, "scatter")
    if not index._a.size:
        return clone(input) if input._a.shape == shape else reshape(clone(input), shape)
    if not isinstance(src, Tensor):
        if reduce is None:
            out = scatter_value_(input, index, d, _filled(src, (), input)._a)
            return out if out._a.shape == shape else reshape(out, shape)
        src = _filled(src, index._a.shape, input)
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError(f"reduce argument must be either add or multiply. Got {reduce!r}")
        out = _reduced(input, d, index, src, "sum" if reduce == "add" else "prod", True)
    else:
        part = src if src._a.shape == index._a.shape else src[tuple(slice(0, n) for n in index._a.shape)]
        out = scatter_(input, index, part, d)
    return out if out._a.shape == shape else reshape(out, shape)


@public
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of `input` with y[i, index[i, j, …], …] += src[i, j, …], repeated places added up.

    RuntimeError: shapes that don't fit, an index outside, dtypes that differ.

    >>> import lightwell as torch
    >>> torch.zeros(2).scatter_add(0, torch.tensor([1, 1]), torch.tensor([1., 2.]))
    tensor([0., 3.])
    """
    need_tensor(src, "scatter_add", 4, "src")
    shape = input._a.shape
    input, d, index, src = _checked(input, dim, index, src, "scatter_add")
    out = scatter_add_(input, index, src, d) if index._a.size else clone(input)
    return out if out._a.shape == shape else reshape(out, shape)


@public
def scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """`scatter` that combines what falls on one place: "sum", "prod", "mean", "amax" or "amin".

    `include_self`: whether what was there before takes part. Places that nothing falls on keep their value.
    RuntimeError: shapes that don't fit, an index outside, another `reduce`.

    >>> import lightwell as torch
    >>> torch.zeros(2).scatter_reduce(0, torch.tensor([1, 1]), torch.tensor([1., 2.]), "amax")
    tensor([0., 2.])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    need_tensor(src, "scatter_reduce", 4, "src")
    shape = input._a.shape
    input, d, index, src = _checked(input, dim, index, src, "scatter_reduce")
    if not index._a.size:
        return clone(input) if input._a.shape == shape else reshape(clone(input), shape)
    out = _reduced(input, d, index, src[tuple(slice(0, n) for n in index._a.shape)], reduce, include_self)
    return out if out._a.shape == shape else reshape(out, shape)


def _reduced(x: Tensor, d: int, index: Tensor, src: Tensor, how: str, include: bool) -> Tensor:
    from .scatter_reduce import scatter_extreme_, scatter_prod_

    if not include:
        neutral = {"sum": 0, "mean": 0, "prod": 1}.get(how)
        if neutral is None:
            neutral = _lowest(x._a.dtype) if how == "amax" else _highest(x._a.dtype)
        x = scatter_(x, index, _filled(neutral, index._a.shape, x), d)
    if how == "sum":
        return scatter_add_(x, index, src, d)
    if how == "prod":
        return scatter_prod_(x, index, src, d)
    if how in ("amax", "amin"):
        return scatter_extreme_(x, index, src, d, how == "amax")
    total = scatter_add_(x, index, src, d)
    counts = np.ones(x._a.shape, np.int64)
    if not include:
        counts = _set_along(counts, index._a, 0, d)
    counts = _count(counts, index._a, d)
    counts = np.maximum(counts, 1)
    if x._a.dtype.kind in "iu":
        return make(np.floor_divide(total._a, counts).astype(x._a.dtype))
    return total / make(counts.astype(x._a.dtype))


def _set_along(a, index, value, d):
    from ..backend.moving import along

    a[along(a, index, d)] = value
    return a


def _count(a, index, d):
    from ..backend.moving import along

    np.add.at(a, along(a, index, d), 1)
    return a


def _lowest(dtype):
    d = dtypes.from_np(dtype)
    return -np.inf if d.is_floating_point else False if d is dtypes.bool else np.iinfo(dtype).min


def _highest(dtype):
    d = dtypes.from_np(dtype)
    return np.inf if d.is_floating_point else True if d is dtypes.bool else np.iinfo(dtype).max


# ---- index_add, index_copy, index_fill, index_put --------------------------------------------------------------------


def _rows(input, dim, index, source, name):
    """The checked arguments of an operation on whole slices; 0-dim tensors as vectors."""
    need_tensor(input, name)
    need_tensor(source, name, 4, "source")
    need_index(index, name)
    if index._a.ndim > 1:
        raise IndexError(f"{name}(): Index should have dimension 1 or 0 (got {index._a.ndim})")
    if source._a.dtype != input._a.dtype and name == "index_copy" and lowering():
        wider = dtypes.promote_types(input.dtype, source.dtype)
        input, source = input.to(wider), source.to(wider)
    if source._a.dtype != input._a.dtype:
        raise RuntimeError(
            f"{name}(): self and source expected to have the same dtype, but got (self) {input.dtype} and (source) {source.dtype}"
        )
    n = input._a.ndim
    d = one_dim(dim, n)
    input = input if n else reshape(input, (1,))
    index = index if index._a.ndim else reshape(index, (1,))
    if source._a.ndim < input._a.ndim:
        source = source.unsqueeze(d) if source._a.ndim == input._a.ndim - 1 else source
    wanted = (*input._a.shape[:d], index._a.size, *input._a.shape[d + 1 :])
    if source._a.shape != wanted:
        raise (IndexError if name == "index_copy" else RuntimeError)(
            f"{name}(): source of shape {list(source.shape)} must have shape {list(wanted)}: one slice per index, and the "
            f"other sizes of the tensor of shape {list(input.shape)}"
        )
    check_range(index._a, input._a.shape[d], name, IndexError)
    return input, d, index, source


@public
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha=1) -> Tensor:
    """A copy of `input` with alpha·source[…, j, …] added at index[j] along `dim`, repeated indices added up.

    >>> import lightwell as torch
    >>> torch.zeros(3).index_add(0, torch.tensor([0, 0]), torch.tensor([1., 2.]))
    tensor([3., 0., 0.])
    """
    shape = input._a.shape
    input, d, index, source = _rows(input, dim, index, source, "index_add")
    out = index_add_(input, index, source if alpha == 1 else source * alpha, d)
    return out if out._a.shape == shape else reshape(out, shape)


@public
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy of `input` with source[…, j, …] written at index[j] along `dim`.

    >>> import lightwell as torch
    >>> torch.zeros(3).index_copy(0, torch.tensor([2]), torch.tensor([1.]))
    tensor([0., 0., 1.])
    """
    shape = input._a.shape
    input, d, index, source = _rows(input, dim, index, source, "index_copy")
    out = index_copy_(input, index, source, d)
    return out if out._a.shape == shape else reshape(out, shape)


@public
def index_fill(input: Tensor, dim: int, index: Tensor, value) -> Tensor:
    """A copy of `input` with the slices at `index` along `dim` filled with a number (or 0-dim tensor).

    >>> import lightwell as torch
    >>> torch.zeros(3).index_fill(0, torch.tensor([2]), 5)
    tensor([0., 0., 5.])
    """
    need_tensor(input, "index_fill")
    need_index(index, "index_fill")
    shape = input._a.shape
    d = one_dim(dim, len(shape))
    x = input if shape else reshape(input, (1,))
    if index._a.ndim > 1:
        raise IndexError("index_fill_(): Expected a 1-D or 0-D index tensor")
    index = index if index._a.ndim else reshape(index, (1,))
    check_range(index._a, x._a.shape[d], "index_fill", negative=True)
    if isinstance(value, Tensor):
        if value._a.ndim:
            raise RuntimeError(f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value._a.ndim} dimension(s).")
        v = expand(value.to(x.dtype), (1,) * x._a.ndim)
    else:
        v = _filled(value, (1,) * x._a.ndim, x)
    v = expand(v, (*x._a.shape[:d], index._a.size, *x._a.shape[d + 1 :]))
    out = index_copy_(x, index, v, d)
    return out if shape else reshape(out, ())


@public
def index_reduce(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """`index_add` with another way to combine: "prod", "mean", "amax" or "amin"."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    shape = input._a.shape
    input, d, index, source = _rows(input, dim, index, source, "index_reduce")
    wide = expand(reshape(index, (1,) * d + (-1,) + (1,) * (input._a.ndim - d - 1)), source._a.shape)
    out = _reduced(input, d, wide, source, reduce, include_self)
    return out if out._a.shape == shape else reshape(out, shape)


def _put_key(input, indices, name):
    if not isinstance(indices, (tuple, list)):
        raise TypeError(f"{name}(): argument 'indices' (position 1) must be tuple of Tensors, not {type(indices).__name__}")
    first, then = parse(
        input._a.shape,
        tuple(
            slice(None) if k is None else k if not isinstance(k, Tensor) or k._a.ndim or k._a.dtype.kind == "b" else k.reshape(1)
            for k in indices
        ),
    )
    squeeze_first = any(isinstance(k, Tensor) for k in indices) and all(k._a.ndim == 0 for k in indices if isinstance(k, Tensor))
    return first, then, squeeze_first


@public
def index_put(input: Tensor, indices, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of `input` with `values` (broadcast) written at the index tensors `indices`; `accumulate` adds, repeats too.

    IndexError: an index outside. RuntimeError: values that don't broadcast, dtypes that differ.

    >>> import lightwell as torch
    >>> torch.zeros(3).index_put((torch.tensor([1, 1]),), torch.ones(2), accumulate=True)
    tensor([0., 2., 0.])
    """
    return _index_put(clone(input), indices, values, accumulate)


def _index_put(self: Tensor, indices, values, accumulate=False) -> Tensor:
    """Write `values` (broadcast) at the index tensors `indices`, in place; `accumulate` adds, repeated places too."""
    need_tensor(values, "index_put_", 2, "values")
    if values._a.dtype != self._a.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, "
            f"got {self.dtype} for the destination and {values.dtype} for the source."
        )
    first, then, single = _put_key(self, indices, "index_put_")
    if then is None:
        return self.copy_(values)
    if single and values._a.ndim:
        values = _fitted(values, self._a[bare(then)].shape)
    if first is not None:
        put_recorded(self[first], then, values, accumulate, "index_put_")
        return self
    return put_recorded(self, then, values, accumulate, "index_put_")


Tensor.index_put_ = _index_put


@public
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of `input` with `source` written (or added) at flat places `index`."""
    return _put(clone(input), index, source, accumulate)


def _put(self: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Write (or add) `source` at flat places `index`, in place; IndexError outside."""
    need_index(index, "put_", ("int64",))
    if source._a.dtype != self._a.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = {self.dtype} and source.dtype = {source.dtype}"
        )
    if index._a.size != source._a.size:
        raise IndexError(
            f"put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source._a.size}, index.numel() = {index._a.size}"
        )
    n = self._a.size
    check_range(index._a, n, "put_", negative=True)
    flat = np.where(index._a < 0, index._a + n, index._a).reshape(-1)
    if not self._a.ndim:
        put_recorded(reshape(self, (1,)), (make(flat),), reshape(source, (flat.size,)), accumulate, "put_")
        return self
    key = tuple(make(i) for i in np.unravel_index(flat, self._a.shape))
    return put_recorded(self, key, reshape(source, (flat.size,)), accumulate, "put_")


Tensor.put_ = _put


# ---- regions --------------------------------------------------------------------------------------------------------


def _replaced(input: Tensor, region, src: Tensor, name: str) -> Tensor:
    """A copy of `input` in which the view that `region` shows is `src`."""
    out = clone(input)
    view = region(out)
    if src._a.shape != view._a.shape:
        try:
            expanded(src._a.shape, view._a.shape)
        except builtins.RuntimeError:
            raise RuntimeError(
                f"expected src to have a size equal to the {name} of self. src size = {list(src.shape)}, {name} size = {list(view.shape)}"
            ) from None
        if name != "slice":
            raise RuntimeError(
                f"expected src to have a size equal to the {name} of self. src size = {list(src.shape)}, {name} size = {list(view.shape)}"
            )
    view.copy_(src)
    return out


@public
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of `input` with `src` in the place of `input.select(dim, index)`.

    >>> import lightwell as torch
    >>> torch.select_scatter(torch.zeros(2, 2), torch.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    return _replaced(input, lambda x: x.select(dim, index), src, "slice of selection")


@public
def slice_scatter(input: Tensor, src: Tensor, dim: int = 0, start=None, end=None, step: int = 1) -> Tensor:
    """A copy of `input` with `src` in the place of its slice start:end:step along `dim`.

    >>> import lightwell as torch
    >>> torch.slice_scatter(torch.zeros(4), torch.ones(2), start=1, end=3)
    tensor([0., 1., 1., 0.])
    """
    d = one_dim(dim, input._a.ndim)
    return _replaced(input, lambda x: x[(slice(None),) * d + (slice(start, end, step),)], src, "slice")


@public
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of `input` with `src` on the diagonal of two dimensions.

    >>> import lightwell as torch
    >>> torch.diagonal_scatter(torch.zeros(2, 2), torch.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    return _replaced(input, lambda x: x.diagonal(offset, dim1, dim2), src, "diagonal")


for _f in (scatter, scatter_add, scatter_reduce, index_add, index_copy, index_fill, index_reduce):
    setattr(Tensor, _f.__name__ + "_", twin(_f.__name__, _f))
