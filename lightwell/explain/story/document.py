"""What an explanation is made of before any target writes it: headings, sentences, equations, tables, steps to unfold.

Text within a sentence is a string, a `Box` of mathematics, or `Code`; a sentence is a list of such pieces.
"""

from dataclasses import dataclass, field
from typing import Any

from ..derive.notation import Box


@dataclass
class Code:
    """A word of a program in a sentence."""

    text: str


@dataclass
class Heading:
    """A title of a section; `level` 2 is the highest within a page."""

    text: str
    level: int = 2
    anchor: str = ""


@dataclass
class Paragraph:
    """One or more sentences."""

    pieces: list
    quiet: bool = False  # a remark beside the main text


@dataclass
class Equation:
    """`left relation right`, with a reason or a remark. `left` None: it goes on from the line above."""

    left: Box | None
    right: Box
    why: list = field(default_factory=list)
    relation: str = "="


@dataclass
class Equations:
    """Lines of mathematics, aligned at their relations."""

    rows: list[Equation]


@dataclass
class Table:
    """Rows of cells; a cell is a list of pieces."""

    header: list[str]
    rows: list[list]


@dataclass
class Unfold:
    """A step: a summary, and what is shown when it is opened."""

    summary: list
    blocks: list
    anchor: str = ""
    open: bool = False
    aside: str = ""  # a few words at the end of the summary: shape and dtype
    pages_only: bool = False  # too long for a text, which can't be folded


@dataclass
class Program:
    """Lines of code, and what they print."""

    text: str
    output: str = ""


@dataclass
class Picture:
    """A picture: its SVG text for a page, and where it lies for Markdown."""

    svg: str
    about: str
    path: str = ""


@dataclass
class Document:
    """A page."""

    title: str
    blocks: list[Any]
    language: str = "en"
