"""Names for what a derivation says again and again: t for tanh(…), d for x - y. The definition says them once."""

from collections import Counter

import numpy as np

from .derivation import Derivation, Line
from .evaluate import evaluate
from .simplify import key
from .terms import Term, symbol

_LETTERS = {
    "tanh": "t",
    "sigmoid": "s",
    "subtract": "d",
    "ndtr": "q",
    "abs": "a",
    "minimum": "l",
    "log": "l",
    "log1p": "k",
    "softplus": "s",
}
_WHY = ("it occurs again and again: give it a name", "它反复出现：起个名字")


def name_repeated(d: Derivation) -> Derivation:
    """The derivation with the terms named that stand several times in one line."""
    lines = [line for part in d.parts for line in part.lines]
    for chosen in _worth_naming([line.right for line in lines]):
        letter = next(c for c in (_LETTERS[chosen.word], *"upqrvw") if c not in d.bindings and "g" + c not in d.bindings)
        value = np.asarray(evaluate(chosen, d.bindings))
        name = symbol(letter, value)
        for u in (u for line in d.definition for u in _within(line.right) if u.word == chosen.word == "tanh"):
            if _equal(u, name, d.bindings):  # as the definition writes it
                chosen = u
        for line in lines:
            line.right = _replaced(line.right, chosen, name, d.bindings)
        if not any(_mentions(line.right, letter) for line in lines):
            continue
        d.bindings[letter] = value
        d.definition.append(Line(name, chosen, _WHY, checked=value))
    return d


def _worth_naming(terms: list) -> list:
    """Function values and differences of compound arguments that occur twice in a line and in several lines: outermost first."""
    found: dict = {}
    most: Counter = Counter()
    total: Counter = Counter()
    for t in terms:
        here: Counter = Counter()
        for u in _within(t):
            if u.word in _LETTERS and _size(u) >= 3 and not any(a.word == "number" for a in u.args):
                found.setdefault(key(u), u)
                here[key(u)] += 1
        for k, n in here.items():
            most[k] = max(most[k], n)
            total[k] += n
    good = [k for k in found if most[k] >= 2 and total[k] >= 4 and _size(found[k]) * total[k] >= 20]
    chosen: list = []
    for k in sorted(good, key=lambda k: -_size(found[k])):
        if len(chosen) < 2 and not any(_contains(v, k) or _contains(found[k], key(v)) for v in chosen):
            chosen.append(found[k])
    return chosen


def _contains(t: Term, k) -> bool:
    return any(key(u) == k for u in _within(t))


def _within(t: Term):
    yield t
    for a in t.args:
        yield from _within(a)


def _size(t: Term) -> int:
    return 1 + sum(map(_size, t.args))


def _mentions(t: Term, name: str) -> bool:
    return any(u.word == "symbol" and u.params["name"] == name for u in _within(t))


def _replaced(t: Term, old: Term, new: Term, bindings: dict) -> Term:
    """The term with the named one in place: where it has the same form, or is the same word with the same value."""
    if t.word == old.word and (key(t) == key(old) or (t.word == "tanh" and _equal(t, new, bindings))):
        return new
    if not t.args:
        return t
    args = tuple(_replaced(a, old, new, bindings) for a in t.args)
    return t if all(a is b for a, b in zip(args, t.args)) else Term(t.word, args, t.params, t.value)


def _equal(t: Term, name: Term, bindings: dict) -> bool:
    value = np.asarray(evaluate(t, bindings))
    return value.size > 1 and value.shape == name.value.shape and np.allclose(value, name.value, 1e-11, 1e-13)
