"""Freezing: a module's parameters become constants of its program."""

import copy
from contextlib import contextmanager

from ..errors.teaching import RuntimeError, ValueError
from ..nn import Module
from ._script import ScriptModule

__all__ = ["freeze", "optimize_for_inference", "optimized_execution", "run_frozen_optimizations", "set_fusion_strategy"]


def freeze(mod, preserved_attrs=None, optimize_numerics: bool = True):
    """A copy of a scripted or traced module in eval mode whose parameters and buffers are constants: its state_dict is empty.

    RuntimeError for a module that isn't scripted or traced, or is in training mode.

    >>> import lightwell as torch
    >>> net = torch.jit.freeze(torch.jit.script(torch.nn.Linear(2, 2).eval()))
    >>> list(net.parameters()), net(torch.ones(1, 2)).shape
    ([], torch.Size([1, 2]))
    """
    if not isinstance(mod, ScriptModule):
        raise RuntimeError(
            "Freezing expects a ScriptModule as input. Please use torch.jit.script or torch.jit.trace to script your 'nn.Module'."
        )
    if mod.training:
        raise RuntimeError(
            "Freezing is currently only implemented for modules in evaluation mode. Please call .eval() on your module before freezing."
        )
    new = copy.deepcopy(mod)
    keep = set(preserved_attrs or ())
    for path, module in new.named_modules():
        for table in ("_parameters", "_buffers"):
            held = module.__dict__[table]
            for name in list(held):
                if (f"{path}.{name}" if path else name) not in keep:
                    value = held.pop(name)
                    Module.__delattr__(module, name) if name in module.__dict__ else None
                    module.__dict__[name] = None if value is None else value.detach()
    return new


def optimize_for_inference(mod, other_methods=None):
    """The module, frozen if it isn't: there is nothing further to gain without a compiler behind it."""
    if not isinstance(mod, ScriptModule):
        raise ValueError("optimize_for_inference expects a ScriptModule as input. Please use torch.jit.script or torch.jit.trace first")
    return freeze(mod.eval(), other_methods) if any(True for _ in mod.parameters()) else mod


def run_frozen_optimizations(mod, optimize_numerics: bool = True, preserved_methods=None) -> None:
    """Accepted: a frozen module runs as it is."""


@contextmanager
def optimized_execution(should_optimize: bool):
    """Accepted: programs run as Python does either way."""
    yield


def set_fusion_strategy(strategy) -> list:
    """Accepted: nothing is fused here. Returns the former strategy."""
    global _strategy
    before, _strategy = _strategy, list(strategy)
    return before


_strategy: list = [("STATIC", 2), ("DYNAMIC", 10)]
