"""Derivations with indices: every line against numbers, the gradients against the engine, and the steps as a teacher writes them."""

import numpy as np
import pytest

import lightwell as lw
import lightwell.fft
import lightwell.nn.functional
from lightwell.explain.derive import fourier, indexed, indexed_products, indexed_scatter, indexed_softmax, undifferentiated
from lightwell.explain.derive.evaluate import error_of, evaluate
from lightwell.explain.derive.indexed_calculus import Letters, added, contracted, delta, derivative, shifted, times
from lightwell.explain.derive.reader import read_node
from lightwell.explain.derive.terms import Term, call, index, same, symbol

from .captured import agree, lines_of, told
from .captured import call as captured

rng = np.random.default_rng(0)


def R(*shape):
    return rng.standard_normal(shape)


def F(f):
    def run(*tensors):
        return f(lw.nn.functional, *tensors)

    return run


INDEX = np.array([[0, 2, 1], [1, 1, 0]])
CASES = {
    "mm": (lambda x, y: x @ y, R(2, 3), R(3, 4)),
    "bmm": (lambda x, y: x @ y, R(2, 1, 2, 2), R(3, 2, 2)),
    "mv": (lambda x, y: x @ y, R(2, 3), R(3)),
    "dot": (lambda x, y: x.dot(y), R(4), R(4)),
    "addmm": (lambda c, a, b: c.addmm(a, b, beta=0.5, alpha=2), R(2, 4), R(2, 3), R(3, 4)),
    "linear": (F(lambda f, x, w, b: f.linear(x, w, b)), R(2, 3), R(4, 3), R(4)),
    "sum": (lambda x: x.sum(), R(2, 3)),
    "sum_dim": (lambda x: x.sum((0, -1), keepdim=True), R(2, 3, 4)),
    "mean": (lambda x: x.mean(), R(2, 3)),
    "mean_dim": (lambda x: x.mean(1), R(2, 3)),
    "trace": (lambda x: x.trace(), R(3, 4)),
    "cumsum": (lambda x: x.cumsum(1), R(2, 4)),
    "permute": (lambda x: x.permute(2, 0, 1), R(2, 3, 4)),
    "t": (lambda x: x.t(), R(2, 3)),
    "expand": (lambda x: x.expand(2, 3, 4), R(3, 1)),
    "flip": (lambda x: x.flip(0), R(3, 2)),
    "diagonal": (lambda x: x.diagonal(1), R(3, 4)),
    "tril": (lambda x: x.tril(-1), R(3, 3)),
    "select": (lambda x: x[1], R(3, 4)),
    "slice": (lambda x: x[1:, ::2], R(3, 4)),
    "gather": (lambda x, i: x.gather(1, i), R(2, 4), INDEX),
    "index_select": (lambda x, i: x.index_select(0, i), R(3, 2), np.array([2, 0, 2])),
    "scatter_add": (lambda x, i, v: x.scatter_add(1, i, v), R(2, 4), INDEX, R(2, 3)),
    "index_add": (lambda x, i, v: x.index_add(0, i, v), R(3, 2), np.array([2, 0, 2]), R(3, 2)),
    "embedding": (F(lambda f, w, i: f.embedding(i, w)), R(5, 3), INDEX),
    "nll_loss": (F(lambda f, x, t: f.nll_loss(x, t)), R(3, 4), np.array([1, 0, 3])),
    "convolution": (F(lambda f, x, w, b: f.conv2d(x, w, b, stride=2, padding=1)), R(2, 2, 5, 4), R(3, 2, 3, 2), R(3)),
    "convolution_transpose": (F(lambda f, x, w: f.conv_transpose1d(x, w, stride=2, groups=2)), R(2, 4, 3), R(4, 1, 2)),
    "avg_pool2d": (F(lambda f, x: f.avg_pool2d(x, 2, stride=1, padding=1)), R(1, 2, 3, 3)),
    "adaptive_avg_pool2d": (F(lambda f, x: f.adaptive_avg_pool2d(x, (2, 3))), R(1, 2, 5, 4)),
    "upsample_bilinear2d": (F(lambda f, x: f.interpolate(x, scale_factor=1.7, mode="bilinear")), R(1, 1, 3, 2)),
    "constant_pad_nd": (F(lambda f, x: f.pad(x, (1, -1, 0, 2), value=1.5)), R(3, 4)),
    "reflection_pad1d": (F(lambda f, x: f.pad(x, (2, 1), "reflect")), R(2, 4)),
    "unfold": (lambda x: x.unfold(0, 3, 2), R(7)),
    "max_unpool2d": (F(lambda f, x, i: f.max_unpool2d(x, i, 2)), R(1, 1, 2, 2), np.array([[[[0, 2], [9, 15]]]])),
}


@pytest.mark.parametrize("name", CASES)
def test_with_indices(name):
    f, *arrays = CASES[name]
    reading, gradients = captured(name, f, *arrays)
    agree(indexed.family(reading), reading, gradients)


OTHERS = [
    (indexed_softmax, "softmax", lambda x: x.softmax(1), R(2, 4)),
    (indexed_softmax, "softmax", lambda x: x.softmax(0), R(3, 2, 2)),
    (indexed_softmax, "log_softmax", lambda x: x.log_softmax(-1), R(5)),
    (indexed_softmax, "cross_entropy", F(lambda f, x, t: f.cross_entropy(x, t)), R(3, 4), np.array([1, 0, 3])),
    (indexed_softmax, "cross_entropy", F(lambda f, x, t: f.cross_entropy(x, t, reduction="none")), R(3, 4), np.array([1, 0, 3])),
    (
        indexed_softmax,
        "cross_entropy",
        F(lambda f, x, t, w: f.cross_entropy(x, t, w)),
        R(2, 3, 2),
        np.array([[1, 0], [2, 2]]),
        abs(R(3)) + 0.1,
    ),
    (indexed_products, "prod", lambda x: x.prod(), R(2, 2)),
    (indexed_products, "prod_dim", lambda x: (x * x.new_tensor([0.0, 1, 2])).prod(1, True), R(2, 3)),
    (indexed_products, "cumprod", lambda x: x.cumprod(0), R(4, 2)),
    (indexed_products, "logcumsumexp", lambda x: x.logcumsumexp(1), R(2, 4)),
    (indexed_scatter, "scatter_prod", lambda x, i, v: x.scatter_reduce(1, i, v, "prod"), R(2, 4), INDEX, R(2, 3)),
    (indexed_scatter, "scatter_extreme", lambda x, i, v: x.scatter_reduce(1, i, v, "amax"), np.ones((2, 4)), INDEX, np.ones((2, 3))),
    (fourier, "fft_c2c", lw.fft.fft, R(2, 5)),
    (fourier, "fft_c2c", lambda x: lw.fft.ifftn(x, norm="ortho"), R(3, 2) + 1j * R(3, 2)),
    (fourier, "fft_r2c", lambda x: lw.fft.rfft(x, norm="forward"), R(2, 5)),
    (fourier, "fft_c2r", lw.fft.irfft, R(2, 4) + 1j * R(2, 4)),
]


@pytest.mark.parametrize(("module", "name", "f", "arrays"), [(m, n, f, a) for m, n, f, *a in OTHERS])
def test_with_steps_of_their_own(module, name, f, arrays):
    reading, gradients = captured(name, f, *arrays)
    agree(module.family(reading), reading, gradients)


def test_matmul_reads_as_at_the_blackboard():
    reading, _ = captured("mm", lambda x, y: x @ y, R(2, 3), R(3, 4))
    d = indexed.family(reading)
    assert told(d) == ["zᵢⱼ = Σₖ xᵢₖ·yₖⱼ"]
    assert told(d, "x")[:2] == ["∂zᵢⱼ/∂xᵣₛ = Σₖ δᵢᵣ·δₖₛ·yₖⱼ", "∂zᵢⱼ/∂xᵣₛ = δᵢᵣ·yₛⱼ"]
    assert told(d, "x")[-2:] == ["gxᵣₛ = Σⱼ gzᵣⱼ·yₛⱼ", "gx = gz yᵀ"]
    assert told(d, "y")[-1] == "gy = xᵀ gz"


def test_cross_entropy_ends_with_probabilities_minus_target():
    f = F(lambda f, x, t: f.cross_entropy(x, t))
    reading, gradients = captured("cross_entropy", f, R(3, 4), np.array([1, 0, 3]))
    line = indexed_softmax.family(reading).parts[0].lines[-2]
    x = reading.symbols["x"].value
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    np.testing.assert_allclose(line.checked, reading.gys["y"].value * (p - np.eye(4)[[1, 0, 3]]) / 3)
    np.testing.assert_allclose(line.checked, gradients["x"])


def test_a_convolution_is_solved_for_the_window():
    f = F(lambda f, x, w: f.conv1d(x, w, padding=1))
    reading, _ = captured("convolution", f, R(1, 2, 4), R(3, 2, 3))
    d = indexed.family(reading)
    assert told(d)[0].endswith("x[n, c, p + k - 1]")
    assert "u - k + 1" in told(d, "x")[-2]


def test_a_wrong_gradient_is_found_out():
    reading, _ = captured("mm", lambda x, y: x @ y, R(2, 3), R(3, 4))
    reading.gradients["x"].value = 2 * reading.gradients["x"].value
    d = indexed.family(reading)
    assert max(error_of(line, d.bindings) for line in d.parts[0].lines if line.left.word != "partial") > 0.1


def test_a_wrong_definition_is_found_out():
    reading, _ = captured("cumsum", lambda x: x.cumsum(0), R(4))
    d = indexed.family(reading)
    i, k = index("i", 4), index("k", 4)
    d.definition[0].right = added([k], times(Term("iverson", (call("less", k, i),)), symbol("x", reading.value("x"))[k]))
    assert error_of(d.definition[0], d.bindings) > 0.1
    assert all(error_of(line, d.bindings) < 1e-6 for line in lines_of(d)[1:])


# ---- the calculus itself -------------------------------------------------------------------------------------------------


def test_delta_shortens_a_sum():
    x, i, a = symbol("x", R(4)), index("i", 4), index("a", 4)
    assert same(contracted(added([i], times(delta(i, a), x[i]))), x[a])
    assert same(contracted(added([i], delta(i, a))), Term("number", (), {"number": 1}))


def test_an_index_is_solved_for_only_where_it_may_leave_its_range():
    x, i, a = symbol("x", R(4)), index("i", 4), index("a", 6)
    inside = contracted(added([i], times(delta(shifted((1, i), constant=-1), a), x[i])))
    assert same(inside, x[shifted((1, a), constant=1)])
    np.testing.assert_array_equal(evaluate(inside, free=(a,)), [*x.value[1:], 0, 0, 0])
    free = added([i], times(delta(shifted((1, i), constant=-1), a), call("exp", i)))
    np.testing.assert_allclose(evaluate(contracted(free), free=(a,)), [np.e, np.e**2, np.e**3, 0, 0, 0])


def test_a_lonely_index_leaves_the_range_in_which_it_fits():
    k, u, p = index("k", 2), index("u", 5), index("p", 2)
    body = added([k], delta(shifted((2, p), (1, k)), u))
    short = contracted(body)
    assert "iverson" in repr(short)
    np.testing.assert_array_equal(evaluate(short, free=(p, u)), evaluate(body, free=(p, u)))


def test_derivative_by_quotient_and_chain():
    x, i, k, a = symbol("x", R(4)), index("i", 4), index("k", 4), index("a", 4)
    y = call("exp", x[i]) / added([k], call("exp", x[k]))
    found = evaluate(contracted(derivative(y, "x", (a,))), free=(i, a))
    p = np.exp(x.value) / np.exp(x.value).sum()
    np.testing.assert_allclose(found, np.diag(p) - np.outer(p, p), atol=1e-12)


def test_letters_are_never_alike():
    letters = Letters()
    names = [letters.fresh(2, "ij").params["name"] for _ in range(40)]
    assert len(set(names)) == 40
    assert names[:2] == ["i", "j"]


COUNTING = [
    ("argmax", lambda x: x.argmax(1), R(3, 4)),
    ("argmin", lambda x: x.argmin(), R(3, 4)),
    ("searchsorted", lw.searchsorted, np.sort(R(5)), R(2, 3)),
    ("isin", lw.isin, np.arange(5), np.array([1, 3])),
    ("bincount", lambda x: x.bincount(), np.array([0, 2, 2, 1])),
    ("count_nonzero", lambda x: x.count_nonzero(0), np.array([[0.0, 1], [2, 0]])),
]


@pytest.mark.parametrize(("name", "f", "arrays"), [(n, f, a) for n, f, *a in COUNTING])
def test_counts_and_searches_say_why_there_is_no_gradient(name, f, arrays):
    reading, gradients = captured(name, f, *arrays)
    d = undifferentiated.family(reading)
    agree(d, reading, gradients)
    assert not d.parts
    assert any(line.checked is not None for line in d.definition)


WEIGHTED = [
    ("embedding", lambda w, i: lw.nn.functional.embedding(i, w, padding_idx=1)),
    ("embedding", lambda w, i: lw.nn.functional.embedding(i, w, scale_grad_by_freq=True)),
    ("embedding_bag", lambda w, i: lw.nn.functional.embedding_bag(i, w, mode="sum", scale_grad_by_freq=True)),
]


@pytest.mark.parametrize(("name", "f"), WEIGHTED)
def test_weights_of_an_embeddings_gradient_are_said_to_be_a_convention(name, f):
    y = f(lw.from_numpy(R(5, 3)).requires_grad_(), lw.from_numpy(INDEX))
    reading = read_node(y.grad_fn)
    d = indexed.family(reading)
    agree(d, reading, {})
    part = next(p for p in d.parts if p.input == "w")
    assert any("convention" in line.why[0] for line in part.lines)
