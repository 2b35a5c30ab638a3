"""Modules whose activations are computed again in backward instead of kept."""

from enum import Enum, auto

from ....errors.teaching import ValueError
from ....nn import Module
from ....utils.checkpoint import checkpoint

_PREFIX = "_checkpoint_wrapped_module"


class CheckpointImpl(Enum):
    """How: by a second backward inside backward, or by hooks on what is saved (the better one)."""

    REENTRANT = auto()
    NO_REENTRANT = auto()


class ActivationWrapper(Module):
    """A module around another, whose attributes, parameters' names and state dict are the inner one's."""

    def __init__(self, mod):
        super().__init__()
        self._checkpoint_wrapped_module = mod

    def forward(self, *args, **kwargs):
        """To be overridden."""
        raise ValueError("Subclasses should implement forward().")

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__(_PREFIX), name)

    def __getitem__(self, key):
        return self._checkpoint_wrapped_module[key]

    def named_parameters(self, *args, **kwargs):
        """The inner module's parameters under their own names."""
        for name, p in super().named_parameters(*args, **kwargs):
            yield name.replace(_PREFIX + ".", ""), p

    def state_dict(self, *args, destination=None, prefix: str = "", keep_vars: bool = False):
        """The inner module's state under its own names."""
        return self._checkpoint_wrapped_module.state_dict(*args, destination=destination, prefix=prefix, keep_vars=keep_vars)

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        inner = self._checkpoint_wrapped_module
        for name in list(inner.state_dict()):
            if prefix + name in state_dict:
                state_dict[f"{prefix}{_PREFIX}.{name}"] = state_dict.pop(prefix + name)
        super()._load_from_state_dict(state_dict, prefix, *rest)


class CheckpointWrapper(ActivationWrapper):
    """A module run through `torch.utils.checkpoint.checkpoint`."""

    def __init__(self, mod, checkpoint_impl: CheckpointImpl = CheckpointImpl.NO_REENTRANT, checkpoint_fn=None, **checkpoint_fn_kwargs):
        super().__init__(mod)
        self.checkpoint_impl = checkpoint_impl
        self._run = checkpoint_fn
        self._settings = checkpoint_fn_kwargs

    def forward(self, *args, **kwargs):
        """The inner module's output, its activations to be computed again in backward."""
        inner = self._checkpoint_wrapped_module
        if self._run is not None:
            return self._run(inner, *args, **self._settings, **kwargs)
        if self.checkpoint_impl is CheckpointImpl.REENTRANT:
            return checkpoint(lambda *a: inner(*a, **kwargs), *args, use_reentrant=True, **self._settings)
        return checkpoint(inner, *args, use_reentrant=False, **self._settings, **kwargs)


class OffloadWrapper(ActivationWrapper):
    """A module whose activations are kept on the CPU: where they are anyway."""

    def forward(self, *args, **kwargs):
        """The inner module's output."""
        return self._checkpoint_wrapped_module(*args, **kwargs)


def offload_wrapper(module) -> OffloadWrapper:
    """The module with its activations on the CPU."""
    return OffloadWrapper(module)


def checkpoint_wrapper(module, checkpoint_impl: CheckpointImpl = CheckpointImpl.NO_REENTRANT, checkpoint_fn=None, **checkpoint_fn_kwargs):
    """The module with its activations computed again in backward.

    >>> import lightwell as torch
    >>> from lightwell.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
    >>> net = checkpoint_wrapper(torch.nn.Linear(2, 1))
    >>> net(torch.ones(3, 2)).sum().backward(); net.weight.grad, list(net.state_dict())
    (tensor([[3., 3.]]), ['weight', 'bias'])
    """
    return CheckpointWrapper(module, checkpoint_impl, checkpoint_fn, **checkpoint_fn_kwargs)


def apply_activation_checkpointing(model, checkpoint_wrapper_fn=checkpoint_wrapper, check_fn=lambda _: True, auto_wrap_policy=None) -> None:
    """Wrap, in place, the submodules for which `check_fn(module)` holds, or `auto_wrap_policy(module, recurse, numel)`.

    Each is replaced by `checkpoint_wrapper_fn(module)`.
    """

    def wanted(module):
        if auto_wrap_policy is not None:
            return auto_wrap_policy(module=module, recurse=False, nonwrapped_numel=sum(p.numel() for p in module.parameters()))
        return check_fn(module)

    def walk(module):
        for name, child in list(module.named_children()):
            walk(child)
            if wanted(child):
                setattr(module, name, checkpoint_wrapper_fn(child))

    walk(model)
