"""Stateful: what has `state_dict()` and `load_state_dict()` may stand in a state dict as it is."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Stateful(Protocol):
    """Anything with `state_dict()` and `load_state_dict(state_dict)`."""

    def state_dict(self) -> dict:
        """Its state."""
        ...

    def load_state_dict(self, state_dict: dict) -> None:
        """Take a state over."""
        ...
