"""Export, run the file in onnxruntime, and compare with the module itself."""

import numpy as np

import lightwell as lw
from lightwell.utils._capture import _tensors


class Of(lw.nn.Module):
    """A function as a module."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, *args):
        return self.f(*args)


def session(path):
    import onnxruntime

    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def run(ran, args):
    names = [i.name for i in ran.get_inputs()]
    return ran.run(None, {n: np.ascontiguousarray(t.detach().numpy()) for n, t in zip(names, _tensors(args))})


def agree(model, args, path, others=(), tol=1e-5, **options):
    """Export `model` on `args` to `path`; the file's outputs must be the module's, on `args` and on `others`."""
    training = options.pop("training_mode", False)
    model = model if isinstance(model, lw.nn.Module) else Of(model)
    model.train(training)
    lw.onnx.export(model, args, str(path), **options)
    ran = session(path)
    for given in (args, *others):
        with lw.no_grad():
            wanted = _tensors(model(*given))
        got = run(ran, given)
        assert len(wanted) == len(got)
        for a, b in zip(wanted, got):
            a = a.numpy()
            assert a.shape == b.shape and a.dtype == b.dtype, (a.shape, b.shape, a.dtype, b.dtype)
            if a.dtype.kind == "f":
                scale = max(1.0, float(np.abs(a[np.isfinite(a)]).max(initial=0)))
                np.testing.assert_allclose(b, a, rtol=tol, atol=tol * scale)
            else:
                assert np.array_equal(a, b)
    return ran
