"""`torch.onnx`: modules as ONNX files, which onnxruntime and many other programs run (`pip install lightwell[onnx]`)."""

import contextlib

from ..errors.teaching import AttributeError
from . import errors
from .errors import OnnxExporterError
from .exporter import OperatorExportTypes, export, is_in_onnx_export
from .program import ONNXProgram, TrainingMode, in_mode

__all__ = [
    "ONNXProgram",
    "OnnxExporterError",
    "OperatorExportTypes",
    "TrainingMode",
    "errors",
    "export",
    "is_in_onnx_export",
    "select_model_mode_for_export",
]

producer_name = "lightwell"


@contextlib.contextmanager
def select_model_mode_for_export(model, mode):
    """Within it, `model` is in the mode of an export (a TrainingMode); afterwards in its own again."""
    undo = in_mode(model, mode)
    try:
        yield
    finally:
        undo()


def _export(model, args, f, *positional, **options):
    """`export`, under the name and with the result of older PyTorch: what the module gives on `args`."""
    order = ("export_params", "verbose", "training", "input_names", "output_names")
    options.pop("example_outputs", None)
    options.pop("propagate", None)
    program = export(model, args, f, **{**dict(zip(order, positional)), **options, "dynamo": True})
    return program.module_output()


def __getattr__(name: str):
    if name == "producer_version":
        from .._version import __version__

        return __version__
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
