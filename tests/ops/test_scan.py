"""Running sums, products, extremes, differences, the trapezoidal rule: against PyTorch."""

import ml_dtypes
import numpy as np
import pytest

import lightwell as lw
from tests.ops.agreement import agree

torch = pytest.importorskip("torch")

NAN, INF = float("nan"), float("inf")
X = np.random.default_rng(5).standard_normal((3, 4, 2))
ZEROS = np.array([[1.0, 0.0, 3.0, 2.0], [2.0, -2.0, 0.5, 1.5], [0.0, 0.0, 2.0, 0.0]])
BAD = np.array([[1.0, NAN, 3.0, NAN], [4.0, 2.0, 2.5, 4.0]])
TIES = np.array([[1.0, 3.0, 3.0, 2.0, 3.0], [2.0, 2.0, 1.0, 1.0, 2.0]])
LOW = np.array([-INF, -INF, 0.5, -INF, 2.0])

GRADIENTS = {
    "cumsum": (lambda f, x: x.cumsum(1), X),
    "cumsum last": (lambda f, x: f.cumsum(x, -1), X),
    "cumsum 0-dim": (lambda f, x: x.cumsum(0), np.array(2.0)),
    "cumsum dtype": (lambda f, x: x.cumsum(0, dtype=f.float64), X.astype("f4")),
    "cumprod": (lambda f, x: x.cumprod(1), X),
    "cumprod zeros": (lambda f, x: x.cumprod(1), ZEROS),
    "cumprod zeros, other dim": (lambda f, x: x.cumprod(0), ZEROS),
    "cumprod 0-dim": (lambda f, x: x.cumprod(0), np.array(0.0)),
    "logcumsumexp": (lambda f, x: x.logcumsumexp(1), X),
    "logcumsumexp wide": (lambda f, x: f.logcumsumexp(x, 0), X * 30),
    "cummax": (lambda f, x: x.cummax(1), TIES),
    "cummin": (lambda f, x: f.cummin(x, -1), TIES),
    "cummax 0-dim": (lambda f, x: x.cummax(0), np.array(2.0)),
    "diff": (lambda f, x: x.diff(), X),
    "diff twice": (lambda f, x: f.diff(x, 2, 1), X),
    "diff joined": (lambda f, x: f.diff(x, dim=0, prepend=x, append=x * 2), X),
    "trapezoid": (lambda f, x: f.trapezoid(x, dim=1), X),
    "trapezoid dx": (lambda f, x: f.trapz(x, dx=0.5), X),
    "trapezoid x": (lambda f, x: f.trapezoid(x, x.cumsum(-1)), X),
    "trapezoid points": (lambda f, x: f.trapezoid(x, f.tensor([0.0, 1.0, 3.0]).double(), dim=0), X),
    "cumulative_trapezoid": (lambda f, x: f.cumulative_trapezoid(x, dx=2, dim=0), X),
    "cumulative_trapezoid x": (lambda f, x: f.cumulative_trapezoid(x, x * 2, dim=1), X),
}


@pytest.mark.parametrize("case", GRADIENTS)
def test_values_and_gradients(case):
    agree(torch, *GRADIENTS[case], grad=True, names="trapez" not in case)


DTYPES = [np.bool_, np.uint8, np.int16, np.int32, np.int64, np.float16, np.float32, np.complex64, ml_dtypes.bfloat16]
CALLS = {
    "cumsum": lambda f, x: x.cumsum(0),
    "cumprod": lambda f, x: x.cumprod(1),
    "cumsum as int32": lambda f, x: x.cumsum(0, dtype=f.int32),
    "logcumsumexp": lambda f, x: x.logcumsumexp(1),
    "cummax": lambda f, x: x.cummax(1),
    "cummin": lambda f, x: x.cummin(0),
    "diff": lambda f, x: x.diff(),
    "trapezoid": lambda f, x: f.trapezoid(x),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("call", CALLS)
def test_dtypes(call, dtype):
    x = (np.arange(12).reshape(3, 4) % 5).astype(dtype)
    agree(torch, CALLS[call], x, tolerance=2e-2 if np.dtype(dtype).itemsize <= 2 else 1e-5)


EDGES = {
    "nan cummax": lambda f, x, b: (b.cummax(1), b.cummin(1), b.cummax(0)),
    "empty": lambda f, x, b: (
        f.zeros(0, 3).cumsum(0),
        f.zeros(0, 3).cumprod(1),
        f.zeros(0, 3).cummax(0),
        f.zeros(0, 3).logcumsumexp(0),
    ),
    "no such dim": lambda f, x, b: x.cumsum(3),
    "no such dim, cummax": lambda f, x, b: x.cummax(-4),
    "diff of bools": lambda f, x, b: (x > 0).diff(),
    "diff of a number": lambda f, x, b: f.tensor(1.0).diff(),
    "diff, too often": lambda f, x, b: x.diff(9, 1),
    "diff, never": lambda f, x, b: x.diff(0),
    "diff, negative": lambda f, x, b: x.diff(-1),
    "diff, other dims": lambda f, x, b: x.diff(prepend=f.ones(2)),
    "x and dx": lambda f, x, b: f.trapezoid(x, x, dx=1),
    "points missing": lambda f, x, b: f.trapezoid(x, f.ones(7)),
    "in place": lambda f, x, b: (x.clone().cumsum_(1), x.clone().cumprod_(0)),
    "in place, int": lambda f, x, b: f.tensor([1, 2, 3]).cumsum_(0),
    "transposed": lambda f, x, b: (x.mT.cumsum(1), x.transpose(0, 1).cumprod(0), x.mT.cummax(1)),
    "out": lambda f, x, b: f.cumsum(x, 0, out=f.empty(3, 4, 2, dtype=f.float64)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", EDGES)
def test_edges(case):
    agree(torch, EDGES[case], X, BAD)


def test_logcumsumexp_of_nothing_yet():
    agree(torch, lambda f, x: x.logcumsumexp(0), LOW)
    x = lw.tensor(LOW, requires_grad=True)
    x.logcumsumexp(0)[2:].sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad[:2].tolist() == [0.0, 0.0]


def test_long_products_with_a_zero():
    # The gradient without division takes log₂ n steps: a long lane must be as right as a short one.
    x = np.linspace(0.99, 1.01, 1000)
    x[500] = 0.0
    agree(torch, lambda f, x: x.cumprod(0), x, grad=True)
