"""Joining and taking apart: against PyTorch."""

import numpy as np
import pytest

import lightwell as lw
from tests.ops.agreement import agree

torch = pytest.importorskip("torch")

X = np.random.default_rng(5).standard_normal((3, 4, 2))
Y = np.random.default_rng(6).standard_normal((3, 4, 2))
W = np.random.default_rng(7).standard_normal((3, 1, 2))
M = np.random.default_rng(8).standard_normal((4, 6))
V = np.arange(1.0, 6.0)
S = np.array(3.0)

GRADIENTS = {
    "cat": (lambda f, x, y, z: f.cat((x, y, z), 1), X, Y, W),
    "cat one": (lambda f, x: f.cat([x]), X),
    "cat twice": (lambda f, x: f.cat([x, x], -1), X),
    "cat empty vector": (lambda f, x: f.cat([f.zeros(0, dtype=f.float64), x], 2), X),
    "stack": (lambda f, x, y: f.stack([x, y]), X, Y),
    "stack last": (lambda f, x, y: f.stack([x, y], -1), X, Y),
    "stack 0-dim": (lambda f, x: f.stack([x, x]), S),
    "split": (lambda f, x: x.split(4, 1), M),
    "split sizes": (lambda f, x: f.split(x, [1, 0, 5], dim=-1), M),
    "split one used": (lambda f, x: x.split(2)[1], M),
    "chunk": (lambda f, x: x.chunk(4, 1), M),
    "unbind": (lambda f, x: x.unbind(1), X),
    "unbind one used": (lambda f, x: x.unbind(-1)[1], X),
    "iteration": (lambda f, x: list(x), X),
}
UNNAMED = {
    "tensor_split": (lambda f, x: x.tensor_split(4, 1), M),
    "tensor_split places": (lambda f, x: f.tensor_split(x, (1, 4, 3, 9), 1), M),
    "hsplit": (lambda f, x: f.hsplit(x, 3), M),
    "hsplit vector": (lambda f, x: x.hsplit([1, 3]), V),
    "vsplit": (lambda f, x: x.vsplit(2), M),
    "dsplit": (lambda f, x: f.dsplit(x, 2), X),
    "hstack": (lambda f, x, y: f.hstack((x, y)), X, Y),
    "hstack vectors": (lambda f, x, y: f.hstack((x, y)), V, V),
    "vstack": (lambda f, x, y: f.vstack((x, y)), V, V),
    "dstack": (lambda f, x, y: f.dstack((x, y)), V, V),
    "column_stack": (lambda f, x, y: f.column_stack((x, y)), V, V),
    "row_stack": (lambda f, x, y: f.row_stack((x, y)), V, V),
    "meshgrid": (lambda f, x, y, z: f.meshgrid(x, y, z, indexing="ij"), V, V[:2], S),
    "meshgrid xy": (lambda f, x, y: f.meshgrid([x, y], indexing="xy"), V, V[:2]),
    "cartesian_prod": (lambda f, x, y: f.cartesian_prod(x, y), V, V[:2]),
    "combinations": (lambda f, x: f.combinations(x, 3), V),
    "combinations with replacement": (lambda f, x: f.combinations(x, 2, True), V),
    "block_diag": (lambda f, x, y, z: f.block_diag(x, y, z), M, V, S),
    "atleast": (lambda f, x: [f.atleast_1d(x), f.atleast_2d(x), f.atleast_3d(x)], S),
}
PROMOTION = {
    "cat": lambda f: f.cat([f.ones(2, dtype=f.int32), f.ones(2, dtype=f.float16)]),
    "cat bool": lambda f: f.cat([f.ones(2, dtype=f.bool), f.ones(1, dtype=f.uint8)]),
    "cat int64 float32": lambda f: f.cat([f.ones(2, dtype=f.int64), f.ones(1)]),
    "stack": lambda f: f.stack([f.tensor(1), f.tensor(2.5)]),
    "cat empty": lambda f: f.cat([f.zeros(0), f.zeros(0)]),
    "cat out": lambda f: f.cat([f.ones(1), f.ones(2)], out=f.empty(3)),
}
ERRORS = {
    "cat sizes": lambda f: f.cat([f.zeros(2, 3), f.zeros(2, 4)]),
    "cat dims": lambda f: f.cat([f.zeros(2, 3), f.zeros(2)]),
    "cat nothing": lambda f: f.cat([]),
    "cat scalars": lambda f: f.cat([f.tensor(1), f.tensor(2)]),
    "cat dim": lambda f: f.cat([f.zeros(2), f.zeros(2)], 1),
    "cat a number": lambda f: f.cat([f.zeros(2), 3]),
    "cat a tensor": lambda f: f.cat(f.zeros(2)),
    "stack sizes": lambda f: f.stack([f.zeros(2), f.zeros(3)]),
    "stack nothing": lambda f: f.stack([]),
    "stack dim": lambda f: f.stack([f.zeros(2)], 2),
    "split sizes": lambda f: f.zeros(5).split([2, 2]),
    "split negative": lambda f: f.zeros(5).split(-1),
    "split zero": lambda f: f.zeros(5).split(0),
    "chunk": lambda f: f.zeros(5).chunk(0),
    "unbind": lambda f: f.tensor(1).unbind(),
    "unbind dim": lambda f: f.zeros(2).unbind(1),
    "tensor_split": lambda f: f.zeros(5).tensor_split(0),
    "hsplit": lambda f: f.zeros(5).hsplit(2),
    "vsplit": lambda f: f.zeros(5).vsplit(1),
    "meshgrid": lambda f: f.meshgrid(f.zeros(2, 2), indexing="ij"),
    "meshgrid dtype": lambda f: f.meshgrid(f.zeros(2), f.arange(2), indexing="ij"),
    "cartesian_prod": lambda f: f.cartesian_prod(f.zeros(2, 2), f.zeros(2)),
    "combinations": lambda f: f.combinations(f.zeros(2, 2)),
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


@pytest.mark.parametrize("name", PROMOTION)
def test_dtypes(name):
    agree(torch, PROMOTION[name])


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    agree(torch, ERRORS[name])


def test_parts_are_views():
    x = lw.zeros(4, 3)
    for part in (*x.split(2), *x.chunk(2, 1), *x.unbind(), *x.tensor_split(3)):
        part += 1
    assert x.tolist() == [[4.0] * 3] * 4


def test_second_backward_through_freed_parts():
    x = lw.ones(4, requires_grad=True)
    a, b = (x * x).split(2)
    y = (a * b).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_meshgrid_says_nothing_without_indexing():
    a, b = lw.meshgrid(lw.arange(2), lw.arange(3))
    assert a.tolist() == [[0, 0, 0], [1, 1, 1]] and b.shape == (2, 3)
