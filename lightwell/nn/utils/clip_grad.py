"""Keeping gradients small: by their total norm, or value by value."""

from __future__ import annotations

import types
import warnings

from ...autograd.modes import no_grad
from ...errors.level import users_level
from ...errors.teaching import RuntimeError, ValueError
from ...tensor import Tensor

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _listed(tensors) -> list:
    if isinstance(tensors, Tensor):
        return [tensors]
    listed = list(tensors)
    if not listed and isinstance(tensors, types.GeneratorType):
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=users_level())
    return listed


def get_total_norm(tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None):
    """The p-norm of all elements of all `tensors` together, as a 0-dim tensor (0 for none).

    Raises RuntimeError for nan or inf if `error_if_nonfinite`.

    >>> import lightwell as torch
    >>> torch.nn.utils.get_total_norm([torch.tensor([3.]), torch.tensor([4.])])
    tensor(5.)
    """
    import lightwell as lw

    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return lw.tensor(0.0)
    with no_grad():
        norms = lw.stack([lw.linalg.vector_norm(t, norm_type) for t in tensors])
        total = lw.linalg.vector_norm(norms, norm_type)
    if error_if_nonfinite and (total.isnan() or total.isinf()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(parameters, max_norm: float, total_norm, foreach: bool | None = None) -> None:
    """Scale every gradient by min(1, max_norm/(total_norm + 1e-6)), in place.

    >>> import lightwell as torch
    >>> p = torch.ones(2, requires_grad=True)
    >>> (p * torch.tensor([3., 4.])).sum().backward()
    >>> total = torch.nn.utils.get_total_norm([p.grad])
    >>> torch.nn.utils.clip_grads_with_norm_([p], 1.0, total); p.grad
    tensor([0.6000, 0.8000])
    """
    grads = [p.grad for p in _listed(parameters) if p.grad is not None]
    if grads:
        with no_grad():
            factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
            for grad in grads:
                grad.mul_(factor)


def clip_grad_norm_(parameters, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None):
    """Scale the gradients of `parameters` so that their total norm is at most max_norm; returns the norm they had.

    >>> import lightwell as torch
    >>> w = torch.zeros(2, requires_grad=True)
    >>> (w * torch.tensor([3., 4.])).sum().backward()
    >>> torch.nn.utils.clip_grad_norm_(w, 1.0), w.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    if isinstance(max_norm, str):
        raise ValueError(f"clip_grad_norm_(): max_norm must be a number, not {max_norm!r}")
    parameters = _listed(parameters)
    total = get_total_norm([p.grad for p in parameters if p.grad is not None], norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(*args, **kwargs):
    """The old name of `clip_grad_norm_`; it warns."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=users_level(),
    )
    return clip_grad_norm_(*args, **kwargs)


def clip_grad_value_(parameters, clip_value: float, foreach: bool | None = None) -> None:
    """Clip every element of the gradients of `parameters` to [-clip_value, clip_value], in place.

    >>> import lightwell as torch
    >>> p = torch.ones(2, requires_grad=True)
    >>> (p * torch.tensor([3., -0.5])).sum().backward()
    >>> torch.nn.utils.clip_grad_value_([p], 1.0); p.grad
    tensor([ 1.0000, -0.5000])
    """
    clip_value = float(clip_value)
    with no_grad():
        for p in _listed(parameters):
            if p.grad is not None:
                p.grad.clamp_(min=-clip_value, max=clip_value)
