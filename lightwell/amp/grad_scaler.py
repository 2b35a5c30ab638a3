"""`GradScaler`: keeps small float16 gradients from vanishing by scaling the loss, and finds the scale by itself."""

import inspect
import warnings
from collections import abc, defaultdict
from enum import Enum
from typing import Any

import numpy as np

from ..errors.level import users_level
from ..errors.teaching import AssertionError, RuntimeError, ValueError
from ..tensor import Tensor

__all__ = ["GradScaler", "OptState"]


class OptState(Enum):
    """How far an optimizer's step has come since the last update."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


def _fresh() -> dict[str, Any]:
    return {"stage": OptState.READY, "found_inf_per_device": {}}


def _unscale(grad: Tensor, inverse: float) -> bool:
    """grad ← grad·inverse, in place; whether all of it was finite before."""
    if grad.is_sparse:
        if grad._values().dtype.itemsize < 4:
            grad.data = grad.coalesce()  # the sum of a row's parts may overflow where no part does
        return _unscale(grad._values(), inverse)
    a = grad._a
    wide = a if a.dtype.itemsize >= 4 else a.astype(np.float32)
    finite = bool(np.isfinite(wide).all())
    if inverse != 1.0:
        np.copyto(a, wide * wide.dtype.type(inverse), casting="unsafe")
        grad._bump()
    return finite


class GradScaler:
    """Multiplies losses by a scale, divides the gradients by it again, and skips the steps whose gradients are not finite.

    The scale grows by `growth_factor` after `growth_interval` good steps in a row, and shrinks by `backoff_factor` after
    a bad one. With `enabled=False` every call hands through what it got. For 'cuda', which is not here, it warns and is
    disabled. AssertionError for factors on the wrong side of 1. (Micikevicius et al., "Mixed precision training", 2018.)

    >>> import lightwell as torch
    >>> w = torch.nn.Parameter(torch.ones(1))
    >>> optimizer, scaler = torch.optim.SGD([w], lr=0.5), torch.amp.GradScaler("cpu", init_scale=1024.0)
    >>> scaler.scale((w * 1e-3).sum()).backward()
    >>> w.grad
    tensor([1.0240])
    >>> scaler.step(optimizer); scaler.update()
    >>> w.data, scaler.get_scale()
    (tensor([0.9995]), 1024.0)
    """

    def __init__(
        self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
        growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        self._device, self._enabled = device, enabled
        if device == "cuda" and enabled:
            warnings.warn("torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=users_level())
            self._enabled = False
        if not self._enabled:
            return
        if not growth_factor > 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if not backoff_factor < 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._init_scale, self._scale = init_scale, None
        self._growth_factor, self._backoff_factor, self._growth_interval = growth_factor, backoff_factor, growth_interval
        self._init_growth_tracker, self._growth_tracker = 0, None
        self._per_optimizer_states: dict[int, dict[str, Any]] = defaultdict(_fresh)

    def _check_scale_growth_tracker(self, funcname: str):
        """The scale and the number of good steps, as tensors; AssertionError before the first `scale`."""
        mend = "This may indicate your script did not use scaler.scale(loss or outputs) earlier in the iteration."
        if self._scale is None:
            raise AssertionError(f"Attempted {funcname} but _scale is None.  {mend}")
        if self._growth_tracker is None:
            raise AssertionError(f"Attempted {funcname} but _growth_tracker is None.  {mend}")
        return self._scale, self._growth_tracker

    def _lazy_init_scale_growth_tracker(self, dev) -> None:
        import lightwell as lw

        if self._growth_tracker is not None:
            raise AssertionError("_growth_tracker initialized before _scale")
        self._scale = lw.full((), self._init_scale, dtype=lw.float32, device=dev)
        self._growth_tracker = lw.full((), self._init_growth_tracker, dtype=lw.int32, device=dev)

    def scale(self, outputs):
        """A tensor, or an iterable of tensors (a list or tuple stays one), times the scale; ValueError for anything else."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            if self._scale is None:
                self._lazy_init_scale_growth_tracker(outputs.device)
            return outputs * self._scale
        if isinstance(outputs, abc.Iterable):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def _unscale_grads_(self, optimizer, inv_scale, found_inf, allow_fp16: bool):
        """Divide the optimizer's gradients by the scale; by device, 1 where one was not finite."""
        import lightwell as lw

        grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if not allow_fp16 and any(g.dtype is lw.float16 for g in grads):
            raise ValueError("Attempting to unscale FP16 gradients.")
        if not grads:
            return {}
        inverse = float(inv_scale)
        finite = [_unscale(g, inverse) for g in grads]
        if not all(finite):
            found_inf.fill_(1.0)
        return {grads[0].device: found_inf}

    def unscale_(self, optimizer) -> None:
        """Divide the optimizer's gradients by the scale now, e.g. to clip them before `step`; once between updates.

        RuntimeError where it was called already, or after `step`; ValueError for float16 gradients.
        """
        import lightwell as lw

        if not self._enabled:
            return
        self._check_scale_growth_tracker("unscale_")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        inverse = self._scale.double().reciprocal().float()
        state["found_inf_per_device"] = self._unscale_grads_(optimizer, inverse, lw.zeros(()), False)
        state["stage"] = OptState.UNSCALED

    def _maybe_opt_step(self, optimizer, optimizer_state, *args, **kwargs):
        if any(v.item() for v in optimizer_state["found_inf_per_device"].values()):
            return None
        return optimizer.step(*args, **kwargs)

    def step(self, optimizer, *args: Any, **kwargs: Any):
        """Unscale the gradients unless that is done, and step if all are finite: what `optimizer.step` returns, or None.

        RuntimeError with a closure, or where it was called since the last update; AssertionError where there is no gradient.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._check_scale_growth_tracker("step")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if getattr(optimizer, "_step_supports_amp_scaling", False):
            return self._step_own(optimizer, state, args, kwargs)
        if state["stage"] is OptState.READY:
            self.unscale_(optimizer)
        if not state["found_inf_per_device"]:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = self._maybe_opt_step(optimizer, state, *args, **kwargs)
        state["stage"] = OptState.STEPPED
        return result

    def _step_own(self, optimizer, state, args, kwargs):
        """The step of an optimizer that unscales by itself: it takes the scaler, or finds scale and finding on itself."""
        if "grad_scaler" in inspect.signature(optimizer.step).parameters:
            result = optimizer.step(*args, **kwargs, grad_scaler=self)
        else:
            if state["stage"] is OptState.READY:
                self._check_inf_per_device(optimizer)
            optimizer.grad_scale = None if state["stage"] is OptState.UNSCALED else self._scale
            optimizer.found_inf = sum(state["found_inf_per_device"].values())
            try:
                result = optimizer.step(*args, **kwargs)
            finally:
                del optimizer.grad_scale, optimizer.found_inf
        state["stage"] = OptState.STEPPED
        return result

    def update(self, new_scale=None) -> None:
        """Grow or shrink the scale by what the steps found, or set it to `new_scale` (a float, or a tensor of one element)."""
        import lightwell as lw

        if not self._enabled:
            return
        scale, tracker = self._check_scale_growth_tracker("update")
        if new_scale is not None:
            if not isinstance(new_scale, float):
                fits = new_scale.device.type == self._device and new_scale.numel() == 1 and not new_scale.requires_grad
                if not fits or new_scale.dtype is not lw.float32:
                    raise AssertionError(
                        "new_scale should be a float or a 1-element torch.cuda.FloatTensor or torch.FloatTensor with requires_grad=False."
                    )
                new_scale = new_scale.item()
            scale.fill_(new_scale)
        else:
            found = [v for s in self._per_optimizer_states.values() for v in s["found_inf_per_device"].values()]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            if any(v.item() for v in found):
                scale.fill_(scale.item() * self._backoff_factor)
                tracker.fill_(0)
            else:
                good = tracker.item() + 1
                if good == self._growth_interval:
                    grown = np.float32(scale.item()) * np.float32(self._growth_factor)
                    scale.fill_(float(grown) if np.isfinite(grown) else scale.item())
                    good = 0
                tracker.fill_(good)
        self._per_optimizer_states = defaultdict(_fresh)

    def _get_scale_async(self):
        return self._scale

    def get_scale(self) -> float:
        """The scale; 1.0 where disabled."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self) -> float:
        """The factor by which the scale grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set the factor by which the scale grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """The factor by which the scale shrinks."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set the factor by which the scale shrinks."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """How many good steps in a row let the scale grow."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set how many good steps in a row let the scale grow."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        return self._init_growth_tracker if self._growth_tracker is None else self._growth_tracker.item()

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Scale, factors, interval and the number of good steps; empty where disabled. PyTorch's reads it."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._get_growth_tracker(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a `state_dict`; RuntimeError for an empty one. Nothing where disabled."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler.")
        names = ("scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker")
        scale, growth, backoff, interval, good = (state_dict[name] for name in names)
        self._init_scale, self._growth_factor, self._backoff_factor = scale, growth, backoff
        self._growth_interval, self._init_growth_tracker = interval, good
        if self._scale is not None:
            self._scale.fill_(scale)
        if self._growth_tracker is not None:
            self._growth_tracker.fill_(good)

    def __getstate__(self):
        state = self.__dict__.copy()
        if self._enabled:
            if self._per_optimizer_states:
                raise AssertionError(
                    "A GradScaler instance may only be pickled at the beginning of an iteration, or at the end after scaler.update()."
                )
            # tensors stay behind: the copy makes its own at its first scale()
            state.update(_init_scale=self.get_scale(), _init_growth_tracker=self._get_growth_tracker(), _scale=None, _growth_tracker=None)
        return state

    def __setstate__(self, state) -> None:
        self.__dict__.update(state)

    def _check_inf_per_device(self, optimizer):
        """Look for gradients that are not finite, without scaling any."""
        import lightwell as lw

        self._check_scale_growth_tracker("_check_inf_per_device")
        found = self._unscale_grads_(optimizer, lw.ones(()), lw.zeros(()), True)
        self._per_optimizer_states[id(optimizer)]["found_inf_per_device"] = found
        return found

    def _found_inf_per_device(self, optimizer):
        return self._per_optimizer_states[id(optimizer)]["found_inf_per_device"]


def _older(kind: str):
    """`torch.<kind>.amp.GradScaler`: the device in the name, deprecated."""

    def __init__(self, init_scale=2.0**16, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000, enabled=True) -> None:
        warnings.warn(
            f"`torch.{kind}.amp.GradScaler(args...)` is deprecated. Please use `torch.amp.GradScaler('{kind}', args...)` instead.",
            FutureWarning,
            stacklevel=users_level(),
        )
        GradScaler.__init__(self, kind, init_scale, growth_factor, backoff_factor, growth_interval, enabled)

    doc = f"`torch.amp.GradScaler('{kind}', ...)` under its older name."
    return type("GradScaler", (GradScaler,), {"__init__": __init__, "__doc__": doc, "__module__": f"lightwell.{kind}.amp.grad_scaler"})
