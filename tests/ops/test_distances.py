"""Renorm, norms by dimension, distances between points, numerical derivatives: against PyTorch."""

import numpy as np
import pytest

from tests.ops.agreement import agree

torch = pytest.importorskip("torch")

INF = float("inf")
X = np.random.default_rng(9).standard_normal((3, 4, 2))
A, B = X[:, :, 0], np.random.default_rng(8).standard_normal((5, 4))
MANY = np.random.default_rng(4).standard_normal((40, 3))

CASES = {
    "renorm": (lambda f, x: f.renorm(x, 2, 0, 1.5), X),
    "renorm 1": (lambda f, x: x.renorm(1, -1, 2.0), X),
    "renorm in place": (lambda f, x: x.clone().renorm_(2, 1, 1.0), X),
    "norm_except_dim": (
        lambda f, x: (f.norm_except_dim(x), f.norm_except_dim(x, 2, 1), f.norm_except_dim(x, 2, -1)),
        X,
    ),
    "frobenius": (lambda f, x: f.frobenius_norm(x, (0, 1), True), X),
    "cdist": (lambda f, x, y: f.cdist(x, y), A, B),
    "cdist 1": (lambda f, x, y: f.cdist(x, y, 1), A, B),
    "cdist 3": (lambda f, x, y: f.cdist(x, y, 3), A, B),
    "cdist many": (lambda f, x: f.cdist(x, x[:4] + 1), MANY),
    "cdist batch": (lambda f, x: f.cdist(x, x[:1] * 2), X),
    "pdist": (lambda f, x: f.pdist(x), A),
    "pdist 3": (lambda f, x: f.pdist(x, 3), A),
    "gradient": (lambda f, x: f.gradient(x), X[..., :2].repeat(2, -1)),
    "gradient dims": (lambda f, x: f.gradient(x, spacing=[2.0, 0.5], dim=[1, 0]), X),
    "gradient edge 2": (lambda f, x: f.gradient(x, dim=(0, 1), edge_order=2), X),
    "gradient points": (
        lambda f, x: f.gradient(x, spacing=[f.tensor([0.0, 1.0, 3.0, 4.5]).double()], dim=1, edge_order=2),
        X,
    ),
    "gradient points, edge 1": (lambda f, x: f.gradient(x, spacing=[f.tensor([0.0, 1.0, 3.0]).double()], dim=0), X),
}


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients(case):
    # PyTorch has no second derivative of cdist and pdist for some p.
    agree(torch, *CASES[case], grad=True, names=False, second="dist" not in case)


ERRORS = {
    "renorm p": lambda f, x: x.renorm(0, 0, 1),
    "renorm maxnorm": lambda f, x: x.renorm(2, 0, -1),
    "renorm 1-dim": lambda f, x: x[0, 0].renorm(2, 0, 1),
    "cdist columns": lambda f, x: f.cdist(x[0], x[:, :, 0]),
    "cdist 1-dim": lambda f, x: f.cdist(x[0, 0], x[0]),
    "pdist 3-dim": lambda f, x: f.pdist(x),
    "gradient too short": lambda f, x: f.gradient(x[:1], dim=0),
    "gradient spacings": lambda f, x: f.gradient(x, spacing=[1.0, 2.0], dim=0),
    "gradient twice": lambda f, x: f.gradient(x, dim=(0, 0)),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    agree(torch, ERRORS[case], X)
