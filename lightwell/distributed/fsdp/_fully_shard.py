"""`fully_shard`: each parameter a DTensor cut over the ranks, its module's parameters gathered together where they are used (FSDP 2)."""

from dataclasses import dataclass

from ... import distributed as dist
from ...autograd import Function, modes
from ...autograd.graph import saved_tensors_hooks
from ...errors.teaching import ValueError
from ...nn import Module, ModuleDict, ModuleList
from ...ops import cat, empty, zeros
from ...tensor import Tensor, wrap
from ...utils._pytree import tree_map
from ..device_mesh import DeviceMesh
from ..tensor import DTensor, Replicate, Shard
from ..tensor._api import local_of, parameter, wrap_local

__all__ = [
    "CPUOffloadPolicy",
    "FSDPModule",
    "MixedPrecisionPolicy",
    "OffloadPolicy",
    "UnshardHandle",
    "fully_shard",
    "register_fsdp_forward_method",
]


@dataclass(frozen=True)
class MixedPrecisionPolicy:
    """Dtypes of parameters in forward and backward, of gradients as they are averaged, of the module's outputs; None leaves them.

    `cast_forward_inputs`: floating-point inputs take on `param_dtype`.
    """

    param_dtype: object = None
    reduce_dtype: object = None
    output_dtype: object = None
    cast_forward_inputs: bool = True


@dataclass
class OffloadPolicy:
    """Parameters rest where they are computed with."""


@dataclass
class CPUOffloadPolicy(OffloadPolicy):
    """Parameters rest on the CPU: here they always do."""

    pin_memory: bool = True


class _Param:
    """A parameter: where it hangs, how it is cut."""

    def __init__(self, homes, p, mesh, place):
        self.homes, self.requires_grad, self.inner = homes, p.requires_grad, None
        dim, whole = place, p.detach()
        if isinstance(p, DTensor):  # cut by tensor parallelism already: this cut goes along another dimension
            self.inner = p
            taken = {q.dim for q in p.placements if isinstance(q, Shard)}
            dim = next((d for d in range(len(p.shape)) if d not in taken), None)
            whole = wrap(p._a)
        self.shape, self.dim = tuple(whole.shape), dim
        n, rank = mesh.size(mesh.ndim - 1), mesh.get_local_rank(mesh.ndim - 1)
        self.ranks = n if dim is not None and self.shape else 1
        if not self.shape:
            raise ValueError(f"fully_shard doesn't support scalar parameters. Change {homes[0][1]} to a 1D tensor with numel equal to 1.")
        if self.ranks == 1:
            local, self.placement = whole.clone(), Replicate()
        else:
            begin, end = Shard.cut(self.shape[dim], n, rank)
            local, self.placement = whole.narrow(dim, begin, end - begin).clone(), Shard(dim)
            self.each = -(-self.shape[dim] // n)
        self.dtype = local.dtype
        placements = [*[Replicate()] * (mesh.ndim - 1), self.placement]
        if self.inner is not None:
            names = (*mesh.mesh_dim_names, *p.device_mesh.mesh_dim_names)
            mesh, placements = mesh._root[names], [*placements, *p.placements]
        self.param = parameter(wrap_local(local, mesh, placements, p.shape), p.requires_grad)

    def padded(self, t):
        """A part (or a whole's piece) filled up to the size that all ranks' parts have, dimension `dim` first."""
        t = t.movedim(self.dim, 0)
        short = self.each - t.shape[0]
        return (cat([t, zeros(short, *t.shape[1:], dtype=t.dtype)]) if short else t).reshape(-1)

    def joined(self, rows):
        """The whole out of the ranks' filled-up parts."""
        rest = [s for d, s in enumerate(self.shape) if d != self.dim]
        whole = cat([r.view(self.each, *rest) for r in rows])[: self.shape[self.dim]]
        return whole.movedim(0, self.dim).contiguous()

    def pieces(self, whole):
        """The filled-up pieces of a whole, one for each rank."""
        cuts = [Shard.cut(self.shape[self.dim], self.ranks, r) for r in range(self.ranks)]
        return [self.padded(whole.narrow(self.dim, a, b - a)) for a, b in cuts]


class _State:
    """What `fully_shard` knows of one module."""

    def __init__(self, module, params, mesh, reshard, policy):
        self.module, self.mesh, self.reshard_after, self.policy, self.params = module, mesh, reshard, policy, params
        self.group = mesh.get_group(mesh.ndim - 1)
        self.replicas = mesh.get_group(0) if mesh.ndim == 2 else None
        self.size = mesh.size()
        self.sync, self.divide, self.pending, self.fulls, self.open, self.is_root = True, None, None, None, [], None
        self.cut = [p for p in params if p.ranks > 1]

    # ---- gathering -----------------------------------------------------------------------------------------------------

    def gather(self):
        """All parameters whole, in one message."""
        locals_ = [wrap(p.param._a) for p in self.params]
        if self.policy.param_dtype is not None:
            locals_ = [t.to(self.policy.param_dtype) for t in locals_]
        out = {id(p): t.clone() for p, t in zip(self.params, locals_) if p.ranks == 1}
        by_dtype = {}
        for p, t in zip(self.params, locals_):
            if p.ranks > 1:
                by_dtype.setdefault(t.dtype, []).append((p, p.padded(t)))
        for dtype, parts in by_dtype.items():
            mine = cat([t for _, t in parts])
            n = parts[0][0].ranks
            everything = empty(n, mine.numel(), dtype=dtype)
            dist.all_gather_into_tensor(everything, mine, group=self.group)
            at = 0
            for p, t in parts:
                out[id(p)] = p.joined([everything[r, at : at + t.numel()] for r in range(n)])
                at += t.numel()
        return [out[id(p)] for p in self.params]

    def unshard(self):
        """Gather for forward, as an operation of the graph where one is wanted."""
        if self.fulls is not None:
            return
        if modes.is_grad_enabled() and any(p.requires_grad for p in self.params):
            fulls = _Gather.apply(self, *[local_of(p.param) for p in self.params])
            fulls = fulls if isinstance(fulls, tuple) else (fulls,)
        else:
            fulls = self.gather()
        self.fulls = [t.detach() for t in fulls]
        self.attach([t if p.requires_grad else t.detach() for p, t in zip(self.params, fulls)])

    def again(self):
        """Gather for backward what forward let go."""
        if self.fulls is None:
            with modes.no_grad():
                self.fulls = self.gather()
            with modes.enable_grad():
                self.attach([t.detach().requires_grad_(p.requires_grad) for p, t in zip(self.params, self.fulls)])

    def attach(self, fulls):
        for p, t in zip(self.params, fulls):
            if p.inner is not None:
                t = wrap_local(t, p.inner.device_mesh, p.inner.placements, p.inner.shape)
            for owner, key in p.homes:
                owner.__dict__[key] = t

    def reshard(self):
        """Let the wholes go: the modules see their DTensors again."""
        self.fulls = None
        for p in self.params:
            for owner, key in p.homes:
                owner.__dict__.pop(key, None)

    def pack(self, t):
        """What is saved for backward of a tensor: its place, if it shows a whole parameter."""
        if self.fulls is None or not t.numel():
            return t
        start = t._a.__array_interface__["data"][0]
        for i, whole in enumerate(self.fulls):
            offset = start - whole._a.__array_interface__["data"][0]
            if 0 <= offset < whole._a.nbytes:
                return i, offset // whole._a.itemsize, t._a.shape, tuple(s // whole._a.itemsize for s in t._a.strides)
        return t

    def unpack(self, saved):
        """The tensor that `pack` saw."""
        if not isinstance(saved, tuple):
            return saved
        self.again()
        i, offset, shape, strides = saved
        return self.fulls[i].as_strided(shape, strides, offset)

    # ---- gradients -----------------------------------------------------------------------------------------------------

    def scatter(self, grads):
        """The parts of the ranks' mean gradients, in one message per dtype."""
        dtype, out, by_dtype = self.policy.reduce_dtype, {}, {}
        divide = self.divide or self.size
        for p, g in zip(self.params, grads):
            if g is None:
                out[id(p)] = None
            elif p.ranks == 1:
                g = (g if dtype is None else g.to(dtype)).contiguous() / divide
                dist.all_reduce(g, group=self.group)
                out[id(p)] = g
            else:
                g = g if dtype is None else g.to(dtype)
                by_dtype.setdefault(g.dtype, []).append((p, p.pieces(g)))
        for kind, parts in by_dtype.items():
            n = parts[0][0].ranks
            everything = cat([cat([pieces[r] for _, pieces in parts]) for r in range(n)]) / divide
            mine = empty(everything.numel() // n, dtype=kind)
            dist.reduce_scatter_tensor(mine, everything, group=self.group)
            at = 0
            for p, pieces in parts:
                local = list(p.param._a.shape)
                rows = mine[at : at + pieces[0].numel()].view(p.each, *[s for d, s in enumerate(p.shape) if d != p.dim])
                out[id(p)] = rows[: local[p.dim]].movedim(0, p.dim).contiguous()
                at += pieces[0].numel()
        result = [out[id(p)] for p in self.params]
        if self.replicas is not None:
            for g in result:
                if g is not None:
                    dist.all_reduce(g, group=self.replicas)
        return [None if g is None else g.to(p.dtype) for p, g in zip(self.params, result)]

    # ---- hooks ---------------------------------------------------------------------------------------------------------

    def before(self, module, args, kwargs):
        if self.is_root is None:
            inside = [m._fsdp_state for m in module.modules() if isinstance(m, FSDPModule)]
            for state in inside:
                state.is_root = state is self
            if self.reshard_after is None:
                self.reshard_after = False  # backward begins with the root's parameters
            for state in inside:
                state.reshard_after = True if state.reshard_after is None else state.reshard_after
        if self.policy.param_dtype is not None and self.policy.cast_forward_inputs:
            args, kwargs = tree_map(lambda v: _cast(v, self.policy.param_dtype), (args, kwargs))
        if self.params:
            self.unshard()
        hooks = saved_tensors_hooks(self.pack, self.unpack) if self.params and self.reshard_after else None
        if hooks is not None:
            hooks.__enter__()
        self.open.append(hooks)
        return args, kwargs

    def after(self, module, args, out):
        hooks = self.open.pop() if self.open else None
        if hooks is not None:
            hooks.__exit__(None, None, None)
        if self.params and (self.reshard_after or not modes.is_grad_enabled()):
            self.reshard()
        if self.policy.output_dtype is not None:
            out = tree_map(lambda v: _cast(v, self.policy.output_dtype), out)
        return tree_map(self.before_backward, out) if self.params else out

    def before_backward(self, value):
        if isinstance(value, Tensor) and value.requires_grad:
            value.register_hook(lambda gradient: self.again())
        return value


def _cast(value, dtype):
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


class _Gather(Function):
    """The whole parameters; their gradients are averaged over the ranks and cut."""

    @staticmethod
    def forward(ctx, state, *local):
        ctx.state = state
        return tuple(state.gather())

    @staticmethod
    def backward(ctx, *grads):
        state = ctx.state
        grads = [g if p.requires_grad else None for p, g in zip(state.params, grads)]
        if state.pending is not None:
            grads = [b if a is None else a if b is None else a + b for a, b in zip(state.pending, grads)]
            state.pending = None
        state.reshard()
        if not state.sync:
            state.pending = grads
            return (None, *[None for _ in grads])
        return (None, *state.scatter(grads))


class UnshardHandle:
    """What `unshard(async_op=True)` gives: `wait()` until the parameters are whole."""

    def __init__(self, state):
        self._state = state

    def wait(self) -> None:
        """Gather, where that has not happened."""
        self._state.unshard()


class FSDPModule:
    """What a module is as well after `fully_shard`: its class becomes one of this and of what it was."""

    _fsdp_state: _State

    def unshard(self, async_op: bool = False):
        """Gather this module's parameters now; with `async_op`, when the handle it returns is waited for."""
        if async_op:
            return UnshardHandle(self._fsdp_state)
        self._fsdp_state.unshard()
        return None

    def reshard(self) -> None:
        """Let the gathered parameters go."""
        self._fsdp_state.reshard()

    def _each(self, recurse):
        return [m._fsdp_state for m in (self.modules() if recurse else [self]) if isinstance(m, FSDPModule)]

    def set_requires_gradient_sync(self, requires_gradient_sync: bool, *, recurse: bool = True) -> None:
        """Whether backward averages gradients, or keeps them whole on each rank for the next that does."""
        for state in self._each(recurse):
            state.sync = requires_gradient_sync

    def set_requires_all_reduce(self, requires_all_reduce: bool, *, recurse: bool = True) -> None:
        """With a mesh of two dimensions: whether gradients are summed over the copies too."""
        for state in self._each(recurse):
            state.replicas = state.mesh.get_group(0) if requires_all_reduce and state.mesh.ndim == 2 else None

    def set_reshard_after_forward(self, reshard_after_forward: bool, recurse: bool = True) -> None:
        """Whether parameters go between forward and backward."""
        for state in self._each(recurse):
            state.reshard_after = reshard_after_forward

    def set_gradient_divide_factor(self, factor: float) -> None:
        """By what summed gradients are divided, instead of by the number of ranks."""
        self._fsdp_state.divide = factor

    set_reduce_scatter_divide_factor = set_gradient_divide_factor

    def set_is_last_backward(self, is_last_backward: bool) -> None:
        """Accepted: nothing is kept back between backwards here."""

    def set_modules_to_forward_prefetch(self, modules) -> None:
        """Accepted without effect: on a CPU, gathering early gains nothing."""
        _all_sharded("set_modules_to_forward_prefetch", modules)

    def set_modules_to_backward_prefetch(self, modules) -> None:
        """Accepted without effect: on a CPU, gathering early gains nothing."""
        _all_sharded("set_modules_to_backward_prefetch", modules)

    def set_unshard_in_backward(self, unshard_in_backward: bool) -> None:
        """Accepted: parameters are gathered in backward only where something reads them."""

    def set_reshard_after_backward(self, reshard_after_backward: bool, *, recurse: bool = True) -> None:
        """Accepted: parameters always go after backward."""


def _all_sharded(name, modules):
    for m in modules:
        if not isinstance(m, FSDPModule):
            raise ValueError(f"{name}: expects FSDPModules, got {type(m).__name__}: call fully_shard on it first")


def fully_shard(
    module, *, mesh=None, reshard_after_forward=None, shard_placement_fn=None, mp_policy=None, offload_policy=None, ignored_params=None
):
    """Cut the parameters of `module` (or of a list of modules, one unit) over the ranks of `mesh`; returns it, now an FSDPModule too.

    Call it on inner modules first: each call takes the parameters that none has taken. They become DTensors `Shard(0)` (or what
    `shard_placement_fn(param)` says) under their names, so make the optimizer afterwards. Around `forward` they are gathered, in
    backward their gradients averaged and cut. `mesh` of two dimensions: copies along the first, cuts along the second.
    `reshard_after_forward`: whether the wholes go between forward and backward (by default: but for the root's). ValueError for a
    container without a forward, for a module that was sharded before, and for a mesh of more dimensions.
    """
    modules = list(module) if isinstance(module, (list, tuple)) else [module]
    for m in modules:
        if isinstance(m, (ModuleList, ModuleDict)):
            raise ValueError(f"fully_shard does not support containers that do not implement forward: {m}")
        if isinstance(m, FSDPModule):
            raise ValueError(f"fully_shard: this {type(m).__name__} is sharded already")
    mesh = mesh if mesh is not None else DeviceMesh("cpu", list(range(dist.get_world_size())), mesh_dim_names=("fsdp",))
    if mesh.ndim not in (1, 2):
        raise ValueError(f"fully_shard expects a 1D or 2D DeviceMesh but got {mesh}")
    found, ignored = {}, {id(p) for p in ignored_params or ()}
    for m in modules:
        for owner in _own(m):
            for key, p in owner._parameters.items():
                if p is not None and id(p) not in ignored:
                    found.setdefault(id(p), (p, []))[1].append((owner, key))
    params = []
    for p, homes in found.values():
        place = shard_placement_fn(p) if shard_placement_fn is not None else None
        one = _Param(homes, p, mesh, 0 if place is None else place.dim % max(p.dim(), 1))
        for owner, key in homes:
            owner._parameters[key] = one.param
        params.append(one)
    reshard = reshard_after_forward if reshard_after_forward is None else bool(reshard_after_forward)
    state = _State(modules[0], params, mesh, reshard, mp_policy or MixedPrecisionPolicy())
    for i, m in enumerate(modules):
        m.__dict__["_fsdp_state"] = state if i == 0 else _State(m, [], mesh, reshard, state.policy)
        m.__class__ = type(f"FSDP{type(m).__name__}", (FSDPModule, type(m)), {})
    modules[0].register_forward_pre_hook(state.before, prepend=True, with_kwargs=True)
    modules[-1].register_forward_hook(state.after, always_call=True)
    return module


def _own(module):
    """The modules below that no earlier call has taken."""
    yield module
    for child in module.children():
        if not isinstance(child, FSDPModule):
            yield from _own(child)


def register_fsdp_forward_method(module: Module, method_name: str) -> None:
    """Let another method than `forward` gather the parameters around it too (a generation loop, say)."""
    if not isinstance(module, FSDPModule):
        return
    method = getattr(module, method_name)

    def run(*args, **kwargs):
        state = module._fsdp_state
        args, kwargs = state.before(module, args, kwargs)
        try:
            out = method(*args, **kwargs)
        except BaseException:
            state.after(module, args, None)
            raise
        return state.after(module, args, out)

    setattr(module, method_name, run)
