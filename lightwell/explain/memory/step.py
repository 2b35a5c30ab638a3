"""What one training step takes: parameters, activations, gradients, the optimizer's state, and the peak that is measured."""

import tracemalloc

import numpy as np

from ...errors.teaching import RuntimeError, TypeError
from ...language import say
from ...tensor import Tensor
from .kept import KeptReport, report_of, save
from .maps import size
from .storages import owner_of
from .tables import html_table, text_table
from .tracking import Tracker, untouched


def step_memory(model, closure, optimizer=None) -> "StepReport":
    """Run one training step and tell what it takes: `closure()` computes the loss (and may run backward); then all is as it was.

    Forward, backward and (with an `optimizer`) its step really run, after a first run for what is set up once; then parameters, buffers, gradients, the optimizer's
    state, modes and random numbers are put back. The peaks are measured: what NumPy and Python held at most, beyond what they
    held before. TypeError: the closure gives no tensor. RuntimeError: its loss has no graph.

    >>> import lightwell as torch
    >>> net, x = torch.nn.Linear(100, 100), torch.ones(10, 100)
    >>> report = torch.step_memory(net, lambda: net(x).relu().sum(), torch.optim.Adam(net.parameters()))
    >>> report.parameters, report.gradients, report.optimizer >= 2 * report.parameters
    (40400, 40400, True)
    """
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    saved = None if optimizer is None else optimizer.state_dict()
    fresh = optimizer is not None and not optimizer.state
    try:
        with untouched(model, parameters=True):
            saved = None if saved is None else _copied(saved)
            first = _loss_of(closure)  # what a first call sets up for later ones isn't counted
            if isinstance(first, Tensor) and first.requires_grad:
                first.backward()
            del first
            for p in model.parameters():
                p._grad = None
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            with Tracker(model) as tracker:
                loss = _loss_of(closure)
            if not isinstance(loss, Tensor):
                raise TypeError(f"step_memory(): argument 'closure' must return the loss, a Tensor, not {type(loss).__name__}")
            if not loss.requires_grad:
                raise RuntimeError("step_memory(): the loss does not require grad: no parameter took part in it")
            forward = tracemalloc.get_traced_memory()[1] - before
            kept = report_of([loss], model, tracker)
            tracemalloc.reset_peak()
            loss.backward()
            backward = tracemalloc.get_traced_memory()[1] - before
            gradients = sum(p._grad.nbytes for p in model.parameters() if p._grad is not None)
            stepped = 0
            if optimizer is not None:
                tracemalloc.reset_peak()
                optimizer.step()
                stepped = tracemalloc.get_traced_memory()[1] - before
            state = 0 if optimizer is None else _bytes_of([v for s in optimizer.state.values() for v in s.values()])
    finally:
        if not tracing:
            tracemalloc.stop()
        if optimizer is not None:
            if fresh:
                optimizer.state.clear()
                for group, old in zip(optimizer.param_groups, saved["param_groups"] if saved else ()):
                    group.update({k: v for k, v in old.items() if k != "params"})
            elif saved is not None:
                optimizer.load_state_dict(saved)
    return StepReport(model, kept, gradients, state, (forward, backward, stepped))


def _loss_of(closure):
    """What the closure returns; a backward() within it, as an optimizer's closure has, is left to the caller."""
    held: list = []
    own = Tensor.backward
    Tensor.backward = lambda self, *args, **kwargs: held.append(self)  # type: ignore[method-assign]
    try:
        loss = closure()
    finally:
        Tensor.backward = own  # type: ignore[method-assign]
    if any(t is not loss for t in held):
        raise RuntimeError("step_memory(): argument 'closure' must return the loss on which it runs backward(), and run it on no other")
    return loss


def _copied(value):
    """A copy of a state dict."""
    import copy

    return copy.deepcopy(value)


def _bytes_of(tensors) -> int:
    """The bytes behind tensors, each storage once."""
    owners = {id(o): o for o in (owner_of(t._a) for t in tensors if isinstance(t, Tensor) and isinstance(t._a, np.ndarray))}
    return sum(o.nbytes for o in owners.values())


class StepReport:
    """What `step_memory` found, in bytes: `parameters`, `buffers`, `activations`, `gradients`, `optimizer`, and the measured
    `forward_peak`, `backward_peak`, `step_peak` and `peak`; `kept` is the report of what waits for backward."""

    def __init__(self, model, kept: KeptReport, gradients: int, optimizer: int, peaks: tuple[int, int, int]):
        self.kept, self.gradients, self.optimizer = kept, gradients, optimizer
        self.parameters, self.buffers = _bytes_of(model.parameters()), _bytes_of(model.buffers())
        self.forward_peak, self.backward_peak, self.step_peak = peaks

    @property
    def activations(self) -> int:
        """Bytes that wait for backward at the end of forward, beside parameters and data."""
        return self.kept.activations

    @property
    def peak(self) -> int:
        """Parameters, buffers, the optimizer's state and the highest measured peak of the step together."""
        return self.parameters + self.buffers + max(self.forward_peak, self.backward_peak, self.step_peak)

    def _rows(self) -> tuple[list[str], list]:
        head = [say("what", "项目"), say("bytes", "字节"), ""]
        parts = [
            (say("parameters", "参数"), self.parameters), (say("buffers", "缓冲区"), self.buffers),
            (say("activations kept for backward", "为反向传播保留的激活值"), self.activations), (say("gradients", "梯度"), self.gradients),
            (say("optimizer's state", "优化器状态"), self.optimizer),
        ]  # fmt: skip
        peaks = [
            (say("peak in forward (measured)", "前向峰值（实测）"), self.forward_peak),
            (say("peak in backward (measured)", "反向峰值（实测）"), self.backward_peak),
            (say("peak in the optimizer (measured)", "优化器峰值（实测）"), self.step_peak),
            (say("peak with parameters and buffers", "峰值（含参数与缓冲区）"), self.peak),
        ]
        most = max(n for _, n in parts + peaks) or 1
        rows: list = [[name, size(n), "█" * round(24 * n / most)] for name, n in parts if n]
        return head, [*rows, None, *([name, size(n), "█" * round(24 * n / most)] for name, n in peaks if n)]

    def __str__(self) -> str:
        head, rows = self._rows()
        lines = [say("one training step", "一步训练"), *text_table(head, rows, {1})]
        return "\n".join([*lines, "", *self.kept._totals()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, rows = self._rows()
        return html_table(head, rows, {1}, say("one training step", "一步训练"), "\n".join(self.kept._totals()))

    def save(self, path) -> None:
        """Write the report to a file: .html or .txt. ValueError: another ending."""
        save(path, self)
