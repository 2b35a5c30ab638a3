"""A plan made ready to run: its kernels, its memory, the tables that threads run down, and as little Python as can be per call.

    program = Program(plan)
    results = program(inputs, numbers)

Native steps in a row form a stretch, which all threads enter together; a step that NumPy computes ends it. Within a stretch the
threads wait for one another only where a step touches memory that another has written, or writes what another reads, since they
last met. Steps for one thread are all run by the same one, in order, and need no waiting among themselves.
"""

import struct
from typing import Any

import numpy as np

from ..errors.teaching import TypeError, ValueError
from . import calls, gemm, native, runtime
from .calls import Kernel
from .evaluate import evaluate
from .graph import compute
from .nest import Call, Expr, Gemm, Host, Nest, Plan, Ref

_ALIGN = 64


class Step:
    """A step of the plan as it is run: a kernel of its, or what NumPy does in its place."""

    def __init__(self, step: Any, kernel: Kernel | None, reads: list, writes: list):
        self.step, self.kernel, self.reads, self.writes = step, kernel, reads, writes
        self.seconds = float("inf")  # the shortest time so far, while profiling
        self.scratch = -1  # where in the arena its scratch memory begins

    @property
    def label(self) -> str:
        """What it computes, for the reader."""
        return self.step.label or getattr(self.step, "word", type(self.step).__name__.lower())

    @property
    def kind(self) -> str:
        """nest, gemm, call, or host where NumPy computes it."""
        return "host" if self.kernel is None else type(self.step).__name__.lower()


class Program:
    """A plan as a function of arrays: `program(inputs, numbers)` gives the arrays of its results.

    Inputs are C-contiguous arrays of the planned shapes and dtypes, none of which shares memory with another that is written.
    With `interpret`, or where no native code can be made, NumPy runs the steps one by one. Any number of Python threads may
    call a program at once. While `profiling` is true, each call takes the time of every step for `report`.
    """

    def __init__(self, plan: Plan, interpret: bool = False):
        self.plan = plan
        self.profiling = False
        self.native = not interpret and native.available()
        self.inputs: dict[int, Any] = {b.slot: b for b in plan.buffers if b.kind == "input"}
        self.outputs: dict[int, Any] = {b.slot: b for b in plan.buffers if b.kind == "result"}
        self.places, self.arena = _placed(plan)
        self.steps = self._lowered()
        self._room_for_scratch()
        found = native.functions([(s.kernel.key, s.kernel.build) for s in self.steps if s.kernel is not None]) if self.native else []
        addresses = iter(found)
        self.addresses = [next(addresses) if s.kernel is not None else 0 for s in self.steps]
        self.flags = self._flags()
        self._free = [_State(self)]

    # ---- lowering -----------------------------------------------------------------------------------------------

    def _lowered(self) -> list[Step]:
        """The steps, each with its kernel, a call with several kernels as several; or for NumPy."""
        made: list[Step] = []
        for step in self.plan.steps:
            reads, writes = _touched(step)
            if not self.native or isinstance(step, Host):
                made.append(Step(step, None, reads, writes))
                continue
            for kernel in self._kernels(step):
                if kernel is None:
                    made.append(Step(step, None, reads, writes))
                else:
                    made.append(
                        Step(
                            step,
                            kernel,
                            reads if kernel.reads is None else kernel.reads,
                            writes if kernel.writes is None else kernel.writes,
                        )
                    )
        return made

    def _kernels(self, step: Any) -> list:
        if isinstance(step, Nest):
            from .emit import kernel

            emitted = kernel(step, self.plan.buffers)
            return [
                Kernel(emitted.key, emitted.build, list(step.operands), list(emitted.integers), threads=emitted.threads, together=False)
            ]
        if isinstance(step, Gemm):
            from ..backend.threads import get_num_threads

            return [gemm.lower(step, get_num_threads()) if runtime.has_blas() else None]
        # Code of words may call BLAS too.
        return (calls.lower(step, self._shapes) if runtime.has_blas() else None) or [None]

    def _shapes(self, x: Any) -> tuple:
        """(shape, dtype) of a Ref or a buffer number."""
        if isinstance(x, Ref):
            return x.shape, np.dtype(np.float64) if x.number >= 0 else self.plan.buffers[x.buffer].dtype
        return self.plan.buffers[x].shape, self.plan.buffers[x].dtype

    def _room_for_scratch(self) -> None:
        """Scratch memory: what the planner gave, else one place behind the arena, shared by all that ask."""
        most = 0
        taken: dict[int, int] = {}
        for s in self.steps:
            if s.kernel is None or not s.kernel.scratch:
                continue
            given = getattr(s.step, "scratch", [])
            n = taken[id(s.step)] = taken.get(id(s.step), -1) + 1
            if n < len(given) and self.plan.buffers[given[n]].nbytes >= s.kernel.scratch:
                s.scratch = self.places[given[n]][1]
            else:
                s.scratch = self.arena
                most = max(most, s.kernel.scratch)
        self.arena += -(-most // _ALIGN) * _ALIGN

    def _flags(self) -> list[int]:
        """For each step whether all wait before it, and whether one thread runs it alone."""
        flags = []
        shared: list[tuple] = []  # what the steps of all threads have touched since the threads last met
        alone: list[tuple] = []  # and those of one thread
        for s in self.steps:
            if s.kernel is None:
                shared, alone = [], []
                flags.append(0)
                continue
            touched = self._ranges(s)
            before = shared + alone if s.kernel.threads else shared
            meet = any(_conflict(touched, other) for other in before)
            if meet:
                shared, alone = [], []
            (shared if s.kernel.threads else alone).append(touched)
            how = runtime.ALONE if not s.kernel.threads else runtime.TOGETHER if s.kernel.together else 0
            flags.append((runtime.BARRIER if meet else 0) | how)
        return flags

    def _ranges(self, s: Step) -> tuple[list, list]:
        """(read, written) pieces of memory: (space, start, stop)."""
        read, written = ([self.places[b] for b in dict.fromkeys(numbers)] for numbers in (s.reads, s.writes))
        if s.scratch >= 0 and s.kernel is not None:
            written = [*written, ("arena", s.scratch, s.scratch + s.kernel.scratch)]
        return read, written

    # ---- running ------------------------------------------------------------------------------------------------

    def __call__(self, inputs, numbers=(), out: dict | None = None) -> list:
        """The results for input arrays and numbers, by slot; fresh arrays, but where `out` gives memory for a result.

        ValueError or TypeError where an array is not of the planned form.
        """
        try:
            state = self._free.pop()
        except IndexError:  # another thread is in the program: this one gets memory of its own
            state = _State(self)
        try:
            return state.run(inputs, numbers, out)
        finally:
            self._free.append(state)

    # ---- telling ------------------------------------------------------------------------------------------------

    def report(self) -> list[tuple]:
        """(label, kind, operations, bytes, seconds) of each step; seconds are the shortest measured while profiling, or None.

        Operations are those of arithmetic; bytes are what must at least be read and written.
        """
        out = []
        for s in self.steps:
            sizes = [self.plan.buffers[b].nbytes for b in (*dict.fromkeys(s.reads), *dict.fromkeys(s.writes))]
            seconds = s.seconds if s.seconds < float("inf") else None
            out.append((s.label, s.kind, operations(s.step, s.kernel), sum(sizes), seconds))
        return out

    def profile(self, inputs, numbers=(), times: int = 5) -> list[tuple]:
        """`report` after some calls that take the time of each step; they do all that calls do, writing into inputs too."""
        before, self.profiling = self.profiling, True
        try:
            for _ in range(times):
                self(inputs, numbers)
        finally:
            self.profiling = before
        return self.report()

    def verify(self) -> "Program":
        """The program itself; AssertionError where steps that touch the same memory would not wait for one another."""
        last_meeting = 0
        for i, s in enumerate(self.steps):
            if s.kernel is None or self.flags[i] & runtime.BARRIER:
                last_meeting = i
            for j in range(last_meeting, i):
                other = self.steps[j]
                if other.kernel is None or s.kernel is None or not (s.kernel.threads or other.kernel.threads):
                    continue
                assert not _conflict(self._ranges(s), self._ranges(other)), f"{s.label} doesn't wait for {other.label}"
        for number, buffer in enumerate(self.plan.buffers):
            if buffer.kind == "temp" and buffer.size:
                assert self.places[number][2] <= self.arena, f"buffer {number} lies beyond the arena"
        return self


def _placed(plan: Plan) -> tuple[list, int]:
    """For each buffer (space, start, stop), and the arena's bytes; temporaries without an offset lie behind all others."""
    arena = max([plan.arena, *(b.offset + b.nbytes for b in plan.buffers if b.kind == "temp" and b.offset >= 0)])
    arena = -(-arena // _ALIGN) * _ALIGN
    places: list[tuple] = []
    for number, b in enumerate(plan.buffers):
        if b.kind != "temp":
            places.append(((b.kind, b.slot if b.slot >= 0 else number), 0, b.nbytes))
            continue
        start = b.offset
        if start < 0:
            start, arena = arena, arena + -(-b.nbytes // _ALIGN) * _ALIGN
        places.append(("arena", start, start + b.nbytes))
    return places, arena


def _meet(some: list, others: list) -> bool:
    return any(a[0] == b[0] and a[1] < b[2] and b[1] < a[2] for a in some for b in others)


def _conflict(one: tuple, other: tuple) -> bool:
    """Whether the order of two steps matters: either writes what the other reads or writes."""
    return _meet(one[1], other[0]) or _meet(one[1], other[1]) or _meet(one[0], other[1])


def _touched(step: Any) -> tuple[list, list]:
    """The buffers that a step reads, and those that it writes."""
    if isinstance(step, Nest):
        stores = [s.operand for p in step.passes for s in p.stores] + [s.operand for s in step.final]
        loads = {e.args[1] if e.op == "load_if" else e.args[0] for e in _expressions(step) if e.op in ("load", "load_if", "gather")}
        return [step.operands[i] for i in sorted(loads)], [step.operands[i] for i in dict.fromkeys(stores)]
    if isinstance(step, Gemm):
        return [step.a.buffer, step.b.buffer, *([step.c.buffer] if step.add else [])], [step.c.buffer]
    refs: list[Ref] = []
    _filled((step.args, step.kwargs), lambda ref: refs.append(ref))
    return [r.buffer for r in refs if r.number < 0], [b for b in step.outs if b is not None]


def _expressions(nest: Nest) -> list[Expr]:
    """Every scalar of a nest once."""
    seen: dict[int, Expr] = {}
    stack = [s.expr for p in nest.passes for s in p.stores] + [r.expr for p in nest.passes for r in p.reduces]
    stack += [s.expr for s in nest.final]
    while stack:
        e = stack.pop()
        if isinstance(e, Expr) and id(e) not in seen:
            seen[id(e)] = e
            stack.extend(e.args)
    return list(seen.values())


_FREE = frozenset(("load", "load_if", "gather", "const", "number", "index", "reduced", "cast"))


def operations(step: Any, kernel: Kernel | None = None) -> int:
    """How many operations of arithmetic a step takes; 0 where that isn't known."""
    if isinstance(step, Gemm):
        return 2 * step.m * step.n * step.k * int(np.prod(step.batch, dtype=np.int64))
    if not isinstance(step, Nest):
        return 0 if kernel is None else kernel.operations
    outer = int(np.prod(step.outer, dtype=np.int64))
    inner = outer * int(np.prod(step.inner, dtype=np.int64))
    final = Nest(step.operands, (), (), [], step.final)
    rest = {id(e) for e in _expressions(final)}
    within = sum(e.op not in _FREE for e in _expressions(step) if id(e) not in rest)
    return inner * (within + sum(len(p.reduces) for p in step.passes)) + outer * sum(e.op not in _FREE for e in _expressions(final))


def _filled(x: Any, of: Any) -> Any:
    """Arguments with of(ref) in place of each `Ref`."""
    if isinstance(x, Ref):
        return of(x)
    if isinstance(x, (tuple, list)):
        made = [_filled(v, of) for v in x]
        return type(x)(*made) if hasattr(x, "_fields") else type(x)(made)
    if isinstance(x, dict):
        return {k: _filled(v, of) for k, v in x.items()}
    if isinstance(x, slice):
        return slice(*(_filled(v, of) for v in (x.start, x.stop, x.step)))
    return x


class _State:
    """One set of memory for a program's calls: arena, numbers, tables. Two calls at the same time have two."""

    def __init__(self, program: Program):
        plan = program.plan
        self.program = program
        memory = np.empty(program.arena + _ALIGN, np.uint8)
        skip = -memory.__array_interface__["data"][0] % _ALIGN
        self.memory = memory[skip : skip + program.arena]
        self.base = self.memory.__array_interface__["data"][0] if program.arena else 0
        self.numbers: Any = np.zeros(max(plan.numbers, 1))
        self.packed = struct.Struct(f"{plan.numbers}d").pack_into if plan.numbers else None
        self.arrays: list[Any] = [self._view(b, place) for b, place in zip(plan.buffers, program.places)]
        self._slots(program)
        self.pieces = self._pieces(program)
        count = max(program.inputs, default=-1) + 1
        self.count = count
        self.last: list[Any] = [None] * count
        self.changes = [0] * count
        # What the buffers of inputs and results are is known only when a call begins.
        self.hosts = any(s.kernel is None for s in program.steps)
        self.input_numbers = [(n, b.slot, b.shape) for n, b in enumerate(plan.buffers) if b.kind == "input"]
        self.result_numbers = [(n, b.slot) for n, b in enumerate(plan.buffers) if b.kind == "result"]
        self.forms = [(slot, b.shape, b.dtype) for slot, b in sorted(program.outputs.items())]
        self.result_of = [self._source(b) for b in plan.results]

    def _view(self, buffer: Any, place: tuple) -> Any:
        if buffer.kind == "constant":
            return np.require(buffer.array, buffer.dtype, ["C", "A"]).reshape(buffer.shape)
        if buffer.kind == "temp":
            return self.memory[place[1] : place[2]].view(buffer.dtype).reshape(buffer.shape)
        return None

    def _source(self, number: int) -> tuple[str, int]:
        buffer = self.program.plan.buffers[number]
        return (buffer.kind, buffer.slot if buffer.kind in ("input", "result") else number)

    def _slots(self, program: Program) -> None:
        """All kernels' arguments in one table; where in it the addresses of inputs and results belong."""
        table: list[int] = []
        self.starts: list[int] = []
        self.input_places: dict[int, list[int]] = {}
        self.result_places: dict[int, list[int]] = {slot: [] for slot in program.outputs}
        numbers = self.numbers.__array_interface__["data"][0]
        for s in program.steps:
            self.starts.append(len(table))
            if s.kernel is None:
                continue
            table.append(numbers)
            for number in s.kernel.operands:
                buffer = program.plan.buffers[number]
                if buffer.kind == "input":
                    self.input_places.setdefault(buffer.slot, []).append(len(table))
                    table.append(0)
                elif buffer.kind == "result":
                    self.result_places[buffer.slot].append(len(table))
                    table.append(0)
                else:
                    table.append(self.arrays[number].__array_interface__["data"][0])
            if s.kernel.scratch:
                table.append(self.base + s.scratch)
            table.extend(s.kernel.integers)
        self.table: Any = np.array([*table, 0], np.int64)
        self.view = self.table.data

    def _pieces(self, program: Program) -> list:
        """Stretches of native steps as (job, their steps), and steps of NumPy as (None, [step])."""
        base = self.table.__array_interface__["data"][0]
        pieces: list[tuple] = []
        entries: list[tuple] = []
        steps: list[Step] = []

        def end():
            nonlocal entries, steps
            if entries:
                pieces.append((runtime.Job(entries), steps))
            entries, steps = [], []

        for s, address, start, flags in zip(program.steps, program.addresses, self.starts, program.flags):
            if s.kernel is None:
                end()
                pieces.append((None, [s]))
            else:
                entries.append((address, base + 8 * start, flags))
                steps.append(s)
        end()
        return pieces

    # ---- a call -------------------------------------------------------------------------------------------------

    def run(self, inputs, numbers, out) -> list:
        """See `Program.__call__`."""
        if len(inputs) < self.count:
            raise ValueError(f"the program needs {self.count} inputs, but got {len(inputs)}")
        i = 0
        for a, b in zip(inputs, self.last):
            if a is not b:
                self._bind(i, a)
            i += 1
        if self.packed is not None:
            self.packed(self.numbers, 0, *numbers)
        made: dict[int, Any] = {}
        view = self.view
        for slot, shape, dtype in self.forms:
            if out is not None and slot in out:
                made[slot] = a = _given(out[slot], slot, shape, dtype)
            else:
                made[slot] = a = np.empty(shape, dtype)
            places = self.result_places[slot]
            if places:
                address = a.__array_interface__["data"][0]
                for place in places:
                    view[place] = address
        if self.hosts:
            for number, slot, shape in self.input_numbers:
                self.arrays[number] = inputs[slot].reshape(shape)
            for number, slot in self.result_numbers:
                self.arrays[number] = made[slot]
        profiling = self.program.profiling
        for job, steps in self.pieces:
            if job is None:
                self._host(steps[0], numbers, profiling)
            elif profiling:
                for s, seconds in zip(steps, job.timed()):
                    s.seconds = min(s.seconds, seconds)
            else:
                job()
        if self.hosts:
            for number, *_ in (*self.input_numbers, *self.result_numbers):
                self.arrays[number] = None
        return [made[at] if kind == "result" else inputs[at] if kind == "input" else self.arrays[at].copy() for kind, at in self.result_of]

    def _bind(self, slot: int, a: Any) -> None:
        """Note where an input lies that is another array than in the last call."""
        buffer = self.program.inputs.get(slot)
        if buffer is None:  # an input that no step needs
            return
        if not isinstance(a, np.ndarray):
            raise TypeError(f"input {slot} must be a NumPy array, not {type(a).__name__}")
        if a.shape != buffer.shape or a.dtype != buffer.dtype:
            raise ValueError(f"input {slot} must be {buffer.dtype}{list(buffer.shape)}, not {a.dtype}{list(a.shape)}")
        flags = a.flags
        if not flags.c_contiguous or not flags.aligned:
            raise ValueError(f"input {slot} must lie in memory without gaps, in C order")
        address = a.__array_interface__["data"][0]
        for place in self.input_places.get(slot, ()):
            self.view[place] = address
        # Parameters stay, batches change: what changes again and again isn't kept alive between calls.
        self.changes[slot] += 1
        self.last[slot] = a if self.changes[slot] <= 2 else None

    def _host(self, s: Step, numbers, profiling: bool) -> None:
        """A step by NumPy."""
        if profiling:
            from time import perf_counter

            since = perf_counter()
        step, arrays = s.step, self.arrays
        if isinstance(step, Nest):
            evaluate(step, self.program.plan.buffers, arrays, numbers)
        elif isinstance(step, Gemm):
            gemm.reference(step, arrays)
        else:

            def of(ref):
                return numbers[ref.number] if ref.number >= 0 else arrays[ref.buffer].reshape(ref.shape)

            with np.errstate(all="ignore"):
                made = compute(step.word, _filled(step.args, of), _filled(step.kwargs, of))
                if not isinstance(made, (tuple, list)):
                    made = (made,)
                for number, result in zip(step.outs, made):
                    if number is not None:
                        np.copyto(arrays[number], result, casting="unsafe")
        if profiling:
            s.seconds = min(s.seconds, perf_counter() - since)


def _given(a: Any, slot: int, shape: tuple, dtype: Any) -> np.ndarray:
    """The memory that was given for a result."""
    if not isinstance(a, np.ndarray) or a.shape != shape or a.dtype != dtype or not a.flags.carray:
        raise ValueError(f"the memory for result {slot} must be a writable {dtype}{list(shape)} in C order")
    return a


__all__ = ["Call", "Program", "operations"]
