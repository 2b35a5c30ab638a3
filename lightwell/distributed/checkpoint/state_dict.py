"""State dicts of models and optimizers that do not depend on how the model is wrapped or laid.

Names are the inner module's (without what DistributedDataParallel, FSDP, checkpoint wrappers and compile put before them), and an
optimizer's state goes by its parameters' names instead of their numbers.
"""

from dataclasses import dataclass

from ... import no_grad
from ...errors.teaching import ValueError
from ...nn.module import Module
from ...tensor import Tensor

_WRAPPERS = ("module.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_orig_mod.")


@dataclass
class StateDictOptions:
    """How state dicts are got and set.

    `full_state_dict`: whole tensors instead of DTensors; with `cpu_offload` only rank 0 gets them. `broadcast_from_rank0`: at setting, rank
    0's full state is given to all. `ignore_frozen_params`: leave out what requires no grad. `strict`: as in `load_state_dict`.
    `flatten_optimizer_state_dict`: the optimizer's as one flat dict of "state.NAME.KEY" and "param_groups.NAME.KEY".
    """

    full_state_dict: bool = False
    cpu_offload: bool = False
    ignore_frozen_params: bool = False
    keep_submodule_prefixes: bool = True
    strict: bool = True
    broadcast_from_rank0: bool = False
    flatten_optimizer_state_dict: bool = False
    dsd_fqn_modifiers: str = "_fqn_modifiers"

    def __post_init__(self):
        if self.broadcast_from_rank0 and not self.full_state_dict:
            raise ValueError("full_state_dict must be True when broadcast_from_rank0 is True.")


def _rank() -> int:
    from ..process_group import get_rank, is_initialized

    return get_rank() if is_initialized() else 0


def plain_name(name: str, model=None) -> str:
    """A parameter's name without wrappers' prefixes."""
    wrapped = {n for n, m in model.named_modules() if _wraps(m)} if model is not None else ()
    out, path = [], ""
    for part in name.split("."):
        if part + "." in _WRAPPERS and (part != "module" or path in wrapped):
            path = f"{path}.{part}".lstrip(".")
            continue
        path = f"{path}.{part}".lstrip(".")
        out.append(part)
    return ".".join(out)


def _wraps(module) -> bool:
    """Whether a module's child `module` is what it wraps."""
    return type(module).__name__ in ("DistributedDataParallel", "DataParallel", "FullyShardedDataParallel")


def _names(model) -> dict:
    """Plain name to the model's own, for everything in its state dict."""
    return {plain_name(n, model): n for n in _state(model)}


def _state(model) -> dict:
    return Module.state_dict(model) if not type(model).__name__.startswith("FullySharded") else model.state_dict()


def _given_out(t, options):
    """A tensor as the options want it."""
    if not isinstance(t, Tensor):
        return t
    if options.full_state_dict and hasattr(t, "full_tensor"):
        t = t.full_tensor()
    if options.full_state_dict and options.cpu_offload:
        return t if _rank() == 0 else None
    return t


def _without_none(tree):
    return {k: v for k, v in tree.items() if v is not None}


def get_model_state_dict(model, *, submodules=None, options: StateDictOptions | None = None) -> dict:
    """The model's state dict by plain names; all ranks call it."""
    options = options or StateDictOptions()
    frozen = {n for n, p in model.named_parameters() if not p.requires_grad} if options.ignore_frozen_params else set()
    homes = None
    if submodules is not None:
        homes = [n + "." for n, m in model.named_modules() if m in submodules]
    out = {}
    for own, t in _state(model).items():
        if own in frozen or (homes is not None and not any(own.startswith(h) for h in homes)):
            continue
        name = plain_name(own, model)
        if homes is not None and not options.keep_submodule_prefixes:
            name = plain_name(next(own[len(h) :] for h in homes if own.startswith(h)))
        out[name] = _given_out(t, options)
    if options.full_state_dict and options.cpu_offload and _rank():
        return {}
    return out


def _laid_like(value, like):
    """A whole tensor laid as another one."""
    if hasattr(like, "placements") and isinstance(value, Tensor) and not hasattr(value, "placements"):
        from ..tensor import distribute_tensor

        return distribute_tensor(value.detach(), like.device_mesh, like.placements, src_data_rank=None)
    return value


def _everywhere(state):
    """Rank 0's state, on all ranks."""
    from ..objects import broadcast_object_list
    from ..process_group import is_initialized

    if not is_initialized():
        return state
    box = [state if _rank() == 0 else None]
    broadcast_object_list(box, 0)
    return box[0]


def set_model_state_dict(model, model_state_dict: dict, *, options: StateDictOptions | None = None):
    """Load a state dict of plain names into the model; the missing and unexpected keys, as `load_state_dict` returns them."""
    options = options or StateDictOptions()
    if options.broadcast_from_rank0:
        model_state_dict = _everywhere(model_state_dict)
    names, here = _names(model), _state(model)
    state = {}
    for name, value in model_state_dict.items():
        own = names.get(name, name)
        state[own] = _laid_like(value, here[own]) if own in here else value
    return model.load_state_dict(state, strict=options.strict)


# ---- optimizers -----------------------------------------------------------------------------------------------------


def _several(optimizers) -> tuple:
    return tuple(optimizers) if isinstance(optimizers, (list, tuple, set)) else (optimizers,)


def _init_optim_state(optim) -> None:
    """Let an optimizer make its state: one step with gradients and learning rates of zero, which changes nothing."""
    if optim.state:
        return
    kept = [(p, p._grad) for g in optim.param_groups for p in g["params"]]
    if any(g is not None for _, g in kept):
        return
    rates = [g.get("lr") for g in optim.param_groups]
    with no_grad():
        for p, _ in kept:
            if p.requires_grad:
                p.grad = p.detach().clone() * 0
        for g in optim.param_groups:
            if "lr" in g:
                g["lr"] = g["lr"] * 0 if isinstance(g["lr"], Tensor) else 0.0
        optim.step(closure=None)
    for g, rate in zip(optim.param_groups, rates):
        if "lr" in g:
            g["lr"] = rate
    optim.zero_grad(set_to_none=True)


def _parameter_names(model) -> dict:
    return {id(p): plain_name(n, model) for n, p in model.named_parameters(remove_duplicate=False)}


def get_optimizer_state_dict(model, optimizers, *, submodules=None, options: StateDictOptions | None = None) -> dict:
    """{"state": {name: {...}}, "param_groups": [{"params": [names], ...}]} of one or several optimizers; all ranks call it."""
    options = options or StateDictOptions()
    names = _parameter_names(model)
    state: dict = {}
    groups: list = []
    for optim in _several(optimizers):
        _init_optim_state(optim)
        for g in optim.param_groups:
            groups.append({**{k: v for k, v in g.items() if k != "params"}, "params": [names[id(p)] for p in g["params"]]})
            for p in g["params"]:
                if p in optim.state:
                    state[names[id(p)]] = _without_none({k: _given_out(v, options) for k, v in optim.state[p].items()})
    if options.full_state_dict and options.cpu_offload and _rank():
        return {}
    if not options.flatten_optimizer_state_dict:
        return {"state": state, "param_groups": groups}
    flat = {f"state.{n}.{k}": v for n, s in state.items() for k, v in s.items()}
    for g in groups:
        flat.update((f"param_groups.{n}.{k}", v) for n in g["params"] for k, v in g.items() if k != "params")
    return flat


def _unflattened(flat, optimizers, names) -> dict:
    """The nested form of a flat optimizer state dict."""
    state: dict = {}
    groups = []
    for optim in optimizers:
        for g in optim.param_groups:
            made = {"params": [names[id(p)] for p in g["params"]]}
            for n in made["params"]:
                for key, v in flat.items():
                    if key.startswith(f"state.{n}.") and "." not in key[len(n) + 7 :]:
                        state.setdefault(n, {})[key[len(n) + 7 :]] = v
                    elif key.startswith(f"param_groups.{n}.") and "." not in key[len(n) + 14 :]:
                        made[key[len(n) + 14 :]] = v
            groups.append(made)
    return {"state": state, "param_groups": groups}


def set_optimizer_state_dict(model, optimizers, optim_state_dict: dict, *, options: StateDictOptions | None = None) -> None:
    """Load what `get_optimizer_state_dict` gave; KeyError for parameters that it lacks."""
    options = options or StateDictOptions()
    if options.broadcast_from_rank0:
        optim_state_dict = _everywhere(optim_state_dict)
    optimizers, names = _several(optimizers), _parameter_names(model)
    if options.flatten_optimizer_state_dict or "param_groups" not in optim_state_dict:
        optim_state_dict = _unflattened(optim_state_dict, optimizers, names)
    of_name = {n: g for g in optim_state_dict["param_groups"] for n in g["params"]}
    for optim in optimizers:
        _init_optim_state(optim)
        number, packed_state, packed_groups = 0, {}, []
        for g in optim.param_groups:
            missing = [names[id(p)] for p in g["params"] if names[id(p)] not in of_name]
            if missing and options.strict:
                raise KeyError(f"set_optimizer_state_dict: the state dict has no parameters {missing}")
            saved = of_name.get(names[id(g["params"][0])], g) if g["params"] else g
            packed_groups.append(
                {**{k: v for k, v in saved.items() if k != "params"}, "params": list(range(number, number + len(g["params"])))}
            )
            for p in g["params"]:
                theirs = optim_state_dict["state"].get(names[id(p)])
                if theirs is not None:
                    mine = optim.state.get(p, {})
                    packed_state[number] = {k: _laid_like(v, mine.get(k)) for k, v in theirs.items()}
                number += 1
        optim.load_state_dict({"state": packed_state, "param_groups": packed_groups})


def get_state_dict(model, optimizers, *, submodules=None, options: StateDictOptions | None = None) -> tuple:
    """(model state dict, optimizer state dict); all ranks call it."""
    optimizers = _several(optimizers)
    state = get_model_state_dict(model, submodules=submodules, options=options)
    return state, get_optimizer_state_dict(model, optimizers, options=options) if optimizers else {}


def set_state_dict(model, optimizers, *, model_state_dict: dict, optim_state_dict: dict, options: StateDictOptions | None = None):
    """Load what `get_state_dict` gave; the missing and unexpected keys of the model."""
    keys = set_model_state_dict(model, model_state_dict, options=options)
    if _several(optimizers):
        set_optimizer_state_dict(model, optimizers, optim_state_dict, options=options)
    return keys
