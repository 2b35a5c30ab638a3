"""vmap: run a function once, on examples, and have every operation done on the whole batch.

A `Level` is one vmap at work: an interposer (see `ops.op.interpose`) that hands each operation on examples to the rule of
its record (`rules.py`), which says it in operations on batches. Those go to the next level below, and at last to arrays.
A record without a rule, and a public function that looks at numbers, run example by example.
"""

import functools
import inspect
import operator
from contextlib import contextmanager
from typing import NamedTuple

from ..autograd import function
from ..errors import Unreadable
from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..ops import op as core
from ..tensor import Tensor
from ..utils._pytree import _broadcast_to_and_flatten, tree_flatten, tree_map, tree_unflatten
from .example import Example, Lane, example, stack_of, whole_of
from .rules import FUNCTIONS, RULES

__all__ = ["vmap"]


class Level(core.interpose):
    """One vmap at work: `size` examples; `randomness` as `vmap` takes it."""

    def __init__(self, size: int, randomness: str = "different"):
        super().__init__(self)
        self.size, self.randomness = size, randomness
        self.depth = len(levels()) + 1

    def __call__(self, rec, call, args):
        """Run one operation: as it is where no argument is an example, by its rule, or example by example."""
        if not any(self._mapped(a) for a in args):
            return call(*args)
        rule = RULES.get(rec.name)
        if rule is not None:
            try:
                done = rule(Batch(self, call), *args)
            except Unreadable:
                done = None
            if done is not None:
                return tuple(None if t is None else example(self, t) for t in done) if type(done) is tuple else example(self, done)
        return self._looped(call, args, {})

    def _mapped(self, a) -> bool:
        """Whether an argument is an example of this level, or holds one."""
        kind = type(a)
        if kind is tuple or kind is list:
            return any(self._mapped(v) for v in a)
        if kind is dict:
            return any(self._mapped(v) for v in a.values())
        return (isinstance(a, Tensor) or kind is Lane) and whole_of(self, a) is not None

    @contextmanager
    def below(self):
        """Within it, operations go to the levels below this one."""
        stack = core._local.__dict__.get("stack", [])
        at = stack.index(self) if self in stack else len(stack)
        above = stack[at:]
        del stack[at:]
        try:
            yield
        finally:
            stack[at:] = above

    def _one(self, a, i: int):
        """An argument as example number i sees it."""
        kind = type(a)
        if kind is tuple or kind is list:
            return kind(self._one(v, i) for v in a) if not hasattr(a, "_fields") else kind(*(self._one(v, i) for v in a))
        if kind is dict:
            return {k: self._one(v, i) for k, v in a.items()}
        if isinstance(a, Tensor) or kind is Lane:
            whole = whole_of(self, a)
            if whole is not None:
                part = whole[i] if self.size else whole.new_zeros(whole.shape[1:])
                return part._a if kind is Lane else part
        return a

    def _looped(self, call, args, kwargs):
        """Run `call` for each example and stack the results."""
        from .. import stack

        rows, spec = [], None
        for i in range(self.size or 1):
            mine, named = self._one(list(args), i), self._one(kwargs, i)
            leaves, spec = tree_flatten(call(*mine, **named))
            same = {id(m): a for m, a in zip(mine, args)}
            rows.append([same.get(id(v), v) for v in leaves])  # what comes back as it went in is the argument itself
        out = []
        for column in zip(*rows):
            if not isinstance(column[0], Tensor) or (type(column[0]) is Example and column[0].level is self):
                out.append(column[0])
            elif any(v is not column[0] for v in column) or len(column) == 1:
                whole = stack(column) if self.size else column[0].new_empty((0, *column[0].shape))
                out.append(example(self, whole))
            else:
                out.append(column[0])
        return tree_unflatten(out, spec)

    def each(self, fn, args, kwargs):
        """Run a function that looks at numbers for each example; its error where no argument is mapped at this level."""
        with self.below():
            return self._looped(fn, args, kwargs)

    def random(self, fn, args, kwargs):
        """Run a random function, as `randomness` has it."""
        from .randomness import draw

        return draw(self, fn, args, kwargs)


class Batch:
    """What a rule works with: the batch's size, the operation, and the batches behind examples."""

    __slots__ = ("call", "level", "size")

    def __init__(self, level, call):
        self.level, self.size, self.call = level, level.size, call

    def whole(self, t):
        """The batch behind an example (or lane); None for what is the same for all."""
        return None if t is None else whole_of(self.level, t)

    def full(self, t):
        """The batch behind an example; what is the same for all, repeated without copying."""
        whole = whole_of(self.level, t)
        return t.expand(self.size, *t.shape) if whole is None else whole

    def lifted(self, t, ndim: int):
        """The batch behind an example with dimensions of size 1 put in, so that examples have `ndim`; others as they are."""
        whole = whole_of(self.level, t) if isinstance(t, Tensor) else None
        if whole is None:
            return t
        gap = ndim - (whole.ndim - 1)
        return whole[(slice(None),) + (None,) * gap] if gap > 0 else whole


def levels() -> list:
    """The vmaps at work in this thread, outermost first."""
    return stack_of(Level)


def innermost_mapping(tree):
    """The innermost level that maps something in a tree of arguments; None where nothing is mapped."""
    for level in reversed(levels()):
        if level._mapped(tree):
            return level
    return None


_UNSIZED = frozenset("nonzero argwhere unique unique_consecutive masked_select bincount".split())


def each(fn, args, kwargs, error):
    """Run example by example a public function that could not read its arguments; `error` again where none is mapped."""
    level = innermost_mapping((tuple(args), kwargs))
    if level is None:
        raise error
    if fn.__name__ in _UNSIZED:
        raise RuntimeError(
            f"vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over {fn.__name__}: its result "
            "has a shape of its own for each example. torch.where keeps the shape."
        )
    rule = FUNCTIONS.get(fn.__name__)
    if rule is not None:
        bound = inspect.signature(fn).bind(*args, **kwargs)
        bound.apply_defaults()
        try:
            with level.below():
                made = rule(Batch(level, fn), **bound.arguments)
        except Unreadable:
            made = None
        if made is not None:
            return example(level, made)
    return level.each(fn, args, kwargs)


def randomized(fn, args, kwargs):
    """Run a random function under the innermost vmap."""
    at_work = levels()
    return at_work[-1].random(fn, args, kwargs) if at_work else fn.__wrapped__(*args, **kwargs)


def custom(cls, args):
    """Apply a custom Function to examples: by its `vmap` static method, or example by example; NotImplemented without examples."""
    level = innermost_mapping(tuple(args)) if core.active else None
    if level is None:
        return NotImplemented
    rule = getattr(cls, "vmap", None)
    if rule is None or cls.generate_vmap_rule:
        return level.each(cls.apply, args, {})
    dims = tuple(map_tensors(lambda t: None if whole_of(level, t) is None else 0, a) if _has_tensor(a) else None for a in args)
    wholes = [map_tensors(lambda t: t if whole_of(level, t) is None else whole_of(level, t), a) for a in args]
    with level.below():
        output, out_dims = rule(VmapInfo(level.size, level.randomness), dims, *wholes)
    leaves, spec = tree_flatten(output)
    places = _out_dims(cls, out_dims, spec, output)
    return tree_unflatten([v if d is None else example(level, v.movedim(d, 0)) for v, d in zip(leaves, places)], spec)


def _has_tensor(a) -> bool:
    return any(isinstance(v, Tensor) for v in tree_flatten(a)[0])


class VmapInfo(NamedTuple):
    """What a Function's `vmap` static method is told."""

    batch_size: int
    randomness: str


core.each, core.randomized, function.mapping = each, randomized, custom


# ---- the transform --------------------------------------------------------------------------------------------------


def _name(f) -> str:
    return getattr(f, "__name__", repr(f))


def _in_dims(f, in_dims, args):
    """(leaves, their mapped dimensions, spec, batch size), checked."""
    told = f"vmap({_name(f)}, in_dims={in_dims}, ...)(<inputs>): "
    if not isinstance(in_dims, (int, tuple, list)):
        raise ValueError(
            f"{told}expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({_name(f)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a function "
            "with no inputs. The latter is unsupported."
        )
    leaves, spec = tree_flatten(tuple(args))
    dims = _broadcast_to_and_flatten(tuple(in_dims) if isinstance(in_dims, list) else in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{told}in_dims is not compatible with the structure of `inputs`. in_dims has structure {tree_flatten(in_dims)[1]} but "
            f"inputs has structure {spec}."
        )
    sizes = []
    for i, (leaf, dim) in enumerate(zip(leaves, dims)):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"{told}Got in_dim={dim} for an input but in_dim must be either an integer dimension or None: every mapped input "
                "needs the one dimension that is mapped"
            )
        if not isinstance(leaf, Tensor):
            raise ValueError(
                f"{told}Got in_dim={dim} for an input but the input is of type {type(leaf)}. We cannot vmap over non-Tensor "
                "arguments, please use None as the respective in_dim"
            )
        if not -leaf.ndim <= dim < leaf.ndim:
            raise ValueError(
                f"{told}Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {leaf.ndim} so expected "
                f"in_dim to satisfy -{leaf.ndim} <= in_dim < {leaf.ndim}."
            )
        dims[i] = dim % leaf.ndim
        sizes.append(leaf.shape[dim])
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over: all in_dims are None")
    if any(n != sizes[0] for n in sizes):
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the mapped dimension"
        )
    return leaves, dims, spec, sizes[0]


def _out_dims(f, out_dims, spec, outputs):
    """One mapped dimension (or None) for each output."""
    told = f"vmap({_name(f)}, ..., out_dims={out_dims})(<inputs>): "
    dims = _broadcast_to_and_flatten(tuple(out_dims) if isinstance(out_dims, list) else out_dims, spec)
    if dims is None and isinstance(outputs, Tensor) and isinstance(out_dims, (tuple, list)) and len(out_dims) == 1:
        dims = list(out_dims)
    if dims is None:
        raise ValueError(
            f"{told}out_dims is not compatible with the structure of `outputs`. out_dims has structure {tree_flatten(out_dims)[1]} but "
            f"outputs has structure {spec}."
        )
    if not all(d is None or isinstance(d, int) for d in dims):
        raise ValueError(
            f"{told}`out_dims` must be an int, None or a python collection of ints representing where in the outputs the vmapped dimension should appear."
        )
    return dims


def _result(f, level, value, dim):
    """One output with its mapped dimension in place."""
    if not isinstance(value, Tensor):
        if dim is None:
            return value
        raise ValueError(
            f"vmap({_name(f)}, ...): `{_name(f)}` must only return Tensors, got type {type(value)}. Did you mean to set out_dims= to "
            "None for output?"
        )
    whole = whole_of(level, value)
    if dim is None:
        if whole is not None:
            raise ValueError(f"vmap({_name(f)}, ...): `{_name(f)}` can not return a BatchedTensor when out_dim is None")
        return value
    if whole is None:
        whole = value.expand(level.size, *value.shape)
    return whole.movedim(0, dim) if dim else whole


def _run(f, leaves, dims, spec, size, out_dims, randomness, kwargs):
    level = Level(size, randomness)
    inputs = [v if d is None else example(level, v.movedim(d, 0) if d else v) for v, d in zip(leaves, dims)]
    with level:
        outputs = f(*tree_unflatten(inputs, spec), **kwargs)
    values, out_spec = tree_flatten(outputs)
    wanted = _out_dims(f, out_dims, out_spec, outputs)
    return tree_unflatten([_result(f, level, v, d) for v, d in zip(values, wanted)], out_spec)


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """`func` for every entry along a dimension of its inputs at once, as if in a loop, but with batched operations.

    y[i] = func(x[i]), with the mapped dimension of each input at `in_dims` (an int, or nested as the positional arguments;
    None: the same for all), of each output at `out_dims`. Inputs and outputs are trees of tensors. `randomness`: random
    operations are refused ("error"), draw for each example ("different") or once for all ("same"). `chunk_size`: so many
    examples at a time. Transforms nest: `vmap(grad(loss), (None, 0, 0))` gives per-sample gradients.
    ValueError for dims that fit no input or output; RuntimeError where the function asks for a value (`.item()`, `if x > 0`),
    for results whose shape depends on values, and for writing a mapped value into an unmapped tensor.

    >>> import lightwell as torch
    >>> torch.vmap(torch.dot)(torch.eye(2), torch.tensor([[1., 2.], [3., 4.]]))
    tensor([1., 4.])
    >>> torch.vmap(lambda w, x: w @ x, in_dims=(None, 1))(torch.ones(1, 2), torch.tensor([[1., 2.], [3., 4.]]))
    tensor([[4.],
            [6.]])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped(*args, **kwargs):
        leaves, dims, spec, size = _in_dims(func, in_dims, args)
        if chunk_size is None or chunk_size >= size:
            return _run(func, leaves, dims, spec, size, out_dims, randomness, kwargs)
        parts = []
        for start in range(0, size, chunk_size):
            n = min(chunk_size, size - start)
            some = [v if d is None else v.narrow(d, start, n) for v, d in zip(leaves, dims)]
            parts.append(_run(func, some, dims, spec, n, out_dims, randomness, kwargs))
        return _joined(func, parts, out_dims)

    return mapped


def _joined(f, parts, out_dims):
    """The outputs of chunks one behind the other."""
    from .. import cat

    flat = [tree_flatten(p) for p in parts]
    spec = flat[0][1]
    dims = _out_dims(f, out_dims, spec, parts[0])
    columns = zip(*[leaves for leaves, _ in flat])
    return tree_unflatten([c[0] if d is None else cat(c, d) for c, d in zip(columns, dims)], spec)


# ---- trees of tensors at several levels -----------------------------------------------------------------------------


def opened(t) -> tuple:
    """(the tensor below all vmaps, the levels of its leading dimensions, outermost first)."""
    found: list = []
    while isinstance(t, Tensor):
        if type(t) is Example:
            found.append(t.level)
            t = t.whole
        elif type(t._a) is Lane and t._a.whole is not None:
            found.append(t._a.level)
            t = t._a.whole.detach()
        else:
            break
    return t, found[::-1]


def closed(t, order):
    """The example of a tensor whose leading dimensions are those of levels, outermost first."""
    for level in order:
        t = example(level, t)
    return t


@contextmanager
def bare():
    """Within it, no vmap is at work."""
    stack = core._local.__dict__.setdefault("stack", [])
    before = stack[:]
    stack[:] = [hook for hook in stack if not isinstance(hook, Level)]
    try:
        yield
    finally:
        stack[:] = before


def at_levels(t, order):
    """The tensor below all vmaps with the leading dimensions of all levels in `order`, repeated where it has none; call within `bare`."""
    base, has = opened(t)
    shape = base.shape[len(has) :]
    at = {level: i for i, level in enumerate(has)}
    base = base.permute([at[level] for level in order if level in at] + list(range(len(has), base.ndim)))
    index = tuple(slice(None) if level in at else None for level in order)
    return base[index].expand(*[level.size for level in order], *shape) if index else base


def debug_unwrap(tensor, *, recurse: bool = True):
    """The batch behind an example of a vmap (the innermost one's only, without `recurse`), to look at its numbers; others as they are."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"debug_unwrap(): expected a Tensor, got {type(tensor).__name__}")
    whole = tensor.whole if type(tensor) is Example else tensor
    return debug_unwrap(whole) if recurse and whole is not tensor else whole


def product(values) -> int:
    """∏ values."""
    return functools.reduce(operator.mul, values, 1)


def tensors_only(tree, what: str):
    """The leaves and the spec of a tree; RuntimeError where one is no tensor."""
    leaves, spec = tree_flatten(tree)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{what} to return only tensors, got unsupported type {type(leaf)}")
    return leaves, spec


def map_tensors(f, tree):
    """`f` on every tensor of a tree."""
    return tree_map(lambda v: f(v) if isinstance(v, Tensor) else v, tree)
