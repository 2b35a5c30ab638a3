"""Values and memory of a kernel that is being written: expressions become instructions, each at the depth where it belongs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from .emit_key import Shape, children
from .emit_rewrite import rewritten
from .emit_words import BOOL, Word, cast, constant, narrow, register, widen
from .ir import Function, type_of, vector
from .nest import Expr, Nest, Store


@dataclass(frozen=True)
class Copy:
    """One of the blocks worked on at once: number `b` of lane blocks (column) and `u` of the innermost loop's; the mask of its lanes."""

    b: int = 0
    u: int = 0
    mask: str | None = None


class Scope:
    """What has been computed at one depth."""

    def __init__(self):
        self.values: dict[tuple, str] = {}
        self.indices: dict[int, str] = {}  # axis: its loop index


class Values:
    """The expressions of one kernel, and where their values are."""

    def __init__(self, nest: Nest, dtypes: list, shape: Shape):
        self.nest, self.dtypes, self.shape, self.f = rewritten(nest), dtypes, shape, Function()
        self.lanes = shape.lanes
        self.scopes: list[Scope] = []
        self.about: dict[int, tuple[int, bool, bool]] = {}
        self.tile = 1  # how many indices of Shape.across are being worked on
        self.spread: set[int] = set()  # what is needed as a vector although it is the same in all lanes
        self.kept: list = []  # expressions made here, whose identity must last

    # ---- what an expression depends on --------------------------------------------------------------------------

    def facts(self, e: Expr) -> tuple[int, bool, bool]:
        """(depth, whether it varies along the lanes, whether along the unrolled axis)."""
        told = self.about.get(id(e))
        if told is None:
            told = self.about[id(e)] = self._facts(e)
        return told

    def _facts(self, e: Expr) -> tuple[int, bool, bool]:
        s = self.shape
        depth, wide, many = 0, False, False
        axes: Iterable[int] = ()
        if e.op == "load":
            axes = [a for a, t in enumerate(e.args[2]) if t and s.real[a]]
        elif e.op == "load_if":
            axes = [a for a, t in enumerate(e.args[3]) if t and s.real[a]]
        elif e.op == "index":
            axes = [e.args[0]] if s.real[e.args[0]] else []
        elif e.op == "reduced":
            depth, wide = (2, True) if s.form == "column" else (1, False)
        for a in axes:
            depth, wide, many = max(depth, s.depth[a]), wide or a == s.lane, many or a == s.unrolled
        for child in children(e):
            d, w, m = self.facts(child)
            depth, wide, many = max(depth, d), wide or w, many or m
        return depth, wide, many

    # ---- values -------------------------------------------------------------------------------------------------

    def key(self, e: Expr, copy: Copy) -> tuple:
        """Under which name a copy's value is kept: copies share what doesn't vary between them."""
        _, along, many = self.facts(e)
        return id(e), copy.b if along and self.shape.form == "column" else 0, copy.u if many else 0

    def wide(self, e: Expr) -> bool:
        """Whether an expression's value is a vector."""
        return self.facts(e)[1] and self.lanes > 1

    def value(self, e: Expr, copy: Copy, wide: bool = False) -> str:
        """The register of an expression; `wide`: as a vector, even where it is the same in all lanes."""
        depth, own = self.facts(e)[0], self.wide(e)
        if e.op == "const":
            return constant(e.args[0], e.dtype, self.lanes if wide else 1)
        values, name = self.scopes[depth].values, self.key(e, copy)
        if name not in values:
            values[name] = self.compute(e, copy, own)
        if not wide or own or self.lanes == 1:
            return values[name]
        spread = ("spread", *name)
        if spread not in values:
            values[spread] = self.f.splat(values[name], register(e.dtype), self.lanes)
        return values[spread]

    def compute(self, e: Expr, copy: Copy, wide: bool) -> str:
        """Write the instructions of an expression whose operands are known."""
        f, n = self.f, self.lanes if wide else 1
        if e.op == "load":
            return self.load(e.args[0], e.args[1], e.args[2], copy, n)
        if e.op == "load_if":
            return self.load_if(e, copy, n)
        if e.op == "gather":
            return self.gather(e.args[0], e.args[1], copy, n)
        if e.op == "number":
            x = f.load("double", f.at(f.slot(0), "double", str(e.args[0])))
            return cast(f, x, np.dtype(np.float64), e.dtype, 1)
        if e.op == "index":
            return self.index(e.args[0], copy, n)
        if e.op == "reduced":
            raise KeyError("a reduction is read before its pass")
        if e.op == "cast":
            return cast(f, self.value(e.args[0], copy, n > 1), e.args[0].dtype, e.dtype, n)
        return self.word(e, copy, n)

    def word(self, e: Expr, copy: Copy, n: int) -> str:
        """A word of the vocabulary, on operands of one dtype."""
        operands = [a for a in e.args if isinstance(a, Expr)]
        params = tuple(a for a in e.args if not isinstance(a, Expr))
        if e.op == "where":
            kinds = [BOOL, e.dtype, e.dtype]
        else:
            dtype = np.result_type(*(a.dtype for a in operands))
            if e.dtype.kind == "f" and dtype.kind != "f":
                dtype = e.dtype
            kinds = [dtype] * len(operands)
        args = [cast(self.f, self.value(a, copy, n > 1), a.dtype, k, n) for a, k in zip(operands, kinds)]
        exponent = operands[1].args[0] if e.op == "pow" and operands[1].op == "const" else None
        plain = tuple(i for i, a in enumerate(operands) if a.op == "const" and a.args[0] == a.args[0])
        dtype = kinds[-1]
        x = Word(self.f, dtype, n).call(e.op, args, params, exponent, plain)
        return cast(self.f, x, BOOL if e.op in TRUTH else dtype, e.dtype, n)

    def index(self, axis: int, copy: Copy, n: int) -> str:
        """A loop index, as int64."""
        f, s = self.f, self.shape
        if not s.real[axis]:
            return "0"
        i = self.scopes[s.depth[axis]].indices[axis]
        ahead = self.ahead(axis, copy)
        if axis == s.lane and n > 1:
            steps = "<" + ", ".join(f"i64 {ahead + k}" for k in range(n)) + ">"
            return f.op("add", vector("i64", n), f.splat(i, "i64", n), steps)
        return f.op("add", "i64", i, str(ahead)) if ahead else i

    def ahead(self, axis: int, copy: Copy) -> int:
        """How far a copy lies from the loop's index along an axis."""
        s = self.shape
        if axis == s.lane and s.across < 0:
            return (copy.b if s.form == "column" else copy.u) * self.lanes
        return copy.u if axis == s.unrolled else 0

    # ---- memory -------------------------------------------------------------------------------------------------

    def base(self, operand: int) -> str:
        """The address of an operand's first element."""
        values = self.scopes[0].values
        if ("base", operand) not in values:
            values["base", operand] = self.f.slot(1 + operand)
        return values["base", operand]

    def address(self, operand: int, offset: int, strides: tuple, depth: int) -> str:
        """The address of a load or store at the indices of the loops down to a depth."""
        s = self.shape
        mine = [a for a, t in enumerate(strides) if t and s.real[a] and s.depth[a] == depth]
        if depth and not mine:
            return self.address(operand, offset, strides, depth - 1)
        upper = tuple(t if s.real[a] and s.depth[a] <= depth else 0 for a, t in enumerate(strides))
        values, name = self.scopes[depth].values, ("address", operand, offset, upper)
        if name not in values:
            kind = type_of(self.dtypes[operand])
            if not depth:
                base = self.base(operand)
                values[name] = self.f.put(f"getelementptr {kind}, ptr {base}, i64 {offset}") if offset else base
            else:
                above = self.address(operand, offset, strides, depth - 1)
                for a in mine:
                    i = self.scopes[depth].indices[a]
                    step = self.f.op("mul", "i64", i, str(strides[a])) if strides[a] != 1 else i
                    above = self.f.put(f"getelementptr {kind}, ptr {above}, i64 {step}")
                values[name] = above
        return values[name]

    def place(self, operand: int, offset: int, strides: tuple, copy: Copy, depth: int) -> str:
        """The address of a copy's (first) element."""
        p = self.address(operand, offset, strides, depth)
        s = self.shape
        moved = sum(strides[a] * self.ahead(a, copy) for a in {s.lane, s.unrolled} if a >= 0 and a < len(strides) and s.real[a])
        return self.f.put(f"getelementptr {type_of(self.dtypes[operand])}, ptr {p}, i64 {moved}") if moved else p

    def stride(self, strides: tuple) -> int:
        """The stride along the lanes."""
        s = self.shape
        return strides[s.lane] if s.lane < len(strides) and s.real[s.lane] else 0

    def load(self, operand: int, offset: int, strides: tuple, copy: Copy, n: int) -> str:
        """A scalar or a vector out of memory."""
        f, dtype, s = self.f, self.dtypes[operand], self.shape
        kind = type_of(dtype)
        p = self.place(operand, offset, strides, copy, len(self.scopes) - 1)
        if n == 1:
            return narrow(f, f.load(kind, p, dtype.itemsize), dtype, 1)
        step = self.stride(strides)
        if step == -1 and copy.mask is None:
            back = f.put(f"getelementptr {kind}, ptr {p}, i64 {1 - n}")
            x = f.load(vector(kind, n), back, dtype.itemsize)
            turn = ", ".join(f"i32 {n - 1 - k}" for k in range(n))
            x = f.put(f"shufflevector {vector(kind, n)} {x}, {vector(kind, n)} poison, <{n} x i32> <{turn}>")
            return narrow(f, x, dtype, n)
        if step == 1:
            return self.masked(dtype, p, n, copy.mask, None)
        if self.tile > 1 and copy.mask is None and strides[s.across] == 1:
            return self.turned(operand, offset, strides, n)[copy.u]
        return self.fetch(dtype, p, steps(step, n), n, copy.mask, None)

    def turned(self, operand: int, offset: int, strides: tuple, n: int) -> list[str]:
        """A square tile, read along its other axis and transposed: for each index of that axis the lanes' vector."""
        f, dtype, values = self.f, self.dtypes[operand], self.scopes[-1].values
        made: list[str] = values.get(("tile", operand, offset, strides))  # type: ignore[assignment, call-overload]
        if made is None:
            p = self.place(operand, offset, strides, Copy(), len(self.scopes) - 1)
            kind, step = type_of(dtype), self.stride(strides)
            type_ = vector(kind, n)
            made = [f.load(type_, f.put(f"getelementptr {kind}, ptr {p}, i64 {k * step}"), dtype.itemsize) for k in range(n)]
            half = n // 2
            while half:  # exchange the off-diagonal blocks of this size
                even = ", ".join(f"i32 {j if not j & half else n + j - half}" for j in range(n))
                odd = ", ".join(f"i32 {j + half if not j & half else n + j}" for j in range(n))
                for i in (i for i in range(n) if not i & half):
                    pair = f"{type_} {made[i]}, {type_} {made[i + half]}, <{n} x i32>"
                    made[i], made[i + half] = f.put(f"shufflevector {pair} <{even}>"), f.put(f"shufflevector {pair} <{odd}>")
                half //= 2
            made = [narrow(f, x, dtype, n) for x in made]
            values["tile", operand, offset, strides] = made  # type: ignore[assignment]
        return made

    def masked(self, dtype, p: str, n: int, mask: str | None, other: str | None) -> str:
        """Neighbouring elements at an address, those of the mask."""
        f, kind = self.f, vector(type_of(dtype), n)
        if mask is None:
            return narrow(f, f.load(kind, p, dtype.itemsize), dtype, n)
        name = f"llvm.masked.load.v{n}{short(dtype)}.p0"
        args = (("ptr", p), ("i32", str(dtype.itemsize)), (vector("i1", n), mask), (kind, other or "zeroinitializer"))
        return narrow(f, f.call(name, kind, *args), dtype, n)

    def fetch(self, dtype, base: str, at: str, n: int, mask: str | None, other: str | None) -> str:
        """Elements at places `at` behind an address."""
        f, kind = self.f, type_of(dtype)
        if n == 1:
            return narrow(f, f.load(kind, f.put(f"getelementptr {kind}, ptr {base}, i64 {at}"), dtype.itemsize), dtype, 1)
        pointers = f.put(f"getelementptr {kind}, ptr {base}, {vector('i64', n)} {at}")
        name = f"llvm.masked.gather.v{n}{short(dtype)}.v{n}p0"
        args = (
            (vector("ptr", n), pointers), ("i32", str(dtype.itemsize)), (vector("i1", n), mask or "splat (i1 true)"),
            (vector(kind, n), other or "zeroinitializer"),
        )  # fmt: skip
        return narrow(f, f.call(name, vector(kind, n), *args), dtype, n)

    def gather(self, operand: int, at: Expr, copy: Copy, n: int) -> str:
        """Elements at computed places; where these are neighbours, as in rows of a table, by one load."""
        dtype, places, base = self.dtypes[operand], self.value(at, copy, n > 1), self.base(operand)
        if n > 1 and self.slope(at) == 1:
            first = self.f.put(f"extractelement {vector('i64', n)} {places}, i64 0")
            p = self.f.put(f"getelementptr {type_of(dtype)}, ptr {base}, i64 {first}")
            return self.masked(dtype, p, n, copy.mask, None)
        return self.fetch(dtype, base, places, n, copy.mask, None)

    def slope(self, e: Expr) -> int | None:
        """By how much an integer grows from lane to lane, if always by the same."""
        if not self.facts(e)[1]:
            return 0
        if e.op == "index":
            return 1
        if e.op in ("add", "subtract"):
            a, b = (self.slope(c) for c in children(e))
            return None if a is None or b is None else a + b if e.op == "add" else a - b
        if e.op == "multiply":
            for x, k in (e.args, e.args[::-1]):
                if k.op == "const":
                    a = self.slope(x)
                    return None if a is None else a * int(k.args[0])
        return None

    def load_if(self, e: Expr, copy: Copy, n: int) -> str:
        """A load where a condition holds, which touches no memory elsewhere."""
        f = self.f
        cond, operand, offset, strides, other = e.args
        dtype = self.dtypes[operand]
        if not isinstance(other, Expr):
            other = Expr("const", (other,), dtype)
            self.kept.append(other)
        depth = len(self.scopes) - 1
        if n == 1:
            place = f.variable(register(dtype), cast(f, self.value(other, copy), other.dtype, dtype, 1))
            with f.when(self.value(cond, copy)):
                p = self.place(operand, offset, strides, copy, depth)
                f.store(register(dtype), narrow(f, f.load(type_of(dtype), p, dtype.itemsize), dtype, 1), place)
            return f.load(register(dtype), place)
        mask = self.value(cond, copy, True)
        if copy.mask is not None:
            mask = f.op("and", vector("i1", n), mask, copy.mask)
        rest = widen(f, cast(f, self.value(other, copy, True), other.dtype, dtype, n), dtype, n)
        p = self.place(operand, offset, strides, copy, depth)
        step = self.stride(strides)
        if step == 1:
            return self.masked(dtype, p, n, mask, rest)
        return self.fetch(dtype, p, steps(step, n), n, mask, rest)

    def store(self, s: Store, x: str, copy: Copy, wide: bool) -> None:
        """Write a value (of the operand's dtype) to its place."""
        f, dtype = self.f, self.dtypes[s.operand]
        kind, n = type_of(dtype), self.lanes if wide else 1
        x = widen(f, x, dtype, n)
        p = self.place(s.operand, s.offset, s.strides, copy, len(self.scopes) - 1)
        if n == 1:
            f.store(kind, x, p, dtype.itemsize)
            return
        step, bits = self.stride(s.strides), vector("i1", n)
        if step == 1 and copy.mask is None:
            f.store(vector(kind, n), x, p, dtype.itemsize)
        elif step == 1:
            args = ((vector(kind, n), x), ("ptr", p), ("i32", str(dtype.itemsize)), (bits, copy.mask))
            f.call(f"llvm.masked.store.v{n}{short(dtype)}.p0", "void", *args)
        else:
            pointers = f.put(f"getelementptr {kind}, ptr {p}, {vector('i64', n)} {steps(step, n)}")
            args = (
                (vector(kind, n), x),
                (vector("ptr", n), pointers),
                ("i32", str(dtype.itemsize)),
                (bits, copy.mask or "splat (i1 true)"),
            )
            f.call(f"llvm.masked.scatter.v{n}{short(dtype)}.v{n}p0", "void", *args)

    # ---- scopes -------------------------------------------------------------------------------------------------

    @contextmanager
    def scope(self, indices: dict[int, str]) -> Iterator[None]:
        """One depth more, whose loops' indices are given."""
        made = Scope()
        made.indices = indices
        self.scopes.append(made)
        yield
        self.scopes.pop()

    def prepare(self, exprs: list[Expr], stores: list[Store], copies: list[Copy]) -> None:
        """At the beginning of a loop's body: compute what belongs to this depth, and the addresses of what lies deeper."""
        depth = len(self.scopes) - 1
        for e in exprs:
            d, own = self.facts(e)[0], self.wide(e)
            if e.op == "const" or (e.op == "reduced" and not self.known(e, copies[0])):
                continue
            if d == depth:
                for c in copies:
                    self.value(e, c)
                    if not own and id(e) in self.spread:
                        self.value(e, c, True)
            elif d > depth and e.op in ("load", "load_if"):
                operand, offset, strides = e.args[:3] if e.op == "load" else e.args[1:4]
                self.address(operand, offset, strides, depth)
            elif d > depth and e.op == "gather":
                self.base(e.args[0])
        for s in stores:
            self.address(s.operand, s.offset, s.strides, depth)

    def known(self, e: Expr, copy: Copy) -> bool:
        """Whether a reduction's result is there."""
        return self.key(e, copy) in self.scopes[self.facts(e)[0]].values if self.facts(e)[0] < len(self.scopes) else False


TRUTH = frozenset(
    "equal not_equal less less_equal greater greater_equal isnan isinf isfinite signbit logical_and logical_or logical_xor logical_not".split()
)


def steps(stride: int, n: int) -> str:
    """The constant vector 0, stride, 2·stride, ..."""
    return "<" + ", ".join(f"i64 {k * stride}" for k in range(n)) + ">"


def short(dtype) -> str:
    """A type as intrinsics' names have it."""
    kind = type_of(dtype)
    return {"float": "f32", "double": "f64"}.get(kind, kind)
