"""The graph: one value per line, each the result of one word of the vocabulary. Small enough to be printed and read.

A value is pure: an array that is computed once, never written, laid out in C order. Views and writes in place, which programs
are full of, have been turned into values by the tracer. Words are those of `backend/vocabulary.py`, so that the vocabulary's
NumPy reader can run a graph as it stands (`run`), and a few that only graphs have:

    input(slot)      what the program is given: an argument, a parameter, a buffer, a state, random numbers
    number(slot)     a Python float that may differ from call to call, such as a learning rate (weak: it takes the others' dtype)
    constant(array)  an array that was made while tracing and depends on nothing
    part(value, i)   one of several results of a word, such as lstm
    opaque(f, ...)   a Python function of arrays
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..backend import numpy as NP

LEAVES = frozenset(("input", "number", "constant"))


class Value:
    """One line of a graph: `word(*args, **kwargs)`; among the arguments, also within tuples and slices, are other values."""

    __slots__ = ("args", "dtype", "kwargs", "parts", "shape", "where", "word")

    def __init__(self, word: str, args: tuple, kwargs: dict | None = None, shape: tuple = (), dtype: Any = None, parts=None, where=None):
        self.word, self.args, self.kwargs, self.shape = word, args, kwargs or {}, tuple(shape)
        self.dtype: Any = None if dtype is None else np.dtype(dtype)
        self.parts = parts  # of a word with several results: their (shape, dtype), or None for a result that is None
        self.where = where  # (file, line, module path) of the user's call

    @property
    def size(self) -> int:
        """The number of elements."""
        n = 1
        for s in self.shape:
            n *= s
        return n

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return 0 if self.dtype is None else self.size * self.dtype.itemsize

    def operands(self) -> list["Value"]:
        """The values among the arguments, in order."""
        out: list[Value] = []
        for a in self.args:
            t = type(a)
            if t is Value:
                out.append(a)
            elif t not in _PLAIN:
                collect(a, Value, out)
        if self.kwargs:
            collect(self.kwargs, Value, out)
        return out

    def __repr__(self):
        kind = "(" + ", ".join(_kind(*p) if p else "None" for p in self.parts) + ")" if self.parts else _kind(self.shape, self.dtype)
        return f"<{self.word}: {kind}>"


_PLAIN = frozenset((int, float, bool, str, type(None), np.ndarray))


def collect(x, kind: type, out: list) -> None:
    """Append to `out` the objects of a kind in the structure `x` of arguments, in order."""
    if isinstance(x, kind):
        out.append(x)
    elif isinstance(x, (tuple, list)):
        for v in x:
            collect(v, kind, out)
    elif isinstance(x, dict):
        for v in x.values():
            collect(v, kind, out)
    elif isinstance(x, slice):
        collect((x.start, x.stop, x.step), kind, out)


def replace(x, new: Callable[[Value], Any]):
    """The structure `x` of arguments with `new(value)` in place of each value."""
    if isinstance(x, Value):
        return new(x)
    if isinstance(x, (tuple, list)):
        made = [replace(v, new) for v in x]
        return type(x)(*made) if hasattr(x, "_fields") else type(x)(made)
    if isinstance(x, dict):
        return {k: replace(v, new) for k, v in x.items()}
    if isinstance(x, slice):
        return slice(*(replace(v, new) for v in (x.start, x.stop, x.step)))
    return x


class Graph:
    """A traced program: `values` in an order in which they can be computed, `inputs` and `numbers` by slot, and its `results`.

    `results` are (target, value) pairs; what a target means (a returned tensor, a parameter to be written, ...) is the
    business of whoever traced. Two targets may share a value. `writes` says which results are to be written into an input's
    memory: {number of the result: slot of the input}.
    """

    def __init__(self):
        self.values: list[Value] = []
        self.inputs: list[Value] = []
        self.numbers: list[Value] = []
        self.number_sources: list = []  # what Python computes each of them from: see host.py
        self.results: list[tuple[Any, Value]] = []
        self.writes: dict[int, int] = {}

    # ---- building -----------------------------------------------------------------------------------------------

    def input(self, shape, dtype) -> Value:
        """A new input slot."""
        value = Value("input", (len(self.inputs),), None, shape, dtype)
        self.inputs.append(value)
        self.values.append(value)
        return value

    def number(self) -> Value:
        """A new slot for a Python float."""
        value = Value("number", (len(self.numbers),), None, (), np.float64)
        self.numbers.append(value)
        self.values.append(value)
        return value

    def constant(self, array: np.ndarray) -> Value:
        """An array that never changes."""
        value = Value("constant", (array,), None, array.shape, array.dtype)
        self.values.append(value)
        return value

    def call(self, word: str, *args, where=None, **kwargs) -> Value:
        """Append `word(*args, **kwargs)`, its shape and dtype found by `infer.py`."""
        from .infer import infer

        shape, dtype, parts = infer(word, args, kwargs)
        value = Value(word, args, kwargs, shape, dtype, parts, where)
        self.values.append(value)
        return value

    def part(self, value: Value, i: int) -> Value:
        """Result number i of a word with several."""
        assert value.parts is not None and value.parts[i] is not None
        shape, dtype = value.parts[i]
        made = Value("part", (value, i), None, shape, dtype, where=value.where)
        self.values.append(made)
        return made

    # ---- reading ------------------------------------------------------------------------------------------------

    def users(self) -> dict[Value, list[Value]]:
        """For each value the values that read it."""
        out: dict[Value, list[Value]] = {v: [] for v in self.values}
        for v in self.values:
            for o in v.operands():
                out[o].append(v)
        return out

    def live(self) -> set[Value]:
        """The values that the results depend on."""
        seen: set[Value] = set()
        stack = [v for _, v in self.results]
        while stack:
            v = stack.pop()
            if v not in seen:
                seen.add(v)
                stack.extend(v.operands())
        return seen

    def names(self) -> dict[Value, str]:
        """A short name for each value, as printing has it."""
        out: dict[Value, str] = {}
        for v in self.values:
            if v.word == "input":
                out[v] = f"x{v.args[0]}"
            elif v.word == "number":
                out[v] = f"s{v.args[0]}"
            else:
                out[v] = f"%{len(out)}"
        return out

    def __str__(self):
        names = self.names()
        lines = []
        for v in self.values:
            if v.word in LEAVES:
                told = "" if v.word != "constant" else f" = {_brief(v.args[0])}"
                lines.append(f"{names[v]}: {_kind(v.shape, v.dtype)}{told}" if v.word != "number" else f"{names[v]}: float")
                continue
            args = [_shown(a, names) for a in v.args] + [f"{k}={_shown(a, names)}" for k, a in v.kwargs.items()]
            kind = repr(v).split(": ", 1)[1][:-1]
            lines.append(f"{names[v]} = {v.word}({', '.join(args)}) : {kind}")
        lines += [f"return {names[v]}" if target is None else f"{target} <- {names[v]}" for target, v in self.results]
        return "\n".join(lines)

    def verify(self) -> "Graph":
        """The graph itself; AssertionError where a value is used before it is computed or the same line stands twice."""
        seen: set[Value] = set()
        for v in self.values:
            assert v not in seen, f"{v} stands twice in the graph"
            for o in v.operands():
                assert o in seen, f"{v} reads {o}, which is not computed before it"
            seen.add(v)
            if v.word == "part":
                assert v.args[0].parts is not None
        for target, v in self.results:
            assert v in seen, f"result {target} is no value of the graph"
            assert v.parts is None, f"result {target} is several values"
        for i, v in enumerate(self.inputs):
            assert v.word == "input" and v.args == (i,)
        return self


def _kind(shape, dtype) -> str:
    return f"{dtype}{list(shape)}"


def _brief(array) -> str:
    return repr(array.item()) if array.size == 1 else f"array of {array.size}"


def _shown(x, names) -> str:
    if isinstance(x, Value):
        return names.get(x, "?")
    if isinstance(x, (tuple, list)):
        inner = ", ".join(_shown(v, names) for v in x)
        return f"({inner})" if isinstance(x, tuple) else f"[{inner}]"
    if isinstance(x, slice):
        return ":".join("" if v is None else _shown(v, names) for v in (x.start, x.stop, x.step))
    if isinstance(x, np.ndarray):
        return _brief(x)
    if callable(x):
        return getattr(x, "__qualname__", "function")
    return str(x)


def _part(value, i):
    return value[i]


def _opaque(f, *args):
    return f(*args)


_SPECIAL: dict[str, Callable] = {"part": _part, "getitem": operator.getitem, "opaque": _opaque}


def compute(word: str, args, kwargs):
    """The value of one word on NumPy arrays."""
    function = _SPECIAL.get(word) or operator.attrgetter(word)(NP)
    return function(*args, **kwargs)


def run(graph: Graph, inputs, numbers=()) -> list:
    """The arrays of the graph's results, by the vocabulary's NumPy reader; each value is let go after its last use."""
    last: dict[Value, int] = {}
    for i, v in enumerate(graph.values):
        for o in v.operands():
            last[o] = i
    kept = {v for _, v in graph.results}
    found: dict[Value, Any] = {}

    def of(v):
        return found[v]

    for i, v in enumerate(graph.values):
        if v.word == "input":
            found[v] = inputs[v.args[0]]
        elif v.word == "number":
            found[v] = numbers[v.args[0]]
        elif v.word == "constant":
            found[v] = v.args[0]
        else:
            made = compute(v.word, replace(v.args, of), replace(v.kwargs, of))
            if v.parts is None and type(made) is not np.ndarray:
                made = np.asarray(made)
            if v.parts is None and made.dtype is not v.dtype and made.dtype != v.dtype:
                made = made.astype(v.dtype)
            found[v] = made
        for o in _operands_once(v):
            if last.get(o) == i and o not in kept:
                del found[o]
    return [np.asarray(found[v]) for _, v in graph.results]


def _operands_once(v: Value) -> Iterator[Value]:
    return iter(dict.fromkeys(v.operands()))
