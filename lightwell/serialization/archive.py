"""The zip file around a checkpoint: written record by record with aligned data, read with every claim checked."""

import io
import os
import struct
import zlib

import numpy as np

from ..errors.teaching import RuntimeError

ALIGNMENT = 64
_BIG = 0xFFFFFFFF
_DATE = (1 << 5) | 1  # 1 January 1980: equal contents give equal files
_CHUNK = 1 << 20
_HINT = "the file is damaged, or was cut off while it was written or copied"


class ZipWriter:
    """Writes uncompressed records one after the other, each aligned, to anything with `write`."""

    def __init__(self, file, folder: str):
        self.file, self.folder, self.at = file, folder, 0
        self.directory: list[tuple] = []
        self.names = self.sums = 0

    def _put(self, data) -> None:
        self.file.write(data)
        self.at += len(data)

    def write(self, name: str, data) -> None:
        """Add the record `folder/name` with `data`, any bytes-like object."""
        data = memoryview(data).cast("B") if len(data) else memoryview(b"")
        full = f"{self.folder}/{name}".encode()
        size, start, crc = len(data), self.at, zlib.crc32(data)
        self.names, self.sums = zlib.crc32(full, self.names), zlib.crc32(struct.pack("<I", crc), self.sums)
        wide = struct.pack("<HHQQ", 1, 16, size, size) if size >= _BIG else b""
        # an extra field "FB" filled with Z pads the header, so that the data can be mapped into memory as it is
        pad = -(start + 30 + len(full) + len(wide) + 4) % ALIGNMENT
        extra = wide + b"FB" + struct.pack("<H", pad) + b"Z" * pad
        short = _BIG if wide else size
        flags = 0x800 if not full.isascii() else 0
        self._put(
            struct.pack(
                "<IHHHHHIIIHH",
                0x04034B50,
                45 if wide else 0,
                flags,
                0,
                0,
                _DATE,
                crc,
                short,
                short,
                len(full),
                len(extra),
            )
        )
        self._put(full)
        self._put(extra)
        for i in range(0, size, 64 * _CHUNK):
            self._put(data[i : i + 64 * _CHUNK])
        self.directory.append((full, flags, crc, size, start))

    def close(self) -> None:
        """Add PyTorch's closing records and the zip directory."""
        self.write("version", b"3\n")
        self.write(".data/serialization_id", f"{self.names:020d}{self.sums:020d}".encode())
        begin = self.at
        for full, flags, crc, size, start in self.directory:
            wide = b"".join(struct.pack("<Q", v) for v in (size, size, start) if v >= _BIG)
            if start >= _BIG > size:
                wide = struct.pack("<Q", start)
            extra = struct.pack("<HH", 1, len(wide)) + wide if wide else b""
            short, where = min(size, _BIG), min(start, _BIG)
            self._put(
                struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 45 if wide else 0, 45 if wide else 0, flags, 0, 0, _DATE,
                            crc, short, short, len(full), len(extra), 0, 0, 0, 0, where)
            )  # fmt: skip
            self._put(full)
            self._put(extra)
        length, count, end = self.at - begin, len(self.directory), self.at
        if count >= 0xFFFF or begin >= _BIG or length >= _BIG:
            self._put(struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, length, begin))
            self._put(struct.pack("<IIQI", 0x07064B50, 0, end, 1))
        few = min(count, 0xFFFF)
        self._put(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, few, few, min(length, _BIG), min(begin, _BIG), 0))


def is_zip(file) -> bool:
    """Whether a zip file begins where `file` stands; the position is kept."""
    start = file.tell()
    head = file.read(4)
    file.seek(start)
    return head == b"PK\x03\x04"


class ZipReader:
    """The records of a checkpoint, each size checked against the file before anything is allocated.

    RuntimeError for a file that is cut off, damaged, encrypted or no checkpoint, and for records that would unfold
    to far more than the file holds.
    """

    program = False  # whether archives with a program in them (TorchScript's) are read

    def __init__(self, file):
        import zipfile

        self.file = file
        here = file.tell()
        self.length = file.seek(0, io.SEEK_END)
        file.seek(here)
        try:
            with zipfile.ZipFile(file) as z:
                infos = z.infolist()
        except Exception as error:  # zipfile answers damage with a dozen different exceptions
            raise RuntimeError(f"load: failed reading zip archive: {error}; {_HINT}") from error
        self.infos = {}
        for info in infos:
            if info.filename in self.infos:
                raise RuntimeError(f"load: the archive holds {info.filename!r} twice; the file is damaged or forged")
            self.infos[info.filename] = info
        self._guard(infos)
        if not infos:
            raise RuntimeError("load: the zip archive is empty; it holds no checkpoint")
        self.folder, slash, _ = infos[0].filename.partition("/")
        if not slash:
            raise RuntimeError(f"load: file in archive is not in a subdirectory: {infos[0].filename!r}; this zip file is no checkpoint")
        if "constants.pkl" in self and not self.program:
            raise RuntimeError(
                "load: this is a TorchScript archive (torch.jit.save), which holds a program: read it with torch.jit.load, or save "
                "the module's state_dict() with torch.save instead and load that"
            )
        if "version" in self:
            text = self.read("version", 32).strip()
            if not text.isdigit() or int(text) > 10:
                raise RuntimeError(f"load: the file has format version {text!r}; versions up to 10 can be read")

    def _guard(self, infos) -> None:
        packed = unfolded = 0
        for info in infos:
            if info.flag_bits & 1 or info.compress_type not in (0, 8):
                raise RuntimeError(f"load: record {info.filename!r} is encrypted or packed in a way that checkpoints never are")
            if info.compress_type == 0 and info.compress_size != info.file_size:
                raise RuntimeError(f"load: record {info.filename!r} states two different sizes; {_HINT}")
            packed += info.compress_size
            unfolded += info.file_size
        if packed > self.length:
            raise RuntimeError(f"load: the records claim {packed} bytes but the file has {self.length}; {_HINT}")
        if unfolded > 100 * self.length + (64 << 20):
            raise RuntimeError(
                f"load: the records would unfold to {unfolded} bytes from a file of {self.length}: refused as a "
                "zip bomb. Checkpoints are stored as they are; if you trust it, unzip it and pack it anew with `zip -0`"
            )

    def __contains__(self, name: str) -> bool:
        return f"{self.folder}/{name}" in self.infos

    def _find(self, name: str):
        info = self.infos.get(f"{self.folder}/{name}")
        if info is None:
            raise RuntimeError(f"load: the archive has no record {name!r}: file not found; it is no checkpoint, or {_HINT}")
        return info

    def where(self, name: str) -> tuple[int, int]:
        """(position, size) of a record's data in the file."""
        info = self._find(name)
        if not 0 <= info.header_offset < self.length:
            raise RuntimeError(f"load: record {name!r} begins outside the file; {_HINT}")
        self.file.seek(info.header_offset)
        head = self.file.read(30)
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            raise RuntimeError(f"load: record {name!r} has no header; {_HINT}")
        n, m = struct.unpack("<HH", head[26:])
        if self.file.read(n) != info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437"):
            raise RuntimeError(f"load: record {name!r} has another name in its header; {_HINT}")
        start = info.header_offset + 30 + n + m
        if start + info.compress_size > self.length:
            raise RuntimeError(f"load: record {name!r} reaches past the end of the file; {_HINT}")
        return start, info.file_size

    def size(self, name: str) -> int:
        """Bytes of a record's data."""
        return self._find(name).file_size

    def stored(self, name: str) -> bool:
        """Whether the record's data is uncompressed."""
        return self._find(name).compress_type == 0

    def array(self, name: str) -> np.ndarray:
        """A record's data as a fresh uint8 array."""
        info = self._find(name)
        start, size = self.where(name)
        self.file.seek(start)
        out = np.empty(size, np.uint8)
        if size:
            fill = self._copy if info.compress_type == 0 else self._inflate
            fill(name, info, memoryview(out))
        if info.CRC and zlib.crc32(out) != info.CRC:  # PyTorch can be told to write 0 instead
            raise RuntimeError(f"load: record {name!r} fails its checksum; {_HINT}")
        return out

    def _copy(self, name, info, view) -> None:
        at, readinto = 0, getattr(self.file, "readinto", None)
        while at < len(view):
            if readinto is not None:
                got = readinto(view[at:])
            else:
                piece = self.file.read(min(len(view) - at, 16 * _CHUNK))
                got = len(piece)
                view[at : at + got] = piece
            if not got:
                raise RuntimeError(f"load: record {name!r} ends early; {_HINT}")
            at += got

    def _inflate(self, name, info, view) -> None:
        stream, left, at = zlib.decompressobj(-15), info.compress_size, 0
        try:
            while left and not stream.eof:
                piece = self.file.read(min(left, _CHUNK))
                if not piece:
                    break
                left -= len(piece)
                while piece:
                    out = stream.decompress(piece, _CHUNK)
                    if at + len(out) > len(view):
                        raise RuntimeError(f"load: record {name!r} unfolds to more than it states; the file is damaged or forged")
                    view[at : at + len(out)] = out
                    at += len(out)
                    piece = stream.unconsumed_tail
        except zlib.error as error:
            raise RuntimeError(f"load: record {name!r} can't be unpacked ({error}); {_HINT}") from error
        if at != len(view):
            raise RuntimeError(f"load: record {name!r} ends early; {_HINT}")

    def read(self, name: str, limit: int | None = None) -> bytes:
        """A record's data as bytes; RuntimeError where it is longer than `limit`."""
        if limit is not None and self.size(name) > limit:
            raise RuntimeError(f"load: record {name!r} has {self.size(name)} bytes where at most {limit} are sensible; {_HINT}")
        return self.array(name).tobytes()

    def mapping(self):
        """The whole file mapped into memory, copy on write: changes to tensors never reach the file."""
        import mmap

        return mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_COPY)


def folder_name(path) -> str:
    """The archive's inner folder: the file's name without its ending, `archive` where that is not plain ASCII."""
    name = os.path.basename(os.fsdecode(path))
    stem = name.rpartition(".")[0] if "." in name else name
    return stem if stem and stem.isascii() else "archive"
