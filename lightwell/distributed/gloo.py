"""The collectives, written once over messages between pairs of ranks: what runs behind the backend 'gloo'.

All arrays are flat and contiguous. For n ranks and b bytes: all-reduce of large arrays goes around a ring in n pieces, so that each rank
sends 2b(n-1)/n bytes whatever n is (Patarasu and Yuan, Bandwidth optimal all-reduce algorithms for clusters of workstations, 2009);
small ones, where the number of steps counts, go directly or along a binomial tree. Every rank ends with the same bits.
"""

import hashlib

import numpy as np

from .errors import DistBackendError
from .mailbox import ANYBODY
from .reduce_op import COMBINE, finish

RING_FROM = 1 << 16  # bytes
DIRECT_UP_TO = 4  # ranks

MESSAGE = 1
_CODES = {name: code for code, name in enumerate("send all_reduce broadcast reduce all_gather gather scatter reduce_scatter all_to_all barrier monitored_barrier".split(), 1)}  # fmt: skip
assert _CODES["send"] == MESSAGE
_FROM_USER = -(1 << 62)  # numbers of point-to-point messages start here, those of collectives at 0


def raw(array):
    """The bytes of a flat array."""
    return array.view(np.uint8).data if array.size else memoryview(bytearray())


class GlooBackend:
    """A group's collectives over a transport; ranks are the group's own, `ranks` their numbers in the world."""

    name = "gloo"

    def __init__(self, transport, group_name: str, ranks, timeout: float):
        self.transport, self.ranks, self.timeout = transport, tuple(ranks), timeout
        self.rank, self.size = self.ranks.index(transport.rank), len(self.ranks)
        self.key = int.from_bytes(hashlib.blake2b(group_name.encode(), digest_size=8).digest(), "little")
        transport.mailbox.names.update((code, name) for name, code in _CODES.items())

    def at(self, what: str, number: int):
        """The collective `what`, the group's `number`-th, ready to exchange messages."""
        return _Exchange(self, _CODES[what], number)

    # ---- collectives ----------------------------------------------------------------------------------------------

    def all_reduce(self, number, x, op):
        """x of all ranks, combined; a new array."""
        talk, n, combine = self.at("all_reduce", number), self.size, COMBINE[op]
        x = x.copy()
        if n == 1:
            return finish(op, x, n)
        if x.nbytes >= RING_FROM and x.size >= n:
            self._ring(talk, x, combine)
        elif n <= DIRECT_UP_TO:
            parts = [np.empty_like(x) for _ in range(n)]
            self._everybody(talk, parts, x)
            x = parts[0]
            for part in parts[1:]:
                combine(x, part, out=x)
        else:
            self._up(talk, x, 0, combine)
            self._down(talk, x, 0)
        return finish(op, x, n)

    def _ring(self, talk, x, combine):
        n, r = self.size, self.rank
        cut = [i * x.size // n for i in range(n + 1)]
        piece = [x[cut[i] : cut[i + 1]] for i in range(n)]
        spare = np.empty(max(p.size for p in piece), x.dtype)
        right, left = (r + 1) % n, (r - 1) % n
        for step in range(n - 1):
            mine, theirs = piece[(r - step) % n], piece[(r - step - 1) % n]
            part = spare[: theirs.size]
            slot = talk.post(left, part)
            talk.send(right, mine)
            talk.wait(slot)
            combine(theirs, part, out=theirs)
        for step in range(n - 1):
            mine, theirs = piece[(r + 1 - step) % n], piece[(r - step) % n]
            slot = talk.post(left, theirs)
            talk.send(right, mine)
            talk.wait(slot)

    def _up(self, talk, x, root, combine):
        """Along a binomial tree to the root: each rank combines its children's values, then sends."""
        n, place, step = self.size, (self.rank - root) % self.size, 1
        while step < n:
            if place & step:
                talk.send((place - step + root) % n, x)
                return
            if place + step < n:
                part = np.empty_like(x)
                talk.wait(talk.post((place + step + root) % n, part))
                combine(x, part, out=x)
            step *= 2

    def _down(self, talk, x, root):
        """From the root along a binomial tree."""
        n, place, step = self.size, (self.rank - root) % self.size, 1
        while step < n and not place & step:
            step *= 2
        if place:
            talk.wait(talk.post((place - step + root) % n, x))
        step //= 2
        while step:
            if place + step < n:
                talk.send((place + step + root) % n, x)
            step //= 2

    def _everybody(self, talk, parts, x):
        """x of rank i into parts[i], for all i, on all ranks."""
        others = [(self.rank + k) % self.size for k in range(1, self.size)]
        slots = [talk.post(i, parts[i]) for i in others]
        for i in others:
            talk.send(i, x)
        parts[self.rank][...] = x
        for slot in slots:
            talk.wait(slot)

    def broadcast(self, number, x, root):
        """The root's x, written into x of all."""
        self._down(self.at("broadcast", number), x, root)

    def reduce(self, number, x, root, op):
        """The combination of all x at the root; None elsewhere."""
        x = x.copy()
        self._up(self.at("reduce", number), x, root, COMBINE[op])
        return finish(op, x, self.size) if self.rank == root else None

    def all_gather(self, number, parts, x):
        """x of rank i into parts[i] on all ranks."""
        self._everybody(self.at("all_gather", number), parts, x)

    def gather(self, number, parts, x, root):
        """x of rank i into parts[i] at the root."""
        talk = self.at("gather", number)
        if self.rank != root:
            talk.send(root, x)
            return
        slots = [talk.post(i, parts[i]) for i in range(self.size) if i != root]
        parts[root][...] = x
        for slot in slots:
            talk.wait(slot)

    def scatter(self, number, x, parts, root):
        """The root's parts[i] into x of rank i."""
        talk = self.at("scatter", number)
        if self.rank != root:
            talk.wait(talk.post(root, x))
            return
        for i in range(self.size):
            if i != root:
                talk.send(i, parts[i])
        x[...] = parts[root]

    def reduce_scatter(self, number, parts, op):
        """The combination of all ranks' parts[i], at rank i."""
        talk, combine = self.at("reduce_scatter", number), COMBINE[op]
        mine = parts[self.rank]
        came = [mine if i == self.rank else np.empty_like(mine) for i in range(self.size)]
        self._swap(talk, came, parts)
        x = came[0].copy()
        for part in came[1:]:
            combine(x, part, out=x)
        return finish(op, x, self.size)

    def all_to_all(self, number, came, parts):
        """Rank i's parts[j] into came[i] of rank j."""
        self._swap(self.at("all_to_all", number), came, parts)
        came[self.rank][...] = parts[self.rank]

    def _swap(self, talk, came, parts):
        others = [(self.rank + k) % self.size for k in range(1, self.size)]
        slots = [talk.post(i, came[i]) for i in others]
        for i in others:
            talk.send(i, parts[i])
        for slot in slots:
            talk.wait(slot)

    def barrier(self, number, timeout=None):
        """Return when all ranks have called it: after log₂ n rounds each has heard of all."""
        talk, nothing, step = self.at("barrier", number), np.empty(0, np.uint8), 1
        talk.timeout = timeout or talk.timeout
        while step < self.size:
            slot = talk.post((self.rank - step) % self.size, nothing)
            talk.send((self.rank + step) % self.size, nothing)
            talk.wait(slot)
            step *= 2

    def monitored_barrier(self, number, timeout, wait_all):
        """A barrier through rank 0, which names the ranks that did not come."""
        talk, nothing = self.at("monitored_barrier", number), np.empty(0, np.uint8)
        talk.timeout = timeout
        if self.rank:
            talk.send(0, nothing)
            talk.timeout = timeout + 5  # rank 0 gives up first, and says who is missing
            talk.wait(talk.post(0, nothing))
            return
        missing = []
        slots = [(i, talk.post(i, nothing)) for i in range(1, self.size)]
        for i, slot in slots:
            try:
                talk.wait(slot)
                talk.timeout = timeout
            except DistBackendError:
                missing.append(i)
                talk.timeout = 0.1  # the others have had as long
                if not wait_all:
                    break
        if missing:
            who = f"Rank {missing[0]}" if len(missing) == 1 else f"Ranks {', '.join(map(str, missing))}"
            raise DistBackendError(f"[Rank 0]: {who} failed to pass monitoredBarrier in {round(timeout * 1000)} ms")
        for i, _ in slots:
            talk.send(i, nothing)

    # ---- messages -------------------------------------------------------------------------------------------------

    def send(self, x, peer, tag):
        """Send x to a rank."""
        self.transport.send(self.ranks[peer], self.key, _FROM_USER + tag, MESSAGE, raw(x))

    def receive(self, x, peer, tag, then):
        """Have x filled by a rank's message (any rank's where `peer` is None); `then(error or None, sender)` is called when it is."""
        sender = ANYBODY if peer is None else self.ranks[peer]

        def arrived(slot):
            error = None if slot.error is None else DistBackendError(slot.error)
            then(error, self.ranks.index(slot.sender) if slot.sender in self.ranks else None)

        self.transport.post(sender, self.key, _FROM_USER + tag, MESSAGE, raw(x), arrived)


class _Exchange:
    """One collective's messages."""

    def __init__(self, backend, code, number):
        self.transport, self.key, self.ranks = backend.transport, backend.key, backend.ranks
        self.timeout, self.code, self.number = backend.timeout, code, number

    def send(self, peer, x):
        """Send an array to a rank of the group."""
        self.transport.send(self.ranks[peer], self.key, self.number, self.code, raw(x))

    def post(self, peer, x):
        """Begin to receive an array from a rank of the group."""
        return self.transport.post(self.ranks[peer], self.key, self.number, self.code, raw(x))

    def wait(self, slot):
        """Wait for what was posted."""
        self.transport.wait(slot, self.timeout, self.ranks)
