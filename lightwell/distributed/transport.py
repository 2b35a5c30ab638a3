"""The links between ranks: a TCP connection per pair, read by a thread of its own, so that no sender waits for a receiver's turn.

`Transport` is what the collectives need of any medium: `send(rank, group, number, code, view)`, `post(...)`, `wait(...)`. The other
medium is MPI (mpi.py).
"""

import os
import secrets
import socket
import struct
import threading
import time
import weakref

from .errors import DistBackendError, DistNetworkError
from .mailbox import Mailbox
from .store import Store
from .tcp_store import TCPStore, family_of, fill, receive

_HEADER = struct.Struct("<QqBQ")  # group, number, code, bytes
_HELLO = struct.Struct("<I16s")  # rank, the run's secret
BYE = 0  # the code of the last message of a rank that leaves in good order
BUFFER = 4 << 20

_alive = weakref.WeakSet()


class Transport:
    """Connections of this rank to all others, made through a store."""

    def __init__(self, store: Store, rank: int, size: int, timeout: float):
        self.rank, self.size = rank, size
        self.mailbox = Mailbox(rank)
        self._links: dict = {}
        self._locks = {r: threading.Lock() for r in range(size)}
        self._closed = False
        if size > 1:
            self._connect(store, timeout)
        _alive.add(self)

    # ---- connecting -----------------------------------------------------------------------------------------------

    def _connect(self, store, timeout):
        """Every rank listens, tells where, connects to the lower ranks and accepts the higher ones."""
        until = time.monotonic() + timeout
        host = _own_address(store)
        listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=self.size)
        if self.rank == 0:
            store.set("secret", secrets.token_bytes(16))
        store.set(f"address/{self.rank}", f"{host} {listener.getsockname()[1]}")
        secret = store.get("secret")
        with listener:
            for peer in range(self.rank):
                self._links[peer] = self._reach(store, peer, secret, until)
            while len(self._links) < self.size - 1:
                peer, link = self._accept(listener, secret, until)
                self._links[peer] = link
        for peer, link in self._links.items():
            link.settimeout(None)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                link.setsockopt(socket.SOL_SOCKET, option, BUFFER)
            threading.Thread(target=self._read, args=(peer, link), daemon=True, name=f"lightwell-from-{peer}").start()

    def _reach(self, store, peer, secret, until):
        host, port = store.get(f"address/{peer}").decode().split()
        try:
            link = socket.create_connection((host, int(port)), timeout=max(0.1, until - time.monotonic()))
            link.sendall(_HELLO.pack(self.rank, secret))
        except OSError as error:
            raise DistNetworkError(f"rank {self.rank} can't reach rank {peer} at {host}:{port}: {error}") from None
        return link

    def _accept(self, listener, secret, until):
        while True:
            listener.settimeout(max(0.1, until - time.monotonic()))
            try:
                link, _ = listener.accept()
            except TimeoutError:
                missing = [r for r in range(self.rank + 1, self.size) if r not in self._links]
                raise DistNetworkError(f"rank {self.rank}: Timed out waiting for ranks {missing} to connect: have they started?") from None
            link.settimeout(10)
            try:
                peer, told = _HELLO.unpack(receive(link, _HELLO.size))
            except (OSError, EOFError):
                link.close()
                continue
            if secrets.compare_digest(told, secret) and self.rank < peer < self.size and peer not in self._links:
                return peer, link
            link.close()  # a stranger

    # ---- reading --------------------------------------------------------------------------------------------------

    def _read(self, peer, link):
        """Take in what `peer` sends, until it leaves."""
        box = self.mailbox
        how, slot = "died", None
        try:
            while True:
                slot = None
                group, number, code, size = _HEADER.unpack(receive(link, _HEADER.size))
                if code == BYE:
                    how = "destroyed its process group" if number else "ended"
                    break
                key = (peer, group, number)
                slot = box.claim(key, code, size)
                if slot is not None and slot.error is None and slot.view is not None:
                    fill(link, slot.view)
                    box.deliver(slot)
                elif slot is not None:
                    box.deliver(slot, receive(link, size))
                else:
                    box.store(key, code, receive(link, size))
        except (EOFError, OSError):
            if slot is not None:
                slot.error = f"rank {peer} died in the middle of a message: look at that rank's own output for the cause"
                box.deliver(slot)
        box.depart(peer, how)
        if self._closed:
            link.close()

    # ---- what collectives call ------------------------------------------------------------------------------------

    def send(self, peer: int, group: int, number: int, code: int, view) -> None:
        """Send bytes to a rank; returns when they are on their way. DistBackendError where it is gone."""
        header = _HEADER.pack(group, number, code, len(view))
        try:
            with self._locks[peer]:
                if len(view) < 1 << 16:
                    self._links[peer].sendall(header + bytes(view))
                else:
                    self._links[peer].sendall(header)
                    self._links[peer].sendall(view)
        except OSError:
            time.sleep(0.05)  # the reading thread learns how it ended
            self.mailbox.depart(peer, "died")
            raise DistBackendError(self.mailbox.lost()) from None

    def post(self, peer: int, group: int, number: int, code: int, view, then=None):
        """Begin to wait for bytes from a rank (see `Mailbox.post`)."""
        return self.mailbox.post((peer, group, number), view, code, then)

    def wait(self, slot, timeout: float, ranks=()):
        """Wait for what was posted (see `Mailbox.wait`)."""
        return self.mailbox.wait(slot, timeout, ranks)

    # ---- the end --------------------------------------------------------------------------------------------------

    def close(self, on_purpose: bool = True) -> None:
        """Say goodbye and close all connections; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        for peer, link in self._links.items():
            try:
                if self._locks[peer].acquire(timeout=1):  # kept: nothing is sent after the goodbye
                    link.sendall(_HEADER.pack(0, int(on_purpose), BYE, 0))
                link.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it was gone before
            if peer in self.mailbox.departed:
                link.close()
        # the reading threads end when the others close too; what has arrived stays readable until then

    def _forget(self):
        """In a forked child: the connections are the parent's."""
        self._closed = True
        for link in self._links.values():
            link.close()


def _own_address(store: Store) -> str:
    """The address at which the other ranks reach this one: the one from which this machine reaches the store."""
    root = getattr(store, "_underlying_non_prefix_store", store)
    if isinstance(root, TCPStore):
        found = root.local_address()
        return found or socket.getaddrinfo(root.host or None, 0, family_of(root.host), socket.SOCK_STREAM)[0][4][0]
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"


def _after_fork():
    for transport in list(_alive):
        transport._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
