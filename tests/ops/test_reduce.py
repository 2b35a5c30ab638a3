"""Sums, means, products, extremes, moments: values, dtypes, errors and gradients against PyTorch."""

import ml_dtypes
import numpy as np
import pytest

import lightwell as lw
from tests.ops.agreement import agree

torch = pytest.importorskip("torch")

NAN, INF = float("nan"), float("inf")
RNG = np.random.default_rng(3)
X = RNG.standard_normal((3, 4, 2))
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
ZEROS = np.array([[1.0, 0.0, 3.0], [2.0, -2.0, 0.5], [0.0, 0.0, 2.0]])
BAD = np.array([[1.0, NAN, 3.0, NAN], [4.0, 2.0, 2.5, 1.0]])
EMPTY = np.zeros((0, 3))

GRADIENTS = {  # what is compared in value, name of the node, and two orders of gradients
    "sum": (lambda f, x: x.sum(), X),
    "sum dim": (lambda f, x: f.sum(x, 1), X),
    "sum dims": (lambda f, x: x.sum((0, -1), keepdim=True), X),
    "sum 0-dim": (lambda f, x: x.sum(0), np.array(2.0)),
    "sum dtype": (lambda f, x: x.sum(0, dtype=f.float64), X.astype("f4")),
    "sum empty": (lambda f, x: x.sum(), EMPTY),
    "sum empty dim": (lambda f, x: x.sum(1), EMPTY),
    "nansum": (lambda f, x: x.nansum(0), BAD),
    "nansum all": (lambda f, x: f.nansum(x), BAD),
    "mean": (lambda f, x: x.mean(), X),
    "mean dim": (lambda f, x: x.mean(1, True), X),
    "mean dims": (lambda f, x: f.mean(x, dim=[0, 2]), X),
    "nanmean": (lambda f, x: x.nanmean(1), BAD),
    "prod": (lambda f, x: x.prod(), X),
    "prod dim": (lambda f, x: x.prod(1), X),
    "prod keepdim": (lambda f, x: x.prod(-1, True), X),
    "prod zeros": (lambda f, x: x.prod(1), ZEROS),
    "prod zeros keepdim": (lambda f, x: x.prod(0, keepdim=True), ZEROS),
    "prod one zero": (lambda f, x: x[0].prod(), ZEROS),
    "prod two zeros": (lambda f, x: x.prod(), ZEROS),
    "prod 0-dim": (lambda f, x: x.prod(0), np.array(0.0)),
    "max": (lambda f, x: x.max(), TIES),
    "max nan": (lambda f, x: x.max(), BAD),
    "min": (lambda f, x: f.min(x), TIES),
    "max dim": (lambda f, x: x.max(1), TIES),
    "max dim keepdim": (lambda f, x: x.max(0, keepdim=True), TIES),
    "min dim": (lambda f, x: x.min(-1), TIES),
    "min middle": (lambda f, x: x.min(1), X),
    "max 0-dim": (lambda f, x: x.max(0), np.array(2.0)),
    "max pair": (lambda f, x: f.max(x, x * 0.5), X),
    "amax": (lambda f, x: x.amax(), TIES),
    "amax dim": (lambda f, x: x.amax(1), TIES),
    "amin dims": (lambda f, x: x.amin((0, 2), True), X),
    "aminmax": (lambda f, x: f.aminmax(x), TIES),
    "aminmax dim": (lambda f, x: x.aminmax(dim=1, keepdim=True), TIES),
    "var": (lambda f, x: x.var(), X),
    "var biased": (lambda f, x: x.var(False), X),
    "var dim": (lambda f, x: x.var(1, unbiased=False, keepdim=True), X),
    "var correction": (lambda f, x: x.var((0, 1), correction=2), X),
    "std": (lambda f, x: x.std(), X),
    "std dim": (lambda f, x: x.std(1), X),
    "std equal": (lambda f, x: x.std(), np.ones(3)),
    "std one": (lambda f, x: x.std(), np.ones(1)),
    "var_mean": (lambda f, x: f.var_mean(x, 0), X),
    "std_mean": (lambda f, x: f.std_mean(x, (0, 1), keepdim=True), X),
    "logsumexp": (lambda f, x: x.logsumexp(1), X * 50),
    "logsumexp dims": (lambda f, x: f.logsumexp(x, (0, 2), True), X),
    "norm": (lambda f, x: x.norm(), X),
    "norm zero": (lambda f, x: x.norm(), np.zeros(3)),
    "norm 1": (lambda f, x: x.norm(1, 0), X),
    "norm 3": (lambda f, x: x.norm(3, dim=(1, 2)), X),
    "norm 1.5": (lambda f, x: f.norm(x, 1.5, 0, True), X),
    "norm inf": (lambda f, x: x.norm(INF), TIES),
    "norm -inf": (lambda f, x: x.norm(-INF, 1), TIES),
    "norm fro": (lambda f, x: x.norm("fro", (0, 1)), X),
    "norm dtype": (lambda f, x: f.norm(x, 2, 1, dtype=f.float64), X.astype("f4")),
}


@pytest.mark.parametrize("case", GRADIENTS)
def test_values_and_gradients(case):
    # At 0 the norm has no second derivative: PyTorch says NaN, lightwell 0.
    agree(torch, *GRADIENTS[case], grad=True, second=case != "norm zero")


def test_distance():
    for p in (0, 1, 2, 3, INF):
        agree(torch, lambda f, x, y: f.dist(x, y, p), X, X[::-1] * 2, grad=p not in (0, INF), names=False)


INTEGERS = np.arange(-3, 9).reshape(3, 4)
DTYPES = [
    np.bool_,
    np.uint8,
    np.int8,
    np.int16,
    np.int32,
    np.int64,
    np.float16,
    np.float32,
    np.float64,
    np.complex64,
    ml_dtypes.bfloat16,
]
CALLS = {
    "sum": lambda f, x: x.sum(0),
    "sum all": lambda f, x: x.sum(),
    "prod": lambda f, x: x.prod(1),
    "mean": lambda f, x: x.mean(1),
    "nansum": lambda f, x: x.nansum(1),
    "max": lambda f, x: x.max(),
    "max dim": lambda f, x: x.max(0),
    "min dim": lambda f, x: x.min(0),
    "amax": lambda f, x: x.amax(0),
    "argmax": lambda f, x: x.argmax(1),
    "argmin": lambda f, x: x.argmin(),
    "aminmax": lambda f, x: x.aminmax(dim=0),
    "all": lambda f, x: x.all(1),
    "any": lambda f, x: x.any(),
    "var": lambda f, x: x.var(0),
    "std": lambda f, x: x.std(),
    "norm": lambda f, x: x.norm(),
    "logsumexp": lambda f, x: x.logsumexp(1),
    "count_nonzero": lambda f, x: x.count_nonzero(0),
    "sum as int32": lambda f, x: x.sum(0, dtype=f.int32),
    "sum as float64": lambda f, x: x.sum(0, dtype=f.float64),
    "mean as float32": lambda f, x: x.mean(0, dtype=f.float32),
    "prod as int32": lambda f, x: x.prod(dtype=f.int32),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("call", CALLS)
def test_dtypes(call, dtype):
    if np.dtype(dtype).kind == "u":
        x = np.abs(INTEGERS).astype(dtype)
    else:
        x = INTEGERS.astype(dtype)
    agree(torch, CALLS[call], x, tolerance=1e-2 if np.dtype(dtype).itemsize <= 2 else 1e-5)


EDGES = {
    "empty sum": lambda f, x, e, b: e.sum(0),
    "empty prod": lambda f, x, e, b: e.prod(),
    "empty mean": lambda f, x, e, b: e.mean(),
    "empty max": lambda f, x, e, b: e.max(),
    "empty max 0": lambda f, x, e, b: e.max(0),
    "empty max 1": lambda f, x, e, b: e.max(1),
    "empty amax": lambda f, x, e, b: e.amax(),
    "empty amax 0": lambda f, x, e, b: e.amax(0),
    "empty amax 1": lambda f, x, e, b: e.amax(1),
    "empty argmax": lambda f, x, e, b: e.argmax(),
    "empty argmax 0": lambda f, x, e, b: e.argmax(0),
    "empty argmax 1": lambda f, x, e, b: e.argmax(1),
    "empty aminmax": lambda f, x, e, b: e.aminmax(),
    "empty aminmax 0": lambda f, x, e, b: e.aminmax(dim=0),
    "empty all": lambda f, x, e, b: (e.all(), e.any(), e.all(0)),
    "empty logsumexp": lambda f, x, e, b: e.logsumexp(0),
    "empty var": lambda f, x, e, b: e.var(),
    "empty norm": lambda f, x, e, b: e.norm(),
    "empty norm inf": lambda f, x, e, b: e.norm(INF),
    "nan": lambda f, x, e, b: (b.max(), b.min(), b.max(1), b.min(0), b.amax(1), b.argmax(), b.argmin(1), b.any(), b.sum()),
    "aminmax nan": lambda f, x, e, b: f.aminmax(b),
    "-inf": lambda f, x, e, b: f.tensor([-INF, -INF]).logsumexp(0),
    "inf": lambda f, x, e, b: f.tensor([INF, 1.0]).logsumexp(0),
    "twice": lambda f, x, e, b: x.sum((0, 0)),
    "twice, negative": lambda f, x, e, b: x.amax((0, -3)),
    "no such dim": lambda f, x, e, b: x.sum(3),
    "no such dim in list": lambda f, x, e, b: x.mean((0, -4)),
    "no such dim, max": lambda f, x, e, b: x.max(3),
    "no such dim, 0-dim": lambda f, x, e, b: x.sum().sum(1),
    "dims of max": lambda f, x, e, b: x.max((0, 1)),
    "dim none": lambda f, x, e, b: (x.sum(None), x.sum(dim=None, keepdim=True), x.sum(()), x.mean(dim=()), x.std(None), x.all(None)),
    "all of no dims": lambda f, x, e, b: (x.all(dim=()), x.any(dim=())),
    "argmax keepdim": lambda f, x, e, b: (x.argmax(1, True), x.argmax(keepdim=True), x.argmin(-1, keepdim=True)),
    "aliases": lambda f, x, e, b: (f.sum(x, axis=0, keepdims=True), f.sum(input=x, dim=0), x.amax(axis=1)),
    "not a tensor": lambda f, x, e, b: f.sum([1, 2]),
    "not a tensor, dim": lambda f, x, e, b: f.mean([1, 2], 0),
    "dim not an int": lambda f, x, e, b: x.amax("a"),
    "std of one": lambda f, x, e, b: f.tensor([3.0]).std(),
    "var, more correction": lambda f, x, e, b: x.var(correction=100),
    "norm of p -1, 0.5, 0, none": lambda f, x, e, b: (x.norm(-1), x.norm(0.5), x.norm(0), x.norm(None)),
    "norm, unknown": lambda f, x, e, b: x.norm("abc"),
    "sum_to_size": lambda f, x, e, b: (x.sum_to_size(1, 4, 1), x.sum_to_size(4, 2), x.sum_to_size((3, 4, 2))),
    "sum_to_size, wrong": lambda f, x, e, b: x.sum_to_size(2, 4, 2),
    "transposed": lambda f, x, e, b: (x.transpose(0, 2).sum(1), x.permute(1, 2, 0).max(2), x.mT.prod(0), x.T.argmax(), x[:, ::2].std(0)),
    "out": lambda f, x, e, b: f.sum(x, 0, out=f.empty(4, 2, dtype=f.float64)),
    "out twice": lambda f, x, e, b: f.max(x, 0, out=(f.empty(4, 2, dtype=f.float64), f.empty(4, 2, dtype=f.int64))),
    "complex": lambda f, x, e, b: (
        f.complex(x, x * 2).sum(0),
        f.complex(x, x * 2).mean(),
        f.complex(x, x).prod(1),
        f.complex(x, x).var(0),
        f.complex(x, x).norm(),
    ),
    "complex std": lambda f, x, e, b: (f.complex(x, x * 2).std(0), f.var_mean(f.complex(x, x * 2), 1)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", EDGES)
def test_edges(case):
    agree(torch, EDGES[case], X, EMPTY, BAD)


def test_complex_gradients():
    z = X[:, 0] + 1j * X[:, 1]
    for call in (
        lambda f, x: x.sum(),
        lambda f, x: x.mean(0),
        lambda f, x: x.prod(1),
        lambda f, x: x.norm(),
        lambda f, x: x.norm(3, 0),
        lambda f, x: x.var(0),
        lambda f, x: x.std(),
        lambda f, x: x.logsumexp(0),
    ):
        agree(torch, call, z, grad=True, names=False)


def test_named_tuples():
    result = lw.tensor([[1.0, 5.0]]).max(1)
    assert repr(result) == "torch.return_types.max(\nvalues=tensor([5.]),\nindices=tensor([1]))"
    assert repr(lw.tensor([1.0, 5.0]).aminmax()) == "torch.return_types.aminmax(\nmin=tensor(1.),\nmax=tensor(5.))"


def test_degrees_of_freedom_warning():
    with pytest.warns(UserWarning, match=r"std\(\): degrees of freedom is <= 0"):
        assert lw.tensor([1.0]).std().isnan()
    with pytest.warns(UserWarning, match=r"var_mean\(\)"):
        lw.var_mean(lw.tensor([1.0]))


def test_halves_add_in_float32():
    # 4096 ones and more can't be counted in float16's eleven bits, one by one.
    x = lw.ones(10_000, dtype=lw.float16)
    assert x.sum().item() == 10_000
    assert lw.ones(3000, 4, dtype=lw.bfloat16).sum(0).tolist() == [3008.0] * 4  # 3000, rounded once to eight bits
    assert lw.full((1000,), 1e-3, dtype=lw.bfloat16).mean().item() == lw.tensor(1e-3, dtype=lw.bfloat16).item()


@pytest.mark.parametrize(
    "shape, axis",
    [
        ((20000, 7), 0),
        ((7, 20000), 1),
        ((64, 3, 40, 40), (0, 2, 3)),
        ((3, 5000, 4), 1),
        ((130, 70, 9), (0, 1)),
        ((5000, 10), 1),
        ((200, 300, 5), (0, 2)),
    ],
)
def test_float32_sums_are_accurate(shape, axis):
    x = np.random.default_rng(0).random(shape, dtype=np.float32)
    exact = x.sum(axis, dtype=np.float64)
    for array in (x, np.asfortranarray(x), x.swapaxes(0, -1).copy().swapaxes(0, -1)):
        have = lw.from_numpy(array).sum(axis)
        assert have.shape == exact.shape
        np.testing.assert_allclose(have.numpy(), exact, rtol=1e-6)
        kept = lw.from_numpy(array).sum(axis, keepdim=True)
        np.testing.assert_allclose(kept.numpy(), x.sum(axis, dtype=np.float64, keepdims=True), rtol=1e-6)


def test_infinities_survive_blocked_sums():
    x = np.ones((500, 20), np.float32)
    x[3, 4], x[100, 5], x[7, 5], x[9, 6] = np.inf, np.inf, -np.inf, np.nan
    with np.errstate(invalid="ignore"):
        have = lw.from_numpy(x).sum(0).numpy()
    assert have[4] == np.inf and np.isnan(have[5]) and np.isnan(have[6]) and have[0] == 500
