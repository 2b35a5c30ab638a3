"""Stores: small tables of bytes that all processes see, by which they find each other.

What a store can do is written once, in `_Table`, on a plain dict; the three kinds differ in where the dict lies: in this process
(`HashStore`), in a file (`FileStore`), in one process that serves the others (`TCPStore`, in tcp_store.py).
"""

import os
import struct
import threading
import time
from datetime import timedelta

from ..errors.teaching import RuntimeError, TypeError
from .constants import default_store_timeout
from .errors import DistStoreError, QueueEmptyError

_LENGTH = struct.Struct("<I")


def pack(parts) -> bytes:
    """Several byte strings as one, each behind its length."""
    return b"".join(_LENGTH.pack(len(p)) + p for p in parts)


def unpack(blob) -> list:
    """The byte strings that `pack` put together."""
    parts, at = [], 0
    while at < len(blob):
        (n,) = _LENGTH.unpack_from(blob, at)
        parts.append(bytes(blob[at + 4 : at + 4 + n]))
        at += 4 + n
    return parts


class _Table:
    """The operations on a dict of bytes: each returns a list of bytes, or None where it has to wait for other keys."""

    @staticmethod
    def set(data, key, value):
        data[key] = value
        return []

    @staticmethod
    def get(data, *keys):
        return [data[k] for k in keys] if all(k in data for k in keys) else None

    @staticmethod
    def wait(data, *keys):
        return [] if all(k in data for k in keys) else None

    @staticmethod
    def check(data, *keys):
        return [b"1" if all(k in data for k in keys) else b""]

    @staticmethod
    def add(data, key, amount):
        data[key] = b"%d" % (int(data.get(key, b"0")) + int(amount))
        return [data[key]]

    @staticmethod
    def append(data, key, value):
        data[key] = data.get(key, b"") + value
        return []

    @staticmethod
    def compare_set(data, key, expected, desired):
        if data.get(key, b"") == expected:
            data[key] = desired
        return [data.get(key, expected)]

    @staticmethod
    def delete(data, key):
        return [b"1" if data.pop(key, None) is not None else b""]

    @staticmethod
    def count(data):
        return [b"%d" % len(data)]

    @staticmethod
    def keys(data):
        return [k for k in data if not k.startswith(b"init/")]

    @staticmethod
    def push(data, key, value):
        data[key] = data.get(key, b"") + pack([value])
        return []

    @staticmethod
    def pop(data, key):
        if key not in data:
            return None
        first, *rest = unpack(data[key])
        if rest:
            data[key] = pack(rest)
        else:
            del data[key]
        return [first]

    @staticmethod
    def length(data, key):
        return [b"%d" % len(unpack(data.get(key, b"")))]


OPERATIONS = [name for name in vars(_Table) if not name.startswith("_")]
READS = frozenset(("get", "wait", "check", "count", "keys", "length"))


def perform(data: dict, operation: str, args):
    """Run one operation of a table; None where it has to wait."""
    return getattr(_Table, operation)(data, *args)


class SharedTable:
    """A dict that the threads of one process share."""

    def __init__(self):
        self.data: dict = {}
        self.changed = threading.Condition()

    def perform(self, operation, args, timeout: float):
        """Run an operation, waiting up to `timeout` seconds for keys it needs; None where they did not come."""
        until = time.monotonic() + timeout
        with self.changed:
            while (result := perform(self.data, operation, args)) is None:
                left = until - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(left)
            if operation not in READS:
                self.changed.notify_all()
            return result


def _bytes(value) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"a store's values are str or bytes, not {type(value).__name__}")


class Store:
    """A table of byte strings that several processes share; base of HashStore, FileStore, TCPStore and PrefixStore.

    `get` and `wait` wait for keys that are not there yet, up to `timeout`, and then raise DistStoreError.

    >>> import lightwell.distributed as dist
    >>> store = dist.HashStore()
    >>> store.set("colour", "blue"); store.get("colour"), store.add("n", 2), store.add("n", 3), store.check(["colour", "taste"])
    (b'blue', 2, 5, False)
    """

    def __init__(self):
        self._timeout = default_store_timeout

    def _perform(self, operation, args, timeout):
        raise RuntimeError("Store is a base class: make a TCPStore, FileStore or HashStore")

    def _call(self, operation, *args, timeout=None):
        timeout = self.timeout if timeout is None else timeout
        args = [_bytes(a) for a in args]
        result = self._perform(operation, args, timeout.total_seconds())
        if result is None:
            wanted = ", ".join("/" + a.decode(errors="replace") for a in args)
            ms = round(timeout.total_seconds() * 1000)
            raise DistStoreError(f"wait timeout after {ms}ms, keys: {wanted}: no process has set them; has one died, or not started?")
        return result

    def set(self, key: str, value) -> None:
        """Store `value` (str or bytes) under `key`."""
        self._call("set", key, value)

    def get(self, key: str) -> bytes:
        """The value of `key`, waiting until it is there; DistStoreError at the timeout."""
        return self._call("get", key)[0]

    def multi_get(self, keys) -> list:
        """The values of several keys, waiting until all are there."""
        return self._call("get", *keys)

    def multi_set(self, keys, values) -> None:
        """Store several values."""
        for key, value in zip(keys, values, strict=True):
            self.set(key, value)

    def add(self, key: str, amount: int) -> int:
        """Add to the number under `key` (0 where there is none) and return the sum."""
        return int(self._call("add", key, str(int(amount)))[0])

    def append(self, key: str, value) -> None:
        """Add `value` behind what `key` has."""
        self._call("append", key, value)

    def wait(self, keys, timeout: timedelta | None = None) -> None:
        """Wait until all `keys` are there; DistStoreError at the timeout."""
        self._call("wait", *keys, timeout=timeout)

    def check(self, keys) -> bool:
        """Whether all `keys` are there."""
        return bool(self._call("check", *keys)[0])

    def compare_set(self, key: str, expected_value, desired_value) -> bytes:
        """Store `desired_value` where `key` has `expected_value` (or is missing and that is empty); return what it has then."""
        return self._call("compare_set", key, expected_value, desired_value)[0]

    def delete_key(self, key: str) -> bool:
        """Take `key` away; whether it was there."""
        return bool(self._call("delete", key)[0])

    def num_keys(self) -> int:
        """How many keys there are."""
        return int(self._call("count")[0])

    def list_keys(self) -> list:
        """All keys."""
        return [k.decode() for k in self._call("keys")]

    def queue_push(self, key: str, value) -> None:
        """Put `value` at the end of the queue `key`."""
        self._call("push", key, value)

    def queue_pop(self, key: str, block: bool = True) -> bytes:
        """Take the first value of the queue `key`, waiting for one; with `block=False` QueueEmptyError where there is none."""
        if not block and not self.queue_len(key):
            raise QueueEmptyError(f"the store's queue {key!r} is empty")
        return self._call("pop", key)[0]

    def queue_len(self, key: str) -> int:
        """How many values are in the queue `key`."""
        return int(self._call("length", key)[0])

    def barrier(self, key: str, world_size: int, timeout: timedelta | None = None) -> None:
        """Wait until `world_size` processes have come here under this key."""
        if self.add(key, 1) == world_size:
            self.set(key + "/all", b"1")
        self.wait([key + "/all"], timeout)

    def has_extended_api(self) -> bool:
        """Whether append, multi_get and multi_set are there: they always are."""
        return True

    @property
    def timeout(self) -> timedelta:
        """How long to wait for a key."""
        return self._timeout

    def set_timeout(self, timeout: timedelta) -> None:
        """Set how long to wait for a key."""
        self._timeout = timeout

    def clone(self) -> "Store":
        """A store on the same table, for another thread."""
        return self


class HashStore(Store):
    """A store for the threads of one process."""

    def __init__(self):
        super().__init__()
        self._table = SharedTable()

    def _perform(self, operation, args, timeout):
        return self._table.perform(operation, args, timeout)


class FileStore(Store):
    """A store in a file that all processes can write and lock.

    Remove a file that an earlier run left, or name another: what it holds would be taken for this run's.

    >>> import tempfile, lightwell.distributed as dist
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dist.FileStore(folder + "/table", 2).set("a", "1"); dist.FileStore(folder + "/table", 2).get("a")
    b'1'
    """

    def __init__(self, file_name: str, world_size: int = -1):
        super().__init__()
        self._path, self.world_size = os.fspath(file_name), world_size
        with self._opened():  # told at once where it can't be made
            pass

    @property
    def path(self) -> str:
        """The file."""
        return self._path

    def _opened(self):
        return os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")

    def _perform(self, operation, args, timeout):
        until = time.monotonic() + timeout
        while True:
            result = self._once(operation, args)
            if result is not None or time.monotonic() >= until:
                return result
            time.sleep(0.01)

    def _once(self, operation, args):
        import fcntl

        with self._opened() as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # released by closing
            parts = unpack(file.read())
            data = dict(zip(parts[::2], parts[1::2]))
            result = perform(data, operation, args)
            if result is not None and operation not in READS:
                file.seek(0)
                file.write(pack([p for item in data.items() for p in item]))
                file.truncate()
            return result


class PrefixStore(Store):
    """Another store's table with `prefix/` before every key.

    >>> import lightwell.distributed as dist
    >>> store = dist.HashStore()
    >>> dist.PrefixStore("run", store).set("a", "1"); store.list_keys()
    ['run/a']
    """

    def __init__(self, prefix: str, store: Store):
        super().__init__()
        self._prefix, self._store = prefix, store

    @property
    def underlying_store(self) -> Store:
        """The store behind this one."""
        return self._store

    @property
    def _underlying_non_prefix_store(self) -> Store:
        return self._store._underlying_non_prefix_store if isinstance(self._store, PrefixStore) else self._store

    def _perform(self, operation, args, timeout):
        keyed = len(args) if operation in ("get", "wait", "check") else min(len(args), 1)
        prefix = self._prefix.encode() + b"/"
        return self._store._perform(operation, [prefix + a if i < keyed else a for i, a in enumerate(args)], timeout)

    @property
    def timeout(self) -> timedelta:
        """How long to wait for a key: the store's behind it."""
        return self._store.timeout

    def set_timeout(self, timeout: timedelta) -> None:
        """Set how long to wait for a key."""
        self._store.set_timeout(timeout)

    def clone(self) -> Store:
        """A store on the same table, for another thread."""
        return PrefixStore(self._prefix, self._store.clone())
