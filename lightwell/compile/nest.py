"""What fusion makes of a graph: steps over buffers. A `Nest` is a piece of loop code, to be read here and printed.

A plan is a list of buffers and a list of steps. Arrays lie in buffers in C order. A step is one of

    Nest    loops over elements: elementwise formulas, broadcasts, layouts, reductions, softmax, normalisations, gathers
    Gemm    a (batched) matrix product, left to BLAS
    Call    a word with native code of its own (convolution, pooling, recurrent layers, scatters): see `calls.py`
    Host    a word that NumPy computes, for which the native program stops and goes on afterwards
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(eq=False)
class Buffer:
    """Memory for one array in C order. `kind`: "input" (slot `slot`), "constant" (`array`), "result" (slot `slot`: fresh or
    given memory for graph.results[slot]), or "temp", placed by the planner at `offset` bytes of the arena."""

    kind: str
    shape: tuple
    dtype: np.dtype
    slot: int = -1
    array: Any = None
    offset: int = -1
    name: str = ""

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.dtype.itemsize


# ---- nests ----------------------------------------------------------------------------------------------------------


class Expr:
    """One scalar of a nest's body. Shared subexpressions are shared objects. `op` and `args`:

    load      (operand, offset, strides): operand[offset + Σ strides·index], strides in elements, one for each axis of the nest
    load_if   (condition, operand, offset, strides, other): the same where the condition holds, else `other`; never reads elsewhere
    gather    (operand, at): operand[at], `at` an int64 expression that lies inside
    const     (number,)     number  (slot,): a float handed over with each call
    index     (axis,): the loop index of an axis, int64
    reduced   (Reduce,): the result of a reduction of an earlier pass
    cast      (x,)
    else      a word of the vocabulary on expressions of one dtype (`where`: bool first), with plain numbers behind them where
              the word has parameters (softplus: beta, threshold); comparisons give bool.
    """

    __slots__ = ("args", "dtype", "op")

    def __init__(self, op: str, args: tuple, dtype):
        self.op, self.args, self.dtype = op, args, np.dtype(dtype)

    def __repr__(self):
        return f"{self.op}({', '.join(map(repr, self.args))})"


@dataclass(eq=False)
class Reduce:
    """A reduction of `expr` over all inner axes, for each outer index: sum, prod, max, min (NaN wins), any, all, argmax, argmin
    (first place in C order of the inner axes, int64; NaN wins)."""

    op: str
    expr: Expr
    dtype: np.dtype


@dataclass(eq=False)
class Store:
    """operand[offset + Σ strides·index] = expr; in a pass strides are over all axes, in `final` over the outer ones."""

    operand: int
    offset: int
    strides: tuple
    expr: Expr


@dataclass(eq=False)
class Pass:
    """One run over the inner axes: stores, and reductions whose results later passes and `final` may read."""

    stores: list = field(default_factory=list)
    reduces: list = field(default_factory=list)


@dataclass(eq=False)
class Nest:
    """for each outer index (shared among the threads): for each pass: for each inner index: its body; then `final`.

    `operands` are buffer numbers of the plan; expressions name them by their place in this list. A plain map has
    `outer` = its axes, inner = () and one pass. `lanes`: the axis along which vector lanes lie: normally the last axis of
    outer + inner; for reductions whose kept axis is the contiguous one, the last outer axis.
    No store of a nest overlaps a load of another index of the same nest (a load and a store of the very same place may meet:
    in-place elementwise).
    """

    operands: list
    outer: tuple
    inner: tuple
    passes: list
    final: list = field(default_factory=list)
    lanes: int = -1
    label: str = ""  # what it computes, for the reader: "softmax", "add, tanh" ...
    where: Any = None


# ---- the other steps ------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Side:
    """A matrix (or a batch of them) in a buffer: element (i, j) of batch b at offset + i·rows + j·cols + Σ b·batch, in elements."""

    buffer: int
    offset: int
    rows: int
    cols: int
    batch: tuple = ()


@dataclass(eq=False)
class Gemm:
    """C = A·B (+ C where `add`), for each index of `batch`: A is m × k, B k × n, C m × n; float32 or float64.

    One of each side's (rows, cols) is 1 (or its extent is), so that BLAS can read it.
    """

    a: Side
    b: Side
    c: Side
    m: int
    n: int
    k: int
    dtype: np.dtype
    batch: tuple = ()
    add: bool = False
    label: str = ""
    where: Any = None


@dataclass(eq=False)
class Call:
    """A word with native code of its own: its `args`/`kwargs` hold `Ref`s where the graph has values; `outs` are buffer numbers."""

    word: str
    args: tuple
    kwargs: dict
    outs: list  # a buffer number (or None for a result that is None or unused) for each result
    scratch: list = field(default_factory=list)  # buffer numbers of temporaries that its code asked for
    label: str = ""
    where: Any = None


@dataclass(eq=False)
class Host:
    """A word that NumPy computes: as `Call`."""

    word: str
    args: tuple
    kwargs: dict
    outs: list
    label: str = ""
    where: Any = None


@dataclass(frozen=True)
class Ref:
    """A buffer among the arguments of a `Call` or `Host`, seen in a shape (C order over the whole buffer); or a number's slot."""

    buffer: int
    shape: tuple
    number: int = -1


@dataclass(eq=False)
class Plan:
    """Buffers and steps; `results[i]` is the buffer number that holds graph.results[i] when the steps are through."""

    buffers: list
    steps: list
    results: list
    numbers: int = 0
    arena: int = 0  # bytes of temporaries

    def __str__(self):
        from .plan import show

        return show(self)
