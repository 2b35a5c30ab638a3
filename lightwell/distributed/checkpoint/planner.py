"""Plans: what one rank writes, or reads."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field


@dataclass
class WriteItem:
    """One piece to write: `offsets` None for a value that is no tensor."""

    name: str
    offsets: tuple | None = None
    sizes: tuple | None = None
    dtype: str | None = None
    whole: tuple | None = None


@dataclass
class SavePlan:
    """What one rank writes."""

    items: list = field(default_factory=list)
    planner_data: dict = field(default_factory=dict)


@dataclass
class ReadItem:
    """A piece to read: of the stored piece that begins at `stored` the part `source`, to the place `target` of this rank's tensor."""

    name: str
    stored: tuple | None = None
    stored_sizes: tuple | None = None
    source: tuple | None = None
    target: tuple | None = None


@dataclass
class LoadPlan:
    """What one rank reads."""

    items: list = field(default_factory=list)


class SavePlanner(ABC):
    """Decides what a rank writes."""

    @abstractmethod
    def set_up_planner(self, state_dict: dict, storage_meta=None, is_coordinator: bool = False) -> None:
        """Take the state dict."""

    @abstractmethod
    def create_local_plan(self) -> SavePlan:
        """What this rank writes."""

    @abstractmethod
    def resolve_data(self, write_item: WriteItem):
        """The tensor or value of an item."""


class LoadPlanner(ABC):
    """Decides what a rank reads, and takes it."""

    @abstractmethod
    def set_up_planner(self, state_dict: dict, metadata=None, is_coordinator: bool = False) -> None:
        """Take the state dict to load into."""

    @abstractmethod
    def create_local_plan(self) -> LoadPlan:
        """What this rank reads; RuntimeError for what the checkpoint lacks."""

    @abstractmethod
    def load_bytes(self, read_item: ReadItem, value) -> None:
        """Take a value that is no tensor."""

    @abstractmethod
    def resolve_tensor(self, read_item: ReadItem):
        """The array of this rank's tensor to read into."""
