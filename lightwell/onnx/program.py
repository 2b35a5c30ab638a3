"""What an export gives: the model, which can be saved and run; and how it is written."""

import builtins
import os
from enum import IntEnum

import numpy as np

from ..errors.teaching import ImportError, ValueError
from ..tensor import wrap
from ..utils._capture import _tensors


def need_onnx():
    """The onnx library; ImportError that says what to install."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
        import onnx.printer
    except builtins.ImportError:
        raise ImportError(
            "lightwell.onnx writes its files with the onnx library, which isn't installed: pip install lightwell[onnx]"
        ) from None
    return onnx


def write(proto, f) -> None:
    """Write a ModelProto to a path (whole or not at all), or to an open file; weights beyond 2 GB go to a file beside it."""
    onnx = need_onnx()
    if hasattr(f, "write"):
        f.write(proto.SerializeToString())
        return
    path = os.fspath(f)
    if proto.ByteSize() >= 2**31:
        onnx.save_model(proto, path, save_as_external_data=True, location=os.path.basename(path) + ".data")
        onnx.checker.check_model(path)
        return
    from ..serialization.atomic import atomic_file

    with atomic_file(path) as file:
        file.write(proto.SerializeToString())


class TrainingMode(IntEnum):
    """Whether a module is exported as it computes in evaluation, as it stands, or as in training."""

    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


def in_mode(model, training):
    """Put the module in its mode; the function that undoes it, running statistics included."""
    if not hasattr(model, "modules"):
        return lambda: None
    before = [(m, m.training) for m in model.modules()]
    buffers = [(b, b._a.copy()) for b in model.buffers()]
    if training != TrainingMode.PRESERVE:
        model.train(training == TrainingMode.TRAINING)

    def undo():
        for m, mode in before:
            m.training = mode
        for b, a in buffers:
            if not np.array_equal(b._a, a, equal_nan=b._a.dtype.kind == "f"):
                b._a[...] = a
                b._bump()

    return undo


class ONNXProgram:
    """An exported module: `model_proto` holds the model, `save` writes it, a call runs it in onnxruntime."""

    def __init__(self, model_proto, model=None, args=(), kwargs=None, training=TrainingMode.EVAL):
        self.model_proto, self._model, self._args, self._kwargs = model_proto, model, args, kwargs or {}
        self._training, self._session = training, None

    model = property(lambda self: self.model_proto, doc="The ModelProto.")

    def save(self, destination, *, include_initializers=True, keep_initializers_as_inputs=False, external_data=None) -> None:
        """Write the model to a path."""
        proto = self.model_proto
        if not include_initializers or keep_initializers_as_inputs:
            onnx = need_onnx()
            proto = onnx.ModelProto.FromString(proto.SerializeToString())
            weights = list(proto.graph.initializer)
            proto.graph.input.extend(onnx.helper.make_tensor_value_info(w.name, w.data_type, list(w.dims)) for w in weights)
            if not include_initializers:
                del proto.graph.initializer[:]
        write(proto, destination)

    def initialize_inference_session(self, initializer=None) -> None:
        """Make the onnxruntime session that calls use; ImportError where onnxruntime isn't installed."""
        try:
            import onnxruntime
        except builtins.ImportError:
            raise ImportError("running an exported model needs onnxruntime, which isn't installed: pip install lightwell[onnx]") from None
        data = self.model_proto.SerializeToString()
        self._session = initializer(data) if initializer else onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    def release(self) -> None:
        """Let the session go."""
        self._session = None

    def __call__(self, *args, **kwargs):
        """The outputs, as a list of tensors, for the arguments that the module takes."""
        if self._session is None:
            self.initialize_inference_session()
        given = _tensors((args, kwargs))
        names = [i.name for i in self._session.get_inputs()]
        if len(given) != len(names):
            raise ValueError(f"the exported model takes {len(names)} tensors ({', '.join(names)}), got {len(given)}")
        return [
            wrap(np.asarray(a)) for a in self._session.run(None, {n: np.ascontiguousarray(t.detach()._a) for n, t in zip(names, given)})
        ]

    def module_output(self):
        """What the module itself gives on the arguments of the export, in the mode of the export."""
        from ..autograd.modes import no_grad

        undo = in_mode(self._model, self._training)
        try:
            with no_grad():
                return self._model(*self._args, **self._kwargs)
        finally:
            undo()

    def check(self, rtol: float = 1e-4, atol: float = 1e-5) -> None:
        """Compare with the module on the arguments of the export; OnnxExporterError where they differ."""
        from .errors import OnnxExporterError

        wanted = _tensors(self.module_output())
        for i, (a, b) in enumerate(zip(wanted, self(*self._args, **self._kwargs))):
            if not np.allclose(a._a, b._a, rtol, atol, equal_nan=True):
                worst = float(np.abs(a._a.astype(float) - b._a.astype(float)).max())
                raise OnnxExporterError(f"output {i} of the exported model differs from the module's by up to {worst:.3g}")

    def __repr__(self) -> str:
        return f"ONNXProgram(\n{need_onnx().printer.to_text(self.model_proto)}\n)"
