"""LazyModuleMixin: parameters that take their shapes from the first input."""

from __future__ import annotations

from ...errors.teaching import NotImplementedError, RuntimeError
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
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def has_uninitialized_params(self) -> bool:
        """Whether any parameter or buffer still waits for its shape."""
        return any(is_lazy(t) for table in (self._parameters, self._buffers) for t in table.values())

    def initialize_parameters(self, *args, **kwargs) -> None:
        """Make the parameters from the first call's arguments: every lazy class defines its own."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def _infer_parameters(self, module, args, kwargs=None) -> None:
        """The forward pre-hook of lazy modules: it makes the parameters and retires."""
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
        for name in ("_initialize_hook", "_load_hook"):
            handle = module.__dict__.pop(name, None)
            if handle is not None:
                handle.remove()
        if not any(module.__dict__[t] for t in ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks")):
            module.__dict__["_hooked"] = False
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _lazy_load_hook(self, *args) -> None:
        """A hook that PyTorch's files hold; loading gives lazy parameters their shapes without it."""
