"""Looking into the graph, and deciding how it keeps what backward needs: hooks on saved tensors, edges."""

import threading

import numpy as np

from ..errors.teaching import AssertionError, RuntimeError, TypeError, ValueError
from ..ops import op
from ..tensor import Tensor, make
from .node import AccumulateGrad, Node, Port

__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge", "increment_version",
    "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip

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
    """What a pack hook returned for one saved array, and the hook that turns it back."""

    __slots__ = ("unpack", "value")

    def __init__(self, value, unpack):
        self.value, self.unpack = value, unpack


def _loaded(v):
    """A saved value with what was packed in it turned back."""
    if type(v) is tuple and any(type(w) is _Packed for w in v):
        return tuple(map(_loaded, v))
    if type(v) is not _Packed:
        return v
    t = v.unpack(v.value)
    if not isinstance(t, Tensor):
        raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got {type(t).__name__}")
    return t._a


def pack_node(node, pack, unpack, only: int | None = None) -> None:
    """Put a node's saved arrays (or that at the place `only`) through `pack`; backward will ask `unpack`."""

    def packed(v):
        if type(v) is tuple and any(type(w) is np.ndarray for w in v):
            return tuple(packed(w) for w in v)
        return _Packed(pack(make(v)), unpack) if type(v) is np.ndarray else v

    node.saved = tuple(packed(v) if only in (None, i) else v for i, v in enumerate(node.saved))
    if only is None:
        node.cells = ()  # the hook has the value: later writes to the tensor don't matter
    node.more()["unpack"] = lambda saved: tuple(map(_loaded, saved))


class SavedTensor:
    """One value saved by a node, found as `node._raw_saved_self` and the like; it takes hooks of its own."""

    def __init__(self, node, place: int):
        self._node, self._place = node, place

    def register_hooks(self, pack_hook, unpack_hook) -> None:
        """Let this value alone go through `pack_hook` now and `unpack_hook` in backward.

        RuntimeError: it has hooks already, or was freed.

        >>> import lightwell as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> y = x.exp()
        >>> y.grad_fn._raw_saved_result.register_hooks(lambda t: t.numpy(), lambda a: torch.from_numpy(a))
        >>> y.sum().backward(); x.grad
        tensor([2.7183, 2.7183])
        """
        if self._node.saved is None:
            raise RuntimeError("Calling register_hooks on a saved tensor after it has been freed.")
        if type(self._node.saved[self._place]) is _Packed:
            raise RuntimeError("Calling register_hooks on a saved tensor whose hooks have already been set.")
        pack_node(self._node, pack_hook, unpack_hook, self._place)


class save_on_cpu(saved_tensors_hooks):
    """Keep saved tensors as copies in main memory: on the CPU that frees the originals for writing in place.

    `pin_memory` is accepted for PyTorch's sake.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        super().__init__(lambda t: t.clone(), lambda t: t)


class allow_mutation_on_saved_tensors(saved_tensors_hooks):
    """Within it, what operations save for backward is a copy, so that the tensors themselves may be written over.

    >>> import lightwell as torch
    >>> a = torch.ones(2, requires_grad=True)
    >>> with torch.autograd.graph.allow_mutation_on_saved_tensors():
    ...     b = a.clone()
    ...     out = (b**2).sum()
    ...     _ = b.sin_()
    >>> out.backward(); a.grad
    tensor([2., 2.])
    """

    def __init__(self):
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


class _Handles:
    """The handles of several hooks, removed together."""

    def __init__(self, handles):
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()


def register_multi_grad_hook(tensors, fn, *, mode: str = "all"):
    """Call `fn` once in each backward that reaches some of `tensors`; returns a handle with `remove()`.

    mode "all": `fn(list)` when the gradients of all are there, with None for tensors that this backward doesn't reach
    (then at its end); "any": `fn(gradient)` with the first that is there. ValueError for another mode; AssertionError
    for a tensor that doesn't require grad.

    >>> import lightwell as torch
    >>> a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    >>> handle = torch.autograd.graph.register_multi_grad_hook((a, b), lambda grads: print(*grads))
    >>> (a * b * 2).backward()
    tensor([2.]) tensor([2.])
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    tensors = tuple(tensors)
    if not all(t.requires_grad for t in tensors):
        raise AssertionError("register_multi_grad_hook: every tensor must require grad, for the hook waits for their gradients")
    found: dict = {}  # of the backward in progress: place in `tensors` -> gradient

    def finish():
        if found:  # some tensors weren't reached
            grads = [found.get(i) for i in range(len(tensors))]
            fired = found.pop("fired", False)
            found.clear()
            if mode == "all" and not fired:
                fn(grads)

    def hook(i, grad):
        if not found:
            queue_callback(finish)
        if mode == "any":
            if not found:
                found[i] = grad
                fn(grad)
            return
        found[i] = grad
        if all(k in found for k in range(len(tensors))):
            grads = [found[k] for k in range(len(tensors))]
            found["fired"] = True
            fn(grads)

    from .engine import queue_callback

    return _Handles(t.register_hook(lambda grad, i=i: hook(i, grad)) for i, t in enumerate(tensors))
