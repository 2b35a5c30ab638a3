"""`torch.export`: a module as one graph of operations with all of its state as inputs, to be inspected, saved and run elsewhere."""

import io
import warnings

from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..nn import Module
from .exported_program import ExportedProgram
from .graph_signature import ExportGraphSignature, InputKind, InputSpec, OutputKind, OutputSpec, TensorArgument

__all__ = [
    "Dim", "ExportGraphSignature", "ExportedProgram", "InputKind", "InputSpec", "OutputKind", "OutputSpec", "TensorArgument", "dims", "export",
    "load", "save",
]  # fmt: skip

_exporting = 0


class Dim:
    """A size that may differ from call to call: `Dim("batch", min=1, max=64)`; `Dim.AUTO`, `Dim.DYNAMIC`, `Dim.STATIC` name none.

    ValueError for bounds that leave no size.
    """

    AUTO: "Dim"
    DYNAMIC: "Dim"
    STATIC: "Dim"

    def __init__(self, name: str, *, min: int | None = None, max: int | None = None):
        self.__name__, self.min, self.max = name, 0 if min is None else min, max
        if max is not None and max <= self.min:
            raise ValueError(f"Cannot create Dim with inconsistent min={min}, max={max}")
        if not name.isidentifier():
            raise ValueError(f"Dim name must be a valid identifier, got {name}")

    def __repr__(self):
        return f"Dim({self.__name__!r}, min={self.min}, max={self.max})"


Dim.AUTO, Dim.DYNAMIC, Dim.STATIC = Dim("AUTO"), Dim("DYNAMIC"), Dim("STATIC")


def dims(*names: str, min: int | None = None, max: int | None = None) -> tuple:
    """Several Dims at once."""
    return tuple(Dim(name, min=min, max=max) for name in names)


def export(mod: Module, args: tuple, kwargs: dict | None = None, *, dynamic_shapes=None, strict: bool = False, preserve_module_call_signature=(),
           prefer_deferred_runtime_asserts_over_guards: bool = False) -> ExportedProgram:  # fmt: skip
    """Run the module on example inputs and keep what it did as one graph.

    Sizes are fixed to the examples' unless `dynamic_shapes` (a dict by input name, or a tuple, of dicts dim -> Dim) says
    otherwise. ValueError for what isn't a module, TypeError for args that are no tuple, RuntimeError where a branch depends
    on a tensor's values.

    >>> import lightwell as torch
    >>> ep = torch.export.export(torch.nn.Linear(2, 3), (torch.ones(1, 2),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    >>> ep.graph_signature.parameters, ep.module()(torch.ones(5, 2)).shape
    (('weight', 'bias'), torch.Size([5, 3]))
    """
    from ..jit._trace import TracerWarning, _inputs, _run

    global _exporting
    if not isinstance(mod, Module):
        raise ValueError(f"Expected `mod` to be an instance of `torch.nn.Module`, got {type(mod)}.")
    if not isinstance(args, tuple):
        raise TypeError(f"Expecting `args` to be a tuple of example positional inputs, got {type(args)}")
    kwargs = kwargs or {}
    names, inputs = _inputs(args, type(mod).forward, 1)
    names = getattr(mod, "_input_names", names)
    before = set(mod._buffers)
    _exporting += 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", TracerWarning)
            graph, out = _run(mod, mod, names, inputs, kwargs, False)
    except TracerWarning as error:
        raise RuntimeError(
            f"export: a branch or number depends on a tensor's values, so that no one graph holds the program: {error}\nUse torch.where in its place"
        ) from None
    finally:
        _exporting -= 1
        constants = {name: mod._buffers.pop(name) for name in [n for n in mod._buffers if n not in before]}
        mod._non_persistent_buffers_set.difference_update(constants)
    return ExportedProgram(
        mod, graph, constants, [*names[: len(inputs)], *kwargs], args, kwargs, out, _dynamic(dynamic_shapes, names, inputs, kwargs)
    )


def _dynamic(shapes, names: list, inputs: tuple, kwargs: dict) -> dict:
    """input name -> {dim: Dim} of the sizes that may differ."""
    all_names = [*names[: len(inputs)], *kwargs]
    if shapes is None:
        return {}
    by_name = shapes if isinstance(shapes, dict) else dict(zip(all_names, shapes))
    unknown = set(by_name) - set(all_names)
    if unknown:
        raise ValueError(f"export: dynamic_shapes names {sorted(unknown)}, the inputs are {all_names}")
    out = {}
    for name, spec in by_name.items():
        if isinstance(spec, (tuple, list)):
            spec = dict(enumerate(spec))
        out[name] = {d: dim for d, dim in (spec or {}).items() if dim is not None and dim is not Dim.STATIC}
    return out


def save(ep: ExportedProgram, f, *, extra_files: dict | None = None, opset_version=None, pickle_protocol: int = 2) -> None:
    """Write an exported program, its state and its example inputs to a file: a TorchScript archive with extra records."""
    import json

    import lightwell as lw

    from .. import jit

    if not isinstance(ep, ExportedProgram):
        raise TypeError(f"The 'ep' parameter must be an instance of 'ExportedProgram', got '{type(ep).__name__}' instead.")
    args, kwargs = ep.example_inputs
    shapes = {n: {str(d): [dim.__name__, dim.min, dim.max] for d, dim in spec.items()} for n, spec in ep._dynamic.items()}
    examples = io.BytesIO()
    lw.save({"args": list(args), "kwargs": dict(kwargs)}, examples)
    traced = jit.trace(ep._runner(), args, check_trace=False, strict=False, example_kwarg_inputs=kwargs or None)
    jit.save(traced, f, {"export.json": json.dumps(shapes), "examples.pt": examples.getvalue(), **(extra_files or {})})


def load(f, *, extra_files: dict | None = None, expected_opset_version=None) -> ExportedProgram:
    """The exported program that `save` wrote; no code in the file is run unchecked. RuntimeError for any other file."""
    import json

    import lightwell as lw

    from .. import jit

    records = {"export.json": b"", "examples.pt": b"", **(extra_files or {})}
    module = jit.load(f, _extra_files=records)
    if not records["examples.pt"]:
        raise RuntimeError("export.load: the file holds a TorchScript program, but no exported one: read it with torch.jit.load")
    examples = lw.load(io.BytesIO(records["examples.pt"]))
    shapes = {
        name: {int(d): Dim(label, min=low, max=high) for d, (label, low, high) in spec.items()}
        for name, spec in json.loads(records["export.json"]).items()
    }
    for name in extra_files or ():
        extra_files[name] = records[name]
    return export(module, tuple(examples["args"]), examples["kwargs"], dynamic_shapes=shapes or None)
