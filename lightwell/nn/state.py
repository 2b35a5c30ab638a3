"""Saving and loading a module's state: `state_dict`, and a `load_state_dict` that changes everything or nothing."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict, namedtuple

from ..errors.level import users_level
from ..errors.teaching import AssertionError, RuntimeError, TypeError
from ..tensor import Tensor
from .core import no_grad
from .hooks import RemovableHandle, _WrappedHook
from .parameter import Parameter, is_lazy

_EXTRA = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` returns: the keys it missed and those it had no place for."""

    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"

    __str__ = __repr__


class _Plan(threading.local):
    """The writes of the load in progress: they wait here until every key and shape has been checked."""

    writes: list | None = None


_plan = _Plan()


def _swap(module, name: str, param, value) -> None:
    """assign=True: put the loaded tensor itself in the module's place."""
    if isinstance(param, Parameter):
        if not isinstance(value, Parameter):
            value = Parameter(value, requires_grad=param.requires_grad)
        else:
            value.requires_grad_(param.requires_grad)
    setattr(module, name, value)


def _copy(param, value) -> None:
    with no_grad():
        param.copy_(value)


class StateHost:
    """The part of Module that turns its state into a dictionary and back."""

    _version: int = 1

    def _own_state(self):
        """The parameters and persistent buffers of this module alone, absent ones left out."""
        for name, p in self._parameters.items():
            if p is not None:
                yield name, p
        for name, b in self._buffers.items():
            if b is not None and name not in self._non_persistent_buffers_set:
                yield name, b

    def get_extra_state(self):
        """State beside parameters and buffers that `state_dict` should hold: override with `set_extra_state`."""
        raise RuntimeError(
            f"{type(self).__name__}.get_extra_state: not defined; a module whose state_dict holds extra state defines "
            "both get_extra_state and set_extra_state"
        )

    def set_extra_state(self, state) -> None:
        """Take back what `get_extra_state` returned: override both."""
        raise RuntimeError(
            f"{type(self).__name__}.set_extra_state: not defined, but the state_dict holds extra state for it; "
            "define both get_extra_state and set_extra_state"
        )

    def _has_extra(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(StateHost, method)

    def _save_to_state_dict(self, destination, prefix: str, keep_vars: bool) -> None:
        """Write this module's own state (not its children's) into `destination`; a place for overrides."""
        for name, value in self._own_state():
            destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()
        if self._has_extra("get_extra_state"):
            destination[prefix + _EXTRA] = self.get_extra_state()

    def state_dict(self, *args, destination=None, prefix: str = "", keep_vars: bool = False):
        """All parameters and persistent buffers by dotted name, in an OrderedDict that shares their memory.

        `keep_vars=True` keeps them attached to the graph; `prefix` goes before every name; `destination` is filled
        and returned when given. The attribute `_metadata` of the result holds each module's `_version`.

        >>> import lightwell as torch
        >>> list(torch.nn.Linear(2, 3).state_dict())
        ['weight', 'bias']
        """
        if args:  # the positional form of old programs
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and prefix == "" else prefix
            keep_vars = args[2] if len(args) > 2 and keep_vars is False else keep_vars
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            result = hook(self, destination, prefix, local_metadata)
            if getattr(hook, "_from_public_api", False):
                if result is not None:
                    raise RuntimeError("state_dict post-hook must return None")
            elif result is not None:
                destination = result
        return destination

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs) -> None:
        """Check and load this module's own state (not its children's); a place for overrides.

        Within `load_state_dict` the writes are collected and done after the whole tree has been checked.
        """
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        writes = [] if _plan.writes is None else _plan.writes
        assign = local_metadata.get("assign_to_params_buffers", False)
        own = dict(self._own_state())
        for name, param in own.items():
            key = prefix + name
            if key not in state_dict:
                if strict:
                    missing_keys.append(key)
                continue
            value = state_dict[key]
            if not isinstance(value, Tensor):
                error_msgs.append(
                    f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from '
                    f"checkpoint but received {type(value)}"
                )
                continue
            if value.layout is not param.layout:
                error_msgs.append(
                    f"While copying the parameter named \"{key}\", the checkpoint's layout was {value.layout}, the model's "
                    f"{param.layout}: convert it, with .to_dense() or .to_sparse()"
                )
                continue
            lazy = is_lazy(param)
            if not lazy and not is_lazy(value):
                if len(param.shape) == 0 and tuple(value.shape) == (1,):
                    value = value[0]  # files from before 0-dim tensors
                if value.shape != param.shape:
                    error_msgs.append(
                        f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
                        f"the shape in current model is {param.shape}."
                    )
                    continue
            elif not lazy:
                error_msgs.append(
                    f"{key}: the checkpoint has an uninitialized parameter but the module's is initialized; run a "
                    "batch through the saved model first."
                )
                continue
            if not assign and not lazy and param.is_meta is not value.is_meta:
                if value.is_meta:
                    error_msgs.append(
                        f'While copying the parameter named "{key}", whose dimensions in the model are {param.shape} and whose dimensions '
                        f"in the checkpoint are {value.shape}, an exception occurred : ('Cannot copy out of meta tensor; no data!',)."
                    )
                    continue
                warnings.warn(
                    f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter in the current model, which is a "
                    "no-op. (Did you mean to pass `assign=True` to assign items in the state dictionary to their corresponding key in the "
                    "module instead of copying them in place?)",
                    stacklevel=users_level(),
                )
                continue
            if assign:
                writes.append((_swap, self, name, param, value))
            elif not (lazy and is_lazy(value)):
                writes.append((_copy, param, value))
        extra = prefix + _EXTRA
        if self._has_extra("set_extra_state"):
            if extra in state_dict:
                writes.append((self.set_extra_state, state_dict[extra]))
            elif strict:
                missing_keys.append(extra)
        elif strict and extra in state_dict:
            unexpected_keys.append(extra)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra:
                    head, dot, _ = key[len(prefix) :].partition(".")
                    if (head not in self._modules) if dot else (head not in own):
                        unexpected_keys.append(key)
        if _plan.writes is None:  # called by itself: nobody will run the writes later
            for write, *rest in writes:
                write(*rest)

    def load_state_dict(self, state_dict, strict: bool = True, assign: bool = False) -> _IncompatibleKeys:
        """Copy parameters and buffers from `state_dict`, all of them or, if anything is wrong, none.

        Returns the missing and unexpected keys. With `assign` the tensors themselves are taken over instead of their
        values. Raises TypeError when `state_dict` is no mapping; RuntimeError naming every missing, unexpected
        (both only if `strict`) and mis-shaped key.

        >>> import lightwell as torch
        >>> a, b = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
        >>> a.load_state_dict(b.state_dict())
        <All keys matched successfully>
        >>> torch.equal(a.weight, b.weight)
        True
        """
        if not hasattr(state_dict, "items") or not hasattr(state_dict, "keys"):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        state = OrderedDict(state_dict)
        if metadata is not None:
            state._metadata = metadata
        keys = _IncompatibleKeys(missing, unexpected)
        posts: list[tuple] = []

        def visit(module, state, prefix: str) -> None:
            local = {} if metadata is None else metadata.get(prefix[:-1], {})
            if assign:
                local["assign_to_params_buffers"] = True
            module._load_from_state_dict(state, prefix, local, True, missing, unexpected, errors)
            for name, child in module._modules.items():
                if child is not None:
                    below = f"{prefix}{name}."
                    visit(child, {k: v for k, v in state.items() if k.startswith(below)}, below)
            posts.extend((module, hook) for hook in module._load_state_dict_post_hooks.values())

        def complain() -> None:
            lines = list(errors)
            if strict and unexpected:
                lines.insert(0, "Unexpected key(s) in state_dict: {}. ".format(", ".join(f'"{k}"' for k in unexpected)))
            if strict and missing:
                lines.insert(0, "Missing key(s) in state_dict: {}. ".format(", ".join(f'"{k}"' for k in missing)))
            if lines:
                raise RuntimeError("Error(s) in loading state_dict for {}:\n\t{}".format(type(self).__name__, "\n\t".join(lines)))

        outer, _plan.writes = _plan.writes, []
        try:
            visit(self, state, "")
            writes = _plan.writes
        finally:
            _plan.writes = outer
        if errors or not posts:
            complain()
        undo: list[tuple] = []
        own_code = any(write is not _copy and write is not _swap for write, *_ in writes)  # set_extra_state, which may refuse
        try:
            for write, *rest in writes:
                if write is _copy:
                    param, value = rest
                    if is_lazy(param):
                        param.materialize(value.shape)
                    elif own_code or (posts and strict and (missing or unexpected)):
                        undo.append((param, param.detach().clone()))
                write(*rest)
            for module, hook in posts:  # they may forgive keys, so the verdict waits for them
                if hook(module, keys) is not None:
                    raise AssertionError("Hooks registered with register_load_state_dict_post_hook must return None")
            complain()
        except BaseException:
            for param, old in undo:
                _copy(param, old)
            raise
        return keys

    def _keep(self, table: dict, hook) -> RemovableHandle:
        handle = RemovableHandle(table)
        table[handle.id] = hook
        return handle

    def register_state_dict_pre_hook(self, hook) -> RemovableHandle:
        """Run `hook(module, prefix, keep_vars)` before this module's state is read."""
        return self._keep(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook) -> RemovableHandle:
        """Run `hook(module, state_dict, prefix, local_metadata)` after this module's state was read, in place."""
        hook._from_public_api = True
        return self._keep(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook) -> RemovableHandle:
        """Like `register_state_dict_post_hook`, but what the hook returns replaces the dictionary."""
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError("_register_state_dict_hook: the hook was already registered with the public method")
        return self._keep(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook) -> RemovableHandle:
        """Run `hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)` before loading."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook, with_module: bool = False) -> RemovableHandle:
        """The same, the module being passed only on request."""
        return self._keep(self._load_state_dict_pre_hooks, _WrappedHook(hook, self if with_module else None))

    def register_load_state_dict_post_hook(self, hook) -> RemovableHandle:
        """Run `hook(module, incompatible_keys)` after loading; it may edit the keys, and must return None."""
        return self._keep(self._load_state_dict_post_hooks, hook)
