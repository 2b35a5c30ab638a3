"""Formulas brought to the form in which a teacher would leave them: numbers gathered, powers merged, common factors in front.

A formula is read as a sum of products: each product a number times bases with exponents. What is no arithmetic (a function, a
choice by cases) is one base, its arguments simplified. Nothing is multiplied out.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ...backend.vocabulary import ELEMENTWISE
from .terms import Term, call, term

COMPARISONS = frozenset(
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not isnan isinf isfinite".split()
)
HALF = Fraction(1, 2)


def number_of(t: Any) -> Any:
    """The plain number that a term is; None for any other."""
    if isinstance(t, Term):
        if t.word != "number":
            return None
        t = t.params["number"]
    if isinstance(t, np.generic) or (isinstance(t, np.ndarray) and not t.ndim):
        t = t.item()
    return t if isinstance(t, (int, float, complex)) and not isinstance(t, bool) else None


def number(value: Any) -> Term:
    """A number's term: whole numbers as integers."""
    if isinstance(value, Fraction):
        value = value.numerator if value.denominator == 1 else float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return term(value)


def key(t: Any) -> Any:
    """What is equal for terms of the same form, whatever the order of sums and products."""
    if not isinstance(t, Term):
        return repr(t)
    if t.word == "number":
        v = number_of(t)
        return ("number", repr(t.params["number"]) if v is None else float(f"{v:.12g}") if not isinstance(v, complex) else v)
    if t.word in ("symbol", "index"):
        return (t.word, t.params["name"])
    args: Any = tuple(key(a) for a in t.args)
    if t.word in ("add", "multiply", "maximum", "minimum", "equal", "not_equal", "logical_and", "logical_or", "hypot", "logaddexp"):
        args = tuple(sorted(args, key=repr))
    return (t.word, args, tuple(sorted((k, key(v)) for k, v in t.params.items())))


def alike(a: Term, b: Term) -> bool:
    """Whether two terms say the same once simplified."""
    return key(simplify(a)) == key(simplify(b))


class Product:
    """number · base₁^e₁ · base₂^e₂ …"""

    def __init__(self, coef: Any = 1):
        self.coef, self.bases = coef, {}  # key: [base, exponent], in the order of appearance

    def times(self, base: Term, exponent) -> None:
        k = key(base)
        if k in self.bases:
            self.bases[k][1] += exponent
            if self.bases[k][1] == 0:
                del self.bases[k]
        else:
            self.bases[k] = [base, exponent]

    def signature(self):
        return tuple(sorted(((k, e) for k, (_, e) in self.bases.items()), key=repr))

    def copy(self) -> "Product":
        new = Product(self.coef)
        new.bases = {k: list(v) for k, v in self.bases.items()}
        return new


def _power(value, exponent):
    if exponent == 1:
        return value
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        exponent = int(exponent)
    if exponent == -1 and isinstance(value, int):
        return Fraction(1, value) if value else math.inf
    if isinstance(exponent, int) and isinstance(value, (int, Fraction)):
        return Fraction(value) ** exponent if value or exponent > 0 else math.inf
    return float(value) ** float(exponent) if not isinstance(value, complex) else value ** float(exponent)


def _exact(v):
    """A number as a fraction where it is a simple one."""
    if isinstance(v, bool):
        return int(v)
    if isinstance(v, float) and math.isfinite(v):
        near = Fraction(v).limit_denominator(64)
        if near == v or (near and math.isclose(v, float(near), rel_tol=1e-15)):
            return near
    return v


def _multiply(t: Term, exponent, into: Product) -> None:
    """Put t^exponent into a product."""
    v, whole = number_of(t), isinstance(exponent, int) or exponent.denominator == 1
    if v is not None:
        if v == 0 and exponent < 0:
            into.times(t, exponent)
        elif not whole and isinstance(v, (int, float)) and v < 0:
            into.times(t, exponent)
        else:
            root = math.isqrt(v) if not whole and isinstance(v, int) else None
            if root is not None and root * root != v:
                into.times(t, exponent)
            else:
                into.coef = into.coef * _power(_exact(v), exponent)
        return
    w, a = t.word, t.args
    if whole or w in ("sqrt", "rsqrt"):
        if w == "multiply":
            _multiply(a[0], exponent, into)
            _multiply(a[1], exponent, into)
            return
        if w == "divide":
            _multiply(a[0], exponent, into)
            _multiply(a[1], -exponent, into)
            return
        if w == "negative":
            into.coef = into.coef * (-1) ** int(exponent)
            _multiply(a[0], exponent, into)
            return
        if w in ("square", "reciprocal"):
            _multiply(a[0], exponent * (2 if w == "square" else -1), into)
            return
        if w in ("sqrt", "rsqrt"):
            inner, e = simplify(a[0]), exponent * (HALF if w == "sqrt" else -HALF)
            if e.denominator == 1 if isinstance(e, Fraction) else True:
                _multiply(inner, int(e), into)
            else:
                _base(inner, e, into)
            return
        if w == "pow" and isinstance(number_of(a[1]), (int, float)):
            e = _exact(number_of(a[1]))
            if isinstance(e, int) or (isinstance(e, Fraction) and e.denominator <= 2):
                if Fraction(e).denominator == 1:
                    _multiply(a[0], exponent * int(e), into)
                else:
                    _base(simplify(a[0]), exponent * e, into)
                return
    if w == "pow":  # an exponent that is no number
        _base(Term("pow", tuple(simplify(x) for x in a)), exponent, into)
        return
    simple = simplify(t)
    if (
        simple.word in ("multiply", "divide", "negative", "number", "square", "reciprocal")
        and simple is not t
        and key(simple) != key(t)
        and whole
    ):
        _multiply(simple, exponent, into)
        return
    if simple.word in ("add", "subtract") and whole:  # a number common to all its terms goes in front
        content, rest = _content(_sum(simple))
        if content != 1:
            into.coef = into.coef * _power(content, exponent)
            simple = _write_sum(rest)
    _base(simple, exponent, into)


def _base(t: Term, exponent, into: Product) -> None:
    if t.word in COMPARISONS:
        t = call("iverson", t)
    if t.word == "number" and number_of(t) is not None and number_of(t) >= 0 and Fraction(exponent).denominator == 1:
        into.coef = into.coef * _power(_exact(number_of(t)), exponent)
        return
    if t.word == "exp":
        for k, (base, e) in list(into.bases.items()):
            if base.word == "exp":
                del into.bases[k]
                joined = simplify(call("add", _scaled(base.args[0], e), _scaled(t.args[0], exponent)))
                if number_of(joined) != 0:
                    into.times(call("exp", joined), 1)
                return
        if exponent != 1:
            t, exponent = call("exp", simplify(_scaled(t.args[0], exponent))), 1
    into.times(t, exponent)


def _scaled(t: Term, factor) -> Term:
    return t if factor == 1 else call("multiply", number(factor), t)


def _add(t: Term, coef, into: list) -> None:
    """Put coef·t into a sum."""
    if t.word == "add":
        _add(t.args[0], coef, into)
        _add(t.args[1], coef, into)
    elif t.word == "subtract":
        _add(t.args[0], coef, into)
        _add(t.args[1], -coef, into)
    elif t.word == "negative":
        _add(t.args[0], -coef, into)
    else:
        p = Product(coef)
        _multiply(t, 1, p)
        if len(p.bases) == 1 and p.coef in (1, -1):
            ((base, e),) = p.bases.values()
            if e == 1 and base.word in ("add", "subtract"):
                _add(base, p.coef, into)
                return
        _gather(p, into)


def _gather(p: Product, into: list) -> None:
    sign = p.signature()
    for q in into:
        if q.signature() == sign:
            q.coef = q.coef + p.coef
            break
    else:
        into.append(p)


def _sum(t: Term) -> list:
    found: list = []
    _add(t, 1, found)
    return [p for p in found if p.coef != 0]


def _content(products: list) -> tuple:
    """(number, the sum divided by it): a size that all terms share, or a sign."""
    if not products:
        return 1, products
    sizes = {abs(p.coef) if not isinstance(p.coef, complex) else p.coef for p in products}
    size = sizes.pop() if len(sizes) == 1 else 1
    if isinstance(size, complex):
        return 1, products
    sign = -1 if all(not isinstance(p.coef, complex) and p.coef < 0 for p in products) else 1
    if size * sign == 1:
        return 1, products
    rest = [p.copy() for p in products]
    for p in rest:
        p.coef = (
            p.coef / Fraction(size * sign)
            if isinstance(size, (int, Fraction)) and isinstance(p.coef, (int, Fraction))
            else p.coef / (size * sign)
        )
    return size * sign, rest


def _factor(products: list) -> tuple:
    """(common factors, the sum divided by them)."""
    common = Product()
    if len(products) < 2:
        return common, products
    for k, (base, _) in products[0].bases.items():
        exponents = [p.bases[k][1] if k in p.bases else 0 for p in products]
        low = min(exponents)
        if low > 0 or max(exponents) < 0:
            common.times(base, low if low > 0 else max(exponents))
    if not common.bases:
        return common, products
    rest = []
    for p in products:
        q = p.copy()
        for base, e in common.bases.values():
            q.times(base, -e)
        rest.append(q)
    return common, rest


def simplify(t: Term) -> Term:
    """The term in its simple form, with the same value."""
    if t.word in ("symbol", "number", "index", "partial", "change"):
        return t
    if t.word in _SHAPES:
        return _SHAPES[t.word](t)
    if t.word == "where":
        c = t.args[0]
        a, b = simplify(assume(t.args[1], c, True)), simplify(assume(t.args[2], c, False))
        return a if key(a) == key(b) else _joined(simplify(c), a, b)
    if t.word in ("relu_pull",):
        return call("where", call("greater", t.args[1], 0), simplify(t.args[0]), 0)
    if t.word not in _ARITHMETIC:
        whole = t.word not in _EACH  # a word on whole arrays: zeros must keep their shape
        return Term(t.word, tuple(a if whole and a.word in _SHAPES else simplify(a) for a in t.args), t.params, t.value)
    products = _sum(t)
    if not products:
        return number(0)
    common, rest = _factor(products)
    if not common.bases:
        if len(products) == 1:
            return _write(products[0])
        content, rest = _content(products)
        if abs(content) == 1 or all(not p.bases for p in products):
            return _write_sum(products)
        common.coef = content
        common.times(_write_sum(rest), 1)
        return _write(common)
    content, rest = _content(rest)
    common.coef = content
    inner: list = []
    for p in rest:
        _gather(p, inner)
    inner = [p for p in inner if p.coef != 0]
    if not inner:
        return number(0)
    if len(inner) == 1 and not inner[0].bases:
        common.coef = common.coef * inner[0].coef
    else:
        total = _write_sum(inner) if len(inner) > 1 else _write(inner[0])
        _base(total, 1, common)
    return _write(common)


_EACH = frozenset(ELEMENTWISE) | frozenset("relu sigmoid softplus log_sigmoid erf xlogy xlog1py".split())
_ARITHMETIC = frozenset("add subtract multiply divide negative square reciprocal sqrt rsqrt pow".split())


def _constant(value):
    return lambda t: number(value)


_SHAPES = {
    "zeros_like": _constant(0),
    "ones_like": _constant(1),
    "full_like": lambda t: number(number_of(t.params["fill_value"])) if number_of(t.params.get("fill_value")) is not None else t.args[-1],
    "asarray": lambda t: simplify(t.args[0]),
    "astype": lambda t: simplify(t.args[0]) if np.dtype(t.params.get("dtype", float)).kind in "fc" else t,
}


def _joined(c: Term, a: Term, b: Term) -> Term:
    """A choice; one within another that leads to the same value takes both conditions at once."""
    if a.word == "where" and key(a.args[2]) == key(b):
        return call("where", call("logical_and", a.args[0], c), a.args[1], b)
    if b.word == "where" and key(b.args[1]) == key(a):
        return call("where", call("logical_or", c, b.args[0]), a, b.args[2])
    return call("where", c, a, b)


def _write_sum(products: list) -> Term:
    """A sum's term; one of its positive terms goes first."""
    first = next((i for i, p in enumerate(products) if isinstance(p.coef, complex) or p.coef > 0), 0)
    ordered = [products[first], *products[:first], *products[first + 1 :]]
    result = _write(ordered[0])
    for p in ordered[1:]:
        if not isinstance(p.coef, complex) and p.coef < 0:
            q = p.copy()
            q.coef = -q.coef
            result = call("subtract", result, _write(q))
        else:
            result = call("add", result, _write(p))
    return result


def _raised(base: Term, e) -> Term:
    if e == 1:
        return base
    if e == HALF:
        return call("sqrt", base)
    if e == 2:
        return call("square", base)
    if isinstance(e, Fraction) and e.denominator == 2 and e > 1:  # u^(3/2) = u·√u
        return call("multiply", _raised(base, int(e - HALF)), call("sqrt", base))
    return call("pow", base, number(e))


def _late(base: Term) -> int:
    return 2 if base.word in ("where", "iverson") else 1 if base.word in ("add", "subtract") else 0


def _write(p: Product) -> Term:
    """A product's term: number first, conditions last, negative exponents below the line."""
    coef, negative = p.coef, False
    if not isinstance(coef, complex) and coef < 0:
        coef, negative = -coef, True
    above: list = []
    below: list = []
    factors = list(p.bases.values())
    if negative:  # -c·(a - b) = c·(b - a)
        turned = next((i for i, (base, e) in enumerate(factors) if e == 1 and base.word == "subtract"), None)
        if turned is not None:
            base, negative = factors[turned][0], False
            factors[turned] = [call("subtract", base.args[1], base.args[0]), 1]
    for base, e in sorted(factors, key=lambda f: _late(f[0])):
        (above if e > 0 else below).append(_raised(base, e if e > 0 else -e))
    if isinstance(coef, Fraction) or isinstance(coef, int):
        f = Fraction(coef)
        if f.numerator != 1:
            above.insert(0, number(f.numerator))
        if f.denominator != 1:
            below.insert(0, number(f.denominator))
    elif coef != 1:
        above.insert(0, number(coef))
    result = above[0] if above else number(1)
    for f in above[1:]:
        result = call("multiply", result, f)
    if below:
        down = below[0]
        for f in below[1:]:
            down = call("multiply", down, f)
        result = call("divide", result, down)
    if negative:
        v = number_of(result)
        return number(-v) if v is not None else call("negative", result)
    return result


def assume(t: Any, condition: Term, holds: bool) -> Any:
    """The term where a condition is known: choices by the same condition are made."""
    wanted = key(condition)

    def walk(u):
        if not isinstance(u, Term) or not u.args:
            return u
        if u.word == "where" and key(u.args[0]) == wanted:
            return walk(u.args[1 if holds else 2])
        args = tuple(walk(a) for a in u.args)
        return u if all(a is b for a, b in zip(args, u.args)) else Term(u.word, args, u.params)

    return walk(t)


def put(t: Any, names: dict) -> Any:
    """The term with symbols replaced: {"x": term}."""
    if not isinstance(t, Term):
        return type(t)(put(a, names) for a in t) if type(t) in (list, tuple) else t
    if t.word == "symbol":
        return names.get(t.params["name"], t)
    if not t.args and not t.params:
        return t
    args = tuple(put(a, names) for a in t.args)
    params = {k: put(v, names) for k, v in t.params.items()}
    if all(a is b for a, b in zip(args, t.args)) and all(params[k] is t.params[k] for k in params):
        return t
    return Term(t.word, args, params)


def replace(t: Term, old: Term, new: Term) -> Term:
    """The term with every occurrence of a part replaced by another."""
    wanted = key(old)

    def walk(u):
        if not isinstance(u, Term):
            return type(u)(walk(a) for a in u) if type(u) in (list, tuple) else u
        if key(u) == wanted:
            return new
        if not u.args and u.word in ("symbol", "number", "index"):
            return u
        args = tuple(walk(a) for a in u.args)
        params = {k: walk(v) for k, v in u.params.items()}
        if all(a is b for a, b in zip(args, u.args)) and all(params[k] is u.params[k] for k in params):
            return u
        return Term(u.word, args, params)

    return walk(t)


def depends(t: Any, name: str) -> bool:
    """Whether a symbol occurs in the term."""
    if not isinstance(t, Term):
        return type(t) in (list, tuple) and any(depends(a, name) for a in t)
    if t.word == "symbol":
        return t.params["name"] == name
    return any(depends(a, name) for a in t.args) or any(depends(v, name) for v in t.params.values())
