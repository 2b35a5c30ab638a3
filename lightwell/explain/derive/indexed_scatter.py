"""Values that meet at one place: multiplied there (scatter_prod), or only the largest kept (scatter_extreme, segment_extreme)."""

import numpy as np

from .derivation import Derivation, Line, Part
from .differences import jacobian
from .indexed import gradient
from .indexed_calculus import Letters, added, delta, times
from .indexed_products import WHY, at, iverson, product_over
from .reader import Reading
from .shortened import all_shortened
from .terms import Term, call, symbol

_PRODUCT = (
    "At each place x is multiplied by every v that falls on it: the derivative by one factor is the product of the others.",
    "在每个位置上，x 乘以落到该处的每个 v：对某个因子的导数就是其余因子之积。",
)
_EXTREME = (
    "At each place only the extreme one of x and the v that fall on it counts; those that tie for it share the gradient evenly, a convention.",
    "在每个位置上，只有 x 与落到该处的各个 v 中的极值起作用；并列者平分梯度，这是约定。",
)
_SEGMENT = (
    "Each row keeps the extreme one of its entries: the gradient goes to the entry that was kept.",
    "每一行只保留各项中的极值：梯度交给被保留的那一项。",
)


def family(reading: Reading) -> Derivation | None:
    """The derivation of scatter_prod, scatter_extreme or segment_extreme; None for others."""
    told = {"scatter_prod": _scatter_prod, "scatter_extreme": _scatter_extreme, "segment_extreme": _segment}.get(reading.record.name)
    if told is None or not reading.gradients:
        return None
    return all_shortened(told(reading))


class _Meeting:
    """Names for the places of a scatter: those of the result, of the entries that fall on it, and of the gradients."""

    def __init__(self, reading: Reading):
        self.x, self.index, self.v, self.y = (*(reading.inputs[n] for n in ("x", "index", "v")), reading.symbols["y"])
        letters = Letters()
        self.dim = reading.params["dim"]
        self.places = tuple(letters.fresh(n, "ijlm") for n in self.x.value.shape)
        self.own = tuple(letters.fresh(n, "rstuv") for n in self.x.value.shape)
        self.entry = tuple(letters.fresh(n, "khop") for n in self.index.value.shape)
        self.mine = tuple(letters.fresh(n, "abcde") for n in self.index.value.shape)

    def falls(self, entry: tuple, places: tuple) -> Term:
        """Whether an entry falls on the places."""
        return times(*(delta(at(self.index, entry) if d == self.dim else entry[d], p) for d, p in enumerate(places)))

    def lands(self, entry: tuple, places: tuple, but: tuple = ()) -> Term:
        """The same as a condition; `but`: for every entry except this one."""
        met = [call("equal", at(self.index, entry) if d == self.dim else entry[d], p) for d, p in enumerate(places)]
        apart = [call("not_equal", a, b) for a, b in zip(entry, but)]
        other = apart[0] if apart else None
        for a in apart[1:]:
            other = call("logical_or", other, a)
        condition = met[0]
        for c in met[1:] + ([other] if other is not None else []):
            condition = call("logical_and", condition, c)
        return condition

    def target(self, entry: tuple) -> tuple:
        """Where an entry falls."""
        return tuple(at(self.index, entry) if d == self.dim else e for d, e in enumerate(entry))


def _bindings(reading: Reading, *more: Term) -> dict:
    return {n: s.value for n, s in reading.symbols.items()} | {s.params["name"]: s.value for s in more}


def _scatter_prod(reading: Reading) -> Derivation:
    m = _Meeting(reading)
    x, v, y, gy = m.x, m.v, m.y, reading.gys["y"]
    all_of = lambda places: product_over(list(m.entry), call("where", m.lands(m.entry, places), at(v, m.entry), 1))
    definition = [
        Line(
            at(y, m.places),
            at(x, m.places) * all_of(m.places),
            ("x times every v that falls on the place", "x 乘以落到该位置的每个 v"),
            checked=y.value,
        )
    ]
    parts = []
    if "x" in reading.gradients:
        value, rule = gradient(reading, "x")
        same = times(*(delta(p, q) for p, q in zip(m.places, m.own)))
        local = times(same, all_of(m.places))
        slope = Term("partial", (at(y, m.places), at(x, m.own)), {"is": local})
        gx = at(symbol("gx", value), m.own)
        parts.append(Part("x", [
            Line(slope, local, WHY["others"], checked=jacobian(reading, "x")),
            Line(gx, added(m.places, at(gy, m.places) * slope), WHY["chain"], checked=value),
            Line(gx, at(gy, m.own) * all_of(m.own), WHY["put"], checked=value),
            Line(symbol("gx", value), rule, WHY["record"], checked=value),
        ]))  # fmt: skip
    if "v" in reading.gradients:
        value, rule = gradient(reading, "v")
        kept = lambda places: product_over(list(m.entry), call("where", m.lands(m.entry, places, m.mine), at(v, m.entry), 1))
        local = times(m.falls(m.mine, m.places), at(x, m.places), kept(m.places))
        slope = Term("partial", (at(y, m.places), at(v, m.mine)), {"is": local})
        gv = at(symbol("gv", value), m.mine)
        there = m.target(m.mine)
        parts.append(Part("v", [
            Line(slope, local, WHY["others"], checked=jacobian(reading, "v")),
            Line(gv, added(m.places, at(gy, m.places) * slope), WHY["chain"], checked=value),
            Line(gv, times(at(gy, there), at(x, there), kept(there)), ("an entry falls on one place only", "每一项只落到一个位置"), checked=value),
            Line(symbol("gv", value), rule, WHY["record"], checked=value),
        ]))  # fmt: skip
    return Derivation(reading.record.name, _PRODUCT, definition, parts, _bindings(reading))


def _scatter_extreme(reading: Reading) -> Derivation:
    m = _Meeting(reading)
    x, v, y, gy = m.x, m.v, m.y, reading.gys["y"]
    word = ("largest", "最大") if reading.params["largest"] else ("smallest", "最小")
    hits = lambda places, entry: times(m.falls(entry, places), iverson("equal", at(v, entry), at(y, places)))
    count = iverson("equal", at(x, m.places), at(y, m.places)) + added(m.entry, hits(m.places, m.entry))
    n = symbol("n", _count(m))
    definition = [
        Line(y, reading.outputs["y"], (f"the {word[0]} of x and the v that fall on the place", f"x 与落到该位置的各 v 中{word[1]}者"), checked=y.value),
        Line(at(n, m.places), count, ("how many of them are equal to it: 1, unless there is a tie", "其中有多少个等于它：没有并列时为 1"), checked=n.value),
    ]  # fmt: skip
    parts = []
    shared = ("the extreme one moves the result, and those that tie share evenly", "极值者带动结果，并列者平分")
    if "x" in reading.gradients:
        value, rule = gradient(reading, "x")
        here = call("divide", times(at(gy, m.own), iverson("equal", at(x, m.own), at(y, m.own))), at(n, m.own))
        parts.append(
            Part(
                "x",
                [
                    Line(at(symbol("gx", value), m.own), here, shared, checked=value),
                    Line(symbol("gx", value), rule, WHY["record"], checked=value),
                ],
            )
        )
    if "v" in reading.gradients:
        value, rule = gradient(reading, "v")
        there = m.target(m.mine)
        here = call("divide", times(at(gy, there), iverson("equal", at(v, m.mine), at(y, there))), at(n, there))
        parts.append(
            Part(
                "v",
                [
                    Line(at(symbol("gv", value), m.mine), here, shared, checked=value),
                    Line(symbol("gv", value), rule, WHY["record"], checked=value),
                ],
            )
        )
    return Derivation(reading.record.name, _EXTREME, definition, parts, _bindings(reading, n))


def _count(m: _Meeting) -> np.ndarray:
    """How many of x and the entries are equal to the result at each place."""
    n = (m.x.value == m.y.value).astype(float)
    for place in np.ndindex(m.index.value.shape):
        there = tuple(int(m.index.value[place]) if d == m.dim else p for d, p in enumerate(place))
        n[there] += m.v.value[place] == m.y.value[there]
    return n


def _segment(reading: Reading) -> Derivation:
    p, z, gz = reading.inputs["p"], reading.symbols["z"], reading.gys["z"]
    rows = reading.symbols.get("rows") or symbol("rows", np.asarray(reading.params["rows"]))
    letters = Letters()
    k, j = letters.fresh(p.value.shape[0], "k"), letters.fresh(p.value.shape[1], "j")
    i, s = letters.fresh(z.value.shape[0], "i"), letters.fresh(p.value.shape[1], "s")
    value, rule = gradient(reading, "p")
    row = at(rows, (k,))
    kept = iverson("equal", at(p, (k, j)), at(z, (row, j)))
    local = times(delta(i, row), delta(s, j), kept)
    slope = Term("partial", (at(z, (i, s)), at(p, (k, j))), {"is": local})
    gp = at(symbol("gp", value), (k, j))
    word = ("largest", "最大") if reading.params["largest"] else ("smallest", "最小")
    definition = [
        Line(
            z,
            reading.outputs["z"],
            (f"the {word[0]} of the entries of each row, 0 for a row without entries", f"每一行各项中{word[1]}者；没有项的行为 0"),
            checked=z.value,
        )
    ]
    lines = [
        Line(slope, local, ("1 for the entry that was kept, in its own row and column, else 0", "被保留的那一项（在其所在的行和列）为 1，否则为 0"), checked=jacobian(reading, "p")),
        Line(gp, added((i, s), at(gz, (i, s)) * slope), WHY["chain"], checked=value),
        Line(gp, at(gz, (row, j)) * kept, ("an entry belongs to one row", "每一项只属于一行"), checked=value),
        Line(symbol("gp", value), rule, WHY["record"], checked=value),
    ]  # fmt: skip
    return Derivation(reading.record.name, _SEGMENT, definition, [Part("p", lines)], _bindings(reading, rows))
