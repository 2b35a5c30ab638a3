"""Collectives on tensors: every rank of a group calls the same ones in the same order.

Each checks its tensors at once; then the group's thread (or, where it is idle and the caller waits anyway, the caller's) exchanges the
bytes. What a tensor holds changes only when its collective has succeeded.
"""

from itertools import pairwise

import numpy as np

from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..tensor import Tensor
from .process_group import ProcessGroup, found, get_group_rank, outside
from .reduce_op import ReduceOp, check
from .work import Work


def one(tensor, what: str = "tensor") -> Tensor:
    """The tensor; TypeError for anything else."""
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{what}` of type torch.Tensor\n             but got {type(tensor)} instead."
        )
    if getattr(tensor, "is_sparse", False):
        raise RuntimeError(f"parameter `{what}` is sparse: collectives take dense tensors; call to_dense() first")
    return tensor


def several(tensors, what: str) -> list:
    """The list of tensors; TypeError for anything else."""
    if not isinstance(tensors, (list, tuple)) or not all(isinstance(t, Tensor) for t in tensors):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{what}` of type List[torch.Tensor]\n"
            f"             but got {type(tensors)} with elements of type {sorted({type(t).__name__ for t in tensors or ()})}."
        )
    return list(tensors)


def same_dtype(*tensors) -> None:
    """ValueError unless all are of one dtype."""
    for t in tensors[1:]:
        if t.dtype is not tensors[0].dtype:
            raise ValueError(f"Invalid usage of tensors with different dtypes: Found {tensors[0].dtype} and {t.dtype}")


def flat(t: Tensor) -> np.ndarray:
    """The elements in one contiguous row: the tensor's own memory where it lies like that."""
    if t._base is not None:
        t._refresh()
    return np.ascontiguousarray(t._a).reshape(-1)


def put(t: Tensor, row: np.ndarray) -> None:
    """Write a row of elements into the tensor."""
    t._a[...] = row.reshape(t._a.shape)
    t._bump()


def launch(group: ProcessGroup, name: str, run, result=(), async_op: bool = False):
    """Run a collective on the group's lane; the Work where `async_op`, otherwise None when it is done."""
    work = Work(name, result)
    if async_op:
        return group._lane.submit(work, run)
    group._lane.run(work, run)
    return None


def root(group: ProcessGroup, name: str, rank, group_rank, what: str, default: int = 0) -> int:
    """The root's rank in the group, from a global or a group rank."""
    if rank is not None and group_rank is not None:
        raise ValueError(f"Can't specify both {what} and group_{what}")
    if rank is None and group_rank is None:
        rank = group._ranks[default]
    if group_rank is None:
        if group._ranks == tuple(range(group.size())):
            group_rank = rank
        else:
            group_rank = get_group_rank(group, rank)
    if not 0 <= group_rank < group.size():
        raise RuntimeError(f"{name}: invalid root rank: {group_rank} (the group has ranks 0 to {group.size() - 1})")
    return group_rank


def all_reduce(tensor, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """Combine the tensor of all ranks by `op` (SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR), in place on all ranks.

    With `async_op` a Work is returned, whose `wait()` must come before the tensor is read.

    >>> import lightwell as torch, lightwell.distributed as dist
    >>> dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    >>> x = torch.tensor([1, 2]); work = dist.all_reduce(x, op=dist.ReduceOp.MAX, async_op=True); work.wait(), x
    (True, tensor([1, 2]))
    >>> dist.destroy_process_group()
    """
    one(tensor)
    if outside(group):
        return None
    g, op = found(group), check("all_reduce", op, tensor.dtype)
    number = g._number()
    return launch(g, "all_reduce", lambda: put(tensor, g._backend.all_reduce(number, flat(tensor), op)), [tensor], async_op)


def all_reduce_coalesced(tensors, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """`all_reduce` of several tensors of one dtype, as one message."""
    tensors = several([tensors] if isinstance(tensors, Tensor) else tensors, "tensors")
    if outside(group) or not tensors:
        return None
    same_dtype(*tensors)
    g, op = found(group), check("all_reduce_coalesced", op, tensors[0].dtype)
    number = g._number()

    def run():
        row, at = g._backend.all_reduce(number, np.concatenate([flat(t) for t in tensors]), op), 0
        for t in tensors:
            put(t, row[at : at + t._a.size])
            at += t._a.size

    return launch(g, "all_reduce_coalesced", run, tensors, async_op)


def broadcast(tensor, src: int | None = None, group=None, async_op: bool = False, group_src: int | None = None):
    """Give all ranks the tensor of rank `src` (a global rank; `group_src`: the rank in the group), in place."""
    one(tensor)
    if outside(group):
        return None
    g = found(group)
    if src is None and group_src is None:
        raise ValueError("Must specify src or group_src")
    top, number = root(g, "broadcast", src, group_src, "src"), g._number()

    def run():
        row = flat(tensor)
        if g.rank() != top:
            row = row.copy()
        g._backend.broadcast(number, row, top)
        if g.rank() != top:
            put(tensor, row)

    return launch(g, "broadcast", run, [tensor], async_op)


def reduce(tensor, dst: int | None = None, op=ReduceOp.SUM, group=None, async_op: bool = False, group_dst: int | None = None):
    """Combine the tensor of all ranks by `op` at rank `dst`, in place there."""
    one(tensor)
    if outside(group):
        return None
    g, op = found(group), check("reduce", op, tensor.dtype)
    if dst is None and group_dst is None:
        raise ValueError("Must specify dst or group_dst")
    top, number = root(g, "reduce", dst, group_dst, "dst"), g._number()

    def run():
        row = g._backend.reduce(number, flat(tensor), top, op)
        if row is not None:
            put(tensor, row)

    return launch(g, "reduce", run, [tensor], async_op)


def _rooms(tensors) -> list:
    """Rows to receive into, one per tensor."""
    return [np.empty(t._a.size, t._a.dtype) for t in tensors]


def _sizes(name, tensors, wanted, count) -> None:
    if len(tensors) != count:
        raise RuntimeError(f"{name}: expected a list of {count} tensors, one for each rank, got {len(tensors)}")
    for i, t in enumerate(tensors):
        if t._a.size != wanted:
            raise RuntimeError(f"{name}: invalid tensor size at index {i} (expected {wanted} elements, got {list(t.shape)})")


def all_gather(tensor_list, tensor, group=None, async_op: bool = False):
    """Write the tensor of rank i into `tensor_list[i]`, for all i, on all ranks."""
    tensors = several(tensor_list, "tensor_list")
    one(tensor)
    if outside(group):
        return None
    g = found(group)
    same_dtype(*tensors, tensor)
    _sizes("all_gather", tensors, tensor._a.size, g.size())
    number = g._number()

    def run():
        rows = _rooms(tensors)
        g._backend.all_gather(number, rows, flat(tensor))
        for t, row in zip(tensors, rows):
            put(t, row)

    return launch(g, "all_gather", run, tensors, async_op)


def all_gather_into_tensor(output_tensor, input_tensor, group=None, async_op: bool = False):
    """Write the tensors of all ranks into one: concatenated along dimension 0, or stacked, as `output_tensor` has room."""
    one(output_tensor, "output_tensor"), one(input_tensor, "input_tensor")
    if outside(group):
        return None
    g = found(group)
    same_dtype(output_tensor, input_tensor)
    n, size = g.size(), input_tensor._a.size
    if output_tensor._a.size != n * size:
        raise ValueError(
            f"all_gather_into_tensor: output tensor size must be equal to world_size times input tensor size: it is "
            f"{list(output_tensor.shape)} for {n} tensors of {list(input_tensor.shape)}"
        )
    number = g._number()

    def run():
        row = np.empty(n * size, output_tensor._a.dtype)
        g._backend.all_gather(number, [row[i * size : (i + 1) * size] for i in range(n)], flat(input_tensor))
        put(output_tensor, row)

    return launch(g, "all_gather_into_tensor", run, [output_tensor], async_op)


all_gather_single = _all_gather_base = all_gather_into_tensor


def all_gather_coalesced(output_tensor_lists, input_tensor_list, group=None, async_op: bool = False):
    """`all_gather` of several tensors: rank i's k-th into `output_tensor_lists[i][k]`."""
    if outside(group):
        return None
    inputs = several(input_tensor_list, "input_tensor_list")
    outputs = [several(row, "output_tensor_lists") for row in output_tensor_lists]
    works = [all_gather([row[k] for row in outputs], t, group, True) for k, t in enumerate(inputs)]
    return _last(works, async_op)


def _last(works, async_op):
    """Of works on one lane the last ends last: with it all are done."""
    if async_op:
        return works[-1]
    for work in works:
        work.wait()
    return None


def gather(tensor, gather_list=None, dst: int | None = None, group=None, async_op: bool = False, group_dst: int | None = None):
    """Write the tensor of rank i into `gather_list[i]` at rank `dst` (0 by default)."""
    one(tensor)
    if outside(group):
        return None
    g = found(group)
    top = root(g, "gather", dst, group_dst, "dst")
    here = g.rank() == top
    if here and not gather_list:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    if not here and gather_list:
        raise ValueError("Argument ``gather_list`` must NOT be specified on non-destination ranks.")
    tensors = several(gather_list or [], "gather_list")
    if here:
        same_dtype(*tensors, tensor)
        _sizes("gather", tensors, tensor._a.size, g.size())
    number = g._number()

    def run():
        rows = _rooms(tensors)
        g._backend.gather(number, rows, flat(tensor), top)
        for t, row in zip(tensors, rows):
            put(t, row)

    return launch(g, "gather", run, tensors, async_op)


def scatter(tensor, scatter_list=None, src: int | None = None, group=None, async_op: bool = False, group_src: int | None = None):
    """Write `scatter_list[i]` of rank `src` (0 by default) into the tensor of rank i."""
    one(tensor)
    if outside(group):
        return None
    g = found(group)
    top = root(g, "scatter", src, group_src, "src")
    here = g.rank() == top
    if here and not scatter_list:
        raise ValueError("Argument ``scatter_list`` must be specified on source rank.")
    if not here and scatter_list:
        raise ValueError("Argument ``scatter_list`` must NOT be specified on non-source ranks.")
    tensors = several(scatter_list or [], "scatter_list")
    if here:
        same_dtype(*tensors, tensor)
        _sizes("scatter", tensors, tensor._a.size, g.size())
    number = g._number()

    def run():
        row = np.empty(tensor._a.size, tensor._a.dtype)
        g._backend.scatter(number, row, [flat(t) for t in tensors], top)
        put(tensor, row)

    return launch(g, "scatter", run, [tensor], async_op)


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """Combine the ranks' `input_list[i]` by `op` into the output of rank i."""
    one(output, "output")
    inputs = several(input_list, "input_list")
    if outside(group):
        return None
    g, op = found(group), check("reduce_scatter", op, output.dtype)
    same_dtype(output, *inputs)
    if len(inputs) != g.size() or inputs[g.rank()]._a.size != output._a.size:
        raise RuntimeError(
            f"reduce_scatter: expected {g.size()} input tensors, the one of this rank of {output._a.size} elements, got {[list(t.shape) for t in inputs]}"
        )
    number = g._number()
    return launch(
        g, "reduce_scatter", lambda: put(output, g._backend.reduce_scatter(number, [flat(t) for t in inputs], op)), [output], async_op
    )


def reduce_scatter_tensor(output, input, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """Combine the ranks' `input` by `op`, and write the i-th of its equal parts into the output of rank i."""
    one(output, "output"), one(input, "input")
    if outside(group):
        return None
    g, op = found(group), check("reduce_scatter_tensor", op, output.dtype)
    same_dtype(output, input)
    n, size = g.size(), output._a.size
    if input._a.size != n * size:
        raise RuntimeError(
            f"reduce_scatter_tensor: input tensor must be the same size as output size times world size: it is {list(input.shape)} "
            f"for {n} outputs of {list(output.shape)}"
        )
    number = g._number()

    def run():
        row = flat(input)
        put(output, g._backend.reduce_scatter(number, [row[i * size : (i + 1) * size] for i in range(n)], op))

    return launch(g, "reduce_scatter_tensor", run, [output], async_op)


reduce_scatter_single = _reduce_scatter_base = reduce_scatter_tensor


def all_to_all(output_tensor_list, input_tensor_list, group=None, async_op: bool = False):
    """Write rank i's `input_tensor_list[j]` into `output_tensor_list[i]` of rank j; sizes may differ."""
    outputs, inputs = several(output_tensor_list, "output_tensor_list"), several(input_tensor_list, "input_tensor_list")
    if outside(group):
        return None
    g = found(group)
    same_dtype(*outputs, *inputs)
    if len(outputs) != g.size() or len(inputs) != g.size():
        raise RuntimeError(f"all_to_all: expected {g.size()} tensors each way, got {len(inputs)} to send and {len(outputs)} to receive")
    number = g._number()

    def run():
        rows = _rooms(outputs)
        g._backend.all_to_all(number, rows, [flat(t) for t in inputs])
        for t, row in zip(outputs, rows):
            put(t, row)

    return launch(g, "all_to_all", run, outputs, async_op)


def all_to_all_single(output, input, output_split_sizes=None, input_split_sizes=None, group=None, async_op: bool = False):
    """Split `input` along dimension 0 (equally, or in `input_split_sizes`), send part j to rank j, and join what came in `output`."""
    one(output, "output"), one(input, "input")
    if outside(group):
        return None
    g = found(group)
    same_dtype(output, input)
    out_cut, in_cut = _cuts("output", output, output_split_sizes, g.size()), _cuts("input", input, input_split_sizes, g.size())
    number = g._number()

    def run():
        row, given = np.empty(output._a.size, output._a.dtype), flat(input)
        g._backend.all_to_all(number, [row[a:b] for a, b in pairwise(out_cut)], [given[a:b] for a, b in pairwise(in_cut)])
        put(output, row)

    return launch(g, "all_to_all_single", run, [output], async_op)


def _cuts(what, t, sizes, n) -> list:
    """Where the parts of a flattened tensor begin and end."""
    rows = t._a.shape[0] if t._a.ndim else 1
    if not sizes:
        if rows % n:
            raise RuntimeError(
                f"all_to_all_single: {what}'s dim 0 ({rows}) does not divide equally across group size {n}; give split sizes"
            )
        sizes = [rows // n] * n
    if len(sizes) != n:
        raise RuntimeError(f"all_to_all_single: Number of {what} split sizes ({len(sizes)}) not equal to group size {n}")
    if sum(sizes) != rows:
        raise RuntimeError(f"all_to_all_single: Split sizes {list(sizes)} don't add up to {what}'s dim 0 size {rows}")
    each = t._a.size // rows if rows else 0
    cut = [0]
    for s in sizes:
        cut.append(cut[-1] + s * each)
    return cut


def barrier(group=None, async_op: bool = False, device_ids=None, timeout=None):
    """Wait until all ranks of the group have come here."""
    if outside(group):
        return None
    g = found(group)
    number = g._number()
    return launch(g, "barrier", lambda: g._backend.barrier(number, timeout and timeout.total_seconds()), (), async_op)


def monitored_barrier(group=None, timeout=None, wait_all_ranks: bool = False) -> None:
    """A barrier that tells which ranks did not come within `timeout` (the first, or all with `wait_all_ranks`): RuntimeError at rank 0."""
    if outside(group):
        return
    g = found(group)
    number = g._number()
    seconds = (timeout or g._timeout).total_seconds()
    launch(g, "monitored_barrier", lambda: g._backend.monitored_barrier(number, seconds, wait_all_ranks))
