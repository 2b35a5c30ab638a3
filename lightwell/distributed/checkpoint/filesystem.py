"""Checkpoints in a folder."""

import builtins
import io
import json
import os
from abc import ABC, abstractmethod

import numpy as np

from ... import dtypes
from ...errors.teaching import FileNotFoundError, RuntimeError
from ...serialization.atomic import atomic_file
from ...tensor import Tensor
from .metadata import BytesStorageMetadata, ChunkStorageMetadata, Metadata, TensorStorageMetadata


class StorageWriter(ABC):
    """Where a checkpoint is written to."""

    @abstractmethod
    def write_data(self, plan, planner) -> list:
        """Write this rank's items; a list of (item, place)."""

    @abstractmethod
    def finish(self, metadata, results) -> None:
        """Write the metadata, on one rank, when all have written."""


class StorageReader(ABC):
    """Where a checkpoint is read from."""

    @abstractmethod
    def read_metadata(self) -> Metadata:
        """What there is."""

    @abstractmethod
    def read_data(self, plan, planner) -> None:
        """Read this rank's items."""


class FileSystemWriter(StorageWriter):
    """Writes a checkpoint into a folder, which is made. It is there when `.metadata` is: that file comes last."""

    def __init__(
        self, path, single_file_per_rank: bool = True, sync_files: bool = True, thread_count: int = 1, per_thread_copy_ahead: int = 10_000_000,
        cache_staged_state_dict: bool = False, overwrite: bool = True, _extensions=None, serialization_format=None,
    ):  # fmt: skip
        self.path, self.overwrite = os.fspath(path), overwrite

    def reset(self, checkpoint_id=None) -> None:
        """Write to another folder."""
        if checkpoint_id is not None:
            self.path = os.fspath(checkpoint_id)

    def set_up_storage_writer(self, is_coordinator: bool) -> None:
        """Make the folder; RuntimeError where it has a checkpoint that may not be overwritten."""
        if os.path.exists(os.path.join(self.path, ".metadata")) and not self.overwrite:
            raise RuntimeError(f"Checkpoint already exists at {self.path}; overwrite=False")
        os.makedirs(self.path, exist_ok=True)

    def write_data(self, plan, planner) -> list:
        """Write this rank's items into one file, under a name that no checkpoint refers to yet."""
        from ..process_group import get_rank, is_initialized

        name = f"__{get_rank() if is_initialized() else 0}_{os.urandom(4).hex()}.distcp"
        self.written, results, at = name, [], 0
        if not plan.items:
            return []
        with atomic_file(os.path.join(self.path, name)) as file:
            for item in plan.items:
                value = planner.resolve_data(item)
                blob = np.ascontiguousarray(value._a).tobytes() if isinstance(value, Tensor) else _packed(value)
                file.write(blob)
                results.append((item, (name, at, len(blob))))
                at += len(blob)
        return results

    def finish(self, metadata, results) -> None:
        """Write `.metadata` and take the files of an earlier checkpoint away."""
        for items in results:
            for item, place in items:
                metadata.storage_data[item.name, item.offsets] = place
                if item.offsets is None:
                    metadata.state_dict_metadata[item.name] = BytesStorageMetadata()
                    continue
                m = metadata.state_dict_metadata.setdefault(item.name, TensorStorageMetadata(item.dtype, item.whole, []))
                m.chunks.append(ChunkStorageMetadata(item.offsets, item.sizes))
        with atomic_file(os.path.join(self.path, ".metadata")) as file:
            file.write(json.dumps(metadata.to_json()).encode())
        kept = {place[0] for place in metadata.storage_data.values()}
        for name in os.listdir(self.path):
            if name.endswith(".distcp") and name not in kept:
                os.remove(os.path.join(self.path, name))


class FileSystemReader(StorageReader):
    """Reads a checkpoint from a folder."""

    def __init__(self, path, _extension_registry=None):
        self.path = os.fspath(path)

    def reset(self, checkpoint_id=None) -> None:
        """Read from another folder."""
        if checkpoint_id is not None:
            self.path = os.fspath(checkpoint_id)

    def read_metadata(self) -> Metadata:
        """What the checkpoint has; FileNotFoundError where there is none, RuntimeError where it is another program's or damaged."""
        path = os.path.join(self.path, ".metadata")
        try:
            with open(path, "rb") as file:
                told = file.read()
        except builtins.FileNotFoundError:
            raise FileNotFoundError(f"{self.path} has no checkpoint (.metadata is missing): was saving interrupted?") from None
        try:
            self.metadata = Metadata.from_json(json.loads(told))
        except (ValueError, KeyError, TypeError):
            hint = "it is PyTorch's own, which is pickled and is not read" if told[:1] == b"\x80" else "it is damaged, or no checkpoint's"
            raise RuntimeError(f"{path} can't be read: {hint}") from None
        return self.metadata

    def read_data(self, plan, planner) -> None:
        """Read this rank's items: all pieces are read and checked before the first is put in place."""
        found = []
        for item in plan.items:
            name, at, length = self.metadata.storage_data[item.name, item.stored]
            if os.path.basename(name) != name:
                raise RuntimeError(f"the checkpoint in {self.path} refers to a file outside of it: {name!r}")
            with open(os.path.join(self.path, name), "rb") as file:
                file.seek(at)
                blob = file.read(length)
            if len(blob) != length:
                raise RuntimeError(f"{name} in {self.path} is cut off: {item.name} ends {length - len(blob)} bytes too early")
            if item.stored is None:
                found.append((item, _unpacked(blob)))
                continue
            kind = getattr(dtypes, self.metadata.state_dict_metadata[item.name].dtype)
            piece = np.frombuffer(blob, kind.np).reshape(item.stored_sizes)
            found.append((item, piece[tuple(slice(a, b) for a, b in item.source)]))
        for item, value in found:
            if item.stored is None:
                planner.load_bytes(item, value)
            else:
                t = planner.resolve_tensor(item)
                t._a[tuple(slice(a, b) for a, b in item.target)] = value
                t._bump()


def _packed(value) -> bytes:
    from ... import serialization

    file = io.BytesIO()
    serialization.save({"value": value}, file)
    return file.getvalue()


def _unpacked(blob):
    from ... import serialization

    return serialization.load(io.BytesIO(blob), weights_only=True)["value"]
