"""Where things stand: nothing overlaps, edges run down, what is folded is small, large graphs are quick."""

import random
import re
import time
import xml.etree.ElementTree as ET

import pytest

import lightwell as torch
from lightwell import nn
from lightwell.explain.graph.fold import AT_FIRST, LIMIT, fold_to
from lightwell.explain.graph.layout import DUMMY, ENTRY, EXIT
from lightwell.explain.graph.place import BACKWARD, FORWARD, MIDDLE, Places

from .models import GPT, Net, Tied


def rnn(x):
    """A recurrent network written out: many steps that read the same leaves, and whose results are joined."""
    w, u, b = torch.rand(3, 4, requires_grad=True), torch.rand(4, 4, requires_grad=True), torch.zeros(4, requires_grad=True)
    h, found = torch.zeros(2, 4), []
    for step in x:
        h = torch.tanh(step @ w + h @ u + b)
        found.append(h)
    return torch.cat(found)


def pictures():
    x = torch.rand(3, requires_grad=True)
    y = x
    for _ in range(300):
        y = (y * 1.01).sin()
    chain = torch.graph(y.sum())
    torch.manual_seed(0)
    dice, values = random.Random(0), [torch.rand(2, requires_grad=True) for _ in range(5)]
    for _ in range(70):
        values.append(dice.choice([torch.add, torch.mul])(dice.choice(values[-9:]), dice.choice(values[-9:])))
    return {
        "net": torch.graph(Net(), torch.rand(2, 1, 6, 6)),
        "tied": torch.graph(Tied(), torch.randint(0, 11, (3,))),
        "gpt": torch.graph(GPT(3), torch.randint(0, 20, (2, 5))),
        "lstm": torch.graph(nn.LSTM(3, 4, 2, bidirectional=True), torch.rand(5, 2, 3)),
        "attention": torch.graph(nn.TransformerDecoderLayer(8, 2, 16), torch.rand(4, 1, 8), torch.rand(5, 1, 8)),
        "rnn": torch.graph(rnn, torch.rand(30, 2, 3)),
        "chain": chain,
        "random": torch.graph(sum(v.sum() for v in values[-9:])),
    }


PICTURES = pictures()


@pytest.mark.parametrize("backward", [True, False])
@pytest.mark.parametrize("fold", [None, 0, 1, False])
@pytest.mark.parametrize("name", PICTURES)
def test_boxes_do_not_overlap_and_stay_in_their_frames(name, fold, backward):
    picture = PICTURES[name]
    tree, grids, boxes = picture._laid_out()
    fold_to(tree.root, fold)
    places = Places(grids, boxes, backward)
    d = places.draw(tree.root)
    frames = {id(g): (x, y, w, h) for g, x, y, w, h in d.frames}
    by_group: dict = {}
    for m, x, y in d.cells:
        left = FORWARD + MIDDLE / 2 if backward else FORWARD / 2
        right = BACKWARD + MIDDLE / 2 if backward else FORWARD / 2
        rect = (x - left, y, left + right, places.sprite(m).height)
        holder = m.what.parent if m.kind == "group" else tree.root if m.kind == "output" else tree.above[id(m.what)]
        by_group.setdefault(id(holder), []).append(rect)
    for g, *rect in d.frames:
        by_group.setdefault(id(g.parent), []).append(tuple(rect))
    for key, rects in by_group.items():
        outer = frames.get(key, (0, 0, d.width, d.height))
        for k, (x, y, w, h) in enumerate(rects):
            assert outer[0] <= x and outer[1] <= y and x + w <= outer[0] + outer[2] and y + h <= outer[1] + outer[3]
            for x2, y2, w2, h2 in rects[k + 1 :]:
                assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


@pytest.mark.parametrize("name", PICTURES)
def test_edges_run_down_through_every_row(name):
    _, grids, _ = PICTURES[name]._laid_out()
    segments = 0
    for grid in grids.values():
        for s in grid.segments:
            rows = [m.row for m in (s.start, *s.dummies, s.end)]
            assert rows == list(range(rows[0], rows[-1] + 1)) and len(rows) > 1
            segments += 1
        taken = {}
        for m in grid.members:
            assert taken.setdefault((m.row, m.column), m) is m
        for row in range(grid.rows):
            columns = [m.column for m in grid.members if m.row == row]
            assert columns == sorted(columns)
        assert all(m.row == 0 for m in grid.members if m.kind == ENTRY)
        assert all(m.row == grid.rows - 1 for m in grid.members if m.kind == EXIT)
    assert segments


@pytest.mark.parametrize("name", PICTURES)
def test_every_edge_of_the_graph_is_drawn(name):
    """Followed from port to port, the segments join each operation with those that use its results, and nothing else."""
    tree, grids, _ = PICTURES[name]._laid_out()
    follow: dict = {}
    for grid in grids.values():
        for s in grid.segments:
            for v in s.values:
                follow.setdefault((id(s.exit or s.start), id(v)), []).append(s.entry or s.end)
    found = set()
    for grid in grids.values():
        for s in grid.segments:
            for v in s.values if s.start.kind in ("op", "leaf") else ():
                assert (s.start.what is v or s.start.what is v.op) and (s.start.kind == "leaf") == (v.op is None)
                stack, seen = [s.start], set()
                while stack:
                    for m in follow.get((id(stack.pop()), id(v)), ()):
                        if m.kind == "op":
                            found.add((id(v), id(m.what)))
                        elif id(m) not in seen:
                            seen.add(id(m))
                            stack.append(m)
    wanted = {
        (id(v), id(op)) for op in PICTURES[name].graph.ops for v in op.inputs if v is not None and (v.op is not None or id(v) in tree.above)
    }
    assert found == wanted


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_svg_is_well_formed_and_says_what_is_there(name, language):
    picture = PICTURES[name]
    for fold in (None, 0, False):
        for theme in ("light", "dark"):
            text = picture.svg(fold=fold, language=language, theme=theme)
            root = ET.fromstring(text)
            assert root.tag.endswith("svg") and f"lang-{language}" in root.get("class")
            assert not re.search(r"(href|src|url)\s*=?\s*[(\"']?\s*https?:", text) and "var(" not in text
    whole = picture.svg(fold=False, language=language)
    for op in picture.graph.ops:
        assert f">{op.name}<" in whole or len(op.name) > 17
        assert not op.node or op.node in whole or len(op.node) > 20


def test_folding_shows_less_and_the_start_is_small():
    picture = PICTURES["gpt"]
    sizes = [picture.svg(fold=depth).count('class="cell') for depth in (0, 1, 2, False)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[1] < sizes[-1] == len(picture.graph.ops) + 2
    assert picture.svg().count('class="cell') <= AT_FIRST + 2


def test_repeated_structure_is_grouped_without_modules():
    tree = PICTURES["chain"].tree
    (outer,) = [g for g in tree.root.children if getattr(g, "kind", "") == "repeat"]
    assert outer.label == "mul, sin ×300" and len(outer.ops()) == 600
    assert all(len(g.children) <= LIMIT for g in tree.root.groups())


def test_a_modules_second_call_is_a_group_of_its_own():
    block = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    picture = torch.graph(nn.Sequential(block, nn.Tanh(), block), torch.rand(2, 3))
    assert [g.label for g in picture.tree.root.groups()[1:]] == ["0", "0 (2)"]
    assert "chip shared" in picture.html()


def test_three_thousand_operations_are_laid_out_quickly():
    picture = torch.graph(GPT(90), torch.randint(0, 20, (1, 4)))
    assert len(picture.graph.ops) > 3000
    began = time.perf_counter()
    text = picture.html()
    took = time.perf_counter() - began
    assert took < 10, f"{took:.1f} s"  # 0.6 s on a quiet machine
    assert len(text) < 8e6


def test_dummies_and_ports_are_no_boxes():
    _, grids, boxes = PICTURES["net"]._laid_out()
    for grid in grids.values():
        for m in grid.members:
            assert (id(m.what) in boxes) or m.kind in (DUMMY, ENTRY, EXIT)
