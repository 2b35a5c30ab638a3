"""LazyModuleMixin: parameters that take their shapes from the first input."""

from __future__ import annotations

from ..parameter import is_lazy

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin:
    """A module whose parameters are made at its first call, by `initialize_parameters(*args)`.

    After that call the module's class becomes `cls_to_become`. Subclasses name it, and hold UninitializedParameter
    or UninitializedBuffer until then.
    """

    cls_to_become: type | None = None

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._initialize_hook = self.register_forward_pre_hook(_infer, with_kwargs=True)

    def __reduce_ex__(self, protocol):
        # The hook and its handle belong to this object: a copy makes its own.
        state = self.__getstate__()
        drop = self._initialize_hook.id if "_initialize_hook" in state else None
        state.pop("_initialize_hook", None)
        for table in ("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs"):
            state[table] = type(state[table])((k, v) for k, v in state[table].items() if k != drop)
        return _rebuild, (type(self), state)

    def has_uninitialized_params(self) -> bool:
        """Whether any parameter or buffer still waits for its shape."""
        return any(is_lazy(t) for table in (self._parameters, self._buffers) for t in table.values())

    def initialize_parameters(self, *args, **kwargs) -> None:
        """Make the parameters from the first call's arguments: every lazy class defines its own."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")


def _infer(module, args, kwargs) -> None:
    """The forward pre-hook of lazy modules: it makes the parameters and retires."""
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
    module._initialize_hook.remove()
    del module.__dict__["_initialize_hook"]
    if not any(module.__dict__[t] for t in ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks")):
        module.__dict__["_hooked"] = False
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become


def _rebuild(cls: type, state: dict):
    module = cls.__new__(cls)
    module.__setstate__(state)
    if any(is_lazy(t) for table in (module._parameters, module._buffers) for t in table.values()):
        module._initialize_hook = module.register_forward_pre_hook(_infer, with_kwargs=True)
    return module
