"""Products, einsum and tensordot against PyTorch: values, both derivatives, dtypes, errors."""

import numpy as np
import pytest

import lightwell as lw
from tests.compare import random, same, same_error

torch = pytest.importorskip("torch")

both = pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])

EQUATIONS = [
    ('ij,jk->ik', (3, 4), (4, 5)),
    ('ij,jk', (3, 4), (4, 5)),
    ('bij,bjk->bik', (2, 3, 4), (2, 4, 5)),
    ('i,j->ij', (3,), (4,)),
    ('ii->i', (3, 3)),
    ('ii', (3, 3)),
    ('ij->ji', (3, 4)),
    ('ij->', (3, 4)),
    ('ij->j', (3, 4)),
    ('ij,ij->', (3, 4), (3, 4)),
    ('...ij,...jk->...ik', (2, 3, 4), (2, 4, 5)),
    ('...ij,jk->...ik', (2, 2, 3, 4), (4, 5)),
    ('b...i,i->b...', (2, 3, 4), (4,)),
    ('ijk,ilm,njm,nlk,abc->', (2, 3, 4), (2, 3, 3), (2, 3, 3), (2, 3, 4), (2, 2, 2)),
    ('abc,cd,de->abe', (2, 3, 4), (4, 3), (3, 2)),
    ('ij,ik->jk', (3, 4), (3, 5)),
    ('ij,kj->ik', (3, 4), (5, 4)),
    ('i,i->', (3,), (3,)),
    ('i,i->i', (3,), (3,)),
    ('ij,j->i', (3, 4), (4,)),
    ('iij->ij', (3, 3, 2)),
    ('iij,jk->ik', (3, 3, 2), (2, 4)),
    ('ij,jj->i', (2, 3), (3, 3)),
    ('ij,kl->ijkl', (2, 3), (2, 2)),
    ('a,b,c->abc', (2,), (3,), (4,)),
    ('...->...', (2, 3)),
    ('...i->...', (2, 3)),
    ('bhqd,bhkd->bhqk', (2, 2, 3, 4), (2, 2, 5, 4)),
    ('bhqk,bhkd->bqhd', (2, 2, 3, 4), (2, 2, 4, 5)),
    ('ij,jk->k', (3, 4), (4, 5)),
    ('ij,kj->k', (3, 4), (5, 4)),
    ('ij,k->i', (3, 4), (2,)),
    ('ij,jk->ik', (3, 1), (4, 5)),
    ('bi,bj->bij', (1, 3), (4, 2)),
    ('i...,i...->...', (3, 2), (3, 2)),
    ('ab,bc,cd,de->ae', (2, 3), (3, 4), (4, 2), (2, 3)),
    ('ij, jk -> ik', (3, 4), (4, 5)),
    ('Ab,bC->CA', (2, 3), (3, 4)),
    ('ij,jk', (0, 4), (4, 5)),
    ('ij,jk', (3, 0), (0, 5)),
    (',i->i', (), (3,)),
    ('i,->i', (3,), ()),
    ('abcd,cdef->abef', (2, 2, 3, 2), (3, 2, 2, 2)),
    ('ba,ca->bc', (2, 3), (4, 3)),
    ('ijij->ij', (2, 3, 2, 3)),
    ('iii->i', (3, 3, 3)),
    ('bij,bij->b', (2, 3, 4), (2, 3, 4)),
    ('...i,...i->...', (2, 3), (3,)),
]  # fmt: skip


@both
@pytest.mark.parametrize("case", EQUATIONS, ids=lambda c: c[0])
def test_einsum(case, is_complex):
    equation, *shapes = case
    arrays = [random(*s, seed=i, is_complex=is_complex) for i, s in enumerate(shapes)]
    same(torch, lambda f, *xs: f.einsum(equation, *xs), *arrays)


def test_einsum_with_lists_of_dimensions():
    a, b = random(2, 3), random(3, 4)
    same(torch, lambda f, a, b: f.einsum(a, [0, 1], b, [1, 2], [0, 2]), a, b)
    same(torch, lambda f, a, b: f.einsum(a, [..., 0, 1], b, [1, 2]), random(2, 2, 3), b)
    same(torch, lambda f, a, b: f.einsum("ij,jk", [a, b]), a, b)


SHAPES = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
          ((5, 2, 3), (5, 3, 4)), ((1, 2, 3), (5, 3, 4)), ((2, 1, 2, 3), (5, 3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)),
          ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0, 2, 3), (3, 4)), ((2, 2, 2, 3), (2, 2, 3, 2))]  # fmt: skip


@both
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_matmul(shapes, is_complex):
    same(torch, lambda f, x, y: f.matmul(x, y), *(random(*s, is_complex=is_complex) for s in shapes))


@both
def test_sums_with_products(is_complex):
    def draw(*shape):
        return random(*shape, is_complex=is_complex)

    scaled = {"beta": 0.5, "alpha": 2}
    for options in ({}, scaled, {"beta": 0}):
        same(torch, lambda f, c, a, b: f.addmm(c, a, b, **options), draw(4), draw(3, 2), draw(2, 4))
    same(torch, lambda f, c, a, b: f.baddbmm(c, a, b, **scaled), draw(4), draw(2, 3, 2), draw(2, 2, 4))
    same(torch, lambda f, c, a, b: f.addbmm(c, a, b, **scaled), draw(3, 4), draw(2, 3, 2), draw(2, 2, 4))
    same(torch, lambda f, c, a, b: f.addmv(c, a, b, **scaled), draw(3), draw(3, 2), draw(2))
    same(torch, lambda f, c, a, b: f.addr(c, a, b, **scaled), draw(3, 2), draw(3), draw(2))


@both
def test_other_products(is_complex):
    def draw(*shape):
        return random(*shape, is_complex=is_complex)

    for dims in (0, 1, 2, ([0, 1], [1, 0]), ([1], [0])):
        same(torch, lambda f, x, y: f.tensordot(x, y, dims=dims), draw(3, 3), draw(3, 3))
    same(torch, lambda f, x, y: f.tensordot(x, y, dims=([2, -1], [-2, 0])), draw(2, 3, 4, 5), draw(5, 4, 2))
    same(torch, lambda f, x, y: f.tensordot(x, y, dims=([1], [0])), draw(2, 1), draw(4, 2))
    same(torch, lambda f, x, y: f.inner(x, y), draw(2, 3), draw(4, 3))
    same(torch, lambda f, x, y: f.kron(x, y), draw(2, 3), draw(4))
    same(torch, lambda f, x, y: f.outer(x, y), draw(2), draw(3))
    same(torch, lambda f, x, y: f.vdot(x, y), draw(3), draw(3))
    same(torch, lambda f, x, y: f.cross(x, y, dim=1), draw(2, 3), draw(2, 3))
    same(torch, lambda f, x, y, z: f.linalg.multi_dot([x, y, z]), draw(2, 3), draw(3, 4), draw(4, 2))


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float16", "bfloat16", "float32"])
def test_dtypes(dtype):
    for call in (
        lambda f, x: x @ x.t(), lambda f, x: x @ x[0], lambda f, x: x[0].dot(x[1]), lambda f, x: x[None] @ x.t()[None],
        lambda f, x: f.einsum("ij,kj->ik", x, x), lambda f, x: f.einsum("ij->j", x), lambda f, x: f.addmm(x[:, :3], x, x.t()),
    ):  # fmt: skip
        ours, theirs = (call(f, f.arange(12).reshape(3, 4).to(getattr(f, dtype))) for f in (lw, torch))
        assert str(ours.dtype) == str(theirs.dtype) and ours.tolist() == theirs.tolist()


ERRORS = [
    lambda f: f.mm(f.ones(2,3),f.ones(2,3)),
    lambda f: f.mm(f.ones(2),f.ones(2)),
    lambda f: f.bmm(f.ones(2,3,4),f.ones(3,4,2)),
    lambda f: f.matmul(f.ones(2),f.tensor(1.)),
    lambda f: f.ones(2,3)@f.ones(2,3),
    lambda f: f.ones(2,3)@f.ones(2),
    lambda f: f.mm(f.ones(2,2),f.ones(2,2).double()),
    lambda f: f.dot(f.ones(2),f.ones(3)),
    lambda f: f.dot(f.ones(2,2),f.ones(2)),
    lambda f: f.einsum("ij,jk",f.ones(2,3)),
    lambda f: f.einsum("ij,jk",f.ones(2,3),f.ones(4,4)),
    lambda f: f.einsum("ij->k",f.ones(2,3)),
    lambda f: f.einsum("i->i",f.ones(2,3)),
    lambda f: f.einsum("ij->ii",f.ones(2,3)),
    lambda f: f.einsum("i1->i",f.ones(2,3)),
    lambda f: f.einsum("ij,jk",f.ones(2,3),f.ones(3,4).double()),
    lambda f: f.tensordot(f.ones(2,3),f.ones(2,3),dims=1),
    lambda f: f.tensordot(f.ones(2,3),f.ones(2,3),dims=3),
    lambda f: f.tensordot(f.ones(2,3),f.ones(2,3),dims=([0],[0,1])),
    lambda f: f.outer(f.ones(2,2),f.ones(2)),
    lambda f: f.mv(f.ones(2,2),f.ones(3)),
    lambda f: f.addmm(f.ones(3,3),f.ones(2,2),f.ones(2,2)),
    lambda f: f.cross(f.ones(2),f.ones(2)),
    lambda f: f.matmul(f.ones(2,2,3),f.ones(3,3,2)),
    lambda f: f.ones(2)@1,
    lambda f: f.matmul(f.ones(2),1),
    lambda f: f.mm(1,f.ones(2)),
    lambda f: f.chain_matmul(),
    lambda f: f.inner(f.ones(2),f.ones(3)),
    lambda f: f.vdot(f.ones(2),f.ones(3)),
    lambda f: f.kron(1,f.ones(2)),
    lambda f: f.addmv(f.ones(2),f.ones(2,3),f.ones(2)),
    lambda f: f.baddbmm(f.ones(5),f.ones(2,2,2),f.ones(2,2,2)),
    lambda f: f.mm(f.ones(2,2,dtype=f.bool),f.ones(2,2,dtype=f.bool)),
    lambda f: f.einsum("",),
]  # fmt: skip


@pytest.mark.parametrize("call", ERRORS, ids=range(len(ERRORS)))
def test_errors(call):
    same_error(torch, call)


def test_messages_name_the_op_and_the_shapes():
    message = same_error(torch, lambda f: f.ones(2, 3) @ f.ones(2, 3))
    assert "2x3" in message and "matmul" in message
    assert np.allclose(lw.chain_matmul(lw.ones(2, 3), lw.ones(3, 2)).numpy(), 3)
