"""Helpers beside the network itself, under PyTorch's names; each submodule is imported when it is first asked for."""

import importlib

from ..errors.teaching import AttributeError, RuntimeError

_SUBMODULES = ("benchmark", "checkpoint", "collect_env", "data", "deterministic", "dlpack", "hooks", "tensorboard", "weak")

__all__ = list(_SUBMODULES)


def swap_tensors(t1, t2) -> None:
    """Exchange what two tensors are, so that every name of the one now means the other: class, memory, gradient, attributes.

    RuntimeError for tensors that weak references point to, that operations have been recorded on, or that have different slots.

    >>> import lightwell as torch
    >>> a, b = torch.zeros(1), torch.ones(2)
    >>> torch.utils.swap_tensors(a, b)
    >>> a, b
    (tensor([1., 1.]), tensor([0.]))
    """
    import copyreg
    import weakref

    slots = set(copyreg._slotnames(type(t1)))
    for name, t in (("t1", t1), ("t2", t2)):
        if weakref.getweakrefs(t):
            raise RuntimeError(f"Cannot swap {name} because it has weakref associated with it")
        if t._node is not None or t._base is not None:
            raise RuntimeError(f"swap_tensors(): {name} is a result or a view: only tensors of their own can be swapped")
    if slots != set(copyreg._slotnames(type(t2))):
        raise RuntimeError("Cannot swap t1 and t2 if they have different slots")
    absent = object()
    first, second = ({slot: getattr(t, slot, absent) for slot in slots} for t in (t1, t2))
    t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    t1.__dict__, t2.__dict__ = t2.__dict__, t1.__dict__
    for t, values in ((t1, second), (t2, first)):
        for slot, value in values.items():
            if value is not absent:
                setattr(t, slot, value)
            elif hasattr(t, slot):
                delattr(t, slot)


def __getattr__(name):
    """Import a submodule of ``utils`` on first use, so that ``import lightwell`` stays quick."""
    if name in _SUBMODULES:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    """List what is loaded together with what can be."""
    return sorted({*globals(), *_SUBMODULES})
