"""One agent per process: it calls functions on other workers, answers their calls, and keeps count of what they refer to.

Every pair of workers has a connection per direction, opened at the first call by the one who calls and proved with a secret from
the store, since what arrives is executed. A request is (number, what, context of distributed autograd); its answer goes back on the
same connection. User functions run on a pool of threads; a value that isn't there yet occupies none of them.
"""

import collections
import itertools
import pickle
import queue
import secrets
import threading
import time
import traceback
from multiprocessing.connection import Client, Listener

from ...errors.teaching import RuntimeError
from ...futures import Future
from .. import autograd as distributed_autograd
from ..transport import _own_address
from .wire import decode, encode, pack, unpack

_BUILTINS = (TypeError, ValueError, KeyError, IndexError, AttributeError, ZeroDivisionError, NotImplementedError, AssertionError, OSError)


class WorkerInfo:
    """A worker's name and number."""

    def __init__(self, name: str, id: int):
        self.name, self.id = name, id

    def __repr__(self):
        return f"WorkerInfo(id={self.id}, name={self.name})"

    def __eq__(self, other):
        return isinstance(other, WorkerInfo) and (self.name, self.id) == (other.name, other.id)

    def __hash__(self):
        return hash((self.name, self.id))


class Pending:
    """What a function decorated with `async_execution` gives: the answer is sent when the future is set."""

    def __init__(self, future):
        self.future = future


def settle(future: Future, value, error) -> None:
    """Set a future's value, or its error where there is one."""
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


def outcome(future: Future):
    """(value, error) of a future that is done."""
    try:
        return future.value(), None
    except Exception as error:
        return None, error


class _Link:
    """A connection and the lock that keeps messages whole."""

    def __init__(self, connection):
        self.connection, self.lock = connection, threading.Lock()

    def send(self, head: tuple, body: bytes, buffers) -> None:
        with self.lock:
            self.connection.send_bytes(pickle.dumps((head, len(buffers))))
            self.connection.send_bytes(body)
            for b in buffers:
                self.connection.send_bytes(b)

    def receive(self):
        head, count = pickle.loads(self.connection.recv_bytes())
        return head, self.connection.recv_bytes(), [self.connection.recv_bytes() for _ in range(count)]


class Agent:
    """The worker `name`, number `rank` of `size`."""

    def __init__(self, name, rank, size, store, threads, timeout):
        self.rank, self.size, self.timeout = rank, size, timeout
        self.store = store
        self.values: dict = {}  # the values this worker owns, by their reference's id; futures
        self.forks: dict = {}  # who refers to each of them
        self._early: set = set()  # references that ended before word of their making came
        self._ended: collections.deque = collections.deque()  # see drop
        self._numbers = itertools.count()
        self._waiting: dict = {}  # number -> (future, worker, time limit or None)
        self._guard = threading.Lock()  # of the tables above
        self._links: dict = {}
        self._closing = False
        self._jobs: queue.SimpleQueue = queue.SimpleQueue()
        host = _own_address(store)
        if rank == 0:
            store.set("secret", secrets.token_bytes(32))
        self._secret = store.get("secret")
        self._listener = Listener((host, 0), backlog=max(16, size), authkey=self._secret)
        store.set(f"worker/{rank}", f"{name}\n{host}\n{self._listener.address[1]}")
        told = [store.get(f"worker/{r}").decode().split("\n") for r in range(size)]
        self.workers = [WorkerInfo(n, r) for r, (n, _, _) in enumerate(told)]
        self._addresses = [(h, int(p)) for _, h, p in told]
        names = [w.name for w in self.workers]
        if len(set(names)) < size:
            self._listener.close()
            raise RuntimeError(f"init_rpc(): the workers' names must differ, but they are {names}: each is called by its name")
        self.me = self.workers[rank]
        for target in [self._accept, self._tick] + [self._work] * threads:
            threading.Thread(target=target, daemon=True, name="lightwell-rpc").start()

    def find(self, to) -> WorkerInfo:
        """A worker by its name, number or WorkerInfo; RuntimeError where there is none, with the names that there are."""
        if isinstance(to, WorkerInfo):
            to = to.id
        if isinstance(to, int) and 0 <= to < self.size:
            return self.workers[to]
        for worker in self.workers:
            if worker.name == to:
                return worker
        raise RuntimeError(f"rpc: there is no worker {to!r}; the workers are {[w.name for w in self.workers]}")

    def new_id(self) -> tuple:
        """A name that no other worker gives."""
        return self.rank, next(self._numbers)

    # ---- calling ------------------------------------------------------------------------------------------------------

    def call(self, to: WorkerInfo, function, args=(), kwargs=None, timeout: float = -1, inline=False) -> Future:
        """Have `function(*args, **kwargs)` run by worker `to`; a future of what it returns.

        RuntimeError in the future where the worker is gone or took longer than `timeout` seconds (-1: the agent's own, 0: no limit).
        `inline`: run at once, in the order of sending; for short functions of this package.
        """
        future, number = Future(), next(self._numbers)
        seconds = self.timeout if timeout in (-1, None) else timeout
        limit = time.monotonic() + seconds if seconds else None
        body, tensors, references = encode((function, tuple(args), kwargs or {}), to.id)
        linked = distributed_autograd.send(to.id, tensors)
        packed = [pack(t) for t in tensors]
        head = ("call", number, inline, linked, [told for told, _ in packed], references)
        with self._guard:
            self._waiting[number] = (future, to, limit)
        try:
            if to.id == self.rank:
                self._arrive(self.rank, None, head, body, [bytes(m) for _, m in packed])
            else:
                self._link(to.id).send(head, body, [m for _, m in packed])
        except (OSError, EOFError) as error:
            self._settle(number, None, RuntimeError(f"rpc: worker {to.name!r} can't be reached: {error}"))
        return future

    def _link(self, rank) -> _Link:
        with self._guard:
            link = self._links.get(rank)
        if link is not None:
            return link
        made = _Link(Client(self._addresses[rank], authkey=self._secret))
        made.send(("hello", self.rank), b"", [])
        with self._guard:
            link = self._links.setdefault(rank, made)
        if link is made:
            threading.Thread(target=self._read, args=(rank, link), daemon=True, name="lightwell-rpc").start()
        else:
            made.connection.close()
        return link

    def _settle(self, number, value, error):
        with self._guard:
            entry = self._waiting.pop(number, None)
        if entry is not None:  # else it came too late
            settle(entry[0], value, error)

    # ---- threads ------------------------------------------------------------------------------------------------------

    def _accept(self):
        """Take the connections of other workers."""
        while not self._closing:
            try:
                link = _Link(self._listener.accept())
                (_, rank), _, _ = link.receive()
            except Exception:  # somebody who doesn't know the secret, or the listener was closed
                continue
            threading.Thread(target=self._read, args=(rank, link), daemon=True, name="lightwell-rpc").start()

    def _read(self, rank, link):
        """Take what arrives on one connection, until it ends."""
        while True:
            try:
                message = link.receive()
            except (OSError, EOFError):
                break
            self._arrive(rank, link, *message)
        if self._closing:
            return
        with self._guard:
            if self._links.get(rank) is link:
                del self._links[rank]
            lost = [n for n, (_, to, _) in self._waiting.items() if to.id == rank] if rank not in self._links else []
        for number in lost:
            self._settle(number, None, RuntimeError(f"rpc: worker {self.workers[rank].name!r} ended before it answered"))

    def _work(self):
        """Run what was asked for, one after the other."""
        while True:
            job = self._jobs.get()
            if job is None:
                return
            job()

    def _tick(self):
        """Now and then: tell owners which references ended, and give up calls that took too long."""
        while not self._closing:
            time.sleep(0.05)
            while self._ended:
                owner, rref, fork = self._ended.popleft()
                if owner == self.rank:
                    self.forget(rref, fork)
                else:
                    self.call(self.workers[owner], _forget, (rref, fork), inline=True)
            now = time.monotonic()
            with self._guard:
                late = [(n, to) for n, (_, to, limit) in self._waiting.items() if limit is not None and limit < now]
            for number, to in late:
                self._settle(
                    number,
                    None,
                    RuntimeError(f"RPC ran for more than set timeout and will now be marked with an error (worker {to.name!r})"),
                )

    # ---- answering ----------------------------------------------------------------------------------------------------

    def _arrive(self, rank, link, head, body, buffers):
        kind, number, *rest = head
        if kind == "answer":
            self._answered(rank, number, rest, body, buffers)
            return
        inline = rest[0]
        job = lambda: self._run(rank, link, number, rest, body, buffers)
        if inline:
            job()
        else:
            self._jobs.put(job)

    def _unpacked(self, rank, linked, told, references, body, buffers):
        from .rref import RRef

        tensors = [unpack(t, b) for t, b in zip(told, buffers)]
        tensors = distributed_autograd.receive(rank, linked, tensors) if linked else tensors
        return decode(body, tensors, [RRef._arrived(*r) for r in references])

    def _run(self, rank, link, number, rest, body, buffers):
        """Run one request and answer it."""
        _, linked, told, references = rest
        with distributed_autograd.within(linked):
            try:
                function, args, kwargs = self._unpacked(rank, linked, told, references, body, buffers)
                result = function(*args, **kwargs)
                if getattr(function, "_answers_later", False):
                    result = Pending(result)
            except BaseException as error:
                self._answer(rank, link, number, linked, None, error)
                return
        if not isinstance(result, Pending):
            self._answer(rank, link, number, linked, result, None)
        elif isinstance(result.future, Future):
            result.future.add_done_callback(lambda f: self._answer(rank, link, number, linked, *outcome(f)))
        else:
            error = RuntimeError(
                f"Functions decorated with @rpc.functions.async_execution must return a torch.futures.Future, not {result.future!r}"
            )
            self._answer(rank, link, number, linked, None, error)

    def _answer(self, rank, link, number, linked, value, error):
        with distributed_autograd.within(linked):
            try:
                if error is not None:
                    value = self._told(error)
                body, tensors, references = encode((error is None, value), rank)
            except Exception as problem:
                error = problem
                body, tensors, references = encode((False, self._told(problem)), rank)
            packed = [pack(t) for t in tensors]
            head = ("answer", number, distributed_autograd.send(rank, tensors), [told for told, _ in packed], references)
        if link is None:
            self._answered(rank, number, head[2:], body, [bytes(m) for _, m in packed])
            return
        try:
            link.send(head, body, [m for _, m in packed])
        except (OSError, EOFError):
            pass  # who asked is gone, and learns of it by itself

    def _told(self, error):
        """(name of a built-in exception type, message with the traceback)."""
        known = next((t for t in _BUILTINS if t in (type(error), getattr(error, "plain", None))), RuntimeError)
        text = "".join(traceback.format_exception(error))
        return known.__name__, f"On {self.me}:\n{type(error).__name__}: {error}\n{text}"

    def _answered(self, rank, number, rest, body, buffers):
        linked, told, references = rest
        try:
            good, value = self._unpacked(rank, linked, told, references, body, buffers)
        except Exception as error:
            good, value = False, ("RuntimeError", f"rpc: the answer of {self.workers[rank].name!r} can't be read here: {error!r}")
        if good:
            self._settle(number, value, None)
        else:
            kinds = {t.__name__: t for t in _BUILTINS}
            self._settle(number, None, kinds.get(value[0], RuntimeError)(value[1]))

    # ---- what others refer to -----------------------------------------------------------------------------------------

    def value(self, rref) -> Future:
        """The future of a value that this worker owns, or will."""
        with self._guard:
            return self.values.setdefault(rref, Future())

    def note(self, rref, fork) -> None:
        """Somebody has a reference to a value of this worker's."""
        with self._guard:
            if (rref, fork) in self._early:
                self._early.discard((rref, fork))
            else:
                self.forks.setdefault(rref, set()).add(fork)

    def forget(self, rref, fork) -> None:
        """A reference ended; with the last of them the value goes."""
        with self._guard:
            known = self.forks.get(rref, ())
            if fork not in known:
                self._early.add((rref, fork))
                return
            known.discard(fork)
            if not known:
                del self.forks[rref]
                self.values.pop(rref, None)

    def drop(self, owner, rref, fork) -> None:
        """A reference of this process ended; called by the garbage collector, which may interrupt anything: so only noted here."""
        self._ended.append((owner, rref, fork))

    # ---- the end ------------------------------------------------------------------------------------------------------

    def finish(self, graceful: bool, timeout: float) -> None:
        """Stop; if `graceful`, when no worker has calls on their way any more."""
        if graceful:
            until = time.monotonic() + timeout if timeout else None
            for turn in ("quiet", "done"):
                while self._waiting:
                    if until is not None and time.monotonic() > until:
                        raise RuntimeError(f"rpc.shutdown(): calls are still unanswered after {timeout} s")
                    time.sleep(0.002)
                self.store.barrier(f"shutdown/{turn}", self.size)
            left = self.store.add("shutdown/left", 1)
            while self.rank == 0 and left < self.size and (until is None or time.monotonic() < until):  # rank 0 may hold the store
                time.sleep(0.005)
                left = self.store.add("shutdown/left", 0)
        self._closing = True
        self._listener.close()
        for link in self._links.values():
            link.connection.close()
        while not self._jobs.empty():
            self._jobs.get_nowait()
        for _ in range(64):
            self._jobs.put(None)


current: Agent | None = None


def agent() -> Agent:
    """This process's agent; RuntimeError before `init_rpc`."""
    if current is None:
        raise RuntimeError("RPC has not been initialized. Call torch.distributed.rpc.init_rpc first.")
    return current


def _forget(rref, fork):
    agent().forget(rref, fork)


def _note(rref, fork):
    agent().note(rref, fork)
