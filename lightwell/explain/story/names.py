"""What the quantities of a graph are called: by the caller's variables and by the model's parameter names."""

import sys

import numpy as np

from ...tensor import Tensor


def callers_frame(depth: int = 1):
    """The innermost frame outside this package."""
    frame = sys._getframe(depth)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("lightwell."):
        frame = frame.f_back
    return frame


class Known:
    """Names of tensors and modules that the caller can see.

    `of_tensor` and `of_node` find the name of a tensor object or of the result of a node, `of_array` the name of a tensor that
    holds these very elements, and `like` that of the only tensor that has these values.
    """

    def __init__(self, frame=None, model=None):
        self.tensors: dict[int, str] = {}  # id of a tensor -> name
        self.nodes: dict = {}  # (node, output number) -> name
        self.arrays: dict[tuple, str] = {}  # where an array lies -> name
        self.constants: list[tuple[str, np.ndarray]] = []
        self.named: dict[str, np.ndarray] = {}
        self._kept: list = []  # ids stay true as long as this lives
        if model is not None:
            self.module("", model)
        if frame is not None:
            spaces = [frame.f_locals] if frame.f_locals is frame.f_globals else [frame.f_locals, frame.f_globals]
            found = [(n, v) for space in spaces for n, v in list(space.items()) if not n.startswith("_") and n.isidentifier()]
            if model is None:
                for name, value in found:
                    if hasattr(value, "named_parameters") and hasattr(value, "named_buffers") and not isinstance(value, type):
                        self.module("" if name == "self" else name + ".", value)
            for name, value in found:
                if isinstance(value, Tensor):
                    self.tensor(name, value)
            for name, value in found:
                if isinstance(value, np.ndarray):
                    self.array(name, value)

    def tensor(self, name: str, t: Tensor) -> None:
        """Take the name of one tensor; the first name that is taken stays."""
        if not hasattr(t, "_a") or type(t._a) is not np.ndarray:
            return
        self._kept.append(t)
        node = t._node
        if node is not None:
            key = (getattr(node, "node", node), getattr(node, "nr", 0))
            self.nodes.setdefault(key, name)
        else:
            self.tensors.setdefault(id(t), name)
        self.array(name, t._a)

    def array(self, name: str, a: np.ndarray) -> None:
        """Take the name of the memory of an array."""
        self._kept.append(a)
        self.arrays.setdefault(_place(a), name)
        self.constants.append((name, a))
        self.named.setdefault(name, a)

    def module(self, prefix: str, module) -> None:
        """Take the names of a module's parameters and buffers, after `prefix`."""
        try:
            for name, t in (*module.named_parameters(), *module.named_buffers()):
                self.tensor(prefix + name, t)
        except Exception:  # something that only looks like a module
            return

    def of_tensor(self, t) -> str | None:
        """The name of a leaf."""
        return self.tensors.get(id(t))

    def of_node(self, node, nr: int) -> str | None:
        """The name of what a node gave."""
        return self.nodes.get((node, nr))

    def of_array(self, a) -> str | None:
        """The name of the tensor with these elements: the same memory, or the only one with the same numbers."""
        found = self.arrays.get(_place(a))
        if found is not None or a.size < 2:
            return found
        same = {n for n, c in self.constants if c.size == a.size and c.dtype.kind in "iub" and a.dtype.kind in "iub" and _equal(c, a)}
        return same.pop() if len(same) == 1 else None

    def like(self, a) -> str | None:
        """The only name whose tensor has the values of `a`, up to rounding."""
        same = {n for n, c in self.constants if c.shape == a.shape and c.dtype.kind in "fiu" and np.allclose(c, a, rtol=1e-3, atol=1e-5)}
        return same.pop() if len(same) == 1 else None


def _equal(a, b) -> bool:
    return bool(np.array_equal(a.reshape(-1), b.reshape(-1)))


def _place(a) -> tuple:
    return (a.__array_interface__["data"][0], a.shape, a.strides, a.dtype.str) if a.size else ("empty", id(a))
