"""The picture as SVG: one file that needs nothing else."""

import re
from html import escape
from importlib.resources import files

from .cell import FORWARD, MIDDLE, Sprite, group_cell, group_title, leaf_cell, op_cell, output_cell, shared_parameters
from .fold import Tree
from .layout import GROUP, LEAF, OP
from .place import Places

MARKERS = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker>'
    '<marker id="tip-back" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip-back" d="M8 0L0 4L8 8z"/></marker></defs>'
)


def sprites(tree: Tree, grids: dict) -> dict:
    """The boxes of everything that can be in view: {id of the Op, Group, leaf Value or output pair: Sprite}."""
    shared, found = shared_parameters(tree), {}
    for grid in grids.values():
        leaving: dict = {}
        for s in grid.segments:
            values = leaving.setdefault(s.start, [])
            values += [v for v in s.values if all(v is not w for w in values)]
        for m in grid.members:
            out = leaving.get(m, [])
            made: Sprite | None = None
            if m.kind == OP:
                made = op_cell(m.what, tree, shared, out)
            elif m.kind == GROUP:
                made = group_cell(m.what, out)
            elif m.kind == LEAF:
                made = leaf_cell(m.what, out)
            elif m.kind == "output":
                made = output_cell(*m.what)
            if made is not None:
                found[id(m.what)] = made
    return found


def css(theme: str | None = None) -> str:
    """The style of pictures; of one theme, "light" or "dark", with its colours written out, for programs that know no variables."""
    text = files(__package__).joinpath("picture.css").read_text(encoding="utf-8")
    if theme is None:
        return text
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", text)
    colours: dict = {}
    for selector, body in rules:
        if selector.strip() in (".lw-graph", f".lw-graph.{theme}"):
            colours.update(re.findall(r"(--[\w-]+): ([^;]+)", body))
    plain = "".join(f"{s}{{{b}}}" for s, b in rules if "--paper" not in b)
    plain = re.sub(r"var\((--[\w-]+)\)", lambda m: colours[m[1]], plain)
    return plain.replace(".lw-graph", f".lw-graph.{theme}") + f".lw-graph.{theme} .paper{{fill:{colours['--paper']}}}"


def depth_of(group) -> int:
    """How many groups hold this one."""
    n = 0
    while group.parent is not None:
        n, group = n + 1, group.parent
    return n


def draw(tree: Tree, grids: dict, boxes: dict, backward: bool, language: str, dark: bool) -> str:
    """The document, as things are folded now."""
    d = Places(grids, boxes, backward).draw(tree.root)
    out = []
    for group, x, y, w, h in d.frames:
        odd = " odd" if depth_of(group) % 2 == 0 else ""
        out.append(
            f'<g class="frame-of" data-group="{group.id}" transform="translate({x:g} {y:g})">'
            f'<rect class="frame{odd}" width="{w:g}" height="{h:g}" rx="8"/></g>'
        )
    for _, path, arrow, back, arrow_back in d.edges:
        out.append(f'<path class="way" d="{path}"{_tip("end", "tip", arrow)}/>')
        if back:
            out.append(f'<path class="way back-way" d="{back}"{_tip("start", "tip-back", arrow_back)}/>')
    for group, x, y, _, _ in d.frames:
        out.append(f'<g class="title" transform="translate({x:g} {y:g})">{group_title(group)}</g>')
    for m, x, y in d.cells:
        s = boxes[id(m.what)]
        x = x if backward else x + (MIDDLE + FORWARD) / 2
        half = f'<g class="b">{s.backward}</g>' if backward and s.backward else ""
        out.append(f'<g class="cell {m.kind}" transform="translate({x:g} {y:g})">{s.forward}{half}</g>')
    inside = _settled("".join(out), backward, language)
    classes = f"lw-graph {'dark' if dark else 'light'} lang-{language} {'with' if backward else 'without'}-backward"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{classes}" viewBox="0 0 {d.width:g} {d.height:g}" width="{d.width:g}" '
        f'height="{d.height:g}" role="img"><title>{escape(tree.graph.title)}</title><style>{css("dark" if dark else "light")}</style>{MARKERS}'
        f'<rect class="paper" width="100%" height="100%"/>{inside}</svg>'
    )


def _settled(text: str, backward: bool, language: str) -> str:
    """Without the words of the other language and the labels of the other view: not every program heeds `display: none`."""
    text = re.sub(rf'<tspan class="{"en" if language == "zh" else "zh"}">[^<]*</tspan>', "", text)
    return re.sub(rf'<text [^>]*class="edge {"one" if backward else "two"}[^>]*>[^<]*</text>', "", text)


def _tip(end: str, name: str, on: bool) -> str:
    return f' marker-{end}="url(#{name})"' if on else ""
