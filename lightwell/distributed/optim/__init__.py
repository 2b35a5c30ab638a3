"""`torch.distributed.optim`: an optimizer over parameters that live on several workers."""

import collections
import threading

from ...errors.teaching import AttributeError, ValueError

__all__ = ["DistributedOptimizer", "ZeroRedundancyOptimizer"]

_stepping = threading.Lock()


class _LocalOptimizer:
    """The part on one worker: an ordinary optimizer that takes its gradients from a context."""

    def __init__(self, optimizer_class, rrefs, *args, **kwargs):
        self._parameters = [rref.local_value() for rref in rrefs]
        self._optimizer = optimizer_class(self._parameters, *args, **kwargs)

    def step(self, context_id):
        from ..autograd import get_gradients

        found = get_gradients(context_id)
        with _stepping:  # gradients of one context at a time pass through `.grad`
            before = [p.grad for p in self._parameters]
            try:
                for p in self._parameters:
                    p.grad = found.get(p)
                self._optimizer.step()
            finally:
                for p, grad in zip(self._parameters, before):
                    p.grad = grad


def _make(optimizer_class, rrefs, args, kwargs):
    return _LocalOptimizer(optimizer_class, rrefs, *args, **kwargs)


def _step(rref, context_id):
    rref.local_value().step(context_id)


class DistributedOptimizer:
    """An `optimizer_class` on every worker that owns some of the parameters (given as RRefs), stepped together.

    `step(context_id)` takes the gradients that `distributed.autograd.backward` left in that context, and waits for all workers.
    RuntimeError with the worker's traceback where one fails.
    """

    def __init__(self, optimizer_class, params_rref, *args, **kwargs):
        from .. import rpc

        by_owner = collections.defaultdict(list)
        for rref in params_rref:
            by_owner[rref.owner()].append(rref)
        if not by_owner:
            raise ValueError("DistributedOptimizer: got an empty list of parameters")
        self.remote_optimizers = [rpc.remote(owner, _make, (optimizer_class, rrefs, args, kwargs)) for owner, rrefs in by_owner.items()]
        for made in self.remote_optimizers:
            rpc.rpc_sync(made.owner(), _ready, (made,))

    def step(self, context_id: int) -> None:
        """One step of every worker's optimizer with the gradients of that context."""
        from ... import futures
        from .. import rpc

        futures.wait_all([rpc.rpc_async(o.owner(), _step, (o, context_id)) for o in self.remote_optimizers])


def _ready(rref):
    rref.local_value()


def __getattr__(name: str):
    if name == "ZeroRedundancyOptimizer":
        from .zero_redundancy_optimizer import ZeroRedundancyOptimizer

        return ZeroRedundancyOptimizer
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
