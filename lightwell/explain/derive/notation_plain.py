"""Boxes as text on one line, for a terminal: xᵀ, x², Σₖ, √x, a/b."""

from .notation import ATOM, Box
from .notation_names import GREEK, gradient_text

_RAISED = str.maketrans("-+0123456789ijnkTx", "⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹ⁱʲⁿᵏᵀˣ")
_LOWERED = str.maketrans("0123456789aehijklmnoprstuvx,", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ,")
_CAN_RAISE, _CAN_LOWER = frozenset(map(chr, _RAISED)), frozenset(map(chr, _LOWERED)) - {","}


def plain(box: Box) -> str:
    """The box as one line of text."""
    return _WRITE[box.kind](*box.parts)


def _name(text):
    head, _, tail = text.partition("_")
    return GREEK.get(head, head) + ("_" + tail if tail else "")


def _infix(*parts):
    out = plain(parts[0])
    for sign, box in zip(parts[1::2], parts[2::2]):
        out += (sign if sign in ("·", "/") else f" {sign} " if sign else " ") + plain(box)
    return out


def _prefix(sign, box):
    return sign + plain(box)


def _frac(above, below):
    a, b = plain(above), plain(below)
    return f"{a}/{b}"


def _raised(base, power):
    text = plain(power)
    if set(text) <= _CAN_RAISE:
        return plain(base) + text.translate(_RAISED)
    return f"{plain(base)}^{text if power.level == ATOM and power.kind != 'frac' else f'({text})'}"


def _sub(base, below):
    text = plain(below)
    return plain(base) + lowered(text)


def lowered(text: str) -> str:
    """A subscript: in small letters where there are such, else in braces behind a low line."""
    tight = text.replace(", ", "")
    if tight and set(tight) <= _CAN_LOWER and text.count(",") < 2:
        return tight.translate(_LOWERED)
    return f"[{text}]" if " " in text or "=" in text or "," in text or "×" in text else f"_{text}"


def _root(box):
    text = plain(box)
    return f"√{text}" if box.level == ATOM and box.kind != "frac" else f"√({text})"


def _fence(opening, box, closing):
    return f"{opening}{plain(box)}{closing}"


def _apply(head, boxes):
    return f"{plain(head)}({', '.join(map(plain, boxes))})"


def _big(sign, below, body):
    text = plain(body)
    place = "" if below is None else lowered(plain(below))
    if sign in "ΣΠ":
        return f"{sign}{place} {text}"
    word = {"∀": "all", "∃": "any"}.get(sign, sign)
    return f"{word}{place}({text})"


def _cases(*cases):
    from .notation_words import if_and_otherwise

    when, other = if_and_otherwise()
    told = [f"{plain(v)} {other}" if c is None else f"{plain(v)} {when} {plain(c)}" for v, c in cases]
    return "{" + "; ".join(told) + "}"


_WRITE = {
    "name": _name,
    "gradient": lambda of: gradient_text(plain(of)),
    "number": lambda text: text,
    "roman": lambda text: text,
    "text": lambda text: text,
    "infix": _infix,
    "prefix": _prefix,
    "frac": _frac,
    "sup": _raised,
    "sub": _sub,
    "root": _root,
    "fence": _fence,
    "soft": lambda box: f"({plain(box)})",
    "apply": _apply,
    "item": lambda base, key: f"{plain(base)}[{plain(key)}]",
    "big": _big,
    "over": lambda accent, box: f"conj({plain(box)})",
    "cases": _cases,
    "list": lambda boxes: ", ".join(map(plain, boxes)),
    "indices": lambda boxes: ", ".join(map(plain, boxes)),
}
