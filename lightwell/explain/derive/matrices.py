"""Matrix functions by differentials: differentiate the equation that defines the result, solve for its change, transpose.

    inv:   x·y = I   ⟹   dx·y + x·dy = 0   ⟹   dy = -y·dx·y   ⟹   Σ gy·dy = Σ (-yᵀ·gy·yᵀ)·dx   ⟹   gx = -yᵀ·gy·yᵀ

Each function here says the equation and its differential; the way back (the adjoint) is made mechanically by differentials.py.
The decompositions stand in matrices_decomposed.py.
"""

from collections.abc import Callable

import numpy as np

from .derivation import Derivation, Line, Part
from .differentials import Direction, Pull, identity, inner, known, value_of
from .indexed import gradient
from .reader import Reading
from .shortened import all_shortened
from .terms import Term, call, same, symbol

WHY = {
    "defined": ("the equation that defines the result", "定义结果的方程"),
    "equation": ("differentiate the equation: the product rule, with factors kept in order", "对方程求微分：乘积法则，因子次序不变"),
    "solve": ("solve for the change of the result", "解出结果的变化"),
    "inner": (
        "what a gradient is: it says how the loss changes, Σ gradient·change over all elements, whether seen from the result or from the input",
        "梯度的含义：损失的变化等于所有元素上 Σ 梯度·变化，从结果看与从输入看是一样的",
    ),
    "put": ("put the change of the result in", "代入结果的变化"),
    "adjoint": (
        "move every factor to the other side, transposed: Σ G·(A·E) = Σ (Aᵀ·G)·E and Σ G·(E·B) = Σ (G·Bᵀ)·E (the trace trick)",
        "把每个因子转置后移到另一边：Σ G·(A·E) = Σ (Aᵀ·G)·E，Σ G·(E·B) = Σ (G·Bᵀ)·E（迹技巧）",
    ),
    "read": ("it holds for every change, so this is the gradient", "它对任意变化都成立，因此这就是梯度"),
    "found": ("it holds for every change, so this is the gradient: just what the record computes", "它对任意变化都成立，因此这就是梯度：正是算子记录所计算的"),
    "symmetric": ("a symmetric change sees only the symmetric part", "对称的变化只与对称部分有关"),
    "record": ("what the record computes", "算子记录所计算的"),
}  # fmt: skip

TOLD: dict[str, Callable] = {}


def tells(*names: str):
    """Register the derivation of the records whose formula is this word of linalg."""

    def register(f):
        for name in names:
            TOLD[name] = f
        return f

    return register


def family(reading: Reading) -> Derivation | None:
    """The derivation of a matrix function; None for anything else."""
    from . import matrices_decomposed  # noqa: F401  registers the decompositions

    told = TOLD.get(reading.record.name)
    if told is None or not reading.gradients:
        return None
    return all_shortened(told(reading))


def bindings_of(reading: Reading, *more: Term) -> dict:
    """Every symbol's array."""
    return {n: s.value for n, s in reading.symbols.items()} | {s.params["name"]: s.value for s in more}


def complex_in(reading: Reading) -> bool:
    """Whether the inner product conjugates: complex numbers under a record that sees to them itself."""
    return reading.record.conj_aware


def back(reading: Reading, x: str, along: Direction, changes: dict[str, Term], symmetric: bool = False) -> list[Line]:
    """From dy = … to gx: Σ gy·dy = Σ gx·dx, the factors moved over one by one. `changes` gives each output's change in dx."""
    hermitian = complex_in(reading)
    pull = Pull(hermitian)
    value, rule = gradient(reading, x)
    g = symbol("g" + x, value)
    left = inner(g, along.change, hermitian)
    scalar = value_of(left)
    told = {o: e for o, e in changes.items() if "g" + o in reading.symbols}
    sides, puts, made = [], [], []
    for o, e in told.items():
        gy = reading.gys[o]
        sides.append(inner(gy, along.of(o), hermitian))
        puts.append(inner(gy, e, hermitian))
        made.append(pull.pulled(gy, e))
    adjoint = made[0]
    for m in made[1:]:
        adjoint = known(adjoint + m)
    lines = [
        Line(left, _added(sides), WHY["inner"], checked=scalar),
        Line(left, _added(puts), WHY["put"], checked=scalar),
        Line(left, inner(adjoint, along.change, hermitian), WHY["adjoint"], checked=scalar),
    ]
    shape = np.shape(reading.inputs[x].value)
    if symmetric:
        turned = pull.turned(adjoint)
        lines.append(Line(g, (adjoint + turned) / 2, WHY["symmetric"], checked=value))
    else:
        lines.append(Line(g, summed(adjoint, shape), WHY["read"], checked=value))
    return ended(lines, Line(g, rule, WHY["record"], checked=value))


def ended(lines: list[Line], last: Line) -> list[Line]:
    """The lines with the record's rule behind them, unless it is what the last of them says already."""
    if same(lines[-1].right, last.right):
        lines[-1].why = WHY["found"]
        return lines
    return [*lines, last]


def summed(t: Term, shape: tuple) -> Term:
    """The term, summed over what was broadcast."""
    have = value_of(t).shape
    if have == shape:
        return t
    lead = len(have) - len(shape)
    axes = tuple(range(lead)) + tuple(lead + d for d, n in enumerate(shape) if n == 1 and have[lead + d] != 1)
    made = known(Term("sum", (t,), {"axis": axes}))
    return made if made.value.shape == shape else known(Term("reshape", (made,), {"shape": shape}))


def _added(terms: list[Term]) -> Term:
    total = terms[0]
    for t in terms[1:]:
        total = total + t
    return total


def derivation(reading: Reading, idea, definition, parts, *more: Term) -> Derivation:
    """The derivation, with every symbol bound."""
    return Derivation(reading.record.name, idea, definition, parts, bindings_of(reading, *more))


# ---- inverse, determinant, equations ----------------------------------------------------------------------------------


@tells("linalg_inv")
def _inv(reading: Reading) -> Derivation:
    x, y = reading.inputs["x"], reading.symbols["y"]
    one = identity(x.value.shape[-1])
    along = Direction(reading, "x")
    dx, dy = along.change, along.of("y")
    eye = np.broadcast_to(one.value, x.value.shape)
    change = call("negative", known(call("matmul", y, call("matmul", dx, y))))
    lines = [
        Line(product_of(dx, y) + product_of(x, dy), call("zeros_like", x), WHY["equation"], checked=np.zeros(x.value.shape)),
        Line(dy, change, ("solve for dy: multiply by y = x⁻¹ from the left", "解出 dy：左乘 y = x⁻¹"), checked=dy.value),
        *back(reading, "x", along, {"y": change}),
    ]
    idea = ("The inverse is defined by x·y = I: differentiate that.", "逆矩阵由 x·y = I 定义：对它求微分。")
    return derivation(
        reading,
        idea,
        [Line(product_of(x, y), one, WHY["defined"], checked=eye)],
        [Part("x", lines)],
        one,
    )


def product_of(a: Term, b: Term) -> Term:
    """a·b, not worked out."""
    return call("matmul", a, b)


@tells("linalg_det")
def _det(reading: Reading) -> Derivation:
    x, y = reading.inputs["x"], reading.symbols["y"]
    c = symbol("C", value_of(Term("linalg.cofactor", (x,))))
    along = Direction(reading, "x")
    change = Term("sum", (c * along.change,), {"axis": (-2, -1)})
    dy = along.of("y")
    if not x.value.size:
        empty = ("the determinant of a matrix without elements is 1: the empty product", "没有元素的矩阵的行列式为 1：空积")
        value, rule = gradient(reading, "x")
        lines = [Line(symbol("gx", value), rule, WHY["record"], checked=value)]
        return derivation(reading, empty, [Line(y, reading.outputs["y"], empty, checked=y.value)], [Part("x", lines)])
    top = (Ellipsis, 0, slice(None))
    first = Term("sum", (Term("getitem", (x,), {"key": top}) * Term("getitem", (c,), {"key": top}),), {"axis": -1})
    definition = [
        Line(c, Term("linalg.cofactor", (x,), {}), ("the cofactors: c_ij is ± the determinant without row i and column j, and x_ij isn't in it", "代数余子式：c_ij 是去掉第 i 行第 j 列的行列式（带符号），其中不含 x_ij"), checked=c.value),
        Line(y, first, ("the determinant, expanded along a row (here the first): Σ_j x_ij·c_ij", "行列式按一行展开（这里是第一行）：Σ_j x_ij·c_ij"), checked=y.value),
    ]  # fmt: skip
    lines = [
        Line(
            dy,
            change,
            (
                "expanded along row i, c_ij doesn't contain x_ij: ∂y/∂x_ij = c_ij, for every i and j (Jacobi's formula)",
                "按第 i 行展开时 c_ij 不含 x_ij：对任意 i、j 有 ∂y/∂x_ij = c_ij（雅可比公式）",
            ),
            checked=dy.value,
        )
    ]
    regular = bool((np.abs(y.value) > 1e-8).all())
    if regular:
        inverse = call("matrix_transpose", Term("linalg.inv", (x,)))
        scale = Term("getitem", (y,), {"key": (Ellipsis, None, None)})
        lines.append(
            Line(
                c,
                scale * inverse,
                ("Cramer's rule: where x has an inverse, C = det x · x⁻ᵀ", "克拉默法则：x 可逆时 C = det x · x⁻ᵀ"),
                checked=c.value,
            )
        )
    lines += back(reading, "x", along, {"y": change})
    idea = (
        "The determinant is linear in every single element: its derivative by x_ij is the cofactor.",
        "行列式对每个元素都是线性的：它对 x_ij 的导数就是代数余子式。",
    )
    return derivation(reading, idea, definition, [Part("x", lines)], c)


@tells("linalg_slogdet")
def _slogdet(reading: Reading) -> Derivation:
    x, y = reading.inputs["x"], reading.symbols["logabsdet"]
    along = Direction(reading, "x")
    dx = along.change
    inverse = known(call("matrix_transpose", Term("linalg.inv", (x,))))
    z = Term("sum", (inverse * dx,), {"axis": (-2, -1)})
    complex_ = x.value.dtype.kind == "c"
    change = call("real", z) if complex_ else z
    lines = [
        Line(
            along.of("logabsdet"),
            change,
            (
                "Jacobi's formula: d det x = det x · tr(x⁻¹·dx), and d log|det x| = d det x / det x; tr(A·B) = Σ Aᵀ·B",
                "雅可比公式：d det x = det x · tr(x⁻¹·dx)，而 d log|det x| = d det x / det x；tr(A·B) = Σ Aᵀ·B",
            ),
            checked=along.of("logabsdet").value,
        )
    ]
    changes = {"logabsdet": change}
    if complex_:
        sign = reading.symbols["sign"]
        turn = known(sign * 1j) * call("real", call("multiply", -1j, z))
        lines.append(
            Line(
                along.of("sign"),
                turn,
                (
                    "the sign of a complex determinant turns by the imaginary part: Im z = Re(-i·z)",
                    "复行列式的符号按虚部转动：Im z = Re(-i·z)",
                ),
                checked=along.of("sign").value,
            )
        )
        changes["sign"] = turn
    lines += back(reading, "x", along, changes)
    definition = [
        Line(
            reading.symbols["sign"] * call("exp", y),
            Term("linalg.det", (x,)),
            ("sign·e^logabsdet is the determinant", "sign·e^logabsdet 就是行列式"),
            checked=np.linalg.det(x.value),
        )
    ]
    idea = ("The logarithm turns Jacobi's formula into a trace with the inverse.", "取对数后，雅可比公式变成与逆矩阵的迹。")
    return derivation(reading, idea, definition, [Part("x", lines)])


@tells("linalg_solve", "linalg_solve_triangular")
def _solve(reading: Reading) -> Derivation:
    a, b, y = reading.inputs["a"], reading.inputs["b"], reading.symbols["y"]
    formula = reading.outputs["y"]
    triangular = formula.word == "linalg.solve_triangular"
    upper, unit = reading.params.get("upper", False), bool(reading.params.get("unitriangular", False))
    word, k = ("triu" if upper else "tril"), (1 if upper else -1) if unit else 0
    triangle = lambda t: Term(word, (t,), {"k": k}) if k else call(word, t)
    more: list[Term] = []
    matrix = a
    if triangular:
        matrix = triangle(a) + identity(a.value.shape[-1]) if unit else triangle(a)
    solved = lambda right: Term(formula.word, (a, right), formula.params)
    parts = []
    for x in reading.gradients:
        along = Direction(reading, x)
        dy = along.of("y")
        if x == "b":
            equation = Line(
                product_of(matrix, dy),
                _wide(along.change, y),
                WHY["equation"],
                checked=np.broadcast_to(along.v, np.broadcast_shapes(along.v.shape, y.value.shape)),
            )
            change = solved(along.change)
        else:
            da = triangle(along.change) if triangular else along.change
            zero = np.zeros(np.broadcast_shapes(y.value.shape, b.value.shape))
            equation = Line(product_of(da, y) + product_of(matrix, dy), call("zeros_like", y), WHY["equation"], checked=zero)
            change = call("negative", solved(product_of(da, y)))
        reason = ("solve for dy: one more equation with the same matrix", "解出 dy：又是一个系数矩阵相同的方程")
        lines = [equation, Line(dy, change, reason, checked=dy.value), *back(reading, x, along, {"y": change})]
        parts.append(Part(x, lines))
    idea = (
        "The solution is defined by a·y = b: differentiate that. Its gradients solve an equation with the transposed matrix.",
        "解由 a·y = b 定义：对它求微分。梯度则是求解转置矩阵的方程。",
    )
    if triangular:
        idea = (
            "Only the triangle of a is read; otherwise as for solve: differentiate t·y = b.",
            "只读取 a 的三角部分；其余与 solve 相同：对 t·y = b 求微分。",
        )
        more.append(identity(a.value.shape[-1]))
    wide = np.broadcast_to(b.value, np.broadcast_shapes(b.value.shape, y.value.shape))
    definition = [Line(product_of(matrix, y), _wide(b, y), WHY["defined"], checked=wide)]
    return derivation(reading, idea, definition, parts, *more)


def _wide(b: Term, y: Term) -> Term:
    """b, repeated to y's shape where it was broadcast."""
    shape = np.broadcast_shapes(value_of(b).shape, y.value.shape)
    return b if value_of(b).shape == shape else Term("broadcast_to", (b,), {"shape": shape})


# ---- generalised inverse, exponential ------------------------------------------------------------------------------------


@tells("linalg_pinv")
def _pinv(reading: Reading) -> Derivation:
    x, p = reading.inputs["x"], reading.symbols["p"]
    pull = Pull(True)
    along = Direction(reading, "x", symmetric=bool(reading.params.get("is_hermitian")))
    dx, dp = along.change, along.of("p")
    m, n = x.value.shape[-2:]
    one_m, one_n = symbol("I_m", np.eye(m)), symbol("I_n", np.eye(n))
    turned = pull.turned
    dxh = call("matrix_transpose", dx)
    dxh = call("conj", dxh) if x.value.dtype.kind == "c" else dxh
    left = known(one_m - product_of(x, p))
    right = known(one_n - product_of(p, x))
    change = (
        call("negative", product_of(p, product_of(dx, p)))
        + product_of(known(product_of(p, turned(p))), product_of(dxh, left))
        + product_of(right, product_of(dxh, known(product_of(turned(p), p))))
    )
    lines = [
        Line(dp, change, ("from p·x·p = p and the symmetry of x·p and p·x, while the rank stays: inside the range dp = -p·dx·p as for an inverse, and two terms for what lies outside (Golub and Pereyra 1973)", "由 p·x·p = p 以及 x·p、p·x 的对称性，在秩不变时得到：值域内与求逆一样 dp = -p·dx·p，另有两项对应值域之外的部分（Golub 与 Pereyra，1973）"), checked=dp.value),
        *back(reading, "x", along, {"p": change}),
    ]  # fmt: skip
    definition = [
        Line(product_of(x, product_of(p, x)), x, ("Penrose's first condition", "彭罗斯第一条件"), checked=x.value),
        Line(
            product_of(p, product_of(x, p)),
            p,
            ("and the second; x·p and p·x are symmetric besides", "第二条件；此外 x·p 与 p·x 都是对称的"),
            checked=p.value,
        ),
    ]
    idea = (
        "The pseudo-inverse is defined by Penrose's equations: differentiate them, with the rank held constant.",
        "伪逆由彭罗斯方程定义：在秩不变的条件下对它们求微分。",
    )
    return derivation(reading, idea, definition, [Part("x", lines)], one_m, one_n)


@tells("linalg_matrix_exp")
def _matrix_exp(reading: Reading) -> Derivation:
    x, y, gy = reading.inputs["x"], reading.symbols["y"], reading.gys["y"]
    hermitian = complex_in(reading)
    pull = Pull(hermitian)
    along = Direction(reading, "x")
    dx, dy = along.change, along.of("y")
    n = x.value.shape[-1]
    value, rule = gradient(reading, "x")
    g = symbol("gx", value)
    corner = lambda a, e: Term(
        "getitem", (Term("linalg.matrix_exp", (_block(a, e),)),), {"key": (Ellipsis, slice(None, n), slice(n, None))}
    )
    left = inner(g, dx, hermitian)
    scalar = value_of(left)
    turned = pull.turned(x)
    scale = max(1.0, float(np.abs(x.value).sum(-1).max()))
    count = int(20 + 6 * scale)
    definition = [
        Line(
            y,
            call("linalg.matrix_exp", x),
            (
                "the exponential's series, Σ x^k/k!",
                "指数函数的级数 Σ x^k/k!",
            ),
            checked=_series(x.value, count),
        )
    ]
    lines = [
        Line(dy, corner(x, dx), ("term by term, d(x^k) = Σ_j x^j·dx·x^(k-1-j): just what stands in the corner of the k-th power of the block matrix (x dx; 0 x)", "逐项求微分：d(x^k) = Σ_j x^j·dx·x^(k-1-j)，正是分块矩阵 (x dx; 0 x) 的 k 次幂右上角的内容"), checked=dy.value),
        Line(left, inner(gy, dy, hermitian), WHY["inner"], checked=scalar),
        Line(left, inner(corner(turned, gy), dx, hermitian), ("move the powers over, transposed: Σ gy·(x^j·dx·x^i) = Σ (xᵀ^j·gy·xᵀ^i)·dx, again a corner", "把各次幂转置后移到另一边：Σ gy·(x^j·dx·x^i) = Σ (xᵀ^j·gy·xᵀ^i)·dx，仍是一个右上角块"), checked=scalar),
        Line(g, corner(turned, gy), WHY["read"], checked=value),
    ]  # fmt: skip
    lines = ended(lines, Line(g, rule, WHY["record"], checked=value))
    idea = (
        "The exponential of a block matrix holds the derivative of the exponential in its corner.",
        "分块矩阵的指数，其右上角就是指数函数的导数。",
    )
    return derivation(reading, idea, definition, [Part("x", lines)], identity(n))


def _block(a: Term, e: Term) -> Term:
    """(a e; 0 a)."""
    top = Term("concat", (a, e), {"axis": -1})
    return Term("concat", (top, Term("concat", (call("zeros_like", a), a), {"axis": -1})), {"axis": -2})


def _series(x: np.ndarray, count: int) -> np.ndarray:
    total = power = np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape)
    for k in range(1, count):
        power = power @ x / k
        total = total + power
    return total
