"""The tracer: runs a function once and notes which words of the vocabulary it came down to.

Every operation passes through `apply`, where the tracer is interposed; there it reads the operation's formula with a
namespace of its own, so that the graph is made of vocabulary words only: the compiler needs to know no operation by name.
Backward is traced like everything else, since with `create_graph` its rules run through `apply` too.
"""

import numpy as np

from ..backend import numpy as NP
from ..backend.vocabulary import NAMES
from ..ops.op import interpose
from ..tensor import Tensor

_OPERATORS = {
    "__add__": "add", "__sub__": "subtract", "__mul__": "multiply", "__truediv__": "divide", "__pow__": "pow",
    "__mod__": "remainder", "__floordiv__": "floor_divide", "__and__": "bitwise_and", "__or__": "bitwise_or",
    "__xor__": "bitwise_xor", "__lt__": "less", "__le__": "less_equal", "__gt__": "greater", "__ge__": "greater_equal",
    "__eq__": "equal", "__ne__": "not_equal", "__matmul__": "matmul",
}  # fmt: skip


class Graph:
    """What was traced: `inputs`, then one line per call, (result name, word, arguments, dtype and shape); `outputs`."""

    def __init__(self):
        self.inputs, self.lines, self.outputs, self._names = [], [], [], {}
        self._keep = []  # arrays are known by identity, so they must stay alive

    def name(self, array) -> str:
        """The name of an array, which becomes an input if nothing in the graph made it."""
        found = self._names.get(id(array))
        if found is None:
            found = self._names[id(array)] = f"x{len(self.inputs)}"
            self.inputs.append((found, _kind(array)))
            self._keep.append(array)
        return found

    def add(self, word: str, args: str, array) -> None:
        """Note one call."""
        name = self._names[id(array)] = f"%{len(self.lines)}"
        self._keep.append(array)
        self.lines.append((name, word, args, _kind(array)))

    def __str__(self):
        heads = [f"{name}: {kind}" for name, kind in self.inputs]
        body = [f"{name} = {word}({args}) : {kind}" for name, word, args, kind in self.lines]
        return "\n".join([*heads, *body, "return " + ", ".join(self.outputs)])


class Traced:
    """An array on its way through a formula, whose every use is noted."""

    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, array, graph):
        self.array, self.graph = array, graph

    shape = property(lambda self: self.array.shape)
    ndim = property(lambda self: self.array.ndim)
    dtype = property(lambda self: self.array.dtype)
    size = property(lambda self: self.array.size)

    def __neg__(self):
        return _call(self.graph, "negative", NP.negative, (self,), {})

    def __getitem__(self, key):
        return _call(self.graph, "getitem", lambda x: x[key], (self,), {"key": key})


def _operator(word, swapped):
    def method(self, other):
        args = (other, self) if swapped else (self, other)
        return _call(self.graph, word, getattr(NP, word), args, {})

    return method


for _name, _word in _OPERATORS.items():
    setattr(Traced, _name, _operator(_word, False))
    setattr(Traced, "__r" + _name[2:], _operator(_word, True))


def _kind(array) -> str:
    return f"{array.dtype}{list(array.shape)}"


def _call(graph, word, function, args, kwargs):
    bare = [[a.array for a in v] if isinstance(v, (list, tuple)) and v and isinstance(v[0], Traced) else _bare(v) for v in args]
    shown = kwargs if word == "getitem" else {**kwargs}
    result = function(*bare, **({} if word == "getitem" else kwargs))
    array = result if isinstance(result, np.ndarray) else np.asarray(result)
    told = [_shown(graph, v) for v in bare] + [f"{k}={v}" for k, v in shown.items()]
    if any(array is v for v in bare):  # written in place, or handed through: a new value all the same
        array = array.view()
    graph.add(word, ", ".join(told), array)
    return Traced(array, graph)


def _bare(value):
    return value.array if isinstance(value, Traced) else value


def _shown(graph, value) -> str:
    if isinstance(value, np.ndarray):
        return graph.name(value)
    if isinstance(value, list):
        return "[" + ", ".join(_shown(graph, v) for v in value) + "]"
    return str(value)


class _Namespace:
    """The vocabulary as the tracer reads it."""

    def __init__(self, graph):
        self._graph = graph

    def __getattr__(self, word):
        if word not in NAMES:
            raise AttributeError(f"'{word}' is no word of the vocabulary (backend/vocabulary.py)")
        function = getattr(NP, word)
        return lambda *args, **kwargs: _call(self._graph, word, function, args, kwargs)


def trace(f, *args) -> Graph:
    """The graph of `f(*args)`: its tensors are the inputs, what it returns the outputs.

    >>> import lightwell as torch
    >>> print(trace(lambda x: (x * 2).tanh(), torch.ones(3)))
    x0: float32[3]
    %0 = multiply(x0, 2) : float32[3]
    %1 = tanh(%0) : float32[3]
    return %1
    """
    graph = Graph()
    for a in args:
        if isinstance(a, Tensor):
            graph.name(a._a)

    def note(rec, call, values):
        out = call(*values)
        outs = out if isinstance(out, tuple) else (out,)

        def prepare(v):
            if isinstance(v, Tensor):
                graph.name(v._a)
                return Traced(v._a, graph)
            return [prepare(u) for u in v] if isinstance(v, (list, tuple)) and v and isinstance(v[0], Tensor) else v

        made = rec.forward(_Namespace(graph), *(prepare(v) for v in values))
        for t, m in zip(outs, made if isinstance(made, tuple) else (made,)):
            graph._names[id(t._a)] = graph._names[id(m.array)] if isinstance(m, Traced) else graph.name(t._a)
            graph._keep.append(t._a)
        return out

    with interpose(note):
        result = f(*args)
    for t in result if isinstance(result, (tuple, list)) else (result,):
        graph.outputs.append(graph.name(t._a) if isinstance(t, Tensor) else repr(t))
    return graph
