"""PyTorch's random streams by native code: the words of the Mersenne Twister, and what is made of them, bit for bit as draws.py has it.

The twister's recurrence x[k+624] = x[k+397] ^ f(x[k], x[k+1]) reaches back 227 words at least, so it is computed in vectors over a
row of blocks; then the words are tempered and turned into numbers, also in vectors. The state is NumPy's own, in place: a draw
may begin and end anywhere in a block, and native and other draws may take turns.

Each function returns None where it has nothing to offer: no llvmlite, an unusual dtype, a NumPy whose state lies otherwise.
"""

import ctypes
import math
from typing import Any

import numpy as np

from . import native
from .ir import Function, real
from .vectormath import Math

BLOCK, BLOCKS = 624, 8  # words of the state; blocks made at a time, which stay in the first-level cache
_LANES = 16
_MATRIX, _UPPER, _LOWER = 0x9908B0DF, -0x80000000, 0x7FFFFFFF
_PAIRS = ("words64", "masked", "doubles", "doubles_between", "mask")  # what takes two words for each number


def _splat(x: int, kind: str = "i32") -> str:
    return f"splat ({kind} {x})"


class _Code:
    """The code of one kind of draw. Slots: numbers (low, high - low, high), state, result, how many, threshold."""

    def __init__(self, what: str, size: int):
        self.what, self.size, self.f = what, size, Function()
        self.pairs = what in _PAIRS
        f = self.f
        self.numbers, self.state, self.out = f.slot(0), f.slot(1), f.slot(2)
        self.count, self.threshold = f.slot(3, "i64"), f.slot(4, "i64")
        words = BLOCK * (BLOCKS + 1) + _LANES  # a vector may be read beyond the last word
        f.entry.append(f"  %row = alloca [{words} x i32], align 64")
        f.entry.append("  %tail = alloca [16 x i64], align 64")

    # ---- the twister --------------------------------------------------------------------------------------------

    def copy(self, source: str, target: str) -> None:
        """A block of the state."""
        f = self.f
        with f.loop("0", str(BLOCK), _LANES) as i:
            f.store("<16 x i32>", f.load("<16 x i32>", f.at(source, "i32", i), 4), f.at(target, "i32", i), 4)

    def twist(self, words: str) -> None:
        """The next `words` words (whole blocks) behind the first block of the row."""
        f, kind = self.f, "<16 x i32>"
        with f.loop("0", words, _LANES) as k:
            at = f.at("%row", "i32", k)
            here, following, far = (f.load(kind, f.at(at, "i32", str(n)), 4) for n in (0, 1, 397))
            y = f.op("or", kind, f.op("and", kind, here, _splat(_UPPER)), f.op("and", kind, following, _splat(_LOWER)))
            odd = f.op("sub", kind, "zeroinitializer", f.op("and", kind, following, _splat(1)))
            new = f.op("xor", kind, f.op("lshr", kind, y, _splat(1)), f.op("and", kind, odd, _splat(_MATRIX - 2**32)))
            f.store(kind, f.op("xor", kind, new, far), f.at(at, "i32", str(BLOCK)), 4)

    def tempered(self, at: str) -> str:
        """Sixteen words as they are handed out."""
        f, kind = self.f, "<16 x i32>"
        y = f.load(kind, at, 4)
        y = f.op("xor", kind, y, f.op("lshr", kind, y, _splat(11)))
        for shift, mask in ((7, 0x9D2C5680), (15, 0xEFC60000)):
            y = f.op("xor", kind, y, f.op("and", kind, f.op("shl", kind, y, _splat(shift)), _splat(mask - 2**32)))
        return f.op("xor", kind, y, f.op("lshr", kind, y, _splat(18)))

    # ---- numbers from words -------------------------------------------------------------------------------------

    def number(self, i: int, kind: str, lanes: int) -> str:
        """One of the call's floats, in all lanes."""
        x = self.f.load("double", self.f.at(self.numbers, "double", str(i)))
        return self.f.splat(x if kind == "double" else self.f.cast("fptrunc", x, "double", kind), kind, lanes)

    def converted(self, y: str) -> tuple[str, str]:
        """(the vector's type, the numbers that sixteen words make)."""
        f, what = self.f, self.what
        if what == "words":
            return "<16 x i32>", y
        if not self.pairs:
            whole = f.cast("sitofp", f.op("and", "<16 x i32>", y, _splat(0xFFFFFF)), "<16 x i32>", "<16 x float>")
            x = f.op("fmul", "<16 x float>", whole, f"splat (float {real(2.0**-24, 'float')})")
            return "<16 x float>", self.between(x, "float", 16)
        wide = f.cast("bitcast", y, "<16 x i32>", "<8 x i64>")  # the half that is drawn first is the high one
        f.declare("declare <8 x i64> @llvm.fshl.v8i64(<8 x i64>, <8 x i64>, <8 x i64>)")
        wide = f.put(f"call <8 x i64> @llvm.fshl.v8i64(<8 x i64> {wide}, <8 x i64> {wide}, <8 x i64> {_splat(32, 'i64')})")
        if what == "words64":
            return "<8 x i64>", wide
        wide = f.op("and", "<8 x i64>", wide, _splat(2**53 - 1, "i64"))
        if what == "masked":
            return "<8 x i64>", wide
        if what == "mask":
            kind = f"i{8 * self.size}"
            one = f.slot(5, "i64")
            one = one if kind == "i64" else f.cast("trunc", one, "i64", kind)
            below = f.op("icmp ult", "<8 x i64>", wide, f.splat(self.threshold, "i64", 8))
            return f"<8 x {kind}>", f.select(below, f"<8 x {kind}>", f.splat(one, kind, 8), "zeroinitializer", "<8 x i1>")
        x = f.cast("sitofp", wide, "<8 x i64>", "<8 x double>")
        x = f.op("fmul", "<8 x double>", x, f"splat (double {real(2.0**-53, 'double')})")
        return "<8 x double>", self.between(x, "double", 8)

    def between(self, x: str, kind: str, lanes: int) -> str:
        """low + x·(high - low), rounded once; what is rounded up to the open end becomes the closed one."""
        if not self.what.endswith("between"):
            return x
        m, low = Math(self.f, kind, lanes), self.number(0, kind, lanes)
        y = m.fma(x, self.number(1, kind, lanes), low)
        return m.pick(m.test("oeq", y, self.number(2, kind, lanes)), low, y)

    # ---- the whole ----------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The kernel."""
        f, each = self.f, 2 if self.pairs else 1
        self.copy(self.state, "%row")
        place = f.at(self.state, "i32", str(BLOCK))
        position = f.variable("i64", f.cast("sext", f.load("i32", place), "i32", "i64"))
        need = f.variable("i64", f.put(f"mul i64 {self.count}, {each}"))
        out = f.variable("ptr", self.out)
        with f.when(f.put(f"icmp sgt i64 {self.count}, 0")):
            self._rounds(position, need, out, each, place)
        return f.text()

    def _rounds(self, position: str, need: str, out: str, each: int, place: str) -> None:
        f = self.f
        again, end = f.fresh("again"), f.fresh("end")
        f.do(f"br label %{again}")
        f.label(again)
        p, wanted = f.load("i64", position), f.load("i64", need)
        lacking = f.put(f"sub i64 {wanted}, {f.put(f'sub i64 {BLOCK}, {p}')}")
        blocks = f.put(f"sdiv i64 {f.put(f'add i64 {lacking}, {BLOCK - 1}')}, {BLOCK}")
        blocks = f.call("llvm.smin.i64", "i64", ("i64", blocks), ("i64", str(BLOCKS)))
        blocks = f.call("llvm.smax.i64", "i64", ("i64", blocks), ("i64", "0"))
        made = f.put(f"mul i64 {blocks}, {BLOCK}")
        self.twist(made)
        have = f.put(f"sub i64 {f.put(f'add i64 {made}, {BLOCK}')}, {p}")
        use = f.call("llvm.smin.i64", "i64", ("i64", wanted), ("i64", have))
        if each == 2:
            use = f.put(f"and i64 {use}, -2")
        self._convert(p, use, out, each)
        stop, left = f.put(f"add i64 {p}, {use}"), f.put(f"sub i64 {wanted}, {use}")
        f.store("i64", left, need)
        done = f.put(f"icmp sle i64 {left}, 0")
        finish, further = f.fresh("finish"), f.fresh("further")
        f.do(f"br i1 {done}, label %{finish}, label %{further}")
        f.label(further)
        self.copy(f.at("%row", "i32", made), "%row")
        f.store("i64", f.put(f"sub i64 {stop}, {made}"), position)
        f.do(f"br label %{again}")
        f.label(finish)
        # The state is the block of the last word that was handed out, and the place behind that word.
        block = f.put(f"sdiv i64 {f.put(f'sub i64 {stop}, 1')}, {BLOCK}")
        begin = f.put(f"mul i64 {block}, {BLOCK}")
        self.copy(f.at("%row", "i32", begin), self.state)
        f.store("i32", f.cast("trunc", f.put(f"sub i64 {stop}, {begin}"), "i64", "i32"), place)
        f.do(f"br label %{end}")
        f.label(end)

    def _convert(self, p: str, use: str, out: str, each: int) -> None:
        """The numbers of `use` words from place p on, to *out, which moves on."""
        f = self.f
        source, target = f.at("%row", "i32", p), f.load("ptr", out)
        whole = f.put(f"and i64 {use}, {-_LANES}")

        def bytes_(words: str) -> str:
            return f.put(f"mul i64 {f.put(f'sdiv i64 {words}, {each}')}, {self.size}")

        with f.loop("0", whole, _LANES) as i:
            kind, x = self.converted(self.tempered(f.at(source, "i32", i)))
            f.store(kind, x, f.at(target, "i8", bytes_(i)), self.size)
        rest = f.put(f"sub i64 {use}, {whole}")
        with f.when(f.put(f"icmp sgt i64 {rest}, 0")):
            kind, x = self.converted(self.tempered(f.at(source, "i32", whole)))
            f.store(kind, x, "%tail", 8)
            begin, one = f.at(target, "i8", bytes_(whole)), f"i{8 * self.size}"
            with f.loop("0", f.put(f"sdiv i64 {rest}, {each}")) as i:
                f.store(one, f.load(one, f.at("%tail", one, i)), f.at(begin, one, i), self.size)
        f.store("ptr", f.at(target, "i8", bytes_(use)), out)


# ---- Box and Muller -------------------------------------------------------------------------------------------------


class _Normals:
    """Groups of 16 uniforms into normals, in place, by the steps of rounding.py: 8 radii, then 8 angles."""

    def __init__(self, how: str):
        self.how, self.f = how, Function()
        self.m, self.w = Math(self.f, "float", 8), Math(self.f, "double", 8)

    def wide(self, x: str) -> str:
        """float → double."""
        return self.f.cast("fpext", x, "<8 x float>", "<8 x double>")

    def fused(self, a: str, b: str, c: str) -> str:
        """a·b + c of doubles, the product exact, the sum rounded to double and then to float."""
        return self.f.cast("fptrunc", self.w.add(self.w.mul(a, b), c), "<8 x double>", "<8 x float>")

    def chain(self, coefficients: list, x: str) -> str:
        """Horner's rule."""
        y = self.w.c(float(coefficients[0]))
        for c in coefficients[1:]:
            out = self.fused(y, x, self.w.c(float(c)))
            y = self.wide(out)
        return out

    def radius(self, u: str) -> str:
        """√(-2 log(1 - u))."""
        from ..random import rounding as R

        m = self.m
        x = m.sub(m.c(1.0), u)
        bits = m.as_words(x)
        e = m.from_int(m.iop("sub", m.iop("ashr", bits, m.n(23)), m.n(126)))
        x = m.as_floats(m.iop("or", m.iop("and", bits, m.n(0x007FFFFF)), m.n(0x3F000000)))
        below = m.test("olt", x, m.c(float(R._SQRT_HALF)))
        small = m.pick(below, m.c(1.0), m.c(0.0))
        e = m.sub(e, small)
        x = m.add(m.sub(x, m.c(1.0)), m.mul(small, x))
        z = m.mul(x, x)
        y = m.mul(self.chain(R._LOG, self.wide(x)), x)
        y = self.fused(self.wide(y), self.wide(z), self.wide(m.mul(e, m.c(float(R._LN2_LOW)))))
        x = m.add(x, m.sub(y, m.mul(z, m.c(0.5))))
        x = m.add(x, m.mul(e, m.c(float(R._LN2_HIGH))))
        return m.sqrt(m.mul(x, m.c(-2.0)))

    def cos_sin(self, turn: str) -> tuple[str, str]:
        """cos and sin of 2π·turn."""
        from ..random import rounding as R

        m, w = self.m, self.w
        x = m.mul(turn, m.c(float(R._TWO_PI)))
        octant = self.f.cast("fptosi", m.mul(x, m.c(float(R._FOUR_OVER_PI))), "<8 x float>", "<8 x i32>")
        octant = m.iop("and", m.iop("add", octant, m.n(1)), m.n(-2))
        y = m.from_int(octant)
        for part in R._PI_PARTS[:2]:
            x = m.sub(x, m.mul(y, m.c(float(part))))
        x = self.fused(self.wide(y), w.c(-float(R._PI_PARTS[2])), self.wide(x))
        z = m.mul(x, x)
        xw, zw = self.wide(x), self.wide(z)
        c = m.mul(self.chain(R._COS, zw), z)
        c = w.sub(w.mul(self.wide(c), zw), self.wide(m.mul(z, m.c(0.5))))
        c = m.add(self.f.cast("fptrunc", c, "<8 x double>", "<8 x float>"), m.c(1.0))
        s = m.mul(self.chain(R._SIN, zw), z)
        s = self.fused(self.wide(s), xw, xw)
        swap = self.f.op("icmp ne", "<8 x i32>", m.iop("and", octant, m.n(2)), "zeroinitializer")
        cosine, sine = m.pick(swap, s, c), m.pick(swap, c, s)
        turned = m.iop("xor", m.iop("sub", octant, m.n(2)), m.n(-1))
        signs = [m.iop("shl", m.iop("and", o, m.n(4)), m.n(29)) for o in (turned, octant)]
        return tuple(m.as_floats(m.iop("xor", m.as_words(x), sign)) for x, sign in zip((cosine, sine), signs))  # type: ignore[return-value]

    def text(self) -> str:
        """The kernel. Slots: numbers (mean, deviation), the uniforms, how many groups."""
        f, m = self.f, self.m
        place, groups = f.slot(1), f.slot(2, "i64")
        scale = []
        if self.how != "plain":
            for i in range(2):
                x = f.load("double", f.at(f.slot(0), "double", str(i)))
                scale.append(f.splat(f.cast("fptrunc", x, "double", "float"), "float", 8))
        start, stop = f.share(groups)
        with f.loop(start, stop) as i:
            at = f.at(place, "<16 x float>", i)
            second = f.at(at, "float", "8")
            radius, (cosine, sine) = self.radius(f.load(m.type, at, 4)), self.cos_sin(f.load(m.type, second, 4))
            for x, where in ((cosine, at), (sine, second)):
                y = m.mul(radius, x)
                if self.how == "plain":
                    y = m.add(y, m.c(0.0))  # -0 becomes +0
                elif self.how == "scaled":
                    y = m.add(m.mul(y, scale[1]), scale[0])
                else:
                    y = m.fma(y, scale[1], scale[0])
                f.store(m.type, y, where, 4)
        return f.text()


# ---- calls ----------------------------------------------------------------------------------------------------------

_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
_functions: dict[str, Any] = {}
_usable: bool | None = None


def usable() -> bool:
    """Whether native code can be made and NumPy's state lies as it is expected to."""
    global _usable
    if _usable is None:
        _usable = native.available() and _state_fits()
    return _usable


def _state_fits() -> bool:
    """Whether 624 words and a place, an int, are what NumPy's state consists of."""
    bits = np.random.MT19937(5)
    try:
        address = bits.ctypes.state_address
        bits.random_raw(700)
        told = bits.state["state"]
        found = (ctypes.c_uint32 * (BLOCK + 1)).from_address(address)
        return bool(np.array_equal(found[:BLOCK], told["key"]) and found[BLOCK] == told["pos"])
    except (AttributeError, TypeError, ImportError):
        return False


def _function(key: str, build: Any) -> Any:
    made = _functions.get(key)
    if made is None:
        made = _functions[key] = _KERNEL(native.function(f"stream {key}", build))
    return made


def draw(generator: Any, what: str, n: int, dtype: Any, numbers: tuple = (), threshold: int = 0, one: int = 0) -> np.ndarray | None:
    """The next n numbers: "words", "words64", "masked" (53 bits), "floats", "doubles", or those between two bounds, or a "mask"."""
    if not usable():
        return None
    out = np.empty(n, dtype)
    generator._engine()
    if not n:
        return out
    generator._fresh = False
    function = _function(f"{what} {out.itemsize}", lambda: _Code(what, out.itemsize).text())
    floats = (ctypes.c_double * 3)(*numbers)
    bits = generator._bits
    slots = (ctypes.c_int64 * 6)(ctypes.addressof(floats), bits.ctypes.state_address, out.ctypes.data, n, threshold, one)
    with bits.lock:
        function(ctypes.addressof(slots), 0, 1, None)
    return out


def _shaped(shape: Any) -> tuple[tuple, int]:
    shape = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(s) for s in shape)
    return shape, math.prod(shape)


def uniform(generator: Any, shape: Any, dtype: Any = np.float32, low: float = 0.0, high: float = 1.0) -> np.ndarray | None:
    """`draws.uniform` for float32 and float64, whose bounds were found good."""
    (shape, n), dtype = _shaped(shape), np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        return None
    what, t = ("floats", np.float32) if dtype == np.float32 else ("doubles", np.float64)
    numbers: tuple = ()
    if (low, high) != (0.0, 1.0):
        numbers, what = (t(low), t(high) - t(low), t(high)), what + "_between"
        if not all(map(math.isfinite, numbers)) or (what == "doubles_between" and abs(numbers[1]) > 2.0**900):
            return None
    found = draw(generator, what, n, dtype, numbers)
    return None if found is None else found.reshape(shape)


def bernoulli(generator: Any, p: Any, shape: Any = None, dtype: Any = np.float32) -> np.ndarray | None:
    """`draws.bernoulli` for a number p, found to be in [0, 1]."""
    if isinstance(p, np.ndarray) or shape is None:
        return None
    (shape, n), dtype = _shaped(shape), np.dtype(dtype)
    if dtype.itemsize > 8:
        return None
    one = int(np.ones((), dtype).view(f"u{dtype.itemsize}"))
    if one >= 2**63:
        return None
    found = draw(generator, "mask", n, dtype, (), math.ceil(float(p) * 2.0**53), one)
    return None if found is None else found.reshape(shape)


def normal(generator: Any, shape: Any, dtype: Any = np.float32, mean: float = 0.0, std: float = 1.0) -> np.ndarray | None:
    """`draws.normal` for float32, contiguous, of 16 numbers at least, with a deviation that was found good."""
    shape, n = _shaped(shape)
    if np.dtype(dtype) != np.float32 or n < 16:
        return None
    t = np.float32
    m, s = t(mean), t(std)
    if not (math.isfinite(m) and math.isfinite(s)):
        return None
    found = draw(generator, "floats", n, t)
    if found is None:
        return None
    how = "plain" if mean == 0 and std == 1 else "scaled" if m == 0 else "fused"
    function = _function(f"normals {how}", lambda: _Normals(how).text())
    _groups(function, found, n // 16, (m, s))
    if n % 16:  # the last 16 are made afresh
        last = draw(generator, "floats", 16, t)
        assert last is not None
        _groups(function, last, 1, (m, s))
        found[n - 16 :] = last
    return found.reshape(shape)


def _groups(function: Any, values: np.ndarray, count: int, numbers: tuple) -> None:
    """Run Box and Muller's kernel over so many groups, on all threads where it pays."""
    floats = (ctypes.c_double * 2)(*numbers)
    slots = (ctypes.c_int64 * 3)(ctypes.addressof(floats), values.ctypes.data, count)
    if count < 2048:
        function(ctypes.addressof(slots), 0, 1, None)
        return
    from . import runtime

    runtime.Job([(ctypes.cast(function, ctypes.c_void_p).value or 0, ctypes.addressof(slots), 0)])()
