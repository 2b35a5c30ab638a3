"""Loading."""

from ...errors.teaching import ValueError
from ...tensor import Tensor
from ._together import leads, together
from .default_planner import DefaultLoadPlanner
from .filesystem import FileSystemReader


def load(state_dict: dict, *, checkpoint_id=None, storage_reader=None, planner=None, process_group=None, no_dist: bool = False) -> None:
    """Load a checkpoint into the tensors of a state dict, in place; other values are replaced. All ranks call it.

    Tensors may be laid on more or fewer ranks than when they were saved: each reads the pieces it needs. Nothing pickled is executed.
    CheckpointException, on all ranks, where names are missing or sizes differ on one (RuntimeError, ValueError in one process); then
    nothing was changed.
    """
    if storage_reader is None and checkpoint_id is None:
        raise ValueError("load: checkpoint_id (a folder) or storage_reader must be given")
    reader = storage_reader or FileSystemReader(checkpoint_id)
    if storage_reader is not None and checkpoint_id is not None and hasattr(reader, "reset"):
        reader.reset(checkpoint_id)
    planner = planner or DefaultLoadPlanner()
    owners = {k: v for k, v in state_dict.items() if hasattr(v, "load_state_dict") and not isinstance(v, (Tensor, dict))}
    states = {k: v.state_dict() if k in owners else v for k, v in state_dict.items()}

    def prepare():
        metadata = reader.read_metadata()
        planner.set_up_planner(states, metadata, leads(process_group, no_dist))
        return planner.create_local_plan()

    kept: list = []
    together("load", lambda: kept.append(prepare()), process_group, no_dist)
    together("load", lambda: reader.read_data(kept[0], planner), process_group, no_dist)
    for k, v in states.items():
        if k in owners:
            owners[k].load_state_dict(v)
        else:
            state_dict[k] = v


def load_state_dict(
    state_dict: dict, storage_reader, process_group=None, coordinator_rank: int = 0, no_dist: bool = False, planner=None
) -> None:
    """The older name of `load`."""
    load(state_dict, storage_reader=storage_reader, planner=planner, process_group=process_group, no_dist=no_dist)
