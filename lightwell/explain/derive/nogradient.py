"""Operations without a gradient: what they compute, and one honest sentence on why nothing flows back."""

import numpy as np

from .derivation import Derivation, Line
from .elementwise import bindings_of, tidy
from .evaluate import evaluate
from .lexicon import WORDS
from .reader import Reading
from .simplify import COMPARISONS
from .terms import Term

_TRUTH = (
    "The result is true or false: it jumps or stays the same, so it has no derivative.",
    "结果只有真与假：要么跳变要么不变，因此没有导数。",
)
_WHOLE = (
    "The result is a whole number: it jumps or stays the same, so it has no derivative.",
    "结果是整数：要么跳变要么不变，因此没有导数。",
)
_STEPS = (
    "Between its jumps the result is constant, and at the jumps it has no slope: there is nothing to hand back.",
    "结果在跳跃点之间是常数，在跳跃点处没有斜率：没有梯度可传回。",
)
_BESSEL = (
    "Mathematics has a derivative for it, again a Bessel function; PyTorch defines none for this operation, and neither does this one.",
    "数学上它有导数（仍是贝塞尔函数），但 PyTorch 没有为该运算定义导数，这里也不定义。",
)
_VALUES = (
    "This quick form computes the values alone and is taken where no gradient is asked for; where one is, the form with vectors runs.",
    "这是只求值的快速形式，仅在不需要梯度时使用；需要梯度时会改用同时求向量的形式。",
)
_COUNTS = (
    "The input only decides which bin is counted: a small change moves nothing until an element crosses into another bin.",
    "输入只决定计入哪个区间：微小变化不改变结果，直到某个元素跨入另一区间。",
)
_BITS = (
    "The same bytes are read as another type: no arithmetic relation holds between the two numbers, so no derivative.",
    "同样的字节按另一种类型读取：两个数之间没有算术关系，因此没有导数。",
)
_NEXT = (
    "It steps to the neighbouring floating-point number: a property of the number format, not of the real line.",
    "它取相邻的浮点数：这是数的存储格式的性质，而非实数的性质。",
)
_BY_NAME = {"nextafter": _NEXT, "view_dtype": _BITS, "bincount_weighted": _COUNTS, "histogram": _COUNTS, "bincount": _COUNTS}
_BY_NAME |= dict.fromkeys(("linalg_svdvals", "linalg_eigvalsh", "linalg_eigvals"), _VALUES) | dict.fromkeys(
    ("floor_divide", "heaviside"), _STEPS
)


def family(reading: Reading) -> Derivation | None:
    """The definition of an operation that has no gradient (or none for inputs of this type); None for any other."""
    record = reading.record
    kinds = {np.asarray(s.value).dtype.kind for n, s in reading.symbols.items() if n in reading.outputs}
    if record.differentiable and reading.gradients and not kinds <= set("iub"):
        return None
    idea = _BY_NAME.get(record.name)
    if idea is None:
        if "bessel" in record.name:
            idea = _BESSEL
        elif kinds == {"b"}:
            idea = _TRUTH
        elif kinds <= set("iub"):
            idea = _WHOLE
        else:
            idea = _STEPS
    bindings, lines = bindings_of(reading), []
    for name, formula in {**reading.outputs, **reading.keeps}.items():
        if formula is None or name in reading.keeps:
            continue
        value = reading.symbols[name].value
        shown = tidy(formula)
        if value.dtype.kind == "b" and shown.word in COMPARISONS:
            shown = Term("iverson", (shown,))
        lines.append(Line(reading.symbols[name], shown, ("what it computes", "所计算的内容"), checked=value))
        lines += _meaning(reading.symbols[name], formula, bindings, value)
    return Derivation(record.name, idea, lines, [], bindings)


def _meaning(y: Term, formula: Term, bindings: dict, value) -> list:
    entry = WORDS.get(formula.word)
    if entry is None or entry.meaning is None or formula.word in ("add", "subtract"):
        return []
    meaning = entry.meaning(*formula.args, **formula.params)
    return [Line(y, meaning, entry.because, checked=np.asarray(evaluate(meaning, bindings)))]
