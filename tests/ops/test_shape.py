"""Views, permutations, expansion, repeating, diagonals and storages: against PyTorch."""

import numpy as np
import pytest

import lightwell as lw
from tests.ops.agreement import agree

torch = pytest.importorskip("torch")

X = np.random.default_rng(5).standard_normal((3, 4, 2))
M = np.random.default_rng(6).standard_normal((4, 4))
V = np.arange(1.0, 6.0)
S = np.array(2.0)
ONE = np.random.default_rng(7).standard_normal((1, 3, 1))
EMPTY = np.zeros((0, 3))

GRADIENTS = {
    "view": (lambda f, x: x.view(4, 6), X),
    "view -1": (lambda f, x: x.view((2, -1)), X),
    "view 0-dim": (lambda f, x: x.view(1, 1), S),
    "view of transposed": (lambda f, x: x.transpose(0, 1).view(2, 2, 3, 2), X),
    "reshape view": (lambda f, x: f.reshape(x, (-1,)), X),
    "reshape copy": (lambda f, x: x.transpose(0, 1).reshape(12, 2), X),
    "reshape empty": (lambda f, x: x.reshape(3, 0), EMPTY),
    "view_as": (lambda f, x: x.view_as(f.zeros(2, 12)), X),
    "reshape_as": (lambda f, x: x.reshape_as(f.zeros(2, 12)), X),
    "flatten": (lambda f, x: f.flatten(x, 1), X),
    "flatten 0-dim": (lambda f, x: x.flatten(), S),
    "ravel": (lambda f, x: x.t().ravel(), M),
    "unflatten": (lambda f, x: x.unflatten(1, (2, -1)), X),
    "permute": (lambda f, x: x.permute(2, 0, 1), X),
    "permute negative": (lambda f, x: f.permute(x, (-1, 0, 1)), X),
    "transpose": (lambda f, x: x.transpose(0, -1), X),
    "transpose 0-dim": (lambda f, x: x.transpose(0, 0), S),
    "swapaxes": (lambda f, x: x.swapaxes(0, 1), X),
    "t": (lambda f, x: x.t(), M),
    "t vector": (lambda f, x: f.t(x), V),
    "T": (lambda f, x: x.T, M),
    "mT": (lambda f, x: x.mT, X),
    "H": (lambda f, x: x.H, M),
    "adjoint": (lambda f, x: f.adjoint(x), X + 1j * X),
    "movedim": (lambda f, x: x.movedim((0, 1), (2, 0)), X),
    "moveaxis": (lambda f, x: f.moveaxis(x, -1, 0), X),
    "squeeze": (lambda f, x: x.squeeze(), ONE),
    "squeeze dim": (lambda f, x: x.squeeze(-1), ONE),
    "squeeze dim of size 3": (lambda f, x: x.squeeze(1), ONE),
    "squeeze dims": (lambda f, x: x.squeeze((0, 1)), ONE),
    "unsqueeze": (lambda f, x: x.unsqueeze(-2), X),
    "expand": (lambda f, x: x.expand(2, 2, -1, 5), ONE.reshape(1, 3, 1)),
    "expand same": (lambda f, x: x.expand(3, 4, 2), X),
    "expand 0-dim": (lambda f, x: x.expand(3), S),
    "broadcast_to": (lambda f, x: f.broadcast_to(x, (2, 3, 2)), ONE),
    "broadcast_tensors": (lambda f, x, y: f.broadcast_tensors(x, y), V, ONE),
    "repeat": (lambda f, x: x.repeat(2, 1, 3, 1), X),
    "repeat once": (lambda f, x: x.repeat(1), V),
    "repeat none": (lambda f, x: x.repeat(0, 2), V),
    "tile": (lambda f, x: f.tile(x, (2,)), X),
    "flip": (lambda f, x: x.flip(0, -1), X),
    "fliplr": (lambda f, x: f.fliplr(x), M),
    "flipud": (lambda f, x: f.flipud(x), V),
    "roll": (lambda f, x: x.roll((1, -1), (0, 1)), X),
    "roll flat": (lambda f, x: f.roll(x, 3), X),
    "diagonal": (lambda f, x: x.diagonal(), M),
    "diagonal dims": (lambda f, x: f.diagonal(x, -1, 2, 0), X),
    "diagonal above": (lambda f, x: x.diagonal(1, 0, 1), X),
    "unfold": (lambda f, x: x.unfold(1, 2, 1), X),
    "unfold gaps": (lambda f, x: x.unfold(0, 2, 3), V),
    "as_strided": (lambda f, x: f.as_strided(x, (3, 3), (1, 2), 1), X),
    "clone": (lambda f, x: x.clone(), X),
    "contiguous": (lambda f, x: x.t().contiguous(), M),
    "narrow": (lambda f, x: x.narrow(1, -3, 2), X),
    "select": (lambda f, x: x.select(1, -1), X),
}
NAMED_OTHERWISE = {
    "sum_to_size": (lambda f, x: x.sum_to_size(4, 1), X),
    "rot90": (lambda f, x: x.rot90(1, (0, 2)), X),
    "rot270": (lambda f, x: f.rot90(x, 3), M),
    "diag vector": (lambda f, x: x.diag(-1), V),
    "diag matrix": (lambda f, x: f.diag(x, 1), M),
    "diagflat": (lambda f, x: f.diagflat(x, 1), M),
    "diag_embed": (lambda f, x: f.diag_embed(x, 1, 0, 2), M),
    "repeat_interleave": (lambda f, x: x.repeat_interleave(2, dim=1), X),
    "repeat_interleave counts": (lambda f, x: x.repeat_interleave(f.tensor([1, 0, 2]), 0), X),
    "repeat_interleave flat": (lambda f, x: f.repeat_interleave(x, 3), M),
    "atleast_3d": (lambda f, x: f.atleast_3d(x), V),
    "expand of expand": (lambda f, x: x.expand(3, 5)[:, 1:].expand(2, 3, 4), V),
}
ERRORS = {
    "view size": lambda f: f.zeros(5).view(2, 3),
    "view two unknown": lambda f: f.zeros(6).view(-1, -1),
    "view ambiguous": lambda f: f.zeros(0, 3).view(-1, 0),
    "view layout": lambda f: f.zeros(2, 3).t().view(6),
    "view nothing": lambda f: f.zeros(2).view(),
    "reshape": lambda f: f.reshape(f.zeros(5), (2, 3)),
    "reshape a list": lambda f: f.reshape([1, 2], (2,)),
    "permute twice": lambda f: f.zeros(2, 3).permute(0, 0),
    "permute few": lambda f: f.zeros(2, 3).permute(0),
    "permute range": lambda f: f.zeros(2, 3).permute(0, 2),
    "transpose": lambda f: f.zeros(2, 3).transpose(0, 2),
    "t": lambda f: f.zeros(2, 3, 4).t(),
    "mT": lambda f: f.zeros(2).mT,
    "expand": lambda f: f.zeros(2, 3).expand(4, 3),
    "expand few": lambda f: f.zeros(2, 3).expand(3),
    "expand -1 in front": lambda f: f.zeros(3).expand(-1, 3),
    "unsqueeze": lambda f: f.zeros(2).unsqueeze(3),
    "squeeze": lambda f: f.zeros(2).squeeze(1),
    "flatten": lambda f: f.zeros(2, 3, 4).flatten(2, 1),
    "unflatten": lambda f: f.zeros(6).unflatten(0, (4, 2)),
    "movedim": lambda f: f.zeros(2, 3).movedim((0, 0), (0, 1)),
    "repeat": lambda f: f.zeros(2, 3).repeat(2),
    "flip": lambda f: f.zeros(2, 3).flip(0, 0),
    "roll": lambda f: f.roll(f.zeros(2, 3), (1, 2), 0),
    "rot90": lambda f: f.rot90(f.zeros(3)),
    "diagonal": lambda f: f.zeros(3, 3).diagonal(0, 1, 1),
    "diag": lambda f: f.diag(f.zeros(2, 2, 2)),
    "unfold size": lambda f: f.zeros(3).unfold(0, 4, 1),
    "unfold step": lambda f: f.zeros(3).unfold(0, 2, 0),
    "narrow": lambda f: f.zeros(3).narrow(0, 2, 2),
    "select": lambda f: f.zeros(3).select(0, 3),
    "as_strided": lambda f: f.zeros(3).as_strided((4,), (1,)),
    "broadcast_shapes": lambda f: f.broadcast_shapes((2, 3), (4, 3)),
    "repeat_interleave": lambda f: f.repeat_interleave(f.zeros(3), f.tensor([1, 2]), 0),
}


def squared(call):
    """The call on squares, so that a second derivative passes through its rule."""
    return lambda f, *xs: call(f, *[x * x for x in xs])


@pytest.mark.parametrize("name", GRADIENTS)
def test_values_names_and_two_orders(name):
    call, *arrays = GRADIENTS[name]
    agree(torch, squared(call), *arrays, grad=True)


@pytest.mark.parametrize("name", NAMED_OTHERWISE)
def test_values_and_two_orders(name):
    call, *arrays = NAMED_OTHERWISE[name]
    agree(torch, squared(call), *arrays, grad=True, names=False)


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    agree(torch, ERRORS[name])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "bfloat16", "complex64"])
def test_dtypes(dtype):
    def call(f):
        x = f.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(f, dtype))
        parts = [x.view(6), x.t(), x.expand(2, 2, 3), x.repeat(2, 1), x.flip(0), x.diagonal(), f.diag(x[0]), x.roll(1, 1)]
        return [p.to(f.complex64 if dtype == "complex64" else f.float32) for p in parts]

    agree(torch, call)


VIEWS = {
    "view": lambda x: x.view(2, 12),
    "reshape": lambda x: x.reshape(6, 4),
    "transpose": lambda x: x.transpose(0, 2),
    "permute": lambda x: x.permute(1, 2, 0),
    "T": lambda x: x[0].T,
    "unsqueeze": lambda x: x.unsqueeze(1),
    "squeeze": lambda x: x[:1].squeeze(0),
    "expand": lambda x: x[:, :1].expand(3, 7, 2),
    "diagonal": lambda x: x.diagonal(0, 0, 1),
    "unfold": lambda x: x.unfold(1, 2, 2),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(2, 1),
    "as_strided": lambda x: x.as_strided((2, 2), (3, 5), 4),
    "split": lambda x: x.split(2, 1)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "view dtype": lambda x: x.view({"torch": torch.int32, "lightwell": lw.int32}[type(x).__module__.partition(".")[0]]),
    "scalar": lambda x: x[1, 2, 1],
    "detach": lambda x: x.detach(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory_and_tell_their_strides(name):
    call = VIEWS[name]
    ours, theirs = lw.arange(24.0).reshape(3, 4, 2), torch.arange(24.0).reshape(3, 4, 2)
    have, want = call(ours), call(theirs)
    assert have.stride() == want.stride()
    assert have.storage_offset() == want.storage_offset()
    assert have.is_contiguous() == want.is_contiguous()
    assert have.untyped_storage().data_ptr() == ours.untyped_storage().data_ptr()
    if have.dtype is lw.float32 and name != "expand":
        have.fill_(-1.0), want.fill_(-1.0)
        assert ours.tolist() == theirs.tolist()
    else:
        ours.zero_()
        assert not have.any()


def test_writing_through_a_view_and_through_its_base():
    def call(f, w):
        x = w * w
        v, u = x[0], x.t()[1]
        x.mul_(2.0)
        v.mul_(w[1])
        u.add_(w[:, 0])
        return [x, v, u]

    agree(torch, call, M, grad=True, names=False)


def test_memory_formats():
    for f in (torch, lw):
        x = f.zeros(2, 3, 4, 5)
        y = x.contiguous(memory_format=f.channels_last)
        assert y.stride() == (60, 1, 15, 3) and y.is_contiguous(memory_format=f.channels_last)
        assert y.clone().stride() == (60, 1, 15, 3)
        assert y.clone(memory_format=f.contiguous_format).stride() == (60, 20, 5, 1)
        assert x.contiguous() is x


def test_view_dtype():
    for f in (torch, lw):
        x = f.tensor([1.0, 2.0])
        assert x.view(f.int32).tolist() == [1065353216, 1073741824]
        assert x.view(f.uint8).shape == (8,)
        with pytest.raises(RuntimeError):
            f.zeros(3).view(f.float64)


def test_resize_and_set():
    for f in (torch, lw):
        x = f.arange(6)
        assert x.resize_(2, 2).tolist() == [[0, 1], [2, 3]]
        assert x.resize_(6).tolist() == [0, 1, 2, 3, 4, 5]
        y = f.empty(0, dtype=f.int64).set_(x)
        y[0] = 9
        assert x[0].item() == 9
        assert f.zeros(2).resize_as_(f.zeros(3, 1)).shape == (3, 1)


def test_storage():
    for f in (torch, lw):
        x = f.tensor([[1, 2], [3, 4]])
        s = x[1].untyped_storage()
        assert (s.nbytes(), len(s), s[0], s[8]) == (32, 32, 1, 2)
        assert s.data_ptr() == x.data_ptr() and x[1].storage_offset() == 2
        s[0] = 7
        assert x[0, 0].item() == 7


def test_typed_storage():
    s = lw.tensor([[1, 2], [3, 4]]).storage()
    assert (s.tolist(), len(s), s[3], s.nbytes(), s.dtype) == ([1, 2, 3, 4], 4, 4, 32, lw.int64)
    assert lw.tensor([1.0]).share_memory_().is_shared()


@pytest.mark.parametrize("shapes", [((2,), (3, 1)), ((), (1,)), ((5, 1, 4), (3, 1)), (2, (3, 2))])
def test_broadcast_shapes(shapes):
    assert tuple(lw.broadcast_shapes(*shapes)) == tuple(torch.broadcast_shapes(*shapes))


def test_becoming_a_view_of_itself():
    def call(f, x):
        y = x * x
        y.t_().unsqueeze_(1).transpose_(0, 2).squeeze_(1)
        y.mul_(2.0)
        return y

    agree(torch, call, np.arange(6.0).reshape(2, 3), grad=True, names=False)
    x = lw.ones(2, 2)
    assert x.is_set_to(x[:]) and not x.is_set_to(x.clone())
    with pytest.raises(RuntimeError):
        lw.ones(2, 2, requires_grad=True).t_()
