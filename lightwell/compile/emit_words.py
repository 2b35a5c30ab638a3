"""The words of elementwise formulas, and casts, as LLVM's instructions on registers. Long: one word after the other.

A register holds a scalar or `lanes` of them; bool is i1 there. Meanings are NumPy's (backend/pointwise.py for the words that it
lacks), also for integers: division by 0 gives 0, overflow wraps, shifts by too much give 0 or the sign.
"""

import math
from collections.abc import Callable

import numpy as np

from ..backend.pointwise import GELU_C, GELU_K
from .ir import TYPES, Function, real, type_of, vector
from .vectormath_trig import Functions

BOOL = np.dtype(bool)


def register(dtype: np.dtype, lanes: int = 1) -> str:
    """The type of a value of a dtype while it is computed with."""
    return vector("i1" if dtype == BOOL else type_of(dtype), lanes)


def constant(x, dtype: np.dtype, lanes: int) -> str:
    """A number in all lanes."""
    if dtype.kind == "f":
        text = real(float(x), type_of(dtype))
    elif dtype == BOOL:
        text = "true" if x else "false"
    else:
        text = str(int(np.asarray(x).astype(dtype)))
    return text if lanes == 1 else f"splat ({register(dtype)} {text})"


# Words that are methods of `Functions`, on floats alone.
FLOAT = frozenset(
    "exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh sqrt sigmoid erf erfc lgamma "
    "digamma sinc hypot logaddexp copysign".split()
)
# Words of floats whose formulas are below, and words of all numbers.
FLOAT_MORE = frozenset(
    "rsqrt reciprocal softplus log_sigmoid erf_gelu tanh_gelu xlogy xlog1py logaddexp2 nan_to_num divide divide_by heaviside entr angle".split()
)
COMPARE = {"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge"}
NUMBERS = frozenset(
    "add subtract multiply negative abs square sign sgn floor_divide remainder fmod maximum minimum fmax fmin relu relu_pull where "
    "round trunc floor ceil pow isnan isinf isfinite signbit logical_and logical_or logical_xor logical_not conj real add_into".split()
) | frozenset(COMPARE)
BITS = frozenset("bitwise_and bitwise_or bitwise_xor bitwise_invert bitwise_left_shift bitwise_right_shift".split())
ON_BOOL = (
    frozenset(
        "add multiply maximum minimum fmax fmin where logical_and logical_or logical_xor logical_not bitwise_and bitwise_or "
        "bitwise_xor bitwise_invert isnan isinf isfinite".split()
    )
    | frozenset(COMPARE)
    | frozenset(("relu", "conj", "real", "abs", "square", "sgn", "add_into"))
)
COSTLY = {"pow": 40, "atan2": 30, "lgamma": 80, "digamma": 80, "erfc": 40, "fmod": 20, "remainder": 20, "floor_divide": 20, "hypot": 15}


def supported(word: str, dtype, exponent=None) -> bool:
    """Whether kernels have a word for operands of a dtype (of `where`: of the values). Powers of integers: known small exponents only."""
    dtype = np.dtype(dtype)
    if dtype.name not in TYPES:
        return False
    if word in ("load", "load_if", "gather", "const", "number", "index", "reduced", "cast"):
        return True
    if dtype == BOOL:
        return word in ON_BOOL
    if dtype.kind == "f":
        return word in FLOAT or word in FLOAT_MORE or word in NUMBERS
    if word == "pow":
        return isinstance(exponent, (int, np.integer)) and 0 <= int(exponent) <= 4
    return word in NUMBERS or word in BITS


def cost(word: str) -> int:
    """Roughly, how many instructions a word takes."""
    return COSTLY.get(word, 12 if word in FLOAT or word in FLOAT_MORE else 1)


def widen(f: Function, x: str, old: np.dtype, lanes: int) -> str:
    """A register's value as it lies in memory."""
    return f.cast("zext", x, register(old, lanes), vector("i8", lanes)) if old == BOOL else x


def narrow(f: Function, x: str, dtype: np.dtype, lanes: int) -> str:
    """A value out of memory as registers have it."""
    return f.op("icmp ne", vector("i8", lanes), x, "0" if lanes == 1 else "zeroinitializer") if dtype == BOOL else x


def cast(f: Function, x: str, old: np.dtype, new: np.dtype, lanes: int) -> str:
    """x as another dtype, with NumPy's meaning on x86: floats lose their fraction; what doesn't fit becomes the smallest integer."""
    if old == new:
        return x
    a, b = register(old, lanes), register(new, lanes)
    if new == BOOL:
        return f.op("fcmp une" if old.kind == "f" else "icmp ne", a, x, constant(0, old, lanes))
    if old == BOOL:
        return f.cast("uitofp" if new.kind == "f" else "zext", x, a, b)
    if old.kind == "f" and new.kind == "f":
        return f.cast("fpext" if new.itemsize > old.itemsize else "fptrunc", x, a, b)
    if new.kind == "f":
        return f.cast("sitofp" if old.kind == "i" else "uitofp", x, a, b)
    if old.kind == "f":
        return _to_integer(f, x, old, new, lanes)
    if new.itemsize == old.itemsize:
        return x
    if new.itemsize < old.itemsize:
        return f.cast("trunc", x, a, b)
    return f.cast("sext" if old.kind == "i" else "zext", x, a, b)


def _to_integer(f: Function, x: str, old: np.dtype, new: np.dtype, lanes: int) -> str:
    if new.itemsize < 4:  # by way of int32, whose low bytes remain
        return f.cast("trunc", _to_integer(f, x, old, np.dtype(np.int32), lanes), vector("i32", lanes), register(new, lanes))
    m = Functions(f, type_of(old), lanes)
    if new.name == "uint32":
        wide = _to_integer(f, x, old, np.dtype(np.int64), lanes)
        return f.cast("trunc", wide, vector("i64", lanes), register(new, lanes))
    bits = new.itemsize * 8
    if new.kind == "u":  # uint64: negative numbers as int64's, and the upper half directly
        signed = _to_integer(f, x, old, np.dtype(np.int64), lanes)
        upper = m.both(m.test("oge", x, m.c(2.0**63)), m.test("olt", x, m.c(2.0**64)))
        high = f.cast("fptoui", m.pick(upper, x, m.c(2.0**63)), m.type, register(new, lanes))
        return f.select(upper, register(new, lanes), high, signed, m.bits)
    fits = m.both(m.test("oge", x, m.c(-(2.0 ** (bits - 1)))), m.test("olt", x, m.c(2.0 ** (bits - 1))))
    value = f.cast("fptosi", m.pick(fits, x, m.c(0.0)), m.type, register(new, lanes))
    return f.select(fits, register(new, lanes), value, constant(-(2 ** (bits - 1)), new, lanes), m.bits)


class Word:
    """One word on registers of one dtype."""

    def __init__(self, f: Function, dtype: np.dtype, lanes: int):
        self.f, self.dtype, self.lanes = f, dtype, lanes
        self.type, self.bits = register(dtype, lanes), vector("i1", lanes)
        self.float, self.bool = dtype.kind == "f", dtype == BOOL
        self.m: Functions = Functions(f, type_of(dtype), lanes) if self.float else None  # type: ignore[assignment]

    def c(self, x) -> str:
        """A constant."""
        return constant(x, self.dtype, self.lanes)

    def op(self, what: str, *args: str) -> str:
        """An instruction on the dtype's registers."""
        return self.f.op(what, self.type, *args)

    def pick(self, cond: str, a: str, b: str) -> str:
        """a where cond holds, else b."""
        return self.f.select(cond, self.type, a, b, self.bits)

    def either(self, a: str, b: str) -> str:
        """a or b, of conditions."""
        return self.f.op("or", self.bits, a, b)

    def both(self, a: str, b: str) -> str:
        """a and b, of conditions."""
        return self.f.op("and", self.bits, a, b)

    def flip(self, a: str) -> str:
        """not a, of a condition."""
        return self.f.op("xor", self.bits, a, "true" if self.lanes == 1 else "splat (i1 true)")

    def test(self, how: str, a: str, b: str) -> str:
        """A comparison: eq, ne, lt, le, gt, ge; with NaN all but ne fail."""
        if self.float:
            return self.op(f"fcmp {'une' if how == 'ne' else 'o' + how}", a, b)
        sign = "" if how in ("eq", "ne") else "s" if self.dtype.kind == "i" else "u"
        return self.op(f"icmp {sign}{how}", a, b)

    def nan(self, a: str) -> str:
        """Whether a is NaN."""
        return self.op("fcmp uno", a, a)

    def call(self, word: str, args: list[str], params: tuple, exponent=None, plain: tuple = ()) -> str:
        """The word's value; `exponent`: of pow, where it is known; `plain`: which arguments are numbers, not NaN."""
        if word in FLOAT:
            return getattr(self.m, word)(*args)
        if word == "pow":
            return self.pow(args[0], args[1], exponent)
        if word in ("maximum", "minimum"):
            return self.extreme("gt" if word == "maximum" else "lt", args[0], args[1], plain)
        if word in COMPARE:
            return self.test(COMPARE[word], args[0], args[1])
        method: Callable = getattr(self, "do_" + word)
        return method(*args, *params)

    # ---- arithmetic ---------------------------------------------------------------------------------------------

    def do_add(self, a, b):
        return self.op("fadd" if self.float else "or" if self.bool else "add", a, b)

    do_add_into = do_add

    def do_subtract(self, a, b):
        return self.op("fsub" if self.float else "sub", a, b)

    def do_multiply(self, a, b):
        return self.op("fmul" if self.float else "and" if self.bool else "mul", a, b)

    def do_divide(self, a, b):
        return self.op("fdiv", a, b)

    do_divide_by = do_divide

    def do_negative(self, a):
        return self.op("fneg", a) if self.float else self.op("sub", self.c(0), a)

    def do_abs(self, a):
        if self.float:
            return self.m.abs(a)
        return self.pick(self.test("lt", a, self.c(0)), self.op("sub", self.c(0), a), a) if self.dtype.kind == "i" else a

    def do_square(self, a):
        return self.do_multiply(a, a)

    def do_reciprocal(self, a):
        return self.op("fdiv", self.c(1), a)

    def do_rsqrt(self, a):
        return self.op("fdiv", self.c(1), self.m.sqrt(a))

    def do_conj(self, a):
        return a

    do_real = do_conj

    def do_sign(self, a):
        down = self.pick(self.test("lt", a, self.c(0)), self.c(-1), self.c(0)) if self.dtype.kind != "u" else self.c(0)
        r = self.pick(self.test("gt", a, self.c(0)), self.c(1), down)
        return self.pick(self.nan(a), a, r) if self.float else r

    def do_sgn(self, a):
        if self.bool:
            return a
        down = self.pick(self.test("lt", a, self.c(0)), self.c(-1), self.c(0)) if self.dtype.kind != "u" else self.c(0)
        return self.pick(self.test("gt", a, self.c(0)), self.c(1), down)

    def safe(self, a, b, what):
        """An integer division where NumPy's meaning isn't LLVM's: by 0 gives 0, by -1 must not trap. (quotient or remainder, bad)."""
        zero, one = self.c(0), self.c(1)
        bad = self.test("eq", b, zero)
        if self.dtype.kind == "u":
            return self.op("u" + what, a, self.pick(bad, one, b)), bad
        minus = self.test("eq", b, self.c(-1))
        r = self.op("s" + what, a, self.pick(self.either(bad, minus), one, b))
        return (self.pick(minus, self.op("sub", zero, a), r) if what == "div" else r), bad

    def differ(self, a, b):
        """Whether the signs of a and b differ."""
        return self.test("lt", self.op("xor", a, b), self.c(0))

    def do_floor_divide(self, a, b):
        if self.float:
            return self.m.floor_divide(a, b)
        q, bad = self.safe(a, b, "div")
        if self.dtype.kind == "i":
            rest = self.op("sub", a, self.op("mul", q, b))
            q = self.pick(self.both(self.test("ne", rest, self.c(0)), self.differ(rest, b)), self.op("sub", q, self.c(1)), q)
        return self.pick(bad, self.c(0), q)

    def do_remainder(self, a, b):
        if self.float:
            return self.m.remainder(a, b)
        r, bad = self.safe(a, b, "rem")
        if self.dtype.kind == "i":
            r = self.pick(self.both(self.test("ne", r, self.c(0)), self.differ(r, b)), self.op("add", r, b), r)
        return self.pick(bad, self.c(0), r)

    def do_fmod(self, a, b):
        if self.float:
            return self.m.fmod(a, b)
        r, bad = self.safe(a, b, "rem")
        return self.pick(bad, self.c(0), r)

    def pow(self, a, b, exponent):
        """Powers; those of small known exponents by multiplication."""
        n = exponent if exponent is not None and math.isfinite(exponent) and exponent == int(exponent) else None
        if self.float and exponent == 0.5:
            return self.m.sqrt(a)  # as NumPy does for numbers
        if n is not None and (0 <= n <= 4 or (self.float and n in (-1, -2))):
            if n == 0:
                return self.c(1)
            square = self.do_multiply(a, a) if abs(n) != 1 else a
            r = {1: lambda: a, 2: lambda: square, 3: lambda: self.do_multiply(square, a), 4: lambda: self.do_multiply(square, square)}[
                abs(n)
            ]()
            return self.op("fdiv", self.c(1), r) if n < 0 else r
        return self.m.pow(a, b)

    # ---- comparisons and choices --------------------------------------------------------------------------------

    def extreme(self, how: str, a: str, b: str, plain: tuple = ()) -> str:
        """The larger ("gt") or smaller ("lt"); NaN wins. `plain` says which arguments are constants, not NaN: that saves a test."""
        if self.bool:
            return self.op("or" if how == "gt" else "and", a, b)
        if not self.float:
            return self.pick(self.test(how, a, b), a, b)
        if 1 in plain:  # b is a number: where it isn't the better one, a, which may be NaN
            return self.pick(self.test(how, b, a), b, a)
        if 0 in plain:
            return self.pick(self.test(how, a, b), a, b)
        return self.pick(self.either(self.test(how, a, b), self.nan(a)), a, b)

    def known(self, how: str, a: str, b: str) -> str:
        """The larger or smaller of two of which NaN loses."""
        if not self.float:
            return self.extreme(how, a, b)
        return self.pick(self.either(self.test(how, b, a), self.nan(a)), b, a)

    def do_fmax(self, a, b):
        return self.known("gt", a, b)

    def do_fmin(self, a, b):
        return self.known("lt", a, b)

    def do_relu(self, a):
        return a if self.bool or self.dtype.kind == "u" else self.extreme("gt", a, self.c(0), (1,))

    def do_relu_pull(self, g, y):
        return self.pick(self.test("gt", y, self.c(0)), g, self.c(0))

    def do_where(self, cond, a, b):
        return self.pick(cond, a, b)

    def none(self, yes: bool) -> str:
        """A condition that always or never holds."""
        return constant(yes, BOOL, self.lanes)

    def do_isnan(self, a):
        return self.nan(a) if self.float else self.none(False)

    def do_isinf(self, a):
        return self.test("eq", self.m.abs(a), self.c(math.inf)) if self.float else self.none(False)

    def do_isfinite(self, a):
        return self.test("lt", self.m.abs(a), self.c(math.inf)) if self.float else self.none(True)

    def do_signbit(self, a):
        if self.float:
            return self.f.op("icmp slt", self.m.words, self.m.as_words(a), self.m.n(0))
        return self.test("lt", a, self.c(0))

    def do_heaviside(self, a, b):
        up = self.pick(self.test("gt", a, self.c(0)), self.c(1), self.c(0))
        return self.pick(self.test("eq", a, self.c(0)), b, up)

    def truth(self, a):
        """a ≠ 0."""
        return a if self.bool else self.test("ne", a, self.c(0))

    def do_logical_and(self, a, b):
        return self.both(self.truth(a), self.truth(b))

    def do_logical_or(self, a, b):
        return self.either(self.truth(a), self.truth(b))

    def do_logical_xor(self, a, b):
        return self.f.op("xor", self.bits, self.truth(a), self.truth(b))

    def do_logical_not(self, a):
        return self.flip(self.truth(a))

    # ---- bits ---------------------------------------------------------------------------------------------------

    def do_bitwise_and(self, a, b):
        return self.op("and", a, b)

    def do_bitwise_or(self, a, b):
        return self.op("or", a, b)

    def do_bitwise_xor(self, a, b):
        return self.op("xor", a, b)

    def do_bitwise_invert(self, a):
        return self.flip(a) if self.bool else self.op("xor", a, self.c(-1))

    def few(self, b):
        """(b is a valid shift, b or 0)."""
        ok = self.op("icmp ult", b, self.c(self.dtype.itemsize * 8))
        return ok, self.pick(ok, b, self.c(0))

    def do_bitwise_left_shift(self, a, b):
        ok, n = self.few(b)
        return self.pick(ok, self.op("shl", a, n), self.c(0))

    def do_bitwise_right_shift(self, a, b):
        ok, n = self.few(b)
        if self.dtype.kind == "u":
            return self.pick(ok, self.op("lshr", a, n), self.c(0))
        return self.op("ashr", a, self.pick(ok, n, self.c(self.dtype.itemsize * 8 - 1)))

    # ---- rounding -----------------------------------------------------------------------------------------------

    def do_round(self, a):
        return self.m.rint(a) if self.float else a

    def do_trunc(self, a):
        return self.m.intrinsic("trunc", a) if self.float else a

    def do_floor(self, a):
        return self.m.intrinsic("floor", a) if self.float else a

    def do_ceil(self, a):
        return self.m.intrinsic("ceil", a) if self.float else a

    # ---- formulas of floats -------------------------------------------------------------------------------------

    def do_softplus(self, x, beta=1.0, threshold=20.0):
        m = self.m
        t = m.mul(x, self.c(beta)) if beta != 1 else x
        y = m.log1p(m.exp(t))
        y = m.div(y, self.c(beta)) if beta != 1 else y
        return self.pick(self.test("gt", t, self.c(threshold)), x, y)

    def do_log_sigmoid(self, x):
        m = self.m
        return m.sub(self.extreme("lt", x, self.c(0), (1,)), m.log1p(m.exp(m.neg(m.abs(x)))))

    def do_erf_gelu(self, x):
        m = self.m
        return m.mul(m.mul(m.add(m.erf(m.mul(x, self.c(0.7071067811865476))), self.c(1)), self.c(0.5)), x)

    def do_tanh_gelu(self, x):
        # x/2·(1 + tanh t) = x/(1 + exp(-2t))
        m = self.m
        t = m.mul(m.fma(m.mul(x, x), self.c(-2 * GELU_C * GELU_K), self.c(-2 * GELU_K)), x)
        # At x = -∞ NumPy's form gives NaN; so does -∞ times 0.
        return m.mul(x, m.div(self.c(1), m.add(m.exp(t), self.c(1))))

    def times_log(self, x, y, log, harmless):
        """x·log y, 0 where x is 0 and y no NaN."""
        zero = self.both(self.test("eq", x, self.c(0)), self.op("fcmp ord", y, y))
        return self.pick(zero, self.c(0), self.m.mul(x, log(self.pick(zero, self.c(harmless), y))))

    def do_xlogy(self, x, y):
        return self.times_log(x, y, self.m.log, 1)

    def do_xlog1py(self, x, y):
        return self.times_log(x, y, self.m.log1p, 0)

    def do_entr(self, x):
        y = self.m.neg(self.m.mul(x, self.m.log(x)))
        y = self.pick(self.test("eq", x, self.c(0)), self.c(0), y)
        return self.pick(self.test("lt", x, self.c(0)), self.c(-math.inf), y)

    def do_logaddexp2(self, a, b):
        return self.m.logaddexp(a, b, 2)

    def do_angle(self, a):
        return self.pick(self.nan(a), a, self.pick(self.test("lt", a, self.c(0)), self.c(math.pi), self.c(0)))

    def do_nan_to_num(self, x, nan=None, posinf=None, neginf=None):
        info = np.finfo(self.dtype)
        y = self.pick(self.nan(x), self.c(0 if nan is None else nan), x)
        y = self.pick(self.test("eq", x, self.c(math.inf)), self.c(info.max if posinf is None else posinf), y)
        return self.pick(self.test("eq", x, self.c(-math.inf)), self.c(info.min if neginf is None else neginf), y)
