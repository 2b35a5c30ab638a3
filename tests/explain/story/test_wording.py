"""What an explanation's formulas look like to a teacher: dimensions as the user counts them, familiar words, products that can be read."""

import re

import numpy as np
import pytest

import lightwell as lw
from lightwell import nn
from lightwell.explain.derive.evaluate import evaluate
from lightwell.explain.story.names import Known
from lightwell.explain.story.walk import Story
from lightwell.explain.story.write_markup import tex_text
from lightwell.nn import functional as F


def told(explanation) -> str:
    return re.sub(r"\s+", " ", str(explanation))


@pytest.fixture(autouse=True)
def english():
    before = lw.get_language()
    lw.set_language("en")
    yield
    lw.set_language(before)


def agrees(loss) -> None:
    """Each formula gives what the engine hands on."""
    story = Story(loss, Known(), numbers=True)
    values = {**story.arrays, **{"g" + name: g for name, g in story.gradients.items()}}
    for step in story.steps:
        for p in step.passages:
            kept = {k: step.reading.keeps[k].value for k in step.kept} if step.reading is not None else {}
            handed = story.handed[(step.node, p.place)]
            assert p.term is not None, step
            assert np.allclose(np.reshape(evaluate(p.term, {**values, **kept}), handed.shape), handed, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize(
    "layer, shape, dims",
    [(nn.LayerNorm(5), (2, 3, 5), "2"), (nn.LayerNorm((3, 5)), (2, 3, 5), "1, 2"), (nn.BatchNorm1d(3), (4, 3), "0"),
     (nn.BatchNorm2d(3), (4, 3, 2, 2), "0, 2, 3"), (nn.BatchNorm1d(3), (4, 3, 2), "0, 2")],
)  # fmt: skip
def test_dimensions_are_those_of_the_users_array(layer, shape, dims):
    x = lw.randn(*shape, requires_grad=True)
    loss = (layer(x) ** 3).mean()
    assert set(re.findall(r"mean\[dim ([0-9, ]+)\]", told(lw.explain(loss)))) == {dims}
    agrees(loss)


def test_cross_entropy_hands_on_probabilities_minus_the_target():
    logits, y = lw.randn(4, 3, requires_grad=True), lw.tensor([0, 2, 1, 1])
    loss = F.cross_entropy(logits, y)
    assert "g[logits] = gloss·(softmax[dim 1](logits) - onehot(y))/4" in told(lw.explain(loss))
    agrees(loss)


def test_a_ninth_in_single_precision_is_a_ninth():
    logits, y = lw.randn(9, 3, requires_grad=True), lw.zeros(9, dtype=lw.int64)
    assert "/9" in told(lw.explain(F.cross_entropy(logits, y))) and "0.1111" not in told(lw.explain(F.cross_entropy(logits, y)))
    c = lw.randn(2, requires_grad=True)
    assert "0.111111" in told(lw.explain((c * 0.111111).sum()))


def test_a_spread_number_keeps_its_shape_where_it_matters():
    x, w = lw.randn(4, 3), lw.randn(3, 2, requires_grad=True)
    v = x @ w
    loss = -0.5 * (v - v.exp()).sum()
    text = told(lw.explain(loss, wrt=w))
    assert "gw = xᵀ (-𝟏[4×2]/2) + xᵀ (v2/2)" in text
    assert "-(-" not in text


def test_a_quotient_in_a_matrix_product_is_in_brackets():
    x, w, u = lw.randn(4, 3), lw.randn(3, 2, requires_grad=True), lw.randn(2, 1)
    text = told(lw.explain(F.binary_cross_entropy_with_logits(lw.relu(x @ w) @ u, lw.ones(4, 1)), wrt=w))
    assert "-(σ(-v3)/4) uᵀ" in text
    assert "loss = mean(" not in text and "L = mean(-log σ(v3))" in text  # targets of 1: nothing is multiplied by 1 - 1


def test_parts_hand_their_gradients_on_side_by_side():
    x = lw.randn(2, 6, requires_grad=True)
    a, b, c = (x * 2).split(2, 1)
    assert "gv1 = concat[dim 1](ga, gb, gc)" in told(lw.explain((a * b * c).sum()))


def test_ways_that_are_told_differ():
    v = x = lw.randn(3, requires_grad=True)
    for _ in range(12):
        v = v + v.tanh()
    ways = re.findall(r"[=+] (∂loss/[^ ]+)", told(lw.explain((loss := v.sum()), wrt=x)).partition("THE CHAIN RULE")[2])
    assert loss is not None and len(ways) == 4 == len(set(ways))


def test_parts_of_a_gradient_and_their_sum():
    x = lw.tensor([1.0, 2.0], requires_grad=True)
    text = told(lw.explain((x * x.exp() + x).sum(), numbers=True))
    assert re.search(r"gx \+= \[2\.718, (14\.78|7\.389)\]", text)
    assert "gx = [6.437, 23.17] (all parts together)" in text


def test_words_of_the_computer_stay_there():
    p = lw.rand(3, requires_grad=True)
    text = told(lw.explain(F.binary_cross_entropy(p, t := lw.tensor([0.0, 1.0, 0.5]))))
    assert t is not None and "log(1 - p)" in text and "log1p" not in text


@pytest.mark.parametrize(
    "text, wanted",
    [("n·uⁿ⁻¹", r"n$\cdot$u$^{n-1}$"), ("σ′ = 1", r"$\sigma'$ = 1"), ("W_ih, scatter_add", r"$W_{ih}$, scatter\_add"),
     ("e^(-x²/2)", "e$^{-x^{2}/2}$"), ("2^(-exponent)", r"2$^{-\mathrm{exponent}}$")],
)  # fmt: skip
def test_words_hold_no_command_that_only_some_typesetters_know(text, wanted):
    assert tex_text(text) == wanted


def test_no_page_has_such_a_command():
    e = lw.explain("softmax", lang="en")
    assert "textascii" not in e.latex() + e.markdown()


def test_the_contents_name_a_long_step_by_its_operation():
    x = lw.randn(4, 3, requires_grad=True)
    page = lw.explain(nn.BatchNorm1d(3)(x).tanh().sum()).page()
    contents = page.partition("<nav>")[2].partition("</nav>")[0]
    assert "batch_norm" in contents and "mfrac" not in contents and "tanh" in contents


@pytest.mark.parametrize("language, words", [("en", "never called"), ("zh", "没有调用 backward()")])
def test_a_script_without_backward_is_told_what_to_do(language, words, tmp_path, capsys, pytorch_hidden):
    from lightwell.cli import main

    script = tmp_path / "functional.py"
    script.write_text("import torch\nprint(torch.func.grad(torch.sin)(torch.tensor(0.5)))\n")
    lw.set_language(language)
    assert main(["explain", str(script)]) == 1
    said = capsys.readouterr().err
    assert words in said and "lightwell.explain(loss)" in said
