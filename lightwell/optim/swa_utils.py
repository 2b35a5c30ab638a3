"""Averages of weights along training: stochastic weight averaging and exponential moving averages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain

import numpy as np

from ..autograd.modes import no_grad
from ..errors.teaching import AssertionError, ValueError
from ..nn.module import Module
from ..tensor import wrap
from .lr_base import LRScheduler, _per_group
from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _check_decay(decay):
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """A function (average, current, n) -> decay · average + (1 - decay) · current, for `AveragedModel(avg_fn=)`."""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param, current_param, num_averaged):
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """As `get_ema_avg_fn`, for lists, in place: average ← average + (1 - decay) · (current - average)."""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param_list, current_param_list, _):
        for average, current in zip(ema_param_list, current_param_list, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_avg_fn() -> Callable:
    """A function (average, current, n) -> average + (current - average) / (n + 1): the mean of all models so far."""

    @no_grad()
    def swa_update(averaged_param, current_param, num_averaged):
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_swa_multi_avg_fn() -> Callable:
    """As `get_swa_avg_fn`, for lists, in place."""

    @no_grad()
    def swa_update(averaged_param_list, current_param_list, num_averaged):
        for average, current in zip(averaged_param_list, current_param_list, strict=True):
            average.copy_(average + (current - average) / (num_averaged + 1))

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are the running average of the model's; call `update_parameters(model)` to add one more.

    The plain mean by default (stochastic weight averaging); `avg_fn(average, current, n)` returns another average of one tensor,
    `multi_avg_fn(averages, currents, n)` updates lists in place, e.g. `get_ema_multi_avg_fn(0.999)`. With `use_buffers`, buffers
    are averaged too, otherwise they are copied. The copy is `module`, the count `n_averaged`. Raises AssertionError if both
    functions are given.

    Izmailov, Podoprikhin, Garipov, Vetrov, Wilson: Averaging Weights Leads to Wider Optima and Better Generalization,
    arXiv:1803.05407.

    >>> import lightwell as torch
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> average = torch.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 3.0):
    ...     _ = torch.nn.init.constant_(model.weight, value)
    ...     average.update_parameters(model)
    >>> average.module.weight.item()
    2.0
    """

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers: bool = False) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", wrap(np.array(0, dtype=np.int64)))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        """The averaged model's output."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model) -> None:
        """Add the model's present parameters to the average; the first call copies them."""
        ours, theirs = self.module.parameters(), model.parameters()
        if self.use_buffers:
            ours, theirs = chain(ours, self.module.buffers()), chain(theirs, model.buffers())
        pairs = [(a.detach(), b.detach()) for a, b in zip(ours, theirs, strict=True)]
        with no_grad():
            if int(self.n_averaged) == 0:
                for average, current in pairs:
                    average.copy_(current)
            elif self.avg_fn is not None:
                for average, current in pairs:
                    average.copy_(self.avg_fn(average, current, self.n_averaged))
            else:
                by_dtype = {}
                for pair in pairs:
                    by_dtype.setdefault(pair[0].dtype, []).append(pair)
                update = self.multi_avg_fn or get_swa_multi_avg_fn()
                for group in by_dtype.values():
                    update([a for a, _ in group], [b for _, b in group], self.n_averaged)
            if not self.use_buffers:
                for average, current in zip(self.module.buffers(), model.buffers(), strict=True):
                    average.detach().copy_(current.detach())
            self.n_averaged += 1


def update_bn(loader: Iterable, model, device=None) -> None:
    """Recompute the running statistics of a model's batch-normalisation layers by one pass over the data.

    The loader yields inputs, or tuples or lists that start with them. The statistics become the plain mean over batches; mode and
    momentum of the layers are restored.

    >>> import lightwell as torch
    >>> net = torch.nn.BatchNorm1d(1, momentum=None)
    >>> torch.optim.swa_utils.update_bn([torch.tensor([[1.], [3.]])], net)
    >>> net.running_mean
    tensor([2.])
    """
    momenta = {}
    for module in model.modules():
        if hasattr(module, "running_mean") and hasattr(module, "reset_running_stats"):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.momentum = None  # a cumulative average
    try:
        with no_grad():
            for batch in loader:
                x = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(x if device is None else x.to(device))
    finally:
        for module, momentum in momenta.items():
            module.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """Anneals each group's rate to swa_lr over anneal_epochs epochs, along a cosine or a line, and keeps it there.

    With a(t) = (1 - cos πt) / 2 ("cos") or t ("linear"), t = min(1, e / anneal_epochs): lr = swa_lr · a + lr0 · (1 - a), where lr0
    is solved from the present rate, so that another schedule may act as well. Raises ValueError for an unknown strategy, negative
    anneal_epochs, and lists of the wrong length.

    >>> import lightwell as torch
    >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = torch.optim.swa_utils.SWALR(opt, swa_lr=0.5, anneal_epochs=2, anneal_strategy='linear')
    >>> for _ in range(3):
    ...     print(schedule.get_last_lr()[0])
    ...     opt.step(); schedule.step()
    1.0
    0.75
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for group, lr in zip(optimizer.param_groups, _per_group("swa_lr", swa_lr, optimizer), strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t: float) -> float:
        """How far towards swa_lr the rate is, at fraction t of the epochs."""
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self):
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        span = max(1, self.anneal_epochs)
        before = self.anneal_func(max(0, min(1, (step - 1) / span)))
        now = self.anneal_func(max(0, min(1, step / span)))
        rates = []
        for group in self.optimizer.param_groups:
            lr, target = group["lr"], group["swa_lr"]
            start = target if before == 1 else (lr - before * target) / (1 - before)
            rates.append(target * now + start * (1 - now))
        return rates
