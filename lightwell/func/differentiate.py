"""grad, vjp and jvp as functions of functions.

Everything comes from one step, `pull`: the gradients of outputs for inputs that `entered` the graph anew. Under vmap the
graph stands on the batches, below all levels; since the examples of a batch don't know of each other, one backward pass
through it gives each example its own gradient. Levels that only the cotangents know (Jacobians: a row of the identity
each) become one vmap over the backward pass. A jvp is the derivative of the vjp, which is linear in its cotangent u:
J·t = d(Jᵀu·t)/du.
"""

import functools

from ..autograd import engine, modes
from ..autograd.node import Alias, Node, Port, tick
from ..errors import Unreadable
from ..errors.teaching import RuntimeError
from ..tensor import Tensor, make
from ..utils._pytree import tree_flatten, tree_map, tree_unflatten
from .vmap import Level, at_levels, bare, closed, levels, map_tensors, opened, product, tensors_only, whole_of

__all__ = ["functionalize", "grad", "grad_and_value", "jvp", "linearize", "vjp"]


# ---- the one step ---------------------------------------------------------------------------------------------------


class Entered:
    """Inputs with a fresh place in the graph: `tensors` is what the function sees, `bases` what stands below all vmaps."""

    def __init__(self, inputs):
        self.order = levels()
        self.outer = modes.state.grad
        with bare():
            self.bases = [self._fresh(at_levels(t, self.order)) for t in inputs]
        self.tensors = [closed(base, self.order) for base in self.bases]

    def _fresh(self, base: Tensor) -> Tensor:
        """The same values at a new place, which leads on to the old one where somebody outside may differentiate."""
        if not (base.is_floating_point() or base.is_complex()):
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients; an input is {base.dtype}: convert it first, with .float()"
            )
        t = make(base._a)
        if self.outer and base.requires_grad:
            node = t._node = object.__new__(Alias)
            node.edges, node.saved, node.cells, node.fit, node.extra = (base._node or base,), (), (), None, None
            node.seq = tick()
            t._rg = True
            return t
        return t.requires_grad_()


def _reaches_others(tensors, own) -> bool:
    """Whether the graph behind tensors leads to something that gradients are wanted for, besides `own`."""
    own = {id(t) for t in own} | {id(t._node) for t in own if t._node is not None}
    stack = [t._node if t._node is not None else t for t in tensors if isinstance(t, Tensor) and t.requires_grad]
    seen: set = set()
    while stack:
        node = stack.pop()
        node = node.node if type(node) is Port else node
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not isinstance(node, Node):
            if id(node) not in own:
                return True
            continue
        if id(node) in own and isinstance(node, Alias):
            return True  # an input that leads on to somebody outside
        stack.extend(e for e in node.edges if e is not None)
    return False


def pull(outputs, entered: Entered, cotangents, retain=True, create=None) -> list:
    """Jᵀ·cotangents: the gradients of (some) outputs, weighted, for what entered; None where nothing flows."""
    order = entered.order
    known = [levels_of(v) for v in cotangents]
    extra = [level for level in levels() if level not in order and any(level in k for k in known)]
    with bare():
        ys, vs = [], []
        for y, v in zip(outputs, cotangents):
            base, has = opened(y)
            if base.requires_grad and has == order:
                ys.append(base)
                vs.append(at_levels(v, extra + order))
        if not ys:
            return [None] * len(entered.bases)
        if create is None:
            create = entered.outer and modes.state.grad and _reaches_others([*ys, *vs], entered.bases)
        found = _weighted(ys, entered.bases, vs, [level.size for level in extra], retain or create, create)
        n = len(extra)
        found = [
            None if g is None else g.permute(*range(n, n + len(order)), *range(n), *range(n + len(order), g.ndim)) if n and order else g
            for g in found
        ]
    return [None if g is None else closed(g, order + extra) for g in found]


def _weighted(ys, xs, vs, sizes, retain, create) -> list:
    """Gradients below all vmaps; `sizes`: the leading dimensions that the weights have and the graph hasn't."""
    if not sizes:
        return list(_grad(ys, xs, vs, retain, create))
    n, k = product(sizes), len(sizes)
    level = Level(n)
    rows = [v.reshape(n, *v.shape[k:]) for v in vs]
    try:
        from .example import example

        with level:
            found = _grad(ys, xs, [example(level, r) for r in rows], True, True)
        wholes = [None if g is None else g.expand(n, *g.shape) if whole_of(level, g) is None else whole_of(level, g) for g in found]
    except Unreadable:  # a rule that looks at numbers: one after the other
        from ..ops.join import stack

        each = [_grad(ys, xs, [r[i] for r in rows], True, create) for i in range(n)]
        wholes = [None if c[0] is None else stack(c) for c in zip(*each)]
    return [None if g is None else (g if create else g.detach()).reshape(*sizes, *g.shape[1:]) for g in wholes]


def _grad(ys, xs, vs, retain, create):
    keep = [(y, v) for y, v in zip(ys, vs) if y.requires_grad]
    if not keep:
        return [None] * len(xs)
    with modes.enable_grad():
        return engine.grad_plain([y for y, _ in keep], xs, [v for _, v in keep], retain, create)


def levels_of(t) -> list:
    """The levels at which a tensor is mapped."""
    return opened(t)[1]


def _zeros(found, inputs) -> list:
    return [x.new_zeros(x.shape) if g is None else g for g, x in zip(found, inputs)]


def _left(values, entered: Entered):
    """Results as the outside sees them: without the places that entered, where nothing outside asks."""

    def leave(t):
        base, has = opened(t)
        if base.requires_grad and not (entered.outer and _reaches_others([base], entered.bases)):
            with bare():
                return closed(base.detach(), has)
        return t

    return map_tensors(leave, values)


# ---- autograd.grad under vmap ---------------------------------------------------------------------------------------


def _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize):
    """`autograd.grad` where outputs, inputs or weights are examples. An input that all examples share gets one gradient for each."""
    weights = [None] * len(outputs) if grad_outputs is None else [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    weights = [y.new_ones(y.shape) if v is None else v for y, v in zip(outputs, weights)]
    retain = create_graph if retain_graph is None else retain_graph
    kinds = [levels_of(x) for x in inputs]
    found: list = [None] * len(inputs)
    for kind in [k for i, k in enumerate(kinds) if k not in kinds[:i]]:
        at = [i for i, k in enumerate(kinds) if k == kind]
        for i, g in zip(at, _for_inputs(outputs, [inputs[i] for i in at], kind, weights, retain or len(at) < len(kinds), create_graph)):
            found[i] = g
    if not (allow_unused or materialize) and any(g is None for g in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. "
            "Set allow_unused=True if this is the desired behavior."
        )
    return tuple(x.new_zeros(x.shape) if g is None and materialize else g for g, x in zip(found, inputs))


def _for_inputs(outputs, inputs, mine, weights, retain, create) -> list:
    """Gradients for inputs that are mapped at the levels `mine`."""
    from .. import eye

    every = levels()
    graph = [level for level in every if any(level in levels_of(y) for y in outputs)]
    extra = [level for level in every if level not in graph and any(level in levels_of(v) for v in weights)]
    shared = [level for level in graph if level not in mine]
    with bare():
        vs = []
        for y, v in zip(outputs, weights):
            has = levels_of(y)
            w = at_levels(v, extra + has)
            for n, level in enumerate(reversed(shared)):  # each example's part of the gradient, by weights that see it alone
                mask = eye(level.size, dtype=w.dtype)
                if level in has:
                    at = n + len(extra) + has.index(level)
                    mask = mask.reshape(level.size, *(1,) * at, level.size, *(1,) * (w.ndim - at - 1))
                    w = mask * w
                else:
                    w = w.expand(level.size, *w.shape)
            vs.append(w)
        names = shared + extra + mine
        found = _weighted(
            [opened(y)[0] for y in outputs], [opened(x)[0] for x in inputs], vs, [level.size for level in shared + extra], retain, create
        )
        order = [level for level in every if level in names]
        found = [None if g is None else g.permute(*[names.index(level) for level in order], *range(len(names), g.ndim)) for g in found]
    return [None if g is None else closed(g, order) for g in found]


engine.batched = _batched


# ---- the transforms -------------------------------------------------------------------------------------------------


def _argnums(argnums, args) -> tuple:
    """argnums as a tuple of positions; RuntimeError for what is none."""
    if not isinstance(argnums, (int, tuple)) or isinstance(argnums, bool):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    several = argnums if isinstance(argnums, tuple) else (argnums,)
    if not several:
        raise RuntimeError("argnums must be non-empty: which arguments to differentiate for?")
    for n in several:
        if not isinstance(n, int):
            raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {argnums}")
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"Got argnum={n}, but only {len(args)} positional inputs")
    several = tuple(n % len(args) for n in several)
    if len(set(several)) != len(several):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return several


def _enter(args, numbers):
    """(entered leaves, args with them in place, spec of the differentiated arguments)."""
    chosen = tuple(args[n] for n in numbers)
    leaves, spec = tree_flatten(chosen)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"Expected all differentiated inputs to be Tensors, got {type(leaf)} in argument {numbers}")
    entered = Entered(leaves)
    new = list(args)
    for n, value in zip(numbers, tree_unflatten(entered.tensors, spec)):
        new[n] = value
    return entered, new, spec


def _split_aux(out, has_aux: bool, what: str):
    if not has_aux:
        return out, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise RuntimeError(f"{what}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return out


def grad_and_value(func, argnums=0, has_aux=False):
    """`grad`, with the value: returns (gradient, value), or (gradient, (value, aux)) with `has_aux`.

    >>> import lightwell as torch
    >>> torch.func.grad_and_value(lambda x: (x * x).sum())(torch.tensor([1., 2.]))
    (tensor([2., 4.]), tensor(5.))
    """

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        numbers = _argnums(argnums, args)
        with_graph = modes.state.grad
        entered, new, spec = _enter(args, numbers)
        entered.outer = with_graph
        with modes.enable_grad():
            out, aux = _split_aux(modes.transformed(func, *new, **kwargs), has_aux, "grad_and_value(f)(*args)")
        if not isinstance(out, Tensor):
            raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(out)}")
        if out.ndim:
            raise RuntimeError(
                f"grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with {out.ndim} dims. Maybe you "
                "wanted to use the vjp or jacrev APIs instead?"
            )
        found = _zeros(pull([out], entered, [_ones(out)], retain=False), entered.tensors)
        grads = tree_unflatten(found, spec)
        grads = grads if isinstance(argnums, tuple) else grads[0]
        grads = _left(grads, entered)
        value = _left(out, entered)
        return grads, ((value, _left(aux, entered)) if has_aux else value)

    return wrapper


def _ones(t):
    base, has = opened(t)
    with bare():
        made = base.new_ones(base.shape)
    return closed(made, has)


def grad(func, argnums=0, has_aux=False):
    """The gradient of a function with one 0-dim output, as a function of the same arguments.

    `argnums`: for which positional argument(s), trees of tensors; a tuple gives a tuple of gradients. `has_aux`: the
    function returns (output, aux), and the gradient comes as (gradient, aux). Transforms nest.
    RuntimeError where the output is no 0-dim tensor, or an argument no floating-point tensor.

    >>> import lightwell as torch
    >>> from lightwell.func import grad
    >>> grad(torch.sin)(torch.tensor(0.)), grad(grad(torch.sin))(torch.tensor(0.)) == 0
    (tensor(1.), tensor(True))
    """

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        grads, value = grad_and_value(func, argnums, has_aux)(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return wrapper


def vjp(func, *primals, has_aux=False):
    """(func(*primals), vjp_fn): vjp_fn(cotangents) gives Jᵀ·cotangents, one part for each primal.

    Cotangents have the outputs' structure. With `has_aux` a third result, the function's aux.

    >>> import lightwell as torch
    >>> y, vjp_fn = torch.func.vjp(torch.sin, torch.tensor([0., 1.]))
    >>> vjp_fn(torch.ones(2))
    (tensor([1.0000, 0.5403]),)
    """
    entered, new, spec = _enter(primals, tuple(range(len(primals))))
    with modes.enable_grad():
        out, aux = _split_aux(modes.transformed(func, *new), has_aux, "vjp(f, *primals)")
    ys, out_spec = tensors_only(out, "vjp(f, *primals): expected f(*primals)")

    def vjp_fn(*cotangents, retain_graph=True, create_graph=None):
        given = (
            cotangents[0]
            if len(cotangents) == 1 and not (isinstance(out, tuple) and len(ys) == 1 and out_spec.num_children == 0)
            else cotangents
        )
        flat, given_spec = tree_flatten(given)
        if given_spec != out_spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. cotangents: "
                f"{given_spec}, primal output: {out_spec}"
            )
        for i, (v, y) in enumerate(zip(flat, ys)):
            if tuple(v.shape) != tuple(y.shape):
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {v.shape} and output[{i}] has a shape of {y.shape}."
                )
        found = _zeros(pull(ys, entered, flat, retain_graph, create_graph), entered.tensors)
        return tuple(_left(tree_unflatten(found, spec), entered))

    result = _left(out, entered)
    return (result, vjp_fn, _left(aux, entered)) if has_aux else (result, vjp_fn)


class Linear:
    """A function's derivative at a point, ready to be applied to tangents: the vjp of its vjp (which is linear)."""

    def __init__(self, func, args, numbers, has_aux=False, what="jvp(f, primals, tangents)"):
        self.entered, new, self.spec = _enter(args, numbers)
        with modes.enable_grad():
            out, self.aux = _split_aux(modes.transformed(func, *new), has_aux, what)
        self.out = out
        self.ys, self.out_spec = tensors_only(out, f"{what}: Expected f(*args)")
        order = self.entered.order
        with bare():
            self.bases = []
            for y in self.ys:
                base, has = opened(y)
                self.bases.append(base if base.requires_grad and has == order else None)
            live = [y for y in self.bases if y is not None]
            self.us = [make(y._a * 0).requires_grad_() for y in live]
            self.gs = list(_grad(live, self.entered.bases, self.us, True, True)) if live else []
        self.value = _left(self.out, self.entered)

    def __call__(self, tangents) -> list:
        """J·tangents, one tensor for each output."""
        entered = self.entered
        pairs = [(g, t) for g, t in zip(self.gs, tangents) if g is not None and g.requires_grad]
        order = entered.order
        known = [levels_of(t) for t in tangents]
        extra = [level for level in levels() if level not in order and any(level in k for k in known)]
        n = len(extra)
        with bare():
            ts = [at_levels(t, extra + order) for _, t in pairs]
            gs = [g for g, _ in pairs]
            create = (
                entered.outer
                and modes.state.grad
                and _reaches_others([*gs, *ts, *[y for y in self.bases if y is not None]], [*entered.bases, *self.us])
            )
            sizes = [level.size for level in extra]
            found = _weighted(gs, self.us, ts, sizes, True, create) if pairs else [None] * len(self.us)
            rest = iter(found)
            out = []
            for base in self.bases:
                g = None if base is None else next(rest)
                if g is not None and n and order:
                    g = g.permute(*range(n, n + len(order)), *range(n), *range(n + len(order), g.ndim))
                out.append(g)
        made = [y.new_zeros(y.shape) if g is None else closed(g, order + extra) for g, y in zip(out, self.ys)]
        return [_left(t, entered) for t in made]


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """(func(*primals), J·tangents); with `has_aux` also the function's aux. Computed as the derivative of the vjp.

    RuntimeError where tangents don't have the primals' structure and shapes.

    >>> import lightwell as torch
    >>> torch.func.jvp(torch.sin, (torch.tensor(0.),), (torch.tensor(2.),))
    (tensor(0.), tensor(2.))
    """
    if not isinstance(primals, tuple):
        raise RuntimeError("jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    flat, spec = tree_flatten(primals)
    given, given_spec = tree_flatten(tangents)
    if spec != given_spec:
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python structure. For example, if primals is "
            f"a tuple of 3 tensors, tangents also must be. Got primals with structure {spec} and tangents with structure {given_spec}"
        )
    for x, t in zip(flat, given):
        if tuple(x.shape) != tuple(t.shape):
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not supported. "
                f"Tensor is of size {list(x.shape)} while the given forward gradient is of size {list(t.shape)}."
            )
    line = Linear(func, primals, tuple(range(len(primals))), has_aux)
    out = tree_unflatten(line(given), line.out_spec)
    return (line.value, out, _left(line.aux, line.entered)) if has_aux else (line.value, out)


def linearize(func, *primals):
    """(func(*primals), jvp_fn): the function at a point and its derivative there, which can be applied many times.

    >>> import lightwell as torch
    >>> y, df = torch.func.linearize(torch.exp, torch.tensor(0.))
    >>> df(torch.tensor(3.))
    tensor(3.)
    """
    line = Linear(func, primals, tuple(range(len(primals))), what="linearize(f, *primals)")

    def jvp_fn(*tangents):
        given, spec = tree_flatten(tangents)
        if spec != tree_flatten(primals)[1]:
            raise RuntimeError(f"linearize: the tangents' structure {spec} is not that of the primals")
        for x, t in zip(line.entered.tensors, given):
            if tuple(x.shape) != tuple(t.shape):
                raise RuntimeError(f"linearize: a tangent has shape {list(t.shape)}, its primal {list(x.shape)}")
        return tree_unflatten(line(given), line.out_spec)

    return line.value, jvp_fn


def functionalize(func, *, remove="mutations"):
    """`func` without effects on its arguments: tensors that it writes in place are copies.

    Here every operation in place is recorded as the operation that makes the new value, so nothing else has to be removed.
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are: 'mutations', 'mutations_and_views'"
        )

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        return func(*tree_map(_copied, args), **tree_map(_copied, kwargs))

    return wrapper


def _copied(v):
    return v.clone() if isinstance(v, Tensor) else v
