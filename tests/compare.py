"""One call on lightwell and on PyTorch: values, dtypes, first and second derivatives."""

import numpy as np

import lightwell


def random(*shape, seed=0, is_complex=False, dtype=None):
    """Normal numbers, always the same for the same seed and shape."""
    rng = np.random.default_rng([seed, *shape])
    a = np.asarray(rng.standard_normal(shape))
    a = a + 1j * rng.standard_normal(shape) if is_complex else a
    return a.astype(dtype) if dtype else np.asarray(a)


def positive(n, batch=(), is_complex=False):
    """A Hermitian positive-definite matrix."""
    a = random(*batch, n, n, is_complex=is_complex)
    return a @ a.conj().swapaxes(-1, -2) + np.eye(n)


def _tensors(lib, arrays, grad):
    make = lightwell.tensor if lib is lightwell else lib.from_numpy
    return [make(a.copy()).requires_grad_(grad and a.dtype.kind in "fc") for a in arrays]


def _array(t):
    t = t.detach()
    return t.numpy() if isinstance(t, lightwell.Tensor) else t.resolve_conj().resolve_neg().numpy(force=True)


def _results(lib, f, arrays, grad, second):
    tensors = _tensors(lib, arrays, grad)
    outs = f(lib, *tensors)
    outs = list(outs) if isinstance(outs, (tuple, list)) else [outs]
    values, grads = [_array(y) for y in outs], []
    if grad:
        rng, total = np.random.default_rng(1), 0
        for y in outs:
            weights = rng.standard_normal(tuple(y.shape))
            if y.requires_grad:
                part = y.abs() ** 2 if y.is_complex() else y * _tensors(lib, [np.asarray(weights)], False)[0].to(y.dtype)
                total = total + part.sum()
        first = lib.autograd.grad(total, tensors, create_graph=second)
        grads = [_array(g) for g in first]
        if second:
            size = sum((g.abs() ** 2).sum() for g in first)
            if size.requires_grad:
                found = lib.autograd.grad(size, tensors, allow_unused=True)
                grads += [np.zeros_like(a) if g is None else _array(g) for g, a in zip(found, arrays)]
            else:
                grads += [np.zeros_like(a) for a in arrays]
    return values, grads


def same(torch, f, *arrays, grad=True, second=True, tolerance=1e-8):
    """Assert that `f(namespace, *tensors)` and its derivatives are the same in both."""
    values, grads = _results(lightwell, f, arrays, grad, second)
    expected, expected_grads = _results(torch, f, arrays, grad, second)
    assert len(values) == len(expected)
    for a, b in zip(values, expected):
        assert a.shape == b.shape and a.dtype == b.dtype, (a.shape, a.dtype, b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg="value")
    for i, (a, b) in enumerate(zip(grads, expected_grads)):
        order = f"derivative {1 + i // len(arrays)} of input {i % len(arrays)}"
        scale = 1e3 * tolerance * max(1.0, float(abs(b).max(initial=0)))
        np.testing.assert_allclose(a, b, rtol=1e3 * tolerance, atol=scale, err_msg=order)


def same_error(torch, f):
    """Assert that both raise, and exceptions of the same kind; returns lightwell's message."""
    errors = []
    for lib in (torch, lightwell):
        try:
            f(lib)
        except Exception as error:
            errors.append(error)
        else:
            raise AssertionError(f"{lib.__name__} raises nothing")
    theirs, ours = errors
    name = type(theirs).__name__.lstrip("_")
    assert type(ours).__name__ == name, f"{ours!r} where PyTorch raises {theirs!r}"
    return str(ours)
