"""explain_copy: whether a call viewed or copied, measured on the memory; and why, from the strides."""

import html
import sys
import types
from typing import Any

import numpy as np

from ...errors.teaching import TypeError
from ...language import say
from .maps import MemoryMap, padded, size, tuple_text, width_of
from .names import argument_names
from .reasons import instead, why
from .storages import array_of, layout
from .trial import Step, Trial, measure, of_call, of_lambda, of_text, tensors_in


def explain_copy(call, *args, **kwargs) -> "CopyReport":
    """Run a call once and tell whether its result is a view, a copy, or written in place, which memory it has, and why.

    `call` is a text (an expression or an assignment, in the caller's variables), a function without arguments, or a function
    whose arguments follow. What the call writes in place is really written; a name that a text assigns to keeps its value.
    The report's `verdict` is "view", "copy", "in place", "partly" (several results, some of each), "same" (the tensor
    itself), "numbers" (Python numbers) or "new" (there was no tensor to share with). TypeError: no call; what the call
    raises itself is raised.

    >>> import lightwell as torch
    >>> x = torch.arange(6).reshape(2, 3)
    >>> print(torch.explain_copy("x.t().reshape(6)"))
    x.t().reshape(6)  →  copy: 48 bytes of its own
      x                 (2, 3)  strides (3, 1)
      x.t()             (3, 2)  strides (1, 3)  view of x
      x.t().reshape(6)  (6,)    strides (1,)    copy
    why      dimensions 0 and 1 of x.t() (sizes 3 and 2) would have to become one, and can't be merged: that takes stride[0] = size[1]·stride[1], but 1 ≠ 2·3
    instead  a view of x.t() under this shape doesn't exist; view() would say so with an error instead of copying
    >>> torch.explain_copy(torch.reshape, x, (3, 2)).verdict, torch.explain_copy(lambda: x[[0, 1]]).verdict
    ('view', 'copy')
    """
    frame = sys._getframe(1)
    if isinstance(call, str):
        space = {**frame.f_globals, **frame.f_locals}
        return CopyReport(of_text(call, space))
    if not callable(call):
        raise TypeError(f"explain_copy(): argument 'call' must be a str or a callable, not {type(call).__name__}: write lambda: before it")
    if not args and not kwargs and isinstance(call, types.FunctionType):
        return CopyReport(of_lambda(call))
    names = argument_names((call, *args), frame, "explain_copy")
    receiver = names[0].rpartition(".")[0] or "tensor"
    return CopyReport(of_call(call, args, kwargs, [receiver, *names[1:]]))


class CopyReport:
    """What `explain_copy` found: `verdict`, `reason`, `instead`, `steps`, the `result` itself, and `memory`, the map of it all."""

    def __init__(self, trial: Trial):
        self.text, self.result, self.steps = trial.text, trial.result, trial.steps
        self._sources, self._layouts = trial.sources, trial.layouts
        self.origin: Any = None
        self.written = list(dict.fromkeys(name for s in trial.steps for name in s.written))
        verdict, self.origin = measure(trial.result, trial.sources)
        if self.written:
            verdict = "in place"
        elif verdict == "nothing":
            verdict = "numbers"
        elif verdict == "copy" and not trial.sources:
            verdict = "new"
        self.verdict = verdict
        self._step = self._deciding()

    def _deciding(self) -> Step | None:
        """The step that made the result what it is: the last one that wrote, the last that copied, else the last one."""
        if not self.steps:
            return None
        if self.written:
            return [s for s in self.steps if s.written][-1]
        last = self.steps[-1]
        if self.verdict in ("copy", "partly", "new") and last.verdict in ("view", "same"):
            made = [s for s in self.steps if s.verdict in ("copy", "partly", "new")]
            return made[-1] if made else last
        if last.verdict == "same" and self.verdict == "view":
            viewed = [s for s in self.steps if s.verdict == "view"]
            return viewed[-1] if viewed else last
        return last

    @property
    def reason(self) -> str:
        """Why, in words."""
        if self._step is not None:
            return why(self._step)
        if self.verdict == "same":
            return say("a name alone: no call, the tensor itself", "只是个名字，没有调用：就是张量自己")
        return say("told from the memory of the result alone: the steps can't be seen", "只凭结果的内存判断：中间的步骤看不到")

    @property
    def instead(self) -> str:
        """What would have given a copy in place of the view, or a view in place of the copy; "" where nothing would."""
        return instead(self._step) if self._step is not None else ""

    @property
    def bytes(self) -> int:
        """The bytes of memory that the result takes for itself: 0 for a view."""
        sources = [s for _, s in self._sources]
        leaves = [t for t in tensors_in(self.result) if not any(t is s for s in sources)]
        own = [t for t in leaves if measure(t, self._sources)[0] in ("copy", "new")]
        arrays = {id(a): a for a in map(array_of, own) if a is not None}
        return sum(a.nbytes for a in arrays.values())

    @property
    def memory(self) -> MemoryMap:
        """The memory map of the tensors that went in and of the result."""
        named = [(name, s, _kind(s)) for name, s in self._sources]
        leaves = tensors_in(self.result)
        for i, t in enumerate(leaves):
            if not any(t is s for _, s in self._sources):
                named.append((self.text if len(leaves) == 1 else f"{say('result', '结果')}[{i}]", t, _kind(t)))
        return MemoryMap(named)

    def __str__(self) -> str:
        lines = [f"{self.text}  →  {self._headline()}", *self._table()]
        label = (say("why", "原因"), say("instead", "另外"))
        wide = max(map(width_of, label))
        lines.append(f"{padded(label[0], wide)}  {self.reason}")
        if self.instead:
            lines.append(f"{padded(label[1], wide)}  {self.instead}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>" + self.memory.svg()

    def _headline(self) -> str:
        where = self.origin or ""
        if self.verdict == "in place":
            return say(f"in place: written into the memory of {', '.join(self.written)}", f"原地：写进 {', '.join(self.written)} 的内存")
        if self.verdict == "view":
            return say(f"view of {where}", f"{where} 的视图")
        if self.verdict == "same":
            return say(f"the same tensor: {where}", f"同一个张量：{where}")
        if self.verdict == "copy":
            return say(f"copy: {size(self.bytes)} of its own", f"复制：自占 {size(self.bytes)}")
        if self.verdict == "partly":
            return say(
                f"partly: some views, some copies ({size(self.bytes)} of their own)", f"部分：有视图也有复制(自占 {size(self.bytes)})"
            )
        if self.verdict == "new":
            return say(f"new: {size(self.bytes)}", f"新建：{size(self.bytes)}")
        return say("Python values: copied out", "Python 值：复制出来的")

    def _table(self) -> list[str]:
        used = {name for s in self.steps for name, _ in s.operands}
        rows: list = [(name, s, "") for name, s in self._sources if name in used or not self.steps]
        rows += [(s.text, s.value, _word(s)) for s in self.steps]
        cells = []
        for text, value, word in rows:
            leaves = tensors_in(value)
            found = self._layouts.get(text) or (layout(leaves[0]) if len(leaves) == 1 else None)
            if found:
                shape, strides = tuple_text(found[0]), say("strides ", "步幅 ") + tuple_text(found[1])
            elif len(leaves) > 1:
                shape, strides = say(f"{len(leaves)} tensors", f"{len(leaves)} 个张量"), ""
            else:
                shape, strides = "", ""
            cells.append((text, shape, strides, word))
        widths = [max((width_of(c[i]) for c in cells), default=0) for i in range(3)]
        return ["  " + "  ".join([*(padded(c, w) for c, w in zip(row, widths)), row[3]]).rstrip() for row in cells]


def _word(s: Step) -> str:
    """One step's verdict in a word or two."""
    if s.written:
        return say(f"in place in {', '.join(dict.fromkeys(s.written))}", f"原地写 {', '.join(dict.fromkeys(s.written))}")
    words = {
        "view": say(f"view of {s.origin}", f"{s.origin} 的视图"), "same": say(f"the same as {s.origin}", f"就是 {s.origin}"),
        "copy": say("copy", "复制"), "partly": say("partly", "部分"), "new": say("new", "新建"),
        "numbers": say("Python values", "Python 值"), "nothing": "",
    }  # fmt: skip
    return words[s.verdict]


def _kind(value) -> str:
    return "array" if isinstance(value, np.ndarray) else "parameter" if type(value).__name__ == "Parameter" else "tensor"
