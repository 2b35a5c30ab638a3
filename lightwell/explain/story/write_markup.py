"""Documents as Markdown (mathematics between dollar signs) and as LaTeX."""

import re

from ..derive.notation import Box
from ..derive.notation_latex import _SIGNS, latex
from ..derive.notation_names import COMMANDS
from .document import Code, Document, Equations, Heading, Paragraph, Picture, Program, Table, Unfold

# ---- Markdown -----------------------------------------------------------------------------------------------------


def _marked(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|$])", r"\\\1", text)


def _within(box: Box, fenced: bool) -> str:
    return f"$`{latex(box)}`$" if fenced else f"${latex(box)}$"


def _apart(inner: str, fenced: bool) -> str:
    return f"```math\n{inner}\n```" if fenced else f"$$\n{inner}\n$$"


def md_inline(pieces, fenced: bool = False) -> str:
    """A sentence in Markdown."""
    return "".join(_within(p, fenced) if isinstance(p, Box) else f"`{p.text}`" if isinstance(p, Code) else _marked(str(p)) for p in pieces)


def _aligned(rows, reasons: bool) -> str:
    out = []
    for r in rows:
        left = "" if r.left is None else latex(r.left)
        why = "".join(tex_text(str(p)) for p in r.why) if reasons else ""
        out.append(rf"{left} &{_SIGNS.get(r.relation, r.relation)} {latex(r.right)}" + (rf" && \text{{{why}}}" if why else ""))
    return "\\begin{aligned}\n" + " \\\\\n".join(out) + "\n\\end{aligned}"


def _brief(rows) -> bool:
    """Whether the remarks are short enough to stand beside their lines."""
    return all(sum(len(p) if isinstance(p, str) else 99 for p in r.why) <= 60 for r in rows)


def _cell(pieces, fenced: bool) -> str:
    text = md_inline(pieces, fenced)
    return text.replace("|", r"\vert{}") if any(isinstance(p, Box) for p in pieces) else text


def _reasoned(rows, fenced: bool) -> str:
    """Lines of mathematics in a table, each with its reason beside it."""
    lines = ["| | | |", "| ---: | :--- | :--- |"]
    for r in rows:
        left = "" if r.left is None else _within_cell(rf"\displaystyle {latex(r.left)}", fenced)
        right = _within_cell(rf"\displaystyle {_SIGNS.get(r.relation, r.relation)} {latex(r.right)}", fenced)
        lines.append(f"| {left} | {right} | {_cell(r.why, fenced)} |")
    return "\n".join(lines)


def _within_cell(inner: str, fenced: bool) -> str:
    inner = inner.replace("|", r"\vert{}")
    return f"$`{inner}`$" if fenced else f"${inner}$"


def md_blocks(blocks, fenced: bool = False) -> list[str]:
    """The paragraphs of some blocks in Markdown. `fenced`: mathematics as GitHub and GitLab are surest to read it."""
    out: list[str] = []
    for b in blocks:
        if isinstance(b, Heading):
            out.append(f"{'#' * b.level} {b.text}")
        elif isinstance(b, Paragraph):
            out.append(md_inline(b.pieces, fenced))
        elif isinstance(b, Equations):
            if any(r.why for r in b.rows) and not _brief(b.rows):
                out.append(_reasoned(b.rows, fenced))
            else:
                out.append(_apart(_aligned(b.rows, True), fenced))
        elif isinstance(b, Table):
            lines = ["| " + " | ".join(b.header) + " |", "|" + " --- |" * len(b.header)]
            lines += ["| " + " | ".join(_cell(c, fenced) for c in row) + " |" for row in b.rows]
            out.append("\n".join(lines))
        elif isinstance(b, Unfold) and b.pages_only:
            continue
        elif isinstance(b, Unfold):
            out.append(f"**{md_inline(b.summary, fenced)}**" + (f" — {_marked(b.aside)}" if b.aside else ""))
            out += md_blocks(b.blocks, fenced)
        elif isinstance(b, Program):
            out.append("```python\n" + b.text.rstrip() + ("\n" + b.output.rstrip() if b.output else "") + "\n```")
        elif isinstance(b, Picture) and b.path:
            out.append(f"![{b.about}]({b.path})")
    return out


def markdown(document: Document, fenced: bool = False) -> str:
    """The whole document in Markdown."""
    return "\n\n".join([f"# {_marked(document.title)}", *md_blocks(document.blocks, fenced)]) + "\n"


# ---- LaTeX --------------------------------------------------------------------------------------------------------


_IN_TEXT = {
    **{sign: command for sign, command in COMMANDS.items()}, "∫": r"\int", "√": r"\surd", "·": r"\cdot", "≤": r"\le", "≥": r"\ge", "≠": r"\ne",
    "×": r"\times", "⊙": r"\odot", "→": r"\to", "−": "-", "…": r"\ldots", "≈": r"\approx", "′": "'", "″": "''", "∈": r"\in", "⋆": r"\star",
    "‖": r"\|", "∑": r"\sum", "ᵀ": r"^{\top}", "ᴴ": r"^{H}", "̄": "", "̲": "",
    **{sign: f"^{{{plain}}}" for sign, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ˣʸⁿⁱʲᵏ", "0123456789-+xynijk")},
    **{sign: f"_{{{plain}}}" for sign, plain in zip("₀₁₂₃₄₅₆₇₈₉₋₊ₐₑᵢⱼₖₗₘₙₚᵣₛₜₓ", "0123456789-+aeijklmnprstx")},
}  # fmt: skip
_ESCAPED = {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", **{c: "\\" + c for c in "_%#&${}"},
    "ℂ": "C", "ℝ": "R", "≡": r"$\equiv$", "—": "---", "–": "--",
}  # fmt: skip


_PIECES = re.compile(
    r"(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ˣʸⁿⁱʲᵏ]+)|(?P<lowered>₋∞|[₀₁₂₃₄₅₆₇₈₉₋₊ₐₑᵢⱼₖₗₘₙₚᵣₛₜₓ]+)"
    r"|\^(?P<power>\([^()]*\)|[^\W_](?:_[^\W_])?)|(?P<index>(?<![^\W\d_])[A-Za-z]_[A-Za-z]{1,3}(?![\w_]))|(?P<other>.)",
    re.DOTALL,
)


def tex_text(text: str) -> str:
    r"""Text outside mathematics, or within it as words: signs, powers and indices go between dollars.

    >>> print(tex_text("quotient rule: (uⁿ)′ = n·uⁿ⁻¹, y_i = e^x_i/s"))
    quotient rule: (u$^{n}$)$'$ = n$\cdot$u$^{n-1}$, $y_{i}$ = e$^{x_{i}}$/s
    """
    out: list[str] = []
    signs: list[str] = []

    def close() -> None:
        if signs:
            out.append("$" + re.sub(r"(\^\{[^{}]*\}) (?=['^])", r"\1{}", " ".join(signs)).replace(" '", "'") + "$")
            signs.clear()

    for piece in _PIECES.finditer(text):
        found = piece.group()
        if piece["raised"] or piece["lowered"]:
            low = "^" if piece["raised"] else "_"
            signs.append(low + "{" + "".join(r"\infty" if c == "∞" else _IN_TEXT[c][2:-1] for c in found) + "}")
        elif piece["power"] or piece["index"]:
            inner = re.sub(r"_(\w+)", r"_{\1}", piece["power"] or found)
            if inner.startswith("("):
                inner = re.sub(r"([A-Za-z]{2,}) ?", r"\\mathrm{\1}\\,", inner[1:-1]).replace(r"\,)", ")")
                inner = inner.removesuffix(r"\,")
            inner = "".join(_IN_TEXT.get(c, c) + (" " if _IN_TEXT.get(c, "").startswith("\\") else "") for c in inner)
            signs.append(f"^{{{inner}}}" if piece["power"] else inner)
        elif found in _IN_TEXT:
            signs += [_IN_TEXT[found]] if _IN_TEXT[found] else []
        else:
            close()
            out.append(_ESCAPED.get(found, found))
    close()
    return "".join(out)


def tex_inline(pieces) -> str:
    """A sentence in LaTeX."""
    return "".join(
        f"${latex(p)}$" if isinstance(p, Box) else rf"\texttt{{{tex_text(p.text)}}}" if isinstance(p, Code) else tex_text(str(p))
        for p in pieces
    )


def tex_blocks(blocks) -> list[str]:
    """The paragraphs of some blocks in LaTeX."""
    out: list[str] = []
    for b in blocks:
        if isinstance(b, Heading):
            out.append(("\\section*{" if b.level == 2 else "\\subsection*{") + tex_text(b.text) + "}")
        elif isinstance(b, Paragraph):
            out.append(tex_inline(b.pieces))
        elif isinstance(b, Equations):
            group: list = []
            if _brief(b.rows):
                out.append("\\[\n" + _aligned(b.rows, True) + "\n\\]")
                continue
            for r in b.rows:
                if r.why and group:
                    out.append("\\[\n" + _aligned(group, False) + "\n\\]")
                    group = []
                if r.why:
                    out.append(tex_inline(r.why))
                group.append(r)
            out.append("\\[\n" + _aligned(group, False) + "\n\\]")
        elif isinstance(b, Table):
            lines = [" & ".join(tex_text(h) for h in b.header), *(" & ".join(map(tex_inline, row)) for row in b.rows)]
            out.append("\\begin{tabular}{" + "l" * len(b.header) + "}\n" + " \\\\\n".join(lines) + "\n\\end{tabular}")
        elif isinstance(b, Unfold) and b.pages_only:
            continue
        elif isinstance(b, Unfold):
            out.append(rf"\paragraph{{{tex_inline(b.summary)}}} {tex_text(b.aside)}")
            out += tex_blocks(b.blocks)
        elif isinstance(b, Program):
            out.append("\\begin{verbatim}\n" + b.text.rstrip() + ("\n" + b.output.rstrip() if b.output else "") + "\n\\end{verbatim}")
    return out


def tex(document: Document) -> str:
    """A whole LaTeX document; with Chinese it needs XeLaTeX or LuaLaTeX."""
    head = [r"\documentclass{article}", r"\usepackage{amsmath,amssymb}", r"\usepackage[margin=2.5cm]{geometry}"]
    if document.language == "zh":
        head.insert(1, r"\usepackage{ctex}")
    body = [rf"\section*{{{tex_text(document.title)}}}", *tex_blocks(document.blocks)]
    return "\n".join(head) + "\n\\begin{document}\n\n" + "\n\n".join(body) + "\n\n\\end{document}\n"
