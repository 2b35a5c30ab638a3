"""Calculus with indices: the derivative of an element by an element, and sums that Kronecker's δ shortens.

Terms here say one element: x[i, k]·y[k, j] under a Σ. A place outside an array counts as 0 (zero padding needs nothing else).
"""

from .terms import Term, call, index, same, term, total

ZERO, ONE = term(0), term(1)


class NotIndexed(Exception):
    """A word has no meaning with indices here: another family must tell it."""


# ---- products and sums that leave out what does nothing -----------------------------------------------------------


def is_number(t: Term, value=None) -> bool:
    """Whether a term is a plain number (that one, if given)."""
    if t.word != "number" or not isinstance(t.params["number"], (int, float, complex)):
        return False
    return value is None or t.params["number"] == value


def times(*parts) -> Term:
    """The product, without ones; 0 if a factor is 0."""
    left = [p for p in map(term, parts) if not is_number(p, 1)]
    if any(is_number(p, 0) for p in left):
        return ZERO
    if not left:
        return ONE
    sign = 1
    for i, p in enumerate(left):
        while p.word == "negative":
            p, sign = p.args[0], -sign
        left[i] = p
    left = [p for p in left if not is_number(p, 1)] or [ONE]
    product = left[0]
    for p in left[1:]:
        product = call("multiply", product, p)
    return product if sign > 0 else call("negative", product)


def plus(a, b) -> Term:
    """The sum, without zeros."""
    a, b = term(a), term(b)
    if is_number(a, 0):
        return b
    if is_number(b, 0):
        return a
    return call("subtract", a, b.args[0]) if b.word == "negative" else call("add", a, b)


def minus(a, b) -> Term:
    """The difference, without zeros."""
    a, b = term(a), term(b)
    return a if is_number(b, 0) else negative(b) if is_number(a, 0) else call("subtract", a, b)


def negative(a: Term) -> Term:
    """-a."""
    return ZERO if is_number(a, 0) else a.args[0] if a.word == "negative" else call("negative", a)


def over(a: Term, b) -> Term:
    """a/b."""
    b = term(b)
    return a if is_number(b, 1) or is_number(a, 0) else call("divide", a, b)


def added(indices, body: Term) -> Term:
    """Σ over indices, of which there may be none."""
    indices = tuple(indices)
    if is_number(body, 0) or not indices:
        return body
    if body.word == "negative":
        return negative(added(indices, body.args[0]))
    if body.word == "total":
        return total((*indices, *body.params["over"]), body.args[0])
    return total(indices, body)


# ---- places: sums of indices with whole factors ---------------------------------------------------------------------


def affine(t: Term) -> tuple[dict, int] | None:
    """A place as ({name: (term, factor)}, constant); what is no such sum counts as one thing with a name of its own."""
    if t.word == "number":
        return ({}, t.params["number"]) if isinstance(t.params["number"], int) else None
    if t.word in ("add", "subtract"):
        (a, m), (b, n) = affine(t.args[0]), affine(t.args[1])
        sign = 1 if t.word == "add" else -1
        out = dict(a)
        for name, (i, c) in b.items():
            c = out.get(name, (i, 0))[1] + sign * c
            out[name] = (i, c)
        return {name: (i, c) for name, (i, c) in out.items() if c}, m + sign * n
    if t.word == "negative":
        a, m = affine(t.args[0])
        return {name: (i, -c) for name, (i, c) in a.items()}, -m
    if t.word == "multiply" and any(is_number(a) for a in t.args):
        factor, rest = t.args if is_number(t.args[0]) else t.args[::-1]
        a, m = affine(rest)
        c = factor.params["number"]
        return {name: (i, c * f) for name, (i, f) in a.items()}, c * m
    return {repr(t): (t, 1)}, 0


def place(parts: dict, constant: int = 0) -> Term:
    """The term of such a sum."""
    out = None
    for i, c in sorted(parts.values(), key=lambda p: p[1] < 0):  # what is added first, then what is taken away
        one = i if abs(c) == 1 else call("multiply", abs(c), i)
        out = (one if c > 0 else call("negative", one)) if out is None else call("add" if c > 0 else "subtract", out, one)
    if out is None:
        return term(constant)
    return out if not constant else call("add" if constant > 0 else "subtract", out, abs(constant))


def shifted(*parts, constant: int = 0) -> Term:
    """A place from (factor, term) pairs: shifted((2, p), (1, k), constant=-1) is 2·p + k - 1."""
    found: dict = {}
    for c, t in parts:
        for name, (i, f) in affine(t)[0].items():
            found[name] = (i, found.get(name, (i, 0))[1] + c * f)
        constant += c * affine(t)[1]
    return place({n: v for n, v in found.items() if v[1]}, constant)


def free(t) -> dict:
    """The indices in a term that no Σ in it binds, by name."""
    if isinstance(t, (list, tuple)):
        return {k: v for a in t for k, v in free(a).items()}
    if not isinstance(t, Term):
        return {}
    if t.word == "index":
        return {t.params["name"]: t}
    found = free(t.args)
    for i in t.params.get("over", ()):
        found.pop(i.params["name"], None)
    return found


def replaced(t, changes: dict):
    """The term with other terms for some indices, by name."""
    if isinstance(t, (list, tuple)):
        return type(t)(replaced(a, changes) for a in t)
    if not isinstance(t, Term) or not changes:
        return t
    if t.word == "index":
        return changes.get(t.params["name"], t)
    if not free(t).keys() & changes.keys():
        return t
    if t.word in ("add", "subtract", "multiply", "negative") and all(a.word in _PLACE for a in t.args):
        new = Term(t.word, replaced(t.args, changes), t.params)
        try:
            parts, constant = affine(new)
            return place(parts, constant)
        except TypeError:  # factors that are no whole numbers
            return new
    params = t.params
    if t.word == "partial" and "is" in params:
        params = {**params, "is": replaced(params["is"], changes)}
    return Term(t.word, replaced(t.args, changes), params)


_PLACE = frozenset("index number add subtract multiply negative floor_divide remainder".split())


def delta(a: Term, b: Term) -> Term:
    """Kronecker's δ, or the number it is where that is plain."""
    if same(a, b) or (a.word == b.word == "number" and a.params["number"] == b.params["number"]):
        return ONE
    for i, n in ((a, b), (b, a)):
        if i.word == "index" and i.params["size"] == 1 and is_number(n, 0):
            return ONE
    if is_number(a) and is_number(b):
        return ZERO
    return Term("delta", (a, b))


# ---- the derivative ------------------------------------------------------------------------------------------------

CHAIN = {
    "exp": lambda u, y: y,
    "log": lambda u, y: over(ONE, u),
    "sqrt": lambda u, y: over(ONE, times(2, y)),
    "square": lambda u, y: times(2, u),
    "abs": lambda u, y: call("sign", u),
    "log1p": lambda u, y: over(ONE, call("add", 1, u)),
}
FLAT = frozenset("index number delta iverson equal not_equal less less_equal greater greater_equal isnan sign argmax floor".split())


def derivative(t: Term, x: str, places: tuple) -> Term:
    """∂t/∂x[places] for an element t: by the rules for sums, products, quotients and chains; ∂x[i]/∂x[a] = δ of i and a."""
    if t.word == "symbol":
        return ONE if t.params["name"] == x and not places else ZERO
    if t.word == "at":
        if t.args[0].word != "symbol":
            raise NotIndexed("at of a formula")
        if t.args[0].params["name"] != x:
            return ZERO
        return times(*(delta(i, a) for i, a in zip(t.args[1:], places)))
    if t.word in FLAT:
        return ZERO
    rule = lambda a: derivative(a, x, places)
    if t.word == "negative":
        return negative(rule(t.args[0]))
    if t.word in ("add", "subtract"):
        return (plus if t.word == "add" else minus)(rule(t.args[0]), rule(t.args[1]))
    if t.word == "multiply":
        a, b = t.args
        return plus(_product(rule(a), b), _product(a, rule(b)))
    if t.word == "divide":
        a, b = t.args
        da, db = rule(a), rule(b)
        return minus(over(da, b), ZERO if is_number(db, 0) else over(times(a, db), call("square", b)))
    if t.word == "total":
        return added(t.params["over"], rule(t.args[0]))
    if t.word == "where":
        c, a, b = t.args
        da, db = rule(a), rule(b)
        if is_number(db, 0):
            return times(Term("iverson", (c,)), da)
        return ZERO if is_number(da, 0) and is_number(db, 0) else Term("where", (c, da, db))
    if t.word == "pow" and is_number(t.args[1]):
        n = t.args[1].params["number"]
        return times(n, t.args[0] if n == 2 else call("pow", t.args[0], n - 1), rule(t.args[0]))
    if t.word == "pow" and not mentions(t.args[1], x):
        n = t.args[1]
        return times(n, call("pow", t.args[0], n - 1), rule(t.args[0]))
    if t.word in CHAIN:
        inner = rule(t.args[0])
        return ZERO if is_number(inner, 0) else times(CHAIN[t.word](t.args[0], t), inner)
    if not mentions(t, x):
        return ZERO
    raise NotIndexed(t.word)


def _product(a: Term, b: Term) -> Term:
    return ZERO if is_number(a, 0) or is_number(b, 0) else times(a, b)


def mentions(t, x: str) -> bool:
    """Whether the symbol x occurs in a term."""
    if isinstance(t, (list, tuple)):
        return any(mentions(a, x) for a in t)
    if not isinstance(t, Term):
        return False
    return t.params.get("name") == x if t.word == "symbol" else mentions(t.args, x)


# ---- sums shortened by δ -------------------------------------------------------------------------------------------


def opened(t: Term) -> tuple[list, list]:
    """(indices, factors) of a sum of products: Σ's inside of products come out."""
    if t.word == "total":
        indices, parts = opened(t.args[0])
        return [*t.params["over"], *indices], parts
    if t.word == "multiply":
        indices, parts = [], []
        for a in t.args:
            i, p = opened(a)
            indices, parts = indices + i, parts + p
        return indices, parts
    return [], [t]


def contracted(t: Term) -> Term:
    """The term with every Σ shortened that a δ in it decides: Σ_i δ_ia·f(i) is f(a)."""
    if t.word in ("add", "subtract"):
        return (plus if t.word == "add" else minus)(contracted(t.args[0]), contracted(t.args[1]))
    if t.word == "negative":
        return negative(contracted(t.args[0]))
    if t.word == "divide":
        return over(contracted(t.args[0]), t.args[1])
    if t.word not in ("total", "multiply"):
        return t
    indices, parts = opened(t)
    for n, p in enumerate(parts):
        if p.word in ("add", "subtract", "negative", "divide") and _decides(p, indices):
            rest = parts[:n], parts[n + 1 :]
            made = [contracted(added(indices, times(*rest[0], a, *rest[1]))) for a in p.args[: 1 if p.word == "divide" else 2]]
            if p.word == "divide":
                return contracted(added(indices, times(*rest[0], p.args[0], over(ONE, p.args[1]), *rest[1])))
            return negative(made[0]) if p.word == "negative" else (plus if p.word == "add" else minus)(*made)
    found = True
    while found:
        found = False
        for n, p in enumerate(parts):
            if p.word != "delta":
                continue
            change = _solved(p, indices, parts[:n] + parts[n + 1 :])
            if change is not None:
                i, value = change
                indices = [k for k in indices if k.params["name"] != i]
                parts = [replaced(q, {i: value}) for q in parts[:n] + parts[n + 1 :]]
                parts = [delta(*q.args) if q.word == "delta" else q for q in parts]
                found = True
                break
    return added(*_ranges(indices, [settled(p) for p in parts]))


def settled(t: Term) -> Term:
    """A condition in brackets without what always holds: 0 ≤ i, and i < n where i runs up to n."""
    if t.word != "iverson":
        return t
    left = [c for c in _conditions(t.args[0]) if not _always(c)]
    if not left:
        return ONE
    condition = left[0]
    for c in left[1:]:
        condition = call("logical_and", condition, c)
    return Term("iverson", (condition,))


def _conditions(t: Term) -> list:
    return [c for a in t.args for c in _conditions(a)] if t.word == "logical_and" else [t]


def _always(c: Term) -> bool:
    if c.word == "less_equal" and is_number(c.args[0], 0):
        return c.args[1].word == "index"
    return (
        c.word == "less" and c.args[0].word == "index" and is_number(c.args[1]) and c.args[0].params["size"] <= c.args[1].params["number"]
    )


def _ranges(indices: list, parts: list) -> tuple[list, Term]:
    """Σ_k δ(f + k, u), where k is nowhere else, is 1 if some k of the range fits: [0 ≤ u - f < size]."""
    for n, p in enumerate(parts):
        if p.word != "delta":
            continue
        others = free(parts[:n] + parts[n + 1 :])
        for i in indices:
            name = i.params["name"]
            if name in others or name not in free(p):
                continue
            try:
                (left, m), (right, k) = affine(p.args[0]), affine(p.args[1])
            except TypeError:
                continue
            if name in left and abs(left[name][1]) == 1 and name not in right:
                c = left[name][1]
                rest = [(-c * f, t) for key, (t, f) in left.items() if key != name] + [(c * f, t) for t, f in right.values()]
                if any(name in free(t) for _, t in rest):
                    continue
                value = shifted(*rest, constant=c * (k - m))
                inside = call("logical_and", call("less_equal", 0, value), call("less", value, i.params["size"]))
                kept = [q for q in indices if q is not i]
                return _ranges(kept, parts[:n] + [Term("iverson", (inside,))] + parts[n + 1 :])
    return indices, times(*parts)


def _decides(t: Term, indices) -> bool:
    """Whether a δ in the term has to do with these indices."""
    names = {i.params["name"] for i in indices}
    if t.word == "delta":
        return bool(free(t).keys() & names)
    return any(_decides(a, indices) for a in t.args if isinstance(a, Term))


def _solved(d: Term, indices, others) -> tuple[str, Term] | None:
    """(name, value) of the bound index that this δ decides, where that may be put in for it."""
    bound = {i.params["name"]: i for i in indices}
    for a, b in (d.args, d.args[::-1]):
        if a.word == "index" and a.params["name"] in bound and a.params["name"] not in free(b) and _fits(a, b, others):
            return a.params["name"], b
    try:
        (left, m), (right, n) = affine(d.args[0]), affine(d.args[1])
    except TypeError:
        return None
    for name in [*left, *right]:
        if name not in bound or (name in left and name in right):
            continue
        own, far, sign = (left, right, 1) if name in left else (right, left, -1)
        c = own[name][1]
        if abs(c) != 1:
            continue
        rest = [(-c, i, f) for k, (i, f) in own.items() if k != name] + [(c, i, f) for i, f in far.values()]
        if any(name in free(i) for _, i, _ in rest):
            continue
        value = shifted(*[(s * f, i) for s, i, f in rest], constant=-c * sign * (m - n))
        if _fits(bound[name], value, others):
            return name, value
    return None


def _fits(i: Term, value: Term, others) -> bool:
    """Whether a value may be put in for an index: it stays in the index's range, or an array read at that index is 0 outside."""
    if value.word == "index" and value.params["size"] <= i.params["size"]:
        return True
    if value.word == "number" and 0 <= value.params["number"] < i.params["size"]:
        return True
    return any(_reads_at(o, i.params["name"], i.params["size"]) for o in others)


def _reads_at(t: Term, name: str, size: int) -> bool:
    if t.word != "at":
        return False
    shape = getattr(t.args[0].value, "shape", ())
    return any(p.word == "index" and p.params["name"] == name and n == size for p, n in zip(t.args[1:], shape))


class Letters:
    """Names for indices, no two alike."""

    def __init__(self):
        self.used: set[str] = set()

    def fresh(self, size: int, wanted: str) -> Term:
        """An index of this range, called by the first free one of the wanted letters."""
        for name in (*wanted, *"ijklmnopqrstuvwabcdefgh"):
            if name not in self.used:
                break
        else:
            name = next(f"i{n}" for n in range(10**6) if f"i{n}" not in self.used)
        self.used.add(name)
        return index(name, size)
