"""PyTorch's functions on sparse tensors: printed results equal to PyTorch's, gradients by differences, and the same without PyTorch."""

import numpy as np
import pytest

import lightwell as lw


def names(T):
    """The tensors that the expressions below speak of."""
    u = T.sparse_coo_tensor(T.tensor([[0, 1, 1, 2, 0], [2, 0, 2, 1, 2]]), T.tensor([3.0, 4.0, 5.0, -6.0, 1.0]), (3, 4))
    c = u.coalesce()
    sq = T.tensor([[1.0, 0, 2], [0, 3, 0], [4, 0, 5]]).to_sparse()
    return {
        "T": T, "u": u, "c": c, "sq": sq, "csr": c.to_sparse_csr(), "csc": c.to_sparse_csc(), "d": T.arange(12.0).reshape(3, 4) - 4,
        "h": T.sparse_coo_tensor(T.tensor([[0, 2, 0]]), T.tensor([[1.0, 2], [3, 4], [5, 6]]), (3, 2)),
        "s3": T.sparse_coo_tensor(T.tensor([[0, 1, 1], [2, 0, 2], [1, 0, 1]]), T.tensor([1.0, 2, 3]), (2, 3, 2)).coalesce(),
        "m": T.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]), "v": T.tensor([1.0, 2.0, 3.0, 4.0]),
        "b": T.tensor([[1.0, 2, 0, 0], [0, 3, 0, 0], [0, 0, 0, 4], [0, 0, 5, 6]]),
    }  # fmt: skip


EXPRESSIONS = """
T.sspaddmm(T.ones(3, 2).to_sparse(), c, m, beta=2, alpha=3)
T.smm(c, m)
T.hspmm(c, m)
T.bmm(s3, T.ones(2, 2, 3))
T.sparse.mm(csr, m, "mean")
T.sparse.mm(csr, m, "amax")
T.sparse.mm(csr, m, "amin")
csr.sum(1, keepdim=True)
csr.sum(0, keepdim=True)
T.sum(c)
T.sum(c, dim=0)
T.sum(c, dim=(0, 1))
T.nn.functional.linear(m.t(), c)
T.nn.functional.linear(m.t(), csr)
T.add(d, c, alpha=2)
T.add(c, c)
T.sub(c, c)
T.mul(c, c)
T.mul(c, 2)
T.div(c, 2)
T.neg(c)
u + u
d.add_(c)
T.sin(c)
T.abs(csr)
T.relu(c)
T.floor(c)
T.round(c)
T.pow(c, 2)
T.norm(c)
T.nan_to_num(c)
c.abs_()
c.neg_()
c.any()
c.real
c.data
T.zeros_like(c)
T.zeros_like(csr)
T.zeros(3, 4, layout=T.sparse_coo)
T.zeros(3, 4, layout=T.sparse_csr)
T.empty(2, 3, layout=T.sparse_coo)
T.sparse_coo_tensor(size=(2, 3))
c.new_zeros((2, 2))
T.cat([c, c])
T.cat([c, c], 1)
T.cat([h, h], 1)
T.stack([c, c])
T.stack([c, c], 2)
T.hstack([c, c])
T.vstack([c, c])
T.unsqueeze(c, 1)
T.index_select(c, 0, T.tensor([1]))
c.index_select(1, T.tensor([2, 2]))
c.select(0, 1)
c.select(1, 2)
T.select(csr, 0, 1)
c.narrow_copy(1, 1, 2)
s3.permute(2, 0, 1)
c[0, 2]
c[0, 0]
c[:, 1]
c[None]
c[..., 1]
s3[1, 2]
s3[:, 2]
s3[1, 2, 1]
h[0, 1]
csr[0, 2]
csr[1, 1]
c.clone().sparse_resize_((4, 5), 2, 0)
c.clone().sparse_resize_and_clear_((4, 5), 2, 0)
c.resize_as_(c)
c.copy_(c + c)
c.type()
c.type(T.float64)
c.is_same_size(c)
c.stride()
csr.sparse_dim(), csr.dense_dim()
c.to_sparse_coo()
d.to_sparse_coo()
csr.to_sparse_coo()
T.sparse.FloatTensor(2, 3)
T.sparse.LongTensor(T.tensor([[0, 1]]), T.tensor([1, 2]))
b.to_sparse_bsr((2, 2))
b.to_sparse_bsr((1, 2))
b.to_sparse_bsc((2, 2))
b.to_sparse(layout=T.sparse_bsr, blocksize=(2, 2))
b.to_sparse_bsr((2, 2)).to_dense()
b.to_sparse_bsr((2, 2)).t()
b.to_sparse_bsr((2, 2)).to_sparse()
b.to_sparse_bsr((2, 2)) @ b
b.to_sparse_bsr((2, 2)) * 2
b.to_sparse_bsr((2, 2)).abs()
b.to_sparse_bsr((2, 2)).sum()
b.to_sparse_bsr((2, 2)).requires_grad_()
b.to_sparse_bsr((2, 2)).crow_indices(), b.to_sparse_bsc((2, 2)).row_indices()
b.to_sparse().to_sparse_bsr((2, 2))
b.to_sparse_csr().to_sparse_bsr((2, 2))
T.sparse_bsr_tensor(T.tensor([0, 1, 2]), T.tensor([0, 1]), T.tensor([[[1.0, 2], [0, 3]], [[0, 4], [5, 6]]]))
T.sparse_bsc_tensor(T.tensor([0, 1, 2]), T.tensor([0, 1]), T.tensor([[[1.0, 2], [0, 3]], [[0, 4], [5, 6]]]), (4, 4))
T.sparse_compressed_tensor(T.tensor([0, 1, 2]), T.tensor([0, 1]), T.tensor([1.0, 2]), layout=T.sparse_csr)
T.sparse.check_sparse_tensor_invariants.is_enabled()
""".strip().split("\n")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_prints_as_pytorchs(text):
    torch = pytest.importorskip("torch")
    assert repr(eval(text, names(lw))) == repr(eval(text, names(torch)))


ERRORS = """
c.exp()
c.view(4, 3)
c > 0
T.cat([c, d])
c[1:]
c[5]
c[0, 0, 0]
b.to_sparse_bsr(3)
T.sparse_bsr_tensor(T.tensor([0, 1]), T.tensor([0]), T.tensor([1.0]))
c.sparse_resize_((2, 4), 2, 0)
csr.sum(0)
T.sparse.mm(csr, m, "most")
c.numpy()
s3.permute(0, 1)
""".strip().split("\n")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", ERRORS)
def test_refuses_as_pytorch(text):
    torch = pytest.importorskip("torch")
    with pytest.raises(Exception) as theirs:
        eval(text, names(torch))
    with pytest.raises(theirs.type):
        eval(text, names(lw))


GRADIENTS = {
    "smm": lambda T, v, m: T.smm(v, m).to_dense(),
    "sspaddmm": lambda T, v, m: T.sspaddmm(v, v, m.t() @ m, alpha=2).to_dense(),
    "hspmm": lambda T, v, m: T.hspmm(v, m).to_dense(),
    "linear": lambda T, v, m: T.nn.functional.linear(m.t(), v),
    "mean": lambda T, v, m: T.sparse.mm(v.to_sparse_csr(), m, "mean"),
    "amax": lambda T, v, m: T.sparse.mm(v.to_sparse_csr(), m, "amax"),
    "cat": lambda T, v, m: T.cat([v, v * 2], 1).to_dense(),
    "stack": lambda T, v, m: T.stack([v, v * 2]).to_dense(),
    "select": lambda T, v, m: v[1].to_dense() * v[2, 1],
    "narrow": lambda T, v, m: v.narrow_copy(0, 1, 2).to_dense(),
    "permute": lambda T, v, m: v.permute(1, 0).to_dense(),
    "bsr": lambda T, v, m: v.to_sparse_bsr((3, 2)).to_dense(),
    "add": lambda T, v, m: T.add(m @ m.t(), v.t() @ v, alpha=2),
    "sum": lambda T, v, m: T.sum(v, dim=0).to_dense(),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    f, indices = GRADIENTS[name], lw.tensor([[0, 1, 1, 2], [2, 0, 2, 1]])
    rng = np.random.default_rng(0)
    values = lw.tensor(rng.normal(size=4), requires_grad=True)
    m = lw.tensor(rng.normal(size=(4, 2) if name != "sspaddmm" else (1, 4)), requires_grad=True)
    size = (4, 4) if name == "sspaddmm" else (3, 4)
    assert lw.autograd.gradcheck(lambda v, m: f(lw, lw.sparse_coo_tensor(indices, v, size), m), (values, m))


def test_blocks_without_pytorch():
    a = np.kron(np.eye(3, dtype=np.float32), np.arange(1, 5, dtype=np.float32).reshape(2, 2))
    t = lw.tensor(a)
    for x in (t.to_sparse_bsr((2, 2)), t.to_sparse_bsc((2, 2)), t.to_sparse().to_sparse_bsr(2), t.to_sparse_csr().to_sparse_bsc((2, 2))):
        assert x._nnz() == 3 and np.array_equal(x.to_dense().numpy(), a)
        assert np.array_equal(x.t().to_dense().numpy(), a.T)
        assert np.allclose((x @ t).numpy(), a @ a)
    with pytest.raises(RuntimeError, match="divisible"):
        t.to_sparse_bsr((4, 4))
    with pytest.raises(RuntimeError, match="blocksize"):
        t.to_sparse(layout=lw.sparse_bsr)


def test_every_index_without_pytorch():
    a = np.arange(24.0).reshape(2, 3, 4) % 5
    x = lw.tensor(a).to_sparse()
    for key in (1, (1, 2), (1, 2, 3), (slice(None), 1), (..., 2), (0, ..., 1), (slice(None), slice(None), 3), (slice(None), 1, 2), -1):
        assert np.array_equal(x[key].to_dense().numpy(), a[key]), key
    assert x[None].shape == (1, 2, 3, 4)
    assert np.array_equal(lw.cat([x, x], 2).to_dense().numpy(), np.concatenate([a, a], 2))
    assert np.array_equal(x.permute(2, 0, 1).to_dense().numpy(), a.transpose(2, 0, 1))


def test_the_switch_remembers_its_place():
    switch = lw.sparse.check_sparse_tensor_invariants
    with switch():
        assert switch.is_enabled()
        with switch(False):
            assert not switch.is_enabled()
        assert switch.is_enabled()
    assert not switch.is_enabled() and switch()(switch.is_enabled)()
