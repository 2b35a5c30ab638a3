"""What a graph keeps for backward: checked against what dies with the graph, and against the bytes that are freed."""

import copy
import gc

import pytest

import lightwell as torch
from lightwell import nn
from lightwell.explain.memory import kept_for_backward, step_memory


@pytest.fixture(autouse=True)
def english():
    torch.set_language("en")
    yield
    torch.set_language(None)


def _net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Dropout(0.5), nn.Linear(120, 10),
    )  # fmt: skip


def test_only_what_rules_read_is_kept_once():
    x = torch.ones(1000, requires_grad=True)
    y = (x.exp() * 3).sin()
    report = kept_for_backward(y.sum())
    assert report.activations == 2 * 4000 and report.parameters == report.data == 0  # exp keeps its result, sin its input
    assert report.by_operation == {"ExpBackward0": 4000, "SinBackward0": 4000}
    assert kept_for_backward((x + 1).sum()).activations == 0
    a = x.exp()
    twice = kept_for_backward((a * a).sum() + a.sin().sum())
    assert twice.activations == 4000 and len(twice.kept[0].uses) >= 3  # exp, both factors, sin: one array


def test_reasons_name_the_rule():
    x, w = torch.ones(2, 3), torch.ones(3, 4, requires_grad=True)
    report = kept_for_backward((x @ w).tanh().sum())
    told = {(k.operation, k.kind): k.reason for k in report.kept}
    assert told[("MmBackward0", "data")] == "the gradient of y reads x"
    assert told[("TanhBackward0", "activation")] == "the gradient of x reads y"
    assert report.data == 24
    torch.set_language("zh")
    assert "的梯度要用到" in str(report) and "为反向传播保留" in str(report)


def test_what_is_reported_dies_with_the_graph():
    net, x = _net(), torch.rand(8, 1, 28, 28)
    y = torch.randint(0, 10, (8,))
    loss = nn.functional.cross_entropy(net(x), y)
    report = kept_for_backward(loss, net)
    alive = [k for k in report.kept if k.kind in ("activation", "index")]
    assert alive and all(k.memory() is not None for k in report.kept)
    other = [k for k in report.kept if k.kind in ("parameter", "buffer", "data", "leaf")]
    loss.backward()
    del loss
    gc.collect()
    assert [k for k in alive if k.memory() is not None] == []
    assert all(k.memory() is not None for k in other)


def test_the_bytes_are_those_that_backward_frees():
    import tracemalloc

    layers = nn.Sequential(*[m for _ in range(4) for m in (nn.Linear(400, 400), nn.Tanh())])
    x = torch.rand(2000, 400)
    tracemalloc.start()
    held = []
    try:
        for _ in range(8):  # what first calls set up for later ones (kernels, in threads) is no part of the graph
            before = tracemalloc.get_traced_memory()[0]
            loss = layers(x).sum()
            held.append(tracemalloc.get_traced_memory()[0] - before)
            report = kept_for_backward(loss, layers)
            loss.backward()
            del loss
    finally:
        tracemalloc.stop()
    assert report.activations == 4 * 2000 * 400 * 4
    assert min(abs(h - report.activations) for h in held) < 0.05 * report.activations, held


def test_modules_are_known_where_the_model_runs_inside():
    net, x, y = _net(), torch.rand(8, 1, 28, 28), torch.randint(0, 10, (8,))
    report = kept_for_backward(lambda: nn.functional.cross_entropy(net(x), y), net)
    assert report.exact and report.by_module["1"] == 8 * 6 * 28 * 28 * 4 and report.by_module["3"] == 8 * 6 * 14 * 14 * 4
    assert report.by_module["9"] == 8 * 120 * 4  # the dropout mask
    assert report.data == 8 * 28 * 28 * 4 + 8 * 8  # and the targets
    assert "1 Sigmoid" in str(report) and "<table" in report._repr_html_()
    assert all("forward" not in m.__dict__ for m in net.modules())
    # of a finished loss, the layers with parameters are known and the others lie between them
    later = kept_for_backward(nn.functional.cross_entropy(net(x), y), net)
    assert later.by_module["10"] == 8 * 120 * 4 and sum(later.by_module.values()) == sum(report.by_module.values())


def test_custom_functions_checkpoints_and_hooks_are_seen():
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return 3 * ctx.saved_tensors[0] ** 2 * g

    x = torch.ones(50, requires_grad=True)
    assert kept_for_backward(Cube.apply(x.exp()).sum()).by_operation["ExpBackward0"] == 200
    assert any("CubeBackward" in use[0] for k in kept_for_backward(Cube.apply(x * 2).sum()).kept for use in k.uses)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.double(), lambda t: t.float()):
        packed = x.exp().sum()
    assert kept_for_backward(packed).activations == 400
    from lightwell.utils.checkpoint import checkpoint

    f = lambda t: t.exp().sin().exp().sin()
    plain, saved = kept_for_backward(f(x).sum()).activations, kept_for_backward(checkpoint(f, x, use_reentrant=False).sum()).activations
    assert saved < plain == 2 * 200  # exp's result is sin's input


def test_a_part_keeps_its_whole_storage():
    big = torch.rand(100000)
    w = torch.ones(10, requires_grad=True)
    report = kept_for_backward((w * big[:10]).sum())
    assert report.data == 400000 and "whole storage" in str(report)


def test_errors_name_the_argument():
    with pytest.raises(TypeError, match="argument 'of' must be Tensor"):
        kept_for_backward(3)
    with pytest.raises(RuntimeError, match="does not require grad"):
        kept_for_backward(torch.ones(2))
    x = torch.ones(2, requires_grad=True)
    y = x.exp().sum()
    y.backward()
    with pytest.raises(RuntimeError, match="freed"):
        kept_for_backward(y)


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.SGD, torch.optim.AdamW])
def test_a_step_is_measured_and_undone(make):
    net, x, y = _net(), torch.rand(8, 1, 28, 28), torch.randint(0, 10, (8,))
    optimizer = make(net.parameters(), lr=0.1)
    state = {k: v.clone() for k, v in net.state_dict().items()}
    for warm in (False, True):
        if warm:
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
            state = {k: v.clone() for k, v in net.state_dict().items()}
        seed = torch.get_rng_state()
        told = {k: {n: copy.deepcopy(e) for n, e in v.items()} for k, v in optimizer.state_dict()["state"].items()}
        grads = [p.grad for p in net.parameters()]
        report = step_memory(net, lambda: nn.functional.cross_entropy(net(x), y), optimizer)
        params = 4 * sum(p.numel() for p in net.parameters())
        assert report.parameters == report.gradients == params
        assert report.optimizer >= (0 if make is torch.optim.SGD else 2 * params)
        assert report.activations > 8 * 6 * 28 * 28 * 4
        assert report.forward_peak >= report.activations and report.peak > report.forward_peak
        assert all((v == state[k]).all() for k, v in net.state_dict().items())
        assert (torch.get_rng_state() == seed).all() and all(p.grad is g for p, g in zip(net.parameters(), grads))
        assert optimizer.state_dict()["state"].keys() == told.keys()
        for k, entries in optimizer.state_dict()["state"].items():
            assert all(v is None or (torch.as_tensor(v) == torch.as_tensor(told[k][name])).all() for name, v in entries.items())
    torch.set_language("zh")
    assert "一步训练" in str(report) and "实测" in report._repr_html_()
    with pytest.raises(TypeError, match="must return the loss"):
        step_memory(net, lambda: 3.0)


def test_step_memory_takes_an_optimizers_closure():
    """A closure that runs backward itself, as `optimizer.step(closure)` wants it, gives the same report."""
    net, x = torch.nn.Linear(30, 20), torch.ones(10, 30)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    backward = torch.Tensor.backward

    def closure():
        optimizer.zero_grad()
        loss = net(x).relu().sum()
        loss.backward()
        return loss

    report = torch.step_memory(net, closure, optimizer)
    plain = torch.step_memory(net, lambda: net(x).relu().sum(), optimizer)
    assert (report.gradients, report.activations) == (plain.gradients, plain.activations) and report.gradients == 620 * 4
    assert net.weight.grad is None and torch.Tensor.backward is backward

    def two():
        net(x).mean().backward()
        return net(x).sum()

    with pytest.raises(RuntimeError, match="on no other"):
        torch.step_memory(net, two)
    assert torch.Tensor.backward is backward


def test_what_batch_norm_keeps_is_told_as_it_is():
    net, x = torch.nn.BatchNorm1d(4), torch.randn(8, 4)
    report = torch.kept_for_backward(lambda: net(x).sum(), net)
    assert not any(k.kind == "index" for k in report.kept)
    reasons = {name: why[0] for k in report.kept for _, name, _, _, why in k.uses}
    assert "read" in reasons["r"] and reasons.get("stats", "no rule reads it").startswith("no rule reads it")
