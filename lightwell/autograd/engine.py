"""Backward: walk the graph from the newest node to the oldest, handing gradients along the edges. Long: its loop is written out, for speed.

Nodes carry the time at which they were recorded, and an edge always leads to an older node: so the newest node that
has a gradient has all of it, and taking the newest first is a topological order, without a search before, without
counting dependencies and without recursion. First order runs on bare
arrays; with `create_graph` the same rules run on tensors, through the vocabulary's tensor reader, and record a graph.
"""

import functools
import sys
import threading
from bisect import insort
from typing import Any

import numpy as np

from .. import dtypes
from ..backend import fast
from ..backend import numpy as NP
from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..meta import hollowed
from ..tensor import STAMP, Tensor, make
from . import modes
from .lines import Freed
from .modes import state, switch
from .node import Node, Port, hooks_in_order
from .saved import as_tensors, freed, redo, saved_of, stale

ndarray, asarray, _float32 = np.ndarray, np.asarray, np.dtype(np.float32)


traced: Any = None  # set by compile.trace while it is at work: gives the reader of this thread's tracer, or None
watching: Any = None  # set by explain.watch while it is at work: told when a backward begins and ends, and what each node gave
batched: Any = None  # set by func.differentiate: `grad` where examples of a vmap are among the tensors


def place_of(t):
    """Where in the graph the gradient of a tensor (or of a `GradientEdge`) arrives: an edge."""
    node = t._node
    return t if node is None else node


def _several(tensors) -> tuple:
    return (tensors,) if hasattr(tensors, "_node") else tuple(tensors)


def _roots(tensors, grads, op: str):
    tensors = _several(tensors)
    if grads is None:
        grads = (None,) * len(tensors)
    elif isinstance(grads, Tensor):
        grads = (grads,)
    grads = tuple(grads)
    if len(grads) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(grads)} gradients")
    out = []
    for i, (t, g) in enumerate(zip(tensors, grads)):
        if not hasattr(t, "_node"):
            raise TypeError(f"{op}(): element {i} of the tensors to differentiate is {type(t).__name__}, expected Tensor")
        if not hasattr(t, "_a"):  # a GradientEdge: only the graph knows the shape
            if g is None:
                raise RuntimeError(f"{op}(): a GradientEdge needs its gradient: pass one for element {i}")
            out.append((place_of(t), g))
            continue
        if not t.requires_grad:
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn: nothing in its computation "
                "required grad. Was it detached, made under no_grad(), or made from integers?"
            )
        if g is None:
            if t._a.dtype.kind == "c":
                raise RuntimeError(
                    f"grad can be computed only for real scalar outputs but got {t.dtype}: take its .real, .imag or .abs() first"
                )
            if t._a.size != 1:
                raise RuntimeError(
                    f"grad can be implicitly created only for scalar outputs; this one has shape {list(t._a.shape)}: "
                    f"reduce it first, with .sum() or .mean(), or pass {op}(gradient=...) of that shape"
                )
            g = make(np.ones(t._a.shape, t._a.dtype))
        elif not isinstance(g, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
        elif g._a.shape != t._a.shape:
            raise RuntimeError(f"Mismatch in shape: grad_output[{i}] has a shape of {g.shape} and output[{i}] has a shape of {t.shape}.")
        elif g._a.dtype is not t._a.dtype:
            if g.is_complex() != t.is_complex():
                raise RuntimeError(f"grad_output[{i}] is {g.dtype} and output[{i}] is {t.dtype}: both must be complex, or both real")
            g = g.to(t.dtype)  # type: ignore[attr-defined]
        out.append((place_of(t), g))
    return out


def collect(roots, targets) -> list:
    """The nodes reachable from `roots` that lie on a way to `targets`, oldest first."""
    seen, stack = set(), [r.node if type(r) is Port else r for r in roots]
    nodes = []
    while stack:
        node = stack.pop()
        if node in seen or not isinstance(node, Node):
            continue
        seen.add(node)
        nodes.append(node)
        for edge in node.edges:
            if edge is not None:
                if type(edge) is Port:
                    edge = edge.node
                if edge not in seen:
                    stack.append(edge)
    nodes.sort(key=lambda node: node.seq)
    useful = set(targets)
    kept = []
    for node in nodes:
        for edge in node.edges:
            if edge is not None and (edge.node if type(edge) is Port else edge) in useful:
                useful.add(node)
                break
        if node in useful:
            kept.append(node)
    return kept


def fit_array(g, fit):
    """`g` summed back to the shape, and cast to the dtype, that the input had before broadcasting and promotion."""
    shape, dtype = fit
    if g.shape != shape:
        extra = g.ndim - len(shape)
        if extra > 0:
            g = g.sum(axis=tuple(range(extra)))
        axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
        if axes:
            g = g.sum(axis=axes, keepdims=True)
        if g.shape != shape:  # a rule that gave less than the full shape, such as a number's
            g = np.broadcast_to(g, shape)
    if g.dtype != dtype:
        if g.dtype.kind == "c" and dtype.kind != "c":
            g = g.real
        g = g.astype(dtype)
    return g


def _fit_tensor(g, fit):
    shape, dtype = fit
    if tuple(g.shape) != shape:
        g = g.sum_to_size(shape) if g.ndim >= len(shape) else g.expand(shape)
    if g._a.dtype != dtype:
        if g.is_complex() and dtype.kind != "c":
            g = g.real
        g = g.to(dtypes.from_np(dtype))
    return g


def _zeros_for(node, gs, create_graph):
    """A many-output node's gradients with zeros where none arrived."""
    like = node.extra["like"]
    return [g if g is not None else (make(np.zeros(*like[i])) if create_graph else np.zeros(*like[i])) for i, g in enumerate(gs)]


def _pull_arrays(node, g, xp=NP):
    """The gradients of a node's inputs as arrays (None where no edge wants one): the uncommon cases.

    `run` itself does the common one: one output, one rule per input, real numbers, no change of shape.
    """
    rec, saved = node.record, saved_of(node)
    conj = node.outputs == 1 and g.dtype.kind == "c" and not rec.conj_aware
    if xp is NP and rec.native and fast.on and (g if node.outputs == 1 else g[0]).size >= rec.native:
        return fast.pull(rec, _pulled, node.edges, node.fit, g, saved)
    if conj:
        g = g.conj()
    return _pulled(rec, node.edges, node.fit, g, saved, xp, conj)


def _pulled(rec, edges, fit, g, saved, xp=NP, conj=False):
    """The gradients by the record's rules."""
    if rec.pull_joint is not None:
        out = list(rec.pull_joint(xp, g, saved, tuple(e is not None for e in edges)))
    elif rec.variadic:
        out = list(rec.pulls[0](xp, g, saved))
    else:
        out = [p(xp, g, saved) if e is not None else None for e, p in zip(edges, rec.pulls)]
    for i, v in enumerate(out):
        if v is not None:
            if type(v) is not ndarray and xp is NP:
                v = out[i] = asarray(v)
            if conj:
                v = out[i] = v.conj()
            if fit is not None and edges[i] is not None:
                v = fit_array(v, fit[i])
                out[i] = asarray(v) if isinstance(v, np.generic) else v
    return out


def _pull_tensors(node, g):
    """The gradients of a node's inputs as tensors that carry a graph."""
    from ..ops import reader

    rec, saved = node.record, as_tensors(node, saved_of(node))
    conj = isinstance(g, Tensor) and g.is_complex() and not rec.conj_aware
    if conj:
        g = g.conj()
    if rec.pull_joint is not None:
        needed = tuple(e is not None for e in node.edges)
        out = list(rec.pull_joint(reader, g, saved, needed))
    elif rec.variadic:
        out = list(rec.pulls[0](reader, g, saved))
    else:
        out = [p(reader, g, saved) if e is not None else None for e, p in zip(node.edges, rec.pulls)]
    for i, v in enumerate(out):
        if v is not None:
            if conj:
                v = out[i] = v.conj()
            if node.fit is not None and node.edges[i] is not None:
                out[i] = _fit_tensor(v, node.fit[i])
    return out


def run(roots, targets=None, retain_graph=False, create_graph=False):
    """Hand gradients from `roots`, (edge, gradient tensor) pairs, through the graph; returns {leaf or target: gradient}."""
    grads: dict = {}  # what has arrived so far, by node or leaf
    frontier: list = []  # (time, node) of the nodes in `grads`, newest last: nothing more can arrive at the newest
    wanted: Any = None
    useful: Any = None
    if targets is not None:
        wanted = dict.fromkeys(targets)
        useful = set(collect([r for r, _ in roots], targets)).union(targets)
    for edge, g in roots:
        _give(grads, frontier, edge, g if create_graph else g._a)
    pull = _pull_tensors if create_graph else _pull_arrays
    if traced is not None and not create_graph and (reader := traced()) is not None:
        pull = functools.partial(_pull_arrays, xp=reader)
    check = _refuse_nan if modes.anomaly else None
    if watching is not None:
        check = watching.checking(check)
    simple = targets is None and pull is _pull_arrays and check is None
    gone = () if retain_graph else Freed.here()
    follows = passed = None  # a node that has all of its gradient, `passed`: in a chain the next one, which needs no frontier
    while frontier or follows is not None:
        if follows is None:
            node = frontier.pop()[1]
            g = grads.pop(node)
        else:
            node, g, follows = follows, passed, None
        rec = node.record
        extra = node.extra
        if (
            simple
            and rec is not None
            and rec.simple
            and extra is None
            and node.fit is None
            and (g.dtype is _float32 or g.dtype.kind != "c")
        ):
            saved = node.saved
            if saved is None:
                raise freed(node)
            for cell in node.cells:
                if cell[STAMP] > node.seq:
                    if redo(node):
                        saved = node.saved
                        break
                    raise stale(node.name(), cell, node)
            if rec.native and g.size >= rec.native and fast.on:
                out = fast.pull(rec, _pulled, node.edges, None, g, saved)
                if not retain_graph and rec.holds:
                    node.saved, node.cells = None, gone
                saved = None
                for edge, v in zip(node.edges, out):
                    if edge is not None:
                        _give(grads, frontier, edge, v)
                out = v = None
                continue
            for edge, (rule, reads, i, j) in zip(node.edges, rec.direct):
                if edge is not None:
                    if reads == 1:
                        v = rule(NP, g, saved[i])
                    elif reads == 0:
                        v = rule(NP, g)
                    elif reads == 2:
                        v = rule(NP, g, saved[i], saved[j])
                    else:
                        v = rule(NP, g, saved)
                    if type(v) is not ndarray:
                        v = asarray(v)
                    if not edge._single or frontier:
                        _give(grads, frontier, edge, v)
                    elif follows is None:
                        follows, passed = edge, v
                    elif edge is follows:
                        passed = passed + v
                        if type(passed) is not ndarray:  # NumPy adds two arrays without dimensions to a bare number
                            passed = asarray(passed)
                    else:
                        _give(grads, frontier, edge, v)
            if follows is not None and frontier:  # another input's node came up: the newer goes first
                _give(grads, frontier, follows, passed)
                follows = None
            if not retain_graph and rec.holds:
                node.saved, node.cells = None, gone
            continue
        if extra is not None and "tensor_hooks" in extra:
            g = _tensor_hooks(node, g, extra["tensor_hooks"], create_graph)
        if wanted is not None and node in wanted:
            wanted[node] = g
            if not any(e is not None and (e.node if type(e) is Port else e) in useful for e in node.edges):
                continue
        if extra is not None and "before" in extra:
            g = _before(node, g, extra["before"], create_graph)
        if node.outputs != 1 and rec is not None and any(v is None for v in g):
            g = _zeros_for(node, g, create_graph)
        out = pull(node, g) if rec is not None else node.pull(g, create_graph)
        if extra is not None and "after" in extra:
            out = _after(node, g, out, extra["after"], create_graph)
        if check is not None:
            check(node, g, out)
        if not retain_graph and (rec is None or rec.holds):
            node.release()
            node.cells = gone
        for edge, v in zip(node.edges, out):
            if edge is not None and v is not None:
                if useful is None or (edge.node if type(edge) is Port else edge) in useful:
                    _give(grads, frontier, edge, v)
        out = v = None  # so that a leaf can take over an array that nobody else holds
    node = g = v = saved = edge = passed = None
    for leaf in grads:
        hooks = leaf.__dict__.get("_hooks")
        if hooks:
            grads[leaf] = _call_hooks(hooks, grads[leaf], create_graph)
    if wanted is not None:
        grads.update((key, g) for key, g in wanted.items() if g is not None)
    return grads


def _both(a, b):
    """Two gradients that arrive at the same place, added: an array where NumPy's sum of two arrays without dimensions is a bare number."""
    both = a + b
    return asarray(both) if isinstance(both, np.generic) else both


def _give(grads, frontier, edge, g):
    """Let a gradient arrive at a node (at one output of it, for a `Port`) or at a leaf."""
    if type(edge) is Port:
        node, nr = edge.node, edge.nr
    elif isinstance(edge, Node) and edge.outputs != 1:
        node, nr = edge, 0
    else:
        had = grads.get(edge)
        if had is not None:
            grads[edge] = _both(had, g)
        else:
            grads[edge] = g
            if isinstance(edge, Node):
                insort(frontier, (edge.seq, edge))
        return
    slots = grads.get(node)
    if slots is None:
        slots = grads[node] = [None] * node.outputs
        insort(frontier, (node.seq, node))
    slots[nr] = g if slots[nr] is None else _both(slots[nr], g)


def _call_hooks(hooks, g, create_graph):
    t = _shown(g, create_graph)
    for hook in hooks_in_order(hooks):
        result = hook(t)
        if result is not None:
            if not isinstance(result, Tensor):
                raise TypeError(
                    f"hook '{getattr(hook, '__name__', hook)}' has returned an incompatible value "
                    f"({type(result).__name__}, expected Tensor or None)"
                )
            if result.shape != t.shape:
                raise RuntimeError(f"hook has changed the size of value: from {list(t.shape)} to {list(result.shape)}")
            t = result
    return t if create_graph or t.is_sparse else t._a


def _tensor_hooks(node, g, hooks, create_graph):
    """Run the hooks that were registered on the node's outputs."""
    if node.outputs == 1:
        return _call_hooks(hooks.get(0, {}), g, create_graph)
    return [v if v is None or i not in hooks else _call_hooks(hooks[i], v, create_graph) for i, v in enumerate(g)]


def _before(node, g, hooks, create_graph):
    """Run the node's pre-hooks."""
    for hook in hooks_in_order(hooks):
        result = hook(tuple(_shown(v, create_graph) for v in (g if node.outputs != 1 else (g,))))
        if result is not None:
            result = (result,) if isinstance(result, Tensor) else result
            result = [None if t is None else t if create_graph else t._a for t in result]
            g = result if node.outputs != 1 else result[0]
    return g


def _after(node, g, out, hooks, create_graph):
    """Run the node's post-hooks."""
    outs = tuple(_shown(v, create_graph) for v in (g if node.outputs != 1 else (g,)))
    for hook in hooks_in_order(hooks):
        result = hook(tuple(_shown(v, create_graph) for v in out), outs)
        if result is not None:
            result = (result,) if isinstance(result, Tensor) else result
            out = [None if t is None else t if create_graph else t._a for t in result]
    return out


def _refuse_nan(node, g, out) -> None:
    """Anomaly mode: RuntimeError for a derivative that gave NaN, with the line that ran the operation forward."""
    if not modes.anomaly_nan:
        return
    for i, v in enumerate(out):
        a = None if getattr(v, "is_sparse", False) else getattr(v, "_a", v)
        if a is not None and a.dtype.kind not in "iub" and a.size and np.isnan(a.sum()):
            where = (node.extra or {}).get("line")
            told = f" It ran forward at {where[0]}, line {where[1]}: {where[2]}" if where else (
                " Run the forward pass under detect_anomaly too to be told its line."
            )  # fmt: skip
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.{told}")


def _shown(v, create_graph):
    return v if v is None or create_graph or isinstance(v, Tensor) else make(v)  # a tensor among arrays: a sparse gradient


def run_node(node, grads):
    """One node's derivative on tensors (what calling a `grad_fn` does)."""
    g: Any = grads[0] if node.outputs == 1 else list(grads)
    if node.record is None:
        if not state.grad:
            g = g._a if node.outputs == 1 else [None if v is None else v._a for v in g]
        out = node.pull(g, state.grad)
        out = [v if isinstance(v, Tensor) or v is None else make(v) for v in out]
    else:
        out = _pull_tensors(node, g)
    return out[0] if len(out) == 1 else tuple(out)


def _own(g, like):
    """`g` as an array that the leaf may keep, laid out as the leaf: itself where nobody else can see it, or a copy."""
    if type(g) is not ndarray:  # traced
        return g.copy()
    if not like.flags.c_contiguous and like.size > 1:
        out = np.empty_like(like)
        np.copyto(out, g)
        return out
    if type(g) is ndarray and g.base is None and g.flags.c_contiguous and sys.getrefcount(g) <= _alone:
        return g
    return np.array(g, order="C", copy=True)


def accumulate(leaf, g, create_graph) -> None:
    """Add a gradient to `leaf.grad`: into its memory, or as a new tensor when the gradient carries a graph."""
    if create_graph or isinstance(g, Tensor):
        leaf._grad = g if leaf._grad is None else leaf._grad + g
    elif leaf._grad is None:
        leaf._grad = make(_own(g, leaf._a))
    elif state.grad and leaf._grad._rg:
        leaf._grad = leaf._grad + make(g)
    else:
        old = leaf._grad
        if getattr(old, "is_sparse", False):
            leaf._grad = old + make(g)
        elif not old.is_meta:
            np.add(old._a, g, out=old._a, casting="unsafe")
            if old._cell is not None:
                old._bump()
    hooks = leaf.__dict__.get("_post_hooks")
    if hooks:
        for hook in hooks_in_order(hooks):
            hook(leaf)


def _references_alone() -> int:
    """How many references `_own` sees to an array that nobody else holds: Python's versions count differently."""
    global _alone
    leaf = make(np.zeros(1))
    for _alone in range(1, 8):
        leaf._grad, grads = None, {leaf: np.zeros(1)}
        address = grads[leaf].ctypes.data
        accumulate(leaf, grads.pop(leaf), False)
        if leaf._grad._a.ctypes.data == address:
            return _alone
    return 0


_alone = _references_alone()


_queue: list = []  # (thread, function) to be called when the backward that is running ends


def queue_callback(fn) -> None:
    """Call `fn()` at the end of the backward that this thread is running: hooks ask for it."""
    _queue.append((threading.get_ident(), fn))


def _run_queue() -> None:
    me = threading.get_ident()
    mine = [entry for entry in _queue if entry[0] == me]
    _queue[:] = [entry for entry in _queue if entry[0] != me]
    for _, fn in mine:
        fn()


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None) -> None:
    """Accumulate into `grad` of the leaves the gradient Σᵢ (d tensorsᵢ / d leaf)ᵀ · grad_tensorsᵢ.

    `grad_tensors` may be left out for one-element tensors. `retain_graph` keeps the saved values for another backward;
    `create_graph` makes the gradients differentiable themselves; `inputs` limits the accumulation to some leaves.
    RuntimeError: no graph, a non-scalar without gradient, freed or overwritten saved values.

    >>> import lightwell as torch
    >>> x = torch.tensor(3., requires_grad=True)
    >>> torch.autograd.backward(x * x); x.grad
    tensor(6.)
    """
    retain = create_graph if retain_graph is None else retain_graph
    roots = _roots(tensors, grad_tensors if grad_tensors is not None else grad_variables, "backward")
    if watching is not None:
        watching.begins(_several(tensors))
    targets = None
    if inputs is not None:
        inputs = _several(inputs)
        if not inputs:
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        for t in inputs:
            if not t.requires_grad:
                raise RuntimeError("One of the differentiated Tensors does not require grad")
        targets = [place_of(t) for t in inputs]
        targets = [t.node if type(t) is Port else t for t in targets]
    before, state.targets = state.grad, targets is not None
    switch(bool(create_graph))
    try:
        grads = run(roots, targets, retain, create_graph)
        del roots
        if inputs is not None:
            for t in inputs:
                key = place_of(t)
                if t._node is not None and not t.retains_grad:
                    g = grads.get(key.node)[key.nr] if type(key) is Port else grads.get(key)
                    if g is not None:
                        accumulate(t, g, create_graph)
        for key in list(grads):
            if isinstance(key, Tensor):
                accumulate(key, grads.pop(key), create_graph)
        if _queue:
            _run_queue()
    finally:
        switch(before)
        state.targets = False
    if watching is not None:
        watching.ended()


def grad(
    outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True, allow_unused=None,
    is_grads_batched=False, materialize_grads=False,
):  # fmt: skip
    """The gradients of `outputs` (weighted by `grad_outputs`) for `inputs`, as a tuple, without touching any `grad`.

    gᵢ = Σⱼ (d outputsⱼ / d inputsᵢ)ᵀ · grad_outputsⱼ. None for an input that took no part where `allow_unused`,
    zeros where `materialize_grads`, otherwise RuntimeError. `is_grads_batched` takes grad_outputs with a leading
    dimension and gives one gradient per entry.

    >>> import lightwell as torch
    >>> x = torch.tensor(2., requires_grad=True)
    >>> (g,) = torch.autograd.grad(x**3, x, create_graph=True)
    >>> torch.autograd.grad(g, x)
    (tensor(12.),)
    """
    inputs, outputs = _several(inputs), _several(outputs)
    if not inputs:
        raise ValueError("grad requires non-empty inputs.")
    if batched is not None and any(
        hasattr(t, "whole") for t in (*outputs, *inputs, *_several(() if grad_outputs is None else grad_outputs))
    ):
        return batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
    if is_grads_batched:
        from ..ops.join import stack

        batch = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
        rows = [
            grad(outputs, inputs, [b[i] for b in batch], True, create_graph, True, allow_unused, False, True) for i in range(len(batch[0]))
        ]
        return tuple(stack(column) for column in zip(*rows))
    if allow_unused is None:
        allow_unused = materialize_grads
    retain = create_graph if retain_graph is None else retain_graph
    for i, t in enumerate(inputs):
        if not hasattr(t, "_node"):
            raise TypeError(f"grad(): inputs[{i}] must be Tensor, not {type(t).__name__}")
        if not t.requires_grad:
            raise RuntimeError(f"One of the differentiated Tensors does not require grad: inputs[{i}] was made without requires_grad=True")
    found = []
    for i, (t, g) in enumerate(zip(inputs, grad_plain(outputs, inputs, grad_outputs, retain, create_graph))):
        if g is None and not allow_unused:
            raise RuntimeError(
                f"One of the differentiated Tensors appears to not have been used in the graph (inputs[{i}]). "
                "Set allow_unused=True if this is the desired behavior."
            )
        g = make(np.zeros(t._a.shape, t._a.dtype)) if g is None and materialize_grads else g
        found.append(hollowed(g) if getattr(t, "is_meta", False) else g)
    return tuple(found)


def grad_plain(outputs, inputs, grad_outputs, retain_graph, create_graph) -> list:
    """The gradients as a list, None for inputs that took no part; every tensor stands in the graph itself."""
    roots = _roots(outputs, grad_outputs, "grad")
    keys = [place_of(t) for t in inputs]
    targets = [k.node if type(k) is Port else k for k in keys]
    before, state.targets = state.grad, True
    switch(bool(create_graph))
    try:
        grads = run(roots, targets, retain_graph, create_graph)
        if _queue:
            _run_queue()
    finally:
        switch(before)
        state.targets = False
    found: list = []
    for key in keys:
        g = grads.get(key.node if type(key) is Port else key)
        if type(key) is Port and g is not None:
            g = g[key.nr]
        found.append(g if g is None or create_graph or isinstance(g, Tensor) else make(g if g.flags.writeable else g.copy()))
    if watching is not None:
        watching.gave(inputs, found, outputs)
    return found
