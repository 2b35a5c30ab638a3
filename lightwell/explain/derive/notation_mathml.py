"""Boxes as MathML, which browsers show without a script."""

from html import escape

from .notation import Box
from .notation_names import parts

_BIG = {"Σ": "∑", "Π": "∏", "∀": "all", "∃": "any"}
_SIGNS = {"-": "\u2212", "": "\u2062", "·": "⋅"}
_SPACE = '<mspace width="0.2em"/>'


def mathml(box: Box) -> str:
    """The box as MathML elements, to stand within <math>."""
    return _WRITE[box.kind](*box.parts)


def _row(inner: str) -> str:
    return f"<mrow>{inner}</mrow>"


def _sign(text: str, form: str = "") -> str:
    return f"<mo{form}>{escape(_SIGNS.get(text, text))}</mo>"


def _letter(text: str) -> str:
    if len(text) == 1 and text.isalpha():
        return f"<mi>{text}</mi>"
    return f'<mi mathvariant="normal">{escape(text)}</mi>'  # a word of several letters stands upright by itself


def _name(text):
    head, tail = parts(text)
    if not tail:
        return _letter(head)
    below = f"<mn>{tail}</mn>" if tail.replace(",", "").isdigit() else _letter(tail)
    return f"<msub>{_letter(head)}{below}</msub>"


def _infix(*pieces):
    out = mathml(pieces[0])
    for sign, box in zip(pieces[1::2], pieces[2::2]):
        out += (_SPACE if sign == "" else _sign(sign)) + mathml(box)
    return _row(out)


def _prefix(sign, box):
    if sign in ("∂", "d"):
        return _row(f'<mi mathvariant="normal">{sign}</mi>{mathml(box)}')
    return _row(_sign(sign, ' form="prefix"') + mathml(box))


_TALL = frozenset("frac big cases".split())


def _tall(v) -> bool:
    """Whether brackets around it must grow; without a mathematical font, browsers let them grow too much."""
    if isinstance(v, (tuple, list)):
        return any(map(_tall, v))
    return isinstance(v, Box) and (v.kind in _TALL or _tall(v.parts))


def _brackets(opening: str, inner: str, closing: str, grow: bool) -> str:
    how = "" if grow else ' stretchy="false"'
    return f'<mo form="prefix" fence="true"{how}>{opening}</mo>{inner}<mo form="postfix" fence="true"{how}>{closing}</mo>'


def _fence(opening, box, closing):
    return _row(_brackets(opening, mathml(box), closing, _tall(box)))


def _apply(head, boxes):
    inner = mathml(Box("list", boxes)) if boxes else ""
    return _row(f"{mathml(head)}<mo>\u2061</mo>" + _brackets("(", inner, ")", _tall(boxes)))


def _item(base, key):
    return _row(mathml(base) + _brackets("[", mathml(key), "]", _tall(key)))


def _big(sign, below, body):
    text = _BIG.get(sign, sign)
    head = f'<mo movablelimits="false" largeop="true">{text}</mo>' if sign in "ΣΠ" else f"<mi>{text}</mi>"
    if below is not None:
        head = f"<munder>{head}{mathml(below)}</munder>"
    return _row(f"{head}{_SPACE}{mathml(body)}" if sign in "ΣΠ" else head + _fence("(", body, ")"))


def _cases(*cases):
    from .notation_words import if_and_otherwise

    when, other = if_and_otherwise()
    left = ' style="text-align:left"'
    rows = ""
    for value, condition in cases:
        told = f"<mtext>{other}</mtext>" if condition is None else _row(f"<mtext>{when}\u00a0</mtext>{mathml(condition)}")
        rows += f"<mtr><mtd{left}>{mathml(value)}</mtd><mtd{left}>{told}</mtd></mtr>"
    return _row(f'<mo form="prefix" fence="true">{{</mo><mtable>{rows}</mtable>')


def _list(boxes):
    return _row("<mo>,</mo>".join(map(mathml, boxes)))


_WRITE = {
    "name": _name,
    "gradient": lambda of: f"<msub><mi>g</mi>{mathml(of)}</msub>",
    "number": lambda text: f"<mn>{text}</mn>",
    "roman": lambda text: f'<mi mathvariant="normal">{escape(text)}</mi>',
    "text": lambda text: f"<mtext>{escape(text)}</mtext>",
    "infix": _infix,
    "prefix": _prefix,
    "frac": lambda above, below: f"<mfrac>{mathml(above)}{mathml(below)}</mfrac>",
    "sup": lambda base, above: f"<msup>{mathml(base)}{mathml(above)}</msup>",
    "sub": lambda base, below: f"<msub>{mathml(base)}{mathml(below)}</msub>",
    "root": lambda box: f"<msqrt>{mathml(box)}</msqrt>",
    "fence": _fence,
    "soft": mathml,
    "apply": _apply,
    "item": _item,
    "big": _big,
    "over": lambda accent, box: f"<mover>{mathml(box)}<mo>{accent}</mo></mover>",
    "cases": _cases,
    "list": _list,
    "indices": lambda boxes: _row("<mo>\u2063</mo>".join(map(mathml, boxes))),
}
