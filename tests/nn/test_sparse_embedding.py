"""Embedding(sparse=True): sparse gradients as PyTorch's, through the engine, hooks and the optimizers that take them."""

import numpy as np
import pytest

import lightwell as lw

INDEX = [[1, 2, 2], [0, 5, 1]]


def run(T, what):
    """A few steps on the same table in either library; everything that can be seen on the way."""
    T.manual_seed(0)
    table = T.nn.Embedding(6, 3, sparse=True, padding_idx=5)
    with T.no_grad():
        table.weight.copy_(T.arange(18.0).reshape(6, 3) / 10)
    optimizer = getattr(T.optim, what)(table.parameters(), lr=0.1)
    seen = []
    for step in range(4):
        optimizer.zero_grad()
        out = table(T.tensor(INDEX))
        (out.pow(2).sum() + table(T.tensor([3])).sum() * step).backward()
        seen.append(repr(table.weight.grad.coalesce()))
        optimizer.step()
    return seen, table.weight.detach().numpy()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("optimizer", ["SparseAdam", "SGD", "Adagrad"])
def test_training_as_in_pytorch(optimizer):
    torch = pytest.importorskip("torch")
    ours, theirs = run(lw, optimizer), run(torch, optimizer)
    assert ours[0][0] == theirs[0][0]
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5)


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_bags(mode):
    def grad(sparse):
        table = lw.nn.EmbeddingBag(4, 2, mode=mode, sparse=sparse, _weight=lw.arange(8.0).reshape(4, 2))
        out = table(lw.tensor([0, 1, 1, 3]), lw.tensor([0, 3]))
        (out * out).sum().backward()
        return out.detach(), table.weight.grad

    (dense_out, dense), (out, g) = grad(False), grad(True)
    assert g.is_sparse and lw.allclose(g.to_dense(), dense) and lw.allclose(out, dense_out)


def test_engine_takes_sparse_gradients_everywhere():
    w = lw.arange(6.0).reshape(3, 2).requires_grad_()
    seen = []
    w.register_hook(lambda g: seen.append(g.is_sparse) or g * 2)
    y = lw.nn.functional.embedding(lw.tensor([1, 1]), w, sparse=True)
    assert y.grad_fn.name() == "EmbeddingBackward0" and not y.is_leaf
    y.sum().backward(retain_graph=True)
    assert seen == [True] and w.grad.to_dense().tolist() == [[0, 0], [4, 4], [0, 0]]
    y.sum().backward()  # sparse onto sparse
    assert w.grad.is_sparse and w.grad.to_dense().tolist() == [[0, 0], [8, 8], [0, 0]]
    with pytest.raises(RuntimeError, match="second time"):
        y.sum().backward()
    v = lw.ones(3, 2, requires_grad=True)
    (lw.nn.functional.embedding(lw.tensor([0]), v, sparse=True).sum() + v.sum()).backward()  # sparse meets dense
    assert v.grad.tolist() == [[2, 2], [1, 1], [1, 1]]
    lw.nn.functional.embedding(lw.tensor([2]), v, sparse=True).sum().backward()  # sparse onto dense
    assert v.grad.tolist() == [[2, 2], [1, 1], [2, 2]]
    u = lw.ones(3, 2, requires_grad=True)
    (g,) = lw.autograd.grad(lw.nn.functional.embedding(lw.tensor([0]), u, sparse=True).sum(), u)
    assert g.is_sparse and g._nnz() == 1
    lw.nn.functional.embedding(lw.tensor([0]), u * 2, sparse=True).sum().backward()  # through a node: dense
    assert u.grad.tolist() == [[2, 2], [0, 0], [0, 0]]
    u.grad = lw.eye(3)[:, :2].to_sparse()
    assert u.grad.is_sparse


def test_second_order_is_dense():
    w = lw.tensor([[1.0], [2.0]], requires_grad=True)
    y = lw.nn.functional.embedding(lw.tensor([1, 1]), w, sparse=True)
    (g,) = lw.autograd.grad((y**3).sum(), w, create_graph=True)
    assert g.tolist() == [[0.0], [24.0]]
    assert lw.autograd.grad(g.sum(), w)[0].to_dense().tolist() == [[0.0], [24.0]]


def test_refusal():
    with pytest.raises(RuntimeError, match="not supported with sparse"):
        lw.nn.functional.embedding(lw.tensor([0]), lw.ones(1, 1, requires_grad=True), scale_grad_by_freq=True, sparse=True)
