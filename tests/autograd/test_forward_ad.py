"""Dual numbers: tangents against func.jvp, modules, custom functions, levels."""

import numpy as np
import pytest

import lightwell as lw
import lightwell.autograd.forward_ad as fwAD


def close(a, b):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6, atol=1e-9)


def test_tangents():
    x, t = lw.randn(5, dtype=lw.float64), lw.randn(5, dtype=lw.float64)
    f = lambda a: (a.sin() * a.sum()).softmax(0)
    value, expected = lw.func.jvp(f, (x,), (t,))
    with fwAD.dual_level():
        d = fwAD.make_dual(x, t)
        assert fwAD.unpack_dual(d).tangent.equal(t) and fwAD.unpack_dual(x).tangent is None
        y = f(d)
        primal, tangent = fwAD.unpack_dual(y)
        close(primal, value)
        close(tangent, expected)
        assert not tangent.requires_grad and not primal.requires_grad
        assert fwAD.unpack_dual(d.detach()).tangent is None
        two = fwAD.unpack_dual(fwAD.make_dual(x, t) * d)
        close(two.tangent, 2 * x * t)
        close(fwAD.unpack_dual(d * 0 + 1).tangent, lw.zeros(5))
    assert fwAD.unpack_dual(y).tangent is None


def test_module_parameters():
    net = lw.nn.Linear(4, 3)
    x, params = lw.randn(2, 4), dict(net.named_parameters())
    tangents = {k: lw.randn(*p.shape) for k, p in params.items()}
    with fwAD.dual_level():
        for name, p in params.items():
            delattr(net, name)
            setattr(net, name, fwAD.make_dual(p, tangents[name]))
        out = fwAD.unpack_dual(net(x))
    close(out.tangent, x @ tangents["weight"].T + tangents["bias"])
    out.tangent.sum()


def test_custom_function_with_jvp_only():
    class Scale(lw.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_forward(x)
            ctx.x = x.detach()
            return x**2

        @staticmethod
        def jvp(ctx, t):
            return 2 * ctx.x * t

    x, t = lw.randn(3), lw.randn(3)
    with fwAD.dual_level():
        close(fwAD.unpack_dual(Scale.apply(fwAD.make_dual(x, t))).tangent, 2 * x * t)
    x.requires_grad_()
    Scale.apply(x).sum().backward()
    close(x.grad, 2 * x)


def test_refusals():
    x = lw.randn(3)
    with pytest.raises(RuntimeError, match="no level exists"):
        fwAD.make_dual(x, x)
    with pytest.raises(RuntimeError, match="positive number"):
        fwAD.exit_dual_level()
    with fwAD.dual_level():
        with pytest.raises(RuntimeError, match="different size"):
            fwAD.make_dual(x, lw.ones(2))
        with pytest.raises(ValueError, match="floating point"):
            fwAD.make_dual(lw.arange(3), x)
        with pytest.raises(RuntimeError, match="Nested"), fwAD.dual_level():
            pass
    assert fwAD._current_level == -1


def test_a_dual_gives_its_tangent_back_itself():
    x, t = lw.ones(2), lw.tensor([3.0, 4.0])
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, t)
        assert fwAD.unpack_dual(dual).tangent is t and fwAD.unpack_dual(dual).primal.tolist() == [1, 1]
        assert fwAD.unpack_dual(dual * 2).tangent.tolist() == [6, 8]
