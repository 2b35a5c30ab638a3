"""One record per operation, and `apply`: the one place through which every operation runs. Long: a path per arity, for speed.

A record is a class that says the operation's value and its derivatives against the vocabulary `xp`
(`backend/vocabulary.py`), and nothing else:

    @op
    class tanh:
        r'''y = tanh x.   dy/dx = 1 - tanh²x = 1 - y²,   hence   gx = gy·(1 - y²).'''
        def forward(xp, x): return xp.tanh(x)
        def grad_x(xp, gy, y): return gy - gy * y * y

The parameters of `forward` before the slash are tensors, those behind it plain values (no slash: all are tensors;
a first parameter `xs` is a list of tensors). A `grad_` rule names what it reads: the gradient (`g` + the output's name),
inputs, outputs, kept values, plain values. What no rule reads is not kept alive. `@op` turns the class into the function
that runs the operation; the record itself is the function's `.record`.

`apply` is built for each record at registration, by the number of its tensors, so that a small operation costs little
more than the array function behind it. The engine undoes broadcasting and promotion, and conjugates around complex
rules: rules are the plain derivative.
"""

import builtins
import functools
import threading
from typing import Any

import numpy as np

from .. import dtypes, errors
from ..autograd import modes
from ..autograd.node import Node, Port, tick
from ..backend import fast
from ..backend import numpy as NP
from ..backend.pointwise import LARGE, shared, threaded
from ..errors.teaching import RuntimeError, ValueError
from ..tensor import REBASED, Tensor

ndarray, asarray = np.ndarray, np.asarray
new: Any = object.__new__
_exact = {np.dtype(t) for t in (np.float32, np.float64, np.float16, np.complex64, np.complex128)}

registry: dict[str, "Record"] = {}


class Record:
    """What is known of an operation: its formulas, and what they read."""

    def __init__(self, spec: Any):
        self.name, self.doc, self.spec = spec.__name__.rstrip("_"), spec.__doc__, spec
        self.forward = forward = spec.forward
        code = forward.__code__
        names = code.co_varnames[: code.co_argcount][1:]
        tensors = code.co_posonlyargcount - 1 if code.co_posonlyargcount else len(names)
        self.inputs, self.params = names[:tensors], names[tensors:]
        self.variadic = bool(self.inputs) and self.inputs[0] == "xs"
        get = spec.__dict__.get
        self.outputs = get("outputs", ("z",) if "y" in self.inputs else ("y",))
        self.keeps = get("keeps", ())  # further values that forward returns for the rules, unseen by the user
        self.view = get("view", False)  # the result shows the input's memory
        self.floats = get("floats", False)  # integers are computed as the default floating-point dtype
        self.redone = get("redone", False)  # where the result was written over, backward computes it again from the inputs
        self.conj_aware = get("conj_aware", False)  # the rules see to complex conjugation themselves
        self.promotes = get("promotes", len(self.inputs) == 2 and "index" not in self.inputs)
        # What a rule may name. `x_shape` is there for rules that need only a shape: `x` itself then stays free.
        shapes = ("shapes",) if self.variadic else tuple(name + "_shape" for name in self.inputs)
        self.environment = self.inputs + self.outputs + self.keeps + shapes + self.params
        self.broadcasts = get("broadcasts", False)  # the engine sums gradients back to the inputs' shapes
        self.joint = get("grads")  # one rule for all inputs at once
        self.rules = tuple(get("grad_" + name) for name in self.inputs)
        self.differentiable = self.joint is not None or any(self.rules)
        used: set[str] = set()
        for rule in (self.joint, *self.rules):
            if rule is not None:
                used.update(_reads(rule))
        self.read = used
        self.ruled = tuple(self.joint is not None or rule is not None for rule in self.rules)
        self.reads_shapes = any(name.endswith("_shape") for name in used)
        self.kept = tuple(name in used for name in self.inputs + self.outputs + self.keeps)
        self.holds = any(self.kept)  # whether its nodes keep arrays, which backward frees
        self.keeps_output = any(self.kept[len(self.inputs) : len(self.inputs) + len(self.outputs)])
        self._kept_for: dict = {}
        self.pulls = tuple(None if rule is None else _pull(self, rule) for rule in self.rules)
        self.direct = tuple(_short(self, rule) for rule in self.rules)
        self.pull_joint = None if self.joint is None else _pull(self, self.joint)
        self.simple = len(self.outputs) == 1 and self.joint is None and not self.variadic  # see engine.run
        # Elements from which a kernel of native code may be worth its call (backend/fast.py); 0: it never is.
        self.native = 0 if self.view or self.variadic or self.name in fast.MOVES else fast.PRODUCTS.get(self.name, fast.SIZE)
        self.places = tuple(i for i, name in enumerate(self.environment) if name in used)  # of the saved values that rules read
        title = get("node_name") or "".join(part.title() for part in self.name.split("_")) + "Backward0"
        self.node = type(title, (Node,), {"__slots__": (), "record": self, "outputs": len(self.outputs), "_single": len(self.outputs) == 1})
        self.node.__module__ = "torch.autograd.function"
        self.samples: list = []  # filled by tests/samples
        self.show: Any = None  # of an operation that gives several views: see ops/parts.py

    def kept_for(self, wanted: tuple) -> tuple:
        """Which inputs, outputs and kept values must live on when gradients of the `wanted` inputs only will be asked for."""
        found = self._kept_for.get(wanted)
        if found is None:
            found = self.kept
            if self.joint is None and not any(name in self.read for name in self.keeps):
                read = set().union(*(_reads(rule) for rule, w in zip(self.rules, wanted) if w and rule is not None))
                found = tuple(name in read for name in self.inputs + self.outputs + self.keeps)
            self._kept_for[wanted] = found
        return found

    def __repr__(self):
        return f"<op {self.name}({', '.join(self.inputs + self.params)})>"


def _reads(rule) -> tuple:
    """The names that a rule reads, without `xp` and the gradients."""
    names = rule.__code__.co_varnames[: rule.__code__.co_argcount]
    return names[1:]


def _pull(rec: Record, rule):
    """`rule` as a function of (xp, gys, saved), where `saved` follows the record's environment."""
    names = _reads(rule)
    grads = {"g" + name: i for i, name in enumerate(rec.outputs)}
    if len(rec.outputs) == 1 and names and names[0] in grads and not any(n in grads or n == "needed" for n in names[1:]):
        index = [rec.environment.index(n) for n in names[1:]]
        if not index:
            return lambda xp, g, s: rule(xp, g)
        if len(index) == 1:
            (i,) = index
            return lambda xp, g, s: rule(xp, g, s[i])
        if len(index) == 2:
            i, j = index
            return lambda xp, g, s: rule(xp, g, s[i], s[j])
        return lambda xp, g, s: rule(xp, g, *[s[i] for i in index])
    single = len(rec.outputs) == 1

    def pull(xp, g, s, needed=None):
        args = []
        for n in names:
            if n in grads:
                args.append(g if single else g[grads[n]])
            elif n == "needed":
                args.append(needed)
            else:
                args.append(s[rec.environment.index(n)])
        return rule(xp, *args)

    return pull


def _short(rec: Record, rule):
    """(rule, number of saved values it reads, their places) for the engine's quick path; (pull, -1, 0, 0) for longer ones."""
    if rule is None:
        return None, -1, 0, 0
    names, known = _reads(rule), rec.environment
    if len(rec.outputs) == 1 and 1 <= len(names) <= 3 and names[0] == "g" + rec.outputs[0] and all(n in known for n in names[1:]):
        places = [known.index(n) for n in names[1:]] + [0, 0]
        return rule, len(names) - 1, places[0], places[1]
    return _pull(rec, rule), -1, 0, 0


def op(spec: type):
    """Register a record and return the function that applies it to tensors."""
    rec = Record(spec)
    if rec.name in registry:
        raise ValueError(f"op {rec.name} is registered twice")
    registry[rec.name] = rec
    plain = len(rec.outputs) == 1 and not rec.keeps and not rec.variadic and rec.joint is None
    build = _general
    if plain and len(rec.inputs) == 1:
        build = _unary
    elif plain and len(rec.inputs) == 2 and rec.promotes and not rec.params:
        build = _binary
    call = build(rec)
    call.record, call.__name__, call.__qualname__, call.__doc__ = rec, rec.name, rec.name, rec.doc
    return call


# ---- interposers: tracing, autocast, anomaly mode and profiling hang here -------------------------------------------

active = 0  # how many interposers are on, in all threads: zero is the only thing a plain call looks at
whole_writes = 0  # how many of them want a write into a part of a tensor as a record, too
_local = threading.local()


class interpose:
    """Within it, every operation of this thread goes to `hook(record, call, args)`, which may return `call(*args)`."""

    def __init__(self, hook):
        self.hook = hook

    def __enter__(self):
        global active
        stack = _local.__dict__.setdefault("stack", [])
        stack.append(self.hook)
        active += 1
        return self

    def __exit__(self, *exc):
        global active
        _local.stack.remove(self.hook)
        active -= 1


def _interposed(rec, call, args):
    """Run one operation through the innermost interposer that is not already at work in it."""
    stack = _local.__dict__.get("stack")
    if not stack:
        return _Plain
    hook = stack.pop()
    try:
        return hook(rec, call, args)
    finally:
        stack.append(hook)


# Set by `func.vmap`, for what is no operation. each(fn, args, kwargs, error): run example by example a public function that
# met numbers it couldn't read. randomized(fn, args, kwargs): run a function that draws random numbers.
def each(fn, args, kwargs, error):
    raise error


randomized: Any = None


def draws(fn):
    """Decorate a function that draws random numbers, so that `vmap` can see to its `randomness`."""

    @functools.wraps(fn)
    def call(*args, **kwargs):
        if active and randomized is not None:
            return randomized(call, args, kwargs)
        return fn(*args, **kwargs)

    return call


def readable(fn):
    """Decorate a function that looks at its tensors' numbers, so that under `vmap` it runs example by example."""

    @functools.wraps(fn)
    def call(*args, **kwargs):
        try:
            return fn(*args, **kwargs)
        except errors.Unreadable as error:
            return each(call, args, kwargs, error)

    return call


class _Plain:
    """Returned where no interposer of this thread wants the operation."""


# ---- apply, by the number of tensors --------------------------------------------------------------------------------


def _unary(rec: Record):
    (forward, large), NodeType, floats, view = _direct(rec), rec.node, rec.floats, rec.view
    keep_x, keep_y = rec.kept
    keep_shape = rec.inputs[0] + "_shape" in rec.read
    differentiable, defaults = rec.differentiable, rec.forward.__defaults__ or ()
    n_params, fits = len(rec.params), rec.broadcasts
    limit = rec.native or LARGE
    if rec.native:
        large = _native(rec, forward, large)

    def call(x, *params):
        try:
            if x._base is not None:
                x._refresh()
            xa = x._a
        except AttributeError:
            raise errors.not_a_tensor(rec, 0, x) from None
        if active:
            done = _interposed(rec, call, (x, *params))
            if done is not _Plain:
                return done
        try:
            r = forward(xa, *params) if xa.size < limit else large(xa, *params)
        except Exception as error:
            return errors.explain(rec, call, (x, *params), error)
        if type(r) is not ndarray:
            r = asarray(r)
        if floats and r.dtype is not xa.dtype and xa.dtype not in _exact:
            wanted = dtypes.from_np(xa.dtype)
            if wanted.category < dtypes.FLOAT:
                r = asarray(forward(xa.astype(dtypes._default.np), *params))
            elif r.dtype != xa.dtype:
                r = r.astype(xa.dtype)
        out = new(Tensor)
        out._a, out._rg, out._node, out._cell, out._base, out._grad = r, False, None, None, None, None
        if view:
            cell = out._cell = x._cell or x._cell_now()
            out._base = x if x._base is None else x._base
            out._seen = cell[REBASED]
        if x._rg and differentiable and (modes.all_on or modes.state.grad):
            node = new(NodeType)
            node.edges = (x._node or x,)
            node.fit, node.extra = ((xa.shape, xa.dtype),) if fits else None, None
            if n_params and len(params) < n_params:
                params += defaults[len(params) - n_params :]
            node.saved = (xa if keep_x else None, r if keep_y else None, xa.shape if keep_shape else None, *params)
            node.cells = (x._cell or x._cell_now(),) if keep_x else ()
            node.seq = tick()
            out._node = node
            out._rg = True
        return out

    return call


def _binary(rec: Record):
    (forward, large), NodeType = _direct(rec), rec.node
    rule_x, rule_y = rec.rules
    # Which rule reads which value: what only an unwanted gradient would read is not kept alive.
    x_for_x, x_for_y = _names(rule_x, rec.inputs[0]), _names(rule_y, rec.inputs[0])
    y_for_x, y_for_y = _names(rule_x, rec.inputs[1]), _names(rule_y, rec.inputs[1])
    z_for_x, z_for_y = _names(rule_x, rec.outputs[0]), _names(rule_y, rec.outputs[0])
    keeps = any(rec.kept)
    differentiable = rec.differentiable
    rule_x, rule_y = rule_x is not None, rule_y is not None
    limit = fast.ARITHMETIC.get(rec.name, LARGE)
    if rec.native or limit != LARGE:
        large = _native(rec, forward, large)

    def call(x, y):
        fit = None
        kind = type(y)
        if kind is float or kind is int:
            try:
                xa, ya = x._a, y
                if x._base is not None:
                    x._refresh()
                x_rg, y_rg = x._rg, False
                run = forward if xa.size < limit else large
            except AttributeError:
                raise errors.not_a_tensor(rec, 0, x) from None
            if xa.dtype.kind != "f":
                found = with_scalar(rec, xa, y)
                if found is None:
                    return NotImplemented
                xa, ya, fit = found
        else:
            try:
                xa, ya = x._a, y._a
                if x._base is not None:
                    x._refresh()
                if y._base is not None:
                    y._refresh()
                x_rg, y_rg = x._rg, y._rg
                run = forward if xa.size < limit else large
                if xa.dtype is not ya.dtype:
                    xa, ya, fit = promote(rec, xa, ya)
            except AttributeError:
                found = _mixed(rec, x, y)
                if found is None:
                    return NotImplemented
                xa, ya, x_rg, y_rg, fit = found
                run = forward
        if active:
            done = _interposed(rec, call, (x, y))
            if done is not _Plain:
                return done
        try:
            r = run(xa, ya)
        except Exception as error:
            return errors.explain(rec, call, (x, y), error)
        if type(r) is not ndarray:
            r = asarray(r)
        out = new(Tensor)
        out._a, out._rg, out._node, out._cell, out._base, out._grad = r, False, None, None, None, None
        if (x_rg or y_rg) and differentiable and (modes.all_on or modes.state.grad):
            node = new(NodeType)
            x_edge = (x._node or x) if x_rg and rule_x else None
            y_edge = (y._node or y) if y_rg and rule_y else None
            node.edges = (x_edge, y_edge)
            if fit is None and type(ya) is ndarray and type(xa) is ndarray and xa.shape != ya.shape:
                fit = ((xa.shape, xa.dtype), (ya.shape, ya.dtype))
            node.fit, node.extra = fit, None
            if keeps:
                saved_x = xa if (x_for_y and y_edge is not None) or (x_for_x and x_edge is not None) else None
                saved_y = ya if (y_for_x and x_edge is not None) or (y_for_y and y_edge is not None) else None
                saved_z = r if (z_for_x and x_edge is not None) or (z_for_y and y_edge is not None) else None
                node.saved = (saved_x, saved_y, saved_z, None, None)
                cells: tuple = ()
                if saved_x is not None and isinstance(x, Tensor):
                    cells = (x._cell or x._cell_now(),)
                if saved_y is not None and isinstance(y, Tensor):
                    cells += (y._cell or y._cell_now(),)
                node.cells = cells
            else:  # no rule reads anything, but a story tells of the number in x + 1
                node.saved, node.cells = (None, y, None, None, None) if kind is float or kind is int else (), ()
            node.seq = tick()
            out._node = node
            out._rg = True
        return out

    return call


def _names(rule, name: str) -> bool:
    return rule is not None and name in _reads(rule)


class _Word:
    """The smallest reader: notes which word of the vocabulary a formula calls, and with what."""

    def __getattr__(self, name):
        return lambda *args: (name, args)


def _direct(rec: Record):
    """The formula as a function of arrays alone, and another (perhaps the same) for large arrays.

    Where the formula is one word of the vocabulary, that is the NumPy function itself, and for large arrays all threads.
    """
    marks = tuple(object() for _ in rec.inputs)
    if not rec.params:
        try:
            word, args = rec.forward(_Word(), *marks)
            function: Any = getattr(NP, word, None)
            if args == marks and getattr(function, "nin", None) == len(marks):
                if isinstance(function, np.ufunc):
                    return function, shared(function) if len(marks) == 2 else threaded(function)
                return (function.ufunc, function) if hasattr(function, "ufunc") else (function, function)
        except (TypeError, builtins.ValueError, AttributeError):
            pass  # more than one word
    whole = functools.partial(rec.forward, NP)
    return whole, whole


def _native(rec: Record, small, large):
    """The formula for arrays of some size: by native code where there is some (yet), else by NumPy, from LARGE on by all threads."""

    def plain(x, *rest):
        return small(x, *rest) if x.size < LARGE else large(x, *rest)

    n = len(rec.inputs)
    return lambda *args: fast.forward(rec, plain, args[:n], args[n:])


def _mixed(rec, x, y):
    """The operands of a binary operation, at least one of which is not a tensor; None for what it can't take."""
    if isinstance(x, Tensor):
        found = with_scalar(rec, x._a, y)
        return None if found is None else (found[0], found[1], x.requires_grad, False, found[2])
    if not isinstance(y, Tensor):
        raise errors.not_a_tensor(rec, 0, x)
    found = with_scalar(rec, y._a, x)
    if found is None:
        return None
    ya, xa, fit = found
    return xa, ya, False, y.requires_grad, None if fit is None else fit[::-1]


def promote(rec, xa, ya):
    """Two arrays in PyTorch's common dtype; 0-dim ones count only by category. `fit` where an input was changed."""
    dx, dy = dtypes.from_np(xa.dtype), dtypes.from_np(ya.dtype)
    if dx is dy:
        return xa, ya, None
    if rec.name in _restricted:
        errors.refuse(rec.name, dx, dy)
    if (xa.ndim == 0) == (ya.ndim == 0):
        d = dtypes.promote_types(dx, dy)
    elif xa.ndim:
        d = dx if dy.category <= dx.category else dtypes.result_of((dx,), (dy,), ())
    else:
        d = dy if dx.category <= dy.category else dtypes.result_of((dy,), (dx,), ())
    fit = ((xa.shape, xa.dtype), (ya.shape, ya.dtype))
    return xa.astype(d.np, copy=False), ya.astype(d.np, copy=False), fit


def _with_array(rec, xa, y):
    """A tensor's array with a NumPy array: NumPy's rules say the dtype (float32 with int64 is float64), as in PyTorch."""
    if xa.dtype is y.dtype or xa.dtype.num >= 256 or y.dtype.num >= 256 or rec.name == "pow":
        return promote(rec, xa, y)
    if rec.name in _restricted:
        errors.refuse(rec.name, dtypes.from_np(xa.dtype), dtypes.from_np(y.dtype))
    d = np.result_type(xa.dtype, y.dtype)
    fit = ((xa.shape, xa.dtype), (y.shape, y.dtype))
    return xa.astype(d, copy=False), y.astype(d, copy=False), fit


_restricted = frozenset("sub rsub lt le gt ge".split())  # these refuse bool, or complex, operands


def with_scalar(rec, xa, y):
    """(array, other operand, fit) of an array with a number or a foreign array; None for what is neither."""
    kind = type(y)
    if kind is ndarray:
        return _with_array(rec, xa, y)
    if isinstance(y, np.generic):
        y = y.item() if y.dtype.kind in "biufc" else float(y)
        kind = type(y)
    if kind not in (bool, int, float, complex):
        if isinstance(y, (int, float, complex)):
            y = y.value if hasattr(y, "value") else float(y) if isinstance(y, float) else int(y) if isinstance(y, int) else complex(y)
            kind = type(y)
        elif hasattr(y, "__array__") and not isinstance(y, (list, tuple, str)):
            return _with_array(rec, xa, np.asarray(y))
        else:
            return None
    dx = dtypes.from_np(xa.dtype)
    category = (bool, int, float, complex).index(kind)
    if rec.name in _restricted:
        errors.refuse(rec.name, dx, dtypes.of_scalar(y))
    if category > dx.category:
        d = (dtypes.bool, dtypes.int64, dtypes._default, dtypes.default_complex())[category]
        if dx is dtypes.float64 and category == 3:
            d = dtypes.complex128
        elif dx is dtypes.float32 and category == 3:
            d = dtypes.complex64
        fit = ((xa.shape, xa.dtype), ((), xa.dtype))
        return xa.astype(d.np), y, fit
    if dx.category == dtypes.INT and kind is int and not np.iinfo(xa.dtype).min <= y <= np.iinfo(xa.dtype).max:
        if rec.name not in ("eq", "ne", "lt", "le", "gt", "ge"):
            if not -(2**63) <= y < 2**64:
                raise RuntimeError(f"{rec.name}(): value {y} cannot be converted to type {dx.name} without overflow")
            return xa, np.array(y & (2 ** (8 * xa.itemsize) - 1), np.uint64).astype(xa.dtype), None
    if xa.dtype.num >= 256:  # ml_dtypes: a number takes the array's own type
        y = np.asarray(y, xa.dtype)
    return xa, y, None


def _general(rec: Record):
    """Any number of tensors (None among them where optional), one or many outputs, kept values, lists of tensors."""
    forward, NodeType = rec.forward, rec.node
    n_in, n_out = len(rec.inputs), len(rec.outputs)
    variadic = rec.variadic
    single = n_out == 1 and not rec.keeps
    native, plain = rec.native, functools.partial(forward, NP)
    defaults, n_params = rec.forward.__defaults__ or (), len(rec.params)

    def call(*args):
        if active:
            done = _interposed(rec, call, args)
            if done is not _Plain:
                return done
        if variadic:
            tensors, params = tuple(args[0]), args[1:]
        else:
            tensors, params = args[:n_in], args[n_in:]
        arrays: list = []
        needs_grad = False
        for i, t in enumerate(tensors):
            if t is None:
                arrays.append(None)
                continue
            if not isinstance(t, Tensor):
                raise errors.not_a_tensor(rec, i, t)
            if t._base is not None:
                t._refresh()
            arrays.append(t._a)
            needs_grad = needs_grad or t._rg
        try:
            if native and (arrays[0].size >= native or (n_in > 1 and arrays[1] is not None and arrays[1].size >= native)):
                r = fast.forward(rec, plain, arrays, params)
            else:
                r = forward(NP, arrays, *params) if variadic else forward(NP, *arrays, *params)
        except Exception as error:
            return errors.explain(rec, call, args, error)
        if single:
            made: tuple = (r if type(r) is ndarray else asarray(r),)
        else:
            made = tuple(v if type(v) is ndarray or v is None else asarray(v) for v in r)
        outs = [_plain(v) for v in made[:n_out]]
        if needs_grad and rec.differentiable and (modes.all_on or modes.state.grad):
            if len(params) < n_params:
                params += defaults[len(params) - n_params :]
            _record(rec, NodeType, tensors, arrays, outs, made, params)
        return outs[0] if n_out == 1 else tuple(outs)

    return call


def _plain(array):
    if array is None:
        return None
    out = new(Tensor)
    out._a, out._rg, out._node, out._cell, out._base, out._grad = array, False, None, None, None, None
    return out


def _record(rec, NodeType, tensors, arrays, outs, made, params):
    """Hang a node on the outputs of a general operation."""
    node = new(NodeType)
    if rec.variadic:
        edges, kept = [(t._node or t) if t._rg else None for t in tensors], rec.kept
        values = [tuple(arrays) if kept[0] else None]
        cells = [t._cell or t._cell_now() for t in tensors] if kept[0] else []
        shapes: list = [tuple(a.shape for a in arrays)]
    else:
        edges = [(t._node or t) if t is not None and t._rg and ruled else None for t, ruled in zip(tensors, rec.ruled)]
        kept = rec.kept_for(tuple([e is not None for e in edges]))
        values, cells = list(arrays), []
        for i, t in enumerate(tensors):
            if not kept[i]:
                values[i] = None
            elif t is not None:
                cells.append(t._cell or t._cell_now())
        shapes = [None if a is None else a.shape for a in arrays] if rec.reads_shapes else [None] * len(values)
    first = len(rec.inputs)
    values += [a if kept[first + j] else None for j, a in enumerate(made)]
    node.edges, node.saved, node.cells = tuple(edges), (*values, *shapes, *params), tuple(cells)
    node.fit = tuple([a if a is None else (a.shape, a.dtype) for a in arrays]) if rec.broadcasts else None
    node.extra = None
    node.seq = tick()
    if len(outs) == 1:
        out = outs[0]
        if out._a.dtype.kind not in "iub":
            out._node, out._rg = node, True
        return
    node.extra = {"like": tuple([(a.shape, a.dtype) for a in made[: len(outs)]])}
    for nr, out in enumerate(outs):
        if out is not None and out._a.dtype.kind not in "iub":
            out._node, out._rg = Port(node, nr), True
