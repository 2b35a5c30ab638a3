"""Modules made without drawing their parameters."""

from ...errors.teaching import RuntimeError

__all__ = ["skip_init"]


def skip_init(module_cls: type, *args, **kwargs):
    """`module_cls(*args, **kwargs)` without drawing its parameters: their values are undefined.

    >>> import lightwell as torch
    >>> torch.nn.utils.skip_init(torch.nn.Linear, 2, 3)
    Linear(in_features=2, out_features=3, bias=True)
    """
    from ... import random
    from ..module import Module

    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    state = random.default_generator.get_state()
    module = module_cls(*args, **kwargs)
    random.default_generator.set_state(state)
    return module
