"""The ONNX graph while it is built: nodes, weights, names, and sizes computed from the shapes of tensors."""

import itertools

import numpy as np

from ..utils._capture import Value
from .errors import SymbolicValueError, UnsupportedOperatorError
from .sizes import Sym, Varying, values_of


class Graph:
    """What is built, for `merged` captures and an opset. Translations call `op`, `name`, `const`, `ints`."""

    def __init__(self, merged, opset: int, onnx):
        self.merged, self.opset, self.onnx = merged, opset, onnx
        self.nodes, self.initializers = [], {}
        self._names: dict = {}  # id of a Value -> its name in the graph
        self._keep: list = []
        self._constants: dict = {}
        self._sizes: dict = {}  # values of a size in all runs -> the tensor name and axis that have it
        self._scalars: dict = {}  # the same -> the name of a 1-element tensor that holds it
        self._counts: dict = {}
        self.step = None

    # ---- names ----------------------------------------------------------------------------------------------------------

    def fresh(self, hint: str) -> str:
        """A name that isn't taken."""
        n = self._counts.get(hint, 0)
        self._counts[hint] = n + 1
        return hint if n == 0 else self.fresh(f"{hint}_{n}")

    def bind(self, value, name: str) -> None:
        """Say by which name a Value goes."""
        self._names[id(value)] = name
        self._keep.append(value)
        for axis, size in enumerate(self.merged.dims(value)):
            if type(size) is Sym:
                self._sizes.setdefault(size.values, (name, axis))

    def name(self, value) -> str:
        """The name of a Value; weights and constants enter the graph here."""
        found = self._names.get(id(value))
        if found is not None:
            return found
        if isinstance(value, Varying):
            from .varying import rebuilt

            name = rebuilt(self, value)
        elif value.kind == "parameter":
            name = self.fresh(value.name)
            self.initializers[name] = np.ascontiguousarray(value.array)
        elif value.kind == "constant":
            name = self.const(value.array, "constant")
        else:
            raise SymbolicValueError(self.told("reads a tensor that no translated operation gives"))
        self._names[id(value)] = name
        self._keep.append(value)
        return name

    def const(self, array, hint: str = "constant") -> str:
        """The name of a constant tensor."""
        array = np.ascontiguousarray(array) if np.ndim(array) else np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        found = self._constants.get(key)
        if found is None:
            found = self._constants[key] = self.fresh(hint)
            self.initializers[found] = array
        return found

    def op(self, kind: str, *inputs, outputs: int = 1, **attributes):
        """Add a node; the name of its output, or a list of names. An input of None is left out."""
        names = [self.fresh(f"{kind}_{i}" if i else kind) for i in range(outputs)]
        attributes = {k: v for k, v in attributes.items() if v is not None}
        for key, v in attributes.items():
            for n in v if isinstance(v, (list, tuple)) else (v,):
                if type(n) is Sym:
                    raise SymbolicValueError(self.told(f"needs {key} = {n}, which follows a dynamic axis; ONNX's {kind} takes a fixed one"))
        given = [i or "" for i in inputs]
        while given and not given[-1]:
            given.pop()
        scope = self.step.scope.replace(".", "/") if self.step is not None else ""
        node = self.onnx.helper.make_node(kind, given, names, name=self.fresh(f"{scope}/{kind}" if scope else kind), **attributes)
        self.nodes.append(node)
        return names[0] if outputs == 1 else names

    def told(self, what: str) -> str:
        """An error message that says where."""
        step = self.step
        if step is None:
            return what
        module = self.merged.modules.get(step.scope)
        where = f"{step.scope or 'the module itself'} ({type(module).__name__})" if module is not None else step.scope or "the function"
        return f"'{step.name}' in {where} {what}"

    def unsupported(self, why: str):
        """The error for what has no translation."""
        return UnsupportedOperatorError(self.told(why))

    # ---- values ---------------------------------------------------------------------------------------------------------

    def dims(self, value) -> tuple:
        """The sizes of a Value."""
        return self.merged.dims(value)

    def operand(self, value, dtype) -> str:
        """A Value, or a number, in a NumPy dtype."""
        if isinstance(value, (Value, Varying)):
            name = self.name(value)
            return name if value.dtype == dtype else self.cast(name, dtype)
        if type(value) is Sym:
            return self.cast(self.op("Squeeze", self.ints([value]), self.const(np.array([0]))), dtype)
        return self.const(np.asarray(value, dtype))

    def kind(self, dtype) -> int:
        """ONNX's number for a NumPy dtype."""
        return self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def cast(self, name: str, dtype) -> str:
        """A tensor in another dtype."""
        return self.op("Cast", name, to=self.kind(dtype))

    # ---- sizes ----------------------------------------------------------------------------------------------------------

    def ints(self, numbers) -> str:
        """A list of integers as a 1-dimensional int64 tensor; those that follow a dynamic axis are computed from shapes."""
        numbers = list(numbers)
        if not any(type(n) is Sym for n in numbers):
            return self.const(np.array(numbers, np.int64).reshape(len(numbers)))
        parts, fixed = [], []
        for n in [*numbers, None]:
            if fixed and (n is None or type(n) is Sym):
                parts.append(self.const(np.array(fixed, np.int64)))
                fixed = []
            if type(n) is Sym:
                parts.append(self.size(n))
            elif n is not None:
                fixed.append(n)
        return parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=0)

    def size(self, n) -> str:
        """One size as a tensor of one element."""
        if type(n) is not Sym:
            return self.const(np.array([n], np.int64))
        found = self._scalars.get(n.values)
        if found is None:
            found = self._scalars[n.values] = self._computed(n.values)
        return found

    def _read(self, values) -> str:
        name, axis = self._sizes[values]
        return self.op("Gather", self.op("Shape", name), self.const(np.array([axis], np.int64)), axis=0)

    def _computed(self, wanted: tuple) -> str:
        """A size in terms of the sizes of tensors: one of them, or times, over, plus or minus a constant, or a product of two."""
        known = list(self._sizes)
        if wanted in self._sizes:
            return self._read(wanted)
        flipped = tuple(-v for v in wanted)
        if flipped in self._sizes:
            return self.op("Neg", self._read(flipped))
        for values in known:
            ratios = {(w // v if v and w % v == 0 else None) for w, v in zip(wanted, values)}
            if len(ratios) == 1 and None not in ratios:
                return self.op("Mul", self.size(Sym(values)), self.const(np.array([ratios.pop()], np.int64)))
        for values in known:
            parts = {(v // w if w and v % w == 0 else None) for w, v in zip(wanted, values)}
            if len(parts) == 1 and None not in parts:
                return self.op("Div", self.size(Sym(values)), self.const(np.array([parts.pop()], np.int64)))
        for values in known:
            apart = {w - v for w, v in zip(wanted, values)}
            if len(apart) == 1:
                return self.op("Add", self.size(Sym(values)), self.const(np.array([apart.pop()], np.int64)))
        for a, b in itertools.combinations_with_replacement(known, 2):
            ratios = {(w // (x * y) if x * y and w % (x * y) == 0 else None) for w, x, y in zip(wanted, a, b)}
            if len(ratios) == 1 and None not in ratios:
                product = self.op("Mul", self.size(Sym(a)), self.size(Sym(b)))
                k = ratios.pop()
                return product if k == 1 else self.op("Mul", product, self.const(np.array([k], np.int64)))
        for values in known:
            for by in (2, 3, 4, 8):
                for rest in {w - v // by for w, v in zip(wanted[:1], values[:1])}:
                    if all(w == v // by + rest for w, v in zip(wanted, values)):
                        half = self.op("Div", self.size(Sym(values)), self.const(np.array([by], np.int64)))
                        return half if rest == 0 else self.op("Add", half, self.const(np.array([rest], np.int64)))
        raise SymbolicValueError(
            self.told(
                f"needs a size that is {'/'.join(map(str, wanted))} when the dynamic axes are tried at several sizes; it is none of the "
                "tensors' sizes, nor a multiple, part, sum or product of them. Fix the axis, or write the size with x.shape."
            )
        )

    def static(self, n, what: str) -> int:
        """An integer that must not follow a dynamic axis."""
        if type(n) is Sym:
            raise SymbolicValueError(
                self.told(f"has {what} = {n}, which follows a dynamic axis, and has a translation for a fixed one only")
            )
        return int(n)

    def same(self, *sizes) -> bool:
        """Whether sizes are equal in all runs."""
        return len({values_of(n) for n in sizes}) == 1
