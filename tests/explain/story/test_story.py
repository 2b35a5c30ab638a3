"""A result's story: true formulas (evaluated against what the engine hands on), names, ways, values that are gone, long graphs."""

import re

import numpy as np
import pytest

import lightwell as lw
import lightwell.nn.functional as F
from lightwell import nn
from lightwell.explain.derive.evaluate import evaluate
from lightwell.explain.story.names import Known
from lightwell.explain.story.walk import Story


@pytest.fixture(autouse=True)
def english():
    lw.set_language("en")
    lw.manual_seed(0)
    yield
    lw.set_language(None)


def regression():
    X, t = lw.randn(4, 3), lw.randn(4, 1)
    w, b = lw.randn(3, 1, requires_grad=True), lw.zeros(1, requires_grad=True)
    return ((X @ w + b - t) ** 2).mean() + (w**2).sum() * 0.1


def mlp():
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    return F.cross_entropy(net(lw.randn(8, 4)), lw.randint(0, 3, (8,)))


def lenet():
    net = nn.Sequential(
        nn.Conv2d(1, 3, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 5)
    )  # fmt: skip
    return F.cross_entropy(net(lw.randn(2, 1, 12, 12)), lw.tensor([1, 4]))


def normalised():
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.GELU(), nn.LayerNorm(6), nn.Dropout(0.3), nn.Linear(6, 1))
    return F.mse_loss(net(lw.randn(6, 4)), lw.randn(6, 1))


def recurrent():
    cell, head = nn.LSTMCell(3, 4), nn.Linear(4, 1)
    h, c = cell(lw.randn(2, 3))
    h, c = cell(lw.randn(2, 3), (h, c))
    return (head(h) ** 2).sum()


def attention():
    q, k, v = (lw.randn(2, 3, 4, requires_grad=True) for _ in range(3))
    return (lw.softmax(q @ k.transpose(1, 2) / 2.0, -1) @ v).sum()


def taken_apart():
    w = lw.randn(6, requires_grad=True)
    a, b, c = (w * 2).split(2)
    return (lw.cat([a * c, b.exp()]) * lw.stack([a, b]).reshape(4)).sum()


MODELS = [regression, mlp, lenet, normalised, recurrent, attention, taken_apart]


@pytest.mark.parametrize("model", MODELS, ids=lambda f: f.__name__)
def test_each_formula_gives_what_the_engine_hands_on(model):
    loss = model()
    story = Story(loss, Known(), numbers=True)
    values = {**story.arrays, **{"g" + name: g for name, g in story.gradients.items()}}
    checked = 0
    for step in story.steps:
        for p in step.passages:
            handed = story.handed.get((step.node, p.place))
            if p.term is None or handed is None or len(step.names) > 1:
                continue
            kept = {k: step.reading.keeps[k].value for k in step.kept if step.reading is not None}
            found = evaluate(p.term, {**values, **kept})
            assert np.allclose(np.broadcast_to(found, handed.shape) if np.ndim(found) == 0 else np.reshape(found, handed.shape), handed, rtol=2e-4, atol=1e-5), (
                step, p
            )  # fmt: skip
            checked += 1
    assert checked >= len(story.steps) / 2


@pytest.mark.parametrize("model", MODELS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_target_in_both_languages(model, language, tmp_path):
    e = lw.explain(model(), numbers=True, lang=language)
    text, markdown, page = str(e), e.markdown(), e.page()
    assert (re.search("[\u4e00-\u9fff]", text) is not None) == (language == "zh")
    assert "FORWARD" in text or "前向计算" in text
    assert markdown.count("$$") % 2 == 0 and "\\begin{aligned}" in markdown
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page), "a page loads nothing"
    assert "<details" in page and "prefers-color-scheme" in page and "<math" in page
    import xml.etree.ElementTree as ET

    ET.fromstring(re.sub(r"<style>.*?</style>", "", e.html(), flags=re.S).replace("&nbsp;", " "))
    for ending in ("html", "md", "tex", "txt"):
        e.save(tmp_path / f"e.{ending}")
        assert (tmp_path / f"e.{ending}").stat().st_size > 500
    assert e._repr_html_() == e.html()
    tex = e.latex()
    assert tex.count("{") - tex.count(r"\{") == tex.count("}") - tex.count(r"\}")
    with pytest.raises(ValueError, match=r"must end in \.html"):
        e.save(tmp_path / "e.pdf")


def test_explaining_changes_nothing():
    x = lw.randn(3, requires_grad=True)
    y = (x * 2).exp()
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t))
    loss = y.sum()
    nodes = Story(loss, Known()).nodes
    before = [n.extra for n in nodes]
    str(lw.explain(loss, numbers=True))
    assert x.grad is None and not seen
    assert [n.extra for n in nodes] == before
    loss.backward()
    assert lw.allclose(x.grad, 2 * (2 * x).exp().detach())


def test_numbers_are_the_gradients():
    w = lw.tensor([1.0, 2.0], requires_grad=True)
    loss = (w**2).sum()
    text = str(lw.explain(loss, wrt=w, numbers=True))
    assert "gw = [2, 4]" in text and "loss" in text and "= 5" in text


def test_names_of_the_callers_variables_and_modules():
    net = nn.Sequential(nn.Linear(2, 2))
    X = lw.ones(3, 2)
    logits = net(X)
    loss = logits.sum()
    text = str(lw.explain(loss))
    assert "logits = X net.0.weightᵀ + net.0.bias" in text and "loss   = Σ logits" in text
    assert "0.weight" in str(lw.explain(loss, model=net)) and "net.0.weight" not in str(lw.explain(loss, model=net))


def test_constants_that_no_rule_reads_are_found_from_the_values_around_them():
    x, t = lw.randn(5, requires_grad=True), lw.randn(5)
    assert "= x + 1" in str(lw.explain((x + 1).square().sum()))
    assert "= x - t" in str(lw.explain((x - t).square().sum()))
    assert "= -2.5·x" in str(lw.explain((x * -2.5).abs().sum()))
    assert "= x + 0.1" in str(lw.explain(((x + 0.1) * 3).exp().sum()))
    assert "= x + 7" in str(lw.explain((x + 7).sum()))  # the sum keeps nothing, the addition its number
    hidden = str(lw.explain((x + t).sum()))
    assert re.search(r"= x \+ c\d", hidden) and "operand that the graph did not keep" in hidden


def test_several_ways_add_up():
    x = lw.tensor(3.0, requires_grad=True)
    L = x * x.exp() + x
    text = str(lw.explain(L, wrt=x, numbers=True))
    assert "3 ways lead from the result to x, and what they bring adds up:" in text
    assert text.count("∂L/∂x = ") == 1 and "+=" in text
    assert f"gx = {4 * np.exp(3) + 1:.4g}" in text
    y = x
    for _ in range(30):
        y = y * y + y
    assert "shortest that were found" in str(lw.explain(y * 1, wrt=x))


def test_wrt_by_tensor_by_name_and_by_the_end_of_a_path():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    loss = net(lw.ones(1, 2)).sum()
    for wrt in (net[0].weight, "net.0.weight", "0.weight"):
        assert "From loss to net.0.weight" in str(lw.explain(loss, wrt=wrt))
    both = str(lw.explain(loss, wrt=["net.0.bias", net[1].bias]))
    assert "From loss to net.0.bias" in both and "From loss to net.1.bias" in both
    with pytest.raises(ValueError, match=r"names no quantity of this graph: 'net.0.wight'. Did you mean 'net.0.weight'"):
        lw.explain(loss, wrt="net.0.wight")
    with pytest.raises(RuntimeError, match="took no part"):
        lw.explain(loss, wrt=lw.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="'wrt' must be a Tensor"):
        lw.explain(loss, wrt=3)


def test_what_backward_has_freed_is_said_to_be_unknown():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    loss = net(lw.ones(4, 2)).softmax(0).sum()
    loss.backward()
    text = str(lw.explain(loss, numbers=True))
    assert "backward() has freed the values" in text and "retain_graph=True" in text
    assert "net.0.weight" in text and "softmax" in text
    assert "已经释放" in str(lw.explain(loss, lang="zh"))


def test_values_written_over_since():
    x = lw.ones(3, requires_grad=True)
    a = x * 1
    y = (a * a).sum()
    a.add_(1)
    assert "written over in place" in str(lw.explain(y, numbers=True))


class Cube(lw.autograd.Function):
    """x³."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


def test_nodes_without_a_record():
    x = lw.tensor([1.0, 2.0], requires_grad=True)
    L = Cube.apply(x).sum()
    text = str(lw.explain(L, numbers=True))
    assert "Cube(x)" in text and "A Function of your own" in text and "gx  = [3, 12]" in text
    y = x * 1
    y[0] = 5.0
    y[1:].mul_(2)
    total = y.sum()
    assert "place" in str(lw.explain(total, numbers=True)) or "Part of a tensor" in str(lw.explain(total, numbers=True))
    a, b = (x * 1).unbind()
    assert "unbind" in str(lw.explain(a * b, numbers=True))
    values, _places = (x * 2).sort()
    assert "sort" in str(lw.explain(values.sum(), numbers=True))


def test_no_graph_teaches():
    x = lw.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="is a leaf"):
        lw.explain(x)
    with pytest.raises(RuntimeError, match="nothing in its computation required grad"):
        lw.explain(lw.ones(2).sum())
    with pytest.raises(RuntimeError, match=r"torch\.int64"):
        x.argmax().explain()
    with pytest.raises(TypeError, match="must be a Tensor with a graph, or an operation"):
        lw.explain(3)


def test_a_result_with_several_elements():
    x = lw.ones(2, requires_grad=True)
    y = x.exp()
    text = str(y.explain(numbers=True))
    assert "any gradient may start here" in text and "start with ones" in text


def test_long_graphs_are_folded():
    net = nn.Sequential(*[m for _ in range(100) for m in (nn.Linear(4, 4), nn.Tanh())], nn.Linear(4, 1))
    loss = net(lw.ones(2, 4)).sum()
    text = str(lw.explain(loss))
    assert len(text.splitlines()) < 200 and re.search(r"the same 2 steps, 9[89] more times", text)
    assert len(str(lw.explain(loss, limit=None)).splitlines()) > 600
    x = lw.ones(3, requires_grad=True)
    y = x
    rng = np.random.default_rng(0)
    for k in rng.integers(0, 4, 150):
        y = (y.sin(), y.exp(), y * 0.5, y + 1)[k]
    text = str(lw.explain(y.sum()))
    assert "more steps (limit=None tells all)" in text and len(text.splitlines()) < 300


def test_steps_with_many_gradients_are_folded_too():
    cell, h = nn.RNNCell(4, 8), lw.zeros(2, 8)
    for _ in range(35):
        h = cell(lw.randn(2, 4), h)
    assert len(str(lw.explain(h.sum(), numbers=True)).splitlines()) < 150


def test_a_graph_of_many_steps_is_quick():
    import time

    x = lw.ones(3, requires_grad=True)
    y = x
    for _ in range(2000):
        y = y * 0.999 + x
    began = time.perf_counter()
    str(lw.explain(y.sum(), wrt=x))
    assert time.perf_counter() - began < 20


def test_lines_of_the_program_when_known():
    x = lw.ones(2, requires_grad=True)
    with lw.autograd.detect_anomaly(check_nan=False):
        y = x.exp().sum()
    assert "test_story.py" in str(lw.explain(y)) and "x.exp().sum()" in str(lw.explain(y))


def test_local_derivatives_in_the_names_of_the_story():
    x, w = lw.randn(3), lw.randn(3, requires_grad=True)
    v = lw.tanh(w * x)
    text = str(lw.explain((v**3).sum()))
    assert re.search(r"∂v1/∂w = x +the local derivative", text)
    assert re.search(r"∂v/∂v1 = 1 - v² +the local derivative", text)
    assert re.search(r"∂v\d/∂v = 3·v² +the local derivative", text)


def test_partial_derivatives_on_request():
    x = lw.ones(2, requires_grad=True)
    text = str(lw.explain(x.exp().sum(), partial=True))
    assert re.search(r"∂L/∂x += ∂L/∂v1 ⊙ v1", text)
