"""Graph: a program as a list of nodes, in the order in which they run."""

import builtins
import copy
import keyword
import re

from ..errors.level import users_level
from ..errors.teaching import AssertionError, RuntimeError
from .codegen import CodeGen, PythonCode
from .node import Node, _get_qualified_name, map_arg

__all__ = ["CodeGen", "Graph", "PythonCode"]


class _Names:
    """Gives out names that are Python identifiers and differ from each other."""

    def __init__(self):
        self.used: set = set()
        self.owners: dict = {}
        self.counts: dict = {}

    def create(self, candidate: str, obj=None) -> str:
        """`candidate` made an unused identifier; the same for an object that has one already."""
        if obj is not None and id(obj) in self.owners:
            return self.owners[id(obj)][0]
        candidate = re.sub(r"\W", "_", candidate)
        if not candidate or candidate[0].isdigit():
            candidate = f"_{candidate}"
        base, _, number = candidate.rpartition("_")
        if not (base and number.isdecimal()):
            base, number = candidate, ""
        name, count = candidate, int(number) if number else self.counts.get(base, 0)
        while name in self.used or self._taken(name, obj):
            count += 1
            name = f"{base}_{count}"
        self.used.add(name)
        self.counts[base] = max(self.counts.get(base, 0), count)
        if obj is not None:
            self.owners[id(obj)] = name, obj  # the object is kept, so that its id stays its own
        return name

    @staticmethod
    def _taken(name: str, obj) -> bool:
        if keyword.iskeyword(name) or name in ("inf", "nan", "NoneType", "torch", "device", "self"):
            return True
        found = getattr(builtins, name, None)
        return found is not None and found is not obj


class _NodeList:
    """The nodes of a graph, from first to last; a node may be erased while they are walked."""

    def __init__(self, graph, reverse: bool = False):
        self.graph, self.reverse = graph, reverse

    def __len__(self):
        return self.graph._len

    def __iter__(self):
        root = self.graph._root
        at = root._prev if self.reverse else root._next
        while at is not root:
            following = None
            if not at._erased:
                yield at
            following = at._prev if self.reverse else at._next
            at = following

    def __reversed__(self):
        return _NodeList(self.graph, not self.reverse)


class _Inserting:
    """Sets where new nodes go; put back on leaving the `with` block."""

    def __init__(self, graph, insert):
        self.graph, self.old = graph, graph._insert
        graph._insert = insert

    def __enter__(self):
        return self.graph

    def __exit__(self, *exc):
        self.graph._insert = self.old


class Graph:
    """A program as a list of `Node`s.

    Nodes are made by `placeholder`, `get_attr`, `call_function`, `call_method`, `call_module` and `output` (or
    `create_node`), at the end or where `inserting_before` / `inserting_after` says. `lint()` checks the whole;
    a `GraphModule` makes it run.

    >>> import lightwell as torch
    >>> g = torch.fx.Graph()
    >>> x = g.placeholder("x")
    >>> _ = g.output(g.call_method("neg", (x,)))
    >>> torch.fx.GraphModule(torch.nn.Module(), g)(torch.ones(2))
    tensor([-1., -1.])
    """

    def __init__(self, owning_module=None, tracer_cls=None, tracer_extras=None):
        self._root = Node(self, "", "root", "", (), {})
        self._insert = self._root.prepend
        self._len = 0
        self._names = _Names()
        self.owning_module = owning_module
        self._tracer_cls, self._tracer_extras = tracer_cls, tracer_extras
        self._codegen = CodeGen()

    # ---- walking --------------------------------------------------------------------------------------------------

    @property
    def nodes(self) -> _NodeList:
        """The nodes in order; `reversed(graph.nodes)` from the end."""
        return _NodeList(self)

    def find_nodes(self, *, op: str, target=None, sort: bool = True) -> list:
        """The nodes of a kind (and target), in order.

        >>> import lightwell as torch
        >>> g = torch.fx.symbolic_trace(lambda x: torch.relu(x) + torch.relu(-x)).graph
        >>> g.find_nodes(op="call_function", target=torch.relu)
        [relu, relu_1]
        """
        if op == "call_function" and target is None:
            raise AssertionError(f"expected target to be not None in find_nodes(op='{op}')")
        return [n for n in self.nodes if n.op == op and (target is None or n.target == target)]

    def output_node(self) -> Node:
        """The node that returns."""
        found = self._root._prev
        if found.op != "output":
            raise AssertionError("the graph has no output node at its end")
        return found

    # ---- building -------------------------------------------------------------------------------------------------

    def create_node(self, op: str, target, args=None, kwargs=None, name=None, type_expr=None) -> Node:
        """Make a node and put it where nodes go now; its name is `name`, or one made from the target, made unique."""
        args, kwargs = () if args is None else args, {} if kwargs is None else kwargs
        if not isinstance(args, tuple):
            raise AssertionError("args must be a tuple")
        if not isinstance(kwargs, dict):
            raise AssertionError("kwargs must be a dict")
        node = Node(
            self, self._names.create(name if name is not None else self._target_to_str(target)), op, target, args, kwargs, type_expr
        )
        if self.owning_module is not None:
            for hook in getattr(self.owning_module, "_create_node_hooks", ()):
                hook(node)
        self._insert(node)
        self._len += 1
        return node

    def placeholder(self, name: str, type_expr=None, default_value=...) -> Node:
        """An input, with its default value where it has one."""
        return self.create_node("placeholder", name, () if default_value is ... else (default_value,), type_expr=type_expr)

    def get_attr(self, qualified_name: str, type_expr=None) -> Node:
        """The attribute at a dotted path of the module."""
        owner = self.owning_module
        if owner is not None:
            found = owner
            for part in qualified_name.split("."):
                if not hasattr(found, part):
                    import warnings

                    warnings.warn(
                        f"Attempted to insert a get_attr Node with no underlying reference in the owning GraphModule! "
                        f"{qualified_name!r} isn't there: call GraphModule.add_submodule, register_buffer or register_parameter first",
                        stacklevel=users_level(),
                    )
                    break
                found = getattr(found, part)
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def call_module(self, module_name: str, args=None, kwargs=None, type_expr=None) -> Node:
        """A call of the sub-module at a dotted path."""
        owner = self.owning_module
        if owner is not None:
            try:
                owner.get_submodule(module_name)
            except AttributeError:
                import warnings

                warnings.warn(
                    f"Attempted to insert a call_module Node with no underlying reference in the owning GraphModule! "
                    f"Call GraphModule.add_submodule({module_name!r}, ...) first",
                    stacklevel=users_level(),
                )
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def call_method(self, method_name: str, args=None, kwargs=None, type_expr=None) -> Node:
        """A call of a method of args[0]."""
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_function(self, the_function, args=None, kwargs=None, type_expr=None, name=None) -> Node:
        """A call of a function."""
        return self.create_node("call_function", the_function, args, kwargs, name=name, type_expr=type_expr)

    def output(self, result, type_expr=None) -> Node:
        """The end: what the program returns."""
        return self.create_node("output", "output", (result,), type_expr=type_expr)

    def inserting_before(self, n: Node | None = None):
        """Put new nodes before `n` (None: at the start) from now on, or within a `with` block."""
        if n is None:
            return self.inserting_after(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert before is not in graph.")
        return _Inserting(self, n.prepend)

    def inserting_after(self, n: Node | None = None):
        """Put new nodes behind `n` (None: at the end) from now on, or within a `with` block; they keep their order."""
        if n is None:
            return self.inserting_before(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert after is not in graph.")
        last = n

        def insert(x):
            nonlocal last
            (last if not last._erased else n).append(x)
            last = x

        return _Inserting(self, insert)

    def node_copy(self, node: Node, arg_transform=lambda x: x) -> Node:
        """A copy of a node of another graph in this one; `arg_transform(node)` gives the node here for each one there."""
        args, kwargs = map_arg(node.args, arg_transform), map_arg(node.kwargs, arg_transform)
        if not isinstance(args, tuple):
            raise AssertionError(f"expected args to be a tuple, got {type(args)}")
        made = self.create_node(node.op, node.target, args, dict(kwargs), node.name, node.type)
        made.meta = copy.copy(node.meta)
        return made

    def graph_copy(self, g: "Graph", val_map: dict, return_output_node: bool = False):
        """Copy all nodes of `g` but its output into this graph; returns what the output would return, in nodes here.

        `val_map` maps nodes of `g` to nodes here: those in it are not copied, the copied ones are added.
        """
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                result = map_arg(node.args[0], val_map.__getitem__)
                return (result, node) if return_output_node else result
            val_map[node] = self.node_copy(node, val_map.__getitem__)
        return None

    def erase_node(self, to_erase: Node) -> None:
        """Take a node out; RuntimeError while another uses it."""
        if to_erase.graph is not self:
            raise RuntimeError(f"Attempting to remove {to_erase} from wrong graph!")
        if to_erase.users:
            raise RuntimeError(
                f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in the graph: {to_erase.users}!"
            )
        if to_erase._erased:
            import warnings

            warnings.warn(f"erase_node({to_erase}) on an already erased node", stacklevel=users_level())
            return
        if self.owning_module is not None:
            for hook in getattr(self.owning_module, "_erase_node_hooks", ()):
                hook(to_erase)
        to_erase._unlink()
        to_erase._erased = True  # its own links stay: whoever stands at it can walk on
        self._len -= 1
        to_erase._set((), {})

    def process_inputs(self, *args):
        """Arguments of the program as its placeholders take them."""
        return self._codegen.process_inputs(*args)

    def process_outputs(self, out):
        """What the output node returns as the program returns it."""
        return self._codegen.process_outputs(out)

    def set_codegen(self, codegen) -> None:
        """Let another CodeGen write the program."""
        self._codegen = codegen

    def on_generate_code(self, make_transformer):
        """Change the lines of generated code: `make_transformer(current)` returns a function of a list of lines.

        Returns a context manager that puts the former one back.
        """
        codegen, before = self._codegen, self._codegen._transform
        codegen._transform = make_transformer(before)

        class Back:
            def __enter__(self):
                return None

            def __exit__(self, *exc):
                codegen._transform = before

        return Back()

    # ---- checking and tidying -------------------------------------------------------------------------------------

    def lint(self, root=None) -> None:
        """Check that names are unique, nodes are used behind where they are made, and targets exist; RuntimeError otherwise.

        Paths are looked up in `root`, or in the owning module.
        """
        root = root if root is not None else self.owning_module
        seen: set = set()
        names: set = set()
        for node in self.nodes:
            if node.graph is not self:
                raise RuntimeError(f"Node '{node}' does not belong to this Graph!")
            if node._erased:
                raise RuntimeError(f"Attempting to use erased node {node}")
            for used in node.all_input_nodes:
                if used.graph is not self:
                    raise RuntimeError(f"Argument '{used}' of Node '{node}' does not belong to this Graph, but was used as an argument!")
                if used not in seen:
                    raise RuntimeError(
                        f"Argument '{used}' of Node '{node}' was used before it has been defined! Please check that Nodes in the "
                        f"graph are topologically ordered\n{self}"
                    )
                if node not in used.users:
                    raise RuntimeError(f"Node '{node}' uses '{used}', which doesn't list it among its users")
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            seen.add(node)
            names.add(node.name)
            if root is not None and node.op in ("get_attr", "call_module"):
                self._check_path(node, root)

    @staticmethod
    def _check_path(node, root) -> None:
        from ..nn import Module

        found, walked = root, []
        for part in node.target.split("."):
            if not hasattr(found, part):
                where = ".".join(walked) or "the root"
                raise RuntimeError(f"Node {node} target {node.target} references nonexistent attribute {part} of {where}")
            found = getattr(found, part)
            walked.append(part)
        if node.op == "call_module" and not isinstance(found, Module):
            raise RuntimeError(f"Node {node} target {node.target} does not reference an nn.Module but a {type(found).__name__}")

    def eliminate_dead_code(self, is_impure_node=None) -> bool:
        """Erase nodes that nobody uses, save inputs, the output and those with side effects; whether any was erased.

        >>> import lightwell as torch
        >>> def f(x):
        ...     y = x + 1
        ...     return x * 2
        >>> g = torch.fx.symbolic_trace(f).graph
        >>> g.eliminate_dead_code(), [n.name for n in g.nodes]
        (True, ['x', 'mul', 'output'])
        """
        self.lint()
        impure = is_impure_node or Node.is_impure
        before = self._len
        for node in reversed(self.nodes):
            if not node.users and not impure(node):
                self.erase_node(node)
        return self._len < before

    # ---- as text --------------------------------------------------------------------------------------------------

    def _target_to_str(self, target) -> str:
        """A snake_case name for what a node calls."""
        if callable(target):
            op = getattr(target, "__name__", type(target).__name__)
        else:
            op = str(target)
            if op.startswith("__") and op.endswith("__"):
                op = op[2:-2]
        return _snake(re.sub(r"\W", "_", op))

    def python_code(self, root_module: str, *, verbose: bool = False, **unused) -> PythonCode:
        """The program as Python source (`.src`) with the objects it names (`.globals`); `root_module` is usually "self"."""
        return self._codegen._gen_python_code(self.nodes, root_module, verbose=verbose)

    def __str__(self) -> str:
        names: list = []
        returned = [""]
        lines = [line for node in self.nodes if (line := node.format_node(maybe_return_typename=returned)) is not None]
        return f"graph({', '.join(names)}){returned[0]}:" + "".join(f"\n    {line}" for line in lines)

    def print_tabular(self) -> None:
        """Print the nodes as a table: opcode, name, target, args, kwargs."""
        head = ("opcode", "name", "target", "args", "kwargs")
        rows = [[str(v) for v in (n.op, n.name, n.target, n.args, n.kwargs)] for n in self.nodes]
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

        def line(row):
            return "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()

        print("\n".join((line(head), "  ".join("-" * w for w in widths), *(line(row) for row in rows))))

    # ---- copies ---------------------------------------------------------------------------------------------------

    def __deepcopy__(self, memo=None) -> "Graph":
        memo = memo if memo is not None else {}
        new = Graph(tracer_cls=self._tracer_cls, tracer_extras=self._tracer_extras)
        memo[id(self)] = new
        new._codegen = copy.deepcopy(self._codegen, memo)
        table: dict = {}
        for node in self.nodes:
            table[node] = new.node_copy(node, table.__getitem__)
            table[node].meta = copy.copy(node.meta)
        return new

    def __getstate__(self) -> dict:
        index = {node: i for i, node in enumerate(self.nodes)}

        def refer(n):
            return _Ref(index[n])

        nodes = []
        for n in index:
            target = _Named(_get_qualified_name(n.target)) if _by_name(n.target) else n.target
            nodes.append((n.op, n.name, target, map_arg(n.args, refer), map_arg(n.kwargs, refer), n.type))
        return {"nodes": nodes, "codegen": self._codegen, "tracer_cls": self._tracer_cls}

    def __setstate__(self, state) -> None:
        from .node import map_aggregate

        self.__init__(tracer_cls=state["tracer_cls"])  # type: ignore[misc]
        self._codegen = state["codegen"]
        made: list = []
        for op, name, target, args, kwargs, kind in state["nodes"]:
            target = target.find() if isinstance(target, _Named) else target

            def back(v):
                return made[v.index] if isinstance(v, _Ref) else v

            made.append(self.create_node(op, target, map_aggregate(args, back), dict(map_aggregate(kwargs, back)), name, kind))


class _Ref:
    """Stands for a node in a pickle."""

    def __init__(self, index):
        self.index = index


class _Named:
    """Stands for a function of this library in a pickle."""

    def __init__(self, name):
        self.name = name

    def find(self):
        """The function."""
        import functools

        import lightwell

        return functools.reduce(getattr, self.name.split(".")[1:], lightwell)


def _by_name(target) -> bool:
    return callable(target) and _get_qualified_name(target).startswith("torch.")


def _snake(s: str) -> str:
    """CamelCase as snake_case."""
    if s.lower() == s:
        return s
    out = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", s)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", out).lower()
