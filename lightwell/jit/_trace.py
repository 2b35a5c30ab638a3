"""`jit.trace`: run a program once on real tensors and keep which operations ran; branches are decided, loops unrolled."""

import functools
import inspect
import operator
import types
import warnings

from .. import overrides
from ..errors.level import users_level
from ..errors.teaching import AttributeError, RuntimeError
from ..errors.unpickling import PickleError
from ..fx import Graph, GraphModule, Node
from ..nn import Module
from ..ops import op
from ..tensor import Tensor
from ._annotations import running
from ._script import ScriptFunction, ScriptModule, wrap_module, wrapper_class

__all__ = ["TopLevelTracedModule", "TracedModule", "TracerWarning", "TracingCheckError", "trace", "trace_module"]


class TracerWarning(Warning):
    """A trace may not hold for other inputs: a value became a Python number, or two runs differ."""


class TracingCheckError(Exception):
    """A trace can't be checked."""


# A tensor that becomes one of these leaves the trace: what follows from it is a constant there.
_LEAVES = {
    "__bool__": "boolean", "__int__": "integer", "__float__": "float", "__index__": "index", "item": "number", "tolist": "list",
    "numpy": "NumPy array", "__len__": None,
}  # fmt: skip


class _TracedInt(int):
    """A size that a traced program read: where it reaches an operation again, the trace asks for the size anew."""

    def __new__(cls, value: int, make):
        self = super().__new__(cls, value)
        self.make = make
        return self

    def __reduce__(self):
        return int, (int(self),)


def _int_operators() -> None:
    """Arithmetic of sizes stays in the trace; comparisons give plain bools, so that branches are decided."""

    def both(target, swapped):
        def method(self, other):
            if not isinstance(other, int) or isinstance(other, bool):
                return NotImplemented
            a, b = (other, self) if swapped else (self, other)
            return _TracedInt(target(int(a), int(b)), lambda recorder: recorder.graph.call_function(target, recorder.argument((a, b))))

        return method

    for name in "add sub mul floordiv mod".split():
        setattr(_TracedInt, f"__{name}__", both(getattr(operator, name), False))
        setattr(_TracedInt, f"__r{name}__", both(getattr(operator, name), True))


_int_operators()


class _Recorder:
    """Puts every outermost call of this thread into a graph."""

    def __init__(self, root: Module):
        self.root, self.graph = root, Graph()
        self.values: dict = {}  # id of a tensor -> (its node, the tensor, kept so that its id stays its own)
        self.inside = False
        self.members = {id(t): name for name, t in (*root.named_parameters(), *root.named_buffers())}
        self.constants = 0

    # ---- tensors and nodes ----------------------------------------------------------------------------------------

    def know(self, tensor: Tensor, node: Node) -> None:
        """`node` is where this tensor comes from, now."""
        self.values[id(tensor)] = node, tensor

    def node_of(self, tensor: Tensor) -> Node:
        """The node of a tensor: made before, a parameter or buffer, or a constant."""
        known = self.values.get(id(tensor))
        if known is not None:
            return known[0]
        name = self.members.get(id(tensor))
        if name is None:
            if tensor.requires_grad:
                raise RuntimeError(
                    "Cannot insert a Tensor that requires grad as a constant. Consider making it a parameter or input, or detaching the "
                    f"gradient: a tensor of shape {list(tensor.shape)} that is neither was met while tracing"
                )
            while hasattr(self.root, f"_tensor_constant{self.constants}"):
                self.constants += 1
            name = f"_tensor_constant{self.constants}"
            self.root.register_buffer(name, tensor, persistent=False)
            self.members[id(tensor)] = name
        node = self.graph.get_attr(name)
        self.know(tensor, node)
        return node

    def argument(self, value):
        """A value as it stands in a node; None's stand-in `_Strange` for what can't."""
        if isinstance(value, Tensor):
            return self.node_of(value)
        if type(value) is _TracedInt:
            return value.make(self)
        if isinstance(value, tuple):
            items = [self.argument(v) for v in value]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if isinstance(value, list):
            return [self.argument(v) for v in value]
        if isinstance(value, dict):
            return {k: self.argument(v) for k, v in value.items()}
        if isinstance(value, slice):
            return slice(self.argument(value.start), self.argument(value.stop), self.argument(value.step))
        return value

    def results(self, node: Node, out) -> None:
        """Note which tensors a node made."""
        if isinstance(out, Tensor):
            self.know(out, node)
        elif isinstance(out, (tuple, list)):
            for i, item in enumerate(out):
                if _has_tensor(item):
                    self.results(self.graph.call_function(operator.getitem, (node, i)), item)

    # ---- calls ----------------------------------------------------------------------------------------------------

    def __call__(self, function, args, kwargs):
        run = overrides.original(function)
        if self.inside:
            return run(*args, **kwargs)
        name = overrides._table()[1].get(function, function.__name__)
        what = _LEAVES.get(name)
        if what is not None and args and id(args[0]) in self.values:
            warnings.warn(
                f"Converting a tensor to a Python {what} might cause the trace to be incorrect. We can't record the data flow of Python "
                "values, so this value will be treated as a constant in the future. This means that the trace might not generalize to "
                "other inputs!",
                TracerWarning,
                stacklevel=users_level(),
            )
        if name in _OPEN:
            return run(*args, **kwargs)
        self.inside = True
        try:
            out = run(*args, **kwargs)
        finally:
            self.inside = False
        if name in ("size", "shape", "numel", "nelement") and args and id(args[0]) in self.values:
            return self.sizes(name, args[0], args[1:], kwargs, out)
        writes = name in ("__setitem__", "__delitem__")
        if writes or _has_tensor(out):
            self.record(function, name, args, kwargs, out)
        return out

    def sizes(self, name: str, tensor: Tensor, args: tuple, kwargs: dict, out):
        """The ints of a tensor's shape, each of which the trace asks for again where it is used."""

        def size(dim: int):
            return lambda recorder: recorder.graph.call_method("size", (recorder.node_of(tensor), dim))

        if isinstance(out, tuple):
            return tuple.__new__(type(out), [_TracedInt(n, size(i)) for i, n in enumerate(out)])
        if name in ("numel", "nelement"):
            return _TracedInt(out, lambda recorder: recorder.graph.call_method("numel", (recorder.node_of(tensor),)))
        return _TracedInt(out, size(args[0] if args else kwargs["dim"]))

    def record(self, function, name, args, kwargs, out) -> None:
        """A node for a call that made tensors."""
        if name in ("requires_grad_", "share_memory_", "pin_memory", "contiguous") and isinstance(out, Tensor) and args and out is args[0]:
            return
        args, kwargs = self.argument(tuple(args)), self.argument(dict(kwargs))
        if name == "__setitem__":
            self.graph.call_function(operator.setitem, args)
        elif name == "__getitem__":
            self.results(self.graph.call_function(operator.getitem, args), out)
        elif function in overrides._table()[0]:
            self.results(self.graph.call_function(function, args, kwargs), out)
        elif isinstance(vars(Tensor).get(name), property):
            self.results(self.graph.call_function(getattr, (args[0], name)), out)
        else:
            bare = name[2:-2]
            if name.startswith("__") and hasattr(Tensor, bare):
                name = bare
            self.results(self.graph.call_method(name, args, kwargs), out)

    def bare(self, rec, call, args):
        """An operation that no public function stands around."""
        if self.inside:
            return call(*args)
        self.inside = True
        try:
            out = call(*args)
        finally:
            self.inside = False
        if _has_tensor(out):
            self.results(self.graph.call_function(call, self.argument(tuple(args)), name=rec.name), out)
        return out


# what runs Python of the user's, or is made of further calls: those are recorded instead
_OPEN = frozenset(("__iter__", "register_hook", "backward", "apply_", "map_", "map2_"))


def _has_tensor(value) -> bool:
    if isinstance(value, Tensor):
        return True
    return isinstance(value, (tuple, list)) and any(_has_tensor(v) for v in value)


def _type_text(value) -> str:
    """A value's type as TorchScript writes it."""
    if isinstance(value, tuple):
        return f"Tuple[{', '.join(map(_type_text, value))}]"
    if isinstance(value, list):
        return f"List[{_type_text(value[0]) if value else 'Tensor'}]"
    if isinstance(value, dict):
        key, item = next(iter(value.items()), ("", None))
        return f"Dict[{type(key).__name__}, {_type_text(item)}]"
    return "Tensor"


def _flatten(value) -> list:
    if isinstance(value, dict):
        return [t for v in value.values() for t in _flatten(v)]
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in _flatten(v)]
    return [value]


def _run(fn, root: Module, names: list, inputs: tuple, keywords: dict, strict: bool):
    """(graph, result) of fn(*inputs), recorded."""
    recorder = _Recorder(root)

    def enter(value, node):
        if isinstance(value, Tensor):
            recorder.know(value, node)
            return value
        if isinstance(value, (tuple, list)):
            items = [enter(v, recorder.graph.call_function(operator.getitem, (node, i))) for i, v in enumerate(value)]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if isinstance(value, dict):
            return {k: enter(v, recorder.graph.call_function(operator.getitem, (node, k))) for k, v in value.items()}
        raise RuntimeError(
            f"Type '{type(value).__name__}' cannot be traced. Only Tensors and (possibly nested) Lists, Dicts, and Tuples of Tensors can be "
            "traced: fix other values with a lambda around the program"
        )

    placeholders = [recorder.graph.placeholder(name) for name in [*names[: len(inputs)], *keywords]]
    for node, value in zip(placeholders, [*inputs, *keywords.values()]):
        node.meta["torchscript"] = _type_text(value)
    # views, so that an input that is also a parameter is not taken for it
    values = [enter(_aliases(v), node) for v, node in zip([*inputs, *keywords.values()], placeholders)]
    args, kwargs = values[: len(inputs)], dict(zip(keywords, values[len(inputs) :]))
    with running("tracing"), overrides.interception(recorder), op.interpose(recorder.bare):
        out = fn(*args, **kwargs)
    for leaf in _flatten(out):
        if leaf is not None and not isinstance(leaf, (Tensor, int, float, bool, str)):
            raise RuntimeError(
                f"Only tensors, lists, tuples of tensors, or dictionary of tensors can be output from traced functions; got {type(leaf).__name__}"
            )
    if strict and isinstance(out, (dict, list)):
        raise RuntimeError(
            "Encountering a dict or a list at the output of the tracer might cause the trace to be incorrect, this is only valid if the "
            "container structure does not change based on the module's inputs. Consider using a constant container instead (e.g. for "
            "`list`, use a `tuple` instead. for `dict`, use a `NamedTuple` instead). If you absolutely need this and know the side "
            "effects, pass strict=False to trace() to allow this behavior."
        )
    for leaf in _flatten(out):
        if isinstance(leaf, Tensor) and id(leaf) not in recorder.values and id(leaf) not in recorder.members:
            warnings.warn(
                "Output of the traced program doesn't depend on its inputs: it is a constant in the trace",
                TracerWarning,
                stacklevel=users_level(),
            )
            leaf.requires_grad and recorder.node_of(leaf.detach())
    recorder.graph.output(recorder.argument(out))
    for node in reversed(recorder.graph.nodes):
        if not node.users and (node.op == "get_attr" or (node.target is operator.getitem)):
            recorder.graph.erase_node(node)
    return recorder.graph, out


def _aliases(value):
    """The same values in tensor objects of their own, nests rebuilt."""
    if isinstance(value, Tensor):
        return value.detach().requires_grad_(value.requires_grad) if value.is_leaf else value.view_as(value)
    if isinstance(value, (tuple, list)):
        items = [_aliases(v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return {k: _aliases(v) for k, v in value.items()} if isinstance(value, dict) else value


class TracedModule(ScriptModule):
    """A module inside a traced one."""

    def extra_repr(self) -> str:
        """The original class's name."""
        return f"original_name={self.original_name}"

    def __repr__(self) -> str:
        return Module.__repr__(self)

    def _get_name(self) -> str:
        return self.original_name

    def _names(self) -> tuple:
        return self.__dict__.get("_traced_methods", ())

    def __deepcopy__(self, memo):
        import copy

        new = object.__new__(type(self))
        memo[id(self)] = new
        for key, value in self.__dict__.items():
            if key in self._names():
                value = types.MethodType(value.__func__, new)
            elif key not in ("_traced_graph", "_traced_graphs", "_traced_methods"):
                value = copy.deepcopy(value, memo)
            new.__dict__[key] = value
        return new

    def __reduce_ex__(self, protocol):

        raise PickleError("ScriptModules cannot be pickled: save them with torch.jit.save(module, file)")


class TopLevelTracedModule(TracedModule):
    """What `jit.trace(module, ...)` gives: the recorded operations, on the same parameters."""

    @property
    def code(self) -> str:
        """The recorded operations as Python."""
        return self._traced_graph.python_code("self").src.strip("\n") + "\n"


def _compiled(graph: Graph, root: Module):
    """The method that runs the graph on a module."""
    return type(GraphModule(root, graph)).forward


def _inputs(example, fn, skip: int):
    if isinstance(example, Tensor) or not isinstance(example, (tuple, list)):
        example = (example,)
    names = []
    try:
        for p in list(inspect.signature(fn).parameters.values()):
            if p.kind is p.VAR_POSITIONAL:
                break
            names.append(p.name)
    except (TypeError, ValueError):
        names = []
    names = names[skip:]
    names += [f"argument_{i + 1}" for i in range(len(names), len(example))]
    return names, tuple(example)


def _check(traced, original, inputs, keywords, tolerance: float) -> None:
    """Warn where the trace and the program differ on these inputs."""
    import lightwell as lw

    from ..testing import assert_close

    kept = {}
    if isinstance(original, Module):
        kept = {name: b.detach().clone() for name, b in original.named_buffers()}
    try:
        with lw.random.fork_rng():
            want = original(*_aliases(inputs), **_aliases(keywords))
        with lw.random.fork_rng():
            got = traced(*_aliases(inputs), **_aliases(keywords))
    finally:
        if kept:
            with lw.no_grad():
                for name, b in original.named_buffers():
                    b.copy_(kept[name])
    for i, (a, b) in enumerate(zip(_flatten(want), _flatten(got))):
        if isinstance(a, Tensor):
            try:
                assert_close(b.detach().double() if b.is_floating_point() else b, a.detach().double() if a.is_floating_point() else a,
                             rtol=tolerance, atol=tolerance, equal_nan=True)  # fmt: skip
            except AssertionError as error:
                warnings.warn(
                    f"Output nr {i + 1}. of the traced function does not match the corresponding output of the Python function. "
                    f"Detailed error:\n{error}",
                    TracerWarning,
                    stacklevel=users_level(),
                )


def trace(func, example_inputs=None, optimize=None, check_trace: bool = True, check_inputs=None, check_tolerance: float = 1e-5, strict: bool = True,
          _force_outplace: bool = False, _module_class=None, _compilation_unit=None, example_kwarg_inputs=None, _store_inputs: bool = True):  # fmt: skip
    """Run a function or module once on the example inputs and keep the operations that ran, as a program of their own.

    Branches are decided once and for all, loops unrolled; sizes that go from `x.size(0)` or `x.shape` into further operations
    are asked for anew. Parameters are shared with the original. The trace is run again and compared with the program (`check_trace`, also on the tuples in
    `check_inputs`): TracerWarning where they differ, as for a program with random numbers. TracerWarning, too, where a
    tensor becomes a Python number. RuntimeError for inputs and outputs that hold anything but tensors, and, if `strict`, for a
    list or dict as the output.

    >>> import lightwell as torch
    >>> f = torch.jit.trace(lambda x: x.view(x.size(0), -1) * 2, torch.ones(3, 1, 2))
    >>> f(torch.ones(1, 2, 2))
    tensor([[2., 2., 2., 2.]])
    """
    if isinstance(func, ScriptModule) and not type(func).__name__ == "ScriptModule":
        return func
    if isinstance(func, Module):
        if example_inputs is None and example_kwarg_inputs is None:
            raise RuntimeError("trace: example_inputs or example_kwarg_inputs must be given")
        inputs = {"forward": (() if example_inputs is None else example_inputs)}
        return trace_module(func, inputs, None, check_trace, check_inputs and [{"forward": c} for c in check_inputs], check_tolerance, strict,
                            example_inputs_is_kwarg=False, _keywords=example_kwarg_inputs or {})  # fmt: skip
    if isinstance(func, types.MethodType) and isinstance(func.__self__, Module):
        if func.__name__ != "forward":
            module = trace_module(func.__self__, {func.__name__: example_inputs}, None, check_trace, None, check_tolerance, strict)
            return getattr(module, func.__name__)
        return trace(func.__self__, example_inputs, None, check_trace, check_inputs, check_tolerance, strict)
    keywords = dict(example_kwarg_inputs or {})
    names, inputs = _inputs(() if example_inputs is None else example_inputs, func, 0)
    root = Module()
    graph, _ = _run(func, root, names, inputs, keywords, strict)
    method = _compiled(graph, root)

    def run(*args, **kwargs):
        return method(root, *args, **kwargs)

    functools.update_wrapper(run, func) if hasattr(func, "__name__") else None
    run.__signature__ = inspect.Signature(
        [inspect.Parameter(n.target, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in graph.find_nodes(op="placeholder")]
    )
    traced = _TracedFunction(run, getattr(func, "__name__", "forward"), graph, root)
    if check_trace:
        for given in [inputs, *(_inputs(c, func, 0)[1] for c in check_inputs or ())]:
            _check(traced, func, given, keywords, check_tolerance)
    return traced


class _TracedFunction(ScriptFunction):
    """A traced function."""

    def __init__(self, run, name: str, graph: Graph, root: Module):
        super().__init__(run, name)
        self._traced_graph, self._root = graph, root
        self._check = lambda args, kwargs: None

    def __call__(self, *args, **kwargs):
        return self._fn(*args, **kwargs)

    @property
    def code(self) -> str:
        """The recorded operations as Python."""
        return (
            self._traced_graph.python_code("self").src.strip("\n").replace("def forward(self, ", f"def {self.name.strip('<>')}(", 1) + "\n"
        )

    @property
    def graph(self):
        """The recorded operations."""
        from ._ir import IR

        return IR(self._traced_graph)


def trace_module(mod, inputs: dict, optimize=None, check_trace: bool = True, check_inputs=None, check_tolerance: float = 1e-5,
                 strict: bool = True, _force_outplace: bool = False, _module_class=None, _compilation_unit=None,
                 example_inputs_is_kwarg: bool = False, _store_inputs: bool = True, _keywords=None):  # fmt: skip
    """Trace methods of a module: `inputs` maps their names to example inputs. See `trace`.

    >>> import lightwell as torch
    >>> net = torch.nn.Linear(2, 1)
    >>> m = torch.jit.trace_module(net, {"forward": torch.ones(1, 2)})
    >>> m.weight is net.weight
    True
    """
    if not isinstance(mod, Module):
        raise AttributeError("expected torch.nn.Module as the first argument")
    if not isinstance(inputs, dict):
        raise AttributeError("expected a dictionary of (method_name, input) pairs")
    traced = wrap_module(mod, TracedModule, False)
    object.__setattr__(traced, "__class__", wrapper_class(TopLevelTracedModule, type(mod)))
    known: list = []
    for name, example in inputs.items():
        method = getattr(type(mod), name)
        keywords = dict(_keywords or {}) if name == "forward" else {}
        if example_inputs_is_kwarg:
            keywords, example = dict(example), ()
        names, example = _inputs(example, method, 1)
        call = mod if name == "forward" else getattr(mod, name)
        before = set(dict(mod.named_buffers()))
        graph, _ = _run(call, mod, names, example, keywords, strict)
        for held in [n for n in mod._buffers if n not in before and n.startswith("_tensor_constant")]:
            traced.register_buffer(held, mod._buffers.pop(held), persistent=False)
            mod._non_persistent_buffers_set.discard(held)
        traced.__dict__[name] = types.MethodType(_compiled(graph, traced), traced)
        known.append(name)
        if name == "forward":
            traced.__dict__["_traced_graph"] = graph
        traced.__dict__.setdefault("_traced_graphs", {})[name] = graph
        if check_trace:
            extra = [c[name] for c in check_inputs or () if name in c]
            for given in [example, *(_inputs(c, method, 1)[1] for c in extra)]:
                _check(traced if name == "forward" else getattr(traced, name), call, given, keywords, check_tolerance)
    traced.__dict__["_traced_methods"] = tuple(known)
    return traced
