"""Graphs for TensorBoard: what a module computes, its operations grouped by submodules, with the shapes of their results."""

import builtins

import numpy as np
from tensorboard.compat.proto.attr_value_pb2 import AttrValue
from tensorboard.compat.proto.config_pb2 import RunMetadata
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.step_stats_pb2 import DeviceStepStats, StepStats
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.versions_pb2 import VersionDef

from ...autograd.modes import no_grad
from ...errors.teaching import ImportError
from .._capture import Capture, Value


def _node(name: str, op: str, inputs=(), shape=None, told: str = "") -> NodeDef:
    made = NodeDef(name=name.encode("utf_8"), op=op, input=inputs)
    made.attr["attr"].CopyFrom(AttrValue(s=told.encode("utf_8")))
    if shape is not None:
        sizes = TensorShapeProto(dim=[TensorShapeProto.Dim(size=s) for s in shape])
        made.attr["_output_shapes"].CopyFrom(AttrValue(list=AttrValue.ListValue(shape=[sizes])))
    return made


def _scopes(model, modules: dict) -> dict:
    """The path of each submodule as a scope: Net/Sequential[features]/Conv2d[0]."""
    found = {"": type(model).__name__}
    for path, module in modules.items():
        if path:
            above, _, last = path.rpartition(".")
            found[path] = f"{found.get(above, found[''])}/{type(module).__name__}[{last}]"
    return found


def _plain(args) -> str:
    """The arguments that are no tensors."""
    shown = [str(a) for a in args if not isinstance(a, Value) and not (isinstance(a, list) and a and isinstance(a[0], Value))]
    return "{" + ", ".join(shown) + "}"


def graph_of(model, args, verbose: bool = False):
    """(GraphDef, RunMetadata) of `model(*args)`; raises what the module raises, after a line that says where."""
    args = tuple(args) if isinstance(args, (list, tuple)) else () if args is None else (args,)
    with no_grad():
        try:
            run = Capture(model, args)
        except Exception:
            print("Error occurs, No graph saved")
            raise
    scopes, nodes, names = _scopes(model, run.modules), [], {}

    def named(value: Value) -> str:
        if id(value) in names:
            return names[id(value)][0]
        if value.kind == "parameter":
            above, _, last = value.name.rpartition(".")
            name, op = f"{scopes.get(above, scopes[''])}/{last}", "parameter"
        elif value.kind == "input":
            name, op = f"input/{value.name}", "IO Node"
        else:
            name, op = f"{scopes['']}/constant.{len(names) + 1}", "constant"
        nodes.append(_node(name, op, (), value.shape, f"{{ dtype: {value.dtype} }}"))
        names[id(value)] = (name, value)
        return name

    for value in run.inputs:
        named(value)
    for number, step in enumerate(run.steps, 1):
        inputs = [named(v) for v in step.inputs()]
        scope = scopes.get(step.scope, scopes[""])
        first = next((v for v in step.outputs if v is not None), None)
        name = f"{scope}/{step.name}.{number}"
        nodes.append(_node(name, f"aten::{step.name}", inputs, None if first is None else first.shape, _plain(step.args)))
        for i, value in enumerate(step.outputs):
            if value is not None:
                names[id(value)] = (name if i == 0 else f"{name}:{i}", value)
    for number, value in enumerate(run.outputs, 1):
        nodes.append(_node(f"output/output.{number}", "IO Node", [named(value)], value.shape))
    if verbose:
        for node in nodes:
            print(f"{node.name} = {node.op}({', '.join(node.input)})")
    stats = RunMetadata(step_stats=StepStats(dev_stats=[DeviceStepStats(device="/device:CPU:0")]))
    return GraphDef(node=nodes, versions=VersionDef(producer=22)), stats


def graph_of_onnx(path) -> GraphDef:
    """The GraphDef of an ONNX file; ImportError where the onnx library is missing."""
    try:
        import onnx
    except builtins.ImportError:
        raise ImportError(
            "add_onnx_graph() reads the file with the onnx library, which isn't installed: pip install lightwell[onnx]"
        ) from None
    model = onnx.load(path)
    graph, nodes = model.graph, []
    made_by = {}
    weights = {w.name for w in graph.initializer}
    for value in graph.input:
        if value.name not in weights:
            sizes = [d.dim_value or -1 for d in value.type.tensor_type.shape.dim]
            nodes.append(_node(value.name, "Variable", (), sizes))
    for w in graph.initializer:
        nodes.append(
            _node(w.name, "Variable", (), list(w.dims), f"{{ dtype: {np.dtype(onnx.helper.tensor_dtype_to_np_dtype(w.data_type))} }}")
        )
    for number, node in enumerate(graph.node):
        name = node.name or f"{node.op_type}_{number}"
        attributes = "{" + ", ".join(f"{a.name}: {onnx.helper.get_attribute_value(a)!r}"[:80] for a in node.attribute) + "}"
        nodes.append(_node(name, node.op_type, [made_by.get(i, i) for i in node.input if i], None, attributes))
        made_by.update(dict.fromkeys(node.output, name))
    for value in graph.output:
        nodes.append(_node(f"output/{value.name}", "IO Node", [made_by.get(value.name, value.name)]))
    return GraphDef(node=nodes, versions=VersionDef(producer=22))
