"""The chain rule from the result to one quantity: every way, and the formulas put together."""

from ...language import say
from ..derive.notation import PRODUCT, SUM, Box, derivative
from ..derive.notation_plain import plain
from ..derive.terms import Term
from .document import Equation, Equations, Heading, Paragraph
from .walk import renamed, simple

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
            rows = [Equation(whole, self._product(ways[0]), [])]
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
            rows = [Equation(whole if i == 0 else None, self._product(w), [], "=" if i == 0 else "+") for i, w in enumerate(ways)]
            if count > len(ways):
                rows.append(Equation(None, Box("text", "…"), [], "+"))
            out.append(Equations(rows))
        out += self._put_together(count, ways)
        if story.gradients.get(self.name) is not None:
            from .tell import number_text

            out.append(Paragraph([tell.gradient(self.name), " = ", number_text(story.gradients[self.name])]))
        return out

    def _product(self, way: list) -> Box:
        """∂L/∂v · ∂v/∂u · … · ∂u/∂w."""
        tell = self.telling
        factors: list[Box] = []
        for step, p in way:
            factors.append(derivative(tell.name(self._made(way, step, p)), tell.name(p.to)))
        if len(factors) > _STEPS:
            factors = [*factors[: _STEPS // 2], Box("text", "…"), *factors[-_STEPS // 2 :]]
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
                if len(plain(tell.box(term))) > 160:
                    return []
            assert term is not None
            whole.append(simple(term))
        box = tell.box(whole[0])
        for t in whole[1:]:
            box = Box("infix", box, "+", tell.box(t), level=SUM)
        if len(plain(box)) > 200 or (count == 1 and len(ways[0]) == 1):
            return []
        return [Paragraph([say("Put together:", "合在一起：")]), Equations([Equation(tell.gradient(self.name), box, [])])]


def _in(t: Term, name: str, g: Term) -> Term:
    """`t` with the gradient `name` replaced; a product with 1 is left out."""
    return _without_ones(renamed(t, {name: g}))


def _without_ones(t):
    if isinstance(t, (tuple, list)):
        return type(t)(_without_ones(v) for v in t)
    if not isinstance(t, Term) or not t.args:
        return t
    args = tuple(_without_ones(a) for a in t.args)
    if t.word == "multiply":
        for a, b in (args, args[::-1]):
            if isinstance(a, Term) and a.word == "number" and a.params["number"] == 1:
                return b
    if t.word == "broadcast_to" and isinstance(args[0], Term) and args[0].word == "number":
        return args[0]
    return Term(t.word, args, t.params, t.value)


def _much(n: int) -> str:
    return str(n) if n < 10**6 else f"{n:.1e}"
