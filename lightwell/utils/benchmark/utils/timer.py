"""A stopwatch for statements that warms up, chooses how often to run, and counts the threads."""

import enum
import statistics
import textwrap
import timeit

import lightwell

from ....errors.teaching import NotImplementedError, RuntimeError, ValueError
from .common import Measurement, TaskSpec, set_torch_threads

__all__ = ["Language", "Timer", "timer"]

timer = timeit.default_timer


class Language(enum.Enum):
    """The language of a Timer's statement."""

    PYTHON = 0
    CPP = 1


def _tidy(code: str) -> str:
    return textwrap.dedent(code).removeprefix("\n").rstrip()


class Timer:
    """Measures a statement, which sees `globals` and torch; all computing is done with `num_threads` threads.

    ValueError where `stmt` is no string, for `global_setup` and for unknown languages; RuntimeError for C++, which needs a compiler.

    >>> from lightwell.utils.benchmark import Timer
    >>> m = Timer("x.sum()", setup="x = torch.ones(10)", label="sum").timeit(20)
    >>> m.number_per_run, m.title, m.median > 0
    (20, 'sum', True)
    """

    def __init__(
        self, stmt="pass", setup="pass", global_setup="", timer=timer, globals=None, label=None, sub_label=None, description=None, env=None,
        num_threads=1, language=Language.PYTHON,
    ):  # fmt: skip
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if language in (Language.CPP, "cpp", "c++"):
            raise RuntimeError("Timer: statements in C++ would need a compiler and PyTorch's C++ library; this package is Python only")
        if language not in (Language.PYTHON, "py", "python"):
            raise ValueError(f"Invalid language `{language}`.")
        if global_setup:
            raise ValueError(f"global_setup is C++ only, got `{global_setup}`: put it into `setup`")
        stmt, setup = _tidy(stmt), _tidy(setup)
        self._globals = {"torch": lightwell, **(globals or {})}
        self._timer = timeit.Timer(stmt, setup, timer, self._globals)
        self._task_spec = TaskSpec(stmt, setup, global_setup, label, sub_label, description, env, num_threads)

    def _timeit(self, number: int) -> float:
        return max(self._timer.timeit(number), 1e-9)  # nothing takes less, and nobody divides by zero

    def timeit(self, number: int = 1000000) -> Measurement:
        """One block of `number` runs, after a hundredth of them to warm up."""
        with set_torch_threads(self._task_spec.num_threads):
            self._timeit(max(number // 100, 2))
            return Measurement(number, [self._timeit(number)], self._task_spec)

    def repeat(self, repeat: int = -1, number: int = -1):
        """NotImplementedError: `blocked_autorange` chooses both."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback=None):
        """NotImplementedError: `blocked_autorange` keeps every block's time."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _block(self, min_run_time: float) -> int:
        """Runs per block: tenfold until the clock costs a ten-thousandth, or the block takes the whole time."""
        overhead = statistics.median(self._timeit(0) for _ in range(5))
        number = 1
        while True:
            taken = self._timeit(number)
            if (overhead <= 1e-4 * taken and taken >= min_run_time / 1000) or taken > min_run_time or number * 10 > 2**31 - 1:
                return number
            number *= 10

    def _measure(self, block_time, min_run_time, callback, done, max_run_time=float("inf")) -> Measurement:
        with set_torch_threads(self._task_spec.num_threads):
            number, times = self._block(block_time), []
            while True:
                times.append(self._timeit(number))
                if callback:
                    callback(number, times[-1])
                total, result = sum(times), Measurement(number, times, self._task_spec)
                if total > max_run_time or (total >= min_run_time and done(result)):
                    return result

    def blocked_autorange(self, callback=None, min_run_time: float = 0.2) -> Measurement:
        """Blocks of runs, large enough for the clock not to matter, until they have taken `min_run_time` seconds.

        `callback(number, seconds)` is told of every block.

        >>> from lightwell.utils.benchmark import Timer
        >>> len(Timer("sum(range(100))").blocked_autorange(min_run_time=0.01).times) > 0
        True
        """
        return self._measure(min_run_time, min_run_time, callback, lambda m: True)

    def adaptive_autorange(
        self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0, callback=None
    ) -> Measurement:
        """Blocks of runs until their interquartile range is below `threshold` of the median, or `max_run_time` seconds are over."""
        return self._measure(0.05, min_run_time, callback, lambda m: len(m.times) > 3 and m.meets_confidence(threshold), max_run_time)

    def collect_callgrind(self, number: int = 100, *, repeats=None, collect_baseline: bool = True, retain_out_file: bool = False):
        """RuntimeError: counting instructions needs Valgrind and PyTorch's C++ bindings to it."""
        raise RuntimeError(
            "Timer.collect_callgrind(): counting instructions needs Valgrind bindings in C++; measure with blocked_autorange()"
        )
