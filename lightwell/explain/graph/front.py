"""`graph`: a picture of a module's run, or of the graph that stands behind a loss."""

import builtins
import inspect
import sys
from typing import Any

import numpy as np

from ...autograd.node import Port
from ...errors.teaching import TypeError
from ...nn.module import Module
from ...nn.parameter import Parameter
from ...random import get_rng_state, set_rng_state
from ...tensor import Tensor
from . import nodes as nodes_
from .capture import Known, Watch
from .model import gather
from .picture import Picture


def graph(target, *inputs, params: dict | None = None, model=None, title: str | None = None, **kwargs) -> Picture:
    """A picture of a computation: `graph(loss)` of the graph that was built, `graph(model, *inputs)` of what the module does.

    `graph(loss, model=net)` names the parameters and groups the operations by the modules that own them (without `model`: by the
    only module among the caller's variables that took part); `params`, a dictionary of tensors by name (or `net.named_parameters()`),
    only names them; what nobody named is called as the caller's variables are. `graph(f, *inputs)` runs the module or function,
    with `kwargs`, and sees everything: what needs no gradient, calls of modules, the user's lines. The module's buffers and the random
    numbers are afterwards what they were. TypeError: neither a tensor with a graph nor something that can be called.

    >>> import lightwell as torch
    >>> w = torch.ones(3, requires_grad=True)
    >>> loss = (w * 2).sum()
    >>> torch.graph(loss, params={"w": w})
    <Picture of loss: 2 operations, 0 parameters>
    >>> print(torch.graph(loss, params={"w": w}).mermaid().splitlines()[0])
    flowchart TD
    """
    names = dict(params if params is not None else {})
    frame = sys._getframe(1)
    if frame.f_globals.get("__name__", "").endswith("._lazy"):  # the package was called
        frame = frame.f_back or frame
    variables = {
        id(v): (k, v)
        for space in (frame.f_globals, frame.f_locals)
        for k, v in list(space.items())
        if isinstance(v, Tensor) and k[:1] != "_"
    }
    for name, t in names.items():
        if not isinstance(t, Tensor):
            raise TypeError(f"graph(): argument 'params' must map names to tensors; params[{name!r}] is {type(t).__name__}")
    outputs = _tensors(target)
    if outputs and not callable(target):
        if inputs or kwargs:
            raise TypeError("graph(): a tensor takes no inputs; pass graph(model, *inputs) to run a module")
        if model is None:
            model, found = _taking_part(outputs, frame)
            names = {**found, **names}
        return built(outputs, names, variables, model, title)
    if not callable(target):
        raise TypeError(f"graph(): argument 'target' must be a tensor (or several) or a module to run, not {type(target).__name__}")
    return ran(target, inputs, kwargs, names, variables, model, title)


def _taking_part(outputs: dict, frame) -> tuple:
    """(the only module of the caller's that has parameters in the graph, {}), or (None, their parameters by "variable.name")."""
    ends = [t._node for t in outputs.values() if t._node is not None]
    nodes = {n for e in ends for n in nodes_.unread(Known(), e.node if type(e) is Port else e)}
    leaves = {id(e) for n in nodes for e in n.edges if isinstance(e, Tensor)}
    found: dict = {}
    for space in (frame.f_locals, frame.f_globals):
        for name, m in list(space.items()):
            if isinstance(m, Module) and name[:1] != "_" and any(id(p) in leaves for p in m.parameters()):
                found.setdefault(id(m), (name, m))
    inner = {id(s) for _, m in found.values() for s in m.modules() if s is not m}
    whole = [(name, m) for name, m in found.values() if id(m) not in inner]
    if len(whole) == 1:
        return whole[0][1], {}
    return None, {f"{name}.{path}": p for name, m in whole for path, p in m.named_parameters()}


def built(outputs: dict, names: dict, variables: dict, model=None, title: str | None = None) -> Picture:
    """A picture of the autograd graph behind tensors."""
    known = Known()
    if model is not None:
        known.named(model)
        known.kinds = {path: type(m).__name__ for path, m in model.named_modules()}
    for name, t in names.items():
        known.name(t, "parameter" if isinstance(t, Parameter) else "leaf", name)
    _take(known, variables)
    ends = []
    for name, t in outputs.items():
        value = known.value_of(t)
        value.grad = t.requires_grad
        if t.grad_fn is not None:
            nodes_.complete(known, value, t.grad_fn)
        ends.append((variables[id(t)][0] if id(t) in variables else name, value))
    first = next(iter(outputs.values()))
    named = variables[id(first)][0] if id(first) in variables else first.grad_fn.name() if first.grad_fn else "Tensor"
    found = gather(title or (type(model).__name__ if model is not None else named), ends)
    if model is not None:
        nodes_.place(found.ops, known)
    return Picture(found)


def ran(call, inputs, kwargs, names: dict, variables: dict, model=None, title: str | None = None) -> Picture:
    """A picture of what `call(*inputs, **kwargs)` does."""
    if model is None and isinstance(call, Module):
        model = call
    buffers = [(b, b._a, b._a.copy()) for b in (model.buffers() if model is not None else ()) if type(b._a) is np.ndarray]
    dice = get_rng_state()
    watch = Watch(model)
    for name, t in names.items():
        watch.name(t, "parameter" if isinstance(t, Parameter) else "leaf", name)
    given = {**_argument_names(call, inputs), **kwargs}
    entries = []
    for name, v in given.items():
        for inner, t in _tensors(v, name).items():
            watch.name(t, "input", inner)
            entries.append(watch.value_of(t))
    _take(watch, variables)
    try:
        with watch:
            result = call(*inputs, **kwargs)
            watch._settle()
            ends = [(name, watch.value_of(t)) for name, t in _tensors(result).items()]
    finally:
        set_rng_state(dice)
        for b, array, before in buffers:  # behind autograd's back: nobody shall notice
            if array.flags.writeable:
                np.copyto(array, before)
            b._a = array
    if not ends:
        raise TypeError(f"graph(): {_name_of(call)} returned no tensor but {type(result).__name__}: there is nothing to draw")
    return Picture(gather(title or _name_of(model if model is not None and isinstance(call, Module) else call), ends, entries))


def _take(known: Known, variables: dict) -> None:
    """Call leaves as the user's variables are called, where they have no name yet."""
    for name, t in variables.values():
        if t._node is None and t._rg:
            known.name(t, "parameter" if isinstance(t, Parameter) else "leaf", name)


def _name_of(call) -> str:
    return type(call).__name__ if isinstance(call, Module) else getattr(call, "__name__", type(call).__name__)


def _argument_names(call, inputs) -> dict:
    function = call.forward if isinstance(call, Module) else call
    try:
        bound = inspect.signature(function).bind_partial(*inputs)
    except (builtins.TypeError, ValueError):
        return {f"input{i}": v for i, v in enumerate(inputs)}
    return dict(bound.arguments)


def _tensors(value: Any, name: str = "") -> dict:
    """The tensors in lists, tuples and dictionaries, by names."""
    if isinstance(value, Tensor):
        return {name or "output": value}
    found: dict = {}
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, v in pairs:
        inner = (
            f"{name}[{key}]"
            if name and isinstance(key, int)
            else f"output[{key}]"
            if isinstance(key, int)
            else f"{name}.{key}"
            if name
            else str(key)
        )
        found.update(_tensors(v, inner))
    return found
