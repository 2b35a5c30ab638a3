"""The base of all optimizers: parameter groups, per-parameter state, checkpoints and hooks."""

from __future__ import annotations

import functools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from .. import ops
from ..autograd.modes import enable_grad, set_grad_enabled
from ..autograd.node import Handle, tick
from ..dtypes import get_default_dtype
from ..errors.level import users_level
from ..errors.teaching import NotImplementedError, RuntimeError, TypeError, ValueError
from ..tensor import STAMP, VERSION, Tensor, wrap
from .readers import TENSORS, Runner

__all__ = ["Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook", "required"]


collecting: Any = None  # set by compile.trace while a program is traced or its numbers are asked for: takes the updates instead


class _Required:
    """Marks a default that each parameter group has to give itself."""

    def __repr__(self):
        return "<required parameter>"


required = _Required()
_all_pre_hooks: dict[int, Callable] = {}
_all_post_hooks: dict[int, Callable] = {}


def _register(hooks, hook, prepend=False):
    """Add a hook behind the others, or, with `prepend`, before them."""
    others = dict(hooks)
    handle = Handle(hooks, hook)
    if prepend:
        for key in others:
            hooks[key] = hooks.pop(key)
    return handle


def register_optimizer_step_pre_hook(hook: Callable) -> Handle:
    """Call `hook(optimizer, args, kwargs)` before each step of every optimizer; returns a handle with `remove()`.

    >>> import lightwell as torch
    >>> from lightwell.optim.optimizer import register_optimizer_step_pre_hook
    >>> w = torch.ones(1, requires_grad=True)
    >>> hook = lambda optimizer, args, kwargs: print(optimizer.param_groups[0]['lr'])
    >>> handle = register_optimizer_step_pre_hook(hook)
    >>> torch.optim.SGD([w], lr=0.5).step(); handle.remove()
    0.5
    """
    return _register(_all_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> Handle:
    """Call `hook(optimizer, args, kwargs)` after each step of every optimizer; returns a handle with `remove()`.

    >>> import lightwell as torch
    >>> from lightwell.optim.optimizer import register_optimizer_step_post_hook
    >>> w = torch.ones(1, requires_grad=True)
    >>> hook = lambda optimizer, args, kwargs: print(type(optimizer).__name__)
    >>> handle = register_optimizer_step_post_hook(hook)
    >>> torch.optim.SGD([w]).step(); handle.remove()
    SGD
    """
    return _register(_all_post_hooks, hook)


def _with_hooks(step):
    """`step` surrounded by the optimizer's step hooks; a step called through `super()` runs them only once."""

    @functools.wraps(step)
    def hooked(self, *args, **kwargs):
        pre, post = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        if not (pre or post or _all_pre_hooks or _all_post_hooks) or type(self).step is not hooked:
            return step(self, *args, **kwargs)
        for hook in chain(list(_all_pre_hooks.values()), list(pre.values())):
            changed = hook(self, (self, *args), kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"{type(self).__name__}.step: a step pre-hook must return None or a tuple (new_args, new_kwargs), "
                        f"but got {changed!r}"
                    )
                (self, *args), kwargs = changed
        result = step(self, *args, **kwargs)
        for hook in chain(list(post.values()), list(_all_post_hooks.values())):
            hook(self, (self, *args), kwargs)
        return result

    return hooked


def _type_name(x):
    kind = getattr(x, "type", None)
    return kind() if isinstance(x, Tensor) and callable(kind) else type(x).__name__


class Optimizer:
    """Base class of the optimizers: holds parameters in groups and, for each parameter, the state its rule needs.

    `params` is an iterable of tensors, of `(name, tensor)` pairs, or of dicts, each a group with a `"params"` entry and options of
    its own; `defaults` gives the options that a group leaves out. A subclass calls `super().__init__(params, defaults)` and defines
    `step(closure=None)`, which reads `p.grad` and changes `p` under `torch.no_grad()`.

    Raises TypeError if `params` is a single tensor or holds something that is no tensor; ValueError if it is empty, if a tensor is
    not a leaf, or if a tensor is in two groups.

    >>> import lightwell as torch
    >>> class Descend(torch.optim.Optimizer):
    ...     def __init__(self, params, lr=0.5):
    ...         super().__init__(params, dict(lr=lr))
    ...     @torch.no_grad()
    ...     def step(self, closure=None):
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 p -= group["lr"] * p.grad
    >>> w = torch.tensor([2.0], requires_grad=True)
    >>> opt = Descend([w])
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.], requires_grad=True)
    """

    _step_is_tensor = True  # checkpoints of old releases held the step count as a number

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)

    def __init__(self, params: Iterable, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._init_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"{_type_name(params)}; put the tensor in a list: [tensor]"
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        if not hasattr(params, "__iter__"):
            hint = ": pass its parameters()" if hasattr(params, "parameters") else ""
            raise TypeError(
                f"params argument given to the optimizer should be an iterable of Tensors or dicts, not {_type_name(params)}{hint}"
            )
        groups = list(params)
        if not groups:
            raise ValueError(
                f"optimizer got an empty parameter list ({type(self).__name__}); pass model.parameters(), and note that a "
                "generator can be read only once"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        given = [dict(group) for group in groups if isinstance(group, dict)]
        try:
            for group in groups:
                self.add_param_group(group)
        except BaseException:  # the caller's dicts, which take the defaults, are as they were
            for group, before in zip(groups, given):
                group.clear()
                group.update(before)
            raise

    def _init_hooks(self):
        self._optimizer_step_pre_hooks = {}
        self._optimizer_step_post_hooks = {}
        self._optimizer_state_dict_pre_hooks = {}
        self._optimizer_state_dict_post_hooks = {}
        self._optimizer_load_state_dict_pre_hooks = {}
        self._optimizer_load_state_dict_post_hooks = {}
        self._runner = Runner()

    # -- what a rule needs -----------------------------------------------------------------------------------------------------

    def _closure_loss(self, closure):
        """Evaluate the closure, if there is one, with gradients on."""
        if closure is None:
            return None
        with enable_grad():
            return closure()

    def _ready(self, group, sparse=""):
        """(parameter, gradient, state) for each parameter of the group that has a gradient.

        `sparse` is the complaint, after the optimizer's name, for a rule that cannot use sparse gradients; None allows them.
        """
        state = self.state
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if sparse is not None and g.is_sparse:
                raise RuntimeError(f"{type(self).__name__} does not support sparse gradients{sparse}")
            yield p, g, state[p]

    def _apply(self, update, tensors, numbers, differentiable=False):
        """Run the rule on tensors (the parameter, its gradient, its state): in place on their arrays, or through autograd."""
        if differentiable:
            with set_grad_enabled(True):
                update(TENSORS, *tensors, *numbers)
            return
        if collecting is not None and collecting.update(self, update, tensors, numbers):
            return
        self._runner(update, [t._a for t in tensors], numbers)
        p = tensors[0]
        cell = p._cell or p._cell_now()  # as p._bump() does, without its call: this runs for every parameter
        cell[STAMP] = tick()
        cell[VERSION] += 1

    # -- groups ----------------------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters (a dict with `"params"` and options), e.g. layers unfrozen during fine-tuning.

        Raises TypeError and ValueError as the constructor does; a group that is refused changes nothing.

        >>> import lightwell as torch
        >>> a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
        >>> opt = torch.optim.SGD([a], lr=0.1)
        >>> opt.add_param_group({"params": b, "lr": 0.01})
        >>> [g["lr"] for g in opt.param_groups]
        [0.1, 0.01]
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}; write {{'params': [...], 'lr': ...}}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, (set, frozenset)):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets will "
                "change between runs. Please use a list instead."
            )
        else:
            params = list(params)

        names = []
        for i, p in enumerate(params):
            if isinstance(p, tuple):
                names.append(p[0])
                params[i] = p[1]
        if names and len(names) != len(params):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        differentiable = self.defaults.get("differentiable", None)
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {_type_name(p)} (at index {i})")
            if not differentiable and not (p.is_leaf or p.retains_grad):
                raise ValueError(
                    f"can't optimize a non-leaf Tensor (params[{i}] of shape {tuple(p.shape)} is the result of an operation); "
                    "create it with requires_grad=True, or use .detach().requires_grad_()"
                )
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")

        ids = {id(p) for p in params}
        if len(ids) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=users_level(),
            )
        if any(id(p) in ids for group in self.param_groups for p in group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        named = bool(names) or "param_names" in param_group
        if self.param_groups and named != ("param_names" in self.param_groups[0]):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                + ("with" if names else "without")
                + " names to the optimizer"
            )
        if names:
            param_group["param_names"] = names
        param_group["params"] = params
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: set `p.grad` to None, or, with `set_to_none=False`, fill it with zeros.

        >>> import lightwell as torch
        >>> w = torch.ones(2, requires_grad=True)
        >>> w.sum().backward()
        >>> torch.optim.SGD([w]).zero_grad()
        >>> w.grad is None
        True
        """
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                    continue
                g = p.grad
                if g is None:
                    continue
                if g.grad_fn is not None:
                    g.detach_()
                else:
                    g.requires_grad_(False)
                g.zero_() if g.is_meta else g._a.fill(0)
                g._bump()

    def step(self, closure: Callable | None = None):
        """Update the parameters once from their gradients; `closure`, if given, recomputes the loss, which is returned."""
        raise NotImplementedError(f"{type(self).__name__} does not define step(closure=None)")

    # -- checkpoints -----------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The optimizer as a dict of plain values and tensors, in PyTorch's layout: `{"state": ..., "param_groups": ...}`.

        Parameters appear as integers, counted through the groups; the state tensors are the optimizer's own, not copies.

        >>> import lightwell as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> sorted(torch.optim.SGD([w], lr=0.1).state_dict())
        ['param_groups', 'state']
        """
        for hook in list(self._optimizer_state_dict_pre_hooks.values()):
            hook(self)
        number = {}
        packed = []
        for group in self.param_groups:
            for p in group["params"]:
                number.setdefault(id(p), len(number))
            entry = {k: v for k, v in group.items() if k != "params"}
            entry["params"] = [number[id(p)] for p in group["params"]]
            packed.append(entry)
        state = {(number[id(k)] if isinstance(k, Tensor) else k): v for k, v in self.state.items()}
        result = {"state": state, "param_groups": packed}
        for hook in list(self._optimizer_state_dict_post_hooks.values()):
            changed = hook(self, result)
            if changed is not None:
                result = changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict()` returned, here or in PyTorch: all of it, or, if it does not fit, nothing.

        State tensors are copied, and take their parameter's dtype; step counts keep theirs. Parameters are matched by their order.
        Raises ValueError if the number of groups or a group's number of parameters differs.
        """
        state_dict = dict(state_dict)
        for hook in list(self._optimizer_load_state_dict_pre_hooks.values()):
            changed = hook(self, state_dict)
            if changed is not None:
                state_dict = changed
        ours, theirs = self.param_groups, deepcopy(state_dict["param_groups"])
        saved_state = state_dict["state"]
        if len(ours) != len(theirs):
            raise ValueError(
                f"loaded state dict has a different number of parameter groups ({len(theirs)}, but the optimizer has {len(ours)})"
            )
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            if len(a["params"]) != len(b["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group "
                    f"(group {i} has {len(b['params'])} parameters, but the optimizer's has {len(a['params'])})"
                )
        param = dict(zip(chain.from_iterable(g["params"] for g in theirs), chain.from_iterable(g["params"] for g in ours), strict=True))
        state = defaultdict(dict)
        for key, value in saved_state.items():
            if key in param:
                state[param[key]] = _fit(value, param[key])
            else:
                state[key] = value
        groups = []
        for a, b in zip(ours, theirs, strict=True):
            b["params"] = a["params"]
            if "param_names" in a:
                b.setdefault("param_names", a["param_names"])
            groups.append(b)
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in list(self._optimizer_load_state_dict_post_hooks.values()):
            hook(self)

    def __getstate__(self):
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state):
        self.__dict__.update(state)
        if "_optimizer_step_pre_hooks" not in self.__dict__:
            self._init_hooks()
        for group in self.param_groups:  # options that a checkpoint of an older release lacks
            for name, default in self.defaults.items():
                if default is not required:
                    group.setdefault(name, default)
        if self._step_is_tensor:
            for entry in self.state.values():
                if isinstance(entry, dict) and isinstance(entry.get("step"), (int, float)):
                    entry["step"] = _scalar_state(entry["step"])

    # -- hooks -----------------------------------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable) -> Handle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return `(new_args, new_kwargs)`."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> Handle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer)` before `state_dict()` gathers the state."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer, state_dict)` after `state_dict()`; it may return a dict to use instead."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer, state_dict)` before `load_state_dict()`; it may return a dict to load instead."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer)` after `load_state_dict()`."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    def __repr__(self):
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            if i:
                lines.append("")
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _fit(value, param, key=None):
    """A copy of a saved state value, its tensors in the parameter's dtype."""
    if isinstance(value, Tensor):
        if key == "step":
            return wrap(np.array(value._a))
        if hasattr(value, "placements"):  # a DTensor stays one
            return value.detach().clone().to(param.dtype)
        if param.is_floating_point() or param.is_complex():
            return wrap(np.array(value._a, dtype=param._a.dtype))
        return wrap(np.array(value._a))
    if isinstance(value, dict):
        return {k: _fit(v, param, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_fit(v, param) for v in value)
    return value


def _scalar_state(value=0.0):
    """A 0-dim tensor for a step count and the like: float32, or float64 where that is the default dtype."""
    return wrap(np.array(value, dtype=np.float64 if get_default_dtype().itemsize == 8 else np.float32))


def _zeros_like(p):
    """A state tensor of zeros shaped and laid out like the parameter; lying on the ranks as it does, if it is a DTensor."""
    if type(p._a) is not np.ndarray and collecting is not None:
        return collecting.new_state(p)
    return ops.zeros_like(p.detach()) if hasattr(p, "placements") else wrap(np.zeros_like(p._a))


def _advance(step):
    """Add one to a step count (a 0-dim tensor) and return it as a number."""
    a = step._a
    n = a.item() + 1
    a.fill(n)
    return n


def _number(x):
    """A hyper-parameter as a Python float: tensors of one element are read."""
    return x.item() if isinstance(x, Tensor) else float(x)


def _check_options(name, lr, foreach=None, fused=None, differentiable=False, capturable=False):
    """The errors every optimizer raises for options that exclude each other, and for a bad learning rate."""
    if isinstance(lr, Tensor):
        if lr.numel() != 1:
            raise ValueError(f"Tensor lr must be 1-element ({name} got shape {tuple(lr.shape)})")
        if foreach and not capturable and name != "SGD":
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
    elif isinstance(lr, str):
        raise TypeError(f"{name}: lr must be float, not str: write {lr.strip() or 0.1} without quotation marks")
    if not _number(lr) >= 0.0:
        raise ValueError(f"Invalid learning rate: {lr} ({name} needs lr >= 0)")
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def _check_betas(name, betas):
    """Both betas lie in [0, 1)."""
    for i in (0, 1):
        if not 0.0 <= _number(betas[i]) < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]} ({name} needs 0 <= beta < 1)")


def _check_at_least_zero(name, **options):
    """ValueError for a negative option; keys are the wording, with spaces as underscores."""
    for what, value in options.items():
        if not _number(value) >= 0.0:
            raise ValueError(f"Invalid {what} value: {value} ({name} needs {what} >= 0)")
