"""Sparse tensors against PyTorch: parts, printing, arithmetic, products, gradients."""

import copy
import pickle

import numpy as np
import pytest

import lightwell as lw
from lightwell.autograd.gradcheck import gradcheck, gradgradcheck
from tests.compare import random, same_error

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")

INDICES = [[0, 1, 1, 0], [2, 0, 2, 2]]
VALUES = [3.0, 4.0, 5.0, 6.0]


def coo(f, **options):
    return f.sparse_coo_tensor(f.tensor(INDICES), f.tensor(VALUES), (2, 3), **options)


def csr(f):
    return f.tensor([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]]).to_sparse_csr()


SAME_TEXT = [
    lambda f: coo(f),
    lambda f: coo(f).coalesce(),
    lambda f: coo(f).is_coalesced(),
    lambda f: coo(f).coalesce().indices(),
    lambda f: coo(f).coalesce().values(),
    lambda f: coo(f)._indices(),
    lambda f: coo(f)._nnz(),
    lambda f: coo(f).shape,
    lambda f: (coo(f).sparse_dim(), coo(f).dense_dim(), coo(f).layout, coo(f).is_sparse, coo(f).numel()),
    lambda f: coo(f).to_dense(),
    lambda f: coo(f).t(),
    lambda f: coo(f).t().coalesce(),
    lambda f: (coo(f) + coo(f)).coalesce(),
    lambda f: (coo(f) - coo(f).mul(2)).coalesce(),
    lambda f: coo(f).coalesce() * 2,
    lambda f: coo(f).coalesce() / 2,
    lambda f: -coo(f).coalesce(),
    lambda f: coo(f).coalesce() * coo(f).coalesce(),
    lambda f: coo(f).coalesce() * f.full((2, 3), 2.0),
    lambda f: f.ones(2, 3) + coo(f),
    lambda f: coo(f).coalesce().sqrt(),
    lambda f: coo(f).coalesce().pow(2),
    lambda f: coo(f) @ f.ones(3, 2),
    lambda f: coo(f) @ f.ones(3),
    lambda f: f.mv(coo(f), f.ones(3)),
    lambda f: f.mm(coo(f), f.ones(3, 1)),
    lambda f: f.ones(2, 2) @ coo(f),
    lambda f: (coo(f) @ coo(f).t()).coalesce(),
    lambda f: f.sparse.mm(coo(f), f.ones(3, 2)),
    lambda f: f.sparse.addmm(f.ones(2, 2), coo(f), f.ones(3, 2), beta=2, alpha=3),
    lambda f: f.sparse.sum(coo(f)),
    lambda f: f.sparse.sum(coo(f), 0),
    lambda f: f.sparse.sum(coo(f), [1]),
    lambda f: f.sparse.softmax(coo(f).coalesce(), 1),
    lambda f: f.sparse.log_softmax(coo(f).coalesce(), 0),
    lambda f: coo(f)[0].coalesce(),
    lambda f: coo(f).double().coalesce(),
    lambda f: coo(f).unsqueeze(0).coalesce(),
    lambda f: coo(f).coalesce().index_select(1, f.tensor([2, 0])),
    lambda f: f.ones(2, 3).sparse_mask(coo(f).coalesce()),
    lambda f: coo(f).coalesce().norm(),
    lambda f: coo(f, requires_grad=True),
    lambda f: f.sparse_coo_tensor((2, 3)),
    lambda f: f.sparse_coo_tensor(f.tensor(INDICES), f.ones(4, 2)).to_dense(),
    lambda f: f.eye(3).to_sparse(1),
    lambda f: csr(f),
    lambda f: (csr(f).crow_indices(), csr(f).col_indices(), csr(f).values(), csr(f).layout, csr(f)._nnz()),
    lambda f: csr(f) @ f.ones(3, 2),
    lambda f: csr(f) @ f.ones(3),
    lambda f: csr(f).t(),
    lambda f: csr(f).to_dense(),
    lambda f: csr(f).to_sparse(),
    lambda f: csr(f) + csr(f),
    lambda f: csr(f) * 2,
    lambda f: f.tensor([[0.0, 1.0], [2.0, 3.0]]).to_sparse_csc(),
    lambda f: f.sparse_csr_tensor(f.tensor([0, 1, 2]), f.tensor([1, 0]), f.tensor([1.0, 2.0]), (2, 2)),
    lambda f: f.sparse.spdiags(f.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), f.tensor([0, 1]), (3, 3)).to_dense(),
]  # fmt: skip


@pytest.mark.parametrize("call", SAME_TEXT, ids=range(len(SAME_TEXT)))
def test_same_as_pytorchs(call):
    assert repr(call(lw)) == repr(call(torch))


ERRORS = [
    lambda f: coo(f).indices(),
    lambda f: coo(f).values(),
    lambda f: coo(f) + f.ones(2, 3),
    lambda f: f.exp(coo(f)),
    lambda f: coo(f).view(6),
    lambda f: coo(f).numpy(),
    lambda f: coo(f) @ f.ones(2, 2),
    lambda f: f.sparse_coo_tensor(f.tensor(INDICES), f.ones(3), (2, 3)),
    lambda f: f.ones(2).coalesce(),
]


@pytest.mark.parametrize("call", ERRORS, ids=range(len(ERRORS)))
def test_errors(call):
    same_error(torch, call)


def test_indices_beyond_the_size_are_refused():
    with pytest.raises(RuntimeError, match="size is inconsistent with indices: for dim 1, size is 2 but found index 2"):
        lw.sparse_coo_tensor(INDICES, VALUES, (2, 2))


@pytest.mark.parametrize("layout", ["coo", "csr"])
def test_gradients_reach_both_factors(layout):
    results = []
    for f in (lw, torch):
        dense = f.tensor(np.where(random(4, 5) > 0, random(4, 5), 0)).requires_grad_()
        other = f.tensor(random(5, 2, seed=1)).requires_grad_()
        s = dense.to_sparse() if layout == "coo" else dense.to_sparse_csr()
        y = f.sparse.mm(s, other)
        (y * f.tensor(random(4, 2))).sum().backward()
        results.append((y.detach().numpy(), dense.grad.to_dense().numpy(), other.grad.numpy()))
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


LOSSES = [
    lambda f, s: f.sparse.mm(s, f.ones(3, 2)).pow(2).sum(),
    lambda f, s: s.to_dense().pow(2).sum(),
    lambda f, s: f.sparse.sum(s),
    lambda f, s: (f.sparse.softmax(s.coalesce(), 1).to_dense() * f.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).sum(),
    lambda f, s: (s * 3).to_dense().pow(2).sum(),
]


@pytest.mark.parametrize("loss", LOSSES, ids=range(len(LOSSES)))
def test_a_sparse_leafs_gradient(loss):
    grads = []
    for f in (lw, torch):
        s = f.sparse_coo_tensor(f.tensor([[0, 1, 1], [2, 0, 2]]), f.tensor([3.0, 4.0, 5.0]), (2, 3)).coalesce().requires_grad_()
        assert s.is_leaf and s.grad is None
        loss(f, s).backward()
        assert s.grad.is_sparse
        grads.append(s.grad.to_dense().numpy())
    np.testing.assert_allclose(*grads, rtol=1e-6)


def test_gradients_reach_the_values_it_was_made_of():
    v = lw.tensor(VALUES, dtype=lw.float64, requires_grad=True)
    s = lw.sparse_coo_tensor(INDICES, v, (2, 3))
    assert not s.is_leaf and s.requires_grad

    def f(v):
        s = lw.sparse_coo_tensor(INDICES, v, (2, 3))
        return lw.sparse.mm(s @ s.t(), lw.ones(2, 1, dtype=lw.float64)), s.coalesce().values(), (s * s).to_dense()

    assert gradcheck(f, v) and gradgradcheck(f, v)


def test_in_place_copies_and_pickles():
    s = coo(lw)
    s.add_(s).mul_(0.5)
    assert s.to_dense().tolist() == coo(lw).to_dense().tolist()
    for t in (copy.deepcopy(s), pickle.loads(pickle.dumps(s)), s.clone()):
        assert t.to_dense().tolist() == s.to_dense().tolist() and t.is_sparse
    assert s.zero_()._nnz() == 0
    c = csr(lw)
    assert pickle.loads(pickle.dumps(c)).to_dense().tolist() == c.to_dense().tolist()


def test_large_product():
    rng = np.random.default_rng(0)
    i, v, x = rng.integers(0, 300, (2, 5000)), rng.standard_normal(5000), rng.standard_normal((300, 8))
    dense = np.zeros((300, 300))
    np.add.at(dense, tuple(i), v)
    s = lw.sparse_coo_tensor(lw.tensor(i), lw.tensor(v), (300, 300))
    np.testing.assert_allclose((s @ lw.tensor(x)).numpy(), dense @ x, atol=1e-10)
    np.testing.assert_allclose((s.to_sparse_csr() @ lw.tensor(x)).numpy(), dense @ x, atol=1e-10)
    np.testing.assert_allclose((s @ s).to_dense().numpy(), dense @ dense, atol=1e-9)
