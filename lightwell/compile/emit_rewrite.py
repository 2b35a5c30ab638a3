"""Nests rewritten before they become loops: equal expressions become one object, so that none is computed twice."""

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
                self.done[id(e)] = self.make(e.op, args, e.dtype)
        return self.done[id(root)]

    def make(self, op: str, args: tuple, dtype) -> Expr:
        """The expression of these parts."""
        key = (op, dtype.name, *((id(a),) if isinstance(a, (Expr, Reduce)) else (type(a), repr(a)) for a in args))
        if key not in self.found:
            self.found[key] = Expr(op, args, dtype)
        return self.found[key]
