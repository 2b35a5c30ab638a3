"""From one placement to another: what moves, forward and backward.

A tensor's gradient lies as the tensor does, where it is sharded or replicated; the gradient of a Partial is replicated, since
d(Σᵣ xᵣ)/dxᵣ = 1 for every rank. With that rule each step below is a linear map whose transpose is known:

    shard → replicate  all-gather      back: own part          replicate → shard  own part       back: all-gather
    partial → replicate  all-reduce    back: nothing           partial → shard  reduce-scatter   back: all-gather
    replicate → partial  rank 0 keeps it, the others have 0    back: nothing
    copy to sharded users  nothing     back: all-reduce (each rank's users gave one term of the gradient)
"""

import math

from ...autograd.function import Function
from .. import collectives as c
from ..reduce_op import ReduceOp
from .placement_types import Partial, Replicate, Shard

_OPS = {"sum": ReduceOp.SUM, "avg": ReduceOp.AVG, "max": ReduceOp.MAX, "min": ReduceOp.MIN, "product": ReduceOp.PRODUCT}


def _gathered(local, dim, size, group):
    """All ranks' parts of dimension `dim` (`size` long as a whole), joined."""
    import lightwell as lw

    n = group.size()
    each = -(-size // n)
    part = local.contiguous()
    missing = each - part.shape[dim]
    if missing:
        shape = list(part.shape)
        shape[dim] = missing
        part = lw.cat([part, part.new_zeros(shape)], dim)
    parts = [part.new_empty(part.shape) for _ in range(n)]
    c.all_gather(parts, part, group)
    cut = [Shard.cut(size, n, i) for i in range(n)]
    return lw.cat([p.narrow(dim, 0, b - a) for p, (a, b) in zip(parts, cut)], dim)


def _own_part(whole, dim, group):
    a, b = Shard.cut(whole.shape[dim], group.size(), group.rank())
    return whole.narrow(dim, a, b - a).clone()


class _Gather(Function):
    @staticmethod
    def forward(ctx, local, dim, size, group):
        ctx.dim, ctx.group = dim, group
        return _gathered(local, dim, size, group)

    @staticmethod
    def backward(ctx, g):
        return _Cut.apply(g, ctx.dim, ctx.group), None, None, None


class _Cut(Function):
    @staticmethod
    def forward(ctx, whole, dim, group):
        ctx.dim, ctx.size, ctx.group = dim, whole.shape[dim], group
        return _own_part(whole, dim, group)

    @staticmethod
    def backward(ctx, g):
        return _Gather.apply(g, ctx.dim, ctx.size, ctx.group), None, None


class _Reduce(Function):
    @staticmethod
    def forward(ctx, local, op, group):
        ctx.scale = 1 / group.size() if op == "avg" else None
        out = local.clone()
        c.all_reduce(out, _OPS[op], group)
        return out

    @staticmethod
    def backward(ctx, g):
        return (g if ctx.scale is None else g * ctx.scale), None, None


class _ReduceCut(Function):
    @staticmethod
    def forward(ctx, local, op, dim, group):
        ctx.dim, ctx.size, ctx.group, n = dim, local.shape[dim], group, group.size()
        ctx.scale = 1 / n if op == "avg" else None
        parts = [local.narrow(dim, a, b - a).contiguous() for a, b in (Shard.cut(ctx.size, n, i) for i in range(n))]
        out = parts[group.rank()].new_empty(parts[group.rank()].shape)
        c.reduce_scatter(out, parts, _OPS[op], group)
        return out

    @staticmethod
    def backward(ctx, g):
        g = _Gather.apply(g, ctx.dim, ctx.size, ctx.group)
        return (g if ctx.scale is None else g * ctx.scale), None, None, None


class _Split(Function):
    @staticmethod
    def forward(ctx, whole, group):
        return whole.clone() if group.rank() == 0 else whole * 0

    @staticmethod
    def backward(ctx, g):
        return g, None


class _CopyToSharded(Function):
    @staticmethod
    def forward(ctx, x, group):
        ctx.group = group
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return _Reduce.apply(g, "sum", ctx.group), None


def copy_to_sharded(local, mesh, dims):
    """A replicated tensor for operations whose results are sharded or partial on mesh dimensions `dims`: its gradient is summed there."""
    for d in dims:
        if mesh.size(d) > 1:
            local = _CopyToSharded.apply(local, mesh.get_group(d))
    return local


def size_without(shape, mesh, placements, mesh_dim: int) -> int:
    """How long this rank's part is along the dimension that `mesh_dim` shards, without that sharding."""
    dim = placements[mesh_dim].dim
    size = shape[dim]
    for j in range(mesh_dim):
        if placements[j].is_shard(dim):
            a, b = Shard.cut(size, mesh.size(j), mesh.get_local_rank(j))
            size = b - a
    return size


def local_shape_and_offset(shape, mesh, placements) -> tuple:
    """(this rank's shape, where its part begins in the whole)."""
    local, offset = list(shape), [0] * len(shape)
    for j, p in enumerate(placements):
        if isinstance(p, Shard):
            a, b = Shard.cut(local[p.dim], mesh.size(j), mesh.get_local_rank(j))
            local[p.dim], offset[p.dim] = b - a, offset[p.dim] + a
    return tuple(local), tuple(offset)


def redistribute_local(local, shape, mesh, old, new):
    """This rank's tensor under placements `new`, from that under `old`; `shape` is the whole's."""
    old, new = list(old), list(new)
    changing = {j for j in range(mesh.ndim) if old[j] != new[j]}
    for i in list(changing):  # inner cuts of the same dimension are made within outer ones: they are undone and made again
        for j in range(i + 1, mesh.ndim):
            if any(isinstance(p[i], Shard) and p[j] == p[i] for p in (old, new)):
                changing.add(j)
    now = list(old)
    for j in sorted(changing, reverse=True):
        p, group = old[j], mesh.get_group(j)
        if isinstance(p, Partial):
            # straight to shards, where nothing else is cut along that dimension
            if (
                isinstance(new[j], Shard)
                and not any(q.is_shard(new[j].dim) for k, q in enumerate(now) if k != j)
                and not any(q.is_shard(new[j].dim) for k, q in enumerate(new) if k != j)
            ):
                local = _ReduceCut.apply(local, p.reduce_op, new[j].dim, group)
                now[j] = new[j]
                continue
            local = _Reduce.apply(local, p.reduce_op, group)
        elif isinstance(p, Shard):
            local = _Gather.apply(local, p.dim, size_without(shape, mesh, now, j), group)
        now[j] = Replicate()
    for j in sorted(changing):
        if now[j] == new[j]:
            continue
        group = mesh.get_group(j)
        if isinstance(new[j], Shard):
            local = _Cut.apply(local, new[j].dim, group)
        elif isinstance(new[j], Partial):
            if new[j].reduce_op == "sum":
                local = _Split.apply(local, group)
        now[j] = new[j]
    return local


def numel(shape) -> int:
    """The number of elements of a shape."""
    return math.prod(shape)
