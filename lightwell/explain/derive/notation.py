"""How terms are written: every word of mathematics becomes a box of a few kinds, and each target writes those kinds.

`layout(term)` is where precedence is dealt with, once for all targets: a box knows how tightly it binds, and `within`
puts brackets around it where its surroundings bind tighter. The words' own shapes stand in notation_words.py; the
targets are notation_plain.py (a terminal), notation_latex.py (KaTeX, MathJax, LaTeX) and notation_mathml.py (browsers).

    kind        parts
    name        text                          a quantity: x, w_ih, fc1.weight, alpha
    number      text
    roman       text                          the name of a function: tanh
    text        text                          words among the mathematics
    infix       box, sign, box, sign, ...     a + b - c; the empty sign is juxtaposition
    prefix      sign, box
    frac        above, below
    sup, sub    base, what is raised or lowered
    root        box
    gradient    box                           the gradient that arrives at a quantity: gx
    item        base, key                     x[0, 2:5]
    fence       opening, box, closing
    soft        box                           brackets that only a target without fractions' bars needs
    apply       head, boxes                   head(a, b)
    big         sign, below or None, body     Σ, Π, max over something
    over        accent, box
    cases       (value, condition or None) ...
    list        boxes                         a, b, c
    indices     boxes                         subscripts of one letter each: ijk
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ...errors.teaching import ValueError
from .terms import Term, term

# How tightly a box binds, loosest first.
RELATION, SUM, NEGATIVE, BIG, PRODUCT, POWER, ATOM = range(7)

TARGETS = ("plain", "latex", "mathml", "markdown")


class Box:
    """A piece of mathematics before any target has written it."""

    __slots__ = ("kind", "level", "parts")

    def __init__(self, kind: str, *parts, level: int = ATOM):
        self.kind, self.parts, self.level = kind, parts, level

    def __repr__(self):
        return f"{self.kind}{self.parts!r}"


class Names:
    """What symbols are called where a formula is told.

    `given` maps a symbol's name to another name or to a Term; `gradients` says which symbols are gradients, and of what
    ("gy": "y"). `partial=True` writes a gradient as ∂L/∂y, otherwise as gy. `loss` is what L is called. `circled=True`
    writes the product of two arrays, element by element, as ⊙.
    """

    def __init__(self, given=None, gradients=None, partial: bool = False, loss: str = "L", circled: bool = False):
        self.given: dict[str, Any] = given or {}
        self.gradients: dict[str, str] = gradients or {}
        self.partial, self.loss, self.circled = partial, loss, circled

    def symbol(self, name: str) -> Box:
        """The box of the symbol called `name`."""
        if name in self.gradients:
            return self.gradient(self.gradients[name])
        found = self.given.get(name, name)
        if isinstance(found, Term):
            return layout(found, Names(gradients=self.gradients, partial=self.partial, loss=self.loss, circled=self.circled))
        return Box("name", found)

    def gradient(self, of: str) -> Box:
        """The gradient of the symbol called `of`."""
        inner = self.given.get(of, of)
        base = layout(inner, Names()) if isinstance(inner, Term) else Box("name", inner)
        return derivative(Box("name", self.loss), base) if self.partial else Box("gradient", base)


def derivative(above: Box, below: Box) -> Box:
    """∂above/∂below."""
    return Box("frac", Box("prefix", "∂", above), Box("prefix", "∂", below), level=PRODUCT)


def within(box: Box, level: int) -> Box:
    """The box where something that binds as tightly as `level` surrounds it: in brackets if it binds less."""
    if box.level >= level:
        return box
    if box.level == RELATION and box.kind == "infix":
        return Box("fence", "[", box, "]")  # Iverson's bracket: a condition among numbers is 1 or 0
    return Box("fence", "(", box, ")")


def softly(box: Box, level: int) -> Box:
    """The same, with brackets that are needed only where everything stands on one line."""
    if box.level == RELATION and box.kind == "infix":
        return within(box, level)
    return box if box.level >= level and box.kind != "big" else Box("soft", box)


def infix(sign: str, *boxes: Box, level: int) -> Box:
    """The boxes with a sign between them."""
    parts = [boxes[0]]
    for b in boxes[1:]:
        parts += [sign, b]
    return Box("infix", *parts, level=level)


def layout(t: Any, names: Names | None = None, top: bool = False) -> Box:
    """The box of a term. `top`: the term stands alone, so even a mere change of shape is shown."""
    from .notation_networks import WORDS
    from .notation_words import INVISIBLE

    names = names or _PLAIN
    if not isinstance(t, Term):
        return number(t)
    if t.word in INVISIBLE and not (top and (t.word == "broadcast_to" or t.args[0].word == "symbol")):
        return layout(t.args[0], names, top)
    build = WORDS.get(t.word)
    return build(t, names) if build is not None else applied(t, names)


_PLAIN = Names()


def applied(t: Term, names: Names, head: str | None = None, skip: tuple = ()) -> Box:
    """A word without a sign of its own, as a function of its arguments."""
    boxes = [argument(a, names) for a in t.args if a is not None]
    boxes = [b for b in boxes if b is not None]
    for key, value in t.params.items():
        if value is not None and key not in skip and not callable(value):
            boxes.append(infix("=", Box("roman", key), argument(value, names), level=RELATION))
    return Box("apply", Box("roman", head or t.word), tuple(boxes))


def argument(a: Any, names: Names) -> Box | None:
    """An argument of a function: a term, a plain value, a list of either; None for a function among them."""
    if isinstance(a, Term):
        if a.word == "number" and callable(a.params["number"]) and not isinstance(a.params["number"], type):
            return None
        return layout(a, names)
    if isinstance(a, (list, tuple)):
        boxes = [b for b in (argument(v, names) for v in a) if b is not None]
        return Box("fence", "(", Box("list", tuple(boxes)), ")")
    if callable(a) and not isinstance(a, type):
        return None
    return number(a)


_CONSTANTS = [
    (math.sqrt(2 / math.pi), "√(2/π)"),
    (math.pi, "π"), (math.e, "e"), (math.sqrt(2), "√2"), (math.sqrt(math.pi), "√π"), (math.sqrt(2 * math.pi), "√(2π)"),
 (math.log(2), "log 2"), (math.log(10), "log 10"),
]  # fmt: skip


def number(value: Any) -> Box:
    """A plain number, by the name it is known under where it has one; anything else (None, a string, a slice) as a text."""
    if hasattr(value, "item") and getattr(value, "size", 2) == 1 and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, bool) or value is None:
        return Box("roman", str(value))
    if isinstance(value, complex):
        if value.imag == 0:
            return number(value.real)
        real, imag = number(value.real), within(number(abs(value.imag)), PRODUCT)
        i = Box("name", "i") if abs(value.imag) == 1 else infix("", imag, Box("name", "i"), level=PRODUCT)
        if value.real == 0:
            return i if value.imag > 0 else Box("prefix", "-", i, level=NEGATIVE)
        return Box("infix", real, "+" if value.imag > 0 else "-", i, level=SUM)
    if isinstance(value, int):
        return Box("number", str(value)) if value >= 0 else Box("prefix", "-", Box("number", str(-value)), level=NEGATIVE)
    if isinstance(value, float):
        if math.isnan(value):
            return Box("roman", "NaN")
        if value < 0 or (value == 0 and math.copysign(1, value) < 0):
            return Box("prefix", "-", within(number(-value), BIG), level=NEGATIVE)
        return _positive(value)
    if isinstance(value, slice):
        return Box(
            "text", ":".join("" if v is None else str(v) for v in (value.start, value.stop, value.step)[: 2 + (value.step is not None)])
        )
    if isinstance(value, (list, tuple)):
        return Box("fence", "(", Box("list", tuple(argument(v, _PLAIN) for v in value)), ")")
    if value is Ellipsis:
        return Box("text", "…")
    if hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, type):
        return Box("text", f"array{list(value.shape)}".replace(" ", ""))
    return Box("text", getattr(value, "name", None) or getattr(value, "__name__", None) or str(value))


def _positive(value: float) -> Box:
    if math.isinf(value):
        return Box("number", "∞")
    if value == int(value) and value < 1e6:
        return Box("number", str(int(value)))
    if value < 0.2 and math.frexp(value)[0] == 0.5 and value > 1e-5:  # 1/8, 1/16, ...
        return Box("frac", Box("number", "1"), Box("number", str(int(1 / value))), level=PRODUCT)
    text = f"{value:.6g}" if len(repr(value)) > 8 else repr(value)
    if len(repr(value)) > 8:
        for known, name in _CONSTANTS:
            for factor in (1, 2, 180, 0.5, 1 / 180):
                for v, flip in ((known * factor, False), (factor / known, True)):
                    if math.isclose(value, v, rel_tol=1e-12):
                        return _ratio(_constant(name), factor, flip)
        near = Fraction(value).limit_denominator(99)
        single = len(text) > 6 and float(np.float32(value)) == value  # 1/9, rounded to single precision
        if near.denominator > 1 and near.numerator and math.isclose(value, float(near), rel_tol=1e-7 if single else 1e-12):
            return Box("frac", Box("number", str(near.numerator)), Box("number", str(near.denominator)), level=PRODUCT)
    if "e" in text:
        digits, exponent = text.split("e")
        power = Box("sup", Box("number", "10"), number(int(exponent)), level=POWER)
        return power if digits in ("1", "1.0") else infix("×", Box("number", digits), power, level=PRODUCT)
    return Box("number", text)


def _constant(name: str) -> Box:
    if name.startswith("√"):
        inner = name[1:].strip("()")
        if inner == "2/π":
            return Box("root", Box("frac", Box("number", "2"), Box("name", "π"), level=PRODUCT), level=POWER)
        return Box(
            "root",
            Box("number" if inner.isdigit() else "name", inner)
            if len(inner) == 1
            else infix("", Box("number", "2"), Box("name", "π"), level=PRODUCT),
            level=POWER,
        )
    if name.startswith("log"):
        return Box("apply", Box("roman", "log"), (Box("number", name[4:]),))
    return Box("name", name)


def _ratio(constant: Box, factor: float, flip: bool) -> Box:
    above, below = (factor, 1.0) if factor >= 1 else (1.0, round(1 / factor))
    whole = [Box("number", str(int(above))) if above != 1 else None, Box("number", str(int(below))) if below != 1 else None]
    if flip:  # factor/constant
        up = whole[0] or Box("number", "1")
        down = constant if whole[1] is None else infix("", whole[1], constant, level=PRODUCT)
        return Box("frac", up, softly(down, POWER), level=PRODUCT)
    up = constant if whole[0] is None else infix("", whole[0], constant, level=PRODUCT)
    return up if whole[1] is None else Box("frac", up, whole[1], level=PRODUCT)


def writer(target: str):
    """The function that writes a box for a target: "plain", "latex", "mathml" or "markdown" (LaTeX between dollar signs)."""
    if target == "plain":
        from .notation_plain import plain

        return plain
    if target == "mathml":
        from .notation_mathml import mathml

        return mathml
    from .notation_latex import latex

    if target == "latex":
        return latex
    if target == "markdown":
        return lambda box: f"${latex(box)}$"
    raise ValueError(f"target must be one of {', '.join(TARGETS)}, not {target!r}")


def write(t: Any, target: str = "plain", names: Names | None = None) -> str:
    """A term, written: `target` is "plain", "latex", "mathml" (without the <math> around it) or "markdown".

    >>> from lightwell.explain.derive.terms import symbol, call
    >>> x, gy, y = symbol("x"), symbol("gy"), call("tanh", symbol("x"))
    >>> write(gy * (1 - y**2))
    'gy·(1 - tanh²(x))'
    >>> write(gy / (1 + x), "latex", Names(gradients={"gy": "y"}))
    '\\\\frac{g_{y}}{1 + x}'
    """
    return writer(target)(layout(term(t), names, top=True))


def equation(left: Term | None, relation: str, right: Term, names: Names | None = None) -> Box:
    """`left relation right` as one box."""
    r = layout(right, names, top=True)
    return r if left is None else Box("infix", layout(left, names, top=True), relation, r, level=RELATION)
