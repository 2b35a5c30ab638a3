"""Linear maps without a neat formula: y = A·x + b, so ∂y/∂x = A and gx = Aᵀ·gy, whatever A is.

A is found by applying the operation to the unit vectors, one column each; the derivation of any linear operation.
"""

import numpy as np

from .derivation import Derivation, Line, Part
from .differences import Lazy, forward
from .indexed import gradient, why
from .indexed_calculus import added
from .reader import Reading
from .selections import MOVING, words_of
from .terms import Term, index, symbol, term

SHOWN = 36  # elements up to which A is written out

WHY = {
    "linear": (
        "elements counted in order: the operation is linear in {x}, so it is a matrix times {x}; column j of {A} is the operation's result for the j-th unit vector",
        "按顺序给元素编号：该操作对 {x} 是线性的，因此等于一个矩阵乘以 {x}；{A} 的第 j 列就是对第 j 个单位向量的运算结果",
    ),
    "affine": (
        "elements counted in order: linear in {x} apart from what does not depend on {x}, called b; column j of {A} is what the j-th unit vector adds",
        "按顺序给元素编号：除去与 {x} 无关的部分 b 之外对 {x} 是线性的；{A} 的第 j 列是第 j 个单位向量带来的变化",
    ),
    "local": ("the derivative of a linear map is its matrix", "线性映射的导数就是它的矩阵"),
    "chain": ("the chain rule", "链式法则"),
    "adjoint": ("put it in: rows and columns change places, gx = {A}ᵀ·gy, the adjoint map", "代入：行与列互换，gx = {A}ᵀ·gy，即伴随映射"),
    "shown": ("the matrix here", "此处的矩阵"),
}  # fmt: skip

IDEA = (
    "The operation is linear: whatever its matrix A is, the gradient goes back by Aᵀ, which visits the same pairs of elements the other way round.",
    "该操作是线性的：无论矩阵 A 是什么，梯度都按 Aᵀ 回传，即把同样的元素对反向走一遍。",
)


def say(key: str, **names) -> tuple[str, str]:
    """A reason, in both languages."""
    return tuple(text.format(**names) for text in WHY[key])  # type: ignore[return-value]


def family(reading: Reading) -> Derivation | None:
    """The derivation of an operation that is linear in each of its inputs (the others held fixed); None for others."""
    record = reading.record
    if len(record.outputs) != 1 or not reading.gradients or record.name.startswith("linalg"):
        return None
    if any(isinstance(s, Term) and s.value.dtype.kind == "c" for s in reading.inputs.values()):
        return None
    y = reading.symbols.get(record.outputs[0])
    words = words_of(reading.outputs.get(record.outputs[0]))
    if not words <= WORDS or words <= _PLAIN:
        return None
    if y is None or y.value.dtype.kind != "f" or not all(_linear(reading, x) for x in reading.gradients):
        return None
    definition: list[Line] = []
    parts = []
    bindings = {n: s.value for n, s in reading.symbols.items()}
    for x in reading.gradients:
        parts.append(_part(reading, x, y, definition, bindings, len(reading.gradients) > 1))
    return Derivation(record.name, IDEA, definition, parts, bindings)


# Words that keep a formula linear in what they are applied to (which is still tried out on numbers).
WORDS = MOVING | frozenset(
    "add subtract negative multiply divide divide_by sum mean matmul index_add scatter_add windows unwindow window_sum window_spread unpool "
    "strided_add region_resample region_spread resample resample_adjoint convolve convolve_adjoint convolve_weight tril triu cumulative_sum "
    "symbol number".split()
)
_PLAIN = frozenset("add subtract negative multiply divide symbol number where astype asarray".split())


def _linear(reading: Reading, x: str) -> bool:
    """Whether f(u + v) - f(u) = f(v) - f(0), and f(2u) - f(0) = 2·(f(u) - f(0)), for values of the size of x's."""
    at = reading.inputs[x].value
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal((2, *at.shape))
    f = lambda a: forward(reading, {x: a})[0]
    try:
        zero, at_u, at_v = f(np.zeros(at.shape)), f(u), f(v)
        both = np.allclose(f(u + v) - at_u, at_v - zero, rtol=1e-9, atol=1e-10)
        return both and np.allclose(f(-2 * u) - zero, -2 * (at_u - zero), rtol=1e-9, atol=1e-10)
    except (TypeError, ValueError, IndexError, FloatingPointError):
        return False


def _matrix(reading: Reading, x: str) -> np.ndarray:
    shape = reading.inputs[x].value.shape
    f = lambda a: forward(reading, {x: a})[0].reshape(-1)
    zero = f(np.zeros(shape))
    columns = [f(unit.reshape(shape)) - zero for unit in np.eye(int(np.prod(shape)))]
    return np.stack(columns, 1) if columns else np.zeros((zero.size, 0))


def _part(reading: Reading, x: str, y: Term, definition: list, bindings: dict, several: bool) -> Part:
    target, name = reading.inputs[x], y.params["name"]
    value, rule = gradient(reading, x)
    mark = "A_" + x if several else "A"
    small = target.value.size * y.value.size <= 200_000
    found = Lazy(lambda: _matrix(reading, x)) if not small else _matrix(reading, x)
    A = symbol(mark, found)
    flat_x, flat_y = symbol(x + "_flat", target.value.reshape(-1)), symbol(name + "_flat", y.value.reshape(-1))
    gy = symbol(f"g{name}_flat", reading.gys[name].value.reshape(-1))
    offset = y.value.reshape(-1) - forward(reading, {x: np.zeros(target.value.shape)})[0].reshape(-1)
    rest = y.value.reshape(-1) - offset
    for s in (A, flat_x, flat_y, gy):
        bindings[s.params["name"]] = s.value
    i, j = index("i", y.value.size), index("j", target.value.size)
    a_ij = Term("at", (A, i, j))
    body = added([j], a_ij * Term("at", (flat_x, j)))
    if np.any(rest):
        b = symbol("b_" + x if several else "b_flat", rest)
        bindings[b.params["name"]] = rest
        body = body + Term("at", (b, i))
    if isinstance(found, np.ndarray) and found.size <= SHOWN:
        definition.append(Line(A, term(tuple(tuple(round(float(v), 12) for v in row) for row in found)), say("shown"), checked=found))
    definition.append(Line(Term("at", (flat_y, i)), body, say("affine" if np.any(rest) else "linear", x=x, A=mark), checked=flat_y.value))
    slope = Term("partial", (Term("at", (flat_y, i)), Term("at", (flat_x, j))), {"is": a_ij})
    flat = value.reshape(-1)
    gx = Term("at", (symbol(f"g{x}_flat", flat), j))
    from .differences import jacobian

    whole = jacobian(reading, x)
    lines = [
        Line(slope, a_ij, say("local"), checked=Lazy(lambda: np.asarray(whole).reshape(y.value.size, target.value.size))),
        Line(gx, added([i], Term("at", (gy, i)) * slope), say("chain"), checked=flat),
        Line(gx, added([i], Term("at", (gy, i)) * a_ij), say("adjoint", A=mark), checked=flat),
        Line(symbol("g" + x, value), rule, why("record"), checked=value),
    ]
    return Part(x, lines)
