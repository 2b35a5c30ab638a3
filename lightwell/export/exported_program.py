"""ExportedProgram: an exported graph with its state."""

import copy
from collections import OrderedDict

from ..errors.teaching import RuntimeError
from ..fx import Graph, GraphModule
from ..nn import Module
from ..tensor import Tensor
from .graph_signature import ExportGraphSignature, InputKind, InputSpec, OutputKind, OutputSpec, TensorArgument

__all__ = ["ExportedProgram"]


class ExportedProgram:
    """What `export` gives: `graph` takes all state as inputs (`graph_signature` says which), `module()` is called as the module was."""

    def __init__(self, root: Module, graph: Graph, constants: dict, names: list, args: tuple, kwargs: dict, out, dynamic: dict):
        self._names, self._dynamic = names, dynamic
        self.example_inputs = (args, kwargs)
        self.constants = constants
        self._parameters = OrderedDict(root.named_parameters())
        self._buffers = OrderedDict(root.named_buffers())
        self._persistent = list(root.state_dict())
        self._own = graph  # with get_attr nodes
        self._graph_module, self._signature = self._lift()
        self._expected = {n: v for n, v in zip(names, (*args, *kwargs.values())) if isinstance(v, Tensor)}

    def _lift(self):
        """The graph whose state comes in as inputs, and its signature."""
        lifted, table, specs, known = Graph(), {}, [], {}
        for name, kind in [(n, InputKind.PARAMETER) for n in self._parameters] + [(n, InputKind.BUFFER) for n in self._buffers] + [
            (n, InputKind.CONSTANT_TENSOR) for n in self.constants
        ]:  # fmt: skip
            letter = {InputKind.PARAMETER: "p", InputKind.BUFFER: "b", InputKind.CONSTANT_TENSOR: "c"}[kind]
            node = known[name] = lifted.placeholder(f"{letter}_{name.replace('.', '_')}")
            specs.append(InputSpec(kind, TensorArgument(node.name), name, name in self._persistent if kind is InputKind.BUFFER else None))
        results: list = []
        for node in self._own.nodes:
            if node.op == "get_attr":
                table[node] = known[node.target]
            elif node.op == "output":
                end = lifted.node_copy(node, table.__getitem__)
                results = [OutputSpec(OutputKind.USER_OUTPUT, TensorArgument(n.name)) for n in end.all_input_nodes]
            else:
                table[node] = lifted.node_copy(node, table.__getitem__)
                if node.op == "placeholder":
                    specs.append(InputSpec(InputKind.USER_INPUT, TensorArgument(table[node].name), None))
        return GraphModule(Module(), lifted), ExportGraphSignature(specs, results)

    @property
    def graph_module(self) -> GraphModule:
        """The graph as a module that takes all state as inputs."""
        return self._graph_module

    @property
    def graph(self) -> Graph:
        """The graph; its state are inputs."""
        return self._graph_module.graph

    @property
    def graph_signature(self) -> ExportGraphSignature:
        """What the graph's inputs and outputs are."""
        return self._signature

    @property
    def state_dict(self) -> dict:
        """Parameters and persistent buffers."""
        held = {**self._buffers, **self._parameters}
        return {n: held[n] for n in self._persistent}

    def named_parameters(self):
        """(name, parameter) of each."""
        yield from self._parameters.items()

    def parameters(self):
        """The parameters."""
        yield from self._parameters.values()

    def named_buffers(self):
        """(name, buffer) of each."""
        yield from self._buffers.items()

    def buffers(self):
        """The buffers."""
        yield from self._buffers.values()

    def _runner(self) -> GraphModule:
        holder = {**self._parameters, **self._buffers, **self.constants}
        used = {n.target for n in self._own.find_nodes(op="get_attr")}
        return GraphModule({n: t for n, t in holder.items() if n in used or n in self._persistent}, copy.deepcopy(self._own))

    def module(self, check_guards: bool = True) -> Module:
        """A module on the same state, called as the original was; RuntimeError for inputs of other sizes than were exported."""
        made = self._runner()
        if check_guards:
            made.register_forward_pre_hook(lambda module, args, kwargs: self._check(args, kwargs), with_kwargs=True)
        return made

    def _check(self, args, kwargs) -> None:
        for name, value in {**dict(zip(self._names, args)), **kwargs}.items():
            example = self._expected.get(name)
            if example is None or not isinstance(value, Tensor):
                continue
            free = self._dynamic.get(name, {})
            if value.dtype != example.dtype or value.dim() != example.dim():
                raise RuntimeError(
                    f"exported program: input {name} was exported as {example.dim()}-dimensional {example.dtype}, got {value.dim()}-dimensional {value.dtype}"
                )
            for d, (got, want) in enumerate(zip(value.shape, example.shape)):
                if d in free:
                    if got < free[d].min or (free[d].max is not None and got > free[d].max):
                        raise RuntimeError(
                            f"exported program: expected {name}.shape[{d}] to lie in [{free[d].min}, {free[d].max}], got {got}"
                        )
                elif got != want:
                    raise RuntimeError(
                        f"exported program: expected {name}.shape[{d}] to be equal to {want}, but got {got}: export with dynamic_shapes={{'{name}': "
                        f"{{{d}: torch.export.Dim.AUTO}}}} to leave it open"
                    )

    def run_decompositions(self, decomp_table=None, decompose_custom_triton_ops: bool = False) -> "ExportedProgram":
        """The program as it is: its operations are public functions, which nothing here needs in smaller parts."""
        return self

    def __call__(self, *args, **kwargs):
        raise RuntimeError("Unable to call ExportedProgram directly. You should use `exported_program.module()` instead.")

    def __str__(self) -> str:
        body = self._graph_module.print_readable(print_output=False).replace("\n", "\n    ")
        return f"ExportedProgram:\n    {body}\n\nGraph signature: {self._signature}\n"
