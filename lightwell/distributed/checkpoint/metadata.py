"""What a checkpoint holds, and where."""

from dataclasses import dataclass, field

from ...errors.teaching import ValueError


@dataclass
class ChunkStorageMetadata:
    """One piece of a tensor: where it begins in the whole, and how large it is."""

    offsets: tuple
    sizes: tuple


@dataclass
class TensorStorageMetadata:
    """A tensor: dtype name, whole size, pieces."""

    dtype: str
    size: tuple
    chunks: list


@dataclass
class BytesStorageMetadata:
    """A value that is no tensor."""


@dataclass
class Metadata:
    """Names to what they are (`state_dict_metadata`), and pieces to (file, first byte, length) (`storage_data`)."""

    state_dict_metadata: dict = field(default_factory=dict)
    planner_data: dict = field(default_factory=dict)
    storage_data: dict = field(default_factory=dict)

    def to_json(self) -> dict:
        """As plain lists and dicts."""
        entries = {}
        for name, m in self.state_dict_metadata.items():
            if isinstance(m, BytesStorageMetadata):
                entries[name] = {"kind": "value", "at": self.storage_data[name, None]}
            else:
                pieces = [[list(c.offsets), list(c.sizes), *self.storage_data[name, tuple(c.offsets)]] for c in m.chunks]
                entries[name] = {"kind": "tensor", "dtype": m.dtype, "size": list(m.size), "pieces": pieces}
        return {"format": "lightwell-dcp", "version": 1, "entries": entries, "paths": self.planner_data}

    @classmethod
    def from_json(cls, told: dict) -> "Metadata":
        """From what `to_json` gave; ValueError for anything else."""
        if not isinstance(told, dict) or told.get("format") != "lightwell-dcp":
            raise ValueError("this is no checkpoint's metadata")
        out = cls(planner_data=told["paths"])
        for name, e in told["entries"].items():
            if e["kind"] == "value":
                out.state_dict_metadata[name] = BytesStorageMetadata()
                out.storage_data[name, None] = tuple(e["at"])
                continue
            chunks = [ChunkStorageMetadata(tuple(o), tuple(s)) for o, s, *_ in e["pieces"]]
            out.state_dict_metadata[name] = TensorStorageMetadata(e["dtype"], tuple(e["size"]), chunks)
            for o, _, *at in e["pieces"]:
                out.storage_data[name, tuple(o)] = tuple(at)
        return out
