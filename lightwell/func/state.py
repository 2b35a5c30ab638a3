"""A module as a function of its parameters and buffers; many modules' parameters as one."""

from contextlib import contextmanager

from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..tensor import Tensor

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def _homes(module) -> dict:
    """{name: (dict that holds it, its key)} of every parameter and buffer, shared ones under each of their names."""
    found = {}
    for prefix, sub in module.named_modules(remove_duplicate=False):
        for held in (sub._parameters, sub._buffers):
            for key in held:
                found[f"{prefix}.{key}" if prefix else key] = (held, key)
    return found


def _tied(homes, given, strict_ties: bool) -> dict:
    """`given` with the value of each name under all names of the same tensor."""
    if not strict_ties:
        return dict(given)
    by_tensor: dict = {}
    for name, (held, key) in homes.items():
        if held[key] is not None:
            by_tensor.setdefault(id(held[key]), []).append(name)
    full = dict(given)
    for names in by_tensor.values():
        values = {id(given[n]): given[n] for n in names if n in given}
        if len(values) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(n for n in names if n in given)}, which are tied. Consider using tie_weights=False"
            )
        for value in values.values():
            full.update(dict.fromkeys(names, value))
    return full


@contextmanager
def reparametrized(module, given: dict, tie_weights: bool = True, strict: bool = False):
    """Within it, the module's parameters and buffers are the given tensors."""
    homes = _homes(module)
    full = _tied(homes, given, tie_weights)
    unknown = sorted(name for name in full if name not in homes)
    missing = sorted(name for name, (held, key) in homes.items() if name not in full and held[key] is not None)
    if strict and (unknown or missing):
        lines = [f"Unexpected key(s): {', '.join(map(repr, unknown))}."] * bool(unknown)
        lines += [f"Missing key(s): {', '.join(map(repr, missing))}."] * bool(missing)
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\t" + "\n\t".join(lines))
    for name, value in full.items():
        if name in homes and value is not None and not isinstance(value, Tensor):
            raise TypeError(f"functional_call: {name} must be a Tensor or None, got {type(value).__name__}")
    before = []
    try:
        for name, value in full.items():
            if name in homes:
                held, key = homes[name]
                before.append((name, held, key, held[key]))
                held[key] = value
        yield
    finally:
        for name, held, key, value in reversed(before):
            if name in full and held.get(key) is not full[name]:
                full[name] = held.get(key)  # the forward replaced it
                if name in given:
                    given[name] = full[name]
            held[key] = value


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """`module(*args, **kwargs)` with the given tensors in place of its parameters and buffers.

    `parameter_and_buffer_dicts`: {name: tensor}, or several such dicts without a name in common. Names left out keep the
    module's own. `tie_weights`: a tensor given for one name is used under all names of a shared parameter. `strict`:
    RuntimeError unless the names are exactly the module's. ValueError for a name in two dicts, or two values for tied ones.

    >>> import lightwell as torch
    >>> layer = torch.nn.Linear(1, 1)
    >>> torch.func.functional_call(layer, {"weight": torch.tensor([[2.]]), "bias": torch.tensor([1.])}, torch.tensor([[3.]]))
    tensor([[7.]])
    """
    given = parameter_and_buffer_dicts
    if not isinstance(given, dict):
        if not isinstance(given, (tuple, list)):
            raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(given)}")
        if not all(isinstance(d, dict) for d in given):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        names = [name for d in given for name in d]
        repeated = sorted({n for n in names if names.count(n) > 1})
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        given = {name: value for d in given for name, value in d.items()}
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with reparametrized(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def stack_module_state(models):
    """(parameters, buffers) of several modules of one architecture, each {name: tensor} with the modules along dimension 0.

    For `vmap(lambda p, b, x: functional_call(model, (p, b), (x,)), in_dims=(0, 0, None))`: an ensemble in one call.
    RuntimeError for no models, models of several classes, or in different modes. The parameters are new leaves that
    require grad where the models' do.

    >>> import lightwell as torch
    >>> params, buffers = torch.func.stack_module_state([torch.nn.Linear(2, 3) for _ in range(4)])
    >>> params["weight"].shape
    torch.Size([4, 3, 2])
    """
    from ..ops.join import stack

    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or all(not m.training for m in models)):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if not all(type(m) is type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def joined(tables):
        out = {}
        for name in tables[0]:
            values = [table[name] for table in tables]
            flags = {v.requires_grad for v in values}
            if len(flags) > 1:
                raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
            made = stack([v.detach() for v in values])
            out[name] = made.requires_grad_() if flags.pop() else made
        return out

    return joined([dict(m.named_parameters()) for m in models]), joined([dict(m.named_buffers()) for m in models])


def replace_all_batch_norm_modules_(root):
    """Take the running statistics out of every batch norm of a module, so that it can run under vmap; returns it.

    A batch norm in training writes the statistics of its batch in place, and there is no one batch under vmap.
    """
    from ..nn import BatchNorm1d, BatchNorm2d, BatchNorm3d

    for module in root.modules():
        if isinstance(module, (BatchNorm1d, BatchNorm2d, BatchNorm3d)):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
