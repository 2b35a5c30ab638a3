"""The agent: starts this machine's processes, watches them, ends the others when one fails, and starts anew while it may.

Agents of several machines meet in a TCPStore, which the first of them keeps; it serves their processes' rendezvous too.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from ..errors import DistNetworkError
from ..store import PrefixStore
from ..tcp_store import TCPStore
from .multiprocessing.errors import ChildFailedError, ProcessFailure

LAST_CALL = 30.0  # seconds that a run which could begin waits for more machines


@dataclass
class LaunchConfig:
    """What is to be started where."""

    min_nodes: int = 1
    max_nodes: int = 1
    nproc_per_node: int = 1
    node_rank: int | None = None  # None: in order of arrival
    host: str = "localhost"
    port: int = 0
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    max_restarts: int = 0
    monitor_interval: float = 0.1
    start_timeout: float = 600.0
    log_dir: str | None = None
    redirects: str = "0"
    tee: str = "0"
    local_ranks_filter: tuple | None = None
    pass_local_rank: bool = False
    role: str = "default"


class Agent:
    """Runs `command` as the processes that `config` asks for."""

    def __init__(self, config: LaunchConfig, command: list, name: str):
        self.config, self.command, self.name = config, command, name
        self.processes: list = []
        self.pumps: list = []
        self.logs = config.log_dir or tempfile.mkdtemp(prefix="lightwell_run_")
        self.table = self._open_store()
        self.store = PrefixStore(f"agents/{config.run_id}", self.table)

    def _open_store(self):
        c = self.config
        wait = timedelta(seconds=c.start_timeout)
        first = c.node_rank == 0 or c.max_nodes == 1 or (c.node_rank is None and _is_here(c.host))
        if first:
            try:
                return TCPStore(c.host, c.port, is_master=True, timeout=wait, wait_for_workers=False)
            except DistNetworkError:
                if c.node_rank is not None or c.max_nodes == 1:
                    raise
        return TCPStore(c.host, c.port, timeout=wait, wait_for_workers=False)

    # ---- who is there ---------------------------------------------------------------------------------------------

    def _meet(self, attempt: int):
        """(this machine's number, processes of each machine) once all have come."""
        c, key = self.config, f"{attempt}"
        if c.max_nodes == 1:
            return 0, [c.nproc_per_node]
        node = self.store.add(f"{key}/come", 1) - 1
        if c.node_rank is not None:
            node = c.node_rank
        self.store.set(f"{key}/nproc/{node}", str(c.nproc_per_node))
        if node == 0:
            enough = None
            while (come := self.store.add(f"{key}/come", 0)) < c.max_nodes:
                enough = enough or (time.monotonic() if come >= c.min_nodes else None)
                if enough and time.monotonic() - enough > LAST_CALL:
                    break
                time.sleep(0.1)
            self.store.set(f"{key}/nodes", str(come))
        nodes = int(self.store.get(f"{key}/nodes"))
        if node >= nodes:
            raise DistNetworkError(f"the run {c.run_id} has begun with {nodes} machines, without this one")
        return node, [int(self.store.get(f"{key}/nproc/{i}")) for i in range(nodes)]

    # ---- running --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run to the end; ChildFailedError where a process failed and no restart is left."""
        caught = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                caught[number] = signal.signal(number, _stop)
        try:
            for attempt in range(self.config.max_restarts + 1):
                failures = self._attempt(attempt)
                if not failures:
                    return self._leave(attempt)
                if attempt < self.config.max_restarts:
                    print(
                        f"lightwell.distributed.run: {_short(failures)}; starting anew ({attempt + 1} of {self.config.max_restarts})",
                        file=sys.stderr,
                    )
            if isinstance(failures, Elsewhere):
                raise DistNetworkError(_short(failures))
            raise ChildFailedError(self.name, failures)
        finally:
            self._end()
            for number, handler in caught.items():
                signal.signal(number, handler)

    def _attempt(self, attempt):
        node, counts = self._meet(attempt)
        self._start(attempt, node, counts)
        first = sum(counts[:node])
        try:
            failures = self._watch(attempt, first)
        finally:
            self._end()
        if failures and len(counts) > 1 and not isinstance(failures, Elsewhere):
            self.store.set(f"{attempt}/failed", _short(failures))
        return failures

    def _start(self, attempt, node, counts):
        c = self.config
        first, world = sum(counts[:node]), sum(counts)
        for local in range(c.nproc_per_node):
            folder = os.path.join(self.logs, c.run_id, f"attempt_{attempt}", str(local))
            os.makedirs(folder, exist_ok=True)
            env = dict(
                os.environ, RANK=first + local, LOCAL_RANK=local, WORLD_SIZE=world, LOCAL_WORLD_SIZE=c.nproc_per_node, GROUP_RANK=node,
                GROUP_WORLD_SIZE=len(counts), ROLE_RANK=first + local, ROLE_WORLD_SIZE=world, ROLE_NAME=c.role,
                MASTER_ADDR=c.host, MASTER_PORT=self.table.port, TORCHELASTIC_RUN_ID=c.run_id,
                TORCHELASTIC_RESTART_COUNT=attempt, TORCHELASTIC_MAX_RESTARTS=c.max_restarts, TORCHELASTIC_USE_AGENT_STORE=True,
                TORCHELASTIC_ERROR_FILE=os.path.join(folder, "error.json"),
            )  # fmt: skip
            if c.nproc_per_node > 1:
                env.setdefault("OMP_NUM_THREADS", 1)
            command = [*self.command, *([f"--local-rank={local}"] if c.pass_local_rank else [])]
            streams = {kind: self._stream(folder, local, kind, bit) for kind, bit in (("stdout", 1), ("stderr", 2))}
            process = subprocess.Popen(command, env={k: str(v) for k, v in env.items()}, **streams)
            for kind, file in streams.items():
                if file is subprocess.PIPE:
                    pump = threading.Thread(target=_pump, args=(getattr(process, kind), folder, kind, local), daemon=True)
                    pump.start()
                    self.pumps.append(pump)
                elif file is not None:
                    file.close()
            process.place = local, env["TORCHELASTIC_ERROR_FILE"]
            self.processes.append(process)

    def _stream(self, folder, local, kind, bit):
        """Where a process's output goes: None for this one's own."""
        if _asked(self.config.tee, local) & bit:
            return subprocess.PIPE
        if _asked(self.config.redirects, local) & bit:
            return open(os.path.join(folder, f"{kind}.log"), "wb")
        return None

    def _watch(self, attempt, first):
        """Wait for all to end well ({}), or for one to fail (its ProcessFailure, by rank)."""
        looked = time.monotonic()
        while True:
            codes = [p.poll() for p in self.processes]
            bad = [i for i, code in enumerate(codes) if code]
            if bad:
                time.sleep(0.2)  # those that fail at the same time are told together, the first to end first
                return {first + i: self._failure(i) for i in bad}
            if all(code == 0 for code in codes):
                return {}
            if self.config.max_nodes > 1 and time.monotonic() - looked > 1:
                looked = time.monotonic()
                if self.store.check([f"{attempt}/failed"]):
                    return Elsewhere(self.store.get(f"{attempt}/failed").decode())
            time.sleep(self.config.monitor_interval)

    def _failure(self, i):
        process = self.processes[i]
        local, file = process.place
        return ProcessFailure(local, process.pid, process.returncode, file)

    def _end(self):
        """End whatever runs still: asked first, forced after five seconds."""
        for p in self.processes:
            if p.poll() is None:
                p.terminate()
        until = time.monotonic() + 5
        for p in self.processes:
            try:
                p.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        for pump in self.pumps:
            pump.join(2)
        self.processes, self.pumps = [], []

    def _leave(self, attempt):
        """The machine that keeps the store leaves last."""
        if self.config.max_nodes > 1:
            try:
                nodes = int(self.store.get(f"{attempt}/nodes"))
                self.store.barrier(f"{attempt}/end", nodes, timedelta(seconds=60))
                if self.table._server is not None:
                    time.sleep(0.5)
            except RuntimeError:
                pass  # the others are gone


class Elsewhere(str):
    """What another machine's agent said about a failure there."""


def _short(failures) -> str:
    if isinstance(failures, Elsewhere):
        return f"on another machine {failures}"
    return ", ".join(f"rank {r} failed with exit code {f.exitcode}" for r, f in failures.items())


def _stop(number, frame):
    raise SystemExit(128 + number)


def _asked(text: str, local: int) -> int:
    """What '3' or '0:1,1:2' asks for a local rank: 0 nothing, 1 stdout, 2 stderr, 3 both."""
    if ":" not in text:
        return int(text)
    return {int(k): int(v) for k, v in (part.split(":") for part in text.split(","))}.get(local, 0)


def _pump(pipe, folder, kind, local):
    """Copy a process's output to its file and, with its rank in front, to this one's."""
    with pipe, open(os.path.join(folder, f"{kind}.log"), "wb") as file:
        for line in pipe:
            file.write(line)
            shown = getattr(sys, kind)
            shown.write(f"[default{local}]:{line.decode(errors='replace')}")
            shown.flush()


def _is_here(host: str) -> bool:
    """Whether `host` is this machine."""
    if host in ("localhost", "127.0.0.1", "::1", socket.gethostname(), socket.getfqdn()):
        return True
    try:
        address = socket.gethostbyname(host)
        with socket.create_server((address, 0)):
            return True
    except OSError:
        return False
