"""The graph in Mermaid's language."""

from .fold import Group, Tree
from .layout import chips
from .outline import outline


def text(tree: Tree, backward: bool) -> str:
    """A flowchart: modules as subgraphs, gradients as dotted arrows back."""
    o = outline(tree, backward)
    lines = ["flowchart TD"]

    def put(group: Group, indent: str) -> None:
        for c in group.children:
            if isinstance(c, Group) and not c.folded:
                lines.append(f'{indent}subgraph g{c.id}["{_safe(c.label)}"]')
                put(c, indent + "  ")
                lines.append(f"{indent}end")
            else:
                box = o.boxes.get(id(c))
                if box is not None:
                    lines.append(f"{indent}{box.name}{_shape(box)}:::{box.kind}")
                    if box.backward:
                        lines.append(f'{indent}{box.name}b(["{_safe(box.backward)}"]):::backward')
                        lines.append(f"{indent}{box.name} -.- {box.name}b")

    put(tree.root, "  ")
    for box in o.loose:
        lines.append(f"  {box.name}{_shape(box)}:::{box.kind}")
    for a, b, value, grad in o.edges:
        lines.append(f'  {a} -->|"{_safe(value)}"| {b}' if value else f"  {a} --> {b}")
        if grad:
            lines.append(f"  {grad[0]} -.-> {grad[1]}")
    for kind, style in STYLES.items():
        lines.append(f"  classDef {kind} {style}")
    return "\n".join(lines) + "\n"


STYLES = {
    "op": "fill:#ffffff,stroke:#64748b",
    "view": "fill:#ffffff,stroke:#94a3b8,stroke-dasharray:4 2",
    "inplace": "fill:#ffffff,stroke:#dc2626,stroke-width:2px",
    "group": "fill:#e8edf4,stroke:#7b8794",
    "trainable": "fill:#dcfce7,stroke:#16a34a",
    "frozen": "fill:#e2e8f0,stroke:#94a3b8",
    "shared": "fill:#f3e8ff,stroke:#9333ea",
    "buffer": "fill:#cffafe,stroke:#0e7490",
    "input": "fill:#e0f2e9,stroke:#15803d",
    "leaf": "fill:#e0f2e9,stroke:#15803d",
    "constant": "fill:#f5f5f4,stroke:#a8a29e,stroke-dasharray:3 3",
    "output": "fill:#fde8e8,stroke:#b91c1c",
    "backward": "fill:#fff5ec,stroke:#c2410c,color:#c2410c",
}


def _shape(box) -> str:
    shown = "<br/>".join(_safe(line) for line in box.lines)
    if box.kind in ("op", "view", "inplace"):
        return f'["{shown}"]'
    return f'[["{shown}"]]' if box.kind == "group" else f'(["{shown}"])'


def _safe(words: str) -> str:
    """Text inside quotes: Mermaid writes its own special characters as entities."""
    for character, entity in (("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        words = words.replace(character, entity)
    return words


__all__ = ["chips", "text"]
