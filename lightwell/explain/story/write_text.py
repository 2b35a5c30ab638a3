"""Documents as plain text, for a terminal."""

import re
import unicodedata

from ..derive.notation import Box
from ..derive.notation_plain import plain
from .document import Code, Document, Equations, Heading, Paragraph, Picture, Program, Table, Unfold

WIDTH = 110


def width_of(text: str) -> int:
    """How many columns a text takes: Chinese characters take two."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, width: int) -> str:
    """The text with spaces behind it."""
    return text + " " * (width - width_of(text))


def inline(pieces) -> str:
    """A sentence."""
    return "".join(plain(p) if isinstance(p, Box) else p.text if isinstance(p, Code) else str(p) for p in pieces)


def wrapped(text: str, indent: str) -> list[str]:
    """A paragraph in lines; Chinese breaks anywhere, other text at spaces."""
    lines, line = [], ""
    for word in re.findall(r"[\u3000-\u9fff\uff00-\uffef]|[^\s\u3000-\u9fff\uff00-\uffef]+|\s+", text):
        if width_of(indent + line + word) > WIDTH and line.strip() and word not in "，。；：、）":
            lines.append(indent + line.rstrip())
            line = word.lstrip()
        else:
            line += word
    return [*lines, indent + line] if line.strip() else lines


def equations(rows, indent: str) -> list[str]:
    """Lines of mathematics with their signs below one another, and the reasons behind them where there is room."""
    lefts = ["" if r.left is None else plain(r.left) for r in rows]
    width = max((width_of(v) for v in lefts if width_of(v) <= 24), default=0)
    out = []
    bodies = [f"{padded(left, width)} {r.relation} {plain(r.right)}" for left, r in zip(lefts, rows)]
    column = max((width_of(b) for b in bodies if width_of(b) <= 64), default=0) + 3
    for body, row in zip(bodies, rows):
        why = inline(row.why)
        if not why:
            out.append(indent + body)
        elif width_of(body) < column and width_of(indent) + column + width_of(why) <= WIDTH + 10:
            out.append(indent + padded(body, column) + why)
        else:
            out.append(indent + body)
            out += wrapped(why, indent + " " * (width + 3))
    return out


def table(block: Table, indent: str) -> list[str]:
    """A table in columns."""
    rows = [[inline(c) for c in row] for row in block.rows]
    heads = [block.header] if any(block.header) else []
    widths = [max(width_of(r[i]) for r in [*heads, *rows]) for i in range(len(block.header))]
    out = []
    for r in [*heads, *rows]:
        out.append((indent + "  ".join(padded(c, w) for c, w in zip(r, widths))).rstrip())
    return out


def blocks_text(blocks, indent: str = "") -> list[str]:
    """The lines of some blocks."""
    out: list[str] = []
    for b in blocks:
        if isinstance(b, Heading):
            out += (
                ["", b.text.upper() if b.level == 2 and b.text.isascii() else b.text, "─" * width_of(b.text)]
                if b.level == 2
                else ["", indent + b.text]
            )
        elif isinstance(b, Paragraph):
            out += wrapped(inline(b.pieces), indent)
        elif isinstance(b, Equations):
            out += equations(b.rows, indent + "  ")
        elif isinstance(b, Table):
            out += table(b, indent + "  ")
        elif isinstance(b, Unfold) and b.pages_only:
            continue
        elif isinstance(b, Unfold):
            aside = f"   {b.aside}" if b.aside else ""
            out += [indent + inline(b.summary) + aside, *blocks_text(b.blocks, indent + "    ")]
        elif isinstance(b, Program):
            out += [indent + "  " + line for line in b.text.splitlines()]
            out += [indent + "  " + line for line in b.output.splitlines()]
        elif isinstance(b, Picture):
            continue
    return out


def text(document: Document) -> str:
    """The whole document."""
    lines = [document.title, "═" * width_of(document.title), *blocks_text(document.blocks)]
    return "\n".join(line.rstrip() for line in lines)
