"""Derivatives of elementwise formulas, by the rules of the schoolbook and the lexicon of words."""

from typing import Any

import numpy as np

from . import lexicon_special as _special  # noqa: F401  (its words join the same lexicon)
from .evaluate import evaluate
from .lexicon import WORDS, Why
from .simplify import COMPARISONS, depends, number_of, simplify
from .terms import Term, call, term

CONSTANT = frozenset("zeros_like ones_like full_like isnan isinf isfinite logical_and logical_or logical_not iverson".split()) | COMPARISONS
PLAIN = frozenset("asarray astype".split())  # the same value in another type


class Unknown(Exception):
    """A word that the lexicon doesn't have."""


def is_elementwise(t: Term) -> bool:
    """Whether every word in the term is known to work element by element."""
    if t.word in ("symbol", "number"):
        return True
    if t.word in PLAIN and "dtype" in t.params and np.dtype(t.params["dtype"]).kind not in "fcb":
        return False
    if t.word not in WORDS and t.word != "where" and t.word not in CONSTANT and t.word not in PLAIN:
        return False
    return all(is_elementwise(a) for a in t.args)


def slopes(t: Term) -> tuple:
    """The partial derivatives of a word by each of its arguments."""
    if t.word not in WORDS:
        raise Unknown(t.word)
    return WORDS[t.word].slopes(*t.args, **t.params)


def times(a: Term, b: Term) -> Term:
    """a·b, without ones and zeros."""
    for u, v in ((a, b), (b, a)):
        if number_of(u) == 1:
            return v
        if number_of(u) == 0:
            return u
    if number_of(a) == -1:
        return negative(b)
    if number_of(b) == -1:
        return negative(a)
    for u, v in ((a, b), (b, a)):
        if u.word == "divide" and number_of(u.args[0]) == 1 and v.word != "number":
            return call("divide", v, u.args[1])
    return call("multiply", a, b)


def negative(a: Term) -> Term:
    """-a; twice is nothing."""
    return a.args[0] if a.word == "negative" else call("negative", a)


def plus(a: Term | None, b: Term) -> Term:
    """a + b, without zeros."""
    if a is None or number_of(a) == 0:
        return b
    if number_of(b) == 0:
        return a
    return call("subtract", a, b.args[0]) if b.word == "negative" else call("add", a, b)


def minus(a: Term, b: Term) -> Term:
    """a - b, without zeros."""
    return a if number_of(b) == 0 else negative(b) if number_of(a) == 0 else call("subtract", a, b)


def differentiate(t: Term, name: str, inner=None) -> Term:
    """∂t/∂name, as the rules give it; `inner(u)` names the derivative of an argument instead of working it out."""
    inner = inner or (lambda u: differentiate(u, name))
    if t.word == "symbol":
        return term(1 if t.params["name"] == name else 0)
    if not depends(t, name) or t.word in CONSTANT:
        return term(0)
    if t.word in PLAIN:
        return inner(t.args[0])
    if t.word == "where":
        a, b = inner(t.args[1]), inner(t.args[2])
        return a if number_of(a) is not None and number_of(a) == number_of(b) else call("where", t.args[0], a, b)
    if t.word == "divide" and all(depends(a, name) for a in t.args):
        (u, v), (du, dv) = t.args, (inner(t.args[0]), inner(t.args[1]))
        return call("divide", minus(times(du, v), times(u, dv)), call("square", v))
    if t.word in ("maximum", "minimum", "fmax", "fmin"):
        (u, v), (du, dv) = t.args, (inner(t.args[0]), inner(t.args[1]))
        return call("where", call("greater" if "max" in t.word else "less", u, v), du, dv)
    result = None
    for a, slope in zip(t.args, slopes(t)):
        if not depends(a, name):
            continue
        if slope is None:
            raise Unknown(t.word)
        d = inner(a)
        result = plus(result, times(d, slope) if t.word == "multiply" and a is t.args[0] else times(slope, d))
    return result if result is not None else term(0)


def single(t: Term) -> bool:
    """Whether a term is one word on symbols and numbers, each symbol once."""
    names = [a.params["name"] for a in t.args if a.word == "symbol"]
    return t.word in WORDS and all(a.word in ("symbol", "number") for a in t.args) and len(set(names)) == len(names)


def reason(t: Term, name: str) -> Why:
    """Which rule the outermost word follows."""
    if t.word == "where":
        return ("by cases: each branch on its own; the condition only chooses", "分情形：各分支分别求导，条件只负责选择")
    if t.word in PLAIN:
        return ("the type changes nothing", "类型转换不影响导数")
    if t.word in ("add", "subtract", "negative") or sum(depends(a, name) for a in t.args) > 1:
        return WORDS[t.word].rule
    if t.word in ("multiply", "divide"):
        return ("a constant factor stays", "常数因子保留")
    rule = WORDS[t.word].rule
    inner = next(a for a in t.args if depends(a, name))
    if inner.word == "symbol":
        return rule
    return f"chain rule; {rule[0]}", f"链式法则；{rule[1]}"


def used(t: Term, name: str) -> list:
    """The words within a term that a derivative by `name` meets, outermost first, without the arithmetic."""
    found: list = []

    def walk(u):
        if not depends(u, name):
            return
        linear = u.word in ("add", "subtract", "negative") or (
            u.word in ("multiply", "divide") and sum(depends(a, name) for a in u.args) == 1
        )
        linear = linear and not (u.word == "divide" and depends(u.args[1], name))
        if u.word in WORDS and not linear and u.word not in found:
            found.append(u.word)
        for a in u.args if u.word != "where" else u.args[1:]:
            walk(a)

    walk(t)
    return found


def steps(t: Term, x: Term, y: Term, bindings: dict) -> list:
    """The way to ∂t/∂x: (term, why) line by line, each with the same value. `y` is the symbol that t defines."""
    name = x.params["name"]
    if t.word == "symbol":
        return [(term(1), ("the value itself: slope 1", "就是它自己：斜率为 1"))]
    if not depends(t, name):
        return [(term(0), ("it does not occur", "式中不出现该量"))]
    if single(t):
        return _of_word(t, name, y)
    found = []

    def named(u):
        if u.word in ("symbol", "number") or not used(u, name) or u.word in CONSTANT:
            return differentiate(u, name)
        value = np.asarray(evaluate(differentiate(u, name), bindings))
        return Term("partial", (u, x), {}, value)

    rule = differentiate(t, name, named)
    whole = differentiate(t, name)
    if any(a.word == "partial" for a in _walk(rule)):
        found.append((rule, reason(t, name)))
        inside = [u for u in _walk(rule) if u.word == "partial"]
        words = list(dict.fromkeys(w for u in inside for w in used(u.args[0], name)))
        found.append((whole, _together([WORDS[w].rule for w in words])))
    else:
        found.append((whole, reason(t, name)))
    found.append((simplify(whole), ("simplified", "化简")))
    return found


def _together(rules: list) -> Why:
    rules = list({r[0]: r for r in rules if r[0]}.values())
    if not rules:
        return ("worked out inside", "求出里层的导数")
    return "; ".join(r[0] for r in rules[:3]), "；".join(r[1] for r in rules[:3])


def _of_word(t: Term, name: str, y: Term) -> list:
    entry = WORDS[t.word]
    place = next(i for i, a in enumerate(t.args) if a.word == "symbol" and a.params["name"] == name)
    found = []
    if entry.steps is not None:
        found = entry.steps(*t.args, y)
        if isinstance(found, tuple):
            found = found[place]
        found = [(a, why) for a, why in found]
    if not found:
        slope = slopes(t)[place]
        if slope is None:
            raise Unknown(t.word)
        found = [(term(slope), _of_product(t, place) or entry.rule)]
        if t.word == "pow":
            found = _of_power(t, place)
    return found


def _of_product(t: Term, place: int) -> Why | None:
    """Why a product or quotient of two symbols has the derivative it has."""
    if t.word == "divide" and place == 1:
        return ("(1/u)′ = -1/u²; the numerator is a constant factor", "(1/u)′ = -1/u²；分子是常数因子")
    if t.word in ("multiply", "divide"):
        other = repr(t.args[1 - place])
        if t.args[1 - place].word != "symbol":
            return ("a constant factor stays", "常数因子保留")
        return (f"{other} doesn't depend on {t.args[place]!r}: a constant factor", f"{other} 与 {t.args[place]!r} 无关，是常数因子")
    return None


def _of_power(t: Term, place: int) -> list:
    a, b = t.args
    if place == 0:
        n = number_of(b)
        line = times(b, call("pow", a, number_minus_one(b) if n is not None else b - 1))
        return [(line, WORDS["square"].rule)]
    log = call("log", a)
    return [
        (
            call("multiply", call("exp", call("multiply", b, log)), log),
            ("chain rule on aᵇ = e^(b·log a)", "对 aᵇ = e^(b·log a) 用链式法则"),
        ),
        (call("multiply", t, log), ("e^(b·log a) = aᵇ again", "再写回 e^(b·log a) = aᵇ")),
    ]


def number_minus_one(b: Term) -> Term:
    """The number that is one less."""
    n: Any = number_of(b) - 1
    return term(int(n) if isinstance(n, float) and n.is_integer() else n)


def _walk(t: Term):
    yield t
    if t.word != "partial":
        for a in t.args:
            yield from _walk(a)
