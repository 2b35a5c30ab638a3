"""Writing LLVM's language: a function is text, put together line by line. Values are strings: "%v12", "1.0", "%arg".

Every native function has one form, the kernel's:

    void name(ptr %args, i64 %tid, i64 %nt, ptr %sync)

`args` points at slots of 8 bytes: addresses of arrays, and integers; slot 0 is the address of the call's floats (doubles).
All `nt` threads call it, each with its own `tid`, and it returns in each when that thread's share is done.
"""

import struct
from contextlib import contextmanager

import numpy as np

TYPES = {
    "float32": "float", "float64": "double", "int64": "i64", "int32": "i32", "int16": "i16", "int8": "i8", "uint8": "i8", "bool": "i8",
    "uint16": "i16", "uint32": "i32", "uint64": "i64",
}  # fmt: skip


def type_of(dtype) -> str:
    """The type that an element has in memory."""
    return TYPES[np.dtype(dtype).name]


def real(x: float, kind: str) -> str:
    """A floating-point constant of LLVM's type `kind` ("float" or "double"), exactly."""
    if kind == "float":
        x = float(np.float32(x))
    return "0x" + struct.pack(">d", x).hex().upper()


def vector(kind: str, lanes: int) -> str:
    """The type of `lanes` values of a kind; the kind itself for one."""
    return kind if lanes == 1 else f"<{lanes} x {kind}>"


class Function:
    """The text of one kernel, while it is being written."""

    def __init__(self, name: str = "kernel"):
        self.name, self._count = name, 0
        self.lines: list[str] = []
        self.declared: dict[str, None] = {}
        self.entry: list[str] = []  # allocas, which belong to the entry block

    # ---- names and lines ----------------------------------------------------------------------------------------

    def fresh(self, hint: str = "v") -> str:
        """A new name without its sign."""
        self._count += 1
        return f"{hint}{self._count}"

    def put(self, text: str) -> str:
        """Append `%new = text`; returns %new."""
        name = "%" + self.fresh()
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Append a line that has no result."""
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")

    def declare(self, text: str) -> None:
        """Make an outer function known: `declare float @llvm.fma.f32(float, float, float)`."""
        self.declared[text] = None

    # ---- arithmetic ---------------------------------------------------------------------------------------------

    def op(self, what: str, kind: str, *args: str) -> str:
        """`what kind a, b`: fadd, fmul, add, mul, and, shl, icmp slt, fcmp olt ..."""
        return self.put(f"{what} {kind} {', '.join(args)}")

    def cast(self, what: str, x: str, old: str, new: str) -> str:
        """sitofp, fptosi, fpext, fptrunc, zext, sext, trunc, bitcast, ptrtoint, inttoptr."""
        return self.put(f"{what} {old} {x} to {new}")

    def call(self, name: str, result: str, *args: tuple) -> str:
        """Call @name with (type, value) pairs; declares it."""
        self.declare(f"declare {result} @{name}({', '.join(k for k, _ in args)})")
        text = f"call {result} @{name}({', '.join(f'{k} {v}' for k, v in args)})"
        if result == "void":
            self.do(text)
            return ""
        return self.put(text)

    def select(self, cond: str, kind: str, a: str, b: str, cond_kind: str = "i1") -> str:
        """a where cond holds, else b."""
        return self.put(f"select {cond_kind} {cond}, {kind} {a}, {kind} {b}")

    def splat(self, x: str, kind: str, lanes: int) -> str:
        """A vector whose lanes are all x."""
        if lanes == 1:
            return x
        v = self.put(f"insertelement <{lanes} x {kind}> poison, {kind} {x}, i64 0")
        return self.put(f"shufflevector <{lanes} x {kind}> {v}, <{lanes} x {kind}> poison, <{lanes} x i32> zeroinitializer")

    # ---- memory -------------------------------------------------------------------------------------------------

    def at(self, pointer: str, kind: str, index: str) -> str:
        """The address of element `index`."""
        return self.put(f"getelementptr inbounds {kind}, ptr {pointer}, i64 {index}")

    def load(self, kind: str, pointer: str, align: int | None = None) -> str:
        """The value at an address."""
        return self.put(f"load {kind}, ptr {pointer}" + (f", align {align}" if align else ""))

    def store(self, kind: str, x: str, pointer: str, align: int | None = None) -> None:
        """Write a value to an address."""
        self.do(f"store {kind} {x}, ptr {pointer}" + (f", align {align}" if align else ""))

    def variable(self, kind: str, start: str | None = None) -> str:
        """A place on the stack that LLVM turns into a register."""
        name = "%" + self.fresh("p")
        self.entry.append(f"  {name} = alloca {kind}")
        if start is not None:
            self.store(kind, start, name)
        return name

    def slot(self, i: int, kind: str = "ptr") -> str:
        """Slot i of the arguments."""
        return self.load(kind, self.at("%args", "i64", str(i)))

    # ---- control ------------------------------------------------------------------------------------------------

    @contextmanager
    def loop(self, start: str, stop: str, step: str | int = 1):
        """for index in range(start, stop, step): yields the index, an i64."""
        head, body, end = self.fresh("head"), self.fresh("body"), self.fresh("end")
        place = self.variable("i64")
        self.store("i64", start, place)
        self.do(f"br label %{head}")
        self.label(head)
        i = self.load("i64", place)
        more = self.put(f"icmp slt i64 {i}, {stop}")
        self.do(f"br i1 {more}, label %{body}, label %{end}")
        self.label(body)
        yield i
        self.store("i64", self.put(f"add nsw i64 {i}, {step}"), place)
        self.do(f"br label %{head}")
        self.label(end)

    @contextmanager
    def when(self, cond: str):
        """if cond: ..."""
        then, end = self.fresh("then"), self.fresh("end")
        self.do(f"br i1 {cond}, label %{then}, label %{end}")
        self.label(then)
        yield
        self.do(f"br label %{end}")
        self.label(end)

    def share(self, n: str, grain: int = 1) -> tuple[str, str]:
        """(start, stop): this thread's part of range(n), in whole multiples of `grain` but for the last one."""
        blocks = n if grain == 1 else self.put(f"sdiv i64 {self.put(f'add i64 {n}, {grain - 1}')}, {grain}")
        first = self.put(f"sdiv i64 {self.put(f'mul i64 {blocks}, %tid')}, %nt")
        after = self.put("add i64 %tid, 1")
        last = self.put(f"sdiv i64 {self.put(f'mul i64 {blocks}, {after}')}, %nt")
        if grain == 1:
            return first, last
        start, stop = self.put(f"mul i64 {first}, {grain}"), self.put(f"mul i64 {last}, {grain}")
        return start, self.call("llvm.smin.i64", "i64", ("i64", stop), ("i64", n))

    def barrier(self) -> None:
        """Wait until all threads of the kernel are here."""
        self.call("lw_barrier", "void", ("ptr", "%sync"), ("i64", "%nt"))

    def text(self) -> str:
        """The whole module."""
        head = f"define void @{self.name}(ptr %args, i64 %tid, i64 %nt, ptr %sync) #0 {{"
        tail = 'attributes #0 = { nounwind "no-trapping-math"="true" }'
        return "\n".join([*self.declared, head, "entry:", *self.entry, *self.lines, "  ret void", "}", tail, ""])
