"""Collectives on Python objects. They travel pickled: use them only among processes that trust each other, as all of one run do."""

import pickle

import numpy as np

from ..errors.teaching import ValueError
from ..tensor import wrap
from .collectives import all_gather, broadcast, gather, root, scatter
from .p2p import recv, send
from .process_group import found, outside


def _to_row(obj):
    """A pickled object as a tensor of bytes, and its length as a tensor."""
    row = wrap(np.frombuffer(pickle.dumps(obj), np.uint8).copy())
    return row, _length(row.numel())


def _length(n: int = 0):
    return wrap(np.array([n], np.int64))


def _to_object(row, n: int):
    return pickle.loads(row._a[:n].tobytes())


def _room(n: int):
    return wrap(np.zeros(n, np.uint8))


def _padded(row, n: int):
    room = _room(n)
    room._a[: row.numel()] = row._a
    return room


def _lengths(length, group) -> list:
    lengths = [_length() for _ in range(found(group).size())]
    all_gather(lengths, length, group)
    return [t.item() for t in lengths]


def all_gather_object(object_list, obj, group=None) -> None:
    """Write the object of rank i into `object_list[i]`, on all ranks. Objects are pickled: for processes that trust each other."""
    if outside(group):
        return
    row, length = _to_row(obj)
    lengths = _lengths(length, group)
    rooms = [_room(max(lengths)) for _ in lengths]
    all_gather(rooms, _padded(row, max(lengths)), group)
    for i, (room, n) in enumerate(zip(rooms, lengths)):
        object_list[i] = _to_object(room, n)


def gather_object(obj, object_gather_list=None, dst: int | None = None, group=None, group_dst: int | None = None) -> None:
    """Write the object of rank i into `object_gather_list[i]` at rank `dst` (0). Objects are pickled: for processes that trust each other."""
    if outside(group):
        return
    g = found(group)
    top = root(g, "gather_object", dst, group_dst, "dst")
    here = g.rank() == top
    if here and not object_gather_list:
        raise ValueError("Argument ``object_gather_list`` must be specified on destination rank.")
    if not here and object_gather_list:
        raise ValueError("Argument ``object_gather_list`` must NOT be specified on non-destination ranks.")
    row, length = _to_row(obj)
    lengths = _lengths(length, group)
    rooms = [_room(max(lengths)) for _ in lengths] if here else None
    gather(_padded(row, max(lengths)), rooms, group=group, group_dst=top)
    for i, n in enumerate(lengths if here else ()):
        object_gather_list[i] = _to_object(rooms[i], n)


def broadcast_object_list(object_list, src: int | None = None, group=None, device=None, group_src: int | None = None) -> None:
    """Give all ranks the objects of rank `src` (0), in place of those in their list. Objects are pickled: for processes that trust each other."""
    if outside(group):
        return
    g = found(group)
    top = root(g, "broadcast_object_list", src, group_src, "src")
    here = g.rank() == top
    rows = [_to_row(obj)[0] for obj in object_list] if here else []
    lengths = wrap(np.array([r.numel() for r in rows] if here else [0] * len(object_list), np.int64))
    broadcast(lengths, group=group, group_src=top)
    whole = wrap(np.concatenate([r._a for r in rows])) if rows else _room(int(lengths._a.sum()))
    broadcast(whole, group=group, group_src=top)
    if not here:
        for i, part in enumerate(np.split(whole._a, lengths._a.cumsum()[:-1])):
            object_list[i] = pickle.loads(part.tobytes())


def scatter_object_list(
    scatter_object_output_list, scatter_object_input_list=None, src: int | None = None, group=None, group_src: int | None = None
) -> None:
    """Write `scatter_object_input_list[i]` of rank `src` (0) into `scatter_object_output_list[0]` of rank i. Objects are pickled."""
    if outside(group):
        return
    if not isinstance(scatter_object_output_list, list) or not scatter_object_output_list:
        raise ValueError("Expected argument scatter_object_output_list to be a list of size at least 1.")
    g = found(group)
    top = root(g, "scatter_object_list", src, group_src, "src")
    here = g.rank() == top
    if here and len(scatter_object_input_list or ()) != g.size():
        raise ValueError(f"scatter_object_list: rank {top} must give {g.size()} objects, one for each rank")
    rows = [_to_row(obj)[0] for obj in scatter_object_input_list] if here else []
    lengths = wrap(np.array([r.numel() for r in rows] if here else [0] * g.size(), np.int64))
    broadcast(lengths, group=group, group_src=top)
    longest = int(lengths._a.max())
    room = _room(longest)
    scatter(room, [_padded(r, longest) for r in rows] if here else None, group=group, group_src=top)
    scatter_object_output_list[0] = _to_object(room, int(lengths._a[g.rank()]))


def send_object_list(
    object_list, dst: int | None = None, group=None, device=None, group_dst: int | None = None, use_batch: bool = False
) -> None:
    """Send objects to rank `dst`, which calls `recv_object_list`. Objects are pickled: for processes that trust each other."""
    if outside(group):
        return
    rows = [_to_row(obj)[0] for obj in object_list]
    send(wrap(np.array([r.numel() for r in rows], np.int64)), dst, group, 0, group_dst)
    send(wrap(np.concatenate([r._a for r in rows])), dst, group, 0, group_dst)


def recv_object_list(
    object_list, src: int | None = None, group=None, device=None, group_src: int | None = None, use_batch: bool = False
) -> int:
    """Receive as many objects as the list has, in place of them; the sender's rank. Objects are pickled: for processes that trust each other."""
    if outside(group):
        return -1
    lengths = wrap(np.zeros(len(object_list), np.int64))
    sender = recv(lengths, src, group, 0, group_src)
    whole = _room(int(lengths._a.sum()))
    recv(whole, sender, group)
    for i, part in enumerate(np.split(whole._a, lengths._a.cumsum()[:-1])):
        object_list[i] = pickle.loads(part.tobytes())
    return sender


__all__ = [
    "all_gather_object", "broadcast_object_list", "gather_object", "recv_object_list", "scatter_object_list", "send_object_list",
]  # fmt: skip
