"""Boxes as LaTeX, of the part that KaTeX, MathJax and LaTeX itself (amsmath) all read."""

from .notation import Box
from .notation_names import COMMANDS, parts

# Functions that LaTeX has a command for.
_KNOWN = frozenset("sin cos tan sinh cosh tanh exp log max min arcsin arccos arctan det".split())
_SIGNS = {
    "·": r"\cdot", "⊙": r"\odot", "×": r"\times", "⋆": r"\star", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "∧": r"\land", "∨": r"\lor",
    "⊕": r"\oplus", "¬": r"\lnot ", "≪": r"\ll", "≫": r"\gg", "mod": r"\bmod", "&": r"\mathbin{\&}", "^": r"\mathbin{\hat{}}",
    "|": r"\mathbin{|}", "∂": r"\partial ", "d": r"\mathrm{d}", "←": r"\leftarrow", "+=": r"\mathrel{+}=", "≈": r"\approx", "→": r"\to",
    "": r"\,", "<": "<", ">": ">", "≡": r"\equiv", "∘": r"\circ", ":=": r"\mathrel{:}=", "∝": r"\propto", "∈": r"\in",
}  # fmt: skip
_FENCES = {"(": "(", ")": ")", "[": "[", "]": "]", "|": "|", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil"}
_BIG = {"Σ": r"\sum", "Π": r"\prod", "max": r"\max", "min": r"\min", "∀": r"\operatorname{all}", "∃": r"\operatorname{any}"}
_ESCAPES = {
    "\\": r"\backslash{}", "_": r"\_", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$", "{": r"\{", "}": r"\}", "^": r"\char`\^{}", "~": r"\sim{}",
}  # fmt: skip


def latex(box: Box) -> str:
    """The box as LaTeX, to stand in math mode."""
    return _WRITE[box.kind](*box.parts)


def escaped(text: str) -> str:
    """Text with the characters that mean something to LaTeX written so that they don't."""
    return "".join(_ESCAPES.get(c, c) for c in text)


def words(text: str) -> str:
    """Words among the mathematics."""
    if text == "…":
        return r"\ldots"
    inner = text.replace("\\", "/").replace("^", "").replace("~", "-")
    inner = "".join(rf"\{c}" if c in "_%#&${}" else {"×": r"$\times$", "…": r"\ldots{}"}.get(c, c) for c in inner)
    return rf"\text{{{inner}}}"


def _letter(text: str) -> str:
    if text in COMMANDS:
        return COMMANDS[text]
    if len(text) == 1 and text.isascii() and text.isalnum():
        return text
    if text.replace("_", "").replace(".", "").isascii() and text.replace("_", "").isalnum():
        return rf"\mathrm{{{escaped(text)}}}"
    return rf"\mathtt{{{escaped(text)}}}" if text.isascii() else words(text)


def _name(text):
    if text == "…":
        return r"\dots"
    head, tail = parts(text)
    if not tail:
        return _letter(head)
    below = tail if tail.replace(",", "").isdigit() or len(tail) == 1 else rf"\mathrm{{{escaped(tail)}}}"
    return f"{_letter(head)}_{{{below}}}"


def _roman(text):
    if text in _KNOWN:
        return "\\" + text
    if text == "T":
        return r"\top"
    if text in COMMANDS or (len(text) == 1 and not text.isascii()):
        return COMMANDS.get(text, text)
    told = "".join(rf"\{COMMANDS[c][1:]} " if c in COMMANDS else {" ": r"\,", "ᵀ": r"^{\top}"}.get(c, escaped(c)) for c in text)
    return rf"\operatorname{{{told}}}"


def _number(text):
    return r"\infty" if text == "∞" else text


def _infix(*pieces):
    out = latex(pieces[0])
    for sign, box in zip(pieces[1::2], pieces[2::2]):
        out += f" {_SIGNS.get(sign, sign)} {latex(box)}"
    return out


def _sup(base, above):
    inner = latex(base)
    return (
        f"{{{inner}}}^{{{latex(above)}}}"
        if base.kind in ("gradient", "sub", "sup", "frac") or "^" in inner
        else f"{inner}^{{{latex(above)}}}"
    )


def _sub(base, below):
    inner = latex(base)
    return f"{{{inner}}}_{{{latex(below)}}}" if base.kind in ("gradient", "sub", "frac") or "_" in inner else f"{inner}_{{{latex(below)}}}"


def _gradient(of):
    return f"g_{{{latex(of)}}}"


def _fence(opening, box, closing):
    return rf"\left{_FENCES[opening]} {latex(box)} \right{_FENCES[closing]}"


def _apply(head, boxes):
    inner = ", ".join(map(latex, boxes))
    return rf"{latex(head)}\left( {inner} \right)"


def _big(sign, below, body):
    place = "" if below is None else f"_{{{latex(below)}}}"
    return f"{_BIG[sign]}{place} {latex(body)}" if sign in "ΣΠ" else rf"{_BIG[sign]}{place}\left( {latex(body)} \right)"


def _cases(*cases):
    from .notation_words import if_and_otherwise

    when, other = if_and_otherwise()
    rows = [rf"{latex(v)} & \text{{{other}}}" if c is None else rf"{latex(v)} & \text{{{when} }} {latex(c)}" for v, c in cases]
    return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"


_WRITE = {
    "name": _name,
    "gradient": _gradient,
    "number": _number,
    "roman": _roman,
    "text": words,
    "infix": _infix,
    "prefix": lambda sign, box: f"{_SIGNS.get(sign, sign)}{'' if sign == '-' else ' '}{latex(box)}".replace("  ", " "),
    "frac": lambda above, below: rf"\frac{{{latex(above)}}}{{{latex(below)}}}",
    "sup": _sup,
    "sub": _sub,
    "root": lambda box: rf"\sqrt{{{latex(box)}}}",
    "fence": _fence,
    "soft": latex,
    "apply": _apply,
    "item": lambda base, key: rf"{latex(base)}\left[ {latex(key)} \right]",
    "big": _big,
    "over": lambda accent, box: rf"\overline{{{latex(box)}}}",
    "cases": _cases,
    "list": lambda boxes: ", ".join(map(latex, boxes)),
    "indices": lambda boxes: " ".join(map(latex, boxes)),
}
