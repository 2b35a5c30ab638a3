"""Documents as Markdown (mathematics between dollar signs) and as LaTeX."""

import re

from ..derive.notation import Box
from ..derive.notation_latex import _SIGNS, escaped, latex
from .document import Code, Document, Equations, Heading, Paragraph, Picture, Program, Table, Unfold

# ---- Markdown -----------------------------------------------------------------------------------------------------


def _marked(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|$])", r"\\\1", text)


def md_inline(pieces) -> str:
    """A sentence in Markdown."""
    return "".join(f"${latex(p)}$" if isinstance(p, Box) else f"`{p.text}`" if isinstance(p, Code) else _marked(str(p)) for p in pieces)


def _aligned(rows, reasons: bool) -> str:
    out = []
    for r in rows:
        left = "" if r.left is None else latex(r.left)
        why = "".join(escaped(str(p)) for p in r.why) if reasons else ""
        out.append(rf"{left} &{_SIGNS.get(r.relation, r.relation)} {latex(r.right)}" + (rf" && \text{{{why}}}" if why else ""))
    return "\\begin{aligned}\n" + " \\\\\n".join(out) + "\n\\end{aligned}"


def _brief(rows) -> bool:
    """Whether the remarks are short enough to stand beside their lines."""
    return all(sum(len(p) if isinstance(p, str) else 99 for p in r.why) <= 60 for r in rows)


def _cell(pieces) -> str:
    return md_inline(pieces).replace("|", r"\vert{}") if any(isinstance(p, Box) for p in pieces) else md_inline(pieces)


def md_blocks(blocks) -> list[str]:
    """The paragraphs of some blocks in Markdown."""
    out: list[str] = []
    for b in blocks:
        if isinstance(b, Heading):
            out.append(f"{'#' * b.level} {b.text}")
        elif isinstance(b, Paragraph):
            out.append(md_inline(b.pieces))
        elif isinstance(b, Equations):
            if any(r.why for r in b.rows) and not _brief(b.rows):
                for r in b.rows:
                    if r.why:
                        out.append(md_inline(r.why))
                    out.append(f"$$\n{_aligned([r], False)}\n$$")
            else:
                out.append(f"$$\n{_aligned(b.rows, True)}\n$$")
        elif isinstance(b, Table):
            lines = ["| " + " | ".join(b.header) + " |", "|" + " --- |" * len(b.header)]
            lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in b.rows]
            out.append("\n".join(lines))
        elif isinstance(b, Unfold) and b.pages_only:
            continue
        elif isinstance(b, Unfold):
            out.append(f"**{md_inline(b.summary)}**" + (f" — {_marked(b.aside)}" if b.aside else ""))
            out += md_blocks(b.blocks)
        elif isinstance(b, Program):
            out.append("```python\n" + b.text.rstrip() + ("\n" + b.output.rstrip() if b.output else "") + "\n```")
        elif isinstance(b, Picture) and b.path:
            out.append(f"![{b.about}]({b.path})")
    return out


def markdown(document: Document) -> str:
    """The whole document in Markdown."""
    return "\n\n".join([f"# {_marked(document.title)}", *md_blocks(document.blocks)]) + "\n"


# ---- LaTeX --------------------------------------------------------------------------------------------------------


def tex_text(text: str) -> str:
    """Text outside mathematics."""
    out = text.replace("\\", r"\textbackslash{}")
    out = re.sub(r"([_%#&${}])", r"\\\1", out) if "\\" not in text else out
    return out.replace("^", r"\^{}").replace("~", r"\~{}").replace("∂", r"$\partial$").replace("×", r"$\times$")


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
