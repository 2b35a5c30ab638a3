"""Sparse tensors in files: written so that PyTorch reads them, PyTorch's read."""

import io

import pytest

import lightwell as lw


def tensors(T):
    b = T.tensor([[1.0, 2, 0, 0], [0, 3, 0, 0], [0, 0, 0, 4], [0, 0, 5, 6]])
    return {
        "coo": b.to_sparse(), "csr": b.to_sparse_csr(), "csc": b.to_sparse_csc(), "bsr": b.to_sparse_bsr((2, 2)),
        "bsc": b.to_sparse_bsc((2, 2)), "repeated": T.sparse_coo_tensor([[0, 0]], [1.0, 2.0], (3,)),
    }  # fmt: skip


def through(write, read):
    file = io.BytesIO()
    write.save(tensors(write), file)
    file.seek(0)
    found = read.load(file)
    for name, x in tensors(read).items():
        assert repr(found[name]) == repr(x), name
    assert found["coo"].is_coalesced() and not found["repeated"].is_coalesced()


def test_own_files():
    through(lw, lw)


@pytest.mark.filterwarnings("ignore")
def test_both_ways_with_pytorch():
    torch = pytest.importorskip("torch")
    through(lw, torch)
    through(torch, lw)
