"""The reducer behind DistributedDataParallel: gradients in buckets, each averaged over the ranks as soon as it is complete.

When a parameter's gradient has been accumulated its hook marks it ready; a bucket whose parameters are all ready starts its all-reduce on
the group's thread, while the remaining gradients are accumulated. Buckets start in the same order on all ranks, whatever order gradients
arrive in. The hook of the last parameter waits for all, so that `backward()` returns with averaged gradients.
(Li et al., PyTorch Distributed: Experiences on Accelerating Data Parallel Training, VLDB 2020.)
"""

import numpy as np

from ..errors.teaching import RuntimeError
from ..tensor import Tensor, wrap

FIRST_BUCKET_BYTES = 1 << 20


def assign_buckets(tensors, limits) -> list:
    """Indices of tensors in buckets of one dtype each: a bucket is closed when it has reached its limit (bytes; the last limit stays)."""
    buckets, open_, closed = [], {}, {}
    for i, t in enumerate(tensors):
        kind = t.dtype
        indices, size = open_.setdefault(kind, ([], 0))
        indices.append(i)
        size += t.nbytes
        nth = closed.get(kind, 0)
        if size >= limits[min(nth, len(limits) - 1)]:
            buckets.append(indices)
            del open_[kind]
            closed[kind] = nth + 1
        else:
            open_[kind] = (indices, size)
    buckets += [indices for indices, _ in open_.values()]
    return sorted(buckets, key=min)


class GradBucket:
    """What a communication hook gets: the gradients of some parameters in one flat tensor."""

    def __init__(self, index: int, buffer: Tensor, parameters, last: bool):
        self._index, self._buffer, self._parameters, self._last = index, buffer, list(parameters), last

    def index(self) -> int:
        """The bucket's number, in the order in which buckets are sent."""
        return self._index

    def buffer(self) -> Tensor:
        """All gradients, flat."""
        return self._buffer

    def gradients(self) -> list:
        """The gradients, as views of the buffer in their parameters' shapes."""
        at, out = 0, []
        for p in self._parameters:
            out.append(self._buffer[at : at + p.numel()].view(p.shape))
            at += p.numel()
        return out

    def parameters(self) -> list:
        """The parameters."""
        return self._parameters

    def is_last(self) -> bool:
        """Whether it is the last bucket of this backward pass."""
        return self._last

    def set_buffer(self, buffer: Tensor) -> None:
        """Put another tensor in the buffer's place."""
        self._buffer = buffer


class Reducer:
    """Averages the gradients of `parameters` over a group's ranks during backward."""

    def __init__(self, parameters, names, group, limits, find_unused: bool, static: bool, skip_unused: bool = False):
        self.parameters, self.names, self.group = list(parameters), list(names), group
        self.find_unused, self.static = find_unused, static
        backwards = list(reversed(range(len(self.parameters))))  # gradients come from the last layer first
        self.buckets = [[backwards[i] for i in b] for b in assign_buckets([self.parameters[i] for i in backwards], limits)]
        self.bucket_of = {i: b for b, bucket in enumerate(self.buckets) for i in bucket}
        self.hook = self.state = None
        self.divide_by = group.size()
        self.armed = False
        self.waiting: set = set()
        self.used: set = set()
        self.handles = [p.register_post_accumulate_grad_hook(self._hook_for(i)) for i, p in enumerate(self.parameters)]

    def _hook_for(self, i):
        import weakref

        me = weakref.ref(self)  # parameters outlive the wrapper

        def ready(p):
            reducer = me()
            if reducer is not None and reducer.armed:
                reducer.used.add(i)
                reducer._ready(i)

        return ready

    def detach(self) -> None:
        """Take the hooks away."""
        for handle in self.handles:
            handle.remove()

    # ---- one backward pass ----------------------------------------------------------------------------------------

    def prepare(self, outputs) -> None:
        """Before backward: all parameters are awaited, except those that `outputs` do not depend on, where these are looked for."""
        if self.armed and self.waiting:
            raise RuntimeError(self._unfinished())
        self.armed, self.works, self.sent, self.used = True, [], 0, set()
        self.left = [len(b) for b in self.buckets]
        self.waiting = set(range(len(self.parameters)))
        self.unused: set = set()
        if self.find_unused or self.static:
            reached = _leaves(outputs)
            self.unused = {i for i, p in enumerate(self.parameters) if id(p) not in reached}
            if len(self.unused) < len(self.parameters):
                for i in sorted(self.unused):
                    self._mark(i)

    def _unfinished(self):
        missing = sorted(self.waiting)
        return (
            "Expected to have finished reduction in the prior iteration before starting a new one. This error indicates that your module "
            "has parameters that were not used in producing loss. Pass find_unused_parameters=True to DistributedDataParallel, and make "
            "sure all forward function outputs participate in calculating loss.\n"
            f"Parameters which did not receive grad for rank {self.group.rank()}: {', '.join(self.names[i] for i in missing)}\n"
            f"Parameter indices which did not receive grad for rank {self.group.rank()}: {' '.join(map(str, missing))}"
        )

    def _mark(self, i):
        self.waiting.discard(i)
        self.left[self.bucket_of[i]] -= 1

    def _ready(self, i) -> None:
        if i not in self.waiting:
            if i in self.unused or self.static:
                return
            raise RuntimeError(
                f"Expected to mark a variable ready only once. The parameter {self.names[i]!r} got its gradient twice in one backward pass: "
                "is the module called several times before backward, or under reentrant checkpointing? static_graph=True allows that"
            )
        self._mark(i)
        self._send_complete()
        if not self.waiting:
            self.finish()

    def _send_complete(self):
        """Start the buckets that are complete, in their order."""
        while self.sent < len(self.buckets) and not self.left[self.sent]:
            self._send(self.sent)
            self.sent += 1

    def _send(self, b):
        from . import collectives

        params = [self.parameters[i] for i in self.buckets[b]]
        rows = [np.zeros(p._a.size, p._a.dtype) if p._grad is None else _dense(p._grad).reshape(-1) for p in params]
        flat = np.concatenate(rows)
        if self.hook is None:
            flat *= flat.dtype.type(1.0 / self.divide_by)
            t = wrap(flat)
            work = collectives.all_reduce(t, group=self.group, async_op=True)
            self.works.append(lambda: (work.wait(), t)[1])
        else:
            future = self.hook(self.state, GradBucket(b, wrap(flat), params, b == len(self.buckets) - 1))
            self.works.append(lambda: _one(future.wait()))

    def finish(self) -> None:
        """Wait for all buckets and write the averages into the parameters' gradients."""
        self.armed = False
        somewhere = self._used_somewhere() if self.find_unused else None
        for indices, result in zip(self.buckets, self.works):
            row, at = result()._a.reshape(-1), 0
            for i in indices:
                p = self.parameters[i]
                part = row[at : at + p._a.size].reshape(p._a.shape)
                at += p._a.size
                if p._grad is None:
                    if (
                        (somewhere is None and not self.static)
                        or (somewhere is not None and somewhere[i])
                        or (self.static and i in self.used)
                    ):
                        p._grad = wrap(part.astype(p._a.dtype, copy=True))
                else:
                    if getattr(p._grad, "is_sparse", False):
                        p._grad = wrap(part.copy())
                    else:
                        p._grad._a[...] = part
                        p._grad._bump()
        self.works = []

    def _used_somewhere(self):
        """For each parameter, whether any rank used it."""
        from . import collectives
        from .reduce_op import ReduceOp

        used = wrap(np.array([i in self.used for i in range(len(self.parameters))], np.int32))
        collectives.all_reduce(used, ReduceOp.MAX, self.group)
        return used._a

    def shadow(self) -> None:
        """Take part in one backward pass of the others, with zeros: for a rank that has run out of data."""
        self.works = []
        kept = [p._grad for p in self.parameters]
        for p in self.parameters:
            p._grad = None
        self.used = set()
        for b in range(len(self.buckets)):
            self._send(b)
        if self.find_unused:
            self._used_somewhere()
        for work in self.works:
            work()
        self.works = []
        for p, g in zip(self.parameters, kept):
            p._grad = g


def _dense(grad):
    return grad.to_dense()._a if getattr(grad, "is_sparse", False) else grad._a


def _one(value) -> Tensor:
    return value[0] if isinstance(value, (list, tuple)) else value


def tensors_in(value) -> list:
    """All tensors in nested lists, tuples, dicts and dataclasses."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif hasattr(value, "__dataclass_fields__"):
        value = [getattr(value, name) for name in value.__dataclass_fields__]
    elif not isinstance(value, (list, tuple)):
        return []
    return [t for v in value for t in tensors_in(v)]


def _leaves(outputs) -> set:
    """The ids of the leaves that tensors in `outputs` depend on."""
    from ..autograd.node import Node, Port

    stack = [t._node or t for t in tensors_in(outputs) if t.requires_grad]
    seen, found = set(), set()
    while stack:
        node = stack.pop()
        if type(node) is Port:
            node = node.node
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Node):
            stack += [e for e in node.edges if e is not None]
        else:
            found.add(id(node))
    return found
