"""Saving."""

import copy
from concurrent.futures import Future, ThreadPoolExecutor

from ...errors.teaching import ValueError
from ...tensor import Tensor
from ._together import leads, together
from .default_planner import DefaultSavePlanner
from .filesystem import FileSystemWriter
from .metadata import Metadata


def save(
    state_dict: dict, *, checkpoint_id=None, storage_writer=None, planner=None, process_group=None, no_dist: bool = False,
    use_collectives: bool = True,
) -> Metadata:  # fmt: skip
    """Save a (nested) state dict into the folder `checkpoint_id`; all ranks call it, each with its part of DTensors.

    What several ranks have is written once. Objects with `state_dict()` may stand in it. An earlier checkpoint in the folder stays whole
    until this one is. CheckpointException, on all ranks, where one failed.

    >>> import tempfile, lightwell as torch, lightwell.distributed.checkpoint as dcp
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = dcp.save({"w": torch.ones(2), "epoch": 3}, checkpoint_id=folder)
    ...     state = {"w": torch.zeros(2), "epoch": 0}
    ...     dcp.load(state, checkpoint_id=folder); state
    {'w': tensor([1., 1.]), 'epoch': 3}
    """
    writer = storage_writer or FileSystemWriter(_given(checkpoint_id))
    if storage_writer is not None and checkpoint_id is not None and hasattr(writer, "reset"):
        writer.reset(checkpoint_id)
    planner = planner or DefaultSavePlanner()
    lead = leads(process_group, no_dist)

    def write():
        planner.set_up_planner(_states(state_dict), None, lead)
        plan = planner.create_local_plan()
        if hasattr(writer, "set_up_storage_writer"):
            writer.set_up_storage_writer(lead)
        return writer.write_data(plan, planner), plan.planner_data

    results = together("save", write, process_group, no_dist)
    metadata = Metadata(planner_data={k: v for _, paths in results for k, v in paths.items()})
    together("save", lambda: writer.finish(metadata, [items for items, _ in results]) if lead else None, process_group, no_dist)
    return metadata


def _given(checkpoint_id):
    if checkpoint_id is None:
        raise ValueError("save: checkpoint_id (a folder) or storage_writer must be given")
    return checkpoint_id


def _states(state_dict):
    return {k: v.state_dict() if hasattr(v, "state_dict") and not isinstance(v, (Tensor, dict)) else v for k, v in state_dict.items()}


def save_state_dict(state_dict: dict, storage_writer, process_group=None, coordinator_rank: int = 0, no_dist: bool = False, planner=None):
    """The older name of `save`."""
    return save(state_dict, storage_writer=storage_writer, planner=planner, process_group=process_group, no_dist=no_dist)


def async_save(
    state_dict: dict, *, checkpoint_id=None, storage_writer=None, planner=None, process_group=None, async_checkpointer_type=None,
    async_stager=None, no_dist: bool = False, use_collectives: bool = True,
) -> Future:  # fmt: skip
    """`save` in another thread, of the values as they are now: a Future of the metadata. Training may go on meanwhile."""
    kept = _copied(_states(state_dict))
    if process_group is None and not no_dist:
        from ..process_group import is_initialized, new_group

        process_group = new_group() if is_initialized() else None  # its collectives must not mix with the training's
    pool = ThreadPoolExecutor(1, "lightwell-checkpoint")
    future = pool.submit(
        save,
        kept,
        checkpoint_id=checkpoint_id,
        storage_writer=storage_writer,
        planner=planner,
        process_group=process_group,
        no_dist=no_dist,
    )
    pool.shutdown(wait=False)
    return future


def _copied(value):
    if isinstance(value, Tensor):
        return copy.deepcopy(value.detach())
    if isinstance(value, dict):
        return {k: _copied(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_copied(v) for v in value)
    return copy.deepcopy(value)
