"""`record`: what a process that fails leaves for the launcher to show."""

import functools
import json
import os
import time
import traceback
from dataclasses import dataclass, field


def record(fn, error_handler=None):
    """Decorate the main function of a script: an exception in it is written to the launcher's TORCHELASTIC_ERROR_FILE, then raised on.

    >>> from lightwell.distributed.elastic.multiprocessing.errors import record
    >>> @record
    ... def main():
    ...     return 3
    >>> main()
    3
    """

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        try:
            return fn(*args, **kwargs)
        except SystemExit:
            raise
        except Exception as error:
            path = os.environ.get("TORCHELASTIC_ERROR_FILE")
            if path:
                told = {"py_callstack": traceback.format_exc(), "timestamp": str(int(time.time()))}
                with open(path, "w") as file:
                    json.dump({"message": {"message": f"{type(error).__name__}: {error}", "extraInfo": told}}, file)
            raise

    return wrapper


@dataclass
class ProcessFailure:
    """One process that failed: its ranks, number, exit code (negative: the signal), and what `record` wrote."""

    local_rank: int
    pid: int
    exitcode: int
    error_file: str
    rank: int = -1
    timestamp: float = field(default_factory=time.time)

    @property
    def message(self) -> str:
        """What `record` wrote, or how to be told more."""
        try:
            with open(self.error_file) as file:
                return json.load(file)["message"]["message"]
        except (OSError, ValueError, KeyError):
            if self.exitcode < 0:
                return f"Signal {-self.exitcode} ({self.signal_name()}) received by PID {self.pid}"
            return "see its own output above"

    @property
    def blames_another(self) -> bool:
        """Whether it ended because another rank had: the other one is the cause."""
        return self.message.startswith("DistBackendError")

    def signal_name(self) -> str:
        """The signal's name, where one ended the process."""
        import signal

        try:
            return signal.Signals(-self.exitcode).name if self.exitcode < 0 else "<N/A>"
        except ValueError:
            return "unknown signal"


class ChildFailedError(Exception):
    """A process of a run failed: `failures` by global rank, the first first."""

    def __init__(self, name: str, failures: dict):
        self.name, self.failures = name, failures
        line, rows = "=" * 60, []
        for i, (rank, f) in enumerate(sorted(failures.items(), key=lambda item: (item[1].blames_another, item[1].timestamp))):
            rows.append(f"{'Root cause (first failure)' if not i else 'Then'}:")
            rows.append(f"  rank      : {rank} (local_rank: {f.local_rank})")
            rows.append(f"  exitcode  : {f.exitcode} (pid: {f.pid})")
            rows.append(f"  error     : {f.message}")
        super().__init__("\n".join(["", line, f"{name} FAILED", "-" * 60, *rows, line]))


__all__ = ["ChildFailedError", "ProcessFailure", "record"]
