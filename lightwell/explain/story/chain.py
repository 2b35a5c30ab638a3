"""The chain rule from the result to one quantity: every way, and the formulas put together."""

from ...language import say
from ..derive.notation import PRODUCT, SUM, Box, derivative
from ..derive.simplify import number, number_of
from ..derive.terms import Term, call
from .document import Equation, Equations, Heading, Paragraph
from .phrasing import renamed, simple

_WAYS = 4  # how many ways are written out
_STEPS = 12  # factors of a way from which its middle is left out


class Chain:
    """The ways from a story's result to the quantity `name`."""

    def __init__(self, telling, name: str):
        self.telling, self.story, self.name = telling, telling.story, name
        self.makers = self.story.by_name

    def count(self) -> int:
        """How many ways there are."""
        memo: dict = {}
        for step in self.story.steps:  # oldest first
            ways = 0
            for p in step.passages:
                ways += (p.to == self.name) + memo.get(p.to, 0)
            for n in step.names:
                memo[n] = ways
        return memo.get(self.story.loss, 0) + (self.name == self.story.loss)

    def ways(self, most: int) -> list[list]:
        """Up to `most` ways, each a list of (step, passage) from the result on."""
        reach = self._reaching()
        found: list = []
        stack: list = [(self.story.loss, [])]
        while stack and len(found) < most:
            at, way = stack.pop()
            step = self.makers.get(at)
            if step is None:
                continue
            for p in reversed(step.passages):
                if p.to in reach and p.to != self.name:
                    stack.append((p.to, [*way, (step, p)]))
            for p in step.passages:
                if p.to == self.name and len(found) < most:
                    found.append([*way, (step, p)])
        return sorted(found, key=len)

    def _reaching(self) -> set:
        reach = {self.name}
        for step in self.story.steps:
            if any(p.to in reach for p in step.passages):
                reach.update(step.names)
        return reach

    def blocks(self) -> list:
        """The chain rule, written."""
        tell, story = self.telling, self.story
        out: list = [Heading(say(f"From {story.loss} to {self.name}", f"从 {story.loss} 到 {self.name}"), 3)]
        if self.name == story.loss:
            return [*out, Paragraph([say("It is the result itself: the gradient is 1.", "它就是结果本身：梯度为 1。")])]
        count = self.count()
        ways = self.ways(_WAYS)
        whole = derivative(tell.name(story.loss), tell.name(self.name))
        if count == 1 and len(ways[0]) == 1:
            step, p = ways[0][0]
            box = tell.passage(step, p)
            if box is not None:
                out.append(Equations([Equation(tell.gradient(self.name), box, [say("one step leads there", "只有一步")])]))
        elif count == 1:
            rows = [Equation(whole, self._product(ways[0], []), [])]
            out.append(Equations(rows))
        else:
            out.append(
                Paragraph(
                    [
                        say(
                            f"{_much(count)} ways lead from the result to {self.name}, and what they bring adds up",
                            f"从结果到 {self.name} 有 {_much(count)} 条路径，各条路径的贡献相加",
                        ),
                        say(":", "：")
                        if count <= _WAYS
                        else say(f". The {len(ways)} shortest that were found:", f"。其中较短的 {len(ways)} 条："),
                    ]
                )
            )
            rows = [Equation(whole if i == 0 else None, self._product(w, ways), [], "=" if i == 0 else "+") for i, w in enumerate(ways)]
            if count > len(ways):
                rows.append(Equation(None, Box("text", "…"), [], "+"))
            out.append(Equations(rows))
        out += self._put_together(count, ways)
        if story.gradients.get(self.name) is not None:
            from .tell import number_text

            out.append(Paragraph([tell.gradient(self.name), " = ", number_text(story.gradients[self.name])]))
        return out

    def _product(self, way: list, others: list) -> Box:
        """∂L/∂v · ∂v/∂u · … · ∂u/∂w; of a long way the ends, and where it parts from the others that are told."""
        tell = self.telling
        factors: list[Box] = []
        shown = _shown(way, others)
        for i, (step, p) in enumerate(way):
            if i in shown:
                factors.append(derivative(tell.name(self._made(way, step, p)), tell.name(p.to)))
            elif i - 1 in shown:
                factors.append(Box("text", "…"))
        parts: list = [factors[0]]
        for f in factors[1:]:
            parts += ["·", f]
        return factors[0] if len(factors) == 1 else Box("infix", *parts, level=PRODUCT)

    def _made(self, way: list, step, p) -> str:
        """Which result of the step the way came through."""
        i = next(i for i, (s, q) in enumerate(way) if q is p)
        return self.story.loss if i == 0 else way[i - 1][1].to

    def _put_together(self, count: int, ways: list) -> list:
        """Each way's formulas put into one another, where that stays readable."""
        tell = self.telling
        if count > _WAYS:
            return []
        whole: list[Term] = []
        for way in ways:
            term: Term | None = None
            for step, p in way:
                if p.term is None or len(step.names) > 1:
                    return []
                g = term if term is not None else (Term("number", (), {"number": 1}) if self.story.scalar else None)
                term = p.term if g is None else _in(p.term, "g" + step.name, g)
                if tell.length(tell.box(term)) > 160:
                    return []
            assert term is not None
            whole.append(simple(term))
        box = tell.box(whole[0])
        for t in whole[1:]:
            box = Box("infix", box, "+", tell.box(t), level=SUM)
        if tell.length(box) > 200 or (count == 1 and len(ways[0]) == 1):
            return []
        return [Paragraph([say("Put together:", "合在一起：")]), Equations([Equation(tell.gradient(self.name), box, [])])]


def _shown(way: list, others: list) -> set[int]:
    """Which factors of a way are written: all of a short one; else the first and last three, and where it differs from the others."""
    count = len(way)
    if count <= _STEPS:
        return set(range(count))
    ends = {*range(3), *range(count - 3, count)}
    steps = [p.to for _, p in way]
    apart: set[int] = set()
    for other in others:
        theirs = [q.to for _, q in other]
        if theirs != steps:
            first = next(i for i in range(count) if i >= len(theirs) or steps[i] != theirs[i])
            apart.update({first, min(first + 1, count - 1)})
    left = sorted(apart - ends)[: _STEPS - len(ends)] or range(3, _STEPS // 2)
    return ends | set(left)


def _in(t: Term, name: str, g: Term) -> Term:
    """`t` with the gradient `name` replaced, and what is constant brought to its simple form."""
    return simple(_filled(renamed(t, {name: g})))


def _filled(t):
    """The term with a number that is spread over a shape as that number times 𝟏, an array of ones; none beside another factor."""
    if isinstance(t, (tuple, list)):
        return type(t)(_filled(v) for v in t)
    if not isinstance(t, Term) or not t.args:
        return t
    args = tuple(_filled(a) for a in t.args)
    if t.word == "broadcast_to":
        v, shape = _constant(args[0]), t.params.get("shape", args[-1])
        shape = shape.params["number"] if isinstance(shape, Term) and shape.word == "number" else shape
        if v is not None and isinstance(shape, tuple) and shape:
            ones = Term("all_ones", (), {"shape": shape})
            return ones if v == 1 else call("multiply", number(v), ones)
    if t.word == "multiply":
        for a, b in (args, args[::-1]):
            v = _of_ones(a)
            if v is not None and _constant(b) is None:
                return number(v) * b if v != 1 else b
    return Term(t.word, args, t.params, t.value)


def _of_ones(t) -> float | None:
    """The number by which a term multiplies an array of ones; None for any other term."""
    if t.word == "all_ones":
        return 1
    return _worked_out(t, _of_ones) if t.word in ("negative", "multiply", "divide") else None


def _constant(t) -> float | None:
    """The number that a term of plain numbers is; None for any other term."""
    found = number_of(t)
    return found if found is not None or not isinstance(t, Term) else _worked_out(t, _constant)


def _worked_out(t: Term, of) -> float | None:
    """A product or quotient of numbers in which `of` finds the number of one factor."""
    if t.word == "negative":
        v = of(t.args[0])
        return None if v is None else -v
    a, b = t.args if len(t.args) == 2 else (None, None)
    if t.word == "divide":
        v, w = of(a), _constant(b)
        return None if v is None or not w else v / w
    if t.word == "multiply":
        v, w = (of(a), _constant(b)) if of(a) is not None else (of(b), _constant(a))
        return None if v is None or w is None else v * w
    return None


def _much(n: int) -> str:
    return str(n) if n < 10**6 else f"{n:.1e}"
