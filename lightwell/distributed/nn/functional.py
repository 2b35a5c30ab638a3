"""Collectives through which gradients flow. Each returns new tensors; the backward of each is the collective that is its transpose:

    broadcast ↔ reduce,   gather ↔ scatter,   all_gather ↔ reduce_scatter,   all_reduce(sum) ↔ all_reduce(sum),   all_to_all ↔ all_to_all.

All ranks must run backward through them, as they ran forward.
"""

from ...autograd.function import Function
from ...errors.teaching import RuntimeError
from .. import collectives as c
from ..process_group import found, get_group_rank
from ..reduce_op import RedOpType, ReduceOp, kind

__all__ = ["all_gather", "all_reduce", "all_to_all", "all_to_all_single", "broadcast", "gather", "reduce", "reduce_scatter", "scatter"]


def _like(t):
    return t.new_empty(t.shape)


def _top(group, rank):
    return get_group_rank(found(group), rank)


class _Broadcast(Function):
    @staticmethod
    def forward(ctx, src, group, tensor):
        ctx.src, ctx.group = src, group
        out = tensor.clone()
        c.broadcast(out, src, group)
        return out

    @staticmethod
    def backward(ctx, g):
        out = _Reduce.apply(ctx.src, ReduceOp.SUM, ctx.group, g)
        return None, None, out if found(ctx.group).rank() == _top(ctx.group, ctx.src) else out * 0


class _Reduce(Function):
    @staticmethod
    def forward(ctx, dst, op, group, tensor):
        ctx.dst, ctx.group = dst, group
        out = tensor.clone()
        c.reduce(out, dst, op, group)
        return out

    @staticmethod
    def backward(ctx, g):
        return None, None, None, _Broadcast.apply(ctx.dst, ctx.group, g)


class _Gather(Function):
    @staticmethod
    def forward(ctx, dst, group, tensor):
        ctx.dst, ctx.group = dst, group
        g = found(group)
        outs = [_like(tensor).zero_() for _ in range(g.size())]
        c.gather(tensor.contiguous(), outs if g.rank() == _top(group, dst) else None, dst, group)
        return tuple(outs)

    @staticmethod
    def backward(ctx, *gs):
        return None, None, _Scatter.apply(ctx.dst, ctx.group, *gs)


class _Scatter(Function):
    @staticmethod
    def forward(ctx, src, group, *tensors):
        ctx.src, ctx.group = src, group
        g = found(group)
        out = _like(tensors[0])
        c.scatter(out, list(tensors) if g.rank() == _top(group, src) else None, src, group)
        return out

    @staticmethod
    def backward(ctx, g):
        return None, None, *_Gather.apply(ctx.src, ctx.group, g)


class _AllGather(Function):
    @staticmethod
    def forward(ctx, group, tensor):
        ctx.group = group
        outs = [_like(tensor) for _ in range(found(group).size())]
        c.all_gather(outs, tensor.contiguous(), group)
        return tuple(outs)

    @staticmethod
    def backward(ctx, *gs):
        return None, _ReduceScatter.apply(ReduceOp.SUM, ctx.group, *gs)


class _ReduceScatter(Function):
    @staticmethod
    def forward(ctx, op, group, *tensors):
        ctx.op, ctx.group = kind(op), group
        out = _like(tensors[found(group).rank()])
        c.reduce_scatter(out, list(tensors), op, group)
        return out

    @staticmethod
    def backward(ctx, g):
        return None, None, *_AllGather.apply(ctx.group, _scaled(ctx.op, g, ctx.group))


class _AllReduce(Function):
    @staticmethod
    def forward(ctx, op, group, tensor):
        ctx.op, ctx.group = kind(op), group
        out = tensor.clone()
        c.all_reduce(out, op, group)
        return out

    @staticmethod
    def backward(ctx, g):
        return None, None, _AllReduce.apply(ctx.op, ctx.group, g)


class _AllToAll(Function):
    @staticmethod
    def forward(ctx, group, shapes, *tensors):
        ctx.group, ctx.shapes = group, [t.shape for t in tensors]
        outs = [tensors[0].new_empty(shape) for shape in shapes]
        c.all_to_all(outs, list(tensors), group)
        return tuple(outs)

    @staticmethod
    def backward(ctx, *gs):
        return None, None, *_AllToAll.apply(ctx.group, ctx.shapes, *gs)


class _AllToAllSingle(Function):
    @staticmethod
    def forward(ctx, group, shape, out_sizes, in_sizes, tensor):
        ctx.group, ctx.shape, ctx.out_sizes, ctx.in_sizes = group, tensor.shape, out_sizes, in_sizes
        out = tensor.new_empty(shape)
        c.all_to_all_single(out, tensor.contiguous(), out_sizes, in_sizes, group)
        return out

    @staticmethod
    def backward(ctx, g):
        return None, None, None, None, _AllToAllSingle.apply(ctx.group, ctx.shape, ctx.in_sizes, ctx.out_sizes, g)


def _scaled(op, g, group):
    """The gradient behind a mean is a mean's; other reductions than sums have no simple transpose."""
    if op is RedOpType.AVG:
        return g / found(group).size()
    if op is not RedOpType.SUM:
        raise RuntimeError(f"reduce_scatter: the gradient of ReduceOp.{op.name} is not known: use SUM or AVG")
    return g


def broadcast(tensor, src, group=None):
    """The tensor of rank `src`, on all ranks; its gradient is the sum of all ranks'."""
    return _Broadcast.apply(src, group, tensor)


def gather(tensor, dst: int = 0, group=None):
    """A tuple of all ranks' tensors at rank `dst` (zeros elsewhere)."""
    return _Gather.apply(dst, group, tensor)


def scatter(tensors, src: int = 0, group=None):
    """The i-th of rank `src`'s tensors at rank i; the other ranks give tensors of the same shapes."""
    return _Scatter.apply(src, group, *tensors)


def reduce(tensor, dst, op=ReduceOp.SUM, group=None):
    """The ranks' tensors combined at rank `dst`."""
    return _Reduce.apply(dst, op, group, tensor)


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None):
    """The ranks' i-th tensors combined at rank i (`output` gives only the shape)."""
    return _ReduceScatter.apply(op, group, *input_list)


def all_gather(tensor, group=None):
    """A tuple of all ranks' tensors, on all ranks.

    >>> import lightwell as torch, lightwell.distributed as dist
    >>> dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    >>> x = torch.ones(2, requires_grad=True)
    >>> (y,) = dist.nn.functional.all_gather(x); y.sum().backward(); x.grad
    tensor([1., 1.])
    >>> dist.destroy_process_group()
    """
    return _AllGather.apply(group, tensor)


def all_to_all(output_tensor_list, input_tensor_list, group=None):
    """A tuple of what the ranks sent here: rank i's j-th tensor at rank j, of the shapes of `output_tensor_list`."""
    return _AllToAll.apply(group, [t.shape for t in output_tensor_list], *input_tensor_list)


def all_to_all_single(output, input, output_split_sizes=None, input_split_sizes=None, group=None):
    """The parts along dimension 0 that the ranks sent here, joined; `output` gives only the shape."""
    return _AllToAllSingle.apply(group, output.shape, output_split_sizes, input_split_sizes, input)


def all_reduce(tensor, op=ReduceOp.SUM, group=None):
    """The ranks' tensors combined, on all ranks; its gradient is the ranks' gradients combined likewise."""
    return _AllReduce.apply(op, group, tensor)
