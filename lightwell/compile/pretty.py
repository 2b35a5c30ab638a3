"""A nest as the loops that it is, to be read on a screen.

for i < 16 (shared among the threads):
    for j < 10:
        m = max over j of x[i,j]
    for j < 10:
        y[i,j] = exp(x[i,j] - m)
"""

from collections import Counter

from .nest import Expr, Nest, Plan, Reduce, Store

_INFIX = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=",
    "equal": "==", "not_equal": "!=", "logical_and": "and", "logical_or": "or", "bitwise_and": "&", "bitwise_or": "|",
}  # fmt: skip
_AXES = "ijklmnpqrstuvw"


class _Writer:
    def __init__(self, nest: Nest, plan: Plan):
        self.nest, self.plan = nest, plan
        self.axes = [*nest.outer, *nest.inner]
        self.names: dict[Reduce, str] = {}
        self.lines: list[str] = []

    def operand(self, i: int) -> str:
        """The name of an operand's buffer."""
        return self.plan.buffers[self.nest.operands[i]].name or f"b{self.nest.operands[i]}"

    def place(self, operand: int, offset: int, strides: tuple) -> str:
        """An element of a buffer: the flat place that its strides say."""
        terms = [f"{s}*{_AXES[k]}" if s != 1 else _AXES[k] for k, s in enumerate(strides) if s]
        if offset or not terms:
            terms.append(str(offset))
        return f"{self.operand(operand)}[{' + '.join(terms)}]".replace("+ -", "- ")

    def of(self, e: Expr, known: dict[Expr, str]) -> str:
        """An expression as text, with names for what was named before."""
        if e in known:
            return known[e]
        a = e.args
        if e.op == "load":
            return self.place(*a)
        if e.op == "load_if":
            return f"({self.place(*a[1:4])} if {self.of(a[0], known)} else {self.of(a[4], known)})"
        if e.op == "gather":
            return f"{self.operand(a[0])}[{self.of(a[1], known)}]"
        if e.op == "const":
            return f"{a[0]:.6g}" if isinstance(a[0], float) else str(a[0])
        if e.op == "number":
            return f"s{a[0]}"
        if e.op == "index":
            return _AXES[a[0]]
        if e.op == "reduced":
            return self.names[a[0]]
        told = [self.of(x, known) if isinstance(x, Expr) else str(x) for x in a]
        if e.op == "cast":
            return f"{e.dtype}({told[0]})"
        if e.op == "negative":
            return f"-{told[0]}"
        if e.op == "where":
            return f"({told[1]} if {told[0]} else {told[2]})"
        if e.op in _INFIX and len(told) == 2:
            return f"({told[0]} {_INFIX[e.op]} {told[1]})"
        return f"{e.op}({', '.join(told)})"

    def body(self, roots: list[Expr], indent: str) -> dict[Expr, str]:
        """Names for the subexpressions that are used several times, written as lines."""
        uses: Counter = Counter()
        order: list[Expr] = []
        seen: set[Expr] = set()

        def walk(e: Expr) -> None:
            uses[e] += 1
            if e in seen:
                return
            seen.add(e)
            for x in e.args:
                if isinstance(x, Expr):
                    walk(x)
            order.append(e)

        for e in roots:
            walk(e)
        known: dict[Expr, str] = {}
        for e in order:
            if uses[e] > 1 and e.op not in ("load", "const", "number", "index", "reduced"):
                text = self.of(e, known)
                known[e] = f"t{len(known)}"
                self.lines.append(f"{indent}{known[e]} = {text}")
        return known

    def stores(self, stores: list[Store], known: dict[Expr, str], indent: str) -> None:
        """Assignments to memory."""
        for s in stores:
            text = self.of(s.expr, known)
            text = text[1:-1] if text.startswith("(") and text.endswith(")") and text.count("(") == 1 else text
            self.lines.append(f"{indent}{self.place(s.operand, s.offset, s.strides)} = {text}")

    def write(self) -> str:
        """The whole nest."""
        nest = self.nest
        outer = ", ".join(f"{_AXES[k]} < {n}" for k, n in enumerate(nest.outer))
        inner = ", ".join(f"{_AXES[len(nest.outer) + k]} < {n}" for k, n in enumerate(nest.inner))
        indent = ""
        if outer:
            self.lines.append(f"for {outer}:")
            indent = "    "
        for p in nest.passes:
            deep = indent
            if inner:
                self.lines.append(f"{indent}for {inner}:")
                deep = indent + "    "
            known = self.body([s.expr for s in p.stores] + [r.expr for r in p.reduces], deep)
            self.stores(p.stores, known, deep)
            for r in p.reduces:
                self.names[r] = f"{r.op}{len(self.names)}"
                self.lines.append(f"{deep}{self.names[r]} <- {r.op} of {self.of(r.expr, known)}")
        if nest.final:
            known = self.body([s.expr for s in nest.final], indent)
            self.stores(nest.final, known, indent)
        return "\n".join(self.lines)


def loops(nest: Nest, plan: Plan) -> str:
    """The nest as nested loops: what each writes, in the buffers' names.

    Places are flat: `%2[10*i + j]` is element 10·i + j of the buffer %2.
    """
    return _Writer(nest, plan).write()


def show(plan: Plan) -> str:
    """All steps: nests as loops, the others as lines."""
    from .plan import show as lines

    heads = lines(plan).split("\n")
    out = []
    for step, head in zip(plan.steps, heads):
        out.append(head)
        if isinstance(step, Nest):
            out.append("\n".join("       " + line for line in loops(step, plan).split("\n")))
    return "\n".join([*out, *heads[len(plan.steps) :]])
