"""Changing all tensors of a module at once: their dtype and device, the training mode, their gradients."""

from __future__ import annotations

from ..device import device as Device
from ..dtypes import dtype as DType
from ..errors.teaching import NotImplementedError, TypeError, ValueError
from ..meta import Meta
from ..ops.creation import empty_like
from ..tensor import Tensor
from .core import no_grad
from .parameter import Parameter


class TensorsHost:
    """The part of Module that walks its tree to convert, move, freeze or reset what it finds."""

    def apply(self, fn):
        """Call `fn(module)` on everything below and then on the module itself; returns the module.

        >>> import lightwell as torch
        >>> _ = torch.nn.Linear(2, 2).apply(lambda m: print(m))
        Linear(in_features=2, out_features=2, bias=True)
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn, recurse: bool = True):
        """Put `fn(tensor)` in the place of every parameter's data, its gradient, and every buffer."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for name, param in list(self._parameters.items()):
            if param is None:
                continue
            with no_grad():
                new = fn(param)
            if isinstance(new, Meta) is not isinstance(param, Meta):  # memory comes or goes: another parameter, as in PyTorch
                self._parameters[name] = Parameter(new, param.requires_grad)
                continue
            if new is not param:
                grad, flag = param.grad, param.requires_grad
                param.grad = None
                param.data = new
                if grad is not None:
                    with no_grad():
                        param.grad = fn(grad).requires_grad_(grad.requires_grad)
                param.requires_grad_(flag)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def _floating(self, convert):
        return self._apply(lambda t: convert(t) if t.is_floating_point() else t)

    def float(self):
        """Floating-point parameters and buffers as float32."""
        return self._floating(lambda t: t.float())

    def double(self):
        """Floating-point parameters and buffers as float64."""
        return self._floating(lambda t: t.double())

    def half(self):
        """Floating-point parameters and buffers as float16."""
        return self._floating(lambda t: t.half())

    def bfloat16(self):
        """Floating-point parameters and buffers as bfloat16."""
        return self._floating(lambda t: t.bfloat16())

    def type(self, dst_type):
        """All parameters and buffers as `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def cpu(self):
        """Move all parameters and buffers to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device=None):
        """Move all parameters and buffers to a GPU."""
        return self._apply(lambda t: t.cuda(device))

    def to(self, *args, **kwargs):
        """Move and convert, in place: `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(tensor)`, each with
        `non_blocking=` and `memory_format=`.

        Only floating-point and complex tensors change their dtype. Raises TypeError for an integer dtype.

        >>> import lightwell as torch
        >>> torch.nn.Linear(2, 2).to(torch.float64).weight.dtype
        torch.float64
        """
        given = dict(kwargs)
        device, dtype = given.pop("device", None), given.pop("dtype", None)
        given.pop("non_blocking", None), given.pop("memory_format", None)
        other = given.pop("tensor", None)
        if given:
            raise TypeError(f"to() received an invalid combination of arguments - got keyword {next(iter(given))!r}")
        for arg in args:
            if isinstance(arg, Tensor):
                other = arg
            elif isinstance(arg, DType):
                dtype = arg
            elif isinstance(arg, bool):
                continue  # non_blocking by position
            elif isinstance(arg, (Device, str, int)):
                device = Device(arg)
            elif arg is not None:
                raise TypeError(f"to() received an invalid combination of arguments - got ({type(arg).__name__})")
        if other is not None:
            device, dtype = other.device, other.dtype
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}")
        device = Device(device) if isinstance(device, (str, int)) else device

        def convert(t):
            wanted = dtype if t.is_floating_point() or t.is_complex() else None
            if device is None:
                return t if wanted is None else t.to(wanted)
            if t.is_meta and device.type != "meta":
                raise NotImplementedError(
                    "Cannot copy out of meta tensor; no data! Please use torch.nn.Module.to_empty() instead of torch.nn.Module.to() "
                    "when moving module from meta to a different device."
                )
            return t.to(device) if wanted is None else t.to(device, wanted)

        return self._apply(convert)

    def to_empty(self, *, device, recurse: bool = True):
        """Move parameters and buffers to `device` without copying their values."""
        return self._apply(lambda t: empty_like(t, device=device), recurse=recurse)

    def share_memory(self):
        """Move parameters and buffers into memory shared between processes."""
        return self._apply(lambda t: t.share_memory_())

    def train(self, mode: bool = True):
        """Set training mode (True) or evaluation mode on the module and all below it; ValueError for a non-bool.

        >>> import lightwell as torch
        >>> torch.nn.Dropout().train(False).training
        False
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Set evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True):
        """Let every parameter require a gradient, or not (freezing it)."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for param in self.parameters():
            if param.grad is not None:
                if set_to_none:
                    param.grad = None
                else:
                    if param.grad.grad_fn is not None:
                        param.grad.detach_()
                    else:
                        param.grad.requires_grad_(False)
                    param.grad.zero_()
