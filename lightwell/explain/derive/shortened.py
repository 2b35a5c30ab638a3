"""Names for the long terms that come again and again in a part of a derivation: m = qᵀ·da·r⁻¹, said once and used below."""

from collections import Counter

import numpy as np

from .derivation import Derivation, Line, Part
from .differentials import moves
from .evaluate import evaluate
from .terms import Term, symbol

LONG = 260  # characters of a term from which its line is too long to read
SMALL = 7  # words that a term must have to be worth a name
_LETTERS = "mnkhcebfzj"
_OWN = frozenset("number symbol getitem".split())
_OWN_WORDS = frozenset("index partial at total".split())  # what has indices is short, and has no value on its own
_WHY = ("a name for what comes again", "给反复出现的部分起个名字")


def all_shortened(d: Derivation) -> Derivation:
    """The derivation with each of its parts shortened."""
    lines = [*d.definition, *(line for part in d.parts for line in part.lines)]
    sides = [side for line in lines for side in (line.left, line.right) if side is not None]
    indices = {u.params["name"] for side in sides for u in _within(side) if u.word == "index"}
    for part in d.parts:
        shortened(part, d.bindings, indices)
    return d


def shortened(part: Part, bindings: dict, unlike: set) -> Part:
    """The part, with names for what its long lines repeat; each name is said right before its first use. `unlike`: letters not to take."""
    lines = part.lines
    taken = unlike | set(bindings) | {n[1:] for n in bindings if n.startswith("g")}
    letters = [c for c in _LETTERS if c not in taken and "g" + c not in bindings]
    while letters and any(len(repr(line.right)) > LONG for line in lines):
        chosen = _worth(lines)
        if chosen is None:
            break
        name = symbol(letters.pop(0), np.asarray(evaluate(chosen, bindings)))
        bindings[name.params["name"]] = name.value
        text = repr(chosen)
        first = next(i for i, line in enumerate(lines) if text in repr(line.right))
        for line in lines:
            line.right = _replaced(line.right, text, name)
        lines.insert(first, Line(name, chosen, _WHY, checked=name.value))
    part.lines = lines
    return part


def _worth(lines: list[Line]) -> Term | None:
    """The term whose name saves most; terms with a change in them last, for the gradient is what matters."""
    count: Counter = Counter()
    found: dict[str, Term] = {}
    for line in lines:
        for t in _within(line.right):
            if _size(t) >= SMALL and t.word not in _OWN and not any(u.word in _OWN_WORDS for u in _within(t)):
                count[repr(t)] += 1
                found.setdefault(repr(t), t)
    whole = ("symbol", "change", "getitem")  # what such a thing is stays said in its own line
    ends = {repr(line.right) for line in lines if line.left is not None and line.left.word in whole}
    good = [k for k in count if count[k] >= 2 and k not in ends]
    if not good:
        return None
    return found[max(good, key=lambda k: ((count[k] - 1) * _size(found[k]), not moves(found[k])))]


def _within(t: Term):
    yield t
    for a in t.args:
        yield from _within(a)


def _size(t: Term) -> int:
    return 1 + sum(map(_size, t.args))


def _replaced(t: Term, text: str, name: Term) -> Term:
    if repr(t) == text:
        return name
    args = tuple(_replaced(a, text, name) for a in t.args)
    return t if all(a is b for a, b in zip(args, t.args)) else Term(t.word, args, t.params, t.value)
