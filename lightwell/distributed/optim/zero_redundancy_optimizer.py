"""ZeroRedundancyOptimizer: each rank keeps the optimizer's state of a part of the parameters only."""

import numpy as np

from ...errors.teaching import RuntimeError, ValueError
from ...optim.optimizer import Optimizer
from ...tensor import wrap
from ..algorithms.join import Join, Joinable, JoinHook
from ..buckets import _broadcast_coalesced
from ..objects import gather_object
from ..process_group import found

__all__ = ["ZeroRedundancyOptimizer"]


class _ZeROJoinHook(JoinHook):
    """A rank without data steps with the others: its part of the parameters is its duty still."""

    def __init__(self, zero):
        self.zero = zero

    def main_hook(self):
        """One step of the others."""
        self.zero.step()


class ZeroRedundancyOptimizer(Optimizer, Joinable):
    """An `optimizer_class` whose state is spread over the ranks (Rajbhandari et al., ZeRO, 2020, stage 1).

    Parameters are dealt out by size; `step()` updates this rank's own and takes the others' from their owners, so that all ranks must call
    it with the same gradients, as DistributedDataParallel leaves them. `state_dict()` needs `consolidate_state_dict(to)` before it, and is
    there on rank `to` only.

    >>> import lightwell as torch, lightwell.distributed as dist
    >>> dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    >>> w = torch.ones(2, requires_grad=True)
    >>> opt = dist.optim.ZeroRedundancyOptimizer([w], torch.optim.SGD, lr=0.5)
    >>> w.sum().backward(); opt.step(); w
    tensor([0.5000, 0.5000], requires_grad=True)
    >>> dist.destroy_process_group()
    """

    def __init__(
        self,
        params,
        optimizer_class,
        process_group=None,
        parameters_as_bucket_view: bool = False,
        overlap_with_ddp: bool = False,
        **defaults,
    ):
        if overlap_with_ddp:
            raise RuntimeError("ZeroRedundancyOptimizer: overlap_with_ddp needs GPU streams; leave it False, the results are the same")
        self.process_group = found(process_group)
        self.world_size, self.rank = self.process_group.size(), self.process_group.rank()
        self._optim_constructor, self._optim_defaults = optimizer_class, defaults
        self.initialized, self._consolidated = False, None
        Joinable.__init__(self)
        Optimizer.__init__(self, params, defaults)
        for g in self.param_groups:
            for key, value in defaults.items():
                g.setdefault(key, value)
        self._deal()
        self.initialized = True

    def _deal(self):
        """Every group's parameters over the ranks, the largest first, each to the rank that has least."""
        sizes = [0] * self.world_size
        self._owner: dict = {}
        parts: list = [[] for _ in range(self.world_size)]
        for g in self.param_groups:
            mine: list = [[] for _ in range(self.world_size)]
            for p in sorted(g["params"], key=lambda p: p.numel(), reverse=True):
                rank = int(np.argmin(sizes))
                sizes[rank] += p.numel()
                self._owner[id(p)] = rank
            for p in g["params"]:
                mine[self._owner[id(p)]].append(p)
            for rank, params in enumerate(mine):
                parts[rank].append({**{k: v for k, v in g.items() if k != "params"}, "params": params})
        self._parts = parts
        kept = [dict(g) for g in parts[self.rank] if g["params"]]
        self._places = [i for i, g in enumerate(parts[self.rank]) if g["params"]]
        self.optim = self._optim_constructor(kept, **self._optim_defaults) if kept else None

    def add_param_group(self, param_group: dict) -> None:
        """Add a group, and deal the parameters out again (their state begins anew)."""
        super().add_param_group(param_group)
        if self.initialized:
            self._deal()

    def _tell_local(self):
        """Learning rates and the like, which schedulers write to the groups here, go to the local optimizer."""
        if self.optim is not None:
            for place, local in zip(self._places, self.optim.param_groups):
                local.update((k, v) for k, v in self.param_groups[place].items() if k != "params")

    def step(self, closure=None, **kwargs):
        """One step: this rank's part, then the others' parameters from their owners. The closure's loss, where one is given."""
        Join.notify_join_context(self)
        self._tell_local()
        loss = None
        if self.optim is not None:
            loss = self.optim.step(closure, **kwargs) if closure is not None else self.optim.step(**kwargs)
            for place, local in zip(self._places, self.optim.param_groups):  # an optimizer may write to its groups
                self.param_groups[place].update((k, v) for k, v in local.items() if k != "params")
        elif closure is not None:
            loss = closure()
        for rank, groups in enumerate(self._parts):
            params = [p for g in groups for p in g["params"]]
            if params and self.world_size > 1:
                _broadcast_coalesced(self.process_group, params, src=rank)
        return loss

    # ---- state ----------------------------------------------------------------------------------------------------

    def _numbers(self) -> dict:
        return {id(p): i for i, p in enumerate(p for g in self.param_groups for p in g["params"])}

    def consolidate_state_dict(self, to: int = 0) -> None:
        """Bring all ranks' state to rank `to`; all ranks call it."""
        numbers = self._numbers()
        mine = {numbers[id(p)]: {k: getattr(v, "_a", v) for k, v in s.items()} for p, s in (self.optim.state if self.optim else {}).items()}
        box = [None] * self.world_size if self.rank == to else None
        gather_object(mine, box, group=self.process_group, group_dst=to)
        self._consolidated = None
        if box is not None:
            merged = {i: s for part in box for i, s in part.items()}
            self._consolidated = {i: {k: wrap(v) if isinstance(v, np.ndarray) else v for k, v in merged[i].items()} for i in sorted(merged)}

    def state_dict(self) -> dict:
        """The whole state, as the plain optimizer's; RuntimeError where `consolidate_state_dict` has not brought it to this rank."""
        if self._consolidated is None:
            raise RuntimeError(
                "Optimizer state has not been consolidated on this rank. Please call `consolidate_state_dict(to="
                f"{self.rank})` on all ranks beforehand if you meant to save the global state."
            )
        numbers = self._numbers()
        groups = [
            {**{k: v for k, v in g.items() if k != "params"}, "params": [numbers[id(p)] for p in g["params"]]} for g in self.param_groups
        ]
        return {"state": dict(self._consolidated), "param_groups": groups}

    def load_state_dict(self, state_dict: dict) -> None:
        """Take over a whole state, of which this rank keeps its part."""
        counts = [len(g["params"]) for g in state_dict["param_groups"]]
        if counts != [len(g["params"]) for g in self.param_groups]:
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
        numbers = self._numbers()
        for g, saved in zip(self.param_groups, state_dict["param_groups"]):
            g.update((k, v) for k, v in saved.items() if k != "params")
        if self.optim is None:
            return
        self._tell_local()
        local = self.optim.state_dict()
        state, at = {}, 0
        for g in self.optim.param_groups:
            for p in g["params"]:
                if numbers[id(p)] in state_dict["state"]:
                    state[at] = state_dict["state"][numbers[id(p)]]
                at += 1
        self.optim.load_state_dict({"state": state, "param_groups": local["param_groups"]})

    # ---- uneven inputs --------------------------------------------------------------------------------------------

    def join_hook(self, **kwargs) -> JoinHook:
        """The hook for ranks that have run out of data."""
        return _ZeROJoinHook(self)

    @property
    def join_device(self):
        """The device of the parameters."""
        return self.param_groups[0]["params"][0].device

    @property
    def join_process_group(self):
        """The group over which the state is spread."""
        return self.process_group
