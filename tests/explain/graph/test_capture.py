"""What a picture knows: operations, modules, shapes, parameters, views, writes in place, lines; watched or read from the graph."""

import gc
import weakref

import pytest

import lightwell as torch
from lightwell import nn
from lightwell.explain.graph.fold import fold_to
from lightwell.explain.graph.layout import chips

from .models import GPT, Net, Tied


def names(picture):
    return [op.name for op in picture.graph.ops]


def find(picture, name, n=0):
    return [op for op in picture.graph.ops if op.name == name][n]


def test_a_run_knows_operations_in_order_with_their_modules_and_lines():
    picture = torch.graph(Net(), torch.rand(2, 1, 6, 6))
    assert names(picture) == [
        "convolution", "convolution", "native_batch_norm", "relu", "convolution", "add", "relu",
        "convolution", "native_batch_norm", "relu", "convolution", "add", "relu", "mean_dim", "linear",
    ]  # fmt: skip
    conv = picture.graph.ops[1]
    assert [c.path for c in conv.scope] == ["blocks", "blocks.0", "blocks.0.conv1"]
    assert [c.kind for c in conv.scope] == ["Sequential", "Residual", "Conv2d"]
    assert conv.line[0].endswith("models.py")
    assert conv.outputs[0].shape == (2, 4, 6, 6) and conv.outputs[0].nbytes == 2 * 4 * 36 * 4 and conv.outputs[0].dtype == "float32"
    assert conv.node == "ConvolutionBackward0" and conv.grads[:2] == (True, True)
    assert ("x", 2 * 4 * 36 * 4, False) in conv.saved
    assert [v.name for v in picture.graph.inputs] == ["x"]


def test_parameters_are_each_found_once_with_their_names():
    net = Net()
    picture = torch.graph(net, torch.rand(1, 1, 4, 4))
    seen = {v.name: v for op in picture.graph.ops for v in op.inputs if v is not None and v.kind == "parameter"}
    assert {n: (v.shape, v.grad) for n, v in seen.items()} == {n: (tuple(p.shape), True) for n, p in net.named_parameters()}


def test_views_and_writes_in_place_are_marked():
    picture = torch.graph(Net(), torch.rand(1, 1, 4, 4))
    assert [op.inplace for op in picture.graph.ops if op.name == "relu"] == [True] * 4
    assert not any(op.inplace or op.view for op in picture.graph.ops if op.name in ("add", "convolution", "linear"))

    def f(x):
        y = x * 2
        y += 1
        y[0] = 0.0
        z = y.view(-1)
        z.mul_(3)
        return z.sum()

    for x in (torch.rand(2, 3), torch.rand(2, 3, requires_grad=True)):
        picture = torch.graph(f, x)
        marks = {op.name: (op.inplace, op.view) for op in picture.graph.ops}
        assert marks["add"] == (True, False) or (not x.requires_grad and "add" not in marks)
        assert marks["sum"] == (False, False)
    assert marks["setitem"][0] and marks["view"] == (False, True)
    assert find(picture, "mul", 1).inplace


def test_frozen_shared_and_buffer():
    net = Tied()
    picture = torch.graph(net, torch.randint(0, 11, (3,)))
    text = picture.html()
    embed = [v for op in picture.graph.ops for v in op.inputs if v is not None and v.name == "embed.weight"]
    assert len(embed) == 2 and embed[0] is embed[1]
    assert "chip shared" in text and "chip frozen" in text and "chip buffer" in text
    assert not find(picture, "linear").grads[1] and find(picture, "linear").grads[0]
    tokens = find(picture, "embedding").inputs
    assert any(v.kind == "input" and v.name == "tokens" and v.dtype == "int64" for v in tokens)


def test_without_grad_there_is_no_backward_half():
    with torch.no_grad():
        picture = torch.graph(Net(), torch.rand(1, 1, 4, 4))
    assert not picture.has_backward() and len(picture.graph.ops) == 15
    assert "Backward0" not in picture.svg() + picture.dot() + picture.mermaid()


def test_a_run_leaves_the_module_and_the_dice_as_they_were():
    net = Net()
    before = {n: b.clone() for n, b in net.named_buffers()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    torch.graph(nn.Sequential(nn.Dropout(), net), torch.ones(2, 1, 4, 4))
    assert torch.equal(torch.rand(1), expected)
    held = net.blocks[0].bn1.running_mean
    torch.graph(net, torch.ones(2, 1, 4, 4))
    assert net.blocks[0].bn1.running_mean is held
    assert all(torch.equal(b, before[n]) for n, b in net.named_buffers())
    assert all(p.grad is None for p in net.parameters())


def test_nothing_is_kept_alive():
    net = nn.Linear(3, 2)
    x = torch.rand(4, 3)
    kept = []
    net.register_forward_hook(lambda m, a, y: kept.append(weakref.ref(y)))
    picture = torch.graph(net, x)
    gc.collect()
    assert kept[0]() is None and len(picture.graph.ops) == 1


def test_the_graph_as_built_tells_the_same_shapes_as_the_run():
    for net, x in ((Net(), torch.rand(2, 1, 6, 6)), (GPT(2), torch.randint(0, 20, (2, 5))), (nn.LSTM(3, 4, 2), torch.rand(5, 2, 3))):
        out = net(x)
        out = out[0] if isinstance(out, tuple) else out
        built = torch.graph(out, model=net)
        ran = torch.graph(lambda a: net(a)[0] if isinstance(net, nn.LSTM) else net(a), x, model=net)
        with_node = [op for op in ran.graph.ops if op.node]
        assert [op.node for op in built.graph.ops] == [op.node for op in with_node]
        for a, b in zip(built.graph.ops, with_node):
            used = [i for i, v in enumerate(b.outputs) if any(v is w for op in ran.graph.ops for w in op.inputs)]
            assert [(a.outputs[i].shape, a.outputs[i].dtype) for i in used] == [(b.outputs[i].shape, b.outputs[i].dtype) for i in used], a
            assert a.grads == b.grads and a.saved_bytes == b.saved_bytes


def test_modules_are_guessed_from_parameters_where_nobody_watched():
    net = Net()
    picture = torch.graph(net(torch.rand(2, 1, 6, 6)), model=net)
    paths = [op.scope[-1].path if op.scope else "" for op in picture.graph.ops]
    assert paths[:5] == ["stem", "blocks.0.conv1", "blocks.0.bn1", "blocks.0", "blocks.0.conv2"]
    assert paths[-1] == "head"


def test_leaves_are_called_as_the_callers_variables():
    w = torch.rand(3, requires_grad=True)
    b = torch.rand(3, requires_grad=True)
    loss = (w * 2 + b).sum()
    picture = torch.graph(loss)
    leaves = {v.name for op in picture.graph.ops for v in op.inputs if v is not None and v.kind == "leaf"}
    assert leaves == {"w", "b"} and picture.graph.outputs[0][0] == "loss"
    assert torch.graph(loss, params={"weight": w}).graph.ops[0].inputs[0].name == "weight"


def test_after_backward_the_graph_is_still_drawn():
    net = Net()
    loss = net(torch.rand(2, 1, 6, 6)).sum()
    loss.backward()
    picture = torch.graph(loss, model=net)
    assert len(picture.graph.ops) == 16 and "<svg" in picture.svg()
    assert all(p.grad is not None for p in net.parameters())


def test_drawing_a_graph_neither_frees_nor_runs_it():
    calls = []
    w = torch.rand(3, requires_grad=True)
    y = w.exp()
    y.register_hook(lambda g: calls.append(1))
    loss = (y.sin() * y).sum()
    torch.graph(loss).html()
    assert not calls and w.grad is None
    loss.backward()
    assert calls == [1]


def test_custom_functions_and_several_outputs():
    class Twice(torch.autograd.Function):
        """y = 2x."""

        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    w = torch.rand(4, 3, requires_grad=True)
    a, b = torch.split(Twice.apply(w), 2)
    picture = torch.graph((a.sum(), b.sum()))
    assert names(picture) == ["Twice", "split", "sum", "sum"]
    assert [n for n, _ in picture.graph.outputs] == ["output[0]", "output[1]"]
    assert "TwiceBackward" in picture.svg()


@pytest.mark.parametrize("call, told", [
    (lambda: torch.graph(3), "must be a tensor"),
    (lambda: torch.graph(lambda: 3), "returned no tensor"),
    (lambda: torch.graph(torch.ones(1, requires_grad=True) * 2, torch.ones(1)), "takes no inputs"),
    (lambda: torch.graph(torch.ones(1, requires_grad=True) * 2, params={"w": 3}), "params\\['w'\\] is int"),
])  # fmt: skip
def test_wrong_arguments(call, told):
    with pytest.raises(TypeError, match=told):
        call()


def test_chips_and_boxes():
    picture = torch.graph(Net(), torch.rand(1, 1, 4, 4))
    tree = picture.tree
    fold_to(tree.root, False)
    conv = picture.graph.ops[0]
    assert [(n, v.name) for n, v, _ in chips(conv, tree)] == [("w", "stem.weight"), ("b", "stem.bias")]
    assert tree.captions[id(conv)][:2] == ("stem", "Conv2d")


def test_a_loss_is_drawn_with_the_names_of_the_callers_modules():
    """Without `model`, the only module that took part groups the operations; of several, parameters get their variables' names."""
    net, other = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU()), torch.nn.Linear(3, 2)
    first = net[0]  # a part of the whole, which is told as such
    loss = net(torch.ones(4, 3)).sum()
    text = torch.graph(loss).mermaid()
    assert "0.weight" in text or ("weight" in text and "Linear" in text)
    assert repr(torch.graph(loss)).startswith("<Picture of Sequential: ")
    both = net(torch.ones(4, 3)).sum() + other(torch.ones(4, 3)).sum()
    picture = torch.graph(both)
    assert repr(picture).startswith("<Picture of both: ")
    names = picture.svg()
    assert "net.0.weight" in names and "other.weight" in names and first is net[0]
