"""Kernels for eager operations, made by a thread in the background: the formula traced, planned, compiled (see `fast.py`).

The thread is a daemon, so that no program waits for it; but whoever ends the process, or forks it, waits until the kernel
at hand is ready: inside LLVM is no place to be torn from.
"""

import atexit
import os
import threading
import time
from collections import deque
from typing import Any

import numpy as np

from . import fast, threads
from .blas import beside_kernels

# Seconds after which kernels are tried anew, the first time and at most: another program may have been at work beside the first trial.
FIRST, LAST = 2.0, 3600.0
_wanted: deque = deque()
_some = threading.Semaphore(0)
_making = threading.RLock()  # held while a kernel is made
_thread: threading.Thread | None = None
_over = False  # the process is ending
_works: bool | None = None  # whether this machine has a compiler: known after the first order


class Unfit(Exception):
    """There is no kernel for this, or none that would be worth it."""


def order(entry) -> bool:
    """Let the thread make the kernel of an entry; False where it is known that there won't be one."""
    global _thread
    if _over or _works is False:
        return False
    _wanted.append(entry)
    fast.making = True
    if _thread is None:
        made = threading.Thread(target=_work, name="lightwell-kernels", daemon=True)
        try:
            made.start()
        except RuntimeError:  # no more threads, or the interpreter is going
            return False
        _thread = made
    _some.release()
    return True


def wait(seconds: float = 60.0) -> bool:
    """Wait until everything that was ordered is made, or the time is over: for tests and measurements."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not _wanted:
            with _making:
                if not _wanted:
                    return True
        time.sleep(0.002)
    return False


def _work() -> None:
    pause = FIRST
    while True:
        if not _some.acquire(timeout=pause):
            fast.epoch += 1
            pause = min(2 * pause, LAST)
            continue
        if _over:
            return
        with _making:
            try:
                entry = _wanted[0]
            except IndexError:
                continue
            try:
                if not _over:
                    _make(entry)
            finally:
                _wanted.popleft()
                if not _wanted:
                    fast.ready_at = time.perf_counter() + fast.CALM
                    fast.making = False
                    pause = FIRST


def _make(entry) -> None:
    """The kernel of an entry, or the knowledge that there is none."""
    global _works
    from ..errors import Untraceable

    made: Any = None
    try:
        if _works is None:
            _works = _available()
        if _works:
            made = build(entry)
    except (Unfit, Untraceable):
        pass
    except Exception:  # what can't be traced shows itself in many ways; NumPy goes on computing it
        if os.environ.get("LIGHTWELL_EAGER_NATIVE") == "debug":
            raise
    if made is None:
        entry.what, entry.seen = None, -1
        return
    beside_kernels()
    if entry.forms:
        entry.made = made
    else:
        entry.call = made


def _available() -> bool:
    import importlib.util

    if importlib.util.find_spec("llvmlite") is None:
        return False
    from ..compile import native

    return native.available()


def _end() -> None:
    """No more kernels; the one at hand is finished first."""
    global _over
    _over = True
    _some.release()
    if _thread is not None and _thread is not threading.current_thread():
        _thread.join(30)


def _before_fork() -> None:
    _making.acquire()


def _after_fork() -> None:
    _making.release()


def _forked() -> None:
    """In the child there is no thread; what was ordered is ordered anew when it is seen again."""
    global _making, _some, _thread
    _making, _some, _thread = threading.RLock(), threading.Semaphore(0), None
    for entry in _wanted:
        entry.seen = 0
    _wanted.clear()
    fast.making = False


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_forked)


# ---- tracing ---------------------------------------------------------------------------------------------------------


def build(entry):
    """A callable for what an entry describes; Unfit where there is none."""
    from .fast_call import Kernel, Update

    kind, *what = entry.what
    if kind == "update":
        return Update(*_update(*what))
    forms = what[1]
    places = [i for i, form in enumerate(forms) if form is not None]
    inputs, outs, told = (_forward if kind == "forward" else _pull)(*what)
    program, checks = _program(inputs, outs + told, entry.forms)
    checks = [(places[slot], low, high) for slot, low, high in checks]
    return Kernel(program, places, checks, [form is None for form in entry.forms], len(outs), kind == "forward" and len(outs) == 1)


class _Inputs:
    """Traced arrays for real ones of known forms."""

    def __init__(self):
        from ..compile.protocols import Reader
        from ..compile.symbolic import Recorder

        self.recorder = Recorder()
        self.reader = Reader(self.recorder)
        self.arrays: list = []

    def array(self, shape, dtype, strides):
        """The next input. Without gaps it is read as it lies in memory; else through a window of its own."""
        from ..compile.symbolic import Memory, Traced

        graph, item = self.recorder.graph, dtype.itemsize
        if strides is None:
            seen = graph.input(shape, dtype)
        else:
            order = sorted(range(len(shape)), key=lambda k: -strides[k])
            dense, step = True, item
            for k in reversed(order):
                dense = dense and (shape[k] == 1 or strides[k] == step)
                step *= shape[k]
            if dense:
                value = graph.input(tuple(shape[k] for k in order), dtype)
                seen = graph.call("permute_dims", value, tuple(order.index(k) for k in range(len(order))))
            else:
                if any(s < 0 or s % item for s in strides) or 0 in shape:
                    raise Unfit
                steps = tuple(s // item for s in strides)
                value = graph.input((1 + sum((n - 1) * s for n, s in zip(shape, steps)),), dtype)
                seen = graph.call("strided", value, tuple(shape), steps, 0)
        twin = Traced(self.recorder, Memory(seen, np.empty(shape, dtype)), None, None)
        self.arrays.append(twin)
        return twin


def _forward(rec, forms, params):
    inputs = _Inputs()
    arrays = [None if f is None else inputs.array(*f) for f in forms]
    made = rec.forward(inputs.reader, *arrays, *params)
    outs = list(made) if isinstance(made, (tuple, list)) else [made]
    told = next((x for x in params if type(x) is list), [])
    return inputs, outs, told


def _pull(rec, forms, many, saved, wanted, fit):
    from ..autograd.engine import fit_array

    inputs = _Inputs()
    arrays = iter([inputs.array(*f) for f in forms])
    g = next(arrays) if many is None else [next(arrays) for _ in range(many)]
    saved = tuple([next(arrays) if x is fast._Array else x for x in saved])
    if rec.pull_joint is not None:
        out = list(rec.pull_joint(inputs.reader, g, saved, wanted))
    else:
        out = [p(inputs.reader, g, saved) if w else None for w, p in zip(wanted, rec.pulls)]
    if fit is not None:
        out = [fit_array(v, f) if v is not None and w else v for v, f, w in zip(out, fit, wanted)]
    return inputs, out, []


def _program(inputs, outs, forms):
    """(program, slots of indices with their limits) for traced results; Unfit where none fits."""
    from ..compile.symbolic import Traced

    recorder, graph = inputs.recorder, inputs.recorder.graph
    if len(outs) != len(forms):
        raise Unfit
    if any(a.memory.version for a in inputs.arrays):
        raise Unfit("a formula that writes into its operands")
    work = False
    for out, form in zip(outs, forms):
        if (out is None) != (form is None):
            raise Unfit
        if out is None:
            continue
        if type(out) is not Traced:
            out = recorder.lift(np.asarray(out))
        value = out.read()
        if (value.shape, value.dtype) != form:
            raise Unfit(f"{value} instead of {form}")
        work = work or not _moved(value)
        graph.results.append((None, value))
    if not work:
        raise Unfit("nothing to compute")
    checks = []
    for value, low, high, besides in recorder.ranges:
        while value.word in ("reshape", "expand_dims", "squeeze", "permute_dims", "strided", "astype"):
            if value.word == "astype" and value.dtype.itemsize < value.args[0].dtype.itemsize:
                raise Unfit
            value = value.args[0]
        if value.word != "input" or besides is not None:
            raise Unfit("an index that is computed")
        checks.append((value.args[0], low, high))
    return _compiled(graph), checks


def _moved(value) -> bool:
    """Whether a value is nothing but a view of an input, or a constant."""
    from ..compile.infer import VIEWS

    while value.word in VIEWS:
        value = value.args[0]
    return value.word in ("input", "constant", "zeros", "ones", "full")


def _compiled(graph):
    """The program of a graph; Unfit where NumPy would have to compute a part."""
    from ..compile.plan import plan
    from ..compile.program import Program

    program = Program(plan(graph))
    program._free.clear()  # it keeps no memory: every call brings some along
    if any(step.kernel is None for step in program.steps):
        raise Unfit("a step that NumPy computes")
    return program


def _update(rule, size, dtype, same, numbers):
    """(program, numbers to be computed for each call, conditions) of an optimizer's rule on flat arrays."""
    from ..compile.host import Actions, vector
    from ..optim.readers import Arrays

    inputs, actions = _Inputs(), Actions()
    distinct: dict = {}
    arrays = []
    for i, first in enumerate(same):
        if i == 0 or first not in distinct:
            distinct[i if i else 0] = inputs.array((size,), dtype, None)
            arrays.append(distinct[i if i else 0])
        else:
            arrays.append(distinct[first])
    recorder, graph = inputs.recorder, inputs.recorder.graph
    told = [actions.number(x) if type(x) is float else x for x in numbers]
    scratch = [recorder.fresh(graph.call("zeros", (size,), dtype)) for _ in range(5)]
    rule(Arrays(*scratch), *arrays, *told)
    for slot, a in enumerate(inputs.arrays):
        if a.memory.version:
            graph.writes[len(graph.results)] = slot
            graph.results.append((None, a.memory.value))
    places = [next(i for i, b in enumerate(arrays) if b is a) for a in inputs.arrays]
    program = _compiled(graph)
    if program.plan.numbers != len(graph.number_sources):
        raise Unfit
    return program, places, vector(graph.number_sources), actions.hold


__all__ = ["Unfit", "build", "order", "threads", "wait"]
