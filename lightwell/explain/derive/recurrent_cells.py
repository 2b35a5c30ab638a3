"""The equations of one step of a recurrent layer, forwards and backwards: RNN, GRU, LSTM."""

from typing import Any

import numpy as np

from ...errors.teaching import NotImplementedError
from .lexicon import sigmoid, square, tanh
from .terms import Term, call, symbol


def product(a: Term, b: Term) -> Term:
    """A matrix product."""
    return call("matmul", a, b)


def turned(a: Term) -> Term:
    """A transpose."""
    return call("matrix_transpose", a)


def columns(a: Term, start: int, stop: int) -> Term:
    """Some columns of a matrix."""
    return Term("getitem", (a,), {"key": (slice(None), slice(start, stop))})


def beside(*parts: Term) -> Term:
    """Matrices side by side."""
    return Term("concat", parts, {"axis": 1})


class Equations:
    """One step. `states` are carried from step to step; `forward` and `backward` note (name, right side, why)."""

    states: tuple = ("H",)
    to_input, to_state = "A", "A"  # whose adjoints reach W_ih x + b_ih, and W_hh h + b_hh

    def __init__(self, layer: Any):
        self.layer = layer
        self.size = layer.reading.value("h").shape[-1]

    def let(self, name: str, right: Term, en: str, zh: str) -> Term:
        """Name a quantity of the step."""
        self.layer.forwards.append((name, right, (en, zh)))
        return self.layer.now(name)

    def back(self, name: str, right: Term, en: str, zh: str) -> Term:
        """Name the adjoint of a quantity."""
        self.layer.backwards.append((name, right, (en, zh)))
        return self.layer.now("g" + name)

    def x(self) -> Term:
        """The input of the step."""
        return self.layer.reading.symbols["x"] if self.layer.one else self.layer.now("X")

    def affine(self, of: Term, weight: str, bias: str) -> Term:
        """of·Wᵀ + b."""
        y, b = product(of, turned(self.layer.given(weight))), self.layer.given(bias)
        return y if b is None else y + b

    def forward(self) -> None:
        """The step's quantities, in order."""
        raise NotImplementedError

    def backward(self) -> None:
        """Their adjoints, in the reverse order."""
        raise NotImplementedError

    def incoming(self, *more: Term) -> Term:
        """What reaches H_t: from the output at this step, from the last state, and from the next step."""
        layer, total = self.layer, None
        parts = []
        if "y" in layer.reading.gys:
            place = layer.last - layer.t if layer.reading.params["reverse"] else layer.t - 1
            parts.append(Term("at", (layer.reading.gys["y"], place)))
        if "hn" in layer.reading.gys:
            parts.append(layer.at_end("hn"))
        if not layer.one:
            layer.start(self.to_state, np.zeros((layer.bindings["H"].shape[1], len(layer.reading.value("w_hh")))))
            parts += [*more, product(layer.after("g" + self.to_state), layer.reading.symbols["w_hh"])]
        for p in parts:
            total = p if total is None else total + p
        return total  # type: ignore[return-value]

    def reached(self) -> tuple[str, str]:
        """Why H's adjoint is what it is."""
        if self.layer.one:
            return "the gradient of the new state", "新状态的梯度"
        return (
            "H_t is put out at step t, is the last state if t = T, and goes into the next step",
            "H_t 在第 t 步输出；t = T 时是最后的状态；并进入下一步",
        )

    def of_input(self) -> tuple:
        """The gradient of the step's input."""
        g = self.layer.now("g" + self.to_input)
        return product(g, self.layer.reading.symbols["w_ih"]), ("X enters through W_ih only", "X 只经 W_ih 进入")

    def of(self, name: str) -> tuple:
        """The gradient of a weight, a bias or a first state."""
        layer = self.layer
        if name in ("w_ih", "b_ih"):
            g = layer.now("g" + self.to_input)
        else:
            g = layer.now("g" + self.to_state)
        if name in ("w_ih", "w_hh"):
            right = product(turned(g), self.x() if name == "w_ih" else layer.before("H"))
            why = ("the product rule of matrices: gᵀ times what it multiplied", "矩阵乘法的求导：gᵀ 乘以与它相乘的量")
            if not layer.one:
                why = (why[0] + "; the same weights in every step: a sum over t", why[1] + "；各步共用同一权重：对 t 求和")
            return layer.over_time(right), why
        if name in ("b_ih", "b_hh"):
            why = ("added in every row (and every step): the gradients add up", "加到每一行（和每一步）：梯度求和")
            return layer.over_time(Term("sum", (g,), {"axis": 0, "keepdims": False})), why
        return self.of_state(name)

    def first(self, name: str) -> Term:
        """A quantity at the first step."""
        return symbol(name) if self.layer.one else Term("at", (symbol(name), Term("number", (), {"number": 1}, 1)))

    def of_state(self, name: str) -> tuple:
        """The gradient of the state that the layer started from."""
        g = product(self.first("g" + self.to_state), self.layer.reading.symbols["w_hh"])
        return g, ("the first step read it", "第一步使用了它")


class Tanh(Equations):
    """H_t = tanh(X_t·W_ihᵀ + b_ih + H_{t-1}·W_hhᵀ + b_hh)."""

    def bent(self, a: Term) -> Term:
        """The activation."""
        return tanh(a)

    def slope(self) -> tuple:
        """Its derivative, with the reason."""
        return 1 - square(self.layer.now("H")), "(tanh a)′ = 1 - tanh²a, and tanh A is H", "(tanh a)′ = 1 - tanh²a，而 tanh A 就是 H"

    def forward(self) -> None:
        a = self.let(
            "A",
            self.affine(self.x(), "w_ih", "b_ih") + self.affine(self.layer.before("H"), "w_hh", "b_hh"),
            "input and state, weighted",
            "输入与状态的加权和",
        )
        self.let("H", self.bent(a), "the new state", "新的状态")

    def backward(self) -> None:
        gh = self.back("H", self.incoming(), *self.reached())
        slope, en, zh = self.slope()
        self.back("A", gh * slope, en, zh)


class Relu(Tanh):
    """The same with max(0, ·)."""

    def bent(self, a: Term) -> Term:
        return call("relu", a)

    def slope(self) -> tuple:
        return call("iverson", call("greater", self.layer.now("H"), 0)), "slope 1 where H > 0, else 0", "H > 0 处斜率为 1，否则为 0"


class Lstm(Equations):
    """C_t = F·C_{t-1} + I·G,   H_t = O·tanh C_t."""

    states = ("H", "C")

    def forward(self) -> None:
        n, layer = self.size, self.layer
        a = self.let(
            "A",
            self.affine(self.x(), "w_ih", "b_ih") + self.affine(layer.before("H"), "w_hh", "b_hh"),
            "all four gates' arguments side by side",
            "四个门的自变量并排放置",
        )
        i = self.let("I", sigmoid(columns(a, 0, n)), "input gate: how much of the new to let in", "输入门：放入多少新内容")
        f = self.let("F", sigmoid(columns(a, n, 2 * n)), "forget gate: how much of the old to keep", "遗忘门：保留多少旧内容")
        g = self.let("G", tanh(columns(a, 2 * n, 3 * n)), "the new content", "候选内容")
        o = self.let("O", sigmoid(columns(a, 3 * n, 4 * n)), "output gate: how much to show", "输出门：展示多少")
        c = self.let("C", f * layer.before("C") + i * g, "the memory: kept and added", "记忆单元：保留旧的，加入新的")
        self.let("H", o * tanh(c), "the state that is seen", "对外的隐状态")

    def backward(self) -> None:
        layer = self.layer
        i, f, g, o, c = (layer.now(k) for k in "IFGOC")
        gh = self.back("H", self.incoming(), *self.reached())
        into = gh * o * (1 - square(tanh(c)))
        if not layer.one:
            layer.start("C", layer.bindings["C"][0])
            into = into + layer.after("gC") * layer.after("F")
        into = into + layer.at_end("cn")
        why = ("through H; (tanh c)′ = 1 - tanh²c", "经 H；(tanh c)′ = 1 - tanh²c")
        if not layer.one:
            why = ("through H, (tanh c)′ = 1 - tanh²c; and through the next step, weighted by its forget gate: no matrix, so it fades slowly",
                   "经 H，(tanh c)′ = 1 - tanh²c；以及经下一步，乘以其遗忘门：不经过矩阵，所以衰减慢")  # fmt: skip
        gc = self.back("C", into, *why)
        product_rule = ("a factor's adjoint: the other factor times what arrives", "因子的伴随量：另一因子乘以传来的梯度")
        gi, gf = self.back("I", gc * g, *product_rule), self.back("F", gc * layer.before("C"), *product_rule)
        gg, go = self.back("G", gc * i, *product_rule), self.back("O", gh * tanh(c), *product_rule)
        whole = beside(gi * i * (1 - i), gf * f * (1 - f), gg * (1 - square(g)), go * o * (1 - o))
        self.back(
            "A", whole, "σ′ = σ·(1 - σ), tanh′ = 1 - tanh², side by side as in A", "σ′ = σ·(1 - σ)，tanh′ = 1 - tanh²，按 A 中的次序并排"
        )

    def of_state(self, name: str) -> tuple:
        if name == "c":
            return self.first("gC") * self.first("F"), ("the first step kept F of it", "第一步保留了其中的 F 部分")
        return super().of_state(name)


class Gru(Equations):
    """H_t = N + Z·(H_{t-1} - N)."""

    to_input, to_state = "P", "Q"

    def forward(self) -> None:
        n, layer = self.size, self.layer
        p = self.let("P", self.affine(self.x(), "w_ih", "b_ih"), "what the input says to the three gates", "输入对三个门的贡献")
        q = self.let("Q", self.affine(layer.before("H"), "w_hh", "b_hh"), "what the state says to them", "状态对三个门的贡献")
        r = self.let("R", sigmoid(columns(p, 0, n) + columns(q, 0, n)), "reset gate", "重置门")
        z = self.let(
            "Z",
            sigmoid(columns(p, n, 2 * n) + columns(q, n, 2 * n)),
            "update gate: how much of the old state stays",
            "更新门：旧状态保留多少",
        )
        c = self.let("N", tanh(columns(p, 2 * n, 3 * n) + r * columns(q, 2 * n, 3 * n)), "the candidate", "候选状态")
        self.let(
            "H",
            c + z * (layer.before("H") - c),
            "the candidate counts 1 - Z, the old state Z",
            "介于候选状态与旧状态之间：前者占 1 - Z，后者占 Z",
        )

    def backward(self) -> None:
        layer, n = self.layer, self.size
        r, z, c, q = (layer.now(k) for k in "RZNQ")
        more = []
        if not layer.one:
            layer.start("H", layer.bindings["H"][0])
            more = [layer.after("gH") * layer.after("Z")]
        gh = self.back("H", self.incoming(*more), *self.reached())
        gn = self.back("N", gh * (1 - z), "N counts 1 - Z in H", "N 在 H 中占 1 - Z")
        gz = self.back("Z", gh * (layer.before("H") - c), "Z multiplies the difference of the states", "Z 乘以两状态之差")
        bent = gn * (1 - square(c))
        gr = self.back(
            "R",
            bent * columns(q, 2 * n, 3 * n),
            "tanh′ = 1 - tanh²; R multiplies the third part of Q",
            "tanh′ = 1 - tanh²；R 乘以 Q 的第三部分",
        )
        gates = (gr * r * (1 - r), gz * z * (1 - z))
        self.back("P", beside(*gates, bent), "σ′ = σ·(1 - σ), side by side as in P", "σ′ = σ·(1 - σ)，按 P 中的次序并排")
        self.back("Q", beside(*gates, bent * r), "the same, but the third part was multiplied by R", "同上，但第三部分乘过 R")

    def of_state(self, name: str) -> tuple:
        g = self.first("gH") * self.first("Z") + product(self.first("gQ"), self.layer.reading.symbols["w_hh"])
        return g, ("the first step kept Z of it, and read it in all gates", "第一步保留了其中的 Z 部分，并在各个门中使用了它")


CELLS: dict[str, type[Equations]] = {"rnn_tanh": Tanh, "rnn_relu": Relu, "lstm": Lstm, "gru": Gru}
