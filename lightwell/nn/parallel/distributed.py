"""DistributedDataParallel: a module whose gradients are averaged over all processes."""

from contextlib import contextmanager

from ...distributed.algorithms.join import Join, Joinable, JoinHook
from ...distributed.buckets import Logger, _broadcast_coalesced, _verify_params_across_processes
from ...distributed.process_group import found
from ...distributed.reducer import FIRST_BUCKET_BYTES, Reducer
from ...errors.teaching import RuntimeError, TypeError, ValueError
from ..module import Module

__all__ = ["DistributedDataParallel"]


class _DDPJoinHook(JoinHook):
    """Shadows the collectives of the ranks that still have data."""

    def __init__(self, ddp, divide_by_initial_world_size):
        self.ddp, self.initial = ddp, divide_by_initial_world_size
        ddp._divide_by_initial_world_size = divide_by_initial_world_size

    def main_hook(self):
        """One forward and backward pass of the others."""
        ddp = self.ddp
        will_reduce = ddp._anybody(False)
        if ddp.require_forward_param_sync and ddp._sync_wanted() and ddp._forward_syncs():
            ddp._sync_buffers()
        ddp.require_forward_param_sync = bool(will_reduce)
        if will_reduce:
            ddp.reducer.shadow()

    def post_hook(self, is_last_joiner):
        """All take the parameters of a rank that had data longest."""
        ddp = self.ddp
        from ...distributed.objects import all_gather_object

        last: list = [None] * ddp.process_group.size()
        all_gather_object(last, is_last_joiner, ddp.process_group)
        _broadcast_coalesced(ddp.process_group, [*ddp._all_parameters(), *ddp.modules_buffers], src=max(i for i, x in enumerate(last) if x))


class DistributedDataParallel(Module, Joinable):
    """A module trained by several processes, each on its own part of every batch; gradients are averaged during `backward()`.

    g = 1/W · Σᵣ gᵣ over the W ranks: with equal parts, the gradient of the mean loss over the whole batch. Rank 0's parameters and buffers
    are given to all at construction, its buffers again before each forward pass (`broadcast_buffers`). Gradients travel in buckets of
    `bucket_cap_mb` MiB (25), see `distributed/reducer.py`. `find_unused_parameters` allows for parameters that a forward pass did not
    use; without it they raise RuntimeError, by name. Gradients arrive at the end of the local backward pass here, so that the all-reduces
    overlap with each other, not with its computation.

    Raises ValueError before `init_process_group`, RuntimeError where no parameter requires grad or shapes differ between ranks.

    >>> import lightwell as torch, lightwell.distributed as dist
    >>> dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    >>> net = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 1))
    >>> net(torch.ones(3, 2)).sum().backward(); net.module.weight.grad, list(net.state_dict())
    (tensor([[3., 3.]]), ['module.weight', 'module.bias'])
    >>> dist.destroy_process_group()
    """

    _active_ddp_module = None

    def __init__(
        self, module, device_ids=None, output_device=None, dim: int = 0, broadcast_buffers=None, init_sync: bool = True, process_group=None,
        bucket_cap_mb=None, find_unused_parameters: bool = False, check_reduction: bool = False, gradient_as_bucket_view: bool = False,
        static_graph: bool = False, delay_all_reduce_named_params=None, param_to_hook_all_reduce=None, mixed_precision=None, device_mesh=None,
        skip_all_reduce_unused_params: bool = False, bucket_cap_mb_list=None, batched_grad_copy: bool = False, forward_sync_buffers=None,
    ):  # fmt: skip
        super().__init__()
        Joinable.__init__(self)
        if device_mesh is not None and process_group is not None:
            raise RuntimeError("Cannot specify both process_group and device_mesh arguments.")
        group = found(device_mesh.get_group(0) if device_mesh is not None else process_group)
        if device_ids is not None and len(device_ids) > 1:
            raise ValueError("device_ids can only be None or contain a single element.")
        if device_ids or output_device is not None:
            for d in [*(device_ids or ()), *([] if output_device is None else [output_device])]:
                if isinstance(d, int) or getattr(d, "type", str(d).split(":")[0]) != "cpu":
                    raise ValueError(
                        "DistributedDataParallel device_ids and output_device arguments only work with single-device GPU modules, but got "
                        f"device_ids {device_ids}, output_device {output_device}, and module parameters on the CPU: leave device_ids away."
                    )
        if hasattr(module, "_ddp_params_and_buffers_to_ignore"):
            self.parameters_to_ignore = set(module._ddp_params_and_buffers_to_ignore)
        else:
            self.parameters_to_ignore = set()
        self.module = module
        self.process_group, self.dim, self.device_ids, self.output_device = group, dim, None, None
        named = [(n, p) for n, p in module.named_parameters() if n not in self.parameters_to_ignore]
        wanted = [(n, p) for n, p in named if p.requires_grad]
        if not wanted:
            raise RuntimeError("DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient.")
        if any(type(p).__name__ == "UninitializedParameter" for _, p in named):
            raise RuntimeError(
                "Modules with uninitialized parameters can't be used with `DistributedDataParallel`. Run a dummy forward pass first."
            )
        self.device = wanted[0][1].device
        self.device_type = self.device.type
        self.broadcast_buffers = True if broadcast_buffers is None else broadcast_buffers
        self.find_unused_parameters, self.static_graph = find_unused_parameters, static_graph
        self.gradient_as_bucket_view, self.mixed_precision = gradient_as_bucket_view, mixed_precision
        self.require_backward_grad_sync = self.require_forward_param_sync = True
        self.bucket_bytes_cap = int((25 if bucket_cap_mb is None else bucket_cap_mb) * 1024 * 1024)
        self.modules_buffers = [b for n, b in module.named_buffers() if n not in self.parameters_to_ignore]
        self.named_module_buffers = dict(module.named_buffers())
        if init_sync:
            _verify_params_across_processes(group, [p for _, p in wanted])
            _broadcast_coalesced(group, [p for _, p in named])
            _broadcast_coalesced(group, self.modules_buffers)
        first = self.bucket_bytes_cap if bucket_cap_mb is not None else FIRST_BUCKET_BYTES
        limits = [int(mb * 1024 * 1024) for mb in bucket_cap_mb_list] if bucket_cap_mb_list else [first, self.bucket_bytes_cap]
        self.__dict__["reducer"] = Reducer(
            [p for _, p in wanted], [n for n, _ in wanted], group, limits, find_unused_parameters, static_graph
        )
        self.__dict__["logger"] = Logger(self.reducer)
        self._comm_hooks: list = []
        self._divide_by_initial_world_size = True

    # ---- the module -----------------------------------------------------------------------------------------------

    def forward(self, *inputs, **kwargs):
        """`module(*inputs, **kwargs)`, the gradients of which will be averaged."""
        from ...autograd import modes

        syncing = modes.is_grad_enabled() and self.require_backward_grad_sync
        if modes.is_grad_enabled():
            work = Join.notify_join_context(self)
            if work is not None:
                active = int(work.result()[0].item())
                self.reducer.divide_by = self.process_group.size() if self._divide_by_initial_world_size else active
        if self._join_config.enable:
            self._anybody(syncing)
        if self._forward_syncs() and self.require_forward_param_sync and self._sync_wanted():
            self._sync_buffers()
        before = DistributedDataParallel._active_ddp_module
        DistributedDataParallel._active_ddp_module = self
        try:
            output = self.module(*inputs, **kwargs)
        finally:
            DistributedDataParallel._active_ddp_module = before
        self.require_forward_param_sync = syncing
        if syncing:
            self.reducer.prepare(output)
        return output

    def _anybody(self, mine: bool) -> int:
        """Whether this pass's gradients are averaged, told to the ranks that only shadow it."""
        from ...distributed.algorithms.join import _count

        return _count(int(mine), self.process_group)

    def _forward_syncs(self):
        return self.broadcast_buffers and bool(self.modules_buffers)

    def _sync_wanted(self):
        return self.process_group.size() > 1

    will_sync_module_buffers = _forward_syncs

    def _sync_buffers(self):
        _broadcast_coalesced(self.process_group, [b for b in self._current_buffers()])

    def _current_buffers(self):
        return [b for n, b in self.module.named_buffers() if n not in self.parameters_to_ignore]

    def _all_parameters(self):
        return [p for n, p in self.module.named_parameters() if n not in self.parameters_to_ignore]

    @contextmanager
    def no_sync(self):
        """Inside, gradients of forward passes are accumulated locally; the first pass outside averages their sum.

        Both the forward and the backward pass belong inside.
        """
        before = self.require_backward_grad_sync
        self.require_backward_grad_sync = False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def train(self, mode: bool = True):
        """Set training mode of the module."""
        super().train(mode)
        return self

    # ---- settings -------------------------------------------------------------------------------------------------

    def register_comm_hook(self, state, hook) -> None:
        """Let `hook(state, bucket) -> Future[Tensor]` see to the averaging of each GradBucket; RuntimeError the second time.

        Ready-made hooks: `torch.distributed.algorithms.ddp_comm_hooks.default_hooks`.
        """
        if not callable(hook):
            raise TypeError("Communication hook must be callable.")
        if self.reducer.hook is not None:
            raise RuntimeError("register_comm_hook or register_builtin_comm_hook can only be called once.")
        self.reducer.hook, self.reducer.state = hook, state
        self._comm_hooks.append((hook, state))

    def _register_builtin_comm_hook(self, comm_hook_type) -> None:
        from ...distributed.algorithms.ddp_comm_hooks import default_hooks

        self.register_comm_hook(self.process_group, getattr(default_hooks, comm_hook_type.name.lower() + "_hook"))

    def _set_static_graph(self) -> None:
        self.static_graph = self.reducer.static = True

    def _get_ddp_logging_data(self) -> dict:
        """What it does, in numbers."""
        r = self.reducer
        return {
            **self.logger._get_ddp_logging_data(), "module_name": type(self.module).__name__, "bucket_cap_bytes": self.bucket_bytes_cap,
            "find_unused_parameters": int(self.find_unused_parameters), "gradient_as_bucket_view": int(self.gradient_as_bucket_view),
            "broadcast_buffers": int(self.broadcast_buffers), "static_graph": int(self.static_graph), "device_ids": "", "output_device": -1,
            "num_parameter_tensors": len(r.parameters), "total_parameter_size_bytes": sum(p.nbytes for p in r.parameters),
            "bucket_sizes": ", ".join(str(sum(r.parameters[i].nbytes for i in b)) for b in r.buckets),
            "comm_hook": getattr(r.hook, "__name__", ""),
        }  # fmt: skip

    def _set_ddp_runtime_logging_sample_rate(self, sample_rate: int) -> None:
        if sample_rate < 1:
            raise ValueError("DDP runtime logging sample rate should be equal or greater than 1")

    @staticmethod
    def _set_params_and_buffers_to_ignore_for_model(module, params_and_buffers_to_ignore) -> None:
        """Names of parameters and buffers that are neither broadcast nor averaged."""
        module._ddp_params_and_buffers_to_ignore = params_and_buffers_to_ignore

    # ---- uneven inputs --------------------------------------------------------------------------------------------

    def join(self, divide_by_initial_world_size: bool = True, enable: bool = True, throw_on_early_termination: bool = False):
        """A context in which ranks may have different numbers of batches: those that have run out take part with zero gradients.

        Gradients are divided by the number of ranks, or, without `divide_by_initial_world_size`, of those that still have data.
        """
        return Join([self], enable, throw_on_early_termination, divide_by_initial_world_size=divide_by_initial_world_size)

    def join_hook(self, **kwargs) -> JoinHook:
        """The hook for ranks that have run out of data."""
        return _DDPJoinHook(self, kwargs.get("divide_by_initial_world_size", True))

    @property
    def join_device(self):
        """The device of the gradients."""
        return self.device

    @property
    def join_process_group(self):
        """The group over which gradients are averaged."""
        return self.process_group

    # ---- copies ---------------------------------------------------------------------------------------------------

    def __getstate__(self):
        if self.process_group is not found(None):
            raise RuntimeError("DDP Pickling/Unpickling are only supported when using DDP with the default process group.")
        state = dict(self.__dict__)
        for name in ("process_group", "reducer", "logger"):
            del state[name]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.__dict__["process_group"] = group = found(None)
        wanted = [(n, p) for n, p in self.module.named_parameters() if p.requires_grad and n not in self.parameters_to_ignore]
        self.__dict__["reducer"] = Reducer(
            [p for _, p in wanted], [n for n, _ in wanted], group, [FIRST_BUCKET_BYTES, self.bucket_bytes_cap], self.find_unused_parameters,
            self.static_graph,
        )  # fmt: skip
        self.__dict__["logger"] = Logger(self.reducer)
