"""The engines that are compared, each in a process of its own: only the one that is asked runs, the others are stopped.

A library's idle threads may spin for milliseconds after their work, and an allocator's habits last as long as its process, so
engines never share one. `Worker` is the asking side; `serve` the answering one, one JSON line each way.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINES = {
    "torch": "PyTorch eager",
    "torch.compile": "torch.compile",
    "jax": "jax.jit",
    "eager": "lightwell eager",
    "compiled": "lightwell compiled",
}
PEERS = ("torch", "torch.compile", "jax")
DISTURBED = 0.08  # a round is run again where other processes took a larger share of the machine
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Failed(Exception):
    """An engine could not do what it was asked; the message says why."""


# The asking side.


def _ticks(pid: int | None) -> tuple[float, float, float]:
    """(the clock, the machine's busy seconds, those of one process); zeros where the system doesn't say."""
    try:
        hertz = os.sysconf("SC_CLK_TCK")
        user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
        own = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] if pid else (0, 0)
        return time.perf_counter(), (user + nice + system + irq + softirq + steal) / hertz, sum(map(int, own)) / hertz
    except (OSError, ValueError):
        return time.perf_counter(), 0.0, 0.0


def _others(before, after) -> float:
    """The share of the machine that other processes took between two calls of _ticks."""
    clock, busy, own = (b - a for a, b in zip(before, after))
    return max(0.0, busy - own) / (clock * (os.cpu_count() or 1))


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a stopped worker would not see its input end


class Worker:
    """A process that runs one engine; `script` answers `--serve ENGINE`. `caches` is the folder of compiled kernels."""

    def __init__(self, engine: str, script: str, caches: str | None = None):
        more = {"JAX_PLATFORMS": "cpu", "PYTHONUNBUFFERED": "1"}
        if engine not in ("eager", "compiled"):
            more["LIGHTWELL_MALLOC"] = "system"  # JAX's worker takes its first weights from lightwell
        if caches is not None:
            more |= {"LIGHTWELL_CACHE": f"{caches}/lightwell", "TORCHINDUCTOR_CACHE_DIR": f"{caches}/inductor"}
        self.engine = engine
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, script, "--serve", engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=os.environ | more, preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )  # fmt: skip

    def ask(self, do: str, **what):
        """The answer to one request; Failed with the worker's reason."""
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(json.dumps({"do": do, **what}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.log.seek(0)
            raise Failed(f"{self.engine} ended: " + " / ".join(self.log.read().strip().splitlines()[-3:]))
        self.process.send_signal(signal.SIGSTOP)
        answer = json.loads(line)
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer["answer"]

    def ask_undisturbed(self, do: str, patience: float = 0.0, **what):
        """Ask until other processes left the machine alone meanwhile, for at most `patience` seconds: (answer, others' share)."""
        end, best = time.perf_counter() + patience, None
        while True:
            before = _ticks(self.process.pid)
            answer = self.ask(do, **what)
            share = _others(before, _ticks(self.process.pid))
            if best is None or share < best[1]:
                best = (answer, share)
            if share <= DISTURBED or time.perf_counter() > end:
                return best
            while (left := end - time.perf_counter()) > 0:  # wait for a calm moment
                before = _ticks(None)
                time.sleep(min(0.2, left))
                if _others(before, _ticks(None)) <= DISTURBED:
                    break

    def alive(self) -> bool:
        """Whether the process is there to be asked again."""
        return self.process.poll() is None

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.log):
            with contextlib.suppress(OSError):
                pipe.close()


@contextlib.contextmanager
def fresh(engine: str, script: str, caches: str | None = None):
    """A worker for one question."""
    worker = Worker(engine, script, caches)
    try:
        yield worker
    finally:
        worker.close()


@contextlib.contextmanager
def empty_caches():
    """A new folder for compiled kernels, removed at the end."""
    folder = tempfile.mkdtemp(prefix="suite-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# The answering side.


def library(engine: str):
    """The module that an engine's programs are written against, its threads set; None for JAX."""
    if engine == "jax":
        return None
    if engine.startswith("torch"):
        import torch

        torch.set_num_threads(THREADS)
        return torch
    import lightwell

    lightwell.set_num_threads(THREADS)
    return lightwell


def compiles(engine: str) -> bool:
    """Whether the engine's programs go through its library's `compile`."""
    return engine in ("torch.compile", "compiled")


def timed(run: Callable, seconds: float, wait: Callable = lambda result: None) -> float:
    """Seconds per call of `run` over as many calls as fill `seconds`, after one that is not counted."""
    wait(run())
    calls, start = 0, time.perf_counter()
    while True:
        result = run()
        calls += 1
        if time.perf_counter() - start >= seconds:
            wait(result)
            return (time.perf_counter() - start) / calls


def wait(result) -> None:
    """Until JAX, which runs ahead, has the result."""
    if hasattr(result, "block_until_ready"):
        result.block_until_ready()


def resident() -> tuple[int, int]:
    """(memory of this process now, its peak) in KiB."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        found = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "VmHWM"))}
        return found["VmRSS"], found["VmHWM"]
    except (OSError, KeyError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak, peak


def settle() -> None:
    """Give free memory back to the system and start the peak anew, where the system can."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    forget_peak()


def forget_peak() -> None:
    """Start the peak of this process's memory anew, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def serve(answer: Callable[[str, dict], object]) -> None:
    """Answer requests until standard input ends; what the libraries print goes to standard error."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        what = json.loads(line)
        try:
            reply = {"answer": answer(what.pop("do"), what)}
        except Exception as error:
            traceback.print_exc()
            said = str(error).strip().splitlines()
            reply = {"failed": f"{type(error).__name__}: {said[0] if said else ''}"}
        out.write(json.dumps(reply) + "\n")
        out.flush()
