"""Fourier transforms: linear, with the matrix e^(∓2πi·jk/n); the gradient goes back through its conjugate, the other sign.

For a complex z = a + ib the gradient is ∂L/∂a + i·∂L/∂b, so that a linear y = A·x gives gx = conj(A)ᵀ·gy.
"""

import numpy as np

from .derivation import Derivation, Line, Part
from .differences import jacobian
from .indexed import gradient
from .indexed_calculus import Letters, added, delta, times
from .reader import Reading
from .terms import Term, call, symbol, term

WHY = {
    "definition": ("the definition: how much of each frequency is in x", "定义：x 中每个频率的成分"),
    "local": ("linear in x: the derivative is the matrix of the transform", "对 x 是线性的：导数就是变换矩阵"),
    "chain": ("the chain rule; gradients of complex numbers go back through the conjugate matrix", "链式法则；复数的梯度通过共轭矩阵回传"),
    "real": ("the chain rule; x is real, so only the real part of the gradient counts", "链式法则；x 是实数，因此只有梯度的实部起作用"),
    "put": ("conjugating turns the sign of the exponent: the transform the other way, with the same factor", "取共轭使指数变号：就是反方向的变换，系数不变"),
    "record": ("what the record computes", "算子记录所计算的"),
}  # fmt: skip

IDEA = (
    "The transform is a matrix of phases. Its adjoint has the conjugate phases: the gradient is transformed the other way round.",
    "傅里叶变换就是一个相位矩阵，其伴随取共轭相位：梯度按相反方向变换。",
)


def family(reading: Reading) -> Derivation | None:
    """The derivation of a Fourier transform; None for others."""
    told = {"fft_c2c": _c2c, "fft_r2c": _r2c, "fft_c2r": _c2r}.get(reading.record.name)
    return told(reading) if told is not None and "x" in reading.gradients else None


def _phase(sign: int, j: Term, k: Term, n: int) -> Term:
    """e^(sign·2πi·jk/n)."""
    return call("exp", call("divide", times(call("multiply", complex(0, sign * 2 * np.pi), j), k), n))


def _at(x: Term, places: tuple) -> Term:
    return Term("at", (x, *places))


def _factor(norm, n: int, forward: bool) -> float:
    """The factor of a transform of n values: 1, 1/n or 1/√n."""
    if norm == "ortho":
        return float(1 / np.sqrt(n))
    return 1.0 if (norm in (None, "backward")) == forward else 1 / n


def _bound(reading: Reading) -> dict:
    return {n: s.value for n, s in reading.symbols.items()}


def _c2c(reading: Reading) -> Derivation:
    x, y, gy = reading.inputs["x"], reading.symbols["y"], reading.gys["y"]
    letters = Letters()
    n = x.value.ndim
    axes = [a % n for a in reading.params["axes"]]
    sign = 1 if reading.params["inverse"] else -1
    places = tuple(letters.fresh(m, "kl" if d in axes else "nm") for d, m in enumerate(x.value.shape))
    run = tuple(letters.fresh(m, "jh") if d in axes else places[d] for d, m in enumerate(x.value.shape))
    own = tuple(letters.fresh(m, "rstuv") for m in x.value.shape)
    size = int(np.prod([x.value.shape[a] for a in axes]))
    c = _factor(reading.params["norm"], size, sign < 0)
    factor = [term(c)] if c != 1 else []
    turn = lambda a, b, s: times(*(_phase(s, a[d], b[d], x.value.shape[d]) for d in axes))
    apart = times(*(delta(places[d], own[d]) for d in range(n) if d not in axes))
    local = times(*factor, apart, turn(own, places, sign))
    slope = Term("partial", (_at(y, places), _at(x, own)), {"is": local})
    value, rule = gradient(reading, "x")
    gx = _at(symbol("gx", value), own)
    real = value.dtype.kind != "c"
    other = tuple(places[d] if d in axes else own[d] for d in range(n))
    whole = lambda t: call("real", t) if real else t
    back = times(*factor, added([places[d] for d in axes], times(_at(gy, other), turn(own, places, -sign))))
    lines = [
        Line(slope, local, WHY["local"], checked=jacobian(reading, "x")),
        Line(gx, whole(added(places, _at(gy, places) * call("conj", slope))), WHY["real" if real else "chain"], checked=value),
        Line(gx, whole(back), WHY["put"], checked=value),
        Line(symbol("gx", value), rule, WHY["record"], checked=value),
    ]
    body = times(*factor, added([run[d] for d in axes], times(_at(x, run), turn(run, places, sign))))
    return Derivation(
        reading.record.name, IDEA, [Line(_at(y, places), body, WHY["definition"], checked=y.value)], [Part("x", lines)], _bound(reading)
    )


def _r2c(reading: Reading) -> Derivation:
    x, y, gy = reading.inputs["x"], reading.symbols["y"], reading.gys["y"]
    letters = Letters()
    axis = reading.params["axis"] % x.value.ndim
    n = x.value.shape[axis]
    c = _factor(reading.params["norm"], n, True)
    factor = [term(c)] if c != 1 else []
    lane = tuple(letters.fresh(m, "nm") if d != axis else None for d, m in enumerate(x.value.shape))
    other = tuple(letters.fresh(m, "rst") if d != axis else None for d, m in enumerate(x.value.shape))
    j, h, k = letters.fresh(n, "j"), letters.fresh(n, "h"), letters.fresh(y.value.shape[axis], "k")
    put = lambda places, p: tuple(p if d == axis else q for d, q in enumerate(places))
    apart = times(*(delta(a, b) for a, b in zip(lane, other) if a is not None))
    local = times(*factor, apart, _phase(-1, j, k, n))
    slope = Term("partial", (_at(y, put(lane, k)), _at(x, put(other, j))), {"is": local})
    value, rule = gradient(reading, "x")
    gx = _at(symbol("gx", value), put(other, j))
    back = call("real", times(*factor, added([k], times(_at(gy, put(other, k)), _phase(1, j, k, n)))))
    halves = (
        "as a complex-to-real transform, which counts each k twice that stands for n - k too: those are halved before",
        "写成复到实的变换；它把同时代表 n - k 的那些 k 算了两次，因此事先减半：这正是算子记录所计算的",
    )
    lines = [
        Line(slope, local, WHY["local"], checked=jacobian(reading, "x")),
        Line(gx, call("real", added([p for p in put(lane, k)], _at(gy, put(lane, k)) * call("conj", slope))), WHY["real"], checked=value),
        Line(gx, back, WHY["put"], checked=value),
        Line(symbol("gx", value), rule, halves, checked=value),
    ]
    body = times(*factor, added([h], times(_at(x, put(lane, h)), _phase(-1, h, k, n))))
    text = (
        "the definition, for frequencies up to the half: of a real x the others are their conjugates",
        "定义，只取到一半频率：x 为实数时其余频率是它们的共轭",
    )
    return Derivation(
        reading.record.name, IDEA, [Line(_at(y, put(lane, k)), body, text, checked=y.value)], [Part("x", lines)], _bound(reading)
    )


def _c2r(reading: Reading) -> Derivation:
    x, y, gy = reading.inputs["x"], reading.symbols["y"], reading.gys["y"]
    letters = Letters()
    axis = reading.params["axis"] % x.value.ndim
    n, m = reading.params["n"], x.value.shape[axis]
    c = _factor(reading.params["norm"], n, False)
    factor = [term(c)] if c != 1 else []
    weights = np.full(m, 2.0)
    weights[0] = 1
    if n % 2 == 0 and m > n // 2:
        weights[n // 2] = 1
    w = symbol("w", weights)
    lane = tuple(letters.fresh(q, "nm") if d != axis else None for d, q in enumerate(x.value.shape))
    other = tuple(letters.fresh(q, "rst") if d != axis else None for d, q in enumerate(x.value.shape))
    k, l, j = letters.fresh(m, "k"), letters.fresh(m, "l"), letters.fresh(n, "j")
    put = lambda places, p: tuple(p if d == axis else q for d, q in enumerate(places))
    value, rule = gradient(reading, "x")
    gx = _at(symbol("gx", value), put(other, k))
    body = times(*factor, added([l], times(_at(w, (l,)), call("real", times(_at(x, put(lane, l)), _phase(1, j, l, n))))))
    back = times(*factor, _at(w, (k,)), added([j], times(_at(gy, put(other, j)), _phase(-1, j, k, n))))
    ones = (
        "each frequency counts twice, once for its conjugate n - k, but for the first and the middle one",
        "除第一个与中间那个外，每个频率算两次，另一次代表其共轭 n - k",
    )
    text = (
        "the inverse transform of a spectrum whose other half is the conjugate: a real result",
        "频谱的另一半是共轭，因此逆变换的结果是实数",
    )
    lines = [
        Line(gx, back, ("y is the real part of a·x_k with a = c·w_k·e^(2πi·jk/n) for each k; Re(a·x) moves by conj(a) per unit of x, as gradients count", "对每个 k，y 含 a·x_k 的实部，其中 a = c·w_k·e^(2πi·jk/n)；按梯度的约定，Re(a·x) 对 x 的梯度是 conj(a)"), checked=value),
        Line(symbol("gx", value), rule, WHY["record"], checked=value),
    ]  # fmt: skip
    definition = [
        Line(w, term(tuple(float(v) for v in weights)), ones, checked=weights),
        Line(_at(y, put(lane, j)), body, text, checked=y.value),
    ]
    return Derivation(reading.record.name, IDEA, definition, [Part("x", lines)], _bound(reading) | {"w": weights})
