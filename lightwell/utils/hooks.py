"""`torch.utils.hooks`: the handle that registering a hook returns."""

from ..autograd.node import Handle as RemovableHandle

__all__ = ["RemovableHandle"]
