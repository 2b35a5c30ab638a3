"""What the tests of this folder share: saving to memory, forging archives and pickles."""

import io
import struct
import zipfile

from lightwell.serialization import load, save


def saved(obj, **options) -> bytes:
    """The bytes that `save` writes."""
    f = io.BytesIO()
    save(obj, f, **options)
    return f.getvalue()


def loaded(data: bytes, **options):
    """What `load` makes of some bytes."""
    return load(io.BytesIO(data), **options)


def archive(pickle_bytes: bytes, storages=(), packed: bool = False, **extra) -> bytes:
    """A checkpoint around a pickle made by hand."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as z:
        z.writestr("archive/data.pkl", pickle_bytes)
        for i, data in enumerate(storages):
            z.writestr(f"archive/data/{i}", data)
        for name, data in extra.items():
            z.writestr(f"archive/{name}", data)
    return out.getvalue()


def text(s: str) -> bytes:
    """The opcode that pushes a text."""
    raw = s.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def num(n: int) -> bytes:
    """The opcode that pushes an int."""
    raw = n.to_bytes(16, "little", signed=True)
    return b"\x8a\x10" + raw


def storage(numel: int, kind: str = "FloatStorage", key: str = "0") -> bytes:
    """The opcodes that push a storage."""
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + num(numel) + b"tQ"


def tensor(numel: int, offset: int, size, stride, kind: str = "FloatStorage") -> bytes:
    """The opcodes that push a tensor."""
    tup = lambda values: b"(" + b"".join(map(num, values)) + b"t"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(numel, kind) + num(offset) + tup(size) + tup(stride)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )  # fmt: skip
