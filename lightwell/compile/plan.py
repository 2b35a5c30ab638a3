"""From a graph to a plan: simplify, decompose, fuse, then a place in memory for every temporary."""

import math

import numpy as np

from .fuse_plan import fuse, meets, nodes_of, rename
from .fuse_words import cost_of
from .graph import Graph, collect
from .nest import Call, Gemm, Host, Nest, Pass, Plan, Ref
from .show import size as in_bytes

ALIGN = 64


def plan(graph: Graph) -> Plan:
    """The steps that compute a graph's results, and the buffers they use.

    >>> graph = Graph()
    >>> x = graph.input((4, 8), "float32")
    >>> graph.results.append((None, graph.call("tanh", graph.call("add", x, 1.0))))
    >>> print(show(plan(graph)))
    nest   add, tanh                        32 -> %2 result float32[4, 8]  (x0)
    arena 0 B
    """
    from .decompose import decompose
    from .simplify import simplify

    graph = simplify(decompose(simplify(graph)))
    return memory(fuse(graph))


# ---- what steps read and write --------------------------------------------------------------------------------------


def reads(step) -> set:
    """The numbers of the buffers that a step reads."""
    if type(step) is Nest:
        return {step.operands[i] for i in _loaded(step)}
    if type(step) is Gemm:
        return {step.a.buffer, step.b.buffer, *([step.c.buffer] if step.add else [])}
    found: list = []
    collect((step.args, step.kwargs), Ref, found)
    return {ref.buffer for ref in found if ref.buffer >= 0}


def writes(step) -> set:
    """The numbers of the buffers that a step writes."""
    if type(step) is Nest:
        return {step.operands[s.operand] for s in stores_of(step)}
    if type(step) is Gemm:
        return {step.c.buffer}
    return {n for n in [*step.outs, *getattr(step, "scratch", ())] if n is not None}


def stores_of(nest: Nest) -> list:
    """All stores of a nest."""
    return [s for p in nest.passes for s in p.stores] + nest.final


def exprs_of(nest: Nest) -> list:
    """All expressions of a nest, each once."""
    return nodes_of([s.expr for s in stores_of(nest)] + [r.expr for p in nest.passes for r in p.reduces])


def _loaded(nest: Nest) -> set:
    return {e.args[1] if e.op == "load_if" else e.args[0] for e in exprs_of(nest) if e.op in ("load", "load_if", "gather")}


def barriers(steps: list) -> list[bool]:
    """For each step whether all threads must have finished those before it since the last barrier: it reads what they write, or
    writes what they read or write. Steps are compared by buffer: `memory` gives buffers that share a place to different phases."""
    out: list[bool] = []
    read: set = set()
    written: set = set()
    for i, s in enumerate(steps):
        r: set = reads(s)
        w: set = writes(s)
        host = type(s) is Host or (i > 0 and type(steps[i - 1]) is Host)
        wait = host or bool(r & written) or bool(w & written) or bool(w & read)
        if wait:
            read, written = set(), set()
        read |= r
        written |= w
        out.append(wait)
    return out


# ---- memory ---------------------------------------------------------------------------------------------------------


def memory(plan: Plan) -> Plan:
    """Give every temporary a place in one arena: results of elementwise steps take the place of an operand that nobody needs
    any more; others the smallest free room that fits, from the phase of their first use to that of their last."""
    wait = barriers(plan.steps)
    phases: list[int] = []
    for waits in wait:
        phases.append((phases[-1] if phases else 0) + waits)
    used = [(reads(s), writes(s)) for s in plan.steps]
    _in_place(plan, phases, used)
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for p, (r, w) in zip(phases, used):
        for b in r | w:
            first.setdefault(b, p)
            last[b] = p
    for b in plan.results:
        last[b] = 1 << 60
    temps = [i for i, b in enumerate(plan.buffers) if b.kind == "temp" and i in first]
    starts: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for b in temps:
        starts.setdefault(first[b], []).append(b)
        ends.setdefault(last[b], []).append(b)
    room = _Room()
    for p in range(phases[-1] + 1 if phases else 0):
        for b in sorted(starts.get(p, ()), key=lambda b: -plan.buffers[b].nbytes):
            plan.buffers[b].offset = room.take(_aligned(plan.buffers[b].nbytes))
        for b in ends.get(p, ()):
            room.free(plan.buffers[b].offset, _aligned(plan.buffers[b].nbytes))
    plan.arena = room.top
    return plan


def _aligned(n: int) -> int:
    return max(-(-n // ALIGN) * ALIGN, ALIGN)


class _Room:
    """Free stretches of the arena, by their start."""

    def __init__(self):
        self.holes: list[list[int]] = []  # [start, stop], sorted, never touching
        self.top = 0

    def take(self, n: int) -> int:
        """The start of n bytes: in the smallest hole that has them, else at the end."""
        best = None
        for h in self.holes:
            if h[1] - h[0] >= n and (best is None or h[1] - h[0] < best[1] - best[0]):
                best = h
        if best is not None:
            start = best[0]
            best[0] += n
            if best[0] == best[1]:
                self.holes.remove(best)
            return start
        start = self.top
        if self.holes and self.holes[-1][1] == self.top:
            start = self.holes.pop()[0]
        self.top = start + n
        return start

    def free(self, start: int, n: int) -> None:
        """Give n bytes back."""
        stop = start + n
        i = 0
        while i < len(self.holes) and self.holes[i][0] < start:
            i += 1
        self.holes.insert(i, [start, stop])
        if i + 1 < len(self.holes) and self.holes[i + 1][0] == stop:
            self.holes[i][1] = self.holes.pop(i + 1)[1]
        if i and self.holes[i - 1][1] == start:
            self.holes[i - 1][1] = self.holes.pop(i)[1]


def _in_place(plan: Plan, phases: list, used: list) -> None:
    """Let nests write over operands whose last reader they are."""
    last: dict[int, int] = {}
    writers: dict[int, list[int]] = {}
    for i, (r, w) in enumerate(used):
        for b in r | w:
            last[b] = i
        for b in w:
            writers.setdefault(b, []).append(i)
    renamed: dict[int, int] = {}
    keep = set(plan.results)
    readers: dict[int, list[int]] = {}
    for i, (r, _) in enumerate(used):
        for b in r:
            readers.setdefault(b, []).append(i)
    for i, step in enumerate(plan.steps):
        if type(step) is not Nest:
            continue
        for out in sorted(used[i][1]):
            made = plan.buffers[out]
            if made.kind not in ("temp", "result") or len(writers[out]) != 1 or out in used[i][0]:
                continue
            for old in sorted(used[i][0]):
                was = plan.buffers[old]
                if was.kind != "temp" or old in keep or last[old] != i or was.dtype != made.dtype or was.size != made.size:
                    continue
                if was.shape != made.shape and any(type(plan.steps[j]) in (Call, Host) for j in writers.get(old, ())):
                    continue  # they look at the shapes of their results
                if made.kind == "result" and (len(writers[old]) != 1 or type(plan.steps[writers[old][0]]) is Host):
                    continue
                if any(phases[j] == phases[i] and j != i for j in readers.get(old, ())) or not meets(step, out, old):
                    continue
                _merge(plan, used, old, out, {*writers[old], *readers.get(old, ()), *writers[out], *readers.get(out, ())})
                writers[out] = sorted({*writers[old], *writers[out]})
                readers[out] = sorted({*readers.get(old, ()), *readers.get(out, ())})
                last[out] = max(last.get(out, i), i)
                renamed[old] = out
                break


def _merge(plan: Plan, used: list, old: int, new: int, steps: set) -> None:
    """Let every step that uses buffer `old` use `new`."""
    for i in sorted(steps):
        r, w = used[i]
        if old in r or old in w:
            rename(plan.steps[i], old, new)
            for s in (r, w):
                if old in s:
                    s.discard(old)
                    s.add(new)


# ---- what it costs --------------------------------------------------------------------------------------------------


def cost(step, plan: Plan) -> tuple[int, int]:
    """(operations, bytes) of a step: additions and the like, products counted as two; bytes read from and written to memory once."""
    bytes_ = sum(plan.buffers[b].nbytes for b in writes(step) if b < len(plan.buffers))
    if type(step) is Nest:
        each = sum(
            cost_of(e.op) for e in exprs_of(step) if e.op not in ("load", "load_if", "gather", "const", "number", "index", "reduced")
        )
        each += sum(len(p.reduces) for p in step.passes)
        total = math.prod(step.outer) * math.prod(step.inner)
        moved = 0
        for b in reads(step):
            moved += min(plan.buffers[b].nbytes, total * plan.buffers[b].dtype.itemsize)
        return each * total, moved + bytes_
    moved = sum(plan.buffers[b].nbytes for b in reads(step))
    if type(step) is Gemm:
        return 2 * step.m * step.n * step.k * math.prod(step.batch), moved + bytes_
    if step.word in ("convolve", "convolve_adjoint", "convolve_weight"):
        return _convolution(step, plan), moved + bytes_
    return sum(plan.buffers[b].size for b in writes(step) if b < len(plan.buffers)), moved + bytes_


def _convolution(step, plan: Plan) -> int:
    """Two operations for each product of an element with a weight."""
    sizes = [a.shape for a in step.args[:2] if isinstance(a, Ref)]
    out = plan.buffers[step.outs[0]].shape
    groups = step.args[-1]
    if step.word == "convolve":  # outputs × weights of one output channel
        return 2 * math.prod(out) * math.prod(sizes[1][1:])
    if step.word == "convolve_adjoint":
        return 2 * math.prod(sizes[0]) * math.prod(sizes[1][1:])
    return 2 * math.prod(sizes[1]) * (sizes[0][1] // groups) * math.prod(out[2:])


# ---- to be read -----------------------------------------------------------------------------------------------------


def show(plan: Plan) -> str:
    """The plan as text, a line for each step: kind, what it does, its extents, what it writes, what it reads."""
    lines = []
    for step in plan.steps:
        kind = {Nest: "nest", Gemm: "gemm", Call: "call", Host: "host"}[type(step)]
        size = ""
        if type(step) is Nest:
            size = "×".join(map(str, step.outer)) + (" | " + "×".join(map(str, step.inner)) if step.inner else "")
            if len(step.passes) > 1:
                size += f", {len(step.passes)} passes"
        label = step.label if len(step.label) <= 32 else step.label[:29] + "..."
        out = ", ".join(_named(plan, b) for b in sorted(writes(step)))
        into = ", ".join(plan.buffers[b].name for b in sorted(reads(step)))
        lines.append(f"{kind:<6} {label:<32} {size + ' ' if size else ''}-> {out}  ({into})")
    lines.append(f"arena {in_bytes(plan.arena)}")
    return "\n".join(lines)


def _named(plan: Plan, n: int) -> str:
    b = plan.buffers[n]
    return f"{b.name} {b.kind + ' ' if b.kind != 'temp' else ''}{b.dtype}{list(b.shape)}"


def verify(plan: Plan) -> Plan:
    """The plan itself; AssertionError where a step reads what nothing wrote, places overlap, or a place lies outside its buffer."""
    written = {i for i, b in enumerate(plan.buffers) if b.kind in ("input", "constant") or b.size == 0}
    for step in plan.steps:
        r, w = reads(step), writes(step)
        missing = (_foreign(step) if type(step) is Nest else r) - written
        assert not missing, f"{step.label} reads {[plan.buffers[b].name for b in missing]} before it is written"
        if type(step) is Nest:
            _inside(step, plan)
        for b in w:
            assert plan.buffers[b].kind != "constant", f"{step.label} writes a constant"
        written |= w
    for b in plan.results:
        assert b in written, f"result {plan.buffers[b].name} is never written"
    wait = barriers(plan.steps)
    live: dict[int, list[int]] = {}
    p = 0
    for i, step in enumerate(plan.steps):
        p += wait[i]
        for b in reads(step) | writes(step):
            if plan.buffers[b].kind == "temp":
                live.setdefault(b, [p, p])[1] = p
    spans = sorted((plan.buffers[b].offset, b) for b in live)
    ends: list[tuple[int, int]] = []
    for start, b in spans:
        ends = [(stop, c) for stop, c in ends if stop > start]
        for _, c in ends:
            assert live[c][1] < live[b][0] or live[b][1] < live[c][0], f"{plan.buffers[b].name} and {plan.buffers[c].name} share memory"
        ends.append((start + plan.buffers[b].nbytes, b))
        assert start >= 0 and start + plan.buffers[b].nbytes <= plan.arena
    return plan


def _foreign(nest: Nest) -> set:
    """The buffers that a nest reads before it has stored anything there itself."""
    found: set = set()
    stored: set = set()
    for p in [*nest.passes, Pass(nest.final)]:
        for e in nodes_of([s.expr for s in p.stores] + [r.expr for r in p.reduces]):
            if e.op in ("load", "load_if", "gather"):
                n = nest.operands[e.args[1] if e.op == "load_if" else e.args[0]]
                if n not in stored:
                    found.add(n)
        stored |= {nest.operands[s.operand] for s in p.stores}
    return found


def _inside(nest: Nest, plan: Plan) -> None:
    extents = (*nest.outer, *nest.inner)
    if not all(extents):
        return
    places = [(e.args[0], e.args[1], e.args[2]) for e in exprs_of(nest) if e.op == "load"]
    places += [(s.operand, s.offset, s.strides) for s in stores_of(nest)]
    for operand, offset, strides in places:
        low = offset + sum(min(s, 0) * (n - 1) for s, n in zip(strides, extents))
        high = offset + sum(max(s, 0) * (n - 1) for s, n in zip(strides, extents))
        b = plan.buffers[nest.operands[operand]]
        assert low >= 0 and high < b.size, f"{nest.label} looks outside {b.name}: {low}..{high} of {b.size}"


def execute(plan: Plan, inputs, numbers=()) -> list[np.ndarray]:
    """The results by NumPy, step by step, in memory laid out as planned; inputs that the plan writes are written."""
    from .evaluate import evaluate
    from .graph import compute

    arena = np.full(plan.arena + ALIGN, 0xEE, np.uint8)
    arrays: list = []
    for b in plan.buffers:
        if b.kind == "input":
            arrays.append(inputs[b.slot])
        elif b.kind == "constant":
            arrays.append(np.ascontiguousarray(b.array))
        elif b.kind == "temp" and b.offset >= 0:
            arrays.append(arena[b.offset : b.offset + b.nbytes].view(b.dtype).reshape(b.shape))
        else:
            arrays.append(np.zeros(b.shape, b.dtype))

    def of(x):
        if isinstance(x, Ref):
            return numbers[x.number] if x.buffer < 0 else arrays[x.buffer].reshape(x.shape)
        if isinstance(x, (tuple, list)):
            return type(x)(of(v) for v in x)
        if isinstance(x, dict):
            return {k: of(v) for k, v in x.items()}
        if isinstance(x, slice):
            return slice(of(x.start), of(x.stop), of(x.step))
        return x

    for step in plan.steps:
        if type(step) is Nest:
            evaluate(step, plan.buffers, arrays, numbers)
        elif type(step) is Gemm:
            product(step, arrays)
        else:
            made = compute(step.word, of(step.args), of(step.kwargs))
            for n, m in zip(step.outs, made if len(step.outs) > 1 or isinstance(made, (tuple, list)) else [made]):
                if n is not None:
                    arrays[n][...] = np.reshape(m, plan.buffers[n].shape)
    return [arrays[b] for b in plan.results]


def product(step: Gemm, arrays) -> None:
    """A Gemm by NumPy."""

    def seen(side, rows, cols):
        flat = arrays[side.buffer].reshape(-1)
        item = flat.itemsize
        shape, strides = (*step.batch, rows, cols), tuple(s * item for s in (*side.batch, side.rows, side.cols))
        return np.lib.stride_tricks.as_strided(flat[side.offset :], shape, strides)

    out = seen(step.c, step.m, step.n)
    made = np.matmul(seen(step.a, step.m, step.k), seen(step.b, step.k, step.n))
    out[...] = out + made if step.add else made
