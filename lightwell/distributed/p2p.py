"""Messages from one rank to another."""

import numpy as np

from ..errors.teaching import ValueError
from .collectives import flat, one, put
from .process_group import found, get_global_rank, get_group_rank, outside
from .work import Work


def _peer(group, rank, group_rank, name, what):
    """The other side's rank in the group."""
    if rank is not None and group_rank is not None:
        raise ValueError(f"{name}: can't specify both {what} and group_{what}")
    if rank is None and group_rank is None:
        raise ValueError(f"Must specify {what} or group_{what}")
    if group_rank is None:
        group_rank = get_group_rank(group, rank)
    if not 0 <= group_rank < group.size():
        raise ValueError(f"{name}: rank {group_rank} is outside the group (ranks 0 to {group.size() - 1})")
    if group_rank == group.rank():
        side = "destination" if what == "dst" else "source"
        raise ValueError(f"Invalid {side} rank: {side} rank should not be the same as the rank of the current process.")
    return group_rank


def _sending(tensor, dst, group, tag, group_dst, name):
    one(tensor)
    g = found(group)
    peer = _peer(g, dst, group_dst, name, "dst")
    return g, Work(name, [tensor]), lambda: g._backend.send(flat(tensor), peer, tag)


def send(tensor, dst: int | None = None, group=None, tag: int = 0, group_dst: int | None = None) -> None:
    """Send the tensor to rank `dst`; returns when its memory may be written again. ValueError for the own rank."""
    if outside(group):
        return
    g, work, run = _sending(tensor, dst, group, tag, group_dst, "send")
    g._senders.run(work, run)


def isend(tensor, dst: int | None = None, group=None, tag: int = 0, group_dst: int | None = None):
    """Begin to send the tensor to rank `dst`: a Work."""
    if outside(group):
        return None
    g, work, run = _sending(tensor, dst, group, tag, group_dst, "isend")
    return g._senders.submit(work, run)


def irecv(tensor, src: int | None = None, group=None, tag: int = 0, group_src: int | None = None):
    """Begin to receive a tensor of the same shape and dtype from rank `src` (any rank for None): a Work."""
    one(tensor)
    if outside(group):
        return None
    g = found(group)
    peer = None if src is None and group_src is None else _peer(g, src, group_src, "irecv", "src")
    work = Work("recv", [tensor], limit=g._timeout.total_seconds())
    row = np.empty(tensor._a.size, tensor._a.dtype)

    def arrived(error, sender):
        if error is None:
            put(tensor, row)
        work._finish(error, None if sender is None else get_global_rank(g, sender))

    g._backend.receive(row, peer, tag, arrived)
    return work


def recv(tensor, src: int | None = None, group=None, tag: int = 0, group_src: int | None = None) -> int:
    """Receive a tensor of the same shape and dtype from rank `src` (any rank for None); returns the sender's rank."""
    work = irecv(tensor, src, group, tag, group_src)
    if work is None:
        return -1
    work.wait()
    return work.source_rank()


class P2POp:
    """One of the messages of `batch_isend_irecv`: `op` is isend or irecv."""

    def __init__(self, op, tensor, peer: int | None = None, group=None, tag: int = 0, group_peer: int | None = None):
        if op not in (isend, irecv):
            raise ValueError("Invalid ``op``. Expected ``op`` to be of type ``torch.distributed.isend`` or ``torch.distributed.irecv``.")
        one(tensor)
        g = found(group)
        self.op, self.tensor, self.group, self.tag = op, tensor, g, tag
        self.group_peer = _peer(g, peer, group_peer, op.__name__, "dst" if op is isend else "src")
        self.peer = get_global_rank(g, self.group_peer)

    def __repr__(self):
        return f"P2POp({self.op.__name__} pg={self.group.group_name}, peer={self.peer}, {list(self.tensor.shape)}, {self.tensor.dtype})"


def batch_isend_irecv(p2p_op_list) -> list:
    """Begin several messages: a Work for each. ValueError for anything but P2POps of one group."""
    if not isinstance(p2p_op_list, list) or not p2p_op_list or not all(isinstance(p, P2POp) for p in p2p_op_list):
        raise ValueError("Invalid ``p2p_op_list``. Each op is expected to to be of type ``torch.distributed.P2POp``.")
    if any(p.group is not p2p_op_list[0].group for p in p2p_op_list):
        raise ValueError("All ops need to use the same group.")
    return [p.op(p.tensor, group=p.group, tag=p.tag, **{"group_dst" if p.op is isend else "group_src": p.group_peer}) for p in p2p_op_list]
