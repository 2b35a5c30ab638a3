"""Composite words in simpler ones: the same numbers."""

import math

import numpy as np
import pytest

from lightwell.compile.decompose import decompose
from lightwell.compile.graph import Graph, run
from lightwell.compile.simplify import simplify

I8 = np.dtype(np.int64)


def check(build, *arrays, gone=(), tolerance=2e-6):
    """The words of the decomposed graph, whose results are those of the graph."""
    g = Graph()
    made = build(g, *(g.input(a.shape, a.dtype) for a in arrays))
    g.results = [(None, v) for v in (made if isinstance(made, (tuple, list)) else [made])]
    small = simplify(decompose(g))
    with np.errstate(all="ignore"):
        wanted, found = run(g, arrays), run(small, arrays)
    for a, b in zip(found, wanted):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    words = [v.word for v in small.values]
    assert not set(gone) & set(words), words
    return words


def normal(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax(axis, dtype):
    x, g = normal(4, 5, dtype=dtype), normal(4, 5, dtype=dtype, seed=1)
    for word in ("softmax", "log_softmax"):
        check(lambda b, x, word=word: b.call(word, x, axis), x * 30, gone=[word])
        check(lambda b, g, y, word=word: b.call(word + "_pull", g, y, axis), g, x, gone=[word + "_pull"])


def test_softmax_of_infinities():
    x = np.array([[1, np.inf, 2], [-np.inf, 0, 1], [-np.inf, -np.inf, -np.inf], [np.nan, 1, 2]], np.float32)
    for word in ("softmax", "log_softmax"):
        check(lambda b, x, word=word: b.call(word, x, 1), x)


@pytest.mark.parametrize("c", [np.float32(-0.25), np.array([[1], [2], [0.5], [0]], np.float32)])
def test_likelihoods(c):
    c = np.asarray(c)
    index = np.array([[0], [4], [2], [2]])
    check(lambda b, x, i, c: b.call("nll_pull", x, i, c, 1), normal(4, 5), index, c, gone=["nll_pull"])


def test_scatters_of_one_place_each():
    x, v, index = normal(3, 4), normal(3, 1, seed=1), np.array([[1], [3], [0]])
    check(lambda b, x, i, v: b.call("scatter_add", x, i, v, 1), x, index, v, gone=["scatter_add"])
    check(lambda b, x, i, v: b.call("scatter_set", x, i, v, 1), x, index, v, gone=["scatter_set"])
    check(lambda b, i, v: b.call("put_along_axis", (3, 4), i, v, 1), index, v, gone=["put_along_axis"])
    many = np.array([[1, 1, 2, 3], [0, 0, 0, 0], [3, 2, 1, 0]])
    assert "scatter_add" in check(lambda b, x, i, v: b.call("scatter_add", x, i, v, 1), x, many, normal(3, 4))


@pytest.mark.parametrize("shape, axes, wshape", [((6, 8), (1,), (1, 8)), ((3, 4, 5), (0, 2), (1, 4, 1))])
def test_normalisation(shape, axes, wshape):
    x, w, c = normal(*shape), normal(math.prod(wshape), seed=1), normal(math.prod(wshape), seed=2)

    def build(b, x, w, c):
        parts = b.call("moments", x, axes, 1e-5)
        m, r, var = (b.part(parts, i) for i in range(3))
        return b.call("scaled", x, m, r, w, c, shape, shape, wshape), b.call("scaled", x, m, r, None, None, shape, shape, None), m, r, var

    check(build, x, w, c, gone=["moments", "scaled", "part"], tolerance=1e-5)


def test_rows_pull():
    x = normal(4, 6)
    check(lambda b, g, h, r: b.call("rows_pull", g, h, r), x, normal(4, 6, seed=1), normal(4, 1, seed=2), gone=["rows_pull"])


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2), -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_means(axis, keepdims):
    x = normal(3, 4, 5)
    check(lambda b, x: b.call("mean", x, axis=axis, keepdims=keepdims), x, gone=["mean"])
    check(lambda b, x: b.call("var", x, axis=axis, correction=1, keepdims=keepdims), x, gone=["var"])
    check(lambda b, x: b.call("square_sum", x, axis=axis, keepdims=keepdims), x, gone=["square_sum"], tolerance=1e-5)
    check(lambda b, x: b.call("mean", x, axis=axis, keepdims=keepdims), np.arange(60).reshape(3, 4, 5), gone=["mean"])


def test_means_of_nothing():
    check(lambda b, x: b.call("sum", x, axis=1), normal(3, 0), gone=["sum"])
    check(lambda b, x: b.call("prod", x, axis=1), normal(3, 0), gone=["prod"])
    check(lambda b, x: b.call("any", x, axis=1), normal(3, 0), gone=["any"])
    check(lambda b, x: b.call("mean", x, axis=1), normal(3, 0))
    check(lambda b, x: b.call("var", x, axis=1, correction=1), normal(3, 1))


@pytest.mark.parametrize(
    "shape, axes", [((300, 400), None), ((70_001,), None), ((65536, 4), (0,)), ((257, 301, 3), (0, 1)), ((8, 20_000), (1,))]
)
@pytest.mark.parametrize("word", ["sum", "max", "any"])
def test_large_reductions_in_two_steps(shape, axes, word):
    x = normal(*shape) - (2 if word == "any" else 0)
    x = x > 2 if word == "any" else x
    words = check(lambda b, x: b.call(word, x, axis=axes), x, tolerance=2e-4)
    assert words.count(word) == (1 if axes == (1,) else 2)


def test_axes_of_one_element():
    x = normal(3, 1, 4)
    check(lambda b, x: b.call("sum", x, axis=1), x, gone=["sum"])
    check(lambda b, x: b.call("argmax", x, axis=1), x, gone=["argmax"])
    check(lambda b, x: b.call("sum", x, axis=1), np.ones((3, 1, 4), bool), gone=["sum"])


def test_made_arrays():
    x = normal(3, 4)
    for word in ("zeros_like", "ones_like"):
        check(lambda b, x, word=word: b.call("add", b.call(word, x), x), x, gone=[word])
    check(lambda b, x: b.call("add", b.call("zeros", (3, 4), np.dtype(np.float32)), x), x, gone=["zeros"])
    check(lambda b, x: b.call("full_like", x, 2.5), x, gone=["full_like"])
    check(lambda b, x: b.call("add", b.call("eye", 3, 4, dtype=np.dtype(np.float32)), x), x, gone=["eye"])
    for k in (-1, 0, 2):
        check(lambda b, x, k=k: b.call("tril", x, k), x, gone=["tril"])
        check(lambda b, x, k=k: b.call("triu", x, k), np.full((3, 4), np.nan, np.float32), gone=["triu"])


def test_moving():
    x = normal(3, 4, 5)
    check(lambda b, x: b.call("roll", x, 2, 1), x, gone=["roll"])
    check(lambda b, x: b.call("roll", x, (-1, 7), (0, 2)), x, gone=["roll"])
    check(lambda b, x: b.call("roll", x, 8), x, gone=["roll"])
    check(lambda b, x: b.call("tile", x, (2, 1, 3)), x, gone=["tile"])
    check(lambda b, x: b.call("tile", x, (2, 2, 1, 1)), x, gone=["tile"])
    check(lambda b, x, y: b.call("concat", [x, b.call("astype", y, np.dtype(np.float64))], 2), x, x)
    for key in ((1,), (slice(None), slice(1, 3)), (slice(2, 0, -1),), (Ellipsis, slice(0, 5, 2)), (0, Ellipsis, -1)):
        part = x[key]
        check(lambda b, v, key=key: b.call("index_add", (3, 4, 5), key, v), np.array(part))
        check(lambda b, x, v, key=key: b.call("index_set", x, key, v), x, np.array(part) * 2)
        check(lambda b, x, key=key: b.call("index_set", x, key, 7), x)
    check(lambda b, v: b.call("index_add", (3, 4, 5), (slice(1, 3),), v), normal(4, 5), gone=["index_add"])


def test_windows():
    x = normal(4, 6)
    check(lambda b, x: b.call("strided", x, (2, 3), (7, 2), 3), x)
    check(lambda b, x: b.call("strided", x, (6, 4), (4, 1), 0), x, gone=["strided"])
    check(lambda b, v: b.call("strided_add", (4, 6), v, (6, 2), 1), normal(4, 3), gone=["strided_add"])
    assert "strided_add" in check(lambda b, v: b.call("strided_add", (4, 6), v, (3, 1), 0), normal(4, 5))
    check(lambda b, x, v: b.call("strided_set", x, v, (6, 2), 1), x, normal(4, 3))


def test_divisors():
    x = normal(3, 4)
    check(lambda b, x: b.call("divide_by", x, 4), x, gone=["divide_by"])
    check(lambda b, x: b.call("divide_by", x, 3), x, gone=["divide_by"])
    check(lambda b, x, d: b.call("divide_by", x, d), x, np.array([1.0, 2, 3, 4]), gone=["divide_by"])


@pytest.mark.parametrize("equation", ["ij,kj->ik", "ij,kj->ki", "ij,ij->i", "ij,ij->", "ij,kl->iljk", "ij,kj", "ij,kl->ik"])
def test_products_by_names(equation):
    check(lambda b, x, y: b.call("einsum", equation, x, y), normal(3, 4), normal(3, 4, seed=1), gone=["einsum"], tolerance=1e-5)


def test_products_of_batches_by_names():
    x, y = normal(2, 3, 4), normal(2, 4, 5, seed=1)
    check(lambda b, x, y: b.call("einsum", "bij,bjk->bik", x, y), x, y, gone=["einsum"], tolerance=1e-5)
    check(lambda b, x, y: b.call("einsum", "bij,bjk->kbi", x, y), x, y, gone=["einsum"], tolerance=1e-5)
    check(lambda b, x: b.call("einsum", "bij->jb", x), x, gone=["einsum"], tolerance=1e-5)
    assert "einsum" in check(lambda b, x: b.call("einsum", "bii->bi", x), normal(2, 3, 3))


def test_resampling():
    """Nearest, linear, and means of neighbours of equal and unequal number; and their adjoints."""
    x = normal(2, 6, 5)
    near = np.array([[0, 0, 1, 2, 2, 3, 5]])
    linear = np.array([[0, 1, 2, 4], [1, 2, 3, 5]]), np.array([[0.25, 0.5, 1.0, 0.0], [0.75, 0.5, 0.0, 1.0]])
    even = np.array([0, 2, 4]), np.array([2, 4, 6])
    over, odd = (np.array([1, 3]), np.array([4, 6])), (np.array([0, 1, 3]), np.array([2, 4, 6]))
    for index, weight in ((near, None), linear, (even, None), (over, None), (odd, None)):
        plans = [(1, 6, index, weight), (2, 5, np.array([[4, 0, 1]]), None)]
        n = len(index[0]) if isinstance(index, tuple) else index.shape[1]
        check(lambda b, x, plans=plans: b.call("resample", x, plans), x, gone=["resample"])
        check(lambda b, g, plans=plans: b.call("resample_adjoint", g, plans), normal(2, n, 3), gone=["resample_adjoint"])
    many = [(1, 100, (np.array([0]), np.array([100])), None)]
    check(lambda b, x: b.call("resample", x, many), normal(2, 100), gone=["resample"])
    check(lambda b, g: b.call("resample_adjoint", g, many), normal(2, 1), gone=["resample_adjoint"])


def test_known_masks_are_indices():
    x, mask = normal(3, 4), np.array([[True, False, True, True]] * 2 + [[False] * 4])
    words = check(lambda b, x: b.call("getitem", x, (b.constant(mask),)), x)
    assert "getitem" in words
    check(lambda b, x: b.call("getitem", x, (slice(None), b.constant(mask[0]))), x)


def test_replacing():
    x = np.array([np.nan, np.inf, -np.inf, 1, -0.0], np.float32)
    check(lambda b, x: b.call("nan_to_num", x), x, gone=["nan_to_num"])
    check(lambda b, x: b.call("nan_to_num", x, 2.0, 3.0, None), x, gone=["nan_to_num"])
    check(lambda b, x: b.call("roll", x, (2, 1)), x, gone=["roll"])
