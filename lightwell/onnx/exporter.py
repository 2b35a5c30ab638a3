"""`export`: from a module to an ONNX file, by watching what it runs."""

import builtins
import inspect
import math
import os
import warnings
from enum import IntEnum

import numpy as np

from ..autograd.modes import no_grad
from ..errors.level import users_level
from ..errors.teaching import TypeError, ValueError
from ..tensor import Tensor, wrap
from ..utils._capture import Capture
from .errors import OnnxExporterError, OnnxExporterWarning, SymbolicValueError, UnsupportedOperatorError
from .graph import Graph
from .program import ONNXProgram, TrainingMode, in_mode, need_onnx, write
from .sizes import RUNS, Merged, Sym

_DEFAULT_OPSET, _LEAST_OPSET = 18, 13
_exporting = False


class OperatorExportTypes(IntEnum):
    """Which operators a file may hold; only ONNX's own are written."""

    ONNX = 0
    ONNX_ATEN = 1
    ONNX_ATEN_FALLBACK = 2
    ONNX_FALLTHROUGH = 3


def is_in_onnx_export() -> bool:
    """Whether a module is being exported now: what forward() may ask.

    >>> import lightwell as torch
    >>> torch.onnx.is_in_onnx_export()
    False
    """
    return _exporting


# ---- arguments ----------------------------------------------------------------------------------------------------------


def _arguments(model, args, kwargs):
    """(positional, keyword) arguments: `args` may be one tensor, or end in a dictionary of keywords."""
    args = tuple(args) if isinstance(args, (tuple, list)) else (args,)
    kwargs = dict(kwargs or {})
    if args and isinstance(args[-1], dict) and not kwargs:
        args, kwargs = args[:-1], args[-1]
    return args, kwargs


def _leaves(value, name: str) -> list:
    """[(name, tensor)] of the tensors in an argument."""
    if isinstance(value, Tensor):
        return [(name, value)]
    if isinstance(value, (list, tuple)):
        return [leaf for i, v in enumerate(value) for leaf in _leaves(v, f"{name}_{i}")]
    if isinstance(value, dict):
        return [leaf for k, v in value.items() for leaf in _leaves(v, f"{name}_{k}")]
    return []


def _named_arguments(model, args, kwargs) -> list:
    """[(parameter name, argument)] by forward's signature."""
    try:
        signature = inspect.signature(model.forward if hasattr(model, "forward") else model)
        names = [p.name for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (builtins.TypeError, builtins.ValueError):
        names = []
    names += [f"input_{i}" for i in range(len(names), len(args))]
    return [*zip(names, args), *kwargs.items()]


def _symbol(entry, name: str, axis: int):
    """The name of a dynamic axis from what the user gave: a string, a Dim, or a mark that it is dynamic; None for fixed."""
    if entry is None or (isinstance(entry, int) and not isinstance(entry, bool)):
        return None
    if isinstance(entry, str):
        return entry
    if "STATIC" in str(entry):
        return None
    if any(mark in str(entry) for mark in ("DYNAMIC", "AUTO")):
        return f"{name}_dim_{axis}"
    return getattr(entry, "__name__", None) or str(entry)


def _axes_of(entry, name: str) -> dict:
    """{axis: symbol} of one input, from a dictionary or a list."""
    if not entry:
        return {}
    if isinstance(entry, dict):
        found = {a: _symbol(v, name, a) for a, v in entry.items()}
    elif all(isinstance(v, int) and not isinstance(v, bool) for v in entry):
        found = {a: f"{name}_dim_{a}" for a in entry}
    else:
        found = {a: _symbol(v, name, a) for a, v in enumerate(entry)}
    return {a: s for a, s in found.items() if s is not None}


def _dynamic(named, leaves, names, dynamic_axes, dynamic_shapes, outputs) -> list:
    """For each input tensor {axis: symbol}; ValueError for names that are no inputs or outputs."""
    found = [{} for _ in leaves]
    for key, entry in (dynamic_axes or {}).items():
        if key in names:
            found[names.index(key)] = _axes_of(entry, key)
        elif outputs is None or key not in outputs:
            raise ValueError(f"onnx.export(): dynamic_axes names '{key}', but the inputs are {names} and the outputs {outputs or []}")
    if dynamic_shapes is not None:
        by_name = dynamic_shapes if isinstance(dynamic_shapes, dict) else {n: s for (n, _), s in zip(named, dynamic_shapes)}
        unknown = [k for k in by_name if k not in dict(named)]
        if unknown:
            raise ValueError(f"onnx.export(): dynamic_shapes names {unknown}, but forward() takes {[n for n, _ in named]}")
        at = 0
        for name, value in named:
            inside = _leaves(value, name)
            shapes = by_name.get(name)
            nested = isinstance(value, (list, tuple, dict)) and shapes is not None
            parts = (list(shapes.values()) if isinstance(shapes, dict) else list(shapes)) if nested else [shapes]
            for (own, _), entry in zip(inside, parts if len(parts) == len(inside) else [shapes] * len(inside)):
                found[at] = _axes_of(entry, own) or found[at]
                at += 1
    for (name, t), axes in zip(leaves, found):
        if any(not -t.ndim <= a < t.ndim for a in axes):
            raise ValueError(f"onnx.export(): a dynamic axis of '{name}' is not in its shape {list(t.shape)}: {axes}")
    return [{a % t.ndim: s for a, s in axes.items()} for (_, t), axes in zip(leaves, found)]


# ---- runs ---------------------------------------------------------------------------------------------------------------


_STEPS = (  # the sizes that the axes are tried at: a function of the first size and the symbol's number for each run; no two move alike
    (lambda n, j: n, lambda n, j: n + 3 + 4 * j, lambda n, j: n + 7 + 6 * j),
    (lambda n, j: n, lambda n, j: n - 1 - j, lambda n, j: n - 3 - 2 * j),
    (lambda n, j: n, lambda n, j: n * 2, lambda n, j: n * (4 + 2 * j)),  # for sizes that must be multiples
    (lambda n, j: n + 16 + 3 * j, lambda n, j: n + 21 + 5 * j, lambda n, j: n + 30 + 8 * j),  # where what is cheapest no longer changes
)


def _sizes(leaves, dynamic, steps) -> dict:
    """Symbol -> its size in each run: no two symbols move alike."""
    first: dict = {}
    for (name, t), axes in zip(leaves, dynamic):
        for axis, symbol in axes.items():
            size = first.setdefault(symbol, (t.shape[axis], name))[0]
            if size != t.shape[axis]:
                raise ValueError(
                    f"onnx.export(): the dynamic axis '{symbol}' is {size} in '{first[symbol][1]}' and {t.shape[axis]} in '{name}'; "
                    "give axes of different sizes different names"
                )
    found = {}
    for j, (symbol, (size, _)) in enumerate(first.items()):
        size = max(size, 2)
        found[symbol] = tuple(max(step(size, j), 1) for step in steps)
    return found


def _example(t, axes, sizes, run: int, moved: bool):
    """An input of the wanted sizes, its numbers in another order for each run (so that what depends on them shows)."""
    a = t.detach()._a
    for axis, symbol in axes.items():
        a = a.take(np.arange(sizes[symbol][run]) % a.shape[axis], axis) if a.shape[axis] else a
    a = np.array(a)
    if run and moved and a.size:
        a = np.roll(a.reshape(-1), run).reshape(a.shape)
        a = a * a.dtype.type(1 - run / 32) if a.dtype.kind == "f" else a  # sums and extremes move too, and stay in their range
    return wrap(a)


def _rebuilt(value, tensors):
    """`value` with its tensors replaced, in order, from an iterator."""
    if isinstance(value, Tensor):
        return next(tensors)
    if isinstance(value, (list, tuple)):
        parts = [_rebuilt(v, tensors) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {k: _rebuilt(v, tensors) for k, v in value.items()}
    return value


def _captured(model, args, kwargs, leaves, dynamic, sizes, run, moved):
    """One run."""
    made = iter([_example(t, axes, sizes, run, moved) for (_, t), axes in zip(leaves, dynamic)])
    return Capture(model, _rebuilt(args, made), _rebuilt(kwargs, made))


def _alike(model, args, kwargs, leaves, dynamic, sizes) -> None:
    """SymbolicValueError where runs of the same sizes differ in what they run."""
    Merged([_captured(model, args, kwargs, leaves, dynamic, sizes, run, True) for run in range(RUNS)])


def _runs(model, args, kwargs, leaves, dynamic) -> tuple:
    """(what the runs have in common, the sizes of the symbols). Several kinds of examples are tried; the first failure is told."""
    failure = None
    moving = any(dynamic)
    for steps in _STEPS[: None if moving else 1]:
        sizes = _sizes(leaves, dynamic, steps)
        for moved in (True, False):  # numbers that the module refuses in another order stay as they are
            captures = []
            try:
                for run in range(RUNS):
                    captures.append(_captured(model, args, kwargs, leaves, dynamic, sizes, run, moved))
                return Merged(captures), sizes
            except SymbolicValueError as error:
                failure = failure or error
                for run in range(RUNS):  # do the numbers alone change what is run? Then no other sizes help
                    _alike(model, args, kwargs, leaves, dynamic, {k: (v[run],) * RUNS for k, v in sizes.items()})
                break
            except Exception as error:
                if not captures and not moving:
                    raise
                failure = failure or error
    if isinstance(failure, OnnxExporterError):
        raise failure
    raise OnnxExporterError(
        f"the module fails on other sizes of the dynamic axes {sorted({s for axes in dynamic for s in axes.values()})}: "
        f"{type(failure).__name__}: {failure}"
    ) from failure


# ---- the file -----------------------------------------------------------------------------------------------------------


def _translate(g, table) -> None:
    """Every step as nodes; UnsupportedOperatorError names the operation, its place, and what can be done."""
    for step, args in zip(g.merged.steps, g.merged.args):
        g.step = step
        translation = table.get(step.name)
        if translation is None:
            raise UnsupportedOperatorError(
                g.told("has no translation to ONNX: compute it before or after the exported module, or in terms of other operations")
            )
        made = translation(g, step, *args)
        for value, name in zip(step.outputs, made if isinstance(made, list) else [made]):
            if value is not None:
                g.bind(value, name)
    g.step = None


def _shape(g, value, symbols: dict) -> list:
    """Sizes for a ValueInfo: numbers, and names where they follow an axis."""
    shown = []
    for n in g.dims(value):
        shown.append(symbols.setdefault(n.values, f"size_{len(symbols)}") if type(n) is Sym else n)
    return shown


def _finished(g, input_names, output_names, symbols, outputs_wanted, keep, export_params, parameters):
    """The ModelProto: only what leads to the outputs, under the wanted names."""
    helper, final = g.onnx.helper, []
    rename: dict = {}
    for value, wanted in zip(g.merged.outputs, output_names):
        name = g.name(value)
        if name in input_names or name in g.initializers or name in rename:
            name = g.op("Identity", name)
        rename[name] = wanted
        final.append((value, wanted))
    needed, kept = set(rename), []
    for node in reversed(g.nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    kept.reverse()
    clash = {*input_names, *g.initializers, *(o for n in kept for o in n.output)} - set(rename)
    for wanted in [w for w in rename.values() if w in clash]:
        raise ValueError(f"onnx.export(): the output name '{wanted}' is that of another tensor of the graph; choose another")
    for node in kept:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name in rename:
                    names[i] = rename[name]
    weights = {n: a for n, a in g.initializers.items() if n in needed}
    inputs = [helper.make_tensor_value_info(n, g.kind(v.dtype), _shape(g, v, symbols)) for n, v in zip(input_names, g.merged.inputs)]
    shapes = []
    for value, name in final:
        sizes = _shape(g, value, symbols)
        for axis, label in outputs_wanted.get(name, {}).items():
            n = g.dims(value)[axis]
            if type(n) is Sym and symbols[n.values].startswith("size_"):
                sizes[axis] = symbols[n.values] = label
        shapes.append(helper.make_tensor_value_info(name, g.kind(value.dtype), sizes))
    from_array = g.onnx.numpy_helper.from_array
    left_out = set() if export_params else parameters & set(weights)
    if keep or left_out:
        shown = weights if keep else {n: weights[n] for n in left_out}
        inputs += [helper.make_tensor_value_info(n, g.kind(a.dtype), a.shape) for n, a in shown.items()]
    initializers = [from_array(a, n) for n, a in weights.items() if n not in left_out]
    graph = helper.make_graph(kept, "main_graph", inputs, shapes, initializers)
    opsets = [helper.make_opsetid("", g.opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=max(helper.find_min_ir_version_for(opsets), 8))
    from .._version import __version__

    model.producer_name, model.producer_version = "lightwell", __version__
    return model


def export(
    model, args=(), f=None, *, kwargs=None, verbose=None, input_names=None, output_names=None, opset_version=None, dynamo=True,
    external_data=True, dynamic_shapes=None, custom_translation_table=None, report=False, optimize=True, verify=False, profile=False,
    dump_exported_program=False, artifacts_dir=".", export_params=True, keep_initializers_as_inputs=False, dynamic_axes=None,
    training=TrainingMode.EVAL, operator_export_type=OperatorExportTypes.ONNX, do_constant_folding=True, custom_opsets=None,
    export_modules_as_functions=False, autograd_inlining=True,
):  # fmt: skip
    """Write what `model(*args)` computes as an ONNX file `f` (a path, or a file opened for writing; None writes none).

    The module is run on `args` (a tensor or a tuple of tensors and containers; a dictionary at the end holds keywords, as
    `kwargs` does), in evaluation mode unless `training` says otherwise, and its operations are translated; parameters keep
    their names. `dynamic_axes` {"x": {0: "batch"}} or `dynamic_shapes` name the sizes that may change: the module is run at
    several of them, and what follows them is computed in the graph. `opset_version` is 18 by default; below 13, 13 is written, with a warning.
    `export_params=False` leaves the parameters out and makes them inputs. Returns an ONNXProgram (None with `dynamo=False`).

    Raises UnsupportedOperatorError for an operation without translation, SymbolicValueError where the graph depends on a
    tensor's numbers or on a size in a way that can't be written down (both OnnxExporterErrors, which say where);
    ValueError for names or opsets that don't fit; ImportError without the onnx library. No file is left half-written.
    (Open Neural Network Exchange, https://onnx.ai/onnx/operators.)

    >>> import lightwell as torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    >>> program = torch.onnx.export(model, torch.zeros(2, 4), input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "batch"}})
    >>> [node.op_type for node in program.model_proto.graph.node]
    ['Gemm', 'Relu']
    >>> sorted(weight.name for weight in program.model_proto.graph.initializer)
    ['0.bias', '0.weight']
    """
    global _exporting
    onnx = need_onnx()
    opset = _DEFAULT_OPSET if opset_version is None else int(opset_version)
    newest = onnx.defs.onnx_opset_version()
    if not 7 <= opset <= newest:
        raise ValueError(f"onnx.export(): opset_version={opset} can't be written; {_LEAST_OPSET} to {newest} can")
    if opset < _LEAST_OPSET:
        told = f"onnx.export(): opset {opset} is not written any more; the file has opset {_LEAST_OPSET}, the oldest that is"
        warnings.warn(told, OnnxExporterWarning, stacklevel=users_level())
        opset = _LEAST_OPSET
    if profile or dump_exported_program or custom_opsets or export_modules_as_functions:
        warnings.warn(
            "onnx.export(): profile, dump_exported_program, custom_opsets and export_modules_as_functions belong to PyTorch's own "
            "exporter and change nothing here",
            OnnxExporterWarning,
            stacklevel=users_level(),
        )
    if not callable(model):
        raise TypeError(f"onnx.export(): argument 'model' (position 1) must be a torch.nn.Module or a function, not {type(model).__name__}")
    args, kwargs = _arguments(model, args, kwargs)
    named = _named_arguments(model, args, kwargs)
    leaves = [leaf for name, value in named for leaf in _leaves(value, name)]
    names = list(input_names or []) + [name for name, _ in leaves][len(input_names or []) :]
    if len(names) > len(leaves):
        raise ValueError(f"onnx.export(): {len(names)} input_names for {len(leaves)} input tensors")
    if len(set(names)) < len(names):
        raise ValueError(f"onnx.export(): input_names must differ, got {names}")
    dynamic = _dynamic(named, leaves, names, dynamic_axes, dynamic_shapes, output_names)
    table = _table(custom_translation_table)
    undo, before, _exporting = in_mode(model, training), _exporting, True
    try:
        with no_grad():
            merged, sizes = _runs(model, args, kwargs, leaves, dynamic)
        g = Graph(merged, opset, onnx)
        for name in names:
            g.fresh(name)
        for name in output_names or ():
            g.fresh(name)
        for value, name in zip(merged.inputs, names):
            g.bind(value, name)
        _translate(g, table)
        outputs = list(output_names or [])
        if len(outputs) > len(merged.outputs):
            raise ValueError(f"onnx.export(): {len(outputs)} output_names for {len(merged.outputs)} outputs")
        missing = len(merged.outputs) - len(outputs)
        outputs += [g.fresh("output" if len(merged.outputs) == 1 else f"output_{len(outputs) + i}") for i in range(missing)]
        symbols = {values: symbol for symbol, values in sizes.items()}
        labels = {k: _axes_of(v, k) for k, v in (dynamic_axes or {}).items() if k in outputs}
        parameters = {v.name for s in merged.steps for v in s.inputs() if v.kind == "parameter"}
        proto = _finished(g, names, outputs, symbols, labels, keep_initializers_as_inputs, export_params, parameters)
    finally:
        _exporting = before
        undo()
    if proto.ByteSize() < 2**31:
        onnx.checker.check_model(proto, full_check=True)
    if verbose:
        print(onnx.printer.to_text(proto))
    program = ONNXProgram(proto, model, args, kwargs, training)
    if report:
        _report(merged, proto, artifacts_dir)
    if verify:
        program.check()
    if f is not None:
        write(proto, f)
    elif not dynamo:
        raise TypeError("onnx.export(): f, the file to write, is missing")
    return program if dynamo else None


def _table(custom) -> dict:
    """The translations, with the user's own for records by name: f(graph, step, *arguments) -> name."""
    from .translate import TABLE

    if not custom:
        return TABLE
    found = dict(TABLE)
    for key, function in custom.items():
        record = getattr(key, "record", None)
        name = key if isinstance(key, str) else record.name if record is not None else getattr(key, "__name__", str(key))
        found[name] = function
    return found


def _report(merged, proto, folder) -> None:
    """onnx_export_report.md: what was run, and what it became."""
    lines = ["# What was exported", "", "| operation | in | result |", "| --- | --- | --- |"]
    lines += [f"| {s.name} | {s.scope or '(top)'} | {[list(v.shape) for v in s.outputs if v is not None]} |" for s in merged.steps]
    counts: dict = {}
    for node in proto.graph.node:
        counts[node.op_type] = counts.get(node.op_type, 0) + 1
    weights = sum(math.prod(w.dims) for w in proto.graph.initializer)
    lines += ["", f"{len(proto.graph.node)} nodes, {weights} numbers in weights and constants: {counts}", ""]
    with open(os.path.join(folder, "onnx_export_report.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
