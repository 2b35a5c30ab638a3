"""Elementwise operations against PyTorch beyond the registry walk: integers, operators, options, errors, edges."""

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")
I, J = np.array([3, -4, 7, 0]), np.array([2, 5, -1, 6])
EDGES = np.array([0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 1e-320, 1e308])


def same(call, *arrays, rtol=1e-6):
    ours, theirs = call(lw, *[lw.tensor(a) for a in arrays]), call(torch, *[torch.tensor(a) for a in arrays])
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol, 1e-12)


OPERATORS = (
    "a & 3", "a | b", "a ^ b", "~a", "a << 1", "a >> 1", "5 & a", "a == 3", "a != b", "a < b", "a >= 2.5", "3 > a",
    "(a > 0) & (b > 0)", "(a > 0) | True", "True & (a > 0)", "3 ^ a", "abs(a)", "-a", "(a > 0) ^ (b > 0)", "a.clamp(0, 2)",
    "a.clamp(0.5)", "a.clamp(0, 2.5)", "a.clip(max=1)",
)  # fmt: skip


@pytest.mark.parametrize("text", OPERATORS)
def test_operator_on_integers(text):
    same(lambda f, a, b: eval(text, {"a": a, "b": b}), I, J)


@pytest.mark.parametrize("name", "exp sqrt angle sigmoid erf lgamma sinc logit square nan_to_num floor sign abs round deg2rad".split())
def test_integers_become_the_default_dtype_where_pytorch_does(name):
    same(lambda f, a: getattr(f, name)(a), np.abs(I) + 1)


UNARY = (
    "abs asinh atan ceil cos cosh erf erfc exp exp2 expm1 floor frac isfinite isinf isnan isneginf isposinf log log10 log1p log2 "
    "logical_not neg reciprocal round rsqrt sigmoid sign signbit sin sinh sqrt tan tanh trunc acos acosh asin atanh nan_to_num"
).split()


@pytest.mark.parametrize("name", UNARY)
def test_edges(name):
    same(lambda f, a: getattr(f, name)(a), EDGES)


@pytest.mark.parametrize("name", "maximum minimum fmax fmin atan2 copysign xlogy logaddexp2 heaviside".split())
def test_binary_edges(name):
    a, b = np.meshgrid(EDGES[:7], EDGES[:7])
    if name == "logaddexp2":
        a, b = np.nan_to_num(a, posinf=5, neginf=-5), np.nan_to_num(b, posinf=5, neginf=-5)
    same(lambda f, x, y: getattr(f, name)(x, y), a.copy(), b.copy())


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_atan2_has_the_gradient_0_at_the_origin(kind):
    points = [(0.0, 0.0), (-0.0, 0.0), (0.0, -0.0), (1e-300, 0.0), (0.0, 1e-30), (3.0, -4.0)]

    def gradients(f):
        y, x = (f.tensor(list(v), dtype=getattr(f, kind), requires_grad=True) for v in zip(*points))
        first = f.autograd.grad(f.atan2(y, x).sum(), (y, x), create_graph=True)
        return [g.detach().numpy() for g in (*first, *f.autograd.grad(sum(g.sum() for g in first), (y, x)))]

    for ours, theirs in zip(gradients(lw), gradients(torch)):
        np.testing.assert_allclose(ours, theirs, 1e-6)


def test_round_with_decimals():
    same(lambda f, a: f.round(a, decimals=2), np.array([1.2345, -2.718, 0.005]))
    same(lambda f, a: f.round(a, decimals=-2), np.array([1234.5, -271.8]))


def test_where_forms():
    same(lambda f, a: f.where(a > 0, 1, 0), I)
    same(lambda f, a: f.where(a > 0, a, 2.5), I)
    same(lambda f, a: f.where(a > 0)[0], I)
    with pytest.raises(RuntimeError, match="boolean"):
        lw.where(lw.ones(2), 1, 2)
    with pytest.raises(RuntimeError, match="broadcast"):
        lw.where(lw.tensor([True, False]), lw.ones(2), lw.ones(3))


def test_comparison_with_what_is_no_number():
    t = lw.ones(2)
    assert (t == None) is False and (t != None) is True and (t == "x") is False  # noqa: E711
    with pytest.raises(TypeError):
        t < "x"
    with pytest.raises(TypeError, match="eq"):
        lw.eq(t, None)


def test_inplace_twins_and_functions_named_with_an_underscore():
    t = lw.tensor([0.0, 1.0])
    assert lw.exp_(t) is t and lw.allclose(t, lw.tensor([1.0, 2.718281828]))
    assert t.clamp_(0, 2).tolist() == [1, 2] and lw.relu_(t) is t
    with pytest.raises(RuntimeError, match="leaf"):
        lw.ones(2, requires_grad=True).exp_()
    with pytest.raises(RuntimeError, match="can't be cast"):
        lw.ones(2, dtype=lw.int64).exp_()
    x = lw.tensor([1.0, 4.0], requires_grad=True)
    (x * 1).sqrt_().sum().backward()
    assert x.grad.tolist() == [0.5, 0.25]


def test_out():
    out = lw.empty(2)
    assert lw.exp(lw.zeros(2), out=out) is out and out.tolist() == [1, 1]
    assert lw.maximum(lw.zeros(2), lw.ones(2), out=out).tolist() == [1, 1]
    assert lw.tanh(input=lw.zeros(1)).item() == 0


def test_equal_and_close():
    a = lw.tensor([1.0, float("nan")])
    assert not lw.equal(a, a) and lw.allclose(a, a, equal_nan=True) and not lw.equal(lw.ones(2), lw.ones(3))
    assert lw.isclose(lw.tensor([1.0, float("inf")]), lw.tensor([1.0 + 1e-7, float("inf")])).all()
    with pytest.raises(RuntimeError, match="did not match"):
        lw.allclose(lw.ones(1), lw.ones(1, dtype=lw.float64))


def test_complex_parts_share_memory():
    z = lw.tensor([1 + 2j, 3 - 1j])
    z.real.add_(1)
    z.imag = lw.tensor([0.0, 5.0])
    assert z.tolist() == [2 + 0j, 4 + 5j]
    lw.view_as_real(z)[0, 1] = 7
    assert z[0].item() == 2 + 7j
    assert lw.view_as_complex(lw.tensor([[1.0, 2.0]])).item() == 1 + 2j
    with pytest.raises(RuntimeError, match="non-complex"):
        lw.ones(1).imag


@pytest.mark.parametrize("name", "bitwise_and bitwise_not".split())
def test_bits_need_integers(name):
    with pytest.raises(NotImplementedError, match="not implemented"):
        getattr(lw, name)(*[lw.ones(2)] * (1 if name.endswith("not") else 2))


def test_softmax_errors_and_shapes():
    for shape, dim in (((300, 700), 1), ((300, 700), 0), ((30, 70, 100), 1), ((0, 3), 1), ((), 0)):
        x = np.random.default_rng(0).normal(size=shape)
        for name in ("softmax", "log_softmax"):
            same(lambda f, a, n=name, d=dim: getattr(f, n)(a, d), x)
    same(lambda f, a: f.softmax(a.T, 1), np.random.default_rng(0).normal(size=(300, 700)))
    with pytest.raises(IndexError, match="Dimension out of range"):
        lw.softmax(lw.ones(2), 1)
    with pytest.raises(NotImplementedError, match="convert"):
        lw.softmax(lw.ones(2, dtype=lw.int64), 0)


@pytest.mark.parametrize("name", "exp tanh sigmoid erf log1p sin".split())
def test_large_arrays_on_all_threads(name):
    x = np.random.default_rng(0).uniform(0, 2, (700, 800)).astype(np.float32)
    same(lambda f, a: getattr(f, name)(a), x, rtol=2e-6)
    same(lambda f, a: getattr(f, name)(a.T), x, rtol=2e-6)
