"""Join: training where ranks have different numbers of batches. Ranks that have run out shadow the collectives of the others."""

from abc import ABC, abstractmethod

import numpy as np

from ...errors.teaching import RuntimeError, ValueError
from ...tensor import wrap
from ..collectives import all_reduce


class JoinHook:
    """What a rank does that has run out of data, while others have not (`main_hook`), and when all have (`post_hook`)."""

    def main_hook(self) -> None:
        """Shadow one iteration's collectives."""

    def post_hook(self, is_last_joiner: bool) -> None:
        """Once all have joined; `is_last_joiner`: whether this rank was among the last to run out."""


class Joinable(ABC):
    """Something with collectives in each iteration, which must call `Join.notify_join_context(self)` before the first of them."""

    @abstractmethod
    def __init__(self):
        super().__init__()
        self._join_config = _JoinConfig.construct_disabled_join_config()

    @abstractmethod
    def join_hook(self, **kwargs) -> JoinHook:
        """The hook for ranks that have run out of data."""

    @property
    @abstractmethod
    def join_device(self):
        """The device of its collectives."""

    @property
    @abstractmethod
    def join_process_group(self):
        """The group of its collectives."""


class _JoinConfig:
    """Whether a Joinable is inside a Join, and how."""

    def __init__(self, enable: bool, throw_on_early_termination: bool, is_first_joinable: bool):
        self.enable, self.throw_on_early_termination, self.is_first_joinable = enable, throw_on_early_termination, is_first_joinable

    @staticmethod
    def construct_disabled_join_config() -> "_JoinConfig":
        """That of a Joinable outside of any Join."""
        return _JoinConfig(False, False, False)


class Join:
    """A context in which ranks may have different numbers of iterations.

    In every iteration the first of the `joinables` counts the ranks that still have data; ranks that leave the block run the joinables'
    hooks until that count is 0. With `throw_on_early_termination` all ranks raise RuntimeError as soon as one has run out.
    """

    def __init__(self, joinables, enable: bool = True, throw_on_early_termination: bool = False, **kwargs):
        if not joinables:
            raise ValueError("The join context manager requires at least one joinable")
        self._joinables = list(joinables)
        self._hooks = [j.join_hook(**kwargs) for j in self._joinables]
        self._enable, self._throw = enable, throw_on_early_termination
        groups = [j.join_process_group for j in self._joinables]
        if any(g is not groups[0] for g in groups):
            raise ValueError("Using join context manager with multiple process groups")
        self._group, self._device = groups[0], self._joinables[0].join_device
        for i, joinable in enumerate(self._joinables):
            joinable._join_config = _JoinConfig(enable, throw_on_early_termination, i == 0)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if not self._enable or kind:
            return None
        last = True
        while True:
            active = _count(0, self._group)
            if not active:
                break
            if self._throw:
                raise RuntimeError(f"Rank {self._group.rank()} exhausted all inputs.")
            last = False
            for hook in self._hooks:
                hook.main_hook()
        for hook in self._hooks:
            hook.post_hook(last)
        return None

    @staticmethod
    def notify_join_context(joinable: Joinable):
        """Tell the others that this rank still has data; None outside of a Join, else a Work whose result is how many ranks have data."""
        config = joinable._join_config
        if not config.enable or not config.is_first_joinable:
            return None
        group = joinable.join_process_group
        work = _counting(1, group)
        if config.throw_on_early_termination and work.result()[0].item() < group.size():
            raise RuntimeError("Detected at least one rank that exhausted inputs. Throwing across all ranks.")
        return work


def _counting(mine: int, group):
    """The Work of a sum over the ranks."""
    return all_reduce(wrap(np.array([mine], np.int64)), group=group, async_op=True)


def _count(mine: int, group) -> int:
    """The sum over the ranks."""
    return int(_counting(mine, group).result()[0].item())


__all__ = ["Join", "JoinHook", "Joinable"]
