"""Writing in place: the twin of an operation is the operation, written over its first tensor.

A write bumps the version that all views of the memory share, so that backward can refuse saved values that are gone.
Where a graph is recorded, the tensor takes the result's node as its own. A write through a view gives the *base* a new
node (the old base with the region replaced) and every view of it a new one, made at the next look (`regenerate`).
"""

import sys
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd import modes
from ..autograd.node import Node, Port, tick
from ..errors import traced
from ..errors.teaching import RuntimeError, TypeError
from ..tensor import REBASED, STAMP, VERSION, WRITER, Tensor
from .op import op, registry

new = object.__new__


@op
class as_strided_:
    r"""y[i…] = memory of x at offset + Σ iₖ·strideₖ.   Each element of y is one of x: gx adds gy up where it came from."""

    node_name = "AsStridedBackward0"

    def forward(xp, x, /, size, stride, offset, order):
        return xp.strided(xp.permute_dims(x, order), size, stride, offset)

    def grad_x(xp, gy, x_shape, stride, offset, order):
        inner = tuple(x_shape[k] for k in order)
        return xp.permute_dims(xp.strided_add(inner, gy, stride, offset), inverse(order))


@op
class strided_add_:
    r"""The adjoint of as_strided: zeros of `shape` (flat, C order) with v added at offset + Σ iₖ·strideₖ;  gv = gy there."""

    def forward(xp, v, /, shape, stride, offset):
        return xp.strided_add(shape, v, stride, offset)

    def grad_v(xp, gy, v_shape, stride, offset):
        return xp.strided(gy, v_shape, stride, offset)


@op
class copy_slices_:
    r"""z = x with the region (offset, stride) replaced by v.   gx = gz, zero in the region;   gv = gz in the region."""

    node_name = "CopySlices"
    promotes = False

    def forward(xp, x, v, /, stride, offset, order):
        return xp.permute_dims(xp.strided_set(xp.permute_dims(x, order), v, stride, offset), inverse(order))

    def grad_x(xp, gy, v_shape, stride, offset, order):
        zero = xp.zeros_like(xp.strided(xp.permute_dims(gy, order), v_shape, stride, offset))
        return xp.permute_dims(xp.strided_set(xp.permute_dims(gy, order), zero, stride, offset), inverse(order))

    def grad_v(xp, gy, v_shape, stride, offset, order):
        return xp.strided(xp.permute_dims(gy, order), v_shape, stride, offset)


@op
class copy:
    r"""z = v, broadcast to x's shape and cast to its dtype.   gx = 0;   gv = gz."""

    node_name = "CopyBackwards"
    promotes = False
    broadcasts = True

    def forward(xp, x, v, /):
        return xp.astype(xp.broadcast_to(v, x.shape), x.dtype, copy=True)

    def grad_x(xp, gy):
        return xp.zeros_like(gy)

    def grad_v(xp, gy):
        return gy


def inverse(order) -> tuple:
    """The permutation that undoes `order`."""
    out = [0] * len(order)
    for i, k in enumerate(order):
        out[k] = i
    return tuple(out)


def geometry(base: np.ndarray, view: np.ndarray):
    """(strides, offset) of `view` in elements of `base`'s memory, and the order of `base`'s dimensions in memory."""
    item = base.itemsize
    order = tuple(sorted(range(base.ndim), key=lambda k: (-abs(base.strides[k]), k)))
    if not base.transpose(order).flags.c_contiguous:
        raise RuntimeError(
            f"in-place write through a view of a tensor of shape {list(base.shape)} and strides "
            f"{[s // item for s in base.strides]}, whose memory has gaps, can't be recorded: write to a contiguous() copy"
        )
    offset = (_address(view) - _address(base)) // item if view.size else 0
    return tuple(s // item for s in view.strides), offset, order


def _address(a) -> int:
    """Where the first element lies; of an array that is being traced, where it would lie."""
    return a.address if hasattr(a, "address") else a.ctypes.data


def regenerate(view: Tensor) -> None:
    """Give a view its place in the new history of its base."""
    base = view._base
    view._seen = view._cell[REBASED]
    if base._rg:
        whole, edge = _parts_of(base, view, base._node or base)
        stride, offset, order = geometry(whole, view._a)
        view._node = hang(as_strided_.record, (edge,), (None, None, whole.shape, view._a.shape, stride, offset, order))
        view._rg = True
    else:
        view._node, view._rg = None, False


def _parts_of(base: Tensor, view: Tensor, edge):
    """The base's array and edge as the view sees them: a real view of a complex base sees its real and imaginary parts."""
    if base._a.dtype is view._a.dtype or base._a.itemsize == view._a.itemsize:
        return base._a, edge
    if base._a.dtype.kind != "c" or view._a.dtype.kind != "f" or not base._a.flags.c_contiguous:
        raise RuntimeError(
            f"in-place write through a {view.dtype} view of a {base.dtype} tensor can't be recorded: write to a clone() and put it back"
        )
    whole = base._a.reshape(*base._a.shape, 1).view(view._a.dtype)
    return whole, None if edge is None else hang(registry["view_as_real"], (edge,), (None, None, None))


def hang(rec, edges, saved):
    """A node made by hand, for an operation whose value was written in place."""
    node = new(rec.node)
    node.edges, node.saved, node.cells, node.fit, node.extra, node.seq = edges, saved, (), None, None, tick()
    return node


written: Any = None  # set by compile.trace while it is at work: told of each tensor that is about to be written


def check_writable(t: Tensor, name: str, recording: bool) -> None:
    """RuntimeError where writing would change a leaf that gradients are wanted for, or write one memory place twice."""
    if recording and t.requires_grad:
        if t._node is None:
            raise RuntimeError(
                f"a leaf Variable that requires grad is being used in an in-place operation ({name}). "
                "Write under torch.no_grad(), or to t.data, if the graph should not know."
            )
        base = t._base
        if base is not None and base._rg and base._node is None:
            raise RuntimeError(
                f"a view of a leaf Variable that requires grad is being used in an in-place operation ({name}). "
                "Write under torch.no_grad(), or clone() the leaf first."
            )
    base = t._base
    if recording and base is not None and base._rg and not t._rg:
        raise RuntimeError(
            f"a view was created in no_grad mode and is being modified inplace ({name}) with grad mode enabled, while its base "
            "requires grad. Write under torch.no_grad() too, or make the view with grad mode on."
        )
    if recording and "_of_function" in t.__dict__:
        raise RuntimeError(
            f"{name}: this view was created inside a custom Function and can't be modified inplace, since the write would "
            "override the Function's own backward. clone() the Function's output first, or return a clone() from forward."
        )
    a = t._a
    if 0 in a.strides and any(s == 0 and n > 1 for s, n in zip(a.strides, a.shape)) and a.size:
        raise RuntimeError(
            f"{name}: unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )


def note(t: Tensor) -> None:
    """Note a write where no graph is recorded: the version goes up."""
    cell = t._cell
    if cell is None:
        cell = t._cell_now()
    cell[STAMP] = tick()
    cell[VERSION] += 1


def writing(t: Tensor, name: str) -> None:
    """Note a write: the version goes up, and the writer is remembered where somebody might have to be told."""
    cell = t._cell_now()
    cell[STAMP], cell[VERSION] = tick(), cell[VERSION] + 1
    if modes.state.grad:
        frame = sys._getframe(2)
        while frame is not None and frame.f_globals.get("__name__", "").startswith("lightwell."):
            frame = frame.f_back
        cell[WRITER] = (name, frame.f_code.co_filename, frame.f_lineno) if frame else (name, None, 0)


def rebase(t: Tensor, node) -> None:
    """Give a tensor that was written in place the node of its new value; through a view, the whole base."""
    base = t._base
    if base is None:
        t._node, t._rg = node, True
        if t._cell is not None:  # views made before take their place in the new history
            t._cell[REBASED] += 1
        _follow(t)
        return
    whole, old = _parts_of(base, t, (base._node or base) if base._rg else None)
    stride, offset, order = geometry(whole, t._a)
    base._node = hang(copy_slices_.record, (old, node), (None, None, None, whole.shape, t._a.shape, stride, offset, order))
    if whole is not base._a:
        base._node = hang(registry["view_as_complex"], (base._node,), (None, None, None))
    base._rg = True
    t._cell[REBASED] += 1
    regenerate(t)
    _follow(base)
    _follow(t)


def _follow(t: Tensor) -> None:
    """A tensor that retains its gradient retains that of its new value."""
    handle = t.__dict__.get("_retains")
    if handle is not None:
        handle.remove()
        t._retains = None
        t.retain_grad()


def keep_copies(node, t: Tensor, since: int) -> None:
    """Nodes recorded after `since` that saved memory which is about to be written keep a copy of it instead."""
    a, cell, copies = t._a, t._cell_now(), {}

    def kept(v):
        if type(v) is tuple:
            return tuple(kept(w) for w in v)
        if not (type(v) is np.ndarray or traced(v)) or not np.may_share_memory(v, a):
            return v
        if id(v) not in copies:
            copies[id(v)] = v.copy()
        return copies[id(v)]

    stack, seen = [node], set()
    while stack:
        node = stack.pop()
        node = node.node if type(node) is Port else node
        if isinstance(node, Node) and node.seq > since and node not in seen:
            seen.add(node)
            stack.extend(edge for edge in node.edges if edge is not None)
            if node.record is not None and node.record.holds and node.saved:
                node.saved = tuple(kept(v) for v in node.saved)
                node.cells = tuple(c for c in node.cells if c is not cell)


def overwrite(t: Tensor, result: Tensor, name: str, since: int | None = None) -> Tensor:
    """Write `result` over `t`, in memory and in the graph; returns `t`. `since`: the time before `result` was computed.

    RuntimeError: a leaf that requires grad, another shape, a dtype that can't be cast, memory that overlaps itself.
    """
    if result is NotImplemented:
        raise TypeError(f"{name}(): unsupported operand")
    recording = modes.state.grad
    if written is not None:
        written(t)
    a, r = t._a, result._a
    if type(a) is not np.ndarray and hasattr(t, "_overwritten"):  # one example of a vmap: the whole batch is written
        return t._overwritten(result, name, since)
    check_writable(t, name, recording)
    if r.shape != a.shape:
        raise RuntimeError(
            f"output with shape {list(a.shape)} doesn't match the broadcast shape {list(r.shape)}: {name}() can't grow its tensor"
        )
    if r.dtype is not a.dtype and not dtypes.can_cast(result.dtype, t.dtype):
        raise RuntimeError(
            f"result type {result.dtype.tensor_type[:-6]} can't be cast to the desired output type {t.dtype.tensor_type[:-6]} in {name}()"
        )
    if recording and (result._rg or t._rg):
        node = result._node if result._rg else None
        if node is not None:
            owner = node.node if type(node) is Port else node
            keep_copies(owner, t, owner.seq - 1 if since is None else since)
        if node is None:  # the result knows no history (a constant): the write still ends the old one
            node = hang(copy.record, ((t._node or t) if t._rg else None, None), (None,) * 3 + (a.shape, a.shape))
        if r.dtype is not a.dtype and result._rg:
            node = _cast_node(result, t)
        np.copyto(a, r, casting="unsafe")
        writing(t, name)
        (node.node if type(node) is Port else node).seq = tick()
        rebase(t, node)
        return t
    np.copyto(a, r, casting="unsafe")
    writing(t, name)
    return t


def _cast_node(result: Tensor, t: Tensor):
    return result.to(t.dtype)._node


def write_region(t: Tensor, name: str, write, node_of) -> Tensor:
    """Write in place by `write(array)`; `node_of(old edge)` makes the node where a graph is recorded, or gives None."""
    recording = modes.state.grad
    if written is not None:
        written(t)
    check_writable(t, name, recording)
    old = (t._node or t) if recording and t._rg else None
    node = node_of(old) if recording else None
    write(t._a)
    writing(t, name)
    if node is not None:
        node.seq = tick()
        rebase(t, node)
    return t


def copy_(self: Tensor, src, non_blocking: bool = False) -> Tensor:
    """Write `src`, broadcast and cast to this tensor's shape and dtype, over it; returns the tensor.

    RuntimeError where the shape doesn't broadcast, or the tensor is a leaf that requires grad.

    >>> import lightwell as torch
    >>> torch.zeros(2, 2).copy_(torch.tensor([1, 2]))
    tensor([[1., 2.],
            [1., 2.]])
    """
    if type(self._a) is not np.ndarray and hasattr(self, "whole"):
        return self.copy_(src)
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
    if written is not None:
        written(self)
    a, s = self._a, src._a
    if a.dtype is s.dtype and a.shape == s.shape and a.flags.c_contiguous:
        history = self._rg or src._rg or self._base is not None or src._base is not None
        if not (history and modes.state.grad):
            np.copyto(a, s)
            writing(self, "copy_") if modes.state.grad else note(self)
            return self
    try:
        if s.shape != a.shape:
            np.broadcast_to(s, a.shape)
    except ValueError:
        from ..errors import broadcast_error

        raise broadcast_error(a.shape, s.shape, "copy_") from None

    def write(to):
        np.copyto(to, s.real if s.dtype.kind == "c" and to.dtype.kind != "c" else s, casting="unsafe")

    def node_of(old):
        if old is None and not src.requires_grad:
            return None
        node = hang(copy.record, (old, (src._node or src) if src.requires_grad else None), (None,) * 3 + (a.shape, s.shape))
        node.fit = ((a.shape, a.dtype), (s.shape, s.dtype))
        return node

    return write_region(self, "copy_", write, node_of)


Tensor.copy_ = copy_
