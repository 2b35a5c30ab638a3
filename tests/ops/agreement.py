"""Does lightwell answer as PyTorch does? Values, dtypes, shapes, grad_fn names, exceptions, and two orders of gradients."""

import warnings

import numpy as np

import lightwell as lw
from lightwell.autograd.engine import grad as our_grad


def to_torch(torch, array):
    """A PyTorch tensor of a NumPy array, bfloat16 included."""
    array = np.asarray(array)
    if array.dtype.num >= 256:
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(array.copy())


def to_numpy(t):
    """Either library's tensor as an array, bfloat16 as float32."""
    t = t.detach()
    return (t.float() if str(t.dtype) == "torch.bfloat16" else t).numpy(force=True)


def flat(result):
    """The tensors of a result in order."""
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in flat(r)]
    return [result]


def run(f, call, tensors):
    """What a call gives: (result, None) or (None, exception)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return flat(call(f, *tensors)), None
        except Exception as error:
            return None, error


def agree(torch, call, *arrays, tolerance=1e-5, grad=False, names=True, second=True):
    """Assert that `call(namespace, *tensors)` gives the same in both libraries."""
    theirs = [to_torch(torch, a) for a in arrays]
    ours = [lw.tensor(a) if np.asarray(a).dtype.num < 256 else lw.tensor(a.astype(np.float32)).to(lw.bfloat16) for a in arrays]
    if grad:
        for t in (*ours, *theirs):
            if t.is_floating_point() or t.is_complex():
                t.requires_grad_(True)
    want, their_error = run(torch, call, theirs)
    have, our_error = run(lw, call, ours)
    if their_error is not None:
        assert our_error is not None, f"PyTorch raises {their_error!r}, lightwell gives {have}"
        assert isinstance(our_error, type(their_error)), f"PyTorch raises {their_error!r}, lightwell {our_error!r}"
        return
    if our_error is not None:
        raise our_error
    assert len(have) == len(want)
    for h, w in zip(have, want):
        if not isinstance(w, torch.Tensor):
            assert h == w
            continue
        assert str(h.dtype) == str(w.dtype), (h.dtype, w.dtype)
        assert tuple(h.shape) == tuple(w.shape), (h.shape, w.shape)
        np.testing.assert_allclose(to_numpy(h), to_numpy(w), rtol=tolerance, atol=tolerance)
        if grad and names and w.grad_fn is not None:
            assert h.grad_fn.name() == w.grad_fn.name()
    if grad:
        _gradients_agree(torch, have, want, ours, theirs, tolerance, second)


def _gradients_agree(torch, have, want, ours, theirs, tolerance, second):
    rng = np.random.default_rng(7)
    pairs = [(h, w) for h, w in zip(have, want) if w.requires_grad]
    weights = [rng.standard_normal(tuple(w.shape)) for _, w in pairs]
    leaves = [i for i, t in enumerate(theirs) if t.requires_grad]

    def orders(f, grad, outs, inputs):
        total = 0.0
        for out, weight in zip(outs, weights):
            out = out.abs() if out.is_complex() else out
            total = total + (out * f.tensor(np.asarray(weight)).to(out.dtype)).sum()
        first = grad(total, inputs, create_graph=second, allow_unused=True)
        curved = [g for g in first if g is not None and g.requires_grad]
        if not curved:
            return first, ()
        again = 0.0
        for g in curved:
            again = again + (g.abs() if g.is_complex() else g).cos().sum()
        return first, grad(again, inputs, allow_unused=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = orders(lw, our_grad, [h for h, _ in pairs], [ours[i] for i in leaves])
        reference = orders(torch, torch.autograd.grad, [w for _, w in pairs], [theirs[i] for i in leaves])
    for a, b in zip(mine[0], reference[0]):
        _same(a, b, tolerance)
    for i, b in enumerate(reference[1]):
        _same(mine[1][i] if mine[1] else None, b, 10 * tolerance)


def _same(a, b, tolerance):
    zero = 0.0
    a, b = zero if a is None else to_numpy(a), zero if b is None else to_numpy(b)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
