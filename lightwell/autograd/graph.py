"""Looking into the graph, and deciding how it keeps what backward needs: hooks on saved tensors, edges."""

import threading

import numpy as np

from ..ops import op
from ..tensor import Tensor, make
from .node import AccumulateGrad, Node, Port

__all__ = ["GradientEdge", "Node", "disable_saved_tensors_hooks", "get_gradient_edge", "save_on_cpu", "saved_tensors_hooks"]

_local = threading.local()


def current_hooks():
    """The innermost (pack, unpack) pair of this thread; None without any."""
    stack = _local.__dict__.get("hooks")
    return stack[-1] if stack else None


class saved_tensors_hooks(op.interpose):
    """Within it, what operations save for backward goes through `pack_hook(tensor)`, and in backward through
    `unpack_hook(packed)`, which must give back a tensor of equal content.

    Useful to keep saved tensors elsewhere (on disk, in half precision) or to count them. The innermost pair acts.

    >>> import lightwell as torch
    >>> sizes = []
    >>> def pack(t):
    ...     sizes.append(t.numel())
    ...     return t
    >>> x = torch.ones(3, requires_grad=True)
    >>> with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
    ...     y = x.exp().sum()
    >>> sizes
    [3]
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        super().__init__(self._pack)

    def __enter__(self):
        refused = _local.__dict__.get("refused")
        if refused is not None:
            raise RuntimeError(refused)
        _local.__dict__.setdefault("hooks", []).append((self.pack_hook, self.unpack_hook))
        return super().__enter__()

    def __exit__(self, *exc):
        super().__exit__(*exc)
        _local.hooks.pop()

    def _pack(self, rec, call, args):
        out = call(*args)
        if current_hooks() is not None and current_hooks()[0] is self.pack_hook:
            first = out if isinstance(out, Tensor) else next((t for t in out if isinstance(t, Tensor) and t._node), None)
            node = None if first is None else first._node
            node = node.node if type(node) is Port else node
            if node is not None and node.record is rec and rec.holds:
                pack_node(node, self.pack_hook, self.unpack_hook)
        return out


class _Packed:
    """What a pack hook returned for one saved array."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


def pack_node(node, pack, unpack) -> None:
    """Put a node's saved arrays through `pack`; backward will ask `unpack`."""

    def packed(v):
        if type(v) is tuple and any(type(w) is np.ndarray for w in v):
            return tuple(packed(w) for w in v)
        if type(v) is not np.ndarray:
            return v
        return _Packed(pack(make(v)))

    def loaded(v):
        if type(v) is tuple and any(type(w) is _Packed for w in v):
            return tuple(loaded(w) for w in v)
        if type(v) is not _Packed:
            return v
        t = unpack(v.value)
        if not isinstance(t, Tensor):
            raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got {type(t).__name__}")
        return t._a

    node.saved = tuple(packed(v) for v in node.saved)
    node.cells = ()  # the hook has the value: later writes to the tensor don't matter
    node.more()["unpack"] = lambda saved: tuple(loaded(v) for v in saved)


class save_on_cpu(saved_tensors_hooks):
    """Keep saved tensors as copies in main memory: on the CPU that frees the originals for writing in place.

    `pin_memory` is accepted for PyTorch's sake.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        super().__init__(lambda t: t.clone(), lambda t: t)


class disable_saved_tensors_hooks:
    """Within it, `saved_tensors_hooks` raises RuntimeError with this message."""

    def __init__(self, error_message: str):
        self.message = error_message

    def __enter__(self):
        self._before = _local.__dict__.get("refused")
        _local.refused = self.message

    def __exit__(self, *exc):
        _local.refused = self._before


class GradientEdge(tuple):
    """A place in the graph, as (node, output_nr): `autograd.grad` and `backward` take it in a tensor's stead."""

    __slots__ = ()

    def __new__(cls, node, output_nr, ownership_token=None):
        return super().__new__(cls, (node, output_nr))

    @property
    def node(self):
        """The node."""
        return self[0]

    @property
    def output_nr(self) -> int:
        """Which of the node's outputs."""
        return self[1]

    @property
    def requires_grad(self) -> bool:
        """True: only such places have an edge."""
        return True

    @property
    def _node(self):
        node, nr = self
        if isinstance(node, AccumulateGrad):
            return node.variable
        return node if node.outputs == 1 else Port(node, nr)


def get_gradient_edge(tensor) -> GradientEdge:
    """The place in the graph where the gradient of `tensor` arrives; RuntimeError where it doesn't require grad."""
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(tensor.grad_fn or AccumulateGrad(tensor), tensor.output_nr)


def increment_version(tensor) -> None:
    """Tell autograd that the memory of a tensor (or of several) was written behind its back."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        t._bump()
