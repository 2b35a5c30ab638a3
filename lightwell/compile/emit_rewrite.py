"""Nests rewritten before they become loops: equal expressions become one object, and softmax's division becomes cheaper.

A division by Σ exp(x - max x), which lies between 1 and the length, is a multiplication by its reciprocal: one division for a row.
(Of other divisors the reciprocal might overflow.)
"""

from typing import Any

from .emit_key import ordered
from .nest import Expr, Nest, Pass, Reduce, Store


def rewritten(nest: Nest) -> Nest:
    """A nest that does the same."""
    one = Unique()
    passes = []
    for p in nest.passes:
        stores = [Store(s.operand, s.offset, s.strides, one.of(s.expr)) for s in p.stores]
        reduces = []
        for r in p.reduces:
            one.reduces[id(r)] = Reduce(r.op, one.of(r.expr), r.dtype)
            reduces.append(one.reduces[id(r)])
        passes.append(Pass(stores, reduces))
    final = [Store(s.operand, s.offset, s.strides, one.of(s.expr)) for s in nest.final]
    return Nest(nest.operands, nest.outer, nest.inner, passes, final, nest.lanes, nest.label, nest.where)


class Unique:
    """Expressions, each of which exists once."""

    def __init__(self):
        self.found: dict[Any, Expr] = {}
        self.done: dict[int, Expr] = {}
        self.reduces: dict[int, Reduce] = {}
        self.alive: list = []  # identities stand for objects, so these must live

    def of(self, root: Expr) -> Expr:
        """The one that equals `root`."""
        for e in ordered([root]):
            if id(e) not in self.done:
                self.alive.append(e)
                args = tuple(self.done[id(a)] if isinstance(a, Expr) else self.reduces.get(id(a), a) for a in e.args)
                if e.op == "divide" and between_one_and_length(args[1]):
                    args = (args[0], self.make("reciprocal", (args[1],), e.dtype))
                    self.done[id(e)] = self.make("multiply", args, e.dtype)
                else:
                    self.done[id(e)] = self.make(e.op, args, e.dtype)
        return self.done[id(root)]

    def make(self, op: str, args: tuple, dtype) -> Expr:
        """The expression of these parts."""
        key = (op, dtype.name, *((id(a),) if isinstance(a, (Expr, Reduce)) else (type(a), repr(a)) for a in args))
        if key not in self.found:
            self.found[key] = Expr(op, args, dtype)
        return self.found[key]


def between_one_and_length(e: Any) -> bool:
    """Whether e is Σ exp(x - max x) over the inner axes."""
    if not (isinstance(e, Expr) and e.op == "reduced" and e.dtype.kind == "f" and e.args[0].op == "sum" and e.args[0].expr.op == "exp"):
        return False
    inside = e.args[0].expr.args[0]
    if e.args[0].dtype != inside.dtype or inside.op != "subtract" or inside.args[1].op != "reduced":
        return False
    top = inside.args[1].args[0]
    return top.op == "max" and top.expr is inside.args[0]
