"""Backward behind a compiled forward; the functions and modules that `compile` gives."""

import gc
import warnings
import weakref
from collections import OrderedDict

import pytest

import lightwell as torch
from lightwell import nn
from lightwell.compile import compile
from tests.compile.same import check, compiled_whole
from tests.compile.worlds import engine, grads, net, same  # noqa: F401  (engine: each test runs by both)

F = nn.functional


# ---- backward behind a compiled forward ---------------------------------------------------------------------------------


def test_backward_of_some_results():
    def world(wrap):
        m = net(3, 4)
        f = wrap(lambda x: (m(x), m(x).sum(), x * 2, m(x).detach()))
        x = torch.randn(2, 3, requires_grad=True)
        for use in ([0], [1], [0, 1], [2], [0, 2]):
            m.zero_grad()
            x.grad = None
            out = f(x)
            sum((k + 1) * out[k].sum() for k in use).backward()
            yield grads(m) if use != [2] else None, x.grad, [o.requires_grad for o in out]

    same(world, programs=1)


def test_retain_graph():
    def world(wrap):
        m = net(3, 2)
        f = wrap(m)
        y = f(torch.ones(1, 3)).sum()
        y.backward(retain_graph=True)
        y.backward()
        yield grads(m)
        with pytest.raises(RuntimeError, match="second time"):
            y.backward()
        step = wrap(lambda x: (lambda loss: (loss.backward(retain_graph=True), loss.backward(), loss)[2])(m(x).sum()))
        loss = step(torch.ones(1, 3))
        yield loss, grads(m)
        with pytest.raises(RuntimeError, match="second time"):
            loss.backward()

    same(world)


def test_double_backward_is_refused():
    f = compile(lambda x: (x**3).sum())
    x = torch.ones(2, requires_grad=True)
    g = torch.autograd.grad(f(x), x, create_graph=False)[0]
    check(g, torch.full((2,), 3.0))
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        torch.autograd.grad(f(x), x, create_graph=True)


def test_gradients_of_gradients_within_a_step():
    def world(wrap):
        m = net(2, 4, 1)

        def step(x):
            x = x.detach().requires_grad_()
            (g,) = torch.autograd.grad(m(x).sum(), x, create_graph=True)
            penalty = ((g.norm(dim=1) - 1) ** 2).mean()
            m.zero_grad()
            penalty.backward()
            return penalty

        f = wrap(step)
        for _ in range(3):
            yield f(torch.randn(3, 2)), grads(m)

    same(world)


def test_values_overwritten_before_backward():
    def world(wrap):
        w = torch.ones(3, requires_grad=True)
        f = wrap(lambda x: ((w * x).exp(), w * x))
        x = torch.ones(3)
        y = f(x)[0].sum()
        x.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()
        y = f(x)[0]
        with torch.no_grad():
            y.zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()
        y = f(x)[1]
        with torch.no_grad():
            y.zero_()
        y.sum().backward()
        yield w.grad

    same(world, programs=1)


def test_states_written_by_forward_and_read_by_backward():
    def world(wrap):
        scale = torch.full((3,), 2.0)

        def g(x):
            y = x * scale.clone()
            with torch.no_grad():
                scale.add_(1)
            return y

        f = wrap(g)
        for _ in range(3):
            x = torch.ones(3, requires_grad=True)
            f(x).sum().backward()
            yield x.grad, scale

    same(world, programs=1)


def test_hooks():
    def world(wrap):
        m = net(2, 3, 1)
        seen = []
        m[0].register_forward_hook(lambda mod, args, out: out * 2)
        m[0].weight.register_hook(lambda g: g * 10)
        f = wrap(m)
        f(torch.ones(1, 2)).sum().backward()
        yield grads(m), seen
        m[2].register_forward_pre_hook(lambda mod, args: (args[0] + 1,))
        m.zero_grad()
        f(torch.ones(1, 2)).sum().backward()
        yield grads(m)

    same(world, refused=None)


def test_custom_functions():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x * 3

    def world(wrap):
        f = wrap(lambda x: Square.apply(x).sum())
        step = wrap(lambda x: Square.apply(x).sum().backward())
        x = torch.arange(3.0).requires_grad_()
        f(x).backward()
        yield x.grad
        x.grad = None
        step(x)
        yield x.grad

    same(world, refused=None)


def test_checkpointing():
    def world(wrap):
        m = net(3, 4, 2)
        f = wrap(lambda x: torch.utils.checkpoint.checkpoint(m, x, use_reentrant=False).sum())
        f(torch.ones(1, 3)).backward()
        yield grads(m)

    same(world, refused=None)


# ---- compile and OptimizedModule ------------------------------------------------------------------------------------------


def test_options():
    def f(x):
        return x + 1

    assert compile(f, disable=True) is f
    assert compile(f, backend="eager") is f
    for g in (
        torch.compile(f, mode="reduce-overhead"),
        torch.compile(f, dynamic=True),
        torch.compile(f, backend="inductor", fullgraph=True),
    ):
        check(g(torch.ones(2)), torch.full((2,), 2.0))
        assert g.__name__ == "f"

    @torch.compile(fullgraph=True, dynamic=False)
    def h(x):
        """Words."""
        return x * 2

    @torch.compile
    def plain(x):
        return x * 2

    check(h(torch.ones(2)), plain(torch.ones(2)))
    assert h.__name__ == "h" and h.__doc__ == "Words."
    with pytest.raises(RuntimeError, match="Either mode or options"):
        torch.compile(f, mode="default", options={"a": 1})
    with pytest.raises(TypeError):
        torch.compile(3)


def test_optimized_module():
    m = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), bn=nn.BatchNorm1d(3)))
    c = torch.compile(m)
    assert isinstance(c, nn.Module) and c._orig_mod is m and torch.compile(c) is c
    assert list(c.state_dict()) == ["_orig_mod." + k for k in m.state_dict()]
    assert all(a is b for a, b in zip(c.parameters(), m.parameters()))
    assert [n for n, _ in c.named_parameters()] == ["_orig_mod." + n for n, _ in m.named_parameters()]
    assert c.first is m.first and c[0] is m.first and len(c) == 2
    assert c.train(False) is c and not m.training and not m.bn.training and not c.training
    c.eval(), c.train()
    assert m.training and c.training
    m2 = torch.compile(nn.Sequential(OrderedDict(first=nn.Linear(2, 3), bn=nn.BatchNorm1d(3))))
    m2.load_state_dict(c.state_dict())
    x = torch.randn(4, 2)
    with compiled_whole():
        check(c.eval()(x), m2.eval()(x))
        c.train(), m2.train()
        c.zero_grad()
        c(x).sum().backward()
        assert all(p.grad is not None for p in m.parameters())
        c.first = nn.Linear(2, 3)
        assert m.first is c.first and "first" in m._modules
        check(c(x), m(x), loose=10)
    c.extra = 5
    assert m.extra == 5
    assert "OptimizedModule" in type(c).__name__ and "Linear" in repr(c)


def test_copies_of_compiled_modules():
    import copy
    import pickle

    m = net(2, 3)
    c = torch.compile(m)
    x = torch.ones(1, 2)
    with compiled_whole():
        before = c(x)
        d = copy.deepcopy(c)
        with torch.no_grad():
            for p in m.parameters():
                p.zero_()
        check(d(x), before, loose=10)
        check(c(x), torch.zeros(1, 3).requires_grad_() * 1, loose=10)
    p = pickle.loads(pickle.dumps(c))
    check(p(x).detach(), torch.zeros(1, 3))


def test_memory_is_freed():
    class Big(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 4)

        def forward(self, x):
            return self.lin(x).tanh()

    m = Big()
    c = compile(m)
    x = torch.ones(2, 4)
    y = c(x)
    y.sum().backward()
    kept = [weakref.ref(v) for v in (m, m.lin.weight, x, y, c)]
    del m, c, x, y
    gc.collect()
    assert [k() for k in kept] == [None] * len(kept)

    def step(x):
        return (x * 2).sum()

    c = compile(step)
    x = torch.ones(2, 4)
    y = c(x)
    kept = [weakref.ref(x), weakref.ref(y)]
    del x, y
    gc.collect()
    assert [k() for k in kept] == [None, None], "a compiled function keeps its arguments or its results"


def test_backward_keeps_nothing_that_is_not_needed():
    m = nn.Linear(4, 4)
    c = compile(lambda x: m(x).tanh())
    c(torch.ones(2, 4)).sum().backward()
    y = c(torch.ones(2, 4))
    node = weakref.ref(y.grad_fn)
    y.sum().backward()
    del y
    gc.collect()
    assert node() is None


def test_no_warnings_of_its_own():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m = net(3, 2)
        f = compile(m)
        f(torch.ones(1, 3)).sum().backward()
