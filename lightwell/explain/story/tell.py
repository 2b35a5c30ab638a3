"""From a story's facts to a document: what was computed, how the gradient comes back, and the chain rule to the chosen leaves."""

import os
from typing import Any

import numpy as np

from ...language import get_language, say
from ..derive.notation import POWER, PRODUCT, SUM, Box, Names, derivative, layout
from ..derive.notation_plain import plain
from ..derive.notation_words import plus, times
from ..derive.terms import Term, symbol
from .chain import Chain
from .document import Code, Document, Equation, Equations, Heading, Paragraph, Table, Unfold
from .fold import folded
from .of_op import derivation_blocks, local_derivatives, symbols_of
from .phrasing import renamed
from .walk import Passage, Step, Story

_BLACK = ("rnn_back", "gru_back", "lstm_back", "rnn", "gru", "lstm")  # words that only name what they do
_LONG = 150  # characters from which a formula is left to the operation's own derivation


class Telling:
    """One telling of a story, in the language in use when it is made."""

    def __init__(self, story: Story, partial: bool = False, limit: int | None = 40, derivations: bool = True):
        self.story, self.partial, self.limit, self.derivations = story, partial, limit, derivations
        self.names = Names(partial=partial, loss=story.loss, circled=True)
        self.told: set = set()

    # ---- pieces ---------------------------------------------------------------------------------------------------

    def name(self, name: str) -> Box:
        """A quantity's name."""
        return Box("name", name)

    def gradient(self, name: str) -> Box:
        """The gradient that arrives at a quantity."""
        return self.names.gradient(name)

    def box(self, t: Term) -> Box:
        """A term as it stands alone."""
        return layout(t, self.names, top=True)

    def result(self, step: Step) -> Box:
        """The left side of a step's equation."""
        boxes = tuple(self.name(n) for n in step.names[:4]) + ((Box("text", "…"),) if len(step.names) > 4 else ())
        return boxes[0] if len(boxes) == 1 else Box("list", boxes)

    def formula(self, step: Step) -> Box:
        """The right side: the formula, or the operation's name with what went in where that is long."""
        t = step.formulas[0] if step.formulas else None
        if t is not None and not any(_has(t, word) for word in _BLACK) and len(step.names) == 1:
            box = self.box(t)
            if self.length(box) <= _LONG:
                return box
        inputs = tuple(layout(t, self.names) for t in step.given) or (Box("text", "…"),)
        return Box("apply", Box("roman", title(step.op)), inputs)

    def size(self, step: Step) -> str:
        """Shape and dtype of a step's results."""
        found = []
        for shape, dtype in zip(step.shapes[:3], step.types):
            if shape is not None:
                found.append(f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''}) {dtype}".rstrip())
        return ";  ".join(dict.fromkeys(found))

    def line(self, step: Step) -> list:
        """Where the user's program ran it."""
        if not step.line:
            return []
        file, number, text = step.line
        return [f"{os.path.basename(file)}:{number}  ", Code(text)]

    # ---- the whole ------------------------------------------------------------------------------------------------

    def document(self) -> Document:
        """The whole story."""
        s = self.story
        many = len(s.steps)
        head = say(f"How {s.loss} was computed, and how its gradient comes back", f"{s.loss} 是怎样算出来的，梯度又怎样传回去")
        blocks: list = [Paragraph(self._opening(many))]
        if s.failed:
            blocks.append(Paragraph([say("The gradients' numbers are not known: ", "梯度的数值无法得知："), s.failed], True))
        blocks += self._quantities()
        groups = folded(s.steps, self.limit)
        blocks += [Heading(say("Forward", "前向计算"), 2, "forward"), Paragraph(self._forward_words(), True), *self._forward(groups)]
        blocks += [Heading(say("Backward", "反向传播"), 2, "backward"), *self._backward_words(), *self._backward(groups)]
        wanted = s.wrt if s.wrt is not None else self._usual()
        if wanted:
            blocks.append(Heading(say("The chain rule", "链式法则"), 2, "chain"))
            for name in wanted:
                blocks += Chain(self, name).blocks()
            rest = [n for n in s.leaves() if n not in wanted]
            if rest and s.wrt is None:
                blocks.append(
                    Paragraph(
                        [
                            say("For another leaf, say wrt=: ", "要看其他叶子，可以写 "),
                            Code(f"explain({s.loss}, wrt={rest[0]!r})"),
                            say(f". There are: {_few(rest)}.", f"。可选：{_few(rest)}。"),
                        ],
                        True,
                    )
                )
        if self.derivations and self.told:
            ops = sorted(self.told)
            code = ", ".join(f"explain({op!r})" for op in ops[:3]) + (", …" if len(ops) > 3 else "")
            words = say("Where each operation's gradient comes from, step by step: ", "各运算的梯度是怎样一步步推出来的：")
            blocks.append(Paragraph([words, Code(code), say(".", "。")], True))
        return Document(head, blocks, get_language())

    def _usual(self) -> list:
        """Without wrt: the first leaf, from which the way is longest."""
        return self.story.leaves()[:1]

    def _opening(self, many: int) -> list:
        s = self.story
        leaves = len(s.leaves())
        out: list = [
            say(
                f"{many} operation{'s' * (many != 1)} lead{'s' * (many == 1)} from {leaves} lea{'ves' if leaves != 1 else 'f'} to ",
                f"从 {leaves} 个叶子张量出发，经过 {many} 步运算得到 ",
            ),
            self.name(s.loss),
            say(". ", "。"),
        ]
        if any(step.gone == "freed" for step in s.steps):
            out.append(
                say(
                    "backward() has freed the values that this graph had saved: what they alone could tell (numbers, shapes, plain "
                    "arguments) is missing below. Explain before backward(), or say backward(retain_graph=True), to see it. ",
                    "backward() 已经释放了计算图保存的数值，只有它们才能说明的内容（数值、形状、普通参数）下面缺失。"
                    "请在 backward() 之前解释，或使用 backward(retain_graph=True)。",
                )
            )
        if any(step.gone == "changed" for step in s.steps):
            out.append(
                say(
                    "A value that the graph had saved was written over in place since: the steps that need it are told without numbers. ",
                    "计算图保存的某个值后来被原地改写：需要它的步骤无法给出数值。",
                )
            )
        return out

    def _quantities(self) -> list:
        s = self.story
        if not s.quantities:
            return []
        kinds = {
            "parameter": say("parameter", "参数"), "leaf": say("leaf, requires grad", "叶子，需要梯度"),
            "data": say("data, no gradient", "数据，不需要梯度"), "unknown": say("operand that the graph did not keep", "计算图未保存的操作数"),
        }  # fmt: skip
        rows = []
        for q in sorted(s.quantities.values(), key=lambda q: q.kind in ("data", "unknown")):
            shape = "?" if q.shape is None else f"({', '.join(map(str, q.shape))}{',' if len(q.shape) == 1 else ''})"
            row = [[self.name(q.name)], [kinds[q.kind]], [shape], [q.dtype or "?"]]
            if s.numbers:
                row.append([number_text(q.array)])
            rows.append(row)
        header = [say("name", "名称"), say("what it is", "是什么"), say("shape", "形状"), "dtype"] + (
            [say("value", "数值")] if s.numbers else []
        )
        limit = 12 if self.limit is not None else len(rows)
        out: list = [Heading(say("Quantities", "出现的量"), 2, "quantities")]
        if len(rows) > limit + 4:
            out += [
                Table(header, rows[:limit]),
                Unfold([say(f"and {len(rows) - limit} more", f"其余 {len(rows) - limit} 个")], [Table(header, rows[limit:])])
                if self.limit is None or len(rows) <= 60
                else Paragraph(
                    [say(f"and {len(rows) - limit} more (limit=None lists all)", f"其余 {len(rows) - limit} 个（limit=None 全部列出）")],
                    True,
                ),
            ]
        else:
            out.append(Table(header, rows))
        return out

    def _forward_words(self) -> list:
        out: list = [say("In the order in which it ran. ", "按运行顺序。")]
        boxes = [t for step in self.story.steps for t in step.formulas if t is not None]
        if any(_has(t, "matmul") for t in boxes):
            out.append(say("Quantities side by side are a matrix product; ", "并排书写表示矩阵乘法；"))
            out.append(say("⊙ multiplies element by element.", "⊙ 表示逐元素相乘。"))
        return out

    def _forward(self, groups) -> list:
        out: list = []
        for g in groups:
            if g.left_out:
                out.append(Paragraph([self._fold_text(g)], True))
                continue
            for step in g.steps:
                out.append(Row([self.result(step), self.formula(step), self._aside(step)], f"f-{step.name}"))
        return _rows_to_tables(out)

    def _aside(self, step: Step) -> list:
        out: list = [f"{title(step.op)}   {self.size(step)}".rstrip()]
        if self.story.numbers:
            told = [number_text(self.story.arrays[n]) for n in step.names if n in self.story.arrays]
            out.append(f"   = {'; '.join(told)}" if told else "   = " + say("not known", "未知"))
        if step.line:
            out.append(f"   {os.path.basename(step.line[0])}:{step.line[1]}")
        return out

    def _fold_text(self, g) -> str:
        first, last, n = g.steps[0].name, g.steps[-1].name, len(g.steps)
        if g.times:
            return say(
                f"… {first} to {last}: the same {g.period} step{'s' * (g.period > 1)}, {g.times} more times",
                f"… {first} 到 {last}：同样的 {g.period} 步再重复 {g.times} 次",
            )
        return say(
            f"… {first} to {last}: {n} more steps (limit=None tells all)", f"… {first} 到 {last}：另外 {n} 步（limit=None 全部讲述）"
        )

    def _backward_words(self) -> list:
        s = self.story
        x = self.name("x")
        pieces: list = []
        if not self.partial:
            pieces += [
                self.gradient("x"),
                say(" stands for ", " 表示 "),
                derivative(self.name(s.loss), x),
                "，" if get_language() == "zh" else ", ",
            ]
        pieces += [
            say(
                "the gradient that arrives at x. Newest step first; each hands its gradient on to what went into it.",
                "即到达 x 的梯度。从最后一步开始，每一步把梯度传给它的输入。",
            )
        ]
        if any(c > 1 for c in s.uses.values()):
            pieces.append(
                say(" Where a quantity was used several times, the contributions add up (+=).", "一个量被多次使用时，各路贡献相加（+=）。")
            )
        out: list = [Paragraph(pieces, True)]
        start = Box("number", "1") if s.scalar else self.gradient(s.loss)
        if s.scalar:
            out.append(Equations([Equation(self.gradient(s.loss), start, [say("a quantity moves with itself", "一个量对自身的导数")])]))
        else:
            shown = say("a result with several elements: any gradient may start here", "结果有多个元素：由此开始的梯度可以任意给定")
            tail = (
                say("; the numbers below start with ones, as for its sum", "；下面的数值以全 1 开始，即对其总和求导") if s.numbers else ""
            )
            out.append(Paragraph([self.gradient(s.loss), ": ", shown, tail, say(".", "。")]))
        return out

    def _backward(self, groups) -> list:
        out: list = []
        seen: dict = {}  # how many parts of each gradient have been told
        for g in reversed(groups):
            if g.left_out:
                out.append(Paragraph([self._fold_text(g)], True))
                continue
            for step in reversed(g.steps):
                out.append(self.step_back(step, seen))
        return out

    def passage(self, step: Step, p: Passage) -> Box | None:
        """What a step hands on to one of its inputs, as far as it can be written; None where it can't."""
        if p.term is None or any(_has(p.term, word) for word in _BLACK):
            return None
        box = self.box(p.term)
        return box if self.length(box) <= _LONG else None

    def length(self, box: Box) -> int:
        """How long a formula is to the eye: a dotted name counts as a word, however long."""
        text = plain(box)
        return len(text) - sum(text.count(n) * (len(n) - 8) for n in self.story.quantities if len(n) > 8 and "." in n)

    def step_back(self, step: Step, seen: dict) -> Unfold:
        """One step of the way back."""
        rows, blocks, remarks = self.local(step), [], []
        mentioned: set = set()
        counted: list = []
        for p in step.passages:
            box = self.passage(step, p)
            why: list = []
            if p.summed and box is not None:
                told = ", ".join(map(str, p.summed))
                why = [say(f"added up over dim {told}, along which it was spread", f"沿广播的维度 {told} 求和")]
            if box is None:
                box = Box("apply", Box("roman", f"{title(step.op)}ᵀ"), tuple(map(self.gradient, step.names[:4])))
                why = [self._untold(step)]
            elif p.term is not None:
                symbols_of(p.term, mentioned)
            relation = "+=" if p.to in seen else "="
            seen[p.to] = seen.get(p.to, 0) + 1
            counted.append((p, relation, relation == "+=" and seen[p.to] == self.story.uses.get(p.to)))
            rows.append(Equation(self.gradient(p.to), box, why, relation))
        if rows:
            blocks.append(Equations(rows))
        kept = [Equation(Box("name", k), self.box(t)) for k, t in step.kept.items() if k in mentioned]
        if kept:
            blocks += [Paragraph([say("where", "其中")]), Equations(kept)]
        if step.own:
            remarks.append(
                say(
                    "A Function of your own: what its backward() gives is handed on as it is.",
                    "这是自定义的 Function：原样传递其 backward() 的结果。",
                )
            )
        if step.op in ("copy_slices", "CopySlices"):
            remarks.append(say("Part of a tensor was written in place.", "张量的一部分被原地写入。"))
        if remarks:
            blocks.append(Paragraph([" ".join(remarks)], True))
        if self.line(step):
            blocks.append(Paragraph(self.line(step), True))
        if self.story.numbers:
            blocks += self._numbers(step, counted)
        if self.derivations and step.op not in self.told and step.reading is not None:
            self.told.add(step.op)
            found = derivation_blocks(step.op)
            if found:
                head = say(f"Why: the derivation of {title(step.op)}", f"为什么：{title(step.op)} 的推导")
                blocks.append(Unfold([head], found, pages_only=True))
        opened = len(self.story.steps) <= 30
        return Unfold([self.result(step), " = ", self.formula(step)], blocks, f"b-{step.name}", opened, title(step.op))

    def local(self, step: Step) -> list:
        """The local derivatives of a step that works element by element."""
        rows = []
        for name, t in local_derivatives(step.reading).items() if len(step.names) == 1 and not step.gone else ():
            to = next((p.to for p in step.passages if p.input == name), None)
            box = None if to is None else self.box(renamed(t, step.names_of))
            if to is not None and self.length(box) <= _LONG:
                left = derivative(self.name(step.name), self.name(to))
                rows.append(Equation(left, box, [say("the local derivative, element by element", "局部导数，逐元素")]))
        return rows

    def _untold(self, step: Step) -> str:
        if step.own:
            return say("by its own backward()", "由其自身的 backward() 给出")
        if step.gone:
            return (
                say("its values are freed: the formula depends on them", "其数值已释放，无法写出公式")
                if step.gone == "freed"
                else say("its values were written over", "其数值已被改写")
            )
        return say(f"a longer formula: explain({title(step.op)!r}) derives it", f"式子较长，推导见 explain({title(step.op)!r})")

    def _numbers(self, step: Step, counted: list) -> list:
        """The numbers that a step hands on, and those of a gradient whose last part this was."""
        rows = []
        for p, relation, last in counted:
            part, whole = self.story.handed.get((step.node, p.place)), self.story.gradients.get(p.to)
            if part is not None:
                rows.append([[self.gradient(p.to)], [relation + " ", number_text(part)]])
            if last and whole is not None:
                rows.append([[self.gradient(p.to)], ["= ", number_text(whole), say("  (all parts together)", "（各部分之和）")]])
        return [Table(["", ""], rows)] if rows else []


class Row:
    """A step of the forward pass that needs only a line."""

    def __init__(self, cells, anchor):
        self.cells, self.anchor = cells, anchor


def _rows_to_tables(blocks: list) -> list:
    """Neighbouring rows as one block of equations."""
    out: list = []
    for b in blocks:
        if isinstance(b, Row):
            left, right, aside = b.cells
            equation = Equation(left, right, aside)
            if out and isinstance(out[-1], Equations):
                out[-1].rows.append(equation)
            else:
                out.append(Equations([equation]))
        else:
            out.append(b)
    return out


def title(op: str) -> str:
    """An operation's name as the user knows it."""
    return {"native_batch_norm": "batch_norm", "native_layer_norm": "layer_norm", "native_group_norm": "group_norm", "erf_gelu": "gelu",
            "fixed_batch_norm": "batch_norm", "convolution": "conv", "CopySlices": "copy_slices"}.get(op, op)  # fmt: skip


def _few(names: list) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def _has(t: Any, word: str) -> bool:
    if isinstance(t, (tuple, list)):
        return any(_has(v, word) for v in t)
    return isinstance(t, Term) and (t.word == word or any(_has(a, word) for a in t.args) or _has(tuple(t.params.values()), word))


def number_text(a: Any) -> str:
    """An array's numbers: all of a small one, else range, mean and norm."""
    if a is None:
        return say("not known", "未知")
    a = np.asarray(a)
    if a.dtype.num >= 256:
        a = a.astype(np.float32)
    if a.size == 0:
        return say("empty", "空")
    if a.size == 1 and a.ndim == 0:
        return _short(a[()])
    if a.size <= 8 or (a.ndim == 2 and a.size <= 12):
        return _nested(a)
    if a.dtype.kind in "fc":
        with np.errstate(all="ignore"):
            bad = int((~np.isfinite(a)).sum())
            b = np.abs(a) if a.dtype.kind == "c" else a.astype(np.float64)
            told = f"{_short(np.nanmin(b))} … {_short(np.nanmax(b))},  " + say("mean", "均值") + f" {_short(np.nanmean(b))},  ‖·‖ = "
            told += _short(np.sqrt(np.nansum(b * b)))
        return told + (say(f",  {bad} not finite", f"，{bad} 个非有限值") if bad else "")
    return f"{a.min()} … {a.max()}"


def _nested(a) -> str:
    return _short(a[()]) if a.ndim == 0 else "[" + ", ".join(_nested(v) for v in a) + "]"


def _short(v: Any) -> str:
    return f"{v:.4g}" if isinstance(v, (float, np.floating, complex, np.complexfloating)) else str(v)


__all__ = ["POWER", "PRODUCT", "SUM", "Telling", "number_text", "plus", "symbol", "times", "title"]
