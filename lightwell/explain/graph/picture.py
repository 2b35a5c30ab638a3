"""A picture of a graph, in all the forms that it can be had in."""

import base64
import os
import shutil
import subprocess
import tempfile
from html import escape
from typing import Any

from ...errors.teaching import RuntimeError, ValueError
from ...language import get_language
from . import dot, mermaid, page, svg
from .fold import Tree, build, fold_to
from .layout import lay_out
from .model import Graph


class Picture:
    """A computation as a picture: operations beside their backward nodes, grouped by module.

    `fold` says how deep the groups are unfolded: a number, False for all of them, None for as many as are seen well.

    >>> import lightwell as torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    >>> picture = torch.graph(net, torch.zeros(5, 4))
    >>> picture
    <Picture of Sequential: 3 operations, 4 parameters>
    >>> picture.svg()[:4], "ReluBackward0" in picture.dot()
    ('<svg', True)
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        self._tree: Tree | None = None
        self._grids: dict = {}
        self._boxes: dict = {}

    def __repr__(self) -> str:
        weights = {id(v) for op in self.graph.ops for v in op.inputs if v is not None and v.kind == "parameter"}
        return f"<Picture of {self.graph.title}: {len(self.graph.ops)} operations, {len(weights)} parameters>"

    @property
    def tree(self) -> Tree:
        """The groups, made at the first need."""
        if self._tree is None:
            self._tree = build(self.graph)
        return self._tree

    def _laid_out(self):
        if not self._grids:
            self._grids = lay_out(self.tree)
            self._boxes = svg.sprites(self.tree, self._grids)
        return self.tree, self._grids, self._boxes

    def has_backward(self) -> bool:
        """Whether any operation left a node for backward."""
        return any(op.node for op in self.graph.ops)

    def svg(self, fold: Any = None, backward: bool = True, language: str | None = None, theme: str = "light") -> str:
        """The picture as an SVG document. `theme`: "light" or "dark"; `backward=False` leaves the backward nodes out."""
        if theme not in ("light", "dark"):
            raise ValueError(f"Picture.svg(): argument 'theme' must be 'light' or 'dark', not {theme!r}")
        tree, grids, boxes = self._laid_out()
        fold_to(tree.root, fold)
        return svg.draw(tree, grids, boxes, backward and self.has_backward(), language or get_language(), theme == "dark")

    def html(self, fold: Any = None, backward: bool = True, language: str | None = None, theme: str = "auto") -> str:
        """A page of its own: to move about, fold, search; needs nothing but a browser. `theme`: "auto", "light" or "dark"."""
        if theme not in ("auto", "light", "dark"):
            raise ValueError(f"Picture.html(): argument 'theme' must be 'auto', 'light' or 'dark', not {theme!r}")
        tree, grids, boxes = self._laid_out()
        fold_to(tree.root, fold)
        return page.page(tree, grids, boxes, backward, language or get_language(), theme)

    def dot(self, fold: Any = False, backward: bool = True) -> str:
        """The graph in Graphviz's language: nested clusters, gradients as dashed edges."""
        fold_to(self.tree.root, fold)
        return dot.text(self.tree, backward)

    def mermaid(self, fold: Any = None, backward: bool = True) -> str:
        """The graph in Mermaid's language, for Markdown pages; Mermaid draws no more than 500 edges, so fold what is large."""
        fold_to(self.tree.root, fold)
        return mermaid.text(self.tree, backward)

    def save(self, path, fold: Any = None, backward: bool = True, language: str | None = None, theme: str | None = None):
        """Write a file, of the kind that the name's ending says: .html, .svg, .dot (.gv), .mmd, or .png; returns its path.

        ValueError: another ending. RuntimeError: .png where none of rsvg-convert, inkscape, chromium or the package
        cairosvg is there to paint it.
        """
        path = os.fspath(path)
        ending = os.path.splitext(path)[1].lower()
        if ending in (".html", ".htm"):
            data: Any = self.html(fold, backward, language, theme or "auto")
        elif ending == ".svg":
            data = self.svg(fold, backward, language, theme or "light")
        elif ending in (".dot", ".gv"):
            data = self.dot(False if fold is None else fold, backward)
        elif ending in (".mmd", ".mermaid"):
            data = self.mermaid(fold, backward)
        elif ending == ".png":
            data = png(self.svg(fold, backward, language, theme or "light"))
        else:
            raise ValueError(f"Picture.save(): the name {path!r} must end in .html, .svg, .dot, .mmd or .png")
        write(path, data)
        return path

    def show(self, **options) -> str:
        """Open the page in the browser; returns the file's path."""
        import webbrowser

        path = os.path.join(tempfile.mkdtemp(prefix="lightwell-"), "graph.html")
        self.save(path, **options)
        webbrowser.open("file://" + path)
        return path

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        inside = escape(self.html(), quote=True)
        return f'<iframe srcdoc="{inside}" style="width:100%;height:600px;border:1px solid #ccc;border-radius:6px"></iframe>'


def write(path: str, data) -> None:
    """Write text or bytes so that the file is there whole or not at all."""
    data = data.encode("utf-8") if isinstance(data, str) else data
    handle, name = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=".graph-")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def png(text: str) -> bytes:
    """SVG painted by whatever program is there that can; RuntimeError where there is none."""
    with tempfile.TemporaryDirectory(prefix="lightwell-") as folder:
        source, made = os.path.join(folder, "graph.svg"), os.path.join(folder, "graph.png")
        write(source, text)
        for command in _painters(text, folder, source, made):
            if shutil.which(command[0]):
                done = subprocess.run(command, capture_output=True, timeout=120, check=False)
                if os.path.exists(made) and os.path.getsize(made):
                    with open(made, "rb") as f:
                        return f.read()
                raise RuntimeError(
                    f"Picture.save(): {command[0]} could not paint the picture: {done.stderr.decode(errors='replace')[-300:]}"
                )
    try:
        import cairosvg
    except (ImportError, OSError):
        pass
    else:
        return cairosvg.svg2png(bytestring=text.encode("utf-8"), scale=2)
    raise RuntimeError(
        "Picture.save(): a .png needs a program that paints SVG: pip install cairosvg, or install rsvg-convert, inkscape or chromium; "
        "or save an .svg, which every browser shows"
    )


def _painters(text: str, folder: str, source: str, made: str):
    """Command lines that paint the file `source` into `made`, the best first."""
    import re

    found = re.search(r'width="([\d.]+)" height="([\d.]+)"', text)
    width, height = (int(float(v)) + 1 for v in found.groups()) if found else (1200, 900)
    frame = os.path.join(folder, "frame.html")
    image = base64.b64encode(text.encode("utf-8")).decode()
    write(frame, f'<body style="margin:0"><img style="display:block" src="data:image/svg+xml;base64,{image}"></body>')
    scale = 2 if max(width, height) < 8000 else 1
    for name in BROWSERS:
        yield [
            name, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-quic", f"--user-data-dir={folder}/profile",
            f"--force-device-scale-factor={scale}", f"--window-size={width},{height}", f"--screenshot={made}", "file://" + frame,
        ]  # fmt: skip
    yield ["rsvg-convert", "--zoom=2", "--output", made, source]
    yield ["inkscape", "--export-type=png", f"--export-filename={made}", source]


__all__ = ["Picture"]
