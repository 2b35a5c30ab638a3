"""Every distribution against PyTorch: the same draws for the same seed, values, gradients, shapes, texts."""

import warnings

import numpy as np
import pytest

import lightwell as lw
from tests.distributions.cases import CASES, IDS, tensors

torch = pytest.importorskip("torch")
each = pytest.mark.parametrize("case", CASES, ids=IDS)


def both(case, **options):
    """(ours, our parameters), (PyTorch's, its parameters)."""
    _, build, kwargs = case
    out = []
    for lib in (lw, torch):
        parameters = tensors(lib, kwargs, **options)
        out.append((build(lib, parameters), parameters))
    return out


def array(t):
    return t.detach().numpy()


def same(ours, theirs, rtol=2e-5, atol=2e-6, what=""):
    assert str(ours.dtype) == str(theirs.dtype), what
    assert tuple(ours.shape) == tuple(theirs.shape), what
    if theirs.dtype == torch.float32:  # parameters given as numbers are float32 whatever the values are
        rtol, atol = max(rtol, 2e-5), max(atol, 2e-6)
    np.testing.assert_allclose(array(ours), array(theirs), rtol, atol, err_msg=what)


def attempt(f):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(), None
        except (NotImplementedError, RuntimeError, ValueError) as error:
            return None, error


def agree(f, pair, what, **tolerance):
    """`f` of both distributions gives equal tensors, or the same kind of exception."""
    (ours, error), (theirs, their_error) = (attempt(lambda d=d: f(d)) for d in pair)
    if "Double did not match Float" in str(their_error):
        return  # PyTorch's GeneralizedPareto takes no float64 parameters
    if their_error is not None:
        assert type(error).__name__ == type(their_error).__name__, f"{what}: {error!r}, PyTorch {their_error!r}"
    else:
        assert error is None, f"{what}: {error!r}"
        same(ours, theirs, what=what, **tolerance)


@each
def test_shapes_and_texts(case):
    (ours, _), (theirs, _) = both(case, grad=False)
    assert repr(ours) == repr(theirs)
    assert (tuple(ours.batch_shape), tuple(ours.event_shape)) == (tuple(theirs.batch_shape), tuple(theirs.event_shape))
    assert {k: repr(c) for k, c in ours.arg_constraints.items()} == {k: repr(c) for k, c in theirs.arg_constraints.items()}
    assert repr(ours.support) == repr(theirs.support)
    assert ours.support.event_dim == theirs.support.event_dim and ours.support.is_discrete == theirs.support.is_discrete
    assert ours.has_rsample == theirs.has_rsample and ours.has_enumerate_support == theirs.has_enumerate_support


@each
@pytest.mark.parametrize("shape", [(), (7,), (3, 8)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_draws(case, shape, dtype):
    """To the last bits: elementwise functions round a little differently from PyTorch's vector ones."""
    (ours, _), (theirs, _) = both(case, grad=False, dtype=dtype)
    drawn = []
    for lib, d in ((lw, ours), (torch, theirs)):
        lib.manual_seed(3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's Wishart warns of every draw
            drawn.append((d.sample(shape), lib.rand(2)))
    same(drawn[0][0], drawn[1][0], 1e-8, 1e-9)
    assert array(drawn[0][1]).tolist() == array(drawn[1][1]).tolist()  # the streams go on from the same place


@each
def test_moments(case):
    (ours, _), (theirs, _) = both(case, grad=False)
    for name in ("mean", "mode", "variance", "stddev"):
        agree(lambda d, name=name: getattr(d, name), (ours, theirs), name, rtol=1e-4, atol=1e-5)
    agree(lambda d: d.entropy(), (ours, theirs), "entropy", rtol=1e-4, atol=1e-5)
    agree(lambda d: d.perplexity(), (ours, theirs), "perplexity", rtol=1e-4, atol=1e-5)
    for expand in (True, False):
        agree(lambda d, expand=expand: d.enumerate_support(expand), (ours, theirs), "enumerate_support")


def places(theirs):
    """Values drawn by PyTorch, for both to judge."""
    torch.manual_seed(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return array(theirs.sample((4,)))


@each
def test_log_prob_and_its_gradient(case):
    (ours, p), (theirs, q) = both(case, dtype="float64")
    at = places(theirs)
    values = lw.tensor(at), torch.tensor(at)
    result, error = attempt(lambda: theirs.log_prob(values[1]))
    if error is not None:  # PyTorch's GeneralizedPareto takes no float64 parameters here; it must be that
        assert case[0] == "GeneralizedPareto" and "Double did not match Float" in str(error)
        return
    log_probs = ours.log_prob(values[0]), result
    approximate = case[0] == "VonMises"  # PyTorch's Bessel function has 7 digits
    same(*log_probs, *((1e-6, 1e-6) if approximate else (1e-9, 1e-9)), what="log_prob")
    wanted = [k for k in p if isinstance(p[k], lw.Tensor)]
    if not wanted or not log_probs[1].requires_grad:
        return
    ours_g = lw.autograd.grad(log_probs[0].sum(), [p[k] for k in wanted], allow_unused=True)
    theirs_g = torch.autograd.grad(log_probs[1].sum(), [q[k] for k in wanted], allow_unused=True)
    for name, a, b in zip(wanted, ours_g, theirs_g):
        b = torch.zeros_like(q[name]) if b is None else b
        if name == "scale_tril":  # what lies above the diagonal is not read: PyTorch's cholesky_solve gives it a gradient
            b = b.tril()
        same(lw.zeros_like(p[name]) if a is None else a, b, *((1e-5, 1e-5) if approximate else (1e-8, 1e-8)), what=name)


@each
def test_cdf_and_icdf(case):
    (ours, _), (theirs, _) = both(case, grad=False, dtype="float64")
    at = places(theirs)
    values = {type(ours): lw.tensor(at), type(theirs): torch.tensor(at)}
    agree(lambda d: d.cdf(values[type(d)]), (ours, theirs), "cdf", rtol=1e-7, atol=1e-9)
    inner = np.random.default_rng(0).random(at.shape) * 0.98 + 0.01
    values = {type(ours): lw.tensor(inner), type(theirs): torch.tensor(inner)}
    agree(lambda d: d.icdf(values[type(d)]), (ours, theirs), "icdf", rtol=1e-7, atol=1e-8)


@each
def test_gradients_of_draws(case):
    """rsample's gradients; those of gamma and beta draws are exact here and good to about 10⁻³ in PyTorch."""
    (ours, p), (theirs, q) = both(case, dtype="float64")
    if case[0] == "Wishart":
        return  # PyTorch's overwrites what its backward needs; ours is checked in test_distributions.py
    if not theirs.has_rsample:
        with pytest.raises(NotImplementedError):
            theirs.rsample()
        with pytest.raises(NotImplementedError):
            ours.rsample()
        return
    gradients = []
    for lib, d, parameters in ((lw, ours, p), (torch, theirs, q)):
        wanted = [v for v in parameters.values() if hasattr(v, "requires_grad")]
        if not wanted:
            return
        lib.manual_seed(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = d.rsample((5,))
        assert x.requires_grad
        weights = lib.tensor(np.cos(np.arange(x.numel())).reshape(tuple(x.shape)))
        gradients.append(lib.autograd.grad((x * weights).sum(), wanted, allow_unused=True))
    for a, b in zip(*gradients):
        assert (a is None) == (b is None)
        if b is not None:
            same(a, b, 2e-3, 2e-3)


@each
def test_expand(case):
    (ours, _), (theirs, _) = both(case, grad=False)
    shape = (2, 3) + tuple(theirs.batch_shape)
    wide = ours.expand(shape), theirs.expand(shape)
    assert repr(wide[0]) == repr(wide[1]) and type(wide[0]) is type(ours)
    drawn = []
    for lib, d in zip((lw, torch), wide):
        lib.manual_seed(2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            drawn.append(d.sample((2,)))
    same(*drawn, 2e-5, 2e-6)
    at = array(drawn[1]).astype("float32")
    same(wide[0].log_prob(lw.tensor(at)), wide[1].log_prob(torch.tensor(at)), 1e-3, 1e-4)
