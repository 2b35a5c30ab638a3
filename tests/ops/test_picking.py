"""Gather, scatter, index_put, masks and their relatives: against PyTorch."""

import numpy as np
import pytest

import lightwell as lw
from tests.ops.agreement import agree

torch = pytest.importorskip("torch")

rng = np.random.default_rng(5)
X, SRC = rng.standard_normal((4, 3)), rng.standard_normal((2, 3))
G = np.array([[0, 1, 3], [2, 2, 0]])
I = np.array([2, 0, 2])
ROWS = rng.standard_normal((3, 3))
MASK = np.array([[True, False, True]] * 4)
V, S = rng.standard_normal(5), np.array(2.5)
ZEROS = np.array([[0.0, 2.0, 3.0], [1.0, 0.0, 4.0], [0.0, 0.0, 2.0], [5.0, 6.0, 7.0]])
BIG = np.arange(2000).reshape(1000, 2) % 7

GRADIENTS = {
    "gather": (lambda f, x: x.gather(0, f.tensor(G)), X),
    "gather other dim": (lambda f, x: f.gather(x, -1, f.tensor(G % 3)), X),
    "gather many": (lambda f, x: x.gather(0, f.tensor(BIG % 4)), X[:, :2]),
    "index_select": (lambda f, x: x.index_select(1, f.tensor(I)), X),
    "index_select number": (lambda f, x: f.index_select(x, 0, f.tensor(1)), X),
    "index_select many": (lambda f, x: f.index_select(x, 0, f.tensor(BIG[:, 0] % 4)), X),
    "take": (lambda f, x: x.take(f.tensor([[0, -1], [5, 5]])), X),
    "masked_select": (lambda f, x: x.masked_select(f.tensor(MASK)), X),
    "masked_select broadcast": (lambda f, x: f.masked_select(x, f.tensor(MASK[0])), X),
    "masked_fill": (lambda f, x: x.masked_fill(f.tensor(MASK), 3.0), X),
    "masked_fill broadcast": (lambda f, x: x.masked_fill(f.tensor(MASK), -np.inf).exp(), X[0]),
    "masked_fill tensor": (lambda f, x, v: x.masked_fill(f.tensor(MASK), v), X, S),
    "masked_scatter": (lambda f, x, v: x.masked_scatter(f.tensor(MASK[:, :1]), v), X, np.tile(SRC.ravel(), 2)),
    "scatter": (lambda f, x, v: x.scatter(0, f.tensor(G), v), X, SRC),
    "scatter number": (lambda f, x: x.scatter(1, f.tensor(G % 3), 7.0), X),
    "scatter_add": (lambda f, x, v: x.scatter_add(0, f.tensor(G), v), X, SRC),
    "index_add": (lambda f, x, v: x.index_add(0, f.tensor(I), v, alpha=2), X, ROWS),
    "index_copy": (lambda f, x, v: x.index_copy(0, f.tensor([2, 0, 1]), v), X, ROWS),
    "index_put": (lambda f, x, v: x.index_put((f.tensor(I), f.tensor([0, 1, 1])), v), X, ROWS[0]),
    "index_put accumulate": (lambda f, x, v: x.index_put((f.tensor(I),), v, accumulate=True), X, ROWS[0]),
    "index_put_ accumulate": (lambda f, x, v: x.index_put_([f.tensor(BIG[:, 0] % 4)], v, True), X, S),
}
UNNAMED = {
    "gather 0-dim": (lambda f, x: f.gather(x, 0, f.tensor(0)), S),
    "take_along_dim": (lambda f, x: f.take_along_dim(x, f.tensor([[2], [0], [1], [1]]), 1), X),
    "take_along_dim flat": (lambda f, x: x.take_along_dim(f.tensor([7, 0])), X),
    "index_fill": (lambda f, x: x.index_fill(1, f.tensor(I), 2.0), X),
    "index_fill tensor": (lambda f, x, v: x.index_fill(1, f.tensor([0, 2]), v), X, S),
    "put": (lambda f, x, v: f.put(x, f.tensor([0, -1, 3, 3, 5]), v, accumulate=True), X, V),
    "select_scatter": (lambda f, x, v: f.select_scatter(x, v, 0, 1), X, ROWS[0]),
    "slice_scatter": (lambda f, x, v: f.slice_scatter(x, v, 0, 1, 4), X, ROWS),
    "diagonal_scatter": (lambda f, x, v: f.diagonal_scatter(x, v), X, ROWS[0]),
    "index_put_ on a view": (lambda f, x, v: x.t().index_put_((f.tensor([0, 1]),), v), X, S),
    "masked_fill_": (lambda f, x: x.masked_fill_(f.tensor(MASK), 0), X),
    "scatter_": (lambda f, x: x.scatter_(1, f.tensor(G % 3), 7.0), X),
    "scatter_add_": (lambda f, x, v: x.scatter_add_(0, f.tensor(G), v), X, SRC),
    "index_add_": (lambda f, x, v: x.index_add_(0, f.tensor(I), v), X, ROWS),
    "put_": (lambda f, x, v: x.put_(f.tensor([0, -1, 3, 4, 5]), v), X, V),
}


def squared(call):
    """The call on squares, so that a second derivative passes through its rule."""
    return lambda f, *xs: call(f, *[x * x for x in xs])


@pytest.mark.parametrize("name", GRADIENTS)
def test_values_names_and_two_orders(name):
    call, *arrays = GRADIENTS[name]
    agree(torch, squared(call), *arrays, grad=True)


@pytest.mark.parametrize("name", UNNAMED)
def test_values_and_two_orders(name):
    call, *arrays = UNNAMED[name]
    agree(torch, squared(call), *arrays, grad=True, names=False)


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("how", ["sum", "prod", "mean", "amax", "amin"])
def test_scatter_reduce(how, include):
    agree(
        torch,
        lambda f, x, v: x.scatter_reduce(0, f.tensor(G), v, how, include_self=include),
        X,
        SRC,
        grad=True,
        names=False,
        second=how != "mean",
    )
    agree(
        torch,
        lambda f, x, v: x.scatter_reduce(0, f.tensor(G), v, how, include_self=include),
        ZEROS,
        ZEROS[2:],
        grad=how not in ("amax", "amin"),
        names=False,
        second=False,
    )
    agree(torch, lambda f, x, v: x.scatter_reduce(0, f.tensor(G), v, how, include_self=include), (X * 5).astype(int), (SRC * 5).astype(int))


@pytest.mark.parametrize("how", ["prod", "mean", "amax", "amin"])
def test_index_reduce(how):
    agree(torch, lambda f, x, v: x.index_reduce(0, f.tensor(I), v, how), X, ROWS, grad=True, names=False, second=False)


ANSWERS = {
    "scatter larger source": lambda f: f.zeros(4, 3).scatter(0, f.tensor(G), f.arange(20.0).reshape(5, 4)),
    "scatter_add larger source": lambda f: f.zeros(4, 3).scatter_add(0, f.tensor(G), f.arange(20.0).reshape(5, 4)),
    "scatter reduce add": lambda f: f.ones(4, 3).scatter(0, f.tensor(G), 2.0, reduce="add"),
    "nonzero": lambda f: f.tensor([[0, 3], [4, 0]]).nonzero(),
    "nonzero tuple": lambda f: f.nonzero(f.tensor([[0.0, 3.0], [4.0, 0.0]]), as_tuple=True),
    "nonzero 0-dim": lambda f: [f.nonzero(f.tensor(5)), f.nonzero(f.tensor(0)), *f.tensor(5).nonzero(as_tuple=True)],
    "argwhere": lambda f: f.argwhere(f.tensor([True, False, True])),
    "masked_fill int": lambda f: f.arange(3).masked_fill(f.tensor([True, False, True]), 7),
    "masked_fill bfloat16": lambda f: f.zeros(3, dtype=f.bfloat16).masked_fill(f.tensor([True, False, True]), 1.5).float(),
    "masked_fill_ bool": lambda f: f.zeros(3, dtype=f.bool).masked_fill_(f.tensor([True, False, True]), True),
    "scatter_ int": lambda f: f.zeros(2, 3, dtype=f.int64).scatter_(1, f.tensor([[2], [0]]), 1),
    "scatter multiply": lambda f: f.full((3,), 2.0).scatter_(0, f.tensor([0, 0]), 3.0, reduce="multiply"),
    "gather int32 index empty": lambda f: f.zeros(3, 2).gather(0, f.zeros(0, 2, dtype=f.int64)),
    "index_add half": lambda f: f.zeros(2, dtype=f.float16).index_add(0, f.tensor([1, 1]), f.ones(2, dtype=f.float16)).float(),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_values(name):
    agree(torch, ANSWERS[name])


ERRORS = {
    "gather dims": lambda f: f.zeros(3, 2).gather(0, f.tensor([0])),
    "gather range": lambda f: f.zeros(3).gather(0, f.tensor([3])),
    "gather negative": lambda f: f.zeros(3).gather(0, f.tensor([-1])),
    "gather size": lambda f: f.zeros(3, 2).gather(0, f.zeros(1, 3, dtype=f.int64)),
    "gather dtype": lambda f: f.zeros(3).gather(0, f.zeros(1)),
    "gather dim": lambda f: f.zeros(3).gather(1, f.tensor([0])),
    "index_select range": lambda f: f.zeros(3).index_select(0, f.tensor([3])),
    "index_select dims": lambda f: f.zeros(3).index_select(0, f.tensor([[1]])),
    "scatter range": lambda f: f.zeros(3).scatter(0, f.tensor([3]), 1.0),
    "scatter dtype": lambda f: f.zeros(3).scatter(0, f.tensor([1]), f.tensor([1])),
    "scatter size": lambda f: f.zeros(3, 2).scatter(0, f.zeros(1, 3, dtype=f.int64), 1.0),
    "scatter_reduce": lambda f: f.zeros(3).scatter_reduce(0, f.tensor([1]), f.ones(1), "median"),
    "index_add size": lambda f: f.zeros(3).index_add(0, f.tensor([1]), f.ones(2)),
    "index_add range": lambda f: f.zeros(3).index_add(0, f.tensor([3]), f.ones(1)),
    "index_put dtype": lambda f: f.zeros(3).index_put((f.tensor([1]),), f.tensor([1])),
    "index_put range": lambda f: f.zeros(3).index_put((f.tensor([5]),), f.ones(1)),
    "masked_fill mask": lambda f: f.zeros(3).masked_fill(f.tensor([1, 0, 1]), 1.0),
    "masked_fill shape": lambda f: f.zeros(3).masked_fill(f.tensor([True, False]), 1.0),
    "masked_fill value": lambda f: f.zeros(3).masked_fill(f.tensor([True, False, True]), f.ones(2)),
    "masked_select shape": lambda f: f.zeros(3).masked_select(f.tensor([True, False])),
    "masked_scatter few": lambda f: f.zeros(3).masked_scatter(f.tensor([True, True, True]), f.ones(2)),
    "take range": lambda f: f.zeros(3).take(f.tensor([3])),
    "take_along_dim": lambda f: f.take_along_dim(f.zeros(3), f.tensor([[1]]), 0),
    "put": lambda f: f.zeros(3).put_(f.tensor([1, 2]), f.ones(1)),
    "select_scatter": lambda f: f.select_scatter(f.zeros(3, 2), f.ones(3), 0, 1),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    agree(torch, ERRORS[name])


def test_many_repeats_are_added_exactly_once():
    x = lw.zeros(7, 3, requires_grad=True)
    x[lw.tensor(BIG[:, 0])].sum().backward()
    assert x.grad[:, 0].tolist() == np.bincount(BIG[:, 0], minlength=7).tolist()
