"""DOT, Mermaid and torchviz's make_dot: well-formed by our own count, and by the real programs where they are."""

import importlib.util
import re
import shutil
import subprocess
import sys

import pytest

import lightwell as torch
from lightwell import nn
from lightwell.explain.graph import make_dot
from lightwell.explain.graph.digraph import quoted

from .models import GPT, Net, Tied

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz's program dot")


class Odd(nn.Module):
    """A name that every language must escape."""

    def forward(self, x):
        return x.sin() * 2


Odd.__name__ = 'a"b\\n<c> & `d`]'


@pytest.fixture(scope="module")
def pictures():
    return [
        torch.graph(Net(), torch.rand(2, 1, 6, 6)),
        torch.graph(Tied(), torch.randint(0, 11, (3,))),
        torch.graph(nn.Sequential(Odd(), Odd()), torch.rand(2, requires_grad=True), title='x"y\\'),
        torch.graph(GPT(3), torch.randint(0, 20, (1, 4))),
    ]


def declared(text, pattern):
    return set(re.findall(pattern, text, re.M))


@pytest.mark.parametrize("fold", [None, 0, 1, False])
def test_dot_declares_what_it_joins_and_closes_what_it_opens(pictures, fold):
    for picture in pictures:
        text = picture.dot(fold=fold)
        assert (text.startswith("digraph ") and text.count("{") - text.count("}") == 0) or '"' in picture.graph.title
        nodes = declared(text, r"^\s*(\w+) \[label=")
        ends = {n for pair in re.findall(r"^\s*(\w+) -> (\w+)", text, re.M) for n in pair}
        assert ends and ends <= nodes
        assert "style=dashed" in text and "style=dashed" not in picture.dot(fold=fold, backward=False)


@needs_dot
@pytest.mark.parametrize("fold", [None, 0, False])
def test_graphviz_reads_the_dot(pictures, fold):
    for picture in pictures:
        done = subprocess.run(["dot", "-Tplain"], input=picture.dot(fold=fold), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and not done.stderr, done.stderr
        assert done.stdout.count("\nnode ") == len(declared(picture.dot(fold=fold), r"^\s*(\w+) \[label="))


@pytest.mark.parametrize("fold", [None, 0, 1, False])
def test_mermaid_declares_what_it_joins_and_closes_what_it_opens(pictures, fold):
    for picture in pictures:
        lines = picture.mermaid(fold=fold).splitlines()
        assert lines[0] == "flowchart TD"
        assert sum(line.strip().startswith("subgraph ") for line in lines) == sum(line.strip() == "end" for line in lines)
        nodes = {m[1] for line in lines if (m := re.match(r'\s*(\w+)[\[(]+".*"[\])]+:::\w+$', line))}
        ends = {n for line in lines if (m := re.match(r'\s*(\w+) (?:-->|-\.->|-\.-)(?:\|".*"\|)? (\w+)$', line)) for n in m.groups()}
        assert ends and ends <= nodes
        for line in lines[1:]:
            assert re.match(
                r'\s*(subgraph g\d+\[".*"\]|end|classDef .*|\w+[\[(]+"[^"]*"[\])]+:::\w+|\w+ (-->(\|"[^"]*"\|)?|-\.->|-\.-) \w+)$', line
            ), line


def test_folded_texts_are_short(pictures):
    assert len(pictures[3].mermaid(fold=0)) < len(pictures[3].mermaid(fold=False)) / 4
    assert pictures[3].mermaid().count("-->") < 500


def test_quotes_in_dot():
    assert quoted('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'


def kinds(source):
    return {
        "nodes": re.findall(r'^\t(\d+) \[label="(.*?)"(?: fillcolor=(\w+))?\]$', source, re.M),
        "edges": re.findall(r"^\t(\d+) -> (\d+)", source, re.M),
    }


def test_make_dot_draws_what_torchviz_draws():
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    y = net(torch.rand(4, 3)).mean()
    found = kinds(make_dot(y, params=dict(net.named_parameters())).source)
    labels = {label: colour for _, label, colour in found["nodes"]}
    assert labels["0.weight\\n (2, 3)"] == "lightblue" and labels["0.bias\\n (2)"] == "lightblue"
    assert labels["\\n ()"] == "darkolivegreen1"
    assert {"MeanBackward0", "ReluBackward0", "AddmmBackward0", "AccumulateGrad"} <= set(labels)
    keys = {key for key, _, _ in found["nodes"]}
    assert {k for edge in found["edges"] for k in edge} <= keys
    assert len(found["edges"]) == 7  # weight, bias -> their accumulators -> Addmm -> Relu -> Mean -> y


def test_make_dot_with_attributes_and_saved_values():
    w = torch.rand(3, requires_grad=True)
    y = (w.exp() * w).sum()
    plain = make_dot(y, params={"w": w})
    full = make_dot(y, params={"w": w}, show_attrs=True, show_saved=True)
    assert "orange" in full.source and "orange" not in plain.source
    assert "x: (3)" in full.source and full.source.count("----") >= 2
    assert len(make_dot(w.sum().reshape(1, 1).expand(40, 40).sum(), show_attrs=True, max_attr_chars=8).source) > 0
    y.backward()
    assert "MulBackward0" in make_dot(y, show_attrs=True, show_saved=True).source  # freed: nothing kept to show


def test_make_dot_of_several_and_of_views():
    w = torch.rand(4, requires_grad=True)
    y = w * 2
    source = make_dot((y.sum(), y.view(2, 2))).source
    assert "darkolivegreen3" in source and source.count("darkolivegreen1") >= 2 and "style=dotted" in source


def test_make_dot_refuses_what_is_no_tensor():
    with pytest.raises(TypeError, match="must be a tensor"):
        make_dot(3)
    with pytest.raises(AssertionError):
        make_dot(torch.ones(1, requires_grad=True) * 2, params={"w": 3})


@pytest.mark.skipif(importlib.util.find_spec("graphviz") is not None, reason="the package graphviz is here: make_dot returns its class")
def test_make_dot_renders(tmp_path):
    g = make_dot(torch.ones(2, requires_grad=True).sum())
    g.format = "svg"
    assert g.save("a.gv", tmp_path).endswith("a.gv") and (tmp_path / "a.gv").read_text() == g.source
    if shutil.which("dot") is None:
        with pytest.raises(RuntimeError, match="apt install graphviz"):
            g.render(str(tmp_path / "g"))
        return
    path = g.render(str(tmp_path / "g"))
    assert path.endswith("g.svg") and "SumBackward0" in (tmp_path / "g.svg").read_text()
    assert g.render("h", directory=tmp_path / "sub", format="png", cleanup=True).endswith("h.png")
    assert not (tmp_path / "sub" / "h").exists() and "<svg" in g._repr_svg_()


def test_what_make_dot_gives_can_be_changed():
    g = make_dot(torch.ones(2, requires_grad=True).sum())
    g.graph_attr.update(rankdir="LR")
    g.attr(bgcolor="white")
    g.attr("node", fontsize="20")
    g.node("note", "see here", shape="note")
    g.edge("note", "note2")
    for line in ("rankdir=", "bgcolor=", "see here", "note2", "fontsize="):
        assert line in g.source
    assert re.search(r'fontsize="?20', g.source) and g.node_attr["shape"] == "box"


def test_torchviz_in_a_script(tmp_path):
    script = tmp_path / "s.py"
    script.write_text("import torch\nfrom torchviz import make_dot\nprint(make_dot(torch.ones(2, requires_grad=True).sum()).source)\n")
    done = subprocess.run([sys.executable, "-m", "lightwell", str(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "SumBackward0" in done.stdout, done.stderr


def test_files_by_their_endings(pictures, tmp_path):
    for ending, begins in ((".html", "<!DOCTYPE html>"), (".svg", "<svg"), (".dot", "digraph"), (".gv", "digraph"), (".mmd", "flowchart")):
        path = pictures[0].save(tmp_path / f"g{ending}")
        assert (tmp_path / f"g{ending}").read_text(encoding="utf-8").startswith(begins) and path.endswith(ending)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
    with pytest.raises(ValueError, match="must end in"):
        pictures[0].save(tmp_path / "g.jpg")
    with pytest.raises(ValueError, match="theme"):
        pictures[0].svg(theme="pink")


def test_png_without_any_painter_says_what_to_install(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("lightwell.explain.graph.picture.shutil.which", lambda name: None)
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.raises(RuntimeError, match="cairosvg"):
        pictures[0].save(tmp_path / "g.png")


def test_notebooks_get_svg_and_html(pictures):
    assert pictures[0]._repr_svg_().startswith("<svg") and pictures[0]._repr_html_().startswith("<iframe srcdoc=")
    assert repr(pictures[0]) == "<Picture of Net: 15 operations, 14 parameters>"
