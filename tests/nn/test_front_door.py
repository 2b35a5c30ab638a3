"""Functions of nn.functional and in-place methods under their names at the top, trace, DataParallel, accelerator."""

import pytest

import lightwell as lw

torch = pytest.importorskip("torch")

CALLS = [
    lambda f, x: f.conv2d(x, f.ones(4, 3, 3, 3), None, 1, 1),
    lambda f, x: f.conv_transpose2d(x, f.ones(3, 2, 2, 2), f.ones(2), 2),
    lambda f, x: f.max_pool2d(x, 2),
    lambda f, x: f.avg_pool1d(x[0], 2),
    lambda f, x: f.max_pool1d_with_indices(x[0], 2)[1],
    lambda f, x: f.adaptive_max_pool1d(x[0], 2)[1],
    lambda f, x: f.batch_norm(x, f.ones(3), f.zeros(3), f.zeros(3), f.ones(3), True, 0.1, 1e-5, False),
    lambda f, x: f.instance_norm(x, f.ones(3), f.zeros(3), None, None, True, 0.1, 1e-5, False),
    lambda f, x: f.layer_norm(x, (8,)),
    lambda f, x: f.group_norm(x, 3, f.full((3,), 2.0)),
    lambda f, x: f.embedding(f.eye(3), f.tensor([2, 0])),
    lambda f, x: f.constant_pad_nd(x, (1, -2), 3.0),
    lambda f, x: f.pixel_unshuffle(x, 2),
    lambda f, x: f.binary_cross_entropy_with_logits(x, x.abs(), None, x.cos() + 2, 0),
    lambda f, x: f.cosine_embedding_loss(x[0, 0], x[0, 1], f.ones(8), 0.5, 2),
    lambda f, x: f.ctc_loss(x[0].log_softmax(2), f.tensor([[1, 2]] * 8), f.full((8,), 3), f.full((8,), 2), 0, 2),
    lambda f, x: f.hinge_embedding_loss(x, x.sign(), 0.5),
    lambda f, x: f.kl_div(x.log_softmax(1), x.softmax(1), 2),
    lambda f, x: f.kl_div(x.log_softmax(1), x.log_softmax(2), 0, log_target=True),
    lambda f, x: f.margin_ranking_loss(x, x.cos(), x.sign(), 0.3),
    lambda f, x: f.poisson_nll_loss(x.abs(), x.cos() + 2, False, True, 1e-3, 0),
    lambda f, x: f.triplet_margin_loss(x[0], x[1], x.cos()[0], 2.0, reduction=0),
    lambda f, x: f.neg_(f.square_(x.clone())),
    lambda f, x: f.zero_(x.clone()),
    lambda f, x: f.fill_(x.clone(), 2),
    lambda f, x: f.trace(x[0, 0, :5]),
    lambda f, x: f.trace(f.arange(6).int().reshape(2, 3)),
    lambda f, x: f.trace(f.eye(300).bfloat16()),
    lambda f, x: f.nn.DataParallel(f.nn.Identity())(x),
]


@pytest.mark.parametrize("call", CALLS)
def test_same_as_pytorch(call):
    ours, theirs = (call(f, f.arange(384.0).reshape(2, 3, 8, 8).sin()) for f in (lw, torch))
    assert str(ours.dtype) == str(theirs.dtype) and tuple(ours.shape) == tuple(theirs.shape)
    assert torch.allclose(torch.tensor(ours.tolist()), torch.tensor(theirs.tolist()), atol=1e-5)


def test_refusals_are_pytorchs():
    for f in (lw, torch):
        with pytest.raises(RuntimeError, match="expected a matrix"):
            f.trace(f.ones(3))
        with pytest.raises(TypeError):
            f.zero_([1])
        with pytest.raises(TypeError, match="invalid data type 'str'"):
            f.tensor([1.0, "a"])
        if not torch.accelerator.is_available():
            assert f.accelerator.current_accelerator() is None and f.accelerator.device_count() == 0
            with pytest.raises(RuntimeError, match="none is available"):
                f.accelerator.synchronize()


def test_a_reduction_has_a_name():
    with pytest.raises(ValueError, match="reduction"):
        lw.kl_div(lw.ones(2), lw.ones(2), 3)


def test_names_of_a_wrapped_module():
    ours, theirs = (f.nn.DataParallel(f.nn.Linear(2, 3)) for f in (lw, torch))
    assert list(ours.state_dict()) == list(theirs.state_dict()) and repr(ours) == repr(theirs)


def test_every_listed_name_is_there():
    missing = [name for name in dir(lw) if not hasattr(lw, name)]
    assert not missing
