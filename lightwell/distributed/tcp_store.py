"""TCPStore: one process keeps the table, all reach it over TCP.

A message is a length, the operation's number, the milliseconds it may wait, and its arguments as `pack` writes them; the answer a
length, whether the keys came in time, and the results.
"""

import builtins
import socket
import struct
import threading
import time
from datetime import timedelta

from ..errors.teaching import EOFError, ValueError
from .constants import default_store_timeout
from .errors import DistNetworkError
from .store import OPERATIONS, SharedTable, Store, pack, unpack

_REQUEST = struct.Struct("<IBQ")
_ANSWER = struct.Struct("<I?")


def receive(connection, n: int) -> bytearray:
    """Exactly `n` bytes from a socket; EOFError where it was closed before."""
    data = bytearray(n)
    fill(connection, memoryview(data))
    return data


def fill(connection, view) -> None:
    """Fill `view` from a socket; EOFError where it was closed before."""
    while len(view):
        n = connection.recv_into(view)
        if not n:
            raise EOFError("the connection was closed")
        view = view[n:]


def family_of(host: str):
    """The address family that `host` resolves to, IPv4 where it has the choice."""
    try:
        found = {info[0] for info in socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise DistNetworkError(f"the host name {host!r} can't be resolved: {error}") from None
    return socket.AF_INET if socket.AF_INET in found else socket.AF_INET6


class _Server:
    """Serves a table to every client that connects, each from a thread of its own."""

    def __init__(self, host: str, port: int, listen_fd=None):
        self.table = SharedTable()
        self.seen_at = None  # the address by which clients reach this machine
        if listen_fd is not None:
            self.listener = socket.socket(fileno=listen_fd)
        else:
            try:
                self.listener = socket.create_server(("", port), family=family_of(host), backlog=1024)
            except OSError as error:
                raise DistNetworkError(
                    f"The server socket has failed to listen on port {port}: {error.strerror or error}. "
                    "Another program, perhaps an earlier run, holds it: choose another MASTER_PORT"
                ) from None
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True, name="lightwell-store").start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            at = connection.getsockname()[0]
            if self.seen_at is None or (not at.startswith("127.") and at != "::1"):
                self.seen_at = at
            threading.Thread(target=self._serve, args=(connection,), daemon=True, name="lightwell-store-client").start()

    def _serve(self, connection):
        try:
            with connection:
                while True:
                    length, operation, ms = _REQUEST.unpack(receive(connection, _REQUEST.size))
                    args = unpack(receive(connection, length))
                    result = self.table.perform(OPERATIONS[operation], args, ms / 1000)
                    body = pack(result or ())
                    connection.sendall(_ANSWER.pack(len(body), result is not None) + body)
        except (builtins.EOFError, OSError, IndexError, struct.error, TypeError, builtins.ValueError):
            return  # gone, or no client of ours

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() alone does not
        except OSError:
            pass
        self.listener.close()


class TCPStore(Store):
    """A store kept by the process with `is_master=True`, at `host_name:port` (port 0: any free one, see `port`).

    The master waits for `world_size` processes where that is given and `wait_for_workers`. The others try to connect until `timeout`,
    then DistNetworkError.

    >>> import lightwell.distributed as dist
    >>> master = dist.TCPStore("localhost", 0, is_master=True)
    >>> client = dist.TCPStore("localhost", master.port)
    >>> client.set("a", "1"); master.get("a")
    b'1'
    """

    libuvBackend = False

    def __init__(
        self, host_name: str, port: int, world_size: int | None = None, is_master: bool = False, timeout: timedelta = default_store_timeout,
        wait_for_workers: bool = True, multi_tenant: bool = False, master_listen_fd: int | None = None, use_libuv: bool = True,
    ):  # fmt: skip
        super().__init__()
        if not 0 <= port < 65536:
            raise ValueError(f"TCPStore: port {port} is outside [0, 65535]")
        self._timeout, self.host = timeout, host_name
        self._server = None
        if is_master:
            try:
                self._server = _Server(host_name, port, master_listen_fd)
            except DistNetworkError:
                if not multi_tenant:
                    raise
        self.port = self._server.port if self._server else port
        self._idle: list = []  # connections that no thread is using
        if self._server is None:
            self._idle.append(self._connect())
        if wait_for_workers and world_size:
            if self.add("init/", 1) == world_size:
                self.set("init/all", b"1")
            if is_master:
                self.wait(["init/all"])

    def _connect(self):
        until = time.monotonic() + self._timeout.total_seconds()
        while True:
            try:
                connection = socket.create_connection((self.host, self.port), timeout=max(0.1, until - time.monotonic()))
                break
            except OSError as error:
                if time.monotonic() + 0.05 >= until:
                    ms = round(self._timeout.total_seconds() * 1000)
                    raise DistNetworkError(
                        f"The client socket has timed out after {ms}ms while trying to connect to ({self.host}, {self.port}): "
                        f"{error}. Does the process with rank 0 run there?"
                    ) from None
                time.sleep(0.05)
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _perform(self, operation, args, timeout):
        if self._server is not None:
            return self._server.table.perform(operation, args, timeout)
        connection = self._idle.pop() if self._idle else self._connect()
        body = pack(args)
        try:
            connection.sendall(_REQUEST.pack(len(body), OPERATIONS.index(operation), round(timeout * 1000)) + body)
            length, done = _ANSWER.unpack(receive(connection, _ANSWER.size))
            result = unpack(receive(connection, length))
        except (builtins.EOFError, OSError) as error:
            connection.close()
            raise DistNetworkError(f"the store at {self.host}:{self.port} is gone ({error}): the process that kept it has ended") from None
        self._idle.append(connection)
        return result if done else None

    def local_address(self) -> str | None:
        """This machine's address as the others see it; None where nobody else has asked yet."""
        return self._server.seen_at if self._server else self._idle[0].getsockname()[0] if self._idle else None

    def clone(self) -> "TCPStore":
        """A client of the same table, for another thread."""
        return TCPStore(self.host, self.port, timeout=self._timeout, wait_for_workers=False)

    def __del__(self):
        for connection in self.__dict__.get("_idle", ()):
            connection.close()
        if self.__dict__.get("_server") is not None:
            self._server.close()
