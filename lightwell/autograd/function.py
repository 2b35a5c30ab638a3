"""Function: an operation with a derivative of the user's own."""

import weakref
from functools import wraps
from typing import Any

import numpy as np

from .. import dtypes
from ..errors.teaching import AttributeError, NotImplementedError, RuntimeError, TypeError
from ..tensor import VERSION, Tensor, make
from . import modes
from .node import Node, Port, tick
from .saved import freed, placed, stale

_RESERVED = frozenset(("edges", "extra", "seq", "outputs", "record", "pull"))  # the graph's own fields of a ctx


mapping: Any = None  # set by func.vmap: mapping(cls, args) applies a Function to examples, or gives NotImplemented


class FunctionNode(Node):
    """The node of a custom Function, which is also the `ctx` that its forward and backward see: any attribute may be set.

    Names that the graph itself needs (`edges, extra, seq, outputs, record, pull`) are refused with AttributeError.
    """

    saved: Any = None
    cells: Any = None
    fit: Any = None  # the slots of other nodes: here free for the user
    function: Any

    def __init__(self):
        own = object.__setattr__
        own(self, "edges", ())
        own(self, "extra", None)
        own(self, "seq", tick())
        self.__dict__.update(needs_input_grad=(), materialize_grads=True, to_save=(), non_differentiable=(), dirty_tensors=(), _packed=None)

    def __setattr__(self, name, value):
        if name in _RESERVED:
            raise AttributeError(f"ctx.{name} is a field of the graph's own: store the value under another name")
        object.__setattr__(self, name, value)

    def more(self) -> dict:
        """The dict of rare things, made at the first need."""
        extra = self.extra
        if extra is None:
            extra = {}
            object.__setattr__(self, "extra", extra)
        return extra

    # ---- what forward may say ---------------------------------------------------------------------------------

    def save_for_backward(self, *tensors) -> None:
        """Keep tensors (inputs, outputs, intermediate ones, or None) for backward, which reads `ctx.saved_tensors`."""
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type {type(t).__name__}: "
                    "keep other values as attributes of ctx"
                )
        self.to_save = tensors

    def save_for_forward(self, *tensors) -> None:
        """Accepted for PyTorch's forward mode; the tensors are kept as an attribute."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *tensors) -> None:
        """Say which inputs forward wrote in place: they must be among the outputs."""
        self.dirty_tensors = tensors

    def mark_non_differentiable(self, *tensors) -> None:
        """Say which outputs have no gradient: backward gets zeros for them (None without materialized gradients)."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros, rather than None, for outputs that took no part in the result."""
        self.materialize_grads = bool(value)

    @property
    def saved_tensors(self) -> tuple:
        """The tensors of `save_for_backward`, at their places in the graph; RuntimeError once freed or written over."""
        if self._packed is None:
            if self.to_save:
                return tuple(self.to_save)
            return ()
        if self._packed is _FREED:
            raise freed(self)
        return tuple(None if load is None else load() for load in self._packed)

    # ---- what the graph asks ----------------------------------------------------------------------------------

    def release(self) -> None:
        """Give up the saved tensors."""
        if self._packed:
            self.__dict__["_packed"] = _FREED

    def pull(self, grads, create_graph):
        """Run the user's backward and check what it returns."""
        grads = grads if self.outputs != 1 else [grads]
        shown = []
        for g, like in zip(grads, self._like):
            if g is None:
                shown.append(make(np.zeros(*like)) if self.materialize_grads and like is not None else None)
            else:
                shown.append(g if create_graph else make(g))
        cls = self.function
        rule = cls.vjp if cls.backward is Function.backward else cls.backward
        if rule is Function.backward and cls.jvp is not Function.jvp:
            rule = _transposed
        result = rule(self, *shown)
        result = result if isinstance(result, (tuple, list)) else (result,)
        wanted = len(self._fits)
        if len(result) < wanted or any(r is not None for r in result[wanted:]):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {wanted}, got {len(result)}): "
                "backward returns one for each argument of forward, None for what is not a tensor"
            )
        out: list = []
        for i, (g, fit) in enumerate(zip(result, self._fits)):
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(f"function {self.name()}: expected Variable or None (got {type(g).__name__}) as gradient {i}")
            if fit is None and g is not None:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different from None at position {i + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
            if g is None or self.edges[i] is None:
                out.append(None)
                continue
            g = self._fitted(i, g, *fit)
            out.append(g if create_graph else g._a)
        return out

    def _fitted(self, i, g, shape, dtype):
        if g._a.shape != shape:
            if not _expands(shape, g._a.shape):
                raise RuntimeError(
                    f"Function {self.name()} returned an invalid gradient at index {i} - got {list(g.shape)} but expected "
                    f"shape compatible with {list(shape)}"
                )
            g = g.sum_to_size(shape)
        if g._a.dtype is not dtype:
            if g.is_complex() and dtype.kind != "c":
                g = g.real
            g = g.to(dtypes.from_np(dtype))
        return g


def _transposed(ctx, *grads):
    """Backward from a `jvp` alone: it is linear in its tangents t, so Jᵀg = d(jvp(t)·g)/dt."""
    from .engine import grad

    with modes.enable_grad():
        tangents = [None if f is None else make(np.zeros(*f)).requires_grad_() for f in ctx._fits]
        out = ctx.function.jvp(ctx, *tangents)
        pairs = [(o, g) for o, g in zip(out if isinstance(out, tuple) else (out,), grads) if g is not None and o.requires_grad]
        wanted = [t for t in tangents if t is not None]
        found = iter(grad([o for o, _ in pairs], wanted, [g for _, g in pairs], True, modes.state.grad, allow_unused=True))
    return tuple(None if t is None else next(found) for t in tangents)


_FREED = object()


def _expands(small, large) -> bool:
    """Whether `small` broadcasts to `large`."""
    return len(small) <= len(large) and all(a in (1, b) for a, b in zip(reversed(small), reversed(large)))


class _Meta(type):
    """Gives every Function class the class of its nodes, named after it."""

    def __init__(cls, name, bases, fields):
        super().__init__(name, bases, fields)
        cls._node = type(name + "Backward", (FunctionNode,), {"function": cls})


class Function(metaclass=_Meta):
    """An operation with its own derivative: subclass it, and call the subclass's `apply`.

    `forward(ctx, *args)` computes the value, with grad mode off, and keeps what backward needs by
    `ctx.save_for_backward` or as attributes; or `forward(*args)` with `setup_context(ctx, inputs, output)` beside it.
    `backward(ctx, *grad_outputs)` returns the gradient of each argument of forward, None for what isn't a tensor. Written
    with tensor operations, backward can be differentiated again.

    >>> import lightwell as torch
    >>> class Cube(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x**2
    >>> x = torch.tensor(2., requires_grad=True)
    >>> Cube.apply(x).backward(); x.grad
    tensor(12.)
    """

    generate_vmap_rule = False

    def __init__(self, *args, **kwargs):
        raise RuntimeError(
            f"{type(self).__name__} should not be instantiated: methods of a Function are static, so call {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args, **kwargs):
        """The value; must be overridden."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what backward needs, when `forward` takes no ctx; to be overridden."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """The gradients of forward's arguments; must be overridden, here or as `vjp`."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx, *grad_inputs):
        """The derivative along a direction, linear in `grad_inputs`; where `backward` is missing, its transpose stands in."""
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with forward mode AD.")

    @classmethod
    def apply(cls, *args):
        """Run forward and, where an argument requires grad, record its node."""
        if mapping is not None:
            done = mapping(cls, args)
            if done is not NotImplemented:
                return done
        return cls._applied(*args)

    @classmethod
    def _applied(cls, *args):
        ctx = cls._node()
        needs = ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        recording = modes.state.grad and any(needs)
        separate = cls.setup_context is not Function.setup_context
        with modes.no_grad():
            output = cls.forward(*args) if separate else cls.forward(ctx, *args)
            if separate:
                cls.setup_context(ctx, args, output)
        outputs = output if isinstance(output, tuple) else (output,)
        for t in ctx.dirty_tensors:
            if not any(t is a for a in args):
                raise RuntimeError("Some elements marked as dirty during the forward method were not received as input.")
            if not any(t is o for o in outputs):
                raise RuntimeError(
                    "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
                    "modified inplace must all be outputs of the Function."
                )
        if recording:
            _record(ctx, args, outputs)
            made = tuple(_output(ctx, args, o, i, len(outputs)) for i, o in enumerate(outputs))
            _keep(ctx, outputs, made)
        else:
            made = tuple(
                _alias(o) if isinstance(o, Tensor) and _among(o, args) and not _among(o, ctx.dirty_tensors) else o for o in outputs
            )
        return made if isinstance(output, tuple) else made[0]


def _among(t, tensors) -> bool:
    return any(t is other for other in tensors)


def _alias(t: Tensor) -> Tensor:
    """Another tensor around the same memory, outside the graph, that knows of writes to it."""
    out = make(t._a)
    out._cell = t._cell_now()
    return out


def _record(ctx, args, outputs) -> None:
    """Place the node in the graph: edges to the arguments, and what is known of arguments and outputs."""
    own = object.__setattr__
    own(ctx, "edges", tuple((a._node or a) if isinstance(a, Tensor) and a.requires_grad else None for a in args))
    own(ctx, "outputs", len(outputs))
    own(ctx, "seq", tick())
    ctx._fits = tuple((a._a.shape, a._a.dtype) if isinstance(a, Tensor) else None for a in args)
    ctx._like = tuple((o._a.shape, o._a.dtype) if isinstance(o, Tensor) else None for o in outputs)


def _output(ctx, args, o, nr: int, n: int):
    """Output `o` of forward at its place in the graph."""
    if not isinstance(o, Tensor):
        return o
    dirty = _among(o, ctx.dirty_tensors)
    if not (o.is_floating_point() or o.is_complex()) or _among(o, ctx.non_differentiable):
        return _alias(o) if _among(o, args) and not dirty else o
    place = ctx if n == 1 else Port(ctx, nr)
    if dirty:
        from ..ops.inplace import rebase

        if o._node is None and o.requires_grad:
            raise RuntimeError(
                f"a leaf Variable that requires grad is being used in an in-place operation: {ctx.name()} marked it dirty. "
                "clone() it before."
            )
        rebase(o, place)
        return o
    if _among(o, args):
        o = _alias(o)
        o._of_function = True  # type: ignore[attr-defined]
    elif o._base is not None:  # a view of an argument: its history is the Function's, not the view's own
        o._base, o._of_function = None, True  # type: ignore[attr-defined]
    o._node, o._rg = place, True
    return o


def _keep(ctx, outputs, made) -> None:
    """Save what `save_for_backward` named: outputs without a reference to their own node, so that no cycle is made."""
    from . import graph

    to_save = ctx.to_save
    loads: list = []
    ctx.to_save = ()
    hooks = graph.current_hooks()
    for t in to_save:
        if t is None:
            loads.append(None)
            continue
        nr = next((i for i, o in enumerate(outputs) if o is t), None)
        if nr is not None:
            t = made[nr]
        own = nr is not None and t._rg
        edge = (t._node or t) if t.requires_grad and not own else None
        loads.append(_loader(ctx, t, edge, nr if own else None, hooks))
    ctx.__dict__["_packed"] = tuple(loads)


def _loader(ctx, t, edge, nr, hooks):
    """A function that gives a saved tensor back; it may hold the tensor's memory and an older edge, never the ctx."""
    array, cell, several = t._a, t._cell_now(), ctx.outputs > 1
    node: Any = weakref.ref(ctx)
    version = cell[VERSION]
    packed = _FREED
    if hooks is not None:
        pack, unpack = hooks
        packed, array = pack(make(array) if edge is None else placed(array, edge)), None
    whole = t if edge is None and nr is None and hooks is None and type(t) is Tensor else None

    def load():
        me = node()
        if packed is _FREED and cell[VERSION] != version:
            raise stale(me.name(), cell, me)
        if whole is not None:
            return whole
        a = array if packed is _FREED else unpack(packed)._a
        if nr is not None:
            return placed(a, Port(me, nr) if several else me)
        return placed(a, edge)

    return load


class _Refusal(Node):
    """Stands behind a gradient that can't be differentiated again."""

    __slots__ = ("why",)
    why: str

    def pull(self, g, create_graph):
        """RuntimeError."""
        raise RuntimeError(self.why)


def once_differentiable(fn):
    """Decorate a `backward` that can't be differentiated: it runs with grad mode off, and a second derivative raises RuntimeError."""

    @wraps(fn)
    def wrapper(ctx, *args):
        with modes.no_grad():
            outputs = fn(ctx, *args)
        if not modes.state.grad or not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return outputs
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        node = _Refusal()
        node.why = "trying to differentiate twice a function that was marked with @once_differentiable"
        node.edges = tuple((a._node or a) if isinstance(a, Tensor) and a.requires_grad else None for a in args)
        node.saved, node.cells, node.fit, node.extra, node.seq = (), (), None, None, tick()
        made = []
        for o in several:
            if isinstance(o, Tensor):
                o = _alias(o)
                o._node, o._rg = node, True
            made.append(o)
        return tuple(made) if isinstance(outputs, tuple) else made[0]

    return wrapper
