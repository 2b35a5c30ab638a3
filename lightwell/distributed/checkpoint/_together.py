"""Steps that all ranks take, and that fail on all where they fail on one."""

from ..objects import all_gather_object
from ..process_group import get_rank, get_world_size, is_initialized
from .api import CheckpointException


def alone(no_dist: bool) -> bool:
    """Whether this process saves or loads by itself."""
    return no_dist or not is_initialized() or get_world_size() == 1


def together(step: str, run, group, no_dist: bool) -> list:
    """`run()` on every rank; all ranks' results. CheckpointException on every rank where any failed; the error itself where alone."""
    if alone(no_dist):
        return [run()]
    try:
        mine = (run(), None)
    except Exception as error:
        mine = (None, f"{type(error).__name__}: {error}")
    results: list = [None] * get_world_size(group)
    all_gather_object(results, mine, group)
    failures = {r: e for r, (_, e) in enumerate(results) if e is not None}
    if failures:
        raise CheckpointException(step, failures)
    return [value for value, _ in results]


def leads(group, no_dist: bool) -> bool:
    """Whether this rank does what only one does."""
    return alone(no_dist) or get_rank(group) == 0
