"""An optimizer's state over sharded parameters, as the state that the unwrapped module's optimizer would have; and back."""

from ... import distributed as dist
from ...errors.teaching import RuntimeError
from ...ops import cat, zeros
from ...tensor import Tensor


def _names(model, optim):
    """(unit or None, slots or name) of each parameter of the optimizer, by id."""
    from .fully_sharded_data_parallel import FullyShardedDataParallel, clean_tensor_name

    known = {}
    for prefix, m in model.named_modules():
        if isinstance(m, FullyShardedDataParallel) and m._unit is not None:
            unit, base = m._unit, clean_tensor_name(prefix + "._fsdp_wrapped_module." if prefix else "_fsdp_wrapped_module.")
            names = [base + s.name for s in unit.slots]
            for i, p in enumerate(unit.locals):
                known[id(p)] = (unit, names, i)
    for name, p in model.named_parameters():
        known.setdefault(id(p), (None, [clean_tensor_name(name)], 0))
    missing = [i for g in optim.param_groups for i, p in enumerate(g["params"]) if id(p) not in known]
    if missing:
        raise RuntimeError(
            f"optim_state_dict: {len(missing)} parameters of the optimizer are not the model's: make the optimizer after FSDP"
        )
    return known


def _whole(unit, rows):
    """The whole vector whose parts, in the unit's order of local parameters, are `rows`."""
    part = cat([r.reshape(-1) for r in rows])
    return unit.gathered(cat([part, zeros(unit.part - part.numel(), dtype=part.dtype)]))


def optim_state_dict(model, optim, optim_state_dict=None, group=None) -> dict:
    """The optimizer's state by parameter names, each entry whole: `{"state": {name: {...}}, "param_groups": [...]}`.

    All ranks must call it; where `FullOptimStateDictConfig(rank0_only=True)` is in force, ranks but 0 get an empty dict.
    """
    from .fully_sharded_data_parallel import FullyShardedDataParallel

    known, state, seen = _names(model, optim), {}, set()
    for g in optim.param_groups:
        for p in g["params"]:
            unit, names, _ = known[id(p)]
            if unit is None:
                if p in optim.state:
                    state[names[0]] = dict(optim.state[p])
                continue
            if id(unit) in seen:
                continue
            seen.add(id(unit))
            ours = [optim.state.get(q, {}) for q in unit.locals]
            for key in dict.fromkeys(k for one in ours for k in one):
                values = [one.get(key) for one in ours]
                like = next(v for v in values if v is not None)
                if isinstance(like, Tensor) and any(v is not None and v.shape == q.shape and v.dim() for v, q in zip(values, unit.locals)):
                    whole = _whole(unit, [zeros(q.numel(), dtype=like.dtype) if v is None else v for v, q in zip(values, unit.locals)])
                    found = [whole[s.offset : s.offset + s.numel].view(s.shape).clone() for s in unit.slots]
                else:
                    spread = values if unit.use_orig else values * len(unit.slots)
                    found = [like if v is None else v for v in spread]
                for name, value in zip(names, found):
                    state.setdefault(name, {})[key] = value
    groups = []
    for g in optim.param_groups:
        names = [n for p in g["params"] for n in _named(known[id(p)])]
        groups.append({**{k: v for k, v in g.items() if k != "params"}, "params": names})
    config = FullyShardedDataParallel.get_state_dict_type(model).optim_state_dict_config
    if getattr(config, "rank0_only", False) and dist.get_rank() != 0:
        return {}
    return {"state": state, "param_groups": groups}


def _named(entry):
    unit, names, i = entry
    return names if unit is None or not unit.use_orig else [names[i]]


def optim_state_dict_to_load(model, optim, optim_state_dict, is_named_optimizer: bool = False, load_directly: bool = False, group=None):
    """What `optim.load_state_dict` takes, this rank's part of a state that `optim_state_dict` gave; loaded at once if `load_directly`."""
    known, state, number, groups = _names(model, optim), {}, 0, []
    given = optim_state_dict["state"]
    for g, named in zip(optim.param_groups, optim_state_dict["param_groups"]):
        indices = []
        for p in g["params"]:
            unit, _, i = known[id(p)]
            mine = [given.get(n, {}) for n in _named(known[id(p)])]
            entry = {}
            for key in dict.fromkeys(k for one in mine for k in one):
                values = [one[key] for one in mine if key in one]
                if unit is None:
                    entry[key] = values[0]
                elif isinstance(values[0], Tensor) and values[0].dim():
                    entry[key] = _part(unit, i, values)
                else:
                    entry[key] = values[0]
            if entry:
                state[number] = entry
            indices.append(number)
            number += 1
        groups.append({**{k: v for k, v in named.items() if k != "params"}, "params": indices})
    result = {"state": state, "param_groups": groups}
    if load_directly:
        optim.load_state_dict(result)
    return result


def _part(unit, i, values):
    """This rank's part of whole values: of all slots, or of slot `i` with use_orig_params."""
    begin, end = unit.rank * unit.part, (unit.rank + 1) * unit.part
    if unit.use_orig:
        s = unit.slots[i]
        low, high = (min(max(at, begin), end) - s.offset for at in (s.offset, s.offset + s.numel))
        return values[0].reshape(-1)[max(low, 0) : max(high, 0)].clone().view(s.local.shape)
    flat = cat([v.reshape(-1) for v in values])
    flat = cat([flat, zeros(unit.part * unit.ranks - flat.numel(), dtype=flat.dtype)])
    return flat[begin:end].clone()


def full_optim_state_dict(model, optim, optim_input=None, rank0_only: bool = True, group=None) -> dict:
    """`optim_state_dict`, for rank 0 only unless said otherwise (the others get an empty dict)."""
    found = optim_state_dict(model, optim)
    return {} if rank0_only and dist.get_rank() != 0 else found


def shard_full_optim_state_dict(full_optim_state_dict, model, optim_input=None, optim=None) -> dict:
    """`optim_state_dict_to_load` under its older name and order of arguments."""
    return optim_state_dict_to_load(model, optim, full_optim_state_dict)
