"""`torch.multiprocessing`: Python's multiprocessing, with `spawn` for a function run in several processes.

A tensor sent to another process, as an argument or through a queue, is moved into shared memory: both see one memory from then
on. A part of another tensor travels as a copy, unless that tensor went through `share_memory_()` before.
"""

import multiprocessing as _standard
from multiprocessing import *

from . import sharing as _sharing  # noqa: F401 - teaches Python's multiprocessing to send tensors
from .errors.teaching import ValueError

__all__ = ["ProcessContext", "ProcessExitedException", "ProcessRaisedException", "get_all_sharing_strategies",
           "get_sharing_strategy", "set_sharing_strategy", "spawn", "start_processes"] + _standard.__all__  # fmt: skip


def get_all_sharing_strategies() -> set:
    """The ways in which tensors are shared."""
    return {"file_system"}


def get_sharing_strategy() -> str:
    """How tensors are shared: as named blocks of memory."""
    return "file_system"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepted for PyTorch's two strategies; ValueError for another."""
    if new_strategy not in ("file_system", "file_descriptor"):
        raise ValueError(f"unknown sharing strategy {new_strategy!r}: choose 'file_system' or 'file_descriptor'")


class ProcessRaisedException(Exception):
    """A process that `spawn` started raised; the message holds its traceback."""

    def __init__(self, msg, error_index, error_pid=None):
        super().__init__(msg)
        self.error_index, self.error_pid = error_index, error_pid


class ProcessExitedException(Exception):
    """A process that `spawn` started ended with another exit code than 0."""

    def __init__(self, msg, error_index, error_pid=None, exit_code=None):
        super().__init__(msg)
        self.error_index, self.error_pid, self.exit_code = error_index, error_pid, exit_code


def _run(fn, index, args, failures):
    """What each process does: run `fn`, and report the traceback where it raises."""
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        import sys
        import traceback

        failures.put(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """The processes that `spawn(..., join=False)` started; `join()` waits for them."""

    def __init__(self, processes, failures):
        self.processes, self._failures = processes, failures

    def pids(self) -> list:
        """The processes' numbers."""
        return [p.pid for p in self.processes]

    def join(self, timeout=None, grace_period=None) -> bool:
        """Wait; True when all ended well, False at the timeout. Where one failed the others are ended and it raises."""
        import time
        from multiprocessing.connection import wait

        until = None if timeout is None else time.monotonic() + timeout
        while True:
            codes = [p.exitcode for p in self.processes]  # looked at once: a process may end at any moment
            failed = next((i for i, code in enumerate(codes) if code not in (None, 0)), None)
            if failed is not None:
                break
            running = [p for p, code in zip(self.processes, codes) if code is None]
            if not running:
                return True
            if not wait([p.sentinel for p in running], None if until is None else max(0.0, until - time.monotonic())):
                return False
        for p in self.processes:
            if p.is_alive():
                p.terminate()
        for p in self.processes:
            p.join(grace_period)
        process, report = self.processes[failed], self._failures[failed]
        if not report.empty():
            text = f"\n\n-- Process {failed} terminated with the following error:\n{report.get()}"
            raise ProcessRaisedException(text, failed, process.pid)
        raise ProcessExitedException(
            f"process {failed} terminated with exit code {process.exitcode}", failed, process.pid, process.exitcode
        )


def start_processes(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """Run `fn(i, *args)` in `nprocs` processes, i from 0; wait for them (None), or return their ProcessContext.

    ProcessRaisedException where one raises, ProcessExitedException where one ends otherwise.
    """
    context = _standard.get_context(start_method)
    processes, failures = [], []
    for i in range(nprocs):
        report = context.SimpleQueue()
        process = context.Process(target=_run, args=(fn, i, args, report), daemon=daemon)
        process.start()
        processes.append(process)
        failures.append(report)
    running = ProcessContext(processes, failures)
    if not join:
        return running
    while not running.join():
        pass
    return None


def spawn(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """`start_processes` with fresh interpreters: `fn` must be importable, and the script guarded by `if __name__ == "__main__"`."""
    return start_processes(fn, args, nprocs, join, daemon, start_method)
