"""The planners: nested dicts become dotted names; a tensor that several ranks have is written by the first of them."""

import numpy as np

from ...errors.teaching import RuntimeError, TypeError, ValueError
from ...tensor import Tensor
from .metadata import BytesStorageMetadata
from .planner import LoadPlan, LoadPlanner, ReadItem, SavePlan, SavePlanner, WriteItem


def flatten(state_dict: dict) -> tuple:
    """({dotted name: value}, {dotted name: path}) of nested dicts, and of lists that hold tensors."""
    flat, paths = {}, {}

    def walk(path, value):
        if isinstance(value, dict) and value:
            for k, v in value.items():
                walk((*path, k), v)
        elif isinstance(value, (list, tuple)) and _has_tensor(value):
            for i, v in enumerate(value):
                walk((*path, i), v)
        else:
            name = ".".join(map(str, path))
            if name in flat:
                raise ValueError(f"duplicated flatten key {name}: two entries of the state dict would have the same name")
            flat[name], paths[name] = value, list(path)

    for key, value in state_dict.items():
        walk((key,), value)
    return flat, paths


def _has_tensor(value) -> bool:
    if isinstance(value, dict):
        value = value.values()
    return isinstance(value, Tensor) or (
        not isinstance(value, (str, bytes))
        and hasattr(value, "__iter__")
        and not isinstance(value, np.ndarray)
        and any(map(_has_tensor, value))
    )


def put_at(state_dict, path, value) -> None:
    """Write a value at a path of nested dicts and lists."""
    at = state_dict
    for k in path[:-1]:
        at = at[k]
    if isinstance(at, tuple):
        raise TypeError(f"load: {'.'.join(map(str, path))} lies in a tuple, which can't be written: make it a list")
    at[path[-1]] = value


def place(t) -> tuple:
    """(whole shape, where this rank's part begins, its shape, whether this rank is the first that has it)."""
    if hasattr(t, "placements"):
        from ..tensor._redistribute import local_shape_and_offset

        mesh, placements = t.device_mesh, t.placements
        if any(p.is_partial() for p in placements):
            raise RuntimeError("a Partial DTensor can't be saved or loaded: redistribute it first")
        sizes, offsets = local_shape_and_offset(t.shape, mesh, placements)
        here = mesh.get_coordinate()
        first = here is not None and all(c == 0 for c, p in zip(here, placements) if p.is_replicate())
        return tuple(t.shape), offsets, sizes, first
    from ..process_group import get_rank, is_initialized

    shape = tuple(t._a.shape)
    return shape, (0,) * len(shape), shape, not is_initialized() or get_rank() == 0


class DefaultSavePlanner(SavePlanner):
    """Writes every tensor once, each rank its own part."""

    def __init__(
        self, flatten_state_dict: bool = True, flatten_sharded_tensors: bool = True, dedup_replicated_tensors: bool | None = None,
        dedup_save_to_lowest_rank: bool = False, enable_plan_caching: bool = False,
    ):  # fmt: skip
        self.flatten_state_dict = flatten_state_dict

    def set_up_planner(self, state_dict: dict, storage_meta=None, is_coordinator: bool = False) -> None:
        """Take the state dict."""
        self.state_dict, self.is_coordinator = state_dict, is_coordinator
        self.flat, self.paths = flatten(state_dict) if self.flatten_state_dict else (dict(state_dict), {k: [k] for k in state_dict})

    def create_local_plan(self) -> SavePlan:
        """What this rank writes."""
        items = []
        for name, value in self.flat.items():
            if isinstance(value, Tensor):
                whole, offsets, sizes, first = place(value)
                if first and (0 not in sizes or 0 in whole):
                    items.append(WriteItem(name, tuple(offsets), tuple(sizes), value.dtype.name, whole))
            elif self.is_coordinator:
                items.append(WriteItem(name))
        return SavePlan(items, self.paths)

    def lookup_object(self, name: str):
        """The value of that name."""
        return self.flat[name]

    def transform_object(self, write_item: WriteItem, value):
        """The value to write: here the value itself."""
        return value

    def resolve_data(self, write_item: WriteItem):
        """The tensor or value of an item."""
        return self.transform_object(write_item, self.lookup_object(write_item.name))


class DefaultLoadPlanner(LoadPlanner):
    """Reads the parts that this rank's tensors need, whichever ranks wrote them; other values replace those in the state dict.

    RuntimeError for names that the checkpoint lacks, unless `allow_partial_load`; ValueError for other sizes.
    """

    def __init__(self, flatten_state_dict: bool = True, flatten_sharded_tensors: bool = True, allow_partial_load: bool = False):
        self.flatten_state_dict, self.allow_partial_load = flatten_state_dict, allow_partial_load

    def set_up_planner(self, state_dict: dict, metadata=None, is_coordinator: bool = False) -> None:
        """Take the state dict to load into."""
        self.state_dict, self.metadata = state_dict, metadata
        self.flat, self.paths = flatten(state_dict) if self.flatten_state_dict else (dict(state_dict), {k: [k] for k in state_dict})

    def create_local_plan(self) -> LoadPlan:
        """What this rank reads."""
        known = self.metadata.state_dict_metadata
        missing = [n for n in self.flat if n not in known]
        if missing and not self.allow_partial_load:
            raise RuntimeError(
                f"Missing key in checkpoint state_dict: {', '.join(missing)}. It has {len(known)} keys: {', '.join(list(known)[:8])}, ..."
            )
        wrong, items = [], []
        for name, value in self.flat.items():
            if name in missing:
                continue
            meta = known[name]
            if isinstance(meta, BytesStorageMetadata):
                items.append(ReadItem(name))
                continue
            if not isinstance(value, Tensor):
                wrong.append(f"{name}: a tensor is saved, {type(value).__name__} stands in the state dict")
                continue
            whole, offsets, sizes, _ = place(value)
            if tuple(meta.size) != whole:
                wrong.append(f"{name}: Size mismatch between saved {list(meta.size)} and current: {list(whole)}")
                continue
            items += _overlaps(name, meta, offsets, sizes)
        if wrong:
            raise ValueError("load: nothing was loaded.\n" + "\n".join(wrong))
        return LoadPlan(items)

    def load_bytes(self, read_item: ReadItem, value) -> None:
        """Put a value that is no tensor into the state dict."""
        put_at(self.state_dict, self.paths[read_item.name], value)

    def resolve_tensor(self, read_item: ReadItem):
        """The tensor to read into."""
        return self.flat[read_item.name]


def _overlaps(name, meta, offsets, sizes) -> list:
    """The pieces that a part of the tensor consists of."""
    items = []
    for c in meta.chunks:
        first = [max(a, b) for a, b in zip(offsets, c.offsets)]
        last = [min(a + s, b + t) for a, s, b, t in zip(offsets, sizes, c.offsets, c.sizes)]
        if all(a < b for a, b in zip(first, last)):
            source = tuple((a - o, b - o) for a, b, o in zip(first, last, c.offsets))
            target = tuple((a - o, b - o) for a, b, o in zip(first, last, offsets))
            items.append(ReadItem(name, tuple(c.offsets), tuple(c.sizes), source, target))
    return items
