"""Sizes that follow a dynamic axis, found by running a module several times with different sizes.

A `Sym` is an integer that had another value in each run; arithmetic on it is done for all runs at once. `merge` lays the
captures of the runs side by side: what is equal in all is a constant, integers that differ become Syms.
"""

import numpy as np

from ..utils._capture import Value
from .errors import SymbolicValueError

RUNS = 3


class Sym(int):
    """An integer with one value for each run; as an int it is that of the first."""

    def __new__(cls, values):
        values = tuple(int(v) for v in values)
        if len(set(values)) == 1:
            return values[0]
        made = int.__new__(cls, values[0])
        made.values = values
        return made

    __hash__ = int.__hash__

    def __eq__(self, other):
        return values_of(self) == values_of(other) if isinstance(other, int) else NotImplemented

    def __ne__(self, other):
        return not self == other

    def __neg__(self):
        return Sym(-v for v in self.values)

    def __repr__(self):
        return "/".join(map(str, self.values))

    __str__ = __repr__


def _both(name):
    plain = getattr(int, name)

    def method(self, other):
        if not isinstance(other, int):
            return NotImplemented
        return Sym(plain(a, b) for a, b in zip(self.values, values_of(other)))

    return method


for _name in ("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__floordiv__", "__rfloordiv__", "__mod__", "__rmod__"):
    setattr(Sym, _name, _both(_name))


def values_of(n) -> tuple:
    """The values of an integer in all runs."""
    return n.values if type(n) is Sym else (int(n),) * RUNS


class Varying:
    """A value that no operation made and that was another in each run: `arrays`."""

    def __init__(self, value, arrays):
        self.value, self.arrays = value, arrays
        self.shape, self.dtype, self.kind = value.shape, value.dtype, "varying"


class Numbers:
    """A float with another value in each run; only translations that know where it comes from can do with it."""

    def __init__(self, values, step):
        self.values, self.step = tuple(values), step

    def _refused(self, *_):
        raise SymbolicValueError(
            f"'{self.step.name}' in {self.step.scope or 'the module itself'} takes the number {self.values[0]}, which is another for "
            "another input: a number read from a tensor (item()) or computed from a dynamic size can't follow it in a graph"
        )

    __float__ = __array__ = __eq__ = __rtruediv__ = _refused
    __hash__ = None


class Merged:
    """Several captures of one module as one: the steps of the first, sizes and integers of all."""

    def __init__(self, captures):
        first = captures[0]
        self.steps, self.inputs, self.outputs = first.steps, first.inputs, first.outputs
        self.modules, self.result = first.modules, first.result
        self._dims: dict = {}  # id of a Value -> its sizes
        self._varying: dict = {}
        names = [[s.name for s in c.steps] for c in captures]
        if any(n != names[0] for n in names):
            at = next(i for i in range(max(map(len, names))) if len({n[i] if i < len(n) else None for n in names}) > 1)
            step = first.steps[at] if at < len(first.steps) else None
            raise SymbolicValueError(
                "the module runs other operations for other inputs"
                + (f" from '{step.name}' in {step.scope or 'the module itself'} on" if step else "")
                + ": a loop or branch depends on a dynamic size or on a tensor's numbers. Fix that axis, or take the branch out of forward()."
            )
        for inputs in zip(*(c.inputs for c in captures)):
            self._pair(inputs)
        self.args = []
        for steps in zip(*(c.steps for c in captures)):
            self.args.append(tuple(self._merge([s.args[i] for s in steps], steps[0]) for i in range(len(steps[0].args))))
            for outputs in zip(*(s.outputs for s in steps)):
                if outputs[0] is not None:
                    self._pair(outputs)
        self.outputs = [self._value(list(vs), None) for vs in zip(*(c.outputs for c in captures))]

    def _pair(self, values) -> None:
        ranks = {len(v.shape) for v in values}
        if len(ranks) > 1:
            raise SymbolicValueError("a tensor has another number of dimensions for another size of a dynamic axis")
        self._dims[id(values[0])] = tuple(Sym(v.shape[i] for v in values) for i in range(len(values[0].shape)))

    def dims(self, value) -> tuple:
        """The sizes of a Value, Syms where they follow a dynamic axis."""
        if isinstance(value, Varying):
            return tuple(Sym(a.shape[i] for a in value.arrays) for i in range(value.arrays[0].ndim))
        return self._dims.get(id(value), tuple(value.shape))

    def _value(self, values, step):
        first = values[0]
        kinds = {v.kind for v in values}
        if kinds == {"constant"}:
            arrays = [v.array for v in values]
            if all(a.shape == arrays[0].shape and np.array_equal(a, arrays[0], equal_nan=a.dtype.kind == "f") for a in arrays):
                return first
            found = self._varying.get(id(first))
            if found is None:
                found = self._varying[id(first)] = Varying(first, arrays)
            return found
        if len(kinds) == 1:
            return first
        # In one run the numbers happened to be those of another tensor: by its content it is a constant.
        arrays = [v.array for v in values]
        made = Value("constant", np.array(first.array))
        if all(a.shape == made.shape and np.array_equal(a, made.array) for a in arrays):
            return made
        return Varying(made, arrays)

    def _merge(self, values, step):
        first = values[0]
        if isinstance(first, Value):
            return self._value(values, step)
        if type(first) in (list, tuple):
            if len({len(v) for v in values}) > 1:
                raise SymbolicValueError(f"'{step.name}' takes another number of arguments for another size of a dynamic axis")
            return type(first)(self._merge(list(vs), step) for vs in zip(*values))
        if isinstance(first, slice):
            parts = [self._merge([getattr(v, part) for v in values], step) for part in ("start", "stop", "step")]
            return slice(*parts)
        if isinstance(first, bool) or not isinstance(first, (int, np.integer)):
            return Numbers(values, step) if isinstance(first, float) and len({repr(v) for v in values}) > 1 else first
        if any(v is None for v in values):
            raise SymbolicValueError(f"'{step.name}' takes a size for some inputs and none for others")
        return Sym(values)
