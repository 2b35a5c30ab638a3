"""Hooks around a module's call: their registration, the slow path of `__call__` that runs them, and the global ones."""

from __future__ import annotations

import itertools
import warnings
import weakref
from collections import OrderedDict
from typing import Any

from ..errors.level import users_level
from ..errors.teaching import RuntimeError
from ..tensor import Tensor

_ids = itertools.count()


class RemovableHandle:
    """What registering a hook returns: `remove()` undoes it, and so does leaving a `with` block.

    >>> import lightwell as torch
    >>> net = torch.nn.Identity()
    >>> with net.register_forward_hook(lambda m, x, y: y + 1):
    ...     net(torch.zeros(2))
    tensor([1., 1.])
    >>> net(torch.zeros(2))
    tensor([0., 0.])
    """

    def __init__(self, hooks_dict: dict, *, extra_dict=()) -> None:
        self.id = next(_ids)
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        extras = [extra_dict] if isinstance(extra_dict, dict) else list(extra_dict or ())
        self.extra_dict_ref = tuple(weakref.ref(d) for d in extras)

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        for ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            table = ref()
            if table is not None:
                table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc) -> None:
        self.remove()

    def __getstate__(self):
        return (self.hooks_dict_ref(), self.id, tuple(ref() for ref in self.extra_dict_ref))

    def __setstate__(self, state) -> None:
        table, self.id, extras = state
        # A weak reference needs a live target: a lost dictionary becomes an empty one, which nothing else holds.
        self.hooks_dict_ref = weakref.ref(OrderedDict() if table is None else table)
        self.extra_dict_ref = tuple(weakref.ref(OrderedDict() if d is None else d) for d in extras)


class _WrappedHook:
    """A hook for `load_state_dict`, and the module that it wants to be told, if any; PyTorch's files hold these."""

    def __init__(self, hook, module=None):
        self.hook, self.module = hook, module

    def __call__(self, *args, **kwargs):
        return self.hook(*(() if self.module is None else (self.module,)), *args, **kwargs)

    def __getstate__(self) -> dict:
        told = {} if self.module is None else {"module": self.module}
        return {"hook": self.hook, "with_module": self.module is not None, **told}

    def __setstate__(self, state: dict) -> None:
        self.hook, self.module = state["hook"], state.get("module")


class _Global:
    """The hooks that every module runs, and whether there ever was one."""

    __slots__ = ("always", "armed", "backward", "backward_pre", "follow", "forward", "full", "kwargs", "pre")

    def __init__(self) -> None:
        self.armed = False
        self.follow: Any = None  # set by explain.watch while it is at work: follow(module, args, kwargs) runs the call
        self.full: bool | None = None
        self.pre, self.forward, self.backward, self.backward_pre = (OrderedDict() for _ in range(4))
        self.always, self.kwargs = OrderedDict(), OrderedDict()

    def add(self, table: dict, hook, *marks: dict) -> RemovableHandle:
        handle = RemovableHandle(table, extra_dict=marks)
        table[handle.id] = hook
        for mark in marks:
            mark[handle.id] = True
        self.armed = True
        return handle


everywhere = _Global()


def register_module_forward_pre_hook(hook) -> RemovableHandle:
    """Run `hook(module, args)` before the forward of every module; a value other than None replaces the arguments.

    >>> import lightwell as torch
    >>> hook = lambda module, args: print(type(module).__name__)
    >>> with torch.nn.modules.module.register_module_forward_pre_hook(hook):
    ...     y = torch.nn.Sequential(torch.nn.ReLU())(torch.zeros(1))
    Sequential
    ReLU
    """
    return everywhere.add(everywhere.pre, hook)


def register_module_forward_hook(hook, *, with_kwargs: bool = False, always_call: bool = False) -> RemovableHandle:
    """Run `hook(module, args, output)` after the forward of every module; a value other than None replaces the output.

    >>> import lightwell as torch
    >>> hook = lambda module, args, y: print(type(module).__name__, tuple(y.shape))
    >>> with torch.nn.modules.module.register_module_forward_hook(hook):
    ...     y = torch.nn.Linear(3, 2)(torch.zeros(1, 3))
    Linear (1, 2)
    """
    marks = [everywhere.kwargs] * with_kwargs + [everywhere.always] * always_call
    return everywhere.add(everywhere.forward, hook, *marks)


def register_module_full_backward_pre_hook(hook) -> RemovableHandle:
    """Run `hook(module, grad_output)` before the backward of every module."""
    return everywhere.add(everywhere.backward_pre, hook)


def register_module_full_backward_hook(hook) -> RemovableHandle:
    """Run `hook(module, grad_input, grad_output)` after the backward of every module.

    >>> import lightwell as torch
    >>> hook = lambda module, gi, go: print(type(module).__name__, go[0].shape)
    >>> with torch.nn.modules.module.register_module_full_backward_hook(hook):
    ...     torch.nn.Linear(3, 2)(torch.zeros(1, 3)).sum().backward()
    Linear torch.Size([1, 2])
    """
    if everywhere.full is False and everywhere.backward:
        raise RuntimeError("register_module_full_backward_hook: global non-full backward hooks are already there")
    everywhere.full = True
    return everywhere.add(everywhere.backward, hook)


def register_module_backward_hook(hook) -> RemovableHandle:
    """Run `hook(module, grad_input, grad_output)` on the last node of every module's graph (prefer the full one)."""
    if everywhere.full and everywhere.backward:
        raise RuntimeError("register_module_backward_hook: global full backward hooks are already there")
    everywhere.full = False
    return everywhere.add(everywhere.backward, hook)


def _as_tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


_bridge: type | None = None


def _hook_function() -> type:
    """The identity whose backward hands the gradients to `met(grads)` and goes on with what that returns; made on first use."""
    global _bridge
    if _bridge is None:
        from ..autograd import Function

        class BackwardHookFunction(Function):
            """y = x; gx = met(gy)."""

            @staticmethod
            def forward(ctx, met, *xs):
                ctx.met = met
                ctx.set_materialize_grads(False)
                return tuple(x.view_as(x) for x in xs)

            @staticmethod
            def backward(ctx, *grads):
                return (None, *ctx.met(grads))

        _bridge = BackwardHookFunction
    return _bridge


class _BackwardWatch:
    """One call of a module with full backward hooks: it brackets the call's graph with two identities."""

    def __init__(self, module, pre: list, post: list) -> None:
        self.module, self.pre, self.post = module, pre, post
        self.grad_outputs: tuple = ()
        self.n_in = self.n_out = 0
        self.in_at: list[int] = []
        self.out_at: list[int] = []

    @staticmethod
    def _wrap(met, values: tuple) -> tuple[tuple, list[int]]:
        from ..autograd import modes

        at = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
        if not at or not modes.is_grad_enabled() or not any(values[i].requires_grad for i in at):
            return values, []
        values = list(values)
        for i, new in zip(at, _hook_function().apply(met, *[values[i] for i in at]), strict=True):
            values[i] = new
        return tuple(values), at

    def wrap_inputs(self, args: tuple) -> tuple:
        self.n_in = len(args)
        args, self.in_at = self._wrap(self.leave, args)
        return args

    def wrap_outputs(self, result):
        values = _as_tuple(result)
        self.n_out = len(values)
        values, self.out_at = self._wrap(self.enter, values)
        if not isinstance(result, tuple):
            return values[0]
        return type(result)(*values) if hasattr(result, "_fields") else values

    def enter(self, grads: tuple) -> tuple:
        full: list = [None] * self.n_out
        for i, g in zip(self.out_at, grads, strict=True):
            full[i] = g
        grad_outputs = tuple(full)
        for hook in self.pre:
            new = hook(self.module, grad_outputs)
            if new is not None:
                new = _as_tuple(new)
                if len(new) != len(grad_outputs):
                    raise RuntimeError(
                        f"Backward pre hook returned an invalid number of grad_output, got {len(new)}, but expected {len(grad_outputs)}"
                    )
                grad_outputs = new
        self.grad_outputs = grad_outputs
        if not self.in_at:  # no input wants a gradient: this is the only moment the hooks have
            for hook in self.post:
                if hook(self.module, (None,) * self.n_in, grad_outputs) is not None:
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return None or None for all gradients."
                    )
        return tuple(grad_outputs[i] for i in self.out_at)

    def leave(self, grads: tuple) -> tuple:
        full: list = [None] * self.n_in
        for i, g in zip(self.in_at, grads, strict=True):
            full[i] = g
        grad_inputs = tuple(full)
        for hook in self.post:
            new = hook(self.module, grad_inputs, self.grad_outputs)
            if new is not None:
                new = _as_tuple(new)
                if len(new) != len(grad_inputs):
                    raise RuntimeError(
                        f"Backward hook returned an invalid number of grad_input, got {len(new)}, but expected {len(grad_inputs)}"
                    )
                grad_inputs = new
        return tuple(grad_inputs[i] for i in self.in_at)


def _non_full(module, result, hooks: list) -> None:
    """Hang old-style backward hooks on the node that made the (first) output."""
    var = result
    while not isinstance(var, Tensor):
        if isinstance(var, dict):
            var = next(v for v in var.values() if isinstance(v, Tensor))
        elif isinstance(var, (tuple, list)) and var:
            var = var[0]
        else:
            return
    node = var.grad_fn
    if node is None:
        return
    for hook in hooks:
        node.register_hook(lambda gin, gout, hook=hook: hook(module, gin, gout))


def call_with_hooks(module, args: tuple, kwargs: dict):
    """`module.forward` with every pre-hook before it and every hook after it."""
    if everywhere.follow is not None:
        return everywhere.follow(module, args, kwargs)
    return hooked(module, args, kwargs)


def hooked(module, args: tuple, kwargs: dict):
    """The same, with nobody following."""
    called: set[int] = set()
    try:
        return _call(module, args, kwargs, called)
    except Exception:
        # `always_call` hooks that have not run yet run now, without an output; their own failures must not hide ours.
        for table, always in ((everywhere.forward, everywhere.always), (module._forward_hooks, None)):
            marked = module._forward_hooks_always_called if always is None else always
            with_kw = module._forward_hooks_with_kwargs if always is None else everywhere.kwargs
            for key, hook in list(table.items()):
                if key in marked and key not in called:
                    try:
                        hook(module, args, kwargs, None) if key in with_kw else hook(module, args, None)
                    except Exception as error:
                        warnings.warn(f"forward hook with always_call=True raised {error!r}; it was ignored", stacklevel=users_level())
        raise


def _call(module, args: tuple, kwargs: dict, called: set[int]):
    own_full = module._is_full_backward_hook
    full = list(everywhere.backward.values()) if everywhere.full else []
    old = list(everywhere.backward.values()) if everywhere.full is False else []
    if module._backward_hooks:
        (full if own_full else old).extend(module._backward_hooks.values())
    before = [*everywhere.backward_pre.values(), *module._backward_pre_hooks.values()]

    for hook in list(everywhere.pre.values()):
        new = hook(module, args)
        if new is not None:
            args = _as_tuple(new)
    for key, hook in list(module._forward_pre_hooks.items()):
        if key in module._forward_pre_hooks_with_kwargs:
            new = hook(module, args, kwargs)
            if new is not None:
                if not (isinstance(new, tuple) and len(new) == 2):
                    raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {new}.")
                args, kwargs = new
        else:
            new = hook(module, args)
            if new is not None:
                args = _as_tuple(new)

    watch = _BackwardWatch(module, before, full) if (full or before) else None
    if watch is not None:
        args = watch.wrap_inputs(args)
    result = module.forward(*args, **kwargs)
    for table, with_kw in ((everywhere.forward, everywhere.kwargs), (module._forward_hooks, None)):
        marked = module._forward_hooks_with_kwargs if with_kw is None else with_kw
        for key, hook in list(table.items()):
            called.add(key)
            new = hook(module, args, kwargs, result) if key in marked else hook(module, args, result)
            if new is not None:
                result = new
    if watch is not None:
        result = watch.wrap_outputs(result)
    if old:
        _non_full(module, result, old)
    return result


class HookHost:
    """The part of Module that registers hooks; `_hooked` turns the fast path of `__call__` off for good."""

    _hooked = False

    def _hook(self, table: dict, hook, *marks: dict, prepend: bool = False) -> RemovableHandle:
        handle = RemovableHandle(table, extra_dict=marks)
        table[handle.id] = hook
        for mark in marks:
            mark[handle.id] = True
        if prepend:
            table.move_to_end(handle.id, last=False)
        self.__dict__["_hooked"] = True
        return handle

    def register_forward_pre_hook(self, hook, *, prepend: bool = False, with_kwargs: bool = False) -> RemovableHandle:
        """Run `hook(module, args)` before forward; a value other than None replaces the arguments.

        With `with_kwargs` it is called as `hook(module, args, kwargs)` and returns None or `(args, kwargs)`;
        `prepend` puts it before the hooks that are already there.

        >>> import lightwell as torch
        >>> net = torch.nn.Identity()
        >>> handle = net.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
        >>> net(torch.ones(2))
        tensor([2., 2.])
        """
        marks = [self._forward_pre_hooks_with_kwargs] * with_kwargs
        return self._hook(self._forward_pre_hooks, hook, *marks, prepend=prepend)

    def register_forward_hook(
        self, hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Run `hook(module, args, output)` after forward; a value other than None replaces the output.

        With `with_kwargs` it is called as `hook(module, args, kwargs, output)`; with `always_call` it runs even when
        forward raised; `prepend` puts it before the hooks that are already there.

        >>> import lightwell as torch
        >>> net, shapes = torch.nn.Linear(3, 2), []
        >>> handle = net.register_forward_hook(lambda module, args, y: shapes.append(tuple(y.shape)))
        >>> y = net(torch.zeros(4, 3)); shapes
        [(4, 2)]
        """
        marks = [self._forward_hooks_with_kwargs] * with_kwargs + [self._forward_hooks_always_called] * always_call
        return self._hook(self._forward_hooks, hook, *marks, prepend=prepend)

    def register_full_backward_pre_hook(self, hook, prepend: bool = False) -> RemovableHandle:
        """Run `hook(module, grad_output)` before the module's backward; a value other than None replaces grad_output."""
        return self._hook(self._backward_pre_hooks, hook, prepend=prepend)

    def register_full_backward_hook(self, hook, prepend: bool = False) -> RemovableHandle:
        """Run `hook(module, grad_input, grad_output)` after the module's backward.

        Both are tuples, one entry per positional argument or output, None where there is no gradient. A value other
        than None replaces grad_input. Raises RuntimeError when old-style backward hooks are registered already.

        >>> import lightwell as torch
        >>> net = torch.nn.Linear(2, 1)
        >>> handle = net.register_full_backward_hook(lambda m, gi, go: print(gi[0].shape, go[0].shape))
        >>> net(torch.zeros(3, 2, requires_grad=True)).sum().backward()
        torch.Size([3, 2]) torch.Size([3, 1])
        """
        if self._is_full_backward_hook is False:
            raise RuntimeError("Cannot use both regular backward hooks and full backward hooks on a single Module.")
        self._is_full_backward_hook = True
        return self._hook(self._backward_hooks, hook, prepend=prepend)

    def register_backward_hook(self, hook) -> RemovableHandle:
        """Run `hook(module, grad_input, grad_output)` on the last node of the module's graph.

        Kept for old programs: `register_full_backward_hook` sees the whole module. Raises RuntimeError when full
        backward hooks are registered already.
        """
        if self._is_full_backward_hook is True:
            raise RuntimeError("Cannot use both regular backward hooks and full backward hooks on a single Module.")
        self._is_full_backward_hook = False
        return self._hook(self._backward_hooks, hook)
