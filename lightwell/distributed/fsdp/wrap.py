"""Which submodules become units of their own: policies, and `wrap` within `enable_wrap`."""

import contextlib

from ...errors.teaching import ValueError
from ...nn import Module, ModuleDict, ModuleList, MultiheadAttention

__all__ = [
    "CustomPolicy", "ModuleWrapPolicy", "always_wrap_policy", "enable_wrap", "lambda_auto_wrap_policy", "size_based_auto_wrap_policy",
    "transformer_auto_wrap_policy", "wrap",
]  # fmt: skip


def always_wrap_policy(*args, **kwargs) -> bool:
    """Every submodule becomes a unit."""
    return True


def lambda_auto_wrap_policy(module, recurse: bool, nonwrapped_numel: int, lambda_fn) -> bool:
    """The submodules for which `lambda_fn(module)` is true become units."""
    return recurse or bool(lambda_fn(module))


def transformer_auto_wrap_policy(module, recurse: bool, nonwrapped_numel: int, transformer_layer_cls) -> bool:
    """The submodules of the given classes (a set of layer classes) become units."""
    return recurse or isinstance(module, tuple(transformer_layer_cls))


def size_based_auto_wrap_policy(
    module, recurse: bool, nonwrapped_numel: int, min_num_params: int = int(1e8), force_leaf_modules=None, exclude_wrap_modules=None
) -> bool:
    """The submodules with at least `min_num_params` numbers that are in no unit yet become units.

    Attention layers are not looked into, lists and dicts of modules are no units, unless the last two arguments (sets of classes) say
    otherwise.
    """
    leaves = tuple(size_based_auto_wrap_policy.FORCE_LEAF_MODULES if force_leaf_modules is None else force_leaf_modules)
    never = tuple(size_based_auto_wrap_policy.EXCLUDE_WRAP_MODULES if exclude_wrap_modules is None else exclude_wrap_modules)
    large = nonwrapped_numel >= min_num_params
    if recurse:
        return large and not isinstance(module, leaves)
    return large and not isinstance(module, never)


size_based_auto_wrap_policy.EXCLUDE_WRAP_MODULES = {ModuleList, ModuleDict}
size_based_auto_wrap_policy.FORCE_LEAF_MODULES = {MultiheadAttention}


class ModuleWrapPolicy:
    """The submodules of the given classes become units."""

    def __init__(self, module_classes):
        self._classes = tuple(module_classes)

    def __call__(self, module, recurse: bool = False, *args, **kwargs) -> bool:
        """Whether to look into the module (`recurse`), or to make it a unit."""
        return recurse or isinstance(module, self._classes)

    def __repr__(self):
        return f"ModuleWrapPolicy({set(self._classes)})"


class CustomPolicy:
    """`lambda_fn(module)` says for each submodule whether it becomes a unit; a dict it returns overrides the unit's arguments."""

    def __init__(self, lambda_fn):
        self._lambda_fn = lambda_fn

    def __call__(self, module, recurse: bool = False, *args, **kwargs):
        """Whether to look into the module (`recurse`), or to make it a unit."""
        if recurse:
            return True
        said = self._lambda_fn(module)
        if not isinstance(said, (dict, bool)):
            raise ValueError(f"CustomPolicy: lambda_fn should return False/True or a dict of keyword arguments, but it returned {said!r}")
        return said


_within: dict = {}


@contextlib.contextmanager
def enable_wrap(*, wrapper_cls, **wrapper_kwargs):
    """Within it, `wrap(module)` gives `wrapper_cls(module, **wrapper_kwargs)`."""
    before = dict(_within)
    _within.clear()
    _within.update(wrapper_cls=wrapper_cls, kwargs=wrapper_kwargs)
    try:
        yield
    finally:
        _within.clear()
        _within.update(before)


def wrap(module: Module, **wrap_overrides) -> Module:
    """`module` wrapped as the surrounding `enable_wrap` says; the module itself outside of one."""
    if not _within:
        return module
    return _within["wrapper_cls"](module, **{**_within["kwargs"], **wrap_overrides})


def wrap_children(module: Module, policy, make, ignored: set) -> int:
    """Wrap the submodules that a policy names, innermost first, by `make(child, **overrides)`; the numbers now in units."""
    policy = policy if callable(policy) else policy.__call__
    return _wrap_below(module, policy, make, ignored)


def _numel(module, ignored) -> int:
    return sum(p.numel() for p in module.parameters() if p not in ignored)


def _wrap_below(module, policy, make, ignored) -> int:
    done = 0
    for name, child in list(module.named_children()):
        size = _numel(child, ignored)
        inside = _wrap_below(child, policy, make, ignored) if policy(module=child, recurse=True, nonwrapped_numel=size) else 0
        said = policy(module=child, recurse=False, nonwrapped_numel=size - inside)
        if said or isinstance(said, dict):
            setattr(module, name, make(child, **(said if isinstance(said, dict) else {})))
            inside = size
        done += inside
    return done


def _or_policy(module, recurse: bool, nonwrapped_numel: int, policies) -> bool:
    """The submodules that any of several policies names become units."""
    return any(policy(module=module, recurse=recurse, nonwrapped_numel=nonwrapped_numel) for policy in policies)
