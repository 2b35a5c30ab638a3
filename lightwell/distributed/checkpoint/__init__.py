"""Checkpoints of several processes: each writes what it has, and any number of others, laid differently, read what they need.

A checkpoint is a folder: `.metadata` (JSON: what there is, in which pieces, where), and a `.distcp` file per rank (the pieces' bytes, one
behind the other). Nothing in it is executed at loading: values that are no tensors go through the safe loader of `torch.load`.
"""

from ...errors.teaching import AttributeError
from . import default_planner, filesystem, metadata, planner, state_dict_loader, state_dict_saver
from .api import CheckpointException
from .default_planner import DefaultLoadPlanner, DefaultSavePlanner
from .filesystem import FileSystemReader, FileSystemWriter, StorageReader, StorageWriter
from .metadata import BytesStorageMetadata, ChunkStorageMetadata, Metadata, TensorStorageMetadata
from .planner import LoadPlan, LoadPlanner, ReadItem, SavePlan, SavePlanner, WriteItem
from .state_dict_loader import load, load_state_dict
from .state_dict_saver import async_save, save, save_state_dict

__all__ = [
    "BytesStorageMetadata", "CheckpointException", "ChunkStorageMetadata", "DefaultLoadPlanner", "DefaultSavePlanner", "FileSystemReader",
    "FileSystemWriter", "LoadPlan", "LoadPlanner", "Metadata", "ReadItem", "SavePlan", "SavePlanner", "StorageReader", "StorageWriter",
    "TensorStorageMetadata", "WriteItem", "async_save", "load", "load_state_dict", "save", "save_state_dict",
]  # fmt: skip


def __getattr__(name: str):
    if name in ("state_dict", "stateful"):
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
