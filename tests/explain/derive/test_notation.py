"""Mathematics as text: every word of the vocabulary in every target, precedence, and what targets must be well-formed in."""

import random
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import lightwell
from lightwell.backend.vocabulary import NAMES
from lightwell.explain.derive.notation import Names, layout, number, write
from lightwell.explain.derive.notation_latex import latex
from lightwell.explain.derive.notation_mathml import mathml
from lightwell.explain.derive.notation_plain import plain
from lightwell.explain.derive.terms import WORDS_OF_CALCULUS, Term, call, index, symbol, total
from lightwell.explain.story.examples import examples

x, y, z, gy = (symbol(n) for n in ("x", "y", "z", "gy"))
OPTIONS = {
    "reshape": {"shape": (2, 3)}, "broadcast_to": {"shape": (2, 3)}, "permute_dims": {"axes": (1, 0, 2)}, "getitem": {"key": (0, slice(1, 3))},
    "index_add": {"key": (slice(None), 1)}, "sum": {"axis": (0, 1)}, "softmax": {"axis": 1}, "convolve": {"stride": (2, 2), "padding": (1, 1)},
}  # fmt: skip


def of_calculus(word):
    i, k = index("i", 3), index("k", 4)
    return {
        "symbol": x, "number": call("add", x, -0.5), "index": i, "at": x[i, k], "total": total([i, k], x[i, k] * y[k]),
        "delta": Term("delta", (i, k)), "iverson": Term("iverson", (call("greater", x, 0),)), "partial": Term("partial", (y, x)),
        "change": Term("change", (x,)), "product": Term("product", (x[k],), {"over": (k,)}), "greatest": Term("greatest", (x[k],), {"over": (k,)}),
        "part": Term("part", (call("linalg.qr", x),), {"nr": 1}),
    }[word]  # fmt: skip


def balanced(text):
    """Whether braces, \\left and \\right, and environments of LaTeX close one another."""
    depth, i = 0, 0
    while i < len(text):
        if text[i] == "\\":
            i += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        assert depth >= 0, text
        i += 1
    import re

    words = re.findall(r"\\([a-zA-Z]+)", text)
    return depth == 0 and words.count("left") == words.count("right") and words.count("begin") == words.count("end")


def check(t, names=None):
    box = layout(t, names, top=True)
    text, tex, ml = plain(box), latex(box), mathml(box)
    assert text.strip() and "\n" not in text and "Box" not in text and "object at" not in text, text
    assert balanced(tex), tex
    assert "object at" not in tex
    ET.fromstring(f"<math>{ml}</math>")
    assert write(t, "markdown", names) == f"${tex}$"
    return text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_word_in_every_target(language):
    lightwell.set_language(language)
    try:
        for word in sorted(NAMES):
            for args in ((x, y, z), (x, y * z, x + y), (x,)):
                if len(args) == 1 and word in ("where", "relu_pull", "nll_pull", "rows_pull", "scaled", "take_along_axis", "take"):
                    continue
                try:
                    check(Term(word, args, OPTIONS.get(word, {})))
                except (IndexError, ValueError, TypeError):
                    assert len(args) == 1, word  # a word that takes more than one array
        for word in WORDS_OF_CALCULUS:
            check(of_calculus(word))
    finally:
        lightwell.set_language(None)


def test_every_record_in_every_target():
    for e in examples().values():
        reading = e.reading()
        names = Names(gradients={"g" + n: n for n in reading.record.outputs}, circled=True)
        for t in (*reading.outputs.values(), *reading.keeps.values(), *reading.gradients.values()):
            if t is not None:
                check(t, names)


@pytest.mark.parametrize(
    "term, text, tex",
    [
        (gy * (1 - y**2), "gy·(1 - y²)", r"g_{y} \cdot \left( 1 - y^{2} \right)"),
        (x - (y - z), "x - (y - z)", r"x - \left( y - z \right)"),
        (x / (y * z), "x/(y·z)", r"\frac{x}{y \cdot z}"),
        ((x / y) ** 2, "(x/y)²", r"\left( \frac{x}{y} \right)^{2}"),
        (-x * y, "-x·y", r"-x \cdot y"),
        (x * -y, "x·(-y)", r"x \cdot \left( -y \right)"),
        (call("matmul", call("matrix_transpose", x), gy), "xᵀ gy", r"x^{\top} \, g_{y}"),
        (call("matmul", x * y, z), "(x·y) z", r"\left( x \cdot y \right) \, z"),
        (call("matmul", x, y) * z, "(x y)·z", r"\left( x \, y \right) \cdot z"),
        (call("sqrt", x + 1), "√(x + 1)", r"\sqrt{x + 1}"),
        (x * call("greater", y, 0), "x·[y > 0]", r"x \cdot \left[ y > 0 \right]"),
        (call("sum", x, axis=1) * y, "(Σ[dim 1] x)·y", r"\left( \sum_{\text{dim 1}} x \right) \cdot y"),
        (call("tanh", x) ** 2, "tanh²(x)", r"\tanh^{2}\left( x \right)"),
        (symbol("w_ih") + symbol("x1"), "w_ih + x1", r"w_{\mathrm{ih}} + x_{1}"),
        (symbol("alpha") * symbol("fc1.weight"), "α·fc1.weight", r"\alpha \cdot \mathtt{fc1.weight}"),
        (call("broadcast_to", x, shape=(2, 3)) + y, "x + y", "x + y"),
        (gy[index("i", 2), index("j", 3)], "gyᵢⱼ", "g_{y_{i j}}"),
    ],
)
def test_precedence_and_names(term, text, tex):
    names = Names(gradients={"gy": "y"})
    assert write(term, "plain", names) == text
    assert write(term, "latex", names) == tex


@pytest.mark.parametrize(
    "value, text",
    [(2.0, "2"), (-0.5, "-0.5"), (np.float64(np.pi), "π"), (1e-5, "10⁻⁵"), (2.5e-7, "2.5 × 10⁻⁷"), (1 / 3, "1/3"), (1 / 16, "1/16"), (float("inf"), "∞"),
     (np.sqrt(2 / np.pi), "√(2/π)"), (np.pi / 180, "π/180"), (1 / np.sqrt(2), "1/√2"), (None, "None"), (1 + 2j, "1 + 2 i")],
)  # fmt: skip
def test_numbers(value, text):
    assert plain(number(value)) == text


def test_gradients_can_be_written_as_partial_derivatives():
    names = Names(gradients={"gy": "y"}, partial=True, loss="L")
    assert write(gy * 2, "plain", names) == "2·∂L/∂y"
    assert write(gy, "latex", names) == r"\frac{\partial L}{\partial y}"


def random_term(rng, depth):
    if depth == 0:
        return rng.choice([(x, 1.25), (y, -0.75), (z, 2.5)])
    how = rng.choice("add subtract multiply divide negative square".split())
    a, va = random_term(rng, depth - 1)
    if how == "negative":
        return -a, -va
    if how == "square":
        return call("square", a), va * va
    b, vb = random_term(rng, rng.randrange(depth))
    if how == "divide" and abs(vb) < 1e-3:
        how = "add"
    return call(how, a, b), {"add": va + vb, "subtract": va - vb, "multiply": va * vb, "divide": va / (vb or 1)}[how]


@pytest.mark.parametrize("seed", range(200))
def test_what_is_written_means_what_the_term_means(seed):
    rng = random.Random(seed)
    term, value = random_term(rng, 4)
    text = write(term).replace("·", "*").replace("²", "**2")
    assert eval(text, {"x": 1.25, "y": -0.75, "z": 2.5}) == pytest.approx(value), text


def test_unknown_targets_are_named():
    with pytest.raises(ValueError, match="target must be one of plain, latex"):
        write(x, "rtf")
