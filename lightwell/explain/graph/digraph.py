"""What stands in for the package graphviz where it isn't installed: text in DOT, painted by the program `dot` where that is."""

import os
import shutil
import subprocess
from typing import Any

from ...errors.teaching import RuntimeError, ValueError


def quoted(words) -> str:
    """A string of the language: quotes and backslashes escaped, line ends written as \\n."""
    return '"' + str(words).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _attributes(table: dict) -> str:
    found = " ".join(f"{k}={quoted(v)}" for k, v in table.items() if v is not None)
    return f" [{found}]" if found else ""


class Digraph:
    """A graph in DOT: what stands in for the graphviz package's class of this name where that isn't installed."""

    def __init__(self, body=(), node_attr=None, graph_attr=None, edge_attr=None, format: str = "pdf", name: str = "Digraph"):
        self.body, self.format, self.name = list(body), format, name
        self.graph_attr, self.node_attr, self.edge_attr = dict(graph_attr or {}), dict(node_attr or {}), dict(edge_attr or {})

    @property
    def source(self) -> str:
        """The text: the attributes that hold for all, then the body."""
        found = ["digraph {\n"]
        for kind, table in (("graph", self.graph_attr), ("node", self.node_attr), ("edge", self.edge_attr)):
            if table:
                found.append(f"\t{kind} [" + " ".join(f"{k}={quoted(v)}" for k, v in sorted(table.items())) + "]\n")
        return "".join([*found, *self.body, "}\n"])

    def attr(self, kw: str | None = None, **attrs) -> None:
        """Set attributes of the "graph", of every "node" or of every "edge"; without a word, of the graph."""
        if kw not in (None, "graph", "node", "edge"):
            raise ValueError(f"attr(): argument 'kw' must be 'graph', 'node' or 'edge', not {kw!r}")
        getattr(self, f"{kw or 'graph'}_attr").update({k: str(v) for k, v in attrs.items()})

    def node(self, name: str, label: str | None = None, **attrs) -> None:
        """Add a node."""
        self.body.append(f"\t{quoted(name)}{_attributes({'label': label, **attrs})}\n")

    def edge(self, tail_name: str, head_name: str, label: str | None = None, **attrs) -> None:
        """Add an edge."""
        self.body.append(f"\t{quoted(tail_name)} -> {quoted(head_name)}{_attributes({'label': label, **attrs})}\n")

    def __str__(self) -> str:
        return self.source

    @property
    def filename(self) -> str:
        """The file that `save` and `render` write when none is named."""
        return f"{self.name}.gv"

    def save(self, filename=None, directory=None) -> str:
        """Write the source to a file; returns its path."""
        from .picture import write

        path = os.path.join(directory or "", filename or self.filename)
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, self.source)
        return path

    def pipe(self, format: str | None = None) -> bytes:
        """The picture as bytes, painted by the program `dot`; RuntimeError where that isn't installed."""
        program = shutil.which("dot")
        if program is None:
            raise RuntimeError(
                "make_dot(): painting DOT needs Graphviz's program `dot`, which isn't installed (apt install graphviz); "
                "lightwell.graph(loss).save('graph.svg') needs no program"
            )
        done = subprocess.run(
            [program, f"-T{format or self.format}"], input=self.source.encode(), capture_output=True, timeout=300, check=False
        )
        if done.returncode:
            raise RuntimeError(f"make_dot(): dot failed: {done.stderr.decode(errors='replace')[-300:]}")
        return done.stdout

    def render(self, filename=None, directory=None, view: bool = False, cleanup: bool = False, format: str | None = None, **_: Any) -> str:
        """Write the source and the picture beside it; returns the picture's path. RuntimeError where `dot` isn't installed."""
        from .picture import write

        data = self.pipe(format)
        source = self.save(filename, directory)
        path = f"{source}.{format or self.format}"
        write(path, data)
        if cleanup:
            os.unlink(source)
        if view:
            _open(path)
        return path

    def view(self, filename=None, directory=None, cleanup: bool = False, **_: Any) -> str:
        """Render and open the picture."""
        return self.render(filename, directory, True, cleanup)

    def _repr_svg_(self) -> str:
        return self.pipe("svg").decode()


def _open(path: str) -> None:
    import webbrowser

    webbrowser.open("file://" + os.path.abspath(path))
