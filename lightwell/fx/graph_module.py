"""GraphModule: a module whose forward is the code that its graph makes."""

import copy
import linecache
import os
import traceback

from ..errors.teaching import AssertionError, RuntimeError
from ..nn import Module
from ..nn.parameter import Buffer, Parameter
from ..tensor import Tensor
from .graph import Graph

__all__ = ["GraphModule", "reduce_graph_module"]

_count = 0


def _compile(source: str, globals_: dict):
    """The function `forward` of the source; tracebacks show its lines."""
    global _count
    _count += 1
    name = f"<fx eval {_count}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    space = dict(globals_)
    exec(compile(source, name, "exec"), space)
    return space["forward"]


def _copy_attribute(source, target, path: str) -> None:
    """Let `target` have what stands at a dotted path of `source`, with plain modules on the way."""
    *parents, field = path.split(".")
    for part in parents:
        source = getattr(source, part)
        inner = getattr(target, part, None)
        if inner is None:
            inner = Module()
            setattr(target, part, inner)
        if inner is source:
            return
        target = inner
    value = getattr(source, field)
    if isinstance(value, Tensor) and not isinstance(value, (Parameter, Buffer)):
        if field in target.__dict__.get("_buffers", ()):
            target._buffers[field] = value
            return
        persistent = field not in getattr(source, "_non_persistent_buffers_set", ())
        if hasattr(target, field):
            delattr(target, field)
        target.register_buffer(field, value, persistent=persistent)
    else:
        setattr(target, field, value)


class GraphModule(Module):
    """A module that runs a graph.

    `root` is the module (or a dict from dotted paths to objects) that the graph's paths lead into: what they name is
    taken over, shared and not copied. `graph` may be assigned; after changing nodes call `recompile()`. `code` is the
    Python source of forward.

    >>> import lightwell as torch
    >>> m = torch.fx.symbolic_trace(lambda x: x + 1)
    >>> for node in m.graph.nodes:
    ...     if node.op == "call_function":
    ...         node.args = (node.args[0], 10)
    >>> _ = m.recompile(); m(torch.ones(1))
    tensor([11.])
    """

    def __new__(cls, *args, **kwargs):
        # forward is compiled code on the class, so that each instance needs a class of its own
        for base in cls.__mro__:
            if base.__dict__.get("_fx_own"):
                cls = base.__bases__[0]
                break
        own = type(cls.__name__, (cls,), {"_fx_own": True, "__module__": cls.__module__, "__qualname__": cls.__qualname__})
        return Module.__new__(own)

    def __init__(self, root, graph: Graph, class_name: str = "GraphModule"):
        super().__init__()
        type(self).__name__ = class_name
        used = [n.target for n in graph.nodes if n.op in ("get_attr", "call_module")]
        if isinstance(root, Module):
            if hasattr(root, "training"):
                self.training = root.training
            for path in used:
                _copy_attribute(root, self, path)
        elif isinstance(root, dict):
            for path in used:
                if path not in root:
                    raise RuntimeError(f"Node referenced target {path} but that target was not provided in ``root``!")
            for path in sorted(root, key=lambda k: k.count(".")):
                *parents, field = path.split(".")
                target = self
                for part in parents:
                    if getattr(target, part, None) is None:
                        setattr(target, part, Module())
                    target = getattr(target, part)
                value = root[path]
                if isinstance(value, Tensor) and not isinstance(value, Parameter):
                    target.register_buffer(field, value)
                else:
                    setattr(target, field, value)
        else:
            raise RuntimeError("Unsupported type " + str(root) + " passed for root!")
        if graph._tracer_cls is not None and "<locals>" in graph._tracer_cls.__qualname__:
            graph._tracer_cls = None
        self.graph = graph
        self.meta: dict = {}

    @property
    def graph(self) -> Graph:
        """The graph that forward runs; assigning one recompiles."""
        return self._graph

    @graph.setter
    def graph(self, g):
        if not isinstance(g, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(g)}")
        if g.owning_module is not None and g.owning_module is not self:
            g = copy.deepcopy(g)
        g.owning_module = self
        self.__dict__["_graph"] = g
        self.recompile()

    @property
    def code(self) -> str:
        """The Python source of forward."""
        return self._code

    def recompile(self):
        """Make forward from the graph as it is now: call it after changing nodes. Returns the PythonCode."""
        made = self._graph.python_code(root_module="self")
        self.__dict__["_code"] = made.src
        own = type(self)
        own.forward = _compile(made.src, made.globals)
        return made

    def __call__(self, *args, **kwargs):
        try:
            return super().__call__(*args, **kwargs)
        except Exception as error:
            frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith("<fx eval")]
            if frames and not getattr(error, "_fx_told", False):
                error.add_note(
                    f"Call using an FX-traced Module, line {frames[-1].lineno} of the traced Module's generated forward function:"
                )
                error.add_note("    " + (frames[-1].line or ""))
                error._fx_told = True
            raise

    # ---- sub-modules ----------------------------------------------------------------------------------------------

    def add_submodule(self, target: str, m) -> bool:
        """Put a module at a dotted path, with plain modules on the way; False where something else stands in the way."""
        *parents, field = target.split(".")
        at = self
        for part in parents:
            inner = getattr(at, part, None)
            if inner is None:
                inner = Module()
                setattr(at, part, inner)
            if not isinstance(inner, Module):
                return False
            at = inner
        at.add_module(field, m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Take the module at a dotted path away; False where there is none."""
        *parents, field = target.split(".")
        at = self
        for part in parents:
            at = getattr(at, part, None)
            if not isinstance(at, Module):
                return False
        if not isinstance(getattr(at, field, None), Module):
            return False
        delattr(at, field)
        return True

    def delete_all_unused_submodules(self) -> None:
        """Take away the modules that no node uses."""
        used: set = set()
        for node in self.graph.nodes:
            if node.op in ("call_module", "get_attr"):
                parts = node.target.split(".")
                used.update(".".join(parts[: i + 1]) for i in range(len(parts)))
                if node.op == "call_module":
                    try:
                        inner = self.get_submodule(node.target)
                    except AttributeError:
                        continue
                    used.update(f"{node.target}.{name}" for name, _ in inner.named_modules() if name)
        for name in [name for name, _ in self.named_modules() if name and name not in used]:
            self.delete_submodule(name)

    # ---- text and files -------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self._code}\n# To see more debug info, please use `graph_module.print_readable()`"

    def print_readable(self, print_output: bool = True, include_stride: bool = False, include_device: bool = False, colored: bool = False,
                       *, fast_sympy_print: bool = False, expanded_def: bool = False, additional_meta=None) -> str:  # fmt: skip
        """Print (and return) the program as a class, with the GraphModules inside it."""
        body = self._graph.python_code("self", verbose=True).src.strip("\n").rstrip()
        parts = [f"class {self._get_name()}(torch.nn.Module):", *("    " + line for line in body.split("\n"))]
        for child in self.children():
            if isinstance(child, GraphModule):
                parts += ["", *("    " + line for line in child.print_readable(False).split("\n"))]
        text = "\n".join(parts)
        if print_output:
            print(text)
        return text

    def to_folder(self, folder, module_name: str = "FxModule") -> None:
        """Write the program to a folder as a Python package: `module.py` with the class, and its state beside it."""
        import lightwell

        os.makedirs(folder, exist_ok=True)
        lightwell.save(self.state_dict(), os.path.join(folder, "state_dict.pt"))
        tab = " " * 4
        lines = [
            "import os", "import torch", "from torch import device", "from torch.nn import *", "", "inf, nan = float('inf'), float('nan')",
            "HERE = os.path.dirname(os.path.abspath(__file__))", "", "", f"class {module_name}(torch.nn.Module):", f"{tab}def __init__(self):",
            f"{tab * 2}super().__init__()",
        ]  # fmt: skip
        for name, module in self.named_children():
            lightwell.save(module, os.path.join(folder, f"{name}.pt"))
            where = f'os.path.join(HERE, "{name}.pt")'
            lines.append(f'{tab * 2}self.add_module("{name}", torch.load({where}, weights_only=False))  # {module._get_name()}')
        for name, value in self._buffers.items():
            if value is not None:
                lines.append(f"{tab * 2}self.register_buffer({name!r}, torch.empty({list(value.shape)}, dtype={value.dtype}))")
        for name, value in self._parameters.items():
            if value is not None:
                made = f"torch.empty({list(value.shape)}, dtype={value.dtype})"
                lines.append(f"{tab * 2}self.{name} = torch.nn.Parameter({made}, requires_grad={value.requires_grad})")
        lines.append(f'{tab * 2}self.load_state_dict(torch.load(os.path.join(HERE, "state_dict.pt")))')
        lines += ["", *(tab + line if line.strip() else "" for line in self._code.strip().split("\n"))]
        with open(os.path.join(folder, "module.py"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        with open(os.path.join(folder, "__init__.py"), "w", encoding="utf-8") as file:
            file.write("from .module import *\n")

    # ---- copies and pickles ---------------------------------------------------------------------------------------

    def _state(self) -> dict:
        return {k: v for k, v in self.__dict__.items() if k not in ("_graph", "_code")}

    def __reduce__(self):
        return _rebuild, (self._state(), self._graph, self._get_name())

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __deepcopy__(self, memo):
        memo = memo if memo is not None else {}
        new = GraphModule.__new__(type(self).__mro__[1])
        memo[id(self)] = new
        Module.__init__(new)
        new.__dict__.update(copy.deepcopy(self._state(), memo))
        type(new).__name__ = self._get_name()
        new.graph = copy.deepcopy(self._graph, memo)
        return new

    def __copy__(self):
        new = GraphModule(self, copy.deepcopy(self._graph), self._get_name())
        new.meta = copy.copy(self.meta)
        return new


def _rebuild(state: dict, graph: Graph, class_name: str) -> GraphModule:
    """The GraphModule that `__reduce__` took apart."""
    new = GraphModule.__new__(GraphModule)
    Module.__init__(new)
    new.__dict__.update(state)
    type(new).__name__ = class_name
    new.graph = graph
    return new


def reduce_graph_module(body: dict, import_block: str) -> GraphModule:
    """A GraphModule from what PyTorch pickles of one: the source of its forward is run and traced anew."""
    import lightwell

    from ._symbolic_trace import Tracer

    space: dict = {"torch": lightwell, "device": lightwell.device, "inf": float("inf"), "nan": float("nan"), "NoneType": type(None)}
    for line in import_block.splitlines():
        if line.startswith(("import torch", "from torch")):
            exec(line.replace("import torch", "import lightwell as torch", 1) if line.strip() == "import torch" else "pass", space)
        elif line.strip():
            exec(line, space)
    source = body.get("_code") or body["code"]
    exec(compile(source, "<fx pickled>", "exec"), space)

    class Shell(Module):
        pass

    shell = Shell()
    shell.__dict__.update({k: v for k, v in body.items() if k not in ("_code", "code", "_graph")})
    Shell.forward = space["forward"]

    class KeepModules(Tracer):
        def is_leaf_module(self, m, module_qualified_name):
            return True

    return GraphModule(shell, KeepModules().trace(shell), body.get("_graphmodule_cls_name", "GraphModule"))
