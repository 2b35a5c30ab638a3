"""Formulas as a teacher would put them: in the story's names, simplified, without the words that only the computer needs."""

import builtins
from typing import Any

from ..derive.simplify import number_of, simplify
from ..derive.terms import Term


def renamed(t: Any, names: dict) -> Any:
    """A term with its symbols replaced by the terms that `names` gives for them; lists and tuples inside too."""
    if isinstance(t, (tuple, list)):
        return type(t)(renamed(v, names) for v in t) if not hasattr(t, "_fields") else t
    if not isinstance(t, Term):
        return t
    if t.word == "symbol":
        found = names.get(t.params["name"])
        if found is None:
            return t
        return Term(found.word, found.args, found.params, t.value if found.value is None else found.value)
    if not t.args and not any(isinstance(v, (Term, tuple, list)) for v in t.params.values()):
        return t
    return Term(t.word, renamed(t.args, names), {k: renamed(v, names) for k, v in t.params.items()}, t.value)


def simple(t: Term) -> Term:
    """The term as one would leave it: numbers gathered, common factors in front."""
    try:
        return simplify(spelled(t))
    except (builtins.TypeError, builtins.ValueError, ArithmeticError):  # arguments that no rule of algebra reads
        return t


def in_front(t: Any) -> Any:
    """A sum of products with one number as that number times the sum."""
    if isinstance(t, Term) and t.word == "sum" and t.params.get("axis") is None and t.args[0].word == "multiply":
        for a, c in (t.args[0].args, t.args[0].args[::-1]):
            if number_of(c) is not None:
                return simplify(c * Term("sum", (a,), t.params, t.value))
    return t


def exponentials(t: Any, logs: dict) -> Any:
    """The term with exp(q) written as softmax, where the kept quantity q is the logarithm of one."""
    if isinstance(t, (tuple, list)):
        return type(t)(exponentials(v, logs) for v in t) if not hasattr(t, "_fields") else t
    if not isinstance(t, Term) or not logs:
        return t
    if t.word == "exp" and t.args[0].word == "symbol" and t.args[0].params["name"] in logs:
        log = logs[t.args[0].params["name"]]
        return Term("softmax", log.args, log.params, t.value)
    return Term(t.word, exponentials(t.args, logs), t.params, t.value)


def familiar(t: Any) -> Any:
    """The term with log(1 + x) for log1p(x): the more exact word is the computer's concern."""
    if isinstance(t, (tuple, list)):
        return type(t)(map(familiar, t)) if not hasattr(t, "_fields") else t
    if not isinstance(t, Term) or not t.args:
        return t
    args = familiar(t.args)
    if t.word == "log1p":
        return Term("log", (1 - args[0].args[0] if args[0].word == "negative" else 1 + args[0],), t.params, t.value)
    return Term(t.word, args, t.params, t.value)


def spelled(t: Any) -> Any:
    """The words that are derivatives of softmax and of cross-entropy, spelled out."""
    if isinstance(t, (tuple, list)):
        return type(t)(map(spelled, t)) if not hasattr(t, "_fields") else t
    if not isinstance(t, Term) or not t.args:
        return t
    args = spelled(t.args)
    if t.word == "softmax_pull":
        gy, y = args[:2]
        return Term("multiply", (y, gy - Term("sum", (gy * y,), {"axis": t.params.get("axis"), "keepdims": True})), value=t.value)
    if t.word == "log_softmax_pull":
        gy, y = args[:2]
        return gy - Term("exp", (y,)) * Term("sum", (gy,), {"axis": t.params.get("axis"), "keepdims": True})
    if t.word == "nll_pull":  # c·(onehot - p), with the minus where a teacher has it
        logp, index, c = (*args, t.params.get("c"))[:3]
        p = Term("exp", (logp,))
        return Term("multiply", (-c, p - Term("onehot", (index, p), {"axis": t.params.get("axis", args[-1])})), value=t.value)
    return Term(t.word, args, t.params, t.value)
