"""What was found: one `Finding`, told as text in the language in use, and the exception that carries it."""

import math
import textwrap
import unicodedata
from dataclasses import dataclass, field

from ...language import get_language, say
from .codes import entry
from .numbers import show, sparkline
from .sites import Place

__all__ = ["Exploded", "Finding", "HealthWarning"]

PHASES = {
    "forward": ("forward", "前向"), "backward": ("backward", "反向"), "optimizer": ("optimizer step", "优化器更新"),
    "data": ("data", "数据"), "training": ("training as a whole", "整个训练"),
}  # fmt: skip


class HealthWarning(UserWarning):
    """What `watch` reports without stopping: vanishing gradients, dead or saturated units, an infinity that stayed hidden."""


@dataclass
class Finding:
    """Where numbers stopped being numbers (or a training stopped being healthy), and why.

    `code` names the cause (LW5xx); `op` the operation; `place` the user's line; `module` the path of the module, or of the parameter at fault; `phase` is "forward",
    "backward", "optimizer", "data" or "training". `values` are the elements at fault: {"at": index, "operands": {name: number},
    "result": number}. `rows` are the examples of the batch, `items` their numbers in the dataset. `notes` are pairs (English, Chinese).
    """

    code: str
    op: str
    phase: str = "forward"
    place: Place | None = None
    module: str = ""
    step: int = 0
    epoch: int | None = None
    batch: int | None = None
    values: list = field(default_factory=list)
    count: int = 0
    size: int = 0
    shape: tuple = ()
    dtype: str = ""
    rows: list | None = None
    batch_size: int = 0
    items: list | None = None
    notes: list = field(default_factory=list)
    history: dict = field(default_factory=dict)
    layers: list = field(default_factory=list)  # (name, gradient norms, update ratios) of single parameters
    stack: list = field(default_factory=list)
    reached: str = ""  # "loss", "gradients", "parameters", …: what it came to; "" while it is hidden
    file: str | None = None
    optimizer: str = ""
    of_parameter: bool = False  # whether `module` is the path of a parameter

    @property
    def cause(self) -> str:
        """The cause in a few words, such as "log of 0"."""
        return entry(self.code).text("title")

    @property
    def why(self) -> str:
        """The cause in a sentence or two."""
        return entry(self.code).text("cause")

    @property
    def mend(self) -> str:
        """The likely mend."""
        return entry(self.code).text("mend")

    @property
    def fatal(self) -> bool:
        """Whether it is an explosion, and not a matter of health."""
        return not self.code.startswith("LW55")

    @property
    def line(self) -> int | None:
        """The user's line number."""
        return self.place.line if self.place else None

    @property
    def filename(self) -> str | None:
        """The user's file."""
        return self.place.file if self.place else None

    def label(self) -> str:
        """What `module` is, as a heading."""
        return say("parameter", "参数") if self.of_parameter else say("module", "模块")

    def headline(self) -> str:
        """The finding in one line."""
        where = f"{self.place}" if self.place else say("an unknown line", "未知的行")
        en, zh = ("of", "参数") if self.of_parameter else ("in", "模块")
        module = say(f" {en} {self.module}", f"，{zh} {self.module}") if self.module else ""
        return say(
            f"{self.code} {self.cause}: {self.op} at {where}{module} ({self._phase()})",
            f"{self.code} {self.cause}：{self.op}，位于 {where}{module}（{self._phase()}）",
        )

    def _phase(self) -> str:
        phase = say(*PHASES[self.phase])
        when = say(f"step {self.step}", f"第 {self.step} 步")
        if self.epoch is not None:
            when += say(f", epoch {self.epoch}", f"，第 {self.epoch} 轮")
        if self.batch is not None:
            when += say(f", batch {self.batch}", f"，第 {self.batch} 批")
        return say(f"{phase}, {when}", f"{phase}，{when}")

    def __str__(self):
        return render(self)

    def _repr_html_(self) -> str:
        from .report import finding_html

        return finding_html(self)

    def to_dict(self) -> dict:
        """Plain values, for the file that replays the step."""
        out = {k: v for k, v in self.__dict__.items() if k not in ("place", "stack", "history")}
        out["place"] = [self.place.file, self.place.line, self.place.function, self.place.text] if self.place else None
        out["stack"] = [[p.file, p.line, p.function, p.text] for p in self.stack]
        out["history"] = {k: list(v) for k, v in self.history.items()}
        out["values"] = [{**v, "at": list(v["at"])} for v in self.values]
        out["shape"], out["notes"] = list(self.shape), [list(n) for n in self.notes]
        out["layers"] = [list(v) for v in self.layers]
        return out

    @classmethod
    def from_dict(cls, found: dict) -> "Finding":
        """The finding of such values."""
        found = dict(found)
        found["place"] = Place(*found["place"][:2], found["place"][2], found["place"][3]) if found["place"] else None
        found["stack"] = [Place(*p) for p in found["stack"]]
        return cls(**found)


class Exploded(RuntimeError):
    """Raised by `watch` when a NaN, an infinity or a divergence has reached loss, gradients or parameters; `finding` tells all."""

    def __init__(self, finding: Finding):
        super().__init__(finding)
        self.finding = finding

    def __str__(self):
        return self.finding.headline() + "\n\n" + render(self.finding)

    @property
    def code(self) -> str:
        """The cause's code, such as "LW510"."""
        return self.finding.code

    def __reduce__(self):
        return _again, (self.finding.to_dict(),)


def _again(found: dict) -> Exploded:
    return Exploded(Finding.from_dict(found))


# ---- text -----------------------------------------------------------------------------------------------------------

WIDTH = 100


def wide(text: str) -> int:
    """How many columns a terminal gives a text: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def wrap(text: str, width: int) -> list:
    """A text in lines of at most `width` columns; Chinese text breaks between characters."""
    if get_language() != "zh":
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    lines, line = [], ""
    for word in _pieces(text):
        if line and wide(line + word) > width and word not in "，。；：、）":
            lines.append(line.rstrip())
            line = word.lstrip()
        else:
            line += word
    return [*lines, line] if line else lines or [""]


def _pieces(text: str):
    """Words of ASCII characters whole, code in backquotes whole, other characters one by one."""
    word, code = "", False
    for c in text:
        if c == "`":
            code = not code
            word += c
            if not code:
                yield word
                word = ""
        elif code or (c.isascii() and c != " "):
            word += c
        else:
            if word:
                yield word
                word = ""
            yield c
    if word:
        yield word


def places(at) -> str:
    """An index as a reader writes it."""
    return "[" + ", ".join(str(i) for i in at) + "]"


def value_line(op: str, v: dict) -> str:
    """One element at fault: "log(0.0) = -inf at [3]"."""
    infix = {"div": "/", "mul": "·", "add": "+", "sub": "-", "pow": "**"}.get(op)
    numbers = [show(x) for x in v["operands"].values()]
    if v.get("told"):
        told = v["told"]
    elif infix and len(numbers) == 2:
        told = f"{numbers[0]} {infix} {numbers[1]}"
    else:
        told = f"{op}({', '.join(numbers)})"
    at = f" {say('at', '位于')} {places(v['at'])}" if v["at"] else ""
    return f"{told} = {show(v['result'])}{at}"


def _some(numbers: list, most: int = 12) -> str:
    told = ", ".join(str(n) for n in numbers[:most])
    return told + (say(f", … ({len(numbers)} in all)", f" 等共 {len(numbers)} 个") if len(numbers) > most else "")


def render(f: Finding) -> str:
    """The finding as text for a terminal."""
    e = entry(f.code)
    rule = "─" * WIDTH
    out = [rule, f"{f.code}  {e.text('title')}", rule]
    rows: list[tuple[str, list]] = []

    def row(label: str, *lines: str, whole: bool = False) -> None:
        rows.append((label, [w for line in lines for w in ([line] if whole else wrap(line, WIDTH - 14))]))

    if f.place:
        row(say("where", "位置"), f"{f.op}   {f.place}", f"    {f.place.text}", whole=True)
    else:
        row(say("where", "位置"), f.op)
    if f.module:
        row(f.label(), f.module)
    row(say("when", "时间"), f._phase())
    if f.values:
        size = say(
            f"{f.count} of {f.size} elements; shape {list(f.shape)}, {f.dtype}",
            f"{f.size} 个元素中有 {f.count} 个；形状 {list(f.shape)}，{f.dtype}",
        )
        row(say("values", "数值"), *[value_line(f.op, v) for v in f.values], f"({size})" if f.size else "")
    if f.rows:
        told = (
            say(f"all {f.batch_size} of the batch", f"这一批的全部 {f.batch_size} 个样本")
            if len(f.rows) == f.batch_size > 1
            else say(f"{_some(f.rows)} of the batch of {f.batch_size}", f"批量（共 {f.batch_size} 个样本）中的 {_some(f.rows)}")
        )
        if f.items:
            told += say(f"; in the dataset: {_some(f.items)}", f"；在数据集中的下标：{_some(f.items)}")
        row(say("examples", "样本"), told)
    for note in f.notes:
        row(say("note", "说明"), say(*note))
    row(say("why", "原因"), e.text("cause"))
    row(say("mend", "办法"), e.text("mend"))
    lines = history_lines(f)
    if lines:
        row(say("history", "历史"), *lines, whole=True)
    outer = [p for p in f.stack[1:4] if not f.place or str(p) != str(f.place)]
    if outer:
        row(say("called from", "调用自"), *[f"{p}  {p.text}" for p in outer], whole=True)
    if f.file:
        row(say("replay", "重放"), f"lightwell replay {f.file}", whole=True)
    for label, lines in rows:
        for i, line in enumerate([v for v in lines if v]):
            head = label if not i else ""
            out.append("  " + head + " " * (12 - wide(head)) + line)
    out.append(rule)
    return "\n".join(out)


def history_lines(f: Finding) -> list:
    """The last steps as sparklines."""
    out = []
    names = (("loss", "loss", "损失"), ("gradient", "gradient norm", "梯度范数"), ("ratio", "update/parameter", "更新/参数"), ("norm", "parameter norm", "参数范数"))  # fmt: skip
    told = {key: [v for v in f.history.get(key, []) if v is not None] for key, _, _ in names}
    for key, en, zh in names if max(map(len, told.values())) >= 2 else ():
        series = told[key]
        if series:
            label = say(en, zh)
            ends = f"{show(series[0])} → {show(series[-1])}" if len(series) > 1 else show(series[0])
            out.append(f"{label}{' ' * (18 - wide(label))}{sparkline(series)}  {ends}")
    for name, grads, _ in f.layers[:6]:
        grads = [g for g in grads if g is not None]
        if len(grads) >= 2:
            label = say(f"  grad {name}", f"  梯度 {name}")
            out.append(f"{label[:34]}{' ' * max(1, 36 - wide(label))}{sparkline(grads)}  {show(grads[0])} → {show(grads[-1])}")
    if out:
        n = max((len(v) for v in f.history.values()), default=0)
        out.insert(0, say(f"the last {n} steps", f"最近 {n} 步"))
    return out


def growth(series: list) -> float:
    """By what factor a series of positive numbers has grown at its end over its least: how far a divergence has come."""
    good = [v for v in series if v is not None and v > 0]
    if any(not math.isfinite(v) for v in good):
        return math.inf
    return good[-1] / min(good) if good else 1.0
