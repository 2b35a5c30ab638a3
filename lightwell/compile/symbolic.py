"""Arrays that are not computed: what stands in a tensor's `_a` while a program is traced.

A `Traced` answers NumPy's protocols: every ufunc, function, method and slice that meets it becomes a line of the graph, and
whatever asks for its numbers is refused (`Untraceable`), so that nothing can be computed from it unnoticed. It has NumPy's
memory too: a `Memory` has a current value; a slice, a transpose or a reshape is a view of it; writing through a view gives the
memory a new value, which all its views see. So a program full of views and writes in place turns into a graph of pure values.
The form (shape, strides, what overlaps what) is asked of an array of the same form whose numbers nobody reads.
"""

import functools
import weakref
from typing import Any

import numpy as np

from ..errors import Untraceable
from .graph import Graph, Value, compute
from .host import Number
from .limits import limits, picks, source

ndarray = np.ndarray


class Memory:
    """A piece of memory: its value now, the form of its array, how often it was written, and the real array behind it."""

    __slots__ = ("__weakref__", "form", "real", "source", "value", "version")

    def __init__(self, value: Value, form: ndarray, source: Any = None, real: Any = None):
        self.value, self.form, self.source, self.version, self.real = value, form, source, 0, real


class Recorder:
    """The graph under way, and which real arrays stand for what in it."""

    def __init__(self):
        self.graph = Graph()
        self.memories: list[Memory] = []  # those of real arrays: inputs and states
        self.known: dict[int, Any] = {}  # id of a real array -> (array, Traced)
        self.line: Any = None  # the user's line that runs now
        self.alive: list = []  # weak references to what was traced, to find what escaped
        self.ranges: list = []  # (value, low, high): what indices must satisfy for the graph to be right

    def call(self, word: str, *args, **kwargs) -> "Traced | tuple":
        """Note `word(*args, **kwargs)` and give its result."""
        if word in ("nonzero", "getitem") and (word == "nonzero" or _masks(args[1])):
            raise Untraceable("a result whose size depends on a tensor's numbers")
        operands, named = [self.operand(a) for a in args], {k: self.operand(v) for k, v in kwargs.items()}
        if [1 for index, n in picks(word, tuple(operands), named) if not self.bounded(index, -n, n)]:
            word, operands, named = "opaque", [functools.partial(_computed, word, named), *operands], {}
        value = self.graph.call(word, *operands, where=self.line, **named)
        if value.parts is not None:
            return tuple(None if p is None else self.fresh(self.graph.part(value, i)) for i, p in enumerate(value.parts))
        return self.fresh(value)

    def bounded(self, index: Value, low: int, high: int, besides=None) -> bool:
        """Whether an index lies in range(low, high), perhaps under the condition that an input does; False where nothing is known."""
        least, most = limits(index)
        if low <= least and most < high:
            return True
        given = source(index)
        if given is None:
            return False
        if (given, low, high, besides) not in self.ranges and not any(
            v is given and low <= a and b <= high and e in (None, besides) for v, a, b, e in self.ranges
        ):
            self.ranges.append((given, low, high, besides))
        return True

    def opaque(self, f, *args):
        """A result of `f(*args)`, which Python computes at each call: f must look at nothing but its arguments."""
        return self.call("opaque", f, *args)

    def fresh(self, value: Value) -> "Traced":
        """A new piece of memory with this value."""
        return Traced(self, Memory(value, np.empty(value.shape, value.dtype)), None, None)

    def state(self, array: ndarray, tell=None, alone: bool = False) -> "Traced":
        """The traced twin of a real array (in C order) that the program is given; `tell` (default: the array) says which it is.

        `alone`: a twin of its own, even if the array has one already.
        """
        found = self.known.get(id(array))
        if found is not None and not alone:
            return found[1]
        value = self.graph.input(array.shape, array.dtype)
        memory = Memory(value, _form_like(array), array if tell is None else tell, array)
        self.memories.append(memory)
        twin = Traced(self, memory, None, None)
        self.known.setdefault(id(array), (array, twin))
        return twin

    def operand(self, x):
        """What stands in the graph for an argument: values for arrays, slots for numbers."""
        kind = type(x)
        if kind is Traced:
            if x.recorder is not self:
                raise Untraceable("a value of another traced program")
            return x.read()
        if kind is Number:
            return x.slot(self.graph)
        if kind is tuple or kind is list:
            return kind(self.operand(v) for v in x)
        if kind is slice:
            return slice(*(self.operand(v) for v in (x.start, x.stop, x.step)))
        if kind is ndarray:
            return self.lift(x).read()
        if isinstance(x, np.generic):
            return self.graph.constant(np.asarray(x))
        a = getattr(x, "_a", None)  # a tensor, as formulas have among their parameters
        if a is not None:
            return self.operand(a)
        return x

    def lift(self, array: ndarray) -> "Traced":
        """A real array that met a traced one: a state known before, or else a constant."""
        found = self.known.get(id(array))
        if found is None:
            twin = self.fresh(self.graph.constant(array if not array.flags.writeable or array.size < 2 else array.copy()))
            self.known[id(array)] = found = (array, twin)
        return found[1]


def _form_like(a: ndarray) -> ndarray:
    """Memory that nobody reads, laid out as `a`."""
    if a.flags.c_contiguous or any(s < 0 for s in a.strides):
        return np.empty_like(a, order="C", subok=False)
    extent = sum((n - 1) * s for n, s in zip(a.shape, a.strides)) // a.itemsize + 1 if a.size else 0
    return np.lib.stride_tricks.as_strided(np.empty(extent, a.dtype), a.shape, a.strides)


def _computed(word, named, *args):
    return compute(word, args, named)


def _masks(key) -> bool:
    """Whether indexing with `key` selects by a mask that is computed."""
    picks = [getattr(k, "_a", k) for k in (key if type(key) is tuple else (key,))]
    return any(type(k) is Traced and k.dtype.kind == "b" for k in picks)


def views(key) -> bool:
    """Whether indexing with `key` shows a part instead of gathering."""
    return all(k is None or k is Ellipsis or isinstance(k, (int, np.integer, slice)) for k in (key if type(key) is tuple else (key,)))


class Traced:
    """An array of a traced program: a whole memory, or a view of another array by a word of the vocabulary."""

    __slots__ = ("__weakref__", "_seen", "form", "memory", "parent", "recorder", "step")
    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 2000

    def __init__(self, recorder: Recorder, memory: Memory, parent, step, form=None):
        self.recorder, self.memory, self.parent, self.step = recorder, memory, parent, step
        self.form = memory.form if form is None else form
        self._seen: Any = None
        recorder.alive.append(weakref.ref(self))

    # ---- form ---------------------------------------------------------------------------------------------------

    shape = property(lambda self: self.form.shape)
    ndim = property(lambda self: self.form.ndim)
    dtype = property(lambda self: self.form.dtype)
    size = property(lambda self: self.form.size)
    itemsize = property(lambda self: self.form.itemsize)
    nbytes = property(lambda self: self.form.nbytes)
    strides = property(lambda self: self.form.strides)
    flags = property(lambda self: self.form.flags)
    base = None

    def __len__(self):
        return len(self.form)

    @property
    def address(self) -> int:
        """Where the first element would lie."""
        return self.form.ctypes.data

    # ---- value --------------------------------------------------------------------------------------------------

    def read(self) -> Value:
        """The value now."""
        if self.parent is None:
            return self.memory.value
        if self._seen is None or self._seen[0] != self.memory.version:
            word, args = self.step
            self._seen = self.memory.version, self.recorder.graph.call(word, self.parent.read(), *args, where=self.recorder.line)
        return self._seen[1]

    def write(self, x) -> None:
        """Write `x`, cast and broadcast, over this array: the whole memory gets a new value."""
        graph, memory = self.recorder.graph, self.memory
        value = self.recorder.operand(x)
        if not isinstance(value, Value) or value.word == "number":
            value = graph.call("full", self.shape, value, self.dtype, where=self.recorder.line)
        if value.dtype != self.dtype:
            if value.dtype.kind == "c" and self.dtype.kind != "c":
                value = graph.call("real", value)
            value = graph.call("astype", value, self.dtype, where=self.recorder.line)
        if value.shape != self.shape:
            gap = value.ndim - self.ndim
            if gap > 0:
                value = graph.call("reshape", value, value.shape[gap:])
            value = graph.call("broadcast_to", value, self.shape, where=self.recorder.line)
        form, root = self.form, memory.form
        if self.parent is None:
            made = value
        elif form.dtype.itemsize != root.dtype.itemsize:
            raise Untraceable("a write through a view of another dtype")
        else:  # the memory in the order of its elements, where the view lies at an offset with strides
            order = sorted(range(root.ndim), key=lambda k: (-abs(root.strides[k]), k))
            ordered = root.transpose(order)
            if not ordered.flags.c_contiguous:
                raise Untraceable("a write into a part of memory that has gaps")
            turned = list(order) != list(range(root.ndim))
            if form.size == root.size and form.flags.c_contiguous and form.ctypes.data == root.ctypes.data:
                made = graph.call("reshape", value, ordered.shape)
            else:
                item = form.itemsize
                strides = tuple(s // item for s in form.strides)
                offset = (form.ctypes.data - root.ctypes.data) // item if form.size else 0
                old = graph.call("permute_dims", memory.value, tuple(order)) if turned else memory.value
                made = graph.call("strided_set", old, value, strides, offset, where=self.recorder.line)
            if turned:
                made = graph.call("permute_dims", made, tuple(order.index(k) for k in range(root.ndim)))
        memory.value = made
        memory.version += 1

    def view(self, dtype=None, type=None):
        """The array itself, or its bytes read as another dtype."""
        if dtype is None or dtype is ndarray or np.dtype(dtype) == self.dtype:
            return self
        return self._shown("bitcast", np.dtype(dtype))

    def _shown(self, word: str, *args):
        """A view by a word; a copy where NumPy would have to copy."""
        form = compute(word, (self.form, *args), {})
        if type(form) is not ndarray:  # a number out of an array
            return self.recorder.call(word, self, *args)
        if form.size and np.may_share_memory(form, self.form):
            return Traced(self.recorder, self.memory, self, (word, args), form)
        return self.recorder.call(word, self, *args)

    def copy(self, order="C"):
        """The same value in memory of its own."""
        if order in ("K", "A") and not self.form.flags.c_contiguous:
            twin = self.recorder.fresh(self.read())
            twin.form = twin.memory.form = np.empty_like(self.form)
            return twin
        return self.recorder.fresh(self.read())

    def __getitem__(self, key):
        if not views(key):
            return self.recorder.call("getitem", self, key)
        parts = key if type(key) is tuple else (key,)
        return self._shown("getitem", parts if Ellipsis in parts else (*parts, Ellipsis))  # with `...` NumPy gives an array, not a number

    def __setitem__(self, key, x):
        if views(key):
            self[key].write(x)
            return
        made = self.recorder.call("index_set", self, key, x if isinstance(x, (Traced, ndarray)) else np.asarray(x, self.dtype))
        self.write(made)

    # ---- numbers, of which there are none -----------------------------------------------------------------------

    def _unreadable(self, *args, **kwargs):
        raise Untraceable("the numbers of a tensor that is computed by the program being compiled")

    __bool__ = __int__ = __float__ = __complex__ = __index__ = __iter__ = __contains__ = __array__ = _unreadable  # type: ignore[assignment]
    item = tolist = tobytes = nonzero = _unreadable
    __format__ = _unreadable  # type: ignore[assignment]
    ctypes = data = property(_unreadable)

    def __repr__(self):
        return f"<traced {self.dtype}{list(self.shape)}>"

    def whole(self):
        """The array of all of the memory."""
        while self.parent is not None:
            self = self.parent
        return self

    def within(self, low: int, high: int, besides=None) -> tuple:
        """(low, high - 1): the program is right only where the numbers lie in range(low, high), which is looked at before each call.

        Where the numbers at hand are `besides` as well, that is allowed from now on, and the limits include it.
        """
        real, index = self.memory.real, self.read()
        if besides is not None and real is not None and not low <= besides < high and (real == besides).any():
            if self.recorder.bounded(index, low, high, besides):
                return min(low, besides), max(high - 1, besides)
        if not self.recorder.bounded(index, low, high):
            raise Untraceable("an index that the program itself computes, whose range is not known,")
        return low, high - 1

    # ---- methods of arrays --------------------------------------------------------------------------------------

    def astype(self, dtype, copy=True, **kwargs):
        """The values in another dtype."""
        dtype = np.dtype(dtype)
        if dtype == self.dtype:
            return self.copy() if copy else self
        return self.recorder.call("astype", self, dtype)

    def reshape(self, *shape, order="C", copy=None):
        """The same elements in another shape."""
        wanted = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else tuple(shape)
        if copy is False:
            self.form.reshape(wanted, copy=False)
        return self._shown("reshape", wanted)

    def ravel(self, order="C"):
        """One dimension."""
        return self.reshape(-1)

    def flatten(self, order="C"):
        """One dimension, copied."""
        return self.reshape(-1).copy()

    def transpose(self, *axes):
        """The dimensions in another order."""
        axes = axes[0] if len(axes) == 1 and not isinstance(axes[0], (int, np.integer)) else axes
        order = tuple(reversed(range(self.ndim))) if not axes else tuple(int(a) for a in axes)
        return self._shown("permute_dims", order)

    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))

    def swapaxes(self, a, b):
        """Two dimensions exchanged."""
        order = list(range(self.ndim))
        order[a], order[b] = order[b], order[a]
        return self.transpose(tuple(order))

    def squeeze(self, axis=None):
        """Without dimensions of size 1."""
        axis = tuple(i for i, n in enumerate(self.shape) if n == 1) if axis is None else axis
        return self._shown("squeeze", axis)

    @property
    def real(self):
        """The real part."""
        return self if self.dtype.kind != "c" else self.recorder.call("real", self)

    @property
    def imag(self):
        """The imaginary part."""
        return self.recorder.call("imag", self)

    def conj(self):
        """The complex conjugate."""
        return self if self.dtype.kind != "c" else self.recorder.call("conj", self)

    def fill(self, x):
        """Write one number everywhere."""
        self.write(x)

    def _reduce(self, word, axis=None, dtype=None, out=None, keepdims=False, **kwargs):
        initial = kwargs.pop("initial", None)
        if initial is not None and initial is not np._NoValue and word in ("max", "min"):
            shape = self.form.sum(axis=axis, keepdims=keepdims).shape
            if not self.size:
                return into(out, self.recorder.call("full", shape, initial, self.dtype))
            made = self._reduce(word, axis, dtype, None, keepdims, **kwargs)
            return into(out, np.maximum(made, initial) if word == "max" else np.minimum(made, initial))
        if initial is not None:
            kwargs["initial"] = initial
        if {k: v for k, v in kwargs.items() if v is not None and v is not np._NoValue}:
            raise Untraceable(f"{word} with {', '.join(kwargs)}")
        x = self if dtype is None or np.dtype(dtype) == self.dtype else self.astype(dtype)
        made = self.recorder.call(word, x, axis=axis if axis is None or isinstance(axis, int) else tuple(axis), keepdims=bool(keepdims))
        return into(out, made)

    def sum(self, axis=None, dtype=None, out=None, keepdims=False, **kwargs):
        """Σ over axes."""
        return self._reduce("sum", axis, dtype, out, keepdims, **kwargs)

    def prod(self, axis=None, dtype=None, out=None, keepdims=False, **kwargs):
        """∏ over axes."""
        return self._reduce("prod", axis, dtype, out, keepdims, **kwargs)

    def mean(self, axis=None, dtype=None, out=None, keepdims=False, **kwargs):
        """The average over axes."""
        return self._reduce("mean", axis, dtype, out, keepdims, **kwargs)

    def max(self, axis=None, out=None, keepdims=False, **kwargs):
        """The largest over axes."""
        return self._reduce("max", axis, None, out, keepdims, **kwargs)

    def min(self, axis=None, out=None, keepdims=False, **kwargs):
        """The smallest over axes."""
        return self._reduce("min", axis, None, out, keepdims, **kwargs)

    def all(self, axis=None, out=None, keepdims=False, **kwargs):
        """Whether all are true."""
        return self._reduce("all", axis, None, out, keepdims, **kwargs)

    def any(self, axis=None, out=None, keepdims=False, **kwargs):
        """Whether any is true."""
        return self._reduce("any", axis, None, out, keepdims, **kwargs)

    def argmax(self, axis=None, out=None, *, keepdims=False):
        """Where the largest lies."""
        return self.recorder.call("argmax", self, axis=axis, keepdims=keepdims)

    def argmin(self, axis=None, out=None, *, keepdims=False):
        """Where the smallest lies."""
        return self.recorder.call("argmin", self, axis=axis, keepdims=keepdims)


def into(out, made):
    """`made`, or `out` with it written over."""
    if out is None:
        return made
    if type(out) is not Traced:
        twin = made.recorder.known.get(id(out)) if type(made) is Traced else None
        if twin is None or twin[1].memory.source is None:
            raise Untraceable("a write into an array that the program being compiled does not know")
        out = twin[1]
    out.write(made)
    return out
