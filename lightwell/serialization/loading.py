"""`load`: a checkpoint's object, by default without running anything that the file says."""

import builtins
import errno
import io
import os
import pickle

import numpy as np

from .._utils import Storage
from ..errors.teaching import AttributeError, FileNotFoundError, RuntimeError, TypeError, ValueError
from ..errors.unpickling import UnpicklingError
from . import allow, legacy
from .archive import ZipReader, is_zip
from .pickling import unpickler
from .storages import StorageType, adopt, foreign_order
from .vm import SafeUnpickler


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args):
    """Read what `save` (ours or PyTorch's, new form or old) wrote.

    `f` is a path or a seekable binary file. `weights_only=True`, the default, builds plain data only: tensors,
    containers, numbers, texts, dtypes, and the classes allowed by `serialization.add_safe_globals`; no code in the file
    is run.
    `weights_only=False` reads everything with `pickle` and *runs what the file says*: for files you trust only.
    `mmap=True` maps the file into memory, so that data is read when it is first used; changes stay in memory.
    `map_location` says where storages go: a device, a dict from the file's device tags to others, or a function of
    (storage, tag) that returns a storage or None.

    Raises FileNotFoundError; EOFError for an empty or cut pickle; pickle.UnpicklingError for what isn't
    allowed or understood (it names the refused class and how to allow it); RuntimeError for a damaged archive, a tensor
    outside its storage, or a device that isn't here; ValueError for `mmap=True` without a path; AttributeError where
    `f` can't seek.

    >>> import io, lightwell as torch
    >>> f = io.BytesIO(); x = torch.ones(2, 2); torch.save([x, x.T], f)
    >>> _ = f.seek(0); a, b = torch.load(f)
    >>> a[0, 1] = 5; b
    tensor([[1., 1.],
            [5., 1.]])
    """
    if weights_only is None:
        weights_only = pickle_module is None
    if weights_only and pickle_module is not None:
        raise RuntimeError("load: weights_only=True reads the file itself and can't use an explicit pickle_module; give one of the two")
    pickle_module = pickle_module or pickle
    pickle_load_args.setdefault("encoding", "utf-8")
    restore = _restorer(map_location)
    if isinstance(f, (str, os.PathLike)):
        if not os.path.exists(f):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(f))
        with open(f, "rb") as file:
            return _load(file, restore, weights_only, pickle_module, bool(mmap), pickle_load_args)
    if mmap:
        raise ValueError("load: f must be a file path in order to use mmap=True")
    for need in ("read", "seek", "tell"):
        if not hasattr(f, need):
            raise AttributeError(
                f"load: {type(f).__name__!r} object has no attribute {need!r}; load reads from a path or a seekable "
                "file: read the data into an io.BytesIO first"
            )
    return _load(f, restore, weights_only, pickle_module, False, pickle_load_args)


def _load(file, restore, weights_only, pickle_module, mapped, arguments):
    if not is_zip(file):
        if mapped:
            raise RuntimeError("load: mmap=True needs the zip form; save the file again with _use_new_zipfile_serialization=True")
        return legacy.read(file, restore, weights_only, pickle_module, arguments)
    reader = ZipReader(file)
    swap = "byteorder" in reader and foreign_order(reader.read("byteorder", 32))
    shelf = _Records(reader, restore, swap, mapped)
    data = reader.read("data.pkl")
    if weights_only:
        return SafeUnpickler(data, 0, shelf.get, arguments["encoding"]).run()
    return unpickler(pickle_module, io.BytesIO(data), shelf.get, **arguments).load()


class _Records:
    """The storages in an archive, each read at its first use."""

    def __init__(self, reader, restore, swap, mapped):
        self.reader, self.restore, self.swap = reader, restore, swap
        self.map = reader.mapping() if mapped else None
        self.found: dict[str, Storage] = {}

    def get(self, pid):
        """The storage of a persistent id."""
        if type(pid) is not tuple or len(pid) != 5 or pid[0] != "storage":
            raise UnpicklingError("load: a reference in the pickle isn't a storage's; the file is damaged")
        _, kind, key, location, numel = pid
        if type(kind) is not StorageType or type(key) is not str or type(location) is not str or type(numel) is not int or numel < 0:
            raise UnpicklingError("load: a storage's reference has the wrong types; the file is damaged")
        if key not in self.found:
            need, size = numel * kind.itemsize, self.reader.size(f"data/{key}")
            if need != size:
                raise RuntimeError(
                    f"load: record size ({size} bytes) of storage {key[:40]!r} does not match the expected size "
                    f"({need} bytes = {str(numel)[:20]} elements * {kind.itemsize} bytes); the file is damaged "
                    "or forged"
                )
            self.found[key] = self.restore(self._storage(f"data/{key}", kind, location), location)
        return self.found[key]

    def _storage(self, record, kind, location):
        if self.map is not None and self.reader.stored(record):
            start, size = self.reader.where(record)
            if size and start % 8 == 0:
                raw = np.frombuffer(self.map, np.uint8, size, start)
                return adopt(raw, kind, location, self.swap, own=False)
        return adopt(self.reader.array(record), kind, location, self.swap)


def _restorer(map_location):
    """A function (storage, tag) -> storage that puts storages where `map_location` says."""
    if map_location is None:
        return _default
    if isinstance(map_location, dict):
        table = {str(k): str(v) for k, v in map_location.items()}
        return lambda storage, tag: _default(storage, table.get(tag, tag))
    if callable(map_location) and not isinstance(map_location, str):

        def ask(storage, tag):
            out = map_location(storage, tag)
            if out is None:
                return _default(storage, tag)
            if not isinstance(out, Storage):
                raise TypeError(f"load: map_location returned {type(out).__name__}; a storage (or None) was expected")
            return out

        return ask
    where = str(map_location)
    return lambda storage, tag: _default(storage, where)


def _default(storage, tag):
    """The storage where the tag says, the CPU or the meta device; RuntimeError for anywhere else."""
    if tag == "cpu" or tag.startswith("cpu:"):
        storage.location = "cpu"
        return storage
    if tag == "meta":
        storage.location = "meta"
        return storage
    if tag.startswith("cuda"):
        raise RuntimeError(
            "load: attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False; "
            "map the storages to the CPU with load(..., map_location='cpu')"
        )
    raise RuntimeError(f"load: don't know how to restore data location of a storage (tagged with {tag[:40]}); try map_location='cpu'")


def get_unsafe_globals_in_checkpoint(f) -> list[str]:
    """The names in a zip-form checkpoint that `weights_only=True` would refuse, without loading anything.

    Raises RuntimeError for a damaged file, ValueError for one in the old form.

    >>> import io, lightwell as torch
    >>> f = io.BytesIO(); torch.save(range(3), f)
    >>> _ = f.seek(0); torch.serialization.get_unsafe_globals_in_checkpoint(f)
    ['builtins.range']
    """
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return get_unsafe_globals_in_checkpoint(file)
    if not is_zip(f):
        raise ValueError("get_unsafe_globals_in_checkpoint: expected a checkpoint in the zip form")
    user = allow.user_table()
    found = {}
    for module, name in _globals(ZipReader(f).read("data.pkl")):
        module, name = allow.modern(module, name)
        full = f"{module}.{name}"
        if allow.lookup(module, name) is None and full not in user:
            found[full] = None
    return list(found)


def _globals(data: bytes):
    """The (module, name) pairs that a pickle names, in order."""
    import pickletools

    memo, texts, last = {}, [], None
    try:
        for op, arg, _ in pickletools.genops(data):
            if op.name == "GLOBAL":
                yield tuple(arg.split(" ", 1))
            elif op.name == "STACK_GLOBAL" and len(texts) > 1:
                yield texts[-2], texts[-1]
            elif "UNICODE" in op.name:
                last = arg
                texts.append(arg)
            elif op.name == "MEMOIZE":
                memo[len(memo)] = last
            elif op.name.endswith("PUT"):
                memo[arg] = last
            elif op.name.endswith("GET") and memo.get(arg) is not None:
                texts.append(memo[arg])
            if op.name not in ("MEMOIZE", "BINPUT", "LONG_BINPUT") and "UNICODE" not in op.name:
                last = None
    except builtins.ValueError as error:
        raise RuntimeError(f"the pickle in the checkpoint is damaged: {error}") from error
