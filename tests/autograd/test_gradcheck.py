"""gradcheck finds wrong derivatives, and passes right ones."""

import pytest

import lightwell as lw
from lightwell.autograd import Function, GradcheckError, gradcheck, gradgradcheck


def leaf(*shape, dtype=lw.float64):
    lw.manual_seed(3)
    return lw.rand(*shape, dtype=dtype, requires_grad=True)


def scaled(factor, second=1.0):
    """x² with a first derivative off by `factor`, and a second one off by `second`."""

    class First(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2 * second

    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * First.apply(ctx.saved_tensors[0]) * factor

    return Square.apply


@pytest.mark.parametrize("fast", [False, True])
def test_right_and_wrong_first_derivatives(fast):
    assert gradcheck(scaled(1), leaf(2, 2), fast_mode=fast)
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0"):
        gradcheck(scaled(1.01), leaf(2, 2), fast_mode=fast)
    assert gradcheck(scaled(1.01), leaf(2, 2), fast_mode=fast, raise_exception=False) is False


@pytest.mark.parametrize("fast", [False, True])
def test_right_and_wrong_second_derivatives(fast):
    assert gradgradcheck(scaled(1), leaf(3), fast_mode=fast)
    with pytest.raises(GradcheckError):
        gradgradcheck(scaled(1, 1.01), leaf(3), fast_mode=fast)


def test_complex_functions():
    z = leaf(2, 2, dtype=lw.complex128)
    assert gradcheck(lambda t: t * t, z) and gradgradcheck(lambda t: t * t, z)
    assert gradcheck(lambda t: t.abs(), z) and gradcheck(lambda t: t.conj() * t.real, z, fast_mode=True)
    with pytest.raises(GradcheckError):
        gradcheck(lambda t: t.detach() * t, z)


def test_a_detached_part_is_noticed():
    with pytest.raises(GradcheckError, match="input 1"):
        gradcheck(lambda x, y: x + y.detach(), (leaf(2), leaf(2)))


def test_what_cannot_be_checked():
    with pytest.raises(ValueError, match="at least one input tensor"):
        gradcheck(lambda x: x, lw.ones(2))
    with pytest.warns(UserWarning, match="not a double precision"):
        gradcheck(lambda x: x * 2, leaf(2, dtype=lw.float32), atol=0.1)
    with pytest.raises(RuntimeError, match="stride 0"):
        gradcheck(lambda x: x * 2, lw.ones(1, dtype=lw.float64).expand(3).requires_grad_())


def test_a_derivative_that_changes_is_noticed():
    calls = []

    class Shaky(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            calls.append(1)
            return g * (1 + 1e-7 * len(calls))

    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(Shaky.apply, leaf(2))
    assert gradcheck(Shaky.apply, leaf(2), nondet_tol=1e-3)


def test_inputs_are_left_as_they_were():
    x = leaf(3)
    before = x.tolist()
    gradcheck(lw.sin, x)
    gradcheck(lw.sin, x, fast_mode=True)
    assert x.tolist() == before and x.grad is None


def test_gradgradcheck_draws_its_weights_from_the_common_stream_as_pytorch_does():
    torch = pytest.importorskip("torch")
    after = []
    for m in (torch, lw):
        m.manual_seed(5)
        for dtype in (m.float64, m.complex128):
            x = m.ones(3, dtype=dtype, requires_grad=True)
            assert m.autograd.gradgradcheck(m.exp, (x,))
        assert m.autograd.gradgradcheck(lambda v: v.abs().sum(), (x,))
        after.append(m.rand(2).tolist())
    assert after[0] == after[1]
