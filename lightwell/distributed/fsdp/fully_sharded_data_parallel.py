"""FullyShardedDataParallel: a module whose parameters are spread over the ranks and gathered where they are used."""

import contextlib

from ... import distributed as dist
from ...autograd.graph import saved_tensors_hooks
from ...autograd.modes import no_grad
from ...errors.teaching import RuntimeError, TypeError, ValueError
from ...nn import Module, Parameter
from ...tensor import Tensor
from ...utils._pytree import tree_map
from . import optim_state
from .api import *
from .api import CONFIGS
from .unit import HYBRID, KEEPS, Unit
from .wrap import wrap_children

FSDP_WRAPPED_MODULE, FLAT_PARAM = "_fsdp_wrapped_module", "_flat_param"


def clean_tensor_name(name: str) -> str:
    """A parameter's name in the module as it was before it was wrapped."""
    return name.replace(FSDP_WRAPPED_MODULE + ".", "").replace("_checkpoint_wrapped_module.", "")


class FullyShardedDataParallel(Module):
    """`module`, each rank keeping 1/n of its parameters, gradients and optimizer state.

    Parameters that no inner FullyShardedDataParallel has form one unit: gathered for the module's forward, let go, gathered for its
    backward; gradients are averaged and scattered. `auto_wrap_policy` (see `fsdp.wrap`) makes submodules units of their own;
    `use_orig_params` keeps the parameters' names and lets frozen and trained ones mix; `sync_module_states` starts from rank 0's values.
    What concerns GPUs (prefetching, rate limits, offloading, `device_id`) is accepted without effect. RuntimeError where no process
    group is there; ValueError for a wrapped submodule in an auto-wrapped module.
    """

    def __init__(self, module: Module, process_group=None, sharding_strategy=None, cpu_offload=None, auto_wrap_policy=None,
                 backward_prefetch=BackwardPrefetch.BACKWARD_PRE, mixed_precision=None, ignored_modules=None, param_init_fn=None,
                 device_id=None, sync_module_states: bool = False, forward_prefetch: bool = False, limit_all_gathers: bool = True,
                 use_orig_params: bool = False, ignored_states=None, device_mesh=None):  # fmt: skip
        super().__init__()
        if not isinstance(module, Module):
            raise TypeError(f"FullyShardedDataParallel: module must be an nn.Module, got {type(module).__name__}")
        strategy = sharding_strategy or ShardingStrategy.FULL_SHARD
        group, replicas = _groups(process_group, device_mesh, strategy)
        ignored = set(ignored_states or ()) if not ignored_states or isinstance(next(iter(ignored_states)), Tensor) else set()
        for inner in [*(ignored_modules or ()), *(s for s in ignored_states or () if isinstance(s, Module))]:
            ignored.update(inner.parameters())
        options = dict(
            process_group=(group, replicas) if strategy in HYBRID else group, sharding_strategy=strategy, mixed_precision=mixed_precision,
            use_orig_params=use_orig_params, sync_module_states=sync_module_states, ignored_states=list(ignored) or None,
        )  # fmt: skip
        if auto_wrap_policy is not None:
            if any(isinstance(m, FullyShardedDataParallel) for m in module.modules()):
                raise ValueError(
                    "FullyShardedDataParallel: auto_wrap_policy was given, but a submodule is wrapped already; do one or the other"
                )
            wrap_children(module, auto_wrap_policy, lambda child, **own: FullyShardedDataParallel(child, **{**options, **own}), ignored)
        if param_init_fn is not None:
            for inner in module.modules():
                if any(p.is_meta for p in inner.parameters(recurse=False)):
                    param_init_fn(inner)
        self.process_group, self.sharding_strategy, self.mixed_precision = group, strategy, mixed_precision or MixedPrecision()
        self._settings = StateDictSettings(StateDictType.FULL_STATE_DICT, FullStateDictConfig(), FullOptimStateDictConfig())
        self._is_root, self._summoned = None, False
        params = list(_own_parameters(module, ignored))
        if sync_module_states:
            with no_grad():
                for t in [p for *_, p in params] + [b for m in _own_modules(module) for b in m._buffers.values() if b is not None]:
                    dist.broadcast(t, src=dist.get_global_rank(group, 0) if group is not None else 0, group=group)
        for inner in _own_modules(module) if self.mixed_precision.buffer_dtype is not None else ():
            for name, b in inner._buffers.items():
                if b is not None and b.is_floating_point():
                    inner._buffers[name] = b.to(self.mixed_precision.buffer_dtype)
        unit = Unit(module, params, group, replicas, strategy, self.mixed_precision, use_orig_params) if params else None
        self.__dict__["_unit"] = unit
        setattr(self, FSDP_WRAPPED_MODULE, module)

    @property
    def module(self) -> Module:
        """The module that was wrapped."""
        return getattr(self, FSDP_WRAPPED_MODULE)

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__(FSDP_WRAPPED_MODULE), name)

    def __getitem__(self, key):
        return self.module[key]

    @staticmethod
    def fsdp_modules(module: Module, root_only: bool = False) -> list:
        """The FullyShardedDataParallel modules in a module, itself included; with `root_only` those that lie in no other."""
        found = [m for m in module.modules() if isinstance(m, FullyShardedDataParallel)]
        if root_only:
            inner = {id(m) for f in found for m in f.modules() if m is not f}
            found = [f for f in found if id(f) not in inner]
        return found

    @staticmethod
    def _units(module: Module) -> list:
        return [m._unit for m in FullyShardedDataParallel.fsdp_modules(module) if m._unit is not None]

    # ---- running -------------------------------------------------------------------------------------------------------

    def forward(self, *args, **kwargs):
        """Gather the unit's parameters, run the module, and let them go."""
        unit, mixed = self._unit, self.mixed_precision
        if self._is_root is None:
            for m in self.fsdp_modules(self):
                m._is_root = m is self
        if mixed.param_dtype is not None and (mixed.cast_forward_inputs or (self._is_root and mixed.cast_root_forward_inputs)):
            args, kwargs = tree_map(lambda v: _cast(v, mixed.param_dtype), (args, kwargs))
        if unit is None or self._summoned:
            return self.module(*args, **kwargs)
        unit.unshard()
        try:
            with saved_tensors_hooks(unit.pack, unit.unpack) if unit.strategy not in KEEPS else contextlib.nullcontext():
                out = self.module(*args, **kwargs)
        finally:
            if unit.strategy not in KEEPS or not _wants_backward(unit):
                unit.reshard()
        return tree_map(lambda v: _before_backward(unit, v), out)

    @contextlib.contextmanager
    def no_sync(self):
        """Within it gradients are kept whole on each rank; the next backward outside adds them in. RuntimeError on a nested module."""
        if self._is_root is False:
            raise RuntimeError("`no_sync()` on inner FSDP instances is not supported. Please call `no_sync()` on root FSDP module.")
        units = self._units(self)
        for unit in units:
            unit.sync = False
        try:
            yield
        finally:
            for unit in units:
                unit.sync = True

    def clip_grad_norm_(self, max_norm: float, norm_type: float = 2.0) -> Tensor:
        """Scale all gradients so that their norm, over all ranks, is at most `max_norm`; returns the norm before."""
        units = self._units(self)
        sharded = {id(p) for u in units if u.ranks > 1 for p in u.locals}
        grads = [(p.grad, id(p) in sharded) for p in self.parameters() if p.grad is not None]
        from ...ops import stack, zeros

        if norm_type == float("inf"):
            parts = [g.detach().abs().max() for g, _ in grads if g.numel()]
            total = stack(parts).max() if parts else zeros(())
            dist.all_reduce(total, op=dist.ReduceOp.MAX, group=self.process_group)
        else:
            sums = {True: zeros(()), False: zeros(())}
            for g, shared in grads:
                sums[shared] = sums[shared] + g.detach().float().norm(norm_type) ** norm_type
            dist.all_reduce(sums[True], group=self.process_group)
            total = (sums[True] + sums[False]) ** (1 / norm_type)
        scale = (max_norm / (total + 1e-6)).clamp(max=1.0)
        for g, _ in grads:
            g.detach().mul_(scale.to(g.dtype))
        return total

    def apply(self, fn):
        """Apply `fn` to every submodule, parameters whole; what it changes is kept."""
        with self.summon_full_params(self) if not self._summoned else contextlib.nullcontext():
            return super().apply(fn)

    # ---- whole parameters ----------------------------------------------------------------------------------------------

    @staticmethod
    @contextlib.contextmanager
    def summon_full_params(module: Module, recurse: bool = True, writeback: bool = True, rank0_only: bool = False,
                           offload_to_cpu: bool = False, with_grads: bool = False):  # fmt: skip
        """Within it the modules have their whole parameters, under their names; what is written into them is kept if `writeback`.

        ValueError for `writeback` with `rank0_only`: the ranks would differ.
        """
        if writeback and rank0_only:
            raise ValueError("writeback=True and rank0_only=True is not supported: the ranks' parameters would differ")
        wrappers = FullyShardedDataParallel.fsdp_modules(module)
        wrappers = [m for m in (wrappers if recurse else wrappers[:1]) if not m._summoned]
        opened = []
        with no_grad():
            for m in wrappers:
                m._summoned = True
                if m._unit is not None:
                    opened.append((m._unit, _open(m._unit, with_grads)))
        try:
            yield
        finally:
            with no_grad():
                for unit, full in opened:
                    _close(unit, full, writeback)
            for m in wrappers:
                m._summoned = False

    def named_parameters(self, *args, **kwargs):
        """As nn.Module's; within `summon_full_params` under the names that the unwrapped module has."""
        for name, p in super().named_parameters(*args, **kwargs):
            yield (clean_tensor_name(name) if self._summoned else name), p

    def named_buffers(self, *args, **kwargs):
        """As nn.Module's; within `summon_full_params` under the names that the unwrapped module has."""
        for name, b in super().named_buffers(*args, **kwargs):
            yield (clean_tensor_name(name) if self._summoned else name), b

    # ---- state_dict ----------------------------------------------------------------------------------------------------

    @staticmethod
    def set_state_dict_type(module: Module, state_dict_type, state_dict_config=None, optim_state_dict_config=None) -> StateDictSettings:
        """Choose the kind of state_dict for all units in `module`; returns what was in force. RuntimeError for a config of another kind."""
        kinds = CONFIGS[state_dict_type]
        configs = state_dict_config or kinds[0](), optim_state_dict_config or kinds[1]()
        for config, kind in zip(configs, kinds):
            if type(config) is not kind:
                raise RuntimeError(f"Expected state_dict_config of type {kind} but got {type(config)}")
        before = FullyShardedDataParallel.get_state_dict_type(module)
        for m in FullyShardedDataParallel.fsdp_modules(module):
            m._settings = StateDictSettings(state_dict_type, *configs)
        return before

    @staticmethod
    def get_state_dict_type(module: Module) -> StateDictSettings:
        """The kind of state_dict in force."""
        for m in FullyShardedDataParallel.fsdp_modules(module):
            return m._settings
        return StateDictSettings(StateDictType.FULL_STATE_DICT, FullStateDictConfig(), FullOptimStateDictConfig())

    @staticmethod
    @contextlib.contextmanager
    def state_dict_type(module: Module, state_dict_type, state_dict_config=None, optim_state_dict_config=None):
        """Within it, `module.state_dict()` and `load_state_dict()` are of this kind."""
        before = FullyShardedDataParallel.set_state_dict_type(module, state_dict_type, state_dict_config, optim_state_dict_config)
        try:
            yield
        finally:
            FullyShardedDataParallel.set_state_dict_type(
                module, before.state_dict_type, before.state_dict_config, before.optim_state_dict_config
            )

    def state_dict(self, *args, destination=None, prefix: str = "", keep_vars: bool = False):
        """The state of the kind in force: see `set_state_dict_type`. All ranks must call it."""
        kind, config = self._settings.state_dict_type, self._settings.state_dict_config
        if self._summoned or kind is StateDictType.LOCAL_STATE_DICT:
            return super().state_dict(*args, destination=destination, prefix=prefix, keep_vars=keep_vars)
        with self.summon_full_params(self, writeback=False):
            own = super().state_dict(prefix=prefix, keep_vars=keep_vars)
        state = type(own)((clean_tensor_name(key), value.clone() if isinstance(value, Tensor) else value) for key, value in own.items())
        if kind is StateDictType.SHARDED_STATE_DICT:
            state = type(own)((key, _distributed(value, self.process_group)) for key, value in state.items())
        elif config.rank0_only and dist.get_rank() != 0:
            state = type(own)()
        if destination is None:
            return state
        destination.update(state)
        return destination

    def load_state_dict(self, state_dict, strict: bool = True, assign: bool = False):
        """Take on a state of the kind in force; keys and shapes are checked as nn.Module does, before anything is changed."""
        kind = self._settings.state_dict_type
        if self._summoned or kind is StateDictType.LOCAL_STATE_DICT:
            return super().load_state_dict(state_dict, strict, assign)
        whole = {key: value.full_tensor() if hasattr(value, "full_tensor") else value for key, value in state_dict.items()}
        with self.summon_full_params(self):
            names = {clean_tensor_name(key): key for key in Module.state_dict(self)}
            return super().load_state_dict({names.get(key, key): value for key, value in whole.items()}, strict, assign)

    optim_state_dict = staticmethod(optim_state.optim_state_dict)
    optim_state_dict_to_load = staticmethod(optim_state.optim_state_dict_to_load)
    full_optim_state_dict = staticmethod(optim_state.full_optim_state_dict)
    shard_full_optim_state_dict = staticmethod(optim_state.shard_full_optim_state_dict)


def _groups(process_group, mesh, strategy):
    """(group that shards, group of copies or None)."""
    if not dist.is_initialized():
        raise RuntimeError("FullyShardedDataParallel needs a process group: call torch.distributed.init_process_group() first")
    if mesh is not None:
        if strategy in HYBRID:
            if mesh.ndim != 2:
                raise ValueError(f"FullyShardedDataParallel: a hybrid strategy needs a mesh of 2 dimensions, got {mesh.ndim}")
            return mesh.get_group(1), mesh.get_group(0)
        return mesh.get_group(0), None
    if strategy in HYBRID:
        if isinstance(process_group, (tuple, list)) and len(process_group) == 2:
            return tuple(process_group)
        raise ValueError(
            "FullyShardedDataParallel: a hybrid strategy needs process_group=(sharding group, group of copies), or a device_mesh of 2 dimensions"
        )
    return process_group, None


def _own_modules(module):
    """The modules of a unit: not those that lie in an inner one."""
    if isinstance(module, FullyShardedDataParallel):
        return
    yield module
    for child in module.children():
        yield from _own_modules(child)


def _own_parameters(module, ignored):
    """(name, owner, key, parameter) of all parameters that no inner unit has."""
    names = {id(m): name for name, m in module.named_modules()}
    for owner in _own_modules(module):
        for key, p in owner._parameters.items():
            if p is not None and p not in ignored:
                at = names[id(owner)]
                yield clean_tensor_name(f"{at}.{key}" if at else key), owner, key, p


def _cast(value, dtype):
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def _wants_backward(unit):
    from ...autograd.modes import is_grad_enabled

    return is_grad_enabled() and any(p.requires_grad for p in unit.locals)


def _before_backward(unit, value):
    """Have the unit gathered when backward reaches an output: checkpointed parts run their forward again then."""
    if isinstance(value, Tensor) and value.requires_grad:
        value.register_hook(lambda gradient: unit.again())
    return value


def _open(unit, with_grads):
    """Give the modules whole parameters; the vector they are views of."""
    full = unit.gathered(unit.shard())
    grads = None
    if with_grads and all(p.grad is not None for p in unit.locals):
        from ...ops import cat, zeros

        part = cat([p.grad.reshape(-1) for p in unit.locals])
        grads = unit.gathered(cat([part, zeros(unit.part - part.numel(), dtype=part.dtype)]))
    unit.module._parameters.pop(FLAT_PARAM, None)
    for s in unit.slots:
        p = Parameter(full[s.offset : s.offset + s.numel].view(s.shape), s.requires_grad)
        if grads is not None:
            p.grad = grads[s.offset : s.offset + s.numel].view(s.shape)
        unit._home(s, p)
    unit._order()
    return full


def _close(unit, full, writeback):
    """Take the whole parameters away; this rank's part of what they became is kept if `writeback`."""
    if writeback:
        for s in unit.slots:
            owner, key = s.homes[0]
            now = owner._parameters[key].detach().reshape(-1)
            full[s.offset : s.offset + s.numel].copy_(now)
        part, at = full[unit.rank * unit.part : (unit.rank + 1) * unit.part], 0
        for p in unit.locals:
            p.detach().reshape(-1).copy_(part[at : at + p.numel()])
            at += p.numel()
    for s in unit.slots:
        for owner, key in s.homes:
            owner._parameters.pop(key, None)
    unit.detach()
    if not unit.use_orig:
        unit.module.register_parameter(FLAT_PARAM, unit.flat)


def _distributed(value, group):
    """A whole tensor as a DTensor, each rank keeping its rows."""
    if not isinstance(value, Tensor) or not value.dim():
        return value
    from ..device_mesh import DeviceMesh
    from ..tensor import Shard, distribute_tensor

    mesh = DeviceMesh.from_group(group, "cpu") if group is not None else DeviceMesh("cpu", list(range(dist.get_world_size())))
    return distribute_tensor(value, mesh, [Shard(0)])
