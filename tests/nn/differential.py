"""One call by lightwell and by PyTorch: outputs, gradients of inputs and parameters, and buffers must agree, in float64 and float32.

Relative to the largest number of a tensor, by 1e-9 and 1e-4. Where float32 itself can't hold 1e-4, since the problem is badly
conditioned (the variance of two numbers), lightwell must be as near to the float64 result as PyTorch is.
"""

import copy
import warnings

import numpy as np
import torch

import lightwell as lw

torch.set_num_threads(1)  # the tensors are small: threads cost more than they bring
RTOL = {"float64": 1e-9, "float32": 1e-4}


class Case:
    """A layer with options, or a functional, and what it is called with.

    `inputs`: arrays; floating-point ones are cast to the dtype tried and take gradients, others stay as they are; `call(m, f, *tensors)`
    does the call (m the library, f the layer); `mode`: "train" or "eval".
    """

    def __init__(self, name, options, inputs, call=None, mode="train", nograd=()):
        self.name, self.options, self.inputs, self.mode, self.nograd = name, options, inputs, mode, nograd
        self.call = call or (lambda m, f, *tensors: f(*tensors))

    def __repr__(self):
        shapes = [list(np.shape(a)) for a in self.inputs]
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.options.items())}) on {shapes}, {self.mode}"


def flat(value) -> list:
    """The tensors of a result, in order."""
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in flat(v)]
    if isinstance(value, dict):
        return [t for v in value.values() for t in flat(v)]
    return [] if value is None or not hasattr(value, "detach") else [value]


def array(t) -> np.ndarray:
    return t.detach().numpy()


def tensor(m, a):
    """An array as a tensor of a library, of memory of its own."""
    return m.from_numpy(np.array(a, copy=True))


def options_for(m, options):
    """Options with their arrays as tensors and their types as the library's."""
    made = {}
    for key, value in options.items():
        if isinstance(value, np.ndarray):
            value = tensor(m, value)
        elif isinstance(value, str) and value.startswith("m."):
            for part in value.split(".")[1:]:
                value = getattr(m if value.startswith("m.") and isinstance(value, str) else value, part)
        made[key] = value
    return made


def run(m, case, f, dtype):
    """(outputs, gradients of the inputs, gradients of the parameters, buffers)."""
    tensors = []
    for i, a in enumerate(case.inputs):
        if isinstance(a, np.ndarray):
            floating = a.dtype.kind == "f"
            t = tensor(m, a.astype(dtype) if floating else a)
            tensors.append(t.requires_grad_() if floating and i not in case.nograd else t)
        else:
            tensors.append(a)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = flat(case.call(m, f, *tensors))
    live = [t for t in out if t.requires_grad]
    rng = np.random.default_rng(5)
    total = 0
    for t in out:
        w = rng.standard_normal(tuple(t.shape))
        if t.requires_grad:
            total = total + (t * tensor(m, np.asarray(w).astype(array(t).dtype))).sum()
    if live:
        total.backward()
    module = isinstance(f, m.nn.Module)
    parameters = {k: p.grad for k, p in f.named_parameters()} if module else {}
    buffers = dict(f.named_buffers()) if module else {}
    return out, [t.grad if hasattr(t, "grad") else None for t in tensors], parameters, buffers


def compare(ours, theirs, exact, rtol, what):
    """Equal shapes, dtypes, and values within rtol of the largest; `exact`: PyTorch's result in float64, where this one is not."""
    if theirs is None or ours is None:
        assert theirs is None or not np.any(array(theirs)), f"{what}: ours is None"
        assert ours is None or not np.any(array(ours)), f"{what}: PyTorch's is None"
        return
    a, b = array(ours), array(theirs)
    assert a.shape == b.shape, f"{what}: shape {a.shape}, PyTorch's {b.shape}"
    assert str(ours.dtype) == str(theirs.dtype), f"{what}: dtype {ours.dtype}, PyTorch's {theirs.dtype}"
    if not b.size:
        return
    finite = np.isfinite(b)
    assert (finite == np.isfinite(a)).all(), f"{what}: other places are infinite or NaN"
    if b.dtype.kind not in "fc":
        assert (a == b).all(), f"{what}: {a.ravel()[:5]} ..., PyTorch's {b.ravel()[:5]} ..."
        return
    a, b = a[finite].astype(np.float64), b[finite].astype(np.float64)
    if b.size:
        scale = max(np.abs(b).max(), 1e-3)
        error = np.abs(a - b).max() / scale
        if error > rtol and exact is not None:
            e = array(exact)[finite]
            if np.abs(a - e).max() <= 3 * np.abs(b - e).max():
                return
        assert error <= rtol, f"{what}: relative error {error:.2e}"


def check(case, dtypes=("float64", "float32")):
    """Run the case in both libraries; AssertionError names it. Returns False where PyTorch refuses it (then lightwell must too)."""
    exact = None
    for dtype in dtypes:
        theirs_f = ours_f = None
        if hasattr(torch.nn, case.name):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    theirs_f = getattr(torch.nn, case.name)(**options_for(torch, case.options)).to(getattr(torch, dtype))
            except Exception as error:
                refused(case, lambda: getattr(lw.nn, case.name)(**options_for(lw, case.options)), error)
                return False
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours_f = getattr(lw.nn, case.name)(**options_for(lw, case.options)).to(getattr(lw, dtype))
            state = {k: tensor(lw, array(v)) for k, v in theirs_f.state_dict().items()}
            assert list(state) == list(ours_f.state_dict()), f"{case}: {list(ours_f.state_dict())}, PyTorch's {list(state)}"
            ours_f.load_state_dict(state)
            getattr(theirs_f, case.mode)(), getattr(ours_f, case.mode)()
        elif hasattr(torch.nn.functional, case.name):
            theirs_f, ours_f = getattr(torch.nn.functional, case.name), getattr(lw.nn.functional, case.name)
        else:
            raise AssertionError(f"{case.name} is neither a layer nor a functional")
        with_options = case.call
        torch.manual_seed(0), lw.manual_seed(0)
        try:
            theirs = run(torch, bound(case, torch, with_options), theirs_f, dtype)
        except Exception as error:
            refused(case, lambda: run(lw, bound(case, lw, with_options), ours_f, dtype), error)
            return False
        try:
            ours = run(lw, bound(case, lw, with_options), ours_f, dtype)
            rtol = RTOL[dtype]
            assert len(ours[0]) == len(theirs[0]), f"{len(ours[0])} results, PyTorch gives {len(theirs[0])}"
            for i, (a, b) in enumerate(zip(ours[0], theirs[0])):
                compare(a, b, exact and exact[0][i], rtol, f"output {i}")
                assert a.requires_grad == b.requires_grad, f"output {i}: requires_grad {a.requires_grad}"
            for i, (a, b) in enumerate(zip(ours[1], theirs[1])):
                compare(a, b, exact and exact[1][i], rtol, f"gradient of input {i}")
            for part, what in ((2, "gradient of"), (3, "buffer")):
                assert list(ours[part]) == list(theirs[part])
                for k in theirs[part]:
                    compare(ours[part][k], theirs[part][k], exact and exact[part][k], rtol, f"{what} {k}")
            exact = theirs
        except Exception as error:
            raise AssertionError(f"{case} in {dtype}: {error!r}") from error
    return True


def bound(case, m, call):
    """The case with a functional's options passed at the call."""
    if hasattr(torch.nn, case.name):
        return case
    made = copy.copy(case)
    options = options_for(m, case.options)
    made.call = lambda m, f, *tensors: call(m, lambda *a, **k: f(*a, **{**options, **k}), *tensors)
    return made


def refused(case, ours, error):
    """lightwell must refuse what PyTorch refuses, with an exception of its type."""
    try:
        ours()
    except Exception as mine:
        assert isinstance(mine, type(error)) or isinstance(error, type(mine)), f"{case}: {mine!r}, PyTorch raises {error!r}"
        return
    raise AssertionError(f"{case}: lightwell computes it, PyTorch raises {error!r}")
