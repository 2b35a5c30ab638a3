"""`save`: an object into a file that PyTorch reads, all of it or nothing."""

import io
import os
import pickle
import sys

from ..errors.teaching import AttributeError
from . import legacy
from .archive import ALIGNMENT, ZipWriter, folder_name
from .atomic import atomic_file
from .pickling import Pickler, StorageBook
from .storages import bytes_of


def _zip(obj, file, folder: str, protocol: int) -> None:
    book, kept = StorageBook(), io.BytesIO()

    def reference(ref):
        return ("storage", ref.kind, ref.key, "cpu", ref.numel)

    Pickler(kept, protocol, book, reference).dump(obj)
    out = ZipWriter(file, folder)
    out.write("data.pkl", kept.getbuffer())
    out.write(".format_version", b"1")
    out.write(".storage_alignment", str(ALIGNMENT).encode())
    out.write("byteorder", sys.byteorder.encode())
    for i, owner in enumerate(book.owners):
        out.write(f"data/{i}", bytes_of(owner) if owner.nbytes else b"")
    out.close()


def save(obj, f, pickle_module=pickle, pickle_protocol: int = 2, _use_new_zipfile_serialization: bool = True) -> None:
    """Write an object (a tensor, a state_dict, a module, any nest of them) to a file in PyTorch's format.

    `f` is a path or an object with `write`. A path is written atomically: to a temporary file beside it, synced, then
    renamed, so that neither a crash nor an error ever costs the old file. Tensors that share memory share it after
    loading too, and the whole memory is saved: save `x[:3].clone()` where `x` is large. Classes of this library are
    written under PyTorch's names. `_use_new_zipfile_serialization=False` writes the form before PyTorch 1.6.
    `pickle_module` is there for PyTorch's signature; the names are written by Python's own pickle.

    Raises AttributeError where `f` can't be written to, RuntimeError for a missing folder, pickle.PicklingError
    (or TypeError, AttributeError) for an object that can't be pickled, such as a lambda.

    >>> import io, lightwell as torch
    >>> f = io.BytesIO(); torch.save({"x": torch.arange(3)}, f)
    >>> _ = f.seek(0); torch.load(f)
    {'x': tensor([0, 1, 2])}
    """
    if isinstance(f, (str, os.PathLike)):
        with atomic_file(f) as file:
            _write(obj, file, folder_name(f), pickle_protocol, _use_new_zipfile_serialization)
    elif hasattr(f, "write"):
        _write(obj, f, "archive", pickle_protocol, _use_new_zipfile_serialization)
    else:
        raise AttributeError(
            f"save: expected 'f' to be a path or a file-like object with a 'write' attribute, got {type(f).__name__}: the object comes first, save(obj, f)"
        )


def _write(obj, file, folder, protocol, new) -> None:
    if new:
        _zip(obj, file, folder, protocol)
    else:
        legacy.write(obj, file, protocol)
