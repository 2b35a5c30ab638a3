"""The shape of each word of the vocabulary in mathematics: what has a sign, a bar or a bracket of its own.

`WORDS[word](term, names)` gives the term's box. A word that isn't here is written as a function of its arguments.
"""

from fractions import Fraction
from typing import Any

from ...language import say
from .axes import TOLD
from .notation import (
    ATOM,
    BIG,
    NEGATIVE,
    POWER,
    PRODUCT,
    RELATION,
    SUM,
    Box,
    Names,
    applied,
    argument,
    derivative,
    infix,
    layout,
    number,
    softly,
    within,
)  # fmt: skip
from .terms import Term, same

# What changes only the shape or the type: written only where it is all that happens.
INVISIBLE = frozenset("broadcast_to expand_dims squeeze astype asarray reshape".split())

_MISSING = object()


def plain(value: Any) -> Any:
    """The plain value behind an argument: a number's number, a list's plain values."""
    if isinstance(value, Term):
        return plain(value.params["number"]) if value.word == "number" else value
    if isinstance(value, (list, tuple)):
        return tuple(plain(v) for v in value)
    return value


def option(t: Term, place: int, name: str, default: Any = None) -> Any:
    """An argument that is a plain value, by its name or its place."""
    found = t.params.get(name, _MISSING)
    if found is _MISSING:
        found = t.args[place] if len(t.args) > place else default
    found = plain(found)
    return default if isinstance(found, Term) else found


def _size(t: Any) -> int | None:
    """How many dimensions a term's value has, where that is known."""
    value = getattr(t, "value", None)
    if value is None and isinstance(t, Term) and t.word in ("multiply", "divide", "negative", "number"):
        return 0 if all(_size(a) == 0 for a in t.args) else None
    return getattr(value, "ndim", None)


# ---- arithmetic -------------------------------------------------------------------------------------------------


def _add(t, names):
    a, b = (layout(v, names) for v in t.args[:2])
    return plus(a, b)


def plus(a: Box, b: Box) -> Box:
    """a + b, as a - c where b = -c."""
    if b.kind == "prefix" and b.parts[0] == "-":
        return Box("infix", within(a, SUM), "-", within(b.parts[1], BIG), level=SUM)
    return Box("infix", within(a, SUM), "+", within(b, SUM), level=SUM)


def _subtract(t, names):
    a, b = (layout(v, names) for v in t.args[:2])
    return Box("infix", within(a, SUM), "-", within(b, BIG), level=SUM)


def _negative(t, names):
    return Box("prefix", "-", within(layout(t.args[0], names), BIG), level=NEGATIVE)


def _multiply(t, names):
    if t.args[0].word not in ("number", "total") and same(*t.args[:2]):
        return power(layout(t.args[0], names), Box("number", "2"))
    a, b = (layout(v, names) for v in t.args[:2])
    if b.kind == "number" and a.kind != "number":
        return times(b, a)
    if b.kind == "prefix" and b.parts[0] == "-" and b.parts[1].kind in ("number", "frac") and a.kind != "number":
        return Box("prefix", "-", times(b.parts[1], a), level=NEGATIVE)
    sign = "·"
    if names.circled and not (_numeric(a) or _numeric(b)) and _size(t.args[0]) != 0 and _size(t.args[1]) != 0:
        sign = "⊙"
    return times(a, b, sign)


def times(a: Box, b: Box, sign: str = "·") -> Box:
    """a·b; a big operator may stand without brackets only at the end, and a minus in front is the whole product's."""
    if a.kind == "prefix" and a.parts[0] == "-":
        return Box("prefix", "-", times(a.parts[1], b, sign), level=NEGATIVE)
    a, b = (_enclosed(a, ("",)) if not _numeric(b) else a), (_enclosed(b, ("",)) if not _numeric(a) else b)
    if b.kind == "frac" and b.parts[0].kind == "number" and b.parts[0].parts[0] == "1":
        return over(a, b.parts[1])
    if a.kind == "frac" and _numeric(a) and a.parts[0].kind == "number" and a.parts[0].parts[0] == "1" and not _numeric(b):
        return over(b, a.parts[1])
    right = within(b, BIG)
    return Box("infix", within(a, PRODUCT), sign, right, level=min(PRODUCT, right.level))


def _numeric(box: Box) -> bool:
    """Whether a box is a plain number, or made of such alone: 3/4, 2√2, 2πi."""
    if box.kind == "name":
        return box.parts[0] in ("π", "i")
    made = box.kind in ("frac", "soft", "root") or (box.kind == "infix" and set(box.parts[1::2]) == {""})
    return box.kind == "number" or (made and all(_numeric(p) for p in box.parts if isinstance(p, Box)))


def _enclosed(box: Box, signs: tuple) -> Box:
    """In brackets if it is made with one of these signs: matrix products and products by elements don't mix."""
    made = box.kind == "infix" and any(s in signs for s in box.parts[1::2]) and not _numeric(box)
    return Box("fence", "(", box, ")") if made and box.level > SUM else box


def _divide(t, names):
    below = t.args[1] if len(t.args) > 1 else t.params.get("divisor")
    return over(layout(t.args[0], names), layout(below, names))


def over(a: Box, b: Box) -> Box:
    """a/b; a minus in front is the whole fraction's."""
    if a.kind == "prefix" and a.parts[0] == "-":
        return Box("prefix", "-", over(a.parts[1], b), level=NEGATIVE)
    if a.kind == b.kind == "number" and a.parts[0].isdigit() and b.parts[0].isdigit() and int(b.parts[0]):
        up, down = Fraction(int(a.parts[0]), int(b.parts[0])).as_integer_ratio()
        if down == 1:
            return Box("number", str(up))
        a, b = Box("number", str(up)), Box("number", str(down))
    return Box("frac", softly(a, PRODUCT), b if b.kind == "soft" else softly(b, POWER), level=PRODUCT)


def _one() -> Box:
    return Box("number", "1")


_RAISED = frozenset("sin cos tan sinh cosh tanh sigmoid".split())


def power(base: Box, exponent: Box) -> Box:
    """base to the exponent, with sin²(x) for sin(x)²."""
    if base.kind == "apply" and base.parts[0].kind == "roman" and base.parts[0].parts[0] in _RAISED and exponent.kind == "number":
        return Box("apply", Box("sup", base.parts[0], exponent), base.parts[1], level=POWER)
    return Box("sup", within(base, ATOM), exponent, level=POWER)


def _pow(t, names):
    exponent = option(t, 1, "exponent")
    if isinstance(exponent, (int, float)) and exponent == 0.5:
        return root(layout(t.args[0], names))
    return power(layout(t.args[0], names), layout(t.args[1], names))


def root(box: Box) -> Box:
    """√box."""
    return Box("root", box, level=POWER)


def _signed(sign: str, level: int, inner: int | None = None):
    """A word between its two arguments."""
    return lambda t, names: infix(sign, *(within(layout(v, names), level + 1 if inner is None else inner) for v in t.args[:2]), level=level)


def _called(head: str):
    return lambda t, names: applied(t, names, head)


def _called_first(head: str):
    """A function of which only the first argument is written: the others say what it looks like."""
    return lambda t, names: Box("apply", Box("roman", head), (layout(t.args[0], names),))


def _fenced(opening: str, closing: str):
    return lambda t, names: Box("fence", opening, layout(t.args[0], names), closing)


# ---- sums and other reductions ------------------------------------------------------------------------------------


def dims(axis: Any) -> Box | None:
    """The dimensions that a reduction runs over; None: all of them."""
    if axis is None:
        return None
    axis = axis if isinstance(axis, tuple) else (axis,)
    if not axis:
        return None
    return Box("list", (Box("text", f"dim {', '.join(map(str, axis))}"),))


def reduced(t: Term, place: int = 1, key: str = "axis", default: Any = None) -> Box | None:
    """The dimensions that a reduction runs over, as the reader knows them."""
    return dims(t.params.get(TOLD) or option(t, place, key, default))


def _reduction(sign: str):
    def build(t, names):
        body = layout(t.args[0], names)
        return Box("big", sign, reduced(t), within(body, BIG), level=BIG)

    return build


def _over_axis(head: str, key: str = "axis", place: int = 1):
    """A function whose dimension is written below its name: softmax over dim 1."""

    def build(t, names):
        below = reduced(t, place, key)
        name = Box("roman", head)
        return Box("apply", name if below is None else Box("sub", name, below), (layout(t.args[0], names),))

    return build


def _softmax_like(head: str):
    return _over_axis(head)


# ---- matrices -----------------------------------------------------------------------------------------------------


def _matmul(t, names):
    a, b = (_enclosed(layout(v, names), ("·", "⊙")) for v in t.args[:2])
    a, b = (Box("soft", v) if v.kind == "frac" else v for v in (a, b))
    if a.kind == "prefix" and a.parts[0] == "-":
        first = Box("soft", a.parts[1]) if a.parts[1].kind == "frac" else _enclosed(a.parts[1], ("·", "⊙"))
        return Box("prefix", "-", Box("infix", within(first, PRODUCT), "", within(b, PRODUCT), level=PRODUCT), level=NEGATIVE)
    right = within(b, BIG)
    return Box("infix", within(a, PRODUCT), "", within(right, PRODUCT) if right.kind == "infix" else right, level=min(PRODUCT, right.level))


def _transpose(t, names):
    return Box("sup", within(layout(t.args[0], names), ATOM), Box("roman", "T"), level=POWER)


def _permute(t, names):
    value, axes = t.args[0], option(t, 1, "axes")
    if isinstance(axes, tuple) and axes == (1, 0):
        return _transpose(t, names)
    return Box("apply", Box("roman", "permute"), (layout(value, names), number(axes)))


# ---- choices ------------------------------------------------------------------------------------------------------


def _where(t, names):
    condition, a, b = t.args[:3]
    return Box("cases", (layout(a, names), layout(condition, names)), (layout(b, names), None))


def _not(t, names):
    return Box("prefix", "¬", within(layout(t.args[0], names), POWER), level=NEGATIVE)


def _getitem(t, names):
    return bracketed(layout(t.args[0], names), _key(option(t, 1, "key"), names))


def _picked(t, names):
    """x[index] along a dimension."""
    return bracketed(layout(t.args[0], names), (layout(t.args[1], names),))


def bracketed(base: Box, key: tuple) -> Box:
    """base[key]."""
    return Box("item", within(base, ATOM), Box("list", key))


def _key(key: Any, names: Names) -> tuple:
    parts = key if isinstance(key, tuple) else (key,)
    return tuple(Box("text", "None") if p is None else argument(p, names) for p in parts)


# ---- what only calculus needs -------------------------------------------------------------------------------------


def _symbol(t, names):
    of = t.params.get("gradient_of")
    return names.gradient(of) if of is not None else names.symbol(t.params["name"])


def _number(t, names):
    return number(t.params["number"])


def _index(t, names):
    return Box("name", t.params["name"])


def _at(t, names):
    base, places = layout(t.args[0], names), tuple(layout(v, names) for v in t.args[1:])
    if not places:
        return base
    if base.kind == "gradient" and base.parts[0].kind == "name" and _bare(base.parts[0].parts[0]):
        return Box("gradient", Box("sub", base.parts[0], _places(places)))
    if base.kind == "name" and _bare(base.parts[0]):
        return Box("sub", base, _places(places), level=ATOM)
    return bracketed(base, places)


def _places(boxes: tuple) -> Box:
    """Subscripts: letters side by side, anything longer with commas."""
    simple = all((b.kind == "name" and len(b.parts[0]) == 1) or (b.kind == "number" and len(b.parts[0]) == 1) for b in boxes)
    return Box("indices" if simple else "list", boxes)


def _bare(name: str) -> bool:
    """Whether a name has no subscript of its own, so that it can take one."""
    return name.isalpha()


def _total(t, names):
    return Box(
        "big",
        {"product": "Π", "greatest": "max"}.get(t.word, "Σ"),
        Box("list", tuple(Box("name", i.params["name"]) for i in t.params["over"])),
        within(layout(t.args[0], names), BIG),
        level=BIG,
    )


def _delta(t, names):
    return Box("sub", Box("name", "δ"), _places(tuple(layout(v, names) for v in t.args)))


def _iverson(t, names):
    return Box("fence", "[", layout(t.args[0], names), "]")


def _partial(t, names):
    return derivative(*(within(layout(v, names), PRODUCT) for v in t.args[:2]))


def _change(t, names):
    return Box("prefix", "d", within(layout(t.args[0], names), PRODUCT), level=PRODUCT)


def _filled(t, names):
    value = t.args[1] if len(t.args) > 1 else t.params.get("fill_value", 0)
    return layout(value, names)


def _all_ones(t, names):
    shape = option(t, 0, "shape")
    return Box("sub", Box("number", "𝟏"), Box("text", "×".join(map(str, shape))), level=ATOM)


def _triangle(head: str):
    def build(t, names):
        k = option(t, 1, "k", 0)
        inner = (layout(t.args[0], names),) if not k else (layout(t.args[0], names), number(k))
        return Box("apply", Box("roman", head), inner)

    return build


def _shaped(head: str):
    """reshape and expand: the new shape stands below the name."""

    def build(t, names):
        shape = option(t, 1, "shape")
        if not isinstance(shape, (tuple, list, int)):
            return applied(t, names)
        made = getattr(t.value, "shape", None)
        if made is not None and isinstance(shape, (tuple, list)) and -1 in shape:
            shape = made
        text = "×".join(map(str, shape if isinstance(shape, (tuple, list)) else (shape,))) or "1"
        return Box("apply", Box("sub", Box("roman", head), Box("text", text)), (layout(t.args[0], names),))

    return build


def _changed(head: str):
    """A change of shape or type that stands alone: its plain arguments are of little interest."""
    return lambda t, names: Box("apply", Box("roman", head), (layout(t.args[0], names),))


def _einsum(t, names):
    """Σ over what is repeated: einsum("ij,jk->ik", a, b) written with its indices."""
    boxes = [argument(a, names) for a in t.args]
    return Box("apply", Box("roman", "einsum"), tuple(b for b in boxes if b is not None))


def _concat(head: str):
    def build(t, names):
        parts = t.args[0] if t.args and isinstance(t.args[0], (list, tuple)) else t.args
        boxes = tuple(b for b in (argument(a, names) for a in parts) if b is not None)
        below = dims(option(t, 1, "axis"))
        name = Box("roman", head)
        return Box("apply", name if below is None else Box("sub", name, below), boxes)

    return build


def _with_one(build):
    return lambda t, names: build(layout(t.args[0], names))


WORDS = {
    # arithmetic
    "add": _add, "add_into": _add, "subtract": _subtract, "negative": _negative, "multiply": _multiply, "divide": _divide,
    "divide_by": _divide, "pow": _pow, "square": _with_one(lambda x: power(x, Box("number", "2"))),
    "reciprocal": _with_one(lambda x: over(_one(), x)), "sqrt": _with_one(root), "rsqrt": _with_one(lambda x: over(_one(), root(x))),
    "exp2": _with_one(lambda x: power(Box("number", "2"), x)), "abs": _fenced("|", "|"), "floor": _fenced("⌊", "⌋"), "ceil": _fenced("⌈", "⌉"),
    "remainder": _signed("mod", PRODUCT), "conj": _with_one(lambda x: Box("over", "¯", x)), "real": _called("Re"), "imag": _called("Im"),
    "all_ones": _all_ones, "onehot": _called_first("onehot"), "asin": _called("arcsin"), "acos": _called("arccos"), "atan": _called("arctan"), "asinh": _called("arsinh"), "acosh": _called("arcosh"),
    "atanh": _called("artanh"), "maximum": _called("max"), "minimum": _called("min"), "lgamma": _called("logΓ"), "digamma": _called("ψ"),
    "sigmoid": _called("σ"), "log_sigmoid": _called("log σ"), "erf_gelu": _called("gelu"), "ndtr": _called("Φ"), "sign": _called("sign"),
    "square_sum": lambda t, names: Box(
        "big", "Σ", reduced(t), power(layout(t.args[0], names), Box("number", "2")), level=BIG
    ),
    # conditions
    "equal": _signed("=", RELATION), "not_equal": _signed("≠", RELATION), "less": _signed("<", RELATION), "less_equal": _signed("≤", RELATION),
    "greater": _signed(">", RELATION), "greater_equal": _signed("≥", RELATION), "logical_and": _signed("∧", RELATION),
    "logical_or": _signed("∨", RELATION), "logical_xor": _signed("⊕", RELATION), "logical_not": _not, "bitwise_and": _signed("&", RELATION),
    "bitwise_or": _signed("|", RELATION), "bitwise_xor": _signed("^", RELATION), "bitwise_invert": _not,
    "bitwise_left_shift": _signed("≪", PRODUCT), "bitwise_right_shift": _signed("≫", PRODUCT), "where": _where,
    # over dimensions
    "sum": _reduction("Σ"), "prod": _reduction("Π"), "max": _reduction("max"), "min": _reduction("min"), "mean": _over_axis("mean"),
    "var": _over_axis("var"), "argmax": _over_axis("argmax"), "argmin": _over_axis("argmin"), "all": _reduction("∀"), "any": _reduction("∃"),
    "cumulative_sum": _over_axis("cumsum"), "cumulative_prod": _over_axis("cumprod"), "softmax": _softmax_like("softmax"),
    "log_softmax": _softmax_like("log softmax"),
    # matrices and shapes
    "matmul": _matmul, "matrix_transpose": _transpose, "permute_dims": _permute, "einsum": _einsum,
    "tril": _triangle("tril"), "triu": _triangle("triu"), "concat": _concat("concat"), "stack": _concat("stack"), "getitem": _getitem, "take_along_axis": _picked, "take": _picked,
    "reshape": _shaped("reshape"), "broadcast_to": _shaped("expand"), "expand_dims": _changed("unsqueeze"), "squeeze": _changed("squeeze"),
    "astype": _changed("cast"), "asarray": _changed("cast"), "zeros": lambda t, names: Box("number", "0"), "zeros_like": lambda t, names: Box("number", "0"),
    "ones": lambda t, names: _one(), "ones_like": lambda t, names: _one(), "full": _filled, "full_like": _filled,
    "eye": lambda t, names: Box("name", "I"),
    # calculus
    "symbol": _symbol, "number": _number, "index": _index, "at": _at, "total": _total, "product": _total, "greatest": _total, "delta": _delta, "iverson": _iverson,
    "partial": _partial, "change": _change,
}  # fmt: skip


def if_and_otherwise() -> tuple[str, str]:
    """The words between the cases of a choice."""
    return say("if", "若"), say("otherwise", "否则")
