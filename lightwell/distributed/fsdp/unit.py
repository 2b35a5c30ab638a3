"""A unit's parameters as one flat vector, of which this rank keeps a part.

Gathering is an operation with a derivative: its value is the whole vector, its gradient the ranks' mean, scattered back. So backward
needs no machinery of its own. What operations save of the whole vector is saved as a place in it: between forward and backward the
vector can go, and is gathered again when backward first reads it (Rajbhandari et al., "ZeRO", 2020; Zhao et al., "PyTorch FSDP", 2023).
"""

from ... import distributed as dist
from ...autograd import Function, modes
from ...errors.teaching import ValueError
from ...nn import Module, Parameter
from ...ops import cat, empty, zeros
from .api import ShardingStrategy

KEEPS = {ShardingStrategy.SHARD_GRAD_OP, ShardingStrategy._HYBRID_SHARD_ZERO2, ShardingStrategy.NO_SHARD}
HYBRID = {ShardingStrategy.HYBRID_SHARD, ShardingStrategy._HYBRID_SHARD_ZERO2}


class Slot:
    """One parameter's place in the vector, and the modules it belongs to (several where it is tied)."""

    def __init__(self, param, name, offset):
        self.shape, self.numel, self.offset, self.name = tuple(param.shape), param.numel(), offset, name
        self.requires_grad, self.homes = param.requires_grad, []
        self.local = None  # this rank's part as a parameter of its own, with use_orig_params


class Unit:
    """The parameters of one FullyShardedDataParallel module."""

    def __init__(self, module: Module, params: list, group, replicas, strategy, mixed, use_orig: bool):
        self.module, self.group, self.replicas, self.strategy, self.mixed, self.use_orig = (
            module,
            group,
            replicas,
            strategy,
            mixed,
            use_orig,
        )
        self.sync, self.pending, self.full = True, None, None
        self.ranks = 1 if strategy is ShardingStrategy.NO_SHARD else dist.get_world_size(group)
        self.rank = 0 if self.ranks == 1 else dist.get_rank(group)
        slots, offset = {}, 0
        for name, owner, key, p in params:
            if id(p) not in slots:
                slots[id(p)] = Slot(p, name, offset)
                offset += p.numel()
            slots[id(p)].homes.append((owner, key))
        self.slots, self.numel = list(slots.values()), offset
        self.orders = {id(owner): (owner, list(owner._parameters)) for _, owner, _, _ in params}
        values, known = [], set()
        for _, _, _, p in params:
            if id(p) not in known:
                known.add(id(p))
                values.append(p.detach().reshape(-1))
        self.dtype = values[0].dtype
        if any(v.dtype is not self.dtype for v in values):
            raise ValueError(f"FSDP: the parameters of one unit must have one dtype, got {sorted({str(v.dtype) for v in values})}")
        self.part = -(-offset // self.ranks)
        whole = cat([*values, zeros(self.part * self.ranks - offset, dtype=self.dtype)])
        shard = whole[self.rank * self.part : (self.rank + 1) * self.part].clone()
        grads = {s.requires_grad for s in self.slots}
        if not use_orig and len(grads) > 1:
            raise ValueError("`FlatParameter` requires uniform `requires_grad`: freeze whole units, or pass use_orig_params=True")
        for s in self.slots:
            for owner, key in s.homes:
                del owner._parameters[key]
        self.flat = None
        if use_orig:
            begin = self.rank * self.part
            for s in self.slots:
                low, high = (min(max(at - begin, 0), self.part) for at in (s.offset, s.offset + s.numel))
                here = shard[low:high]
                s.local = Parameter(here.view(s.shape) if strategy is ShardingStrategy.NO_SHARD else here, s.requires_grad)
                self._home(s, s.local)
            self._order()
        else:
            self.flat = Parameter(shard, next(iter(grads)))
            module.register_parameter("_flat_param", self.flat)
            self.detach()

    # ---- where the parameters hang -------------------------------------------------------------------------------------

    @staticmethod
    def _home(slot, value):
        for owner, key in slot.homes:
            owner.__dict__.pop(key, None)
            owner._parameters[key] = value

    def _order(self):
        for owner, names in self.orders.values():
            table = owner._parameters
            for name in [n for n in names if n in table]:
                table[name] = table.pop(name)

    @property
    def locals(self) -> list:
        """The parameters that the optimizer sees."""
        return [s.local for s in self.slots] if self.use_orig else [self.flat]

    def shard(self):
        """This rank's part of the vector, padding included."""
        if not self.use_orig:
            return self.flat.detach()
        have = cat([s.local.detach().reshape(-1) for s in self.slots])
        return cat([have, zeros(self.part - have.numel(), dtype=have.dtype)])

    def attach(self, full) -> None:
        """Let the modules see their parameters as views of the whole vector."""
        for s in self.slots:
            view = full[s.offset : s.offset + s.numel].view(s.shape)
            if not s.requires_grad:
                view = view.detach()
            for owner, key in s.homes:
                owner._parameters.pop(key, None)
                owner.__dict__[key] = view

    def detach(self) -> None:
        """Take the views away again; an empty tensor keeps the attribute's place."""
        for s in self.slots:
            for owner, key in s.homes:
                owner.__dict__[key] = empty(0, dtype=self.dtype)
            if self.use_orig:
                self._home(s, s.local)
        if self.use_orig:
            self._order()

    # ---- gathering -----------------------------------------------------------------------------------------------------

    def gather(self, dtype=None):
        """The whole vector of a per-rank part, in the unit's forward dtype unless said otherwise."""
        return self.gathered(self.shard(), dtype or self.mixed.param_dtype)

    def gathered(self, part, dtype=None):
        """The ranks' parts put together."""
        part = part if dtype is None else part.to(dtype)
        if self.ranks == 1:
            return part.clone()
        full = empty(self.part * self.ranks, dtype=part.dtype)
        dist.all_gather_into_tensor(full, part.contiguous(), group=self.group)
        return full

    def unshard(self) -> None:
        """For forward: gather, as an operation of the graph where one is wanted."""
        if modes.is_grad_enabled() and any(p.requires_grad for p in self.locals):
            full = _Gather.apply(self, *self.locals)
        else:
            full = self.gather()
        self.full = full.detach()
        self.attach(full)

    def again(self) -> None:
        """For backward: gather what forward let go."""
        if self.full is None:
            with modes.no_grad():
                self.full = self.gather()
            with modes.enable_grad():  # what a checkpointed part runs again must save what it saved before
                self.attach(self.full.detach().requires_grad_(any(p.requires_grad for p in self.locals)))

    def reshard(self) -> None:
        """Let the whole vector go."""
        self.full = None
        self.detach()

    def pack(self, t):
        """What is saved for backward of a tensor: its place, if it is a part of the whole vector."""
        if self.full is None or not t.numel() or self.strategy in KEEPS:
            return t
        a, whole = t._a, self.full._a
        start = a.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
        if not 0 <= start < whole.nbytes:
            return t
        return start // whole.itemsize, a.shape, tuple(s // whole.itemsize for s in a.strides)

    def unpack(self, saved):
        """The tensor that `pack` saw."""
        if not isinstance(saved, tuple):
            return saved
        self.again()
        offset, shape, strides = saved
        return self.full.as_strided(shape, strides, offset)

    # ---- gradients -----------------------------------------------------------------------------------------------------

    def scatter(self, gradient):
        """This rank's part of the mean of the ranks' gradients."""
        if self.mixed.reduce_dtype is not None:
            gradient = gradient.to(self.mixed.reduce_dtype)
        part = gradient.contiguous()
        if self.ranks > 1:
            part = empty(self.part, dtype=gradient.dtype)
            dist.reduce_scatter_tensor(part, gradient.contiguous(), op=dist.ReduceOp.AVG, group=self.group)
        elif self.strategy is ShardingStrategy.NO_SHARD:
            part = part.clone()
            dist.all_reduce(part, op=dist.ReduceOp.AVG, group=self.group)
        if self.replicas is not None:
            dist.all_reduce(part, op=dist.ReduceOp.AVG, group=self.replicas)
        return part if self.mixed.keep_low_precision_grads else part.to(self.dtype)


class _Gather(Function):
    """The whole vector; its gradient is averaged over the ranks and scattered."""

    @staticmethod
    def forward(ctx, unit, *local):
        ctx.unit = unit
        ctx.sizes = [p.numel() for p in local]
        ctx.shapes = [p.shape for p in local]
        return unit.gather()

    @staticmethod
    def backward(ctx, gradient):
        unit = ctx.unit
        if unit.pending is not None:
            gradient, unit.pending = gradient + unit.pending, None
        unit.reshard()
        if not unit.sync:
            unit.pending = gradient
            return (None, *[None for _ in ctx.sizes])
        part = unit.scatter(gradient)
        parts = part[: sum(ctx.sizes)].split(ctx.sizes)
        return (None, *[p.view(shape) for p, shape in zip(parts, ctx.shapes)])
