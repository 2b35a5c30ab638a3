"""Custom Functions."""

import gc
import weakref

import pytest

import lightwell as lw
from lightwell.autograd import Function, grad, gradcheck, gradgradcheck
from lightwell.autograd.function import once_differentiable


def leaf(*values):
    return lw.tensor(list(values), dtype=lw.float64, requires_grad=True)


class Cube(Function):
    @staticmethod
    def forward(ctx, x, factor=1):
        ctx.factor = factor
        y = x**3 * factor
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        x, _ = ctx.saved_tensors
        return g * 3 * x**2 * ctx.factor, None


class Both(Function):
    """x·y and x+y, and where x is largest; `setup_context` beside forward."""

    @staticmethod
    def forward(x, y):
        return x * y, x + y, x.argmax()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    def backward(ctx, a, b, c):
        assert c.shape == () and not c.any()
        x, y = ctx.saved_tensors
        return a * y + b, a * x + b


def test_forward_and_backward():
    x = leaf(2.0, 3.0)
    y = Cube.apply(x, 2)
    node = y.grad_fn
    assert node.name() == "CubeBackward" and node.factor == 2 and node.needs_input_grad == (True, False)
    assert isinstance(node, lw.autograd.graph.Node) and node.next_functions[0][0].variable is x
    assert node.saved_tensors[0] is x and node.saved_tensors[1].grad_fn is node
    y.sum().backward()
    assert x.grad.tolist() == [24, 54]
    with pytest.raises(RuntimeError, match=r"second time.*CubeBackward"):
        y.sum().backward()


def test_double_backward():
    assert gradcheck(Cube.apply, leaf(0.5, -1.5)) and gradgradcheck(Cube.apply, leaf(0.5, -1.5))
    assert gradgradcheck(lambda x, y: Both.apply(x, y)[:2], (leaf(1.0, 2.0), leaf(3.0, 4.0)))


def test_several_outputs():
    x, y = leaf(2.0, 3.0), leaf(4.0, 5.0)
    a, b, c = Both.apply(x, y)
    assert not c.requires_grad and c.item() == 1 and a.grad_fn is b.grad_fn
    a.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [4, 5]
    (a.sum() + b.sum()).backward()
    assert x.grad.tolist() == [9, 11]


def test_missing_gradients_can_stay_none():
    seen = []

    class Lazy(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            seen.append((a, b))
            return b * 3

    x = leaf(1.0)
    Lazy.apply(x)[1].backward()
    assert seen[0][0] is None and x.grad.item() == 3


def test_dirty_inputs():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = lw.tensor([[2.0, 3.0], [4.0, 5.0]], dtype=lw.float64, requires_grad=True)
    y = x * 1
    out = Double.apply(y[0])
    assert y.tolist() == [[4, 6], [4, 5]] and out.grad_fn is not None
    (y * y).sum().backward()
    assert x.grad.tolist() == [[16, 24], [8, 10]]
    with pytest.raises(RuntimeError, match=r"leaf Variable.*marked it dirty"):
        Double.apply(leaf(1.0))


def test_inputs_and_views_as_outputs():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x, x.view(-1, 1)

        @staticmethod
        def backward(ctx, a, b):
            return a * 10 + b.view(-1)

    x = leaf(1.0, 2.0)
    y = x * 1
    a, b = Same.apply(y)
    assert a is not y and a.data_ptr() == y.data_ptr() == b.data_ptr()
    (a.sum() + b.sum()).backward()
    assert x.grad.tolist() == [11, 11]
    with pytest.raises(RuntimeError, match=r"custom Function.*modified inplace"):
        b.add_(1)


def test_without_grad_nothing_is_recorded():
    with lw.no_grad():
        assert not Cube.apply(leaf(1.0)).requires_grad
    assert not Cube.apply(leaf(1.0).detach()).requires_grad


def test_saved_tensors_written_over():
    x = leaf(1.0, 2.0)
    y = x * 1
    z = Cube.apply(y)
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation: CubeBackward.*add_"):
        z.sum().backward()


def test_once_differentiable():
    class Once(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = leaf(1.0)
    y = Once.apply(x)
    (g,) = grad(y * y, x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        g.backward()


def wrong(result):
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x, n):
            return x * n

        @staticmethod
        def backward(ctx, g):
            return result(g)

    return Wrong


@pytest.mark.parametrize(
    ("result", "kind", "text"),
    [
        (lambda g: g, RuntimeError, r"WrongBackward returned an incorrect number of gradients \(expected 2, got 1\)"),
        (lambda g: (g, None, g), RuntimeError, r"expected 2, got 3"),
        (lambda g: (g, g), RuntimeError, r"different from None at position 2"),
        (lambda g: (lw.ones(3), None), RuntimeError, r"invalid gradient at index 0 - got \[3\] .*compatible with \[2\]"),
        (lambda g: (1.0, None), TypeError, r"WrongBackward.*got float"),
    ],
)
def test_wrong_gradients_are_named(result, kind, text):
    with pytest.raises(kind, match=text):
        wrong(result).apply(leaf(1.0, 2.0), 3).sum().backward()


def test_gradients_are_summed_and_cast_to_the_input():
    x = lw.ones(1, requires_grad=True)
    wrong(lambda g: (g.double().expand(4), None)).apply(x, 3).backward()
    assert x.grad.tolist() == [4] and x.grad.dtype == lw.float32


def test_misuse_is_named():
    with pytest.raises(RuntimeError, match=r"Cube\.apply"):
        Cube()

    class Saves(Cube):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3)

    with pytest.raises(TypeError, match="argument 0 is of type int"):
        Saves.apply(leaf(1.0))

    class Takes(Cube):
        @staticmethod
        def forward(ctx, x):
            ctx.edges = 1

    with pytest.raises(AttributeError, match=r"ctx\.edges"):
        Takes.apply(leaf(1.0))

    class Bare(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

    with pytest.raises(NotImplementedError, match="backward or vjp"):
        Bare.apply(leaf(1.0)).backward()


def test_no_cycle_keeps_a_node_alive():
    gc.disable()
    try:
        y = Cube.apply(leaf(1.0, 2.0))
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    finally:
        gc.enable()
