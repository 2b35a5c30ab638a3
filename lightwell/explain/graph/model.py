"""What a picture is drawn from: values, the operations between them, and the modules that the operations ran in."""

from dataclasses import dataclass, field
from typing import Any

from ... import dtypes

SHORT = {"float32": "f32", "float64": "f64", "float16": "f16", "bfloat16": "bf16", "int64": "i64", "int32": "i32", "int16": "i16",
         "int8": "i8", "uint8": "u8", "complex64": "c64", "complex128": "c128"}  # fmt: skip


class Value:
    """A tensor of the computation. `kind`: "input", "leaf", "parameter", "buffer", "constant" or "result" (output `index` of `op`)."""

    __slots__ = ("dtype", "grad", "index", "kind", "module", "name", "nbytes", "op", "shape")

    def __init__(self, kind: str, name: str = "", array=None, grad: bool = False, op: "Op | None" = None, index: int = 0):
        self.kind, self.name, self.grad, self.op, self.index = kind, name, grad, op, index
        self.module = ""
        self.shape: tuple | None = None
        self.dtype, self.nbytes = "", 0
        if array is not None:
            self.measure(array.shape, array.dtype)

    def measure(self, shape, dtype) -> None:
        """Take note of the shape and the NumPy dtype (None: not known)."""
        self.shape, size = tuple(shape), 1
        for n in self.shape:
            size *= n
        if dtype is not None:
            self.dtype = str(dtypes.from_np(dtype)).rpartition(".")[2]
            self.nbytes = size * dtype.itemsize

    @property
    def size(self) -> int:
        """The number of elements; 0 where the shape isn't known."""
        size = 1
        for n in self.shape or ():
            size *= n
        return size if self.shape is not None else 0

    def shape_text(self) -> str:
        """The shape as 32×6×28×28; "scalar" where there are no dimensions, "?" where it isn't known."""
        return "?" if self.shape is None else "×".join(map(str, self.shape)) or "scalar"

    def text(self) -> str:
        """Shape, dtype and bytes: what stands on an edge."""
        if self.shape is None:
            return "?"
        return " ".join(filter(None, (self.shape_text(), SHORT.get(self.dtype, self.dtype), bytes_text(self.nbytes))))

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name or ''}{self.shape_text()}>"


@dataclass(eq=False)
class Op:
    """One operation that ran: its record's name and text, its arguments and results, and its node in the graph for backward."""

    name: str
    number: int  # the order in which operations ran
    doc: str = ""
    inputs: list = field(default_factory=list)  # of Value (None where an argument was left out)
    outputs: list = field(default_factory=list)  # of Value
    names: tuple = ()  # the record's names for the inputs
    params: dict = field(default_factory=dict)  # the plain arguments
    scope: tuple = ()  # of Call: the modules it ran in, the outermost first
    line: tuple | None = None  # (file, line number)
    view: bool = False
    inplace: bool = False
    node: str = ""  # the backward node's name; "" where no graph was recorded
    grads: tuple = ()  # for each input, whether a gradient flows to it
    saved: list = field(default_factory=list)  # (name, bytes, whether it is a leaf's own memory) of what is kept for backward

    @property
    def saved_bytes(self) -> int:
        """Bytes kept for backward, without those of leaves, which are there anyway."""
        return sum(n for _, n, own in self.saved if not own)

    def __repr__(self) -> str:
        return f"<op {self.name} #{self.number}>"


@dataclass(frozen=True)
class Call:
    """One call of a module: its path, its class and which call it was. Equal for operations of the same call."""

    path: str
    kind: str
    number: int
    buffers: tuple = ()  # (name, shape, dtype) of the module's own buffers


@dataclass
class Graph:
    """The operations in the order in which they ran, and what goes in and comes out."""

    title: str
    ops: list[Op]
    outputs: list[tuple[str, Value]]
    inputs: list[Value] = field(default_factory=list)

    def values(self) -> list[Value]:
        """Every value once, in the order of its first use."""
        found: dict[int, Any] = {id(v): v for v in self.inputs}
        for op in self.ops:
            for v in (*op.inputs, *op.outputs):
                if v is not None:
                    found.setdefault(id(v), v)
        for _, v in self.outputs:
            found.setdefault(id(v), v)
        return list(found.values())


def bytes_text(n: int) -> str:
    """A number of bytes for people: 588 KiB."""
    if n < 1024:
        return f"{n} B"
    size, units = n / 1024, ["KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.3g} {units[0]}" if size < 1000 else f"{size:.0f} {units[0]}"


def gather(title: str, outputs: list, inputs=()) -> Graph:
    """The graph of everything that the outputs, (name, Value) pairs, were made from."""
    seen: dict[int, Op] = {}
    stack = [v.op for _, v in outputs if v.op is not None]
    while stack:
        op = stack.pop()
        if id(op) in seen:
            continue
        seen[id(op)] = op
        stack.extend(v.op for v in op.inputs if v is not None and v.op is not None)
    return Graph(title, sorted(seen.values(), key=lambda op: op.number), list(outputs), list(inputs))
