"""The form of checkpoints before PyTorch 1.6: five pickles one after the other, then the storages' bytes."""

import builtins
import io
import pickle
import struct
import sys

import numpy as np

from .._utils import Storage
from ..errors.teaching import EOFError, RuntimeError
from ..errors.unpickling import UnpicklingError
from .pickling import Pickler, StorageBook, unpickler
from .storages import StorageType, adopt, bytes_of
from .vm import SafeUnpickler

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


def write(obj, file, protocol: int) -> None:
    """Write `obj` in the old form to anything with `write`."""
    book, kept = StorageBook(), io.BytesIO()

    def reference(ref):
        return ("storage", ref.kind, ref.key, "cpu", ref.numel, None)

    Pickler(kept, protocol, book, reference).dump(obj)  # first, so that an object that can't be pickled writes nothing
    sizes = {"short": 2, "int": 4, "long": 4}
    for head in (
        MAGIC,
        PROTOCOL,
        {"protocol_version": PROTOCOL, "little_endian": sys.byteorder == "little", "type_sizes": sizes},
    ):
        file.write(pickle.dumps(head, protocol))
    file.write(kept.getvalue())
    file.write(pickle.dumps([str(i) for i in range(len(book.owners))], protocol))
    for owner, kind in zip(book.owners, book.kinds):
        file.write(struct.pack("<q", owner.nbytes // kind.itemsize))
        if owner.nbytes:
            file.write(bytes_of(owner))


class _Shelf:
    """The storages that the pickle asks for: made at once, filled when their bytes come."""

    def __init__(self, room: int, restore):
        self.room, self.restore = room, restore
        self.found: dict[str, tuple[Storage, StorageType]] = {}
        self.seen: dict[str, Storage] = {}
        self.views: dict[tuple, Storage] = {}

    def get(self, pid):
        """The storage of a persistent id."""
        if pid and pid[0] == "module" and len(pid) >= 2:
            return pid[1]  # PyTorch wrote the source beside the class, to warn of changes
        if len(pid) not in (5, 6) or pid[0] != "storage":
            raise UnpicklingError("load: a reference in the pickle isn't a storage's; the file is damaged")
        _, kind, key, location, numel, view = (*pid, None)[:6]
        if type(kind) is not StorageType or type(key) is not str or type(location) is not str or type(numel) is not int or numel < 0:
            raise UnpicklingError("load: a storage's reference has the wrong types; the file is damaged")
        if key not in self.found:
            need = numel * kind.itemsize
            if need > self.room:
                raise RuntimeError(f"load: unexpected EOF: storage {key[:40]!r} needs {need} bytes, the file has {self.room} left")
            self.room -= need
            storage = Storage(np.zeros(need, np.uint8), kind.dtype, location)
            self.found[key] = storage, kind
            self.seen[key] = self.restore(storage, location)
        whole = self.seen[key]
        if view is None:
            return whole
        if type(view) is not tuple or len(view) != 3 or any(type(v) is not int or v < 0 for v in view[1:]):
            raise UnpicklingError("load: a storage view's reference has the wrong types; the file is damaged")
        name, offset, size = view
        if (key, name) not in self.views:
            item = whole.dtype.itemsize
            if (offset + size) * item > whole.nbytes():
                raise RuntimeError("load: a storage's view reaches past its end; the file is damaged")
            part = whole.raw[offset * item : (offset + size) * item]
            self.views[key, name] = Storage(part, kind.dtype, location)
        return self.views[key, name]

    def fill(self, keys, file, swap: bool) -> None:
        """Read the storages' bytes in the order of `keys`."""
        if type(keys) is not list or len(set(map(str, keys))) != len(keys):
            raise RuntimeError("load: the list of storages is damaged")
        for key in keys:
            if type(key) is not str or key not in self.found:
                raise RuntimeError("load: the file lists a storage that no tensor uses; it is damaged")
            storage, kind = self.found[key]
            head = file.read(8)
            if len(head) < 8 or struct.unpack("<q", head)[0] * kind.itemsize != storage.nbytes():
                raise RuntimeError(f"load: storage {key[:40]!r} states another size than its tensors, or the file was cut off")
            need = storage.nbytes()
            at, view = 0, memoryview(storage.raw)
            while at < need:
                piece = file.read(min(need - at, 16 << 20))
                if not piece:
                    raise RuntimeError(f"load: unexpected EOF, expected {need - at} more bytes. The file might be corrupted.")
                view[at : at + len(piece)] = piece
                at += len(piece)
            adopt(storage.raw, kind, storage.location, swap)
        for storage in (*self.seen.values(), *self.views.values()):
            storage.refresh()

    def clear(self, room: int) -> None:
        """Forget everything, for a second start."""
        self.found, self.seen, self.views, self.room = {}, {}, {}, room


def read(file, restore, weights_only: bool, pickle_module, arguments: dict):
    """The object that an old-form file holds; the file is left standing behind it.

    EOFError for an empty file, RuntimeError for a wrong magic number or a file that was cut off, UnpicklingError for
    what isn't allowed. PyTorch's still older form, a tar archive, is refused.
    """
    start = file.tell()
    length = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    if length == 0:
        raise EOFError("load: the file is empty: ran out of input")
    head = file.read(512)
    file.seek(start)
    if head[257:262] == b"ustar":
        raise RuntimeError("load: this is a tar archive, PyTorch's form before 0.1.10; load it with an old PyTorch and save it again")
    shelf = _Shelf(length, restore)
    if weights_only:
        source = _Safe(file, start, length, shelf, arguments)
    else:
        source = _Trusting(file, shelf, pickle_module, arguments)
    if source.next() != MAGIC:
        raise RuntimeError("load: invalid magic number; corrupt file? (neither a zip archive nor PyTorch's old form)")
    if source.next() != PROTOCOL:
        raise RuntimeError("load: the old-form file has another protocol version than 1001")
    info = source.next()
    if type(info) is not dict:
        raise RuntimeError("load: the old-form file's system description is damaged")
    obj = source.next(references=True)
    keys = source.next()
    shelf.room = 0
    shelf.fill(keys, source.at_data(), bool(info.get("little_endian", True)) != (sys.byteorder == "little"))
    return obj


class _Safe:
    """Reads the pickles one by one with the safe machine, which wants them in memory: the first 64 MiB of the file are
    tried before all of it, since the storages behind them need not be there."""

    def __init__(self, file, start, length, shelf, arguments):
        self.file, self.start, self.length, self.shelf = file, start, length, shelf
        self.encoding, self.position = arguments.get("encoding", "utf-8"), 0
        self.data = file.read(min(length, 64 << 20))

    def next(self, references: bool = False):
        """The next pickle's object."""
        machine = SafeUnpickler(self.data, self.position, self.shelf.get if references else None, self.encoding)
        try:
            obj = machine.run()
        except builtins.EOFError:
            if len(self.data) == self.length:
                raise
            self.data += self.file.read()
            self.shelf.clear(self.length)
            return self.next(references)
        self.position = machine.position
        return obj

    def at_data(self):
        """The file, standing at the storages' bytes."""
        self.file.seek(self.start + self.position)
        return self.file


class _Trusting:
    """Reads the pickles one by one with the pickle module, which runs what the file names."""

    def __init__(self, file, shelf, pickle_module, arguments):
        self.file, self.shelf, self.module, self.arguments = file, shelf, pickle_module, arguments

    def next(self, references: bool = False):
        """The next pickle's object."""
        return unpickler(self.module, self.file, self.shelf.get, **self.arguments).load()

    def at_data(self):
        """The file, standing at the storages' bytes."""
        return self.file
