"""What has arrived from other ranks and what is waited for: the half of a transport that knows no sockets.

A message is known by (sender, group, number): the group's name hashed, and the number of the collective in that group, or the tag of
a point-to-point message. `code` says which collective the sender was in.
"""

import threading
import time
from collections import defaultdict, deque

from .errors import DistBackendError

ANYBODY = -1  # as a sender: whoever sends first
GRACE = 1.5  # seconds to go on waiting for the living, once somebody in the group has died


class Slot:
    """One awaited message: `view` to fill (None: take whatever comes), and who is waiting."""

    __slots__ = ("code", "data", "done", "error", "key", "sender", "then", "view")

    def __init__(self, key, view, code, then=None):
        self.key, self.view, self.code, self.then = key, view, code, then
        self.data, self.done, self.error, self.sender = None, False, None, key[0]


class Mailbox:
    """Arrived messages and awaited ones, each in order."""

    def __init__(self, me: int):
        self.me = me
        self.changed = threading.Condition()
        self.arrived: dict = defaultdict(deque)
        self.awaited: dict = defaultdict(deque)
        self.departed: dict = {}  # rank -> (when, how), in order of time
        self.names: dict = {}  # code -> what it is called

    # ---- the receiving side: called by the threads that read from the other ranks ---------------------------------

    def claim(self, key, code, size):
        """The slot that waits for this message, for its view to be filled directly; None where nobody waits yet."""
        with self.changed:
            slot = self._who_waits(key)
        if slot is not None:
            slot.error = self._misfit(slot, code, size)
        return slot

    def _who_waits(self, key):
        """Take the first slot that waits for the message, from its sender or from anybody."""
        for wanted in (key, (ANYBODY, *key[1:])):
            waiting = self.awaited.get(wanted)
            if waiting:
                slot = waiting.popleft()
                if not waiting:
                    del self.awaited[wanted]
                slot.sender = key[0]
                return slot
        return None

    def _misfit(self, slot, code, size):
        sender = slot.sender
        if code != slot.code:
            return (
                f"rank {sender} called {self.names.get(code, 'another collective')} while rank {self.me} called "
                f"{self.names.get(slot.code, 'another')}: all ranks must call the same collectives in the same order"
            )
        if slot.view is not None and len(slot.view) != size:
            return (
                f"{self.names.get(code, 'message')}: rank {sender} sent {size} bytes where rank {self.me} expects {len(slot.view)}: "
                "shapes and dtypes must be the same on all ranks"
            )
        return None

    def deliver(self, slot, data=None) -> None:
        """The slot's message is there."""
        with self.changed:
            slot.data, slot.done = data, True
            self.changed.notify_all()
        if slot.then is not None:
            slot.then(slot)

    def store(self, key, code, data) -> None:
        """A message came that nobody waited for when it began: keep it, or hand it to who has come since."""
        with self.changed:
            slot = self._who_waits(key)
            if slot is None:
                self.arrived[key].append((code, data))
                return
            self._take(slot, code, data)
            self.changed.notify_all()
        if slot.then is not None:
            slot.then(slot)

    def _take(self, slot, code, data):
        slot.error = self._misfit(slot, code, len(data))
        if slot.error is None:
            if slot.view is None:
                slot.data = data
            else:
                slot.view[:] = data
        slot.done = True

    def depart(self, rank: int, how: str) -> None:
        """`rank` is gone: slots that wait for it fail, unless its messages are here already."""
        failed = []
        with self.changed:
            if rank in self.departed:
                return
            self.departed[rank] = (time.monotonic(), how)
            for key in [k for k in self.awaited if k[0] == rank]:
                for slot in self.awaited.pop(key):
                    slot.error, slot.done = self.lost(), True
                    failed.append(slot)
            self.changed.notify_all()
        for slot in failed:
            if slot.then is not None:
                slot.then(slot)

    def lost(self) -> str:
        """The sentence about who left, the first one first."""
        died = [(when, rank, how) for rank, (when, how) in self.departed.items()]
        died.sort(key=lambda item: (item[2] != "died", item[0]))
        _, rank, how = died[0]
        if how == "died":
            return f"rank {rank} died (its connection to rank {self.me} broke): look at that rank's own output for the cause"
        return f"rank {rank} has left (it {how}) while rank {self.me} still waited for it"

    # ---- the asking side ------------------------------------------------------------------------------------------

    def post(self, key, view, code, then=None) -> Slot:
        """Wait for a message (no blocking): `view` (writable bytes) is filled where given; `then(slot)` is called when it is there."""
        slot = Slot(key, view, code, then)
        with self.changed:
            found = key
            if key[0] == ANYBODY:
                found = next((k for k in self.arrived if k[1:] == key[1:]), key)
            queue = self.arrived.get(found)
            if queue:
                kept_code, data = queue.popleft()
                if not queue:
                    del self.arrived[found]
                slot.sender = found[0]
                self._take(slot, kept_code, data)
            elif key[0] in self.departed:
                slot.error, slot.done = self.lost(), True
            else:
                self.awaited[key].append(slot)
        if slot.done and then is not None:
            then(slot)
        return slot

    def wait(self, slot, timeout: float, ranks=()):
        """Block until the slot's message is there; DistBackendError where it can't come: somebody died, or too late."""
        start = time.monotonic()
        with self.changed:
            while not slot.done:
                now = time.monotonic()
                left = start + timeout - now
                dead = [self.departed[r][0] for r in ranks if r in self.departed and self.departed[r][1] == "died"]
                if dead:
                    left = min(left, max(dead[0], start) + GRACE - now)
                if left <= 0:
                    self._withdraw(slot)
                    name, sender = self.names.get(slot.code, "message"), slot.key[0]
                    if dead:
                        raise DistBackendError(f"{name}: {self.lost()}")
                    raise DistBackendError(
                        f"{name}: Timed out waiting {round(timeout * 1000)}ms for {'any rank' if sender == ANYBODY else f'rank {sender}'} (this is rank {self.me}): "
                        "has it failed, does it call the same collective, is timeout= of init_process_group long enough?"
                    )
                self.changed.wait(left)
        if slot.error:
            raise DistBackendError(slot.error)
        return slot.data

    def _withdraw(self, slot):
        waiting = self.awaited.get(slot.key)
        if waiting and slot in waiting:
            waiting.remove(slot)
