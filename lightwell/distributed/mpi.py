"""The backend 'mpi': the same collectives through mpi4py, for machines whose network MPI knows best.

Ranks and size are MPI's: start the script with `mpiexec -n 4 python -m lightwell script.py`. Types that MPI does not know (bfloat16, float16,
float8) travel as bytes and are combined here, in the order of ranks.
"""

import atexit
import builtins
import threading
import time

import numpy as np

from ..errors.teaching import RuntimeError
from .errors import DistBackendError
from .reduce_op import COMBINE, RedOpType, finish

_NATIVE = frozenset("bBhHiIlLqQfdFD")


def _mpi():
    """mpi4py's MPI module, not initialised by its import."""
    import mpi4py

    mpi4py.rc.initialize = False
    mpi4py.rc.finalize = False
    from mpi4py import MPI

    return MPI


def library_found() -> bool:
    """Whether mpi4py finds an MPI library."""
    try:
        _mpi()
    except (ImportError, builtins.RuntimeError):
        return False
    return True


def _finalize():
    MPI = _mpi()
    if MPI.Is_initialized() and not MPI.Is_finalized():
        MPI.Finalize()


class MPIBackend:
    """A group's collectives over an MPI communicator (the world's for None); all arrays are flat and contiguous."""

    name = "mpi"

    def __init__(self, comm, timeout: float):
        self.MPI = MPI = _mpi()
        if not MPI.Is_initialized():
            if MPI.Init_thread(MPI.THREAD_MULTIPLE) < MPI.THREAD_MULTIPLE:
                raise RuntimeError(
                    "backend 'mpi': this MPI library does not allow several threads (MPI_THREAD_MULTIPLE), which is needed here"
                )
            atexit.register(_finalize)
        self.comm = MPI.COMM_WORLD.Dup() if comm is None else comm
        self.rank, self.size, self.timeout = self.comm.Get_rank(), self.comm.Get_size(), timeout
        self.ranks = tuple(range(self.size))
        self._pending: list = []
        self._lock = threading.Lock()

    def subgroup(self, ranks, timeout: float):
        """The backend of some of the ranks; None for those outside."""
        if self.rank not in ranks:
            return None
        return MPIBackend(self.comm.Create_group(self.comm.Get_group().Incl(list(ranks))), timeout)

    def _op(self, op):
        MPI = self.MPI
        return {
            RedOpType.SUM: MPI.SUM, RedOpType.AVG: MPI.SUM, RedOpType.PRODUCT: MPI.PROD, RedOpType.MIN: MPI.MIN, RedOpType.MAX: MPI.MAX,
            RedOpType.BAND: MPI.BAND, RedOpType.BOR: MPI.BOR, RedOpType.BXOR: MPI.BXOR,
        }[op]  # fmt: skip

    def _bytes(self, x):
        return [x.view(np.uint8) if x.size else np.empty(0, np.uint8), self.MPI.BYTE]

    # ---- collectives ----------------------------------------------------------------------------------------------

    def all_reduce(self, number, x, op):
        """x of all ranks, combined; a new array."""
        if x.dtype.char in _NATIVE:
            out = np.empty_like(x)
            self.comm.Allreduce(x, out, self._op(op))
            return finish(op, out, self.size)
        parts = [np.empty_like(x) for _ in range(self.size)]
        self.all_gather(number, parts, x)
        return self._combined(parts, op)

    def _combined(self, parts, op):
        out = parts[0].copy()
        for part in parts[1:]:
            COMBINE[op](out, part, out=out)
        return finish(op, out, self.size)

    def broadcast(self, number, x, root):
        """The root's x, written into x of all."""
        self.comm.Bcast(self._bytes(x), root)

    def reduce(self, number, x, root, op):
        """The combination of all x at the root; None elsewhere."""
        if x.dtype.char in _NATIVE:
            out = np.empty_like(x) if self.rank == root else None
            self.comm.Reduce(x, out, self._op(op), root)
            return None if out is None else finish(op, out, self.size)
        parts = [np.empty_like(x) for _ in range(self.size)]
        self.gather(number, parts, x, root)
        return self._combined(parts, op) if self.rank == root else None

    def all_gather(self, number, parts, x):
        """x of rank i into parts[i] on all ranks."""
        room = np.empty(self.size * x.nbytes, np.uint8)
        self.comm.Allgather(self._bytes(x), [room, x.nbytes, self.MPI.BYTE])
        self._spread(parts, room)

    def _spread(self, parts, room):
        at = 0
        for part in parts:
            part[...] = room[at : at + part.nbytes].view(part.dtype)
            at += part.nbytes

    def gather(self, number, parts, x, root):
        """x of rank i into parts[i] at the root."""
        room = np.empty(self.size * x.nbytes, np.uint8) if self.rank == root else None
        self.comm.Gather(self._bytes(x), None if room is None else [room, x.nbytes, self.MPI.BYTE], root)
        if room is not None:
            self._spread(parts, room)

    def scatter(self, number, x, parts, root):
        """The root's parts[i] into x of rank i."""
        given = [np.concatenate([self._bytes(p)[0] for p in parts]), x.nbytes, self.MPI.BYTE] if self.rank == root else None
        self.comm.Scatter(given, self._bytes(x), root)

    def all_to_all(self, number, came, parts):
        """Rank i's parts[j] into came[i] of rank j."""
        given = np.concatenate([self._bytes(p)[0] for p in parts])
        room = np.empty(sum(p.nbytes for p in came), np.uint8)
        self.comm.Alltoallv([given, [p.nbytes for p in parts], self.MPI.BYTE], [room, [p.nbytes for p in came], self.MPI.BYTE])
        self._spread(came, room)

    def reduce_scatter(self, number, parts, op):
        """The combination of all ranks' parts[i], at rank i."""
        came = [np.empty_like(parts[self.rank]) for _ in range(self.size)]
        self.all_to_all(number, came, parts)
        return self._combined(came, op)

    def barrier(self, number, timeout=None):
        """Return when all ranks have called it; DistBackendError at the timeout."""
        request, until = self.comm.Ibarrier(), time.monotonic() + (timeout or self.timeout)
        while not request.Test():
            if time.monotonic() > until:
                raise DistBackendError(
                    f"barrier: Timed out after {timeout or self.timeout} s: not all ranks have come (this is rank {self.rank})"
                )
            time.sleep(0.0002)

    def monitored_barrier(self, number, timeout, wait_all):
        """A barrier with a timeout: MPI does not say which rank is missing."""
        self.barrier(number, timeout)

    # ---- messages -------------------------------------------------------------------------------------------------

    def send(self, x, peer, tag):
        """Send x to a rank."""
        self.comm.Send(self._bytes(x), peer, tag)

    def receive(self, x, peer, tag, then):
        """Have x filled by a rank's message (any rank's for None); `then(error or None, sender)` is called when it is."""
        request = self.comm.Irecv(self._bytes(x), self.MPI.ANY_SOURCE if peer is None else peer, tag)
        with self._lock:
            self._pending.append((request, x, then))
            if len(self._pending) == 1:
                threading.Thread(target=self._watch, daemon=True, name="lightwell-mpi").start()

    def _watch(self):
        """See to the messages that are awaited, until none is."""
        while True:
            with self._lock:
                pending = list(self._pending)
            for entry in pending:
                status = self.MPI.Status()
                try:
                    if not entry[0].Test(status):
                        continue
                    error = None
                except self.MPI.Exception as caught:
                    error = DistBackendError(f"recv: {caught}")
                with self._lock:
                    self._pending.remove(entry)
                    done = not self._pending
                entry[2](error, None if error else status.Get_source())
                if done:
                    return
            time.sleep(0.0002)

    def close(self) -> None:
        """Give the communicator up."""
        self.comm.Free()
