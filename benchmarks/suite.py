"""Training steps in several engines side by side: PyTorch eager, torch.compile, jax.jit, lightwell eager, lightwell compiled.

    python benchmarks/suite.py [--rows mlp256,gpt] [--engines torch,eager] [--rounds 7] [--processes 1]
                               [--first-call] [--memory] [--json FILE]

The programs are in workloads/ (one text for PyTorch and lightwell) and peers/ (JAX). All engines start from the same weights and
data and must show the same first three losses before they are timed. Engines take turns, round by round, each in a process
of its own, the others stopped; a round is as many steps as fill `--seconds`. Rounds during which other programs took more than
8 % of the machine are run again, within `--patience`. A cell is the quickest round in milliseconds a step, the median round in
parentheses (with `--processes`, over several processes of each engine: where the allocator puts a convolution's arrays can make
half a process's speed); "×" says how many times faster. All engines use all the cores that the process may use.

`--first-call`: seconds of a step's first call in a fresh process, with an empty cache of kernels and with the filled one.
`--memory`: MiB by which steps raise the process's peak memory over what it was with model and data built; the libraries are
loaded and warm by then (a tiny sister of the step has run). In parentheses the same with the first calls, which may compile.
"""

import argparse
import json
import math
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks import engines, workloads
from benchmarks.engines import ENGINES, PEERS, Failed, Worker

OVER_TORCH = {"mlp16": 4.0, "lenet256": 3.0, "lenet16": 4.0, "gpt": 1.8, "lstm": 1.4, "gru": 1.4, "resnet18": 1.2}
MEANS = {"eager": ("torch", 1.3), "compiled": ("torch", 2.0), "compiled over the best peer": ("best", 1.5)}
FIRST_CALL = {row: 1.0 if row.startswith(("mlp", "lenet")) else 3.0 for row in workloads.ROWS}
WARM_CALL = 0.3
TOLERANCE = 1e-3  # of the first three losses, relative


# In a worker.


def prepare(engine: str, row: str, tiny: bool = False, quiet: bool = False):
    """A function of no arguments that trains `row` by one batch and returns the loss."""
    module = engines.library(engine)
    if module is None:
        from benchmarks import peers

        return peers.build(row, tiny, quiet)
    training = workloads.build(module, row, tiny, quiet)
    step = module.compile(training.step) if engines.compiles(engine) else training.step
    return lambda: step(training.x, training.y)


class Answers:
    """What a worker does, by name."""

    def __init__(self, engine: str):
        self.engine, self.run = engine, None

    def __call__(self, do: str, what: dict):
        return getattr(self, do)(**what)

    def losses(self, row: str, quiet: bool = False) -> list[float]:
        """The first three losses of a newly built step."""
        self.drop()
        self.run = prepare(self.engine, row, quiet=quiet)
        return [self.run().item() for _ in range(3)]

    def time(self, seconds: float) -> float:
        """Seconds a step."""
        return engines.timed(self.run, seconds, engines.wait)

    def drop(self) -> None:
        """Forget the step."""
        self.run = None
        if self.engine == "torch.compile":
            import torch

            torch._dynamo.reset()
        engines.settle()

    def first(self, row: str) -> float:
        """Seconds of the first call."""
        self.run = prepare(self.engine, row)
        start = engines.time.perf_counter()
        self.run().item()
        return engines.time.perf_counter() - start

    def memory(self, row: str) -> list[float]:
        """MiB: the growth of the peak by the first five steps, by three later ones, and the process's peak."""
        run = prepare(self.engine, row, tiny=True)
        for _ in range(3):
            run().item()
        del run
        self.run = prepare(self.engine, row)
        engines.settle()
        before, _ = engines.resident()
        for _ in range(5):
            self.run().item()
        _, first = engines.resident()
        engines.forget_peak()
        for _ in range(3):
            self.run().item()
        _, later = engines.resident()
        return [(first - before) / 1024, (later - before) / 1024, first / 1024]


# In the process that asks.


class Crew:
    """One living worker per engine."""

    script = __file__

    def __init__(self, names: list[str]):
        self.names, self.workers = names, {}

    def ask(self, name: str, do: str, **what):
        """Ask an engine; a dead worker is replaced at the next question."""
        return self._worker(name).ask(do, **what)

    def time(self, name: str, seconds: float, patience: float) -> tuple[float, float]:
        """(seconds a step, the share of the machine that other processes took meanwhile)."""
        return self._worker(name).ask_undisturbed("time", patience, seconds=seconds)

    def _worker(self, name: str) -> Worker:
        worker = self.workers.get(name)
        if worker is None or not worker.alive():
            worker = self.workers[name] = Worker(name, self.script)
        return worker

    def close(self) -> None:
        """End all."""
        for worker in self.workers.values():
            worker.close()
        self.workers.clear()


def check(crew: Crew, row: str, failed: dict[str, str]) -> None:
    """The engines' first losses are the same; those that fail or differ go into `failed` with the reason.

    Where dropout draws, JAX and torch.compile have streams of their own: they are compared without it.
    """
    draws = workloads.ROWS[row].random
    wanted: dict[bool, list[float]] = {}
    for name in sorted(crew.names, key=lambda n: n not in ("torch", "eager")):
        own_stream = draws and name in ("torch.compile", "jax")
        try:
            for quiet in (True, False) if draws else (False,):
                losses = crew.ask(name, "losses", row=row, quiet=quiet)
                if own_stream and not quiet:
                    continue
                reference = wanted.setdefault(quiet, losses)
                off = max(abs(a - b) / abs(b) for a, b in zip(losses, reference))
                if not off <= TOLERANCE:
                    raise Failed(f"losses {losses} where the first engine has {reference}")
        except Failed as error:
            failed[name] = str(error)


def times(crew: Crew, row: str, asked: argparse.Namespace) -> dict:
    """{engine: {"rounds": [seconds a step], "others": [share of the machine], "min", "median"} or {"failed": reason}}."""
    failed: dict[str, str] = {}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in crew.names}
    for process in range(asked.processes):
        if process:
            crew.close()
        check(crew, row, failed)
        for turn in range(asked.rounds):
            shift = turn % len(crew.names)  # nobody always follows the same neighbour
            for name in crew.names[shift:] + crew.names[:shift]:
                if name not in failed:
                    try:
                        taken[name].append(crew.time(name, asked.seconds, asked.patience))
                    except Failed as error:
                        failed[name] = str(error)
    out: dict = {}
    for name in crew.names:
        if name in failed:
            out[name] = {"failed": failed[name]}
            continue
        got, others = map(list, zip(*taken[name]))
        calm = [t for t, share in zip(got, others) if share <= engines.DISTURBED] or got
        out[name] = {"rounds": got, "others": others, "min": min(calm), "median": statistics.median(calm), "calm": calm is not got}
        crew.ask(name, "drop")
    return out


def first_calls(names: list[str], row: str) -> dict:
    """{engine: {"cold": seconds, "warm": seconds} or {"failed": reason}}; JAX keeps nothing on disk, so its two are alike."""
    out = {}
    for name in names:
        try:
            with engines.empty_caches() as folder:
                both = []
                for _ in range(2):
                    with engines.fresh(name, __file__, folder) as worker:
                        both.append(worker.ask("first", row=row))
            out[name] = dict(zip(("cold", "warm"), both))
        except Failed as error:
            out[name] = {"failed": str(error)}
    return out


def memories(names: list[str], row: str) -> dict:
    """{engine: {"first": MiB, "later": MiB, "process": MiB} or {"failed": reason}}."""
    out = {}
    for name in names:
        try:
            with engines.fresh(name, __file__) as worker:
                out[name] = dict(zip(("first", "later", "process"), worker.ask("memory", row=row)))
        except Failed as error:
            out[name] = {"failed": str(error)}
    return out


def ratios(got: dict) -> dict[str, float]:
    """How many times faster: ours over PyTorch eager and over the fastest peer, where both ran."""
    best = min((got[name]["min"] for name in PEERS if "min" in got.get(name, {})), default=None)
    out = {}
    for name in got:
        if name != "torch" and "min" in got[name] and "min" in got.get("torch", {}):
            out[name] = got["torch"]["min"] / got[name]["min"]
    if best is not None and "min" in got.get("compiled", {}):
        out["compiled over the best peer"] = best / got["compiled"]["min"]
    return out


def geometric(values: list[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values))


def goal(row: str, name: str) -> float | None:
    """What a ratio has to reach."""
    return {"eager": 1.0, "compiled over the best peer": 1.0, "compiled": OVER_TORCH.get(row)}.get(name)


class Table:
    """A Markdown table that is printed row by row."""

    def __init__(self, *head: str):
        print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head), flush=True)

    def row(self, *cells: str) -> None:
        """One row."""
        print("| " + " | ".join(cells) + " |", flush=True)


def show(value: float) -> str:
    """Three digits, no powers of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def time_rows(rows: list[str], names: list[str], asked: argparse.Namespace, short: list[str]) -> dict:
    """The main table; what is short of its goal is added to `short`."""
    compared = [n for n in names if n != "torch"] if "torch" in names else []
    if "compiled" in names and any(n in PEERS for n in names):
        compared.append("compiled over the best peer")
    table = Table("step, ms", *(ENGINES[n] for n in names), *(f"{n} ×" for n in compared))
    crew, out, means = Crew(names), {}, {n: [] for n in compared}
    notes = []
    try:
        for row in rows:
            got = out[row] = times(crew, row, asked)
            over = ratios(got)
            cells = []
            for name in names:
                if "failed" in got[name]:
                    notes.append(f"{workloads.ROWS[row].title}, {ENGINES[name]}: failed: {got[name]['failed']}")
                    cells.append("failed")
                else:
                    mark = "" if got[name]["calm"] else " disturbed"
                    cells.append(f"{show(got[name]['min'] * 1e3)} ({show(got[name]['median'] * 1e3)}){mark}")
            for name in compared:
                wanted = goal(row, name)
                if name in over:
                    means[name].append(over[name])
                if wanted is not None and over.get(name, 0) < wanted:
                    got_it = f"{over[name]:.3g} ×" if name in over else "failed"
                    short.append(f"{workloads.ROWS[row].title}: {name} {got_it}, goal {wanted:.4g} ×")
                cells.append(f"{over[name]:.2f}" if name in over else "")
            table.row(workloads.ROWS[row].title, *cells)
    finally:
        crew.close()
    totals = [
        f"{geometric(means[n]):.2f}" + (f" of {len(means[n])}" if len(means[n]) < len(rows) else "") if means[n] else "" for n in compared
    ]
    table.row("geometric mean", *("" for _ in names), *totals)
    for name, (_, wanted) in MEANS.items():
        if means.get(name) and geometric(means[name]) < wanted:
            short.append(f"geometric mean: {name} {geometric(means[name]):.2f} ×, goal {wanted} ×")
    if notes:
        print("\n" + "\n".join(f"- {note}" for note in notes))
    return out


def first_rows(rows: list[str], names: list[str], short: list[str]) -> dict:
    """The table of first calls."""
    names = [n for n in names if n in ("torch.compile", "jax", "compiled")]
    print()
    table = Table("first call, s", *(f"{ENGINES[n]}, {how}" for n in names for how in ("cold", "warm")))
    out = {}
    for row in rows:
        got = out[row] = first_calls(names, row)
        table.row(workloads.ROWS[row].title, *(show(got[n][how]) if how in got[n] else "failed" for n in names for how in ("cold", "warm")))
        for how, limit in (("cold", FIRST_CALL[row]), ("warm", WARM_CALL)):
            value = got.get("compiled", {}).get(how, 0)
            if value > limit:
                short.append(f"{workloads.ROWS[row].title}: first call {how} {show(value)} s, goal {limit} s")
    return out


def memory_rows(rows: list[str], names: list[str], short: list[str]) -> dict:
    """The table of memory."""
    print()
    table = Table("peak memory of steps, MiB", *(ENGINES[n] for n in names))
    out = {}
    for row in rows:
        got = out[row] = memories(names, row)
        table.row(
            workloads.ROWS[row].title,
            *(f"{show(got[n]['later'])} ({show(got[n]['first'])})" if "later" in got[n] else "failed" for n in names),
        )
        ours, theirs = (got.get(n, {}).get("later") for n in ("compiled", "torch"))
        if ours is not None and theirs is not None and ours > theirs:
            short.append(f"{workloads.ROWS[row].title}: compiled steps take {show(ours)} MiB, PyTorch eager {show(theirs)}")
    return out


def main() -> int:
    """Run what is asked; exit status 1 where a goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", default=",".join(workloads.ROWS), help="which steps, by their short names: %(default)s")
    options.add_argument("--engines", default=",".join(ENGINES), help="which engines: %(default)s")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--processes", type=int, default=1, help="run the rounds in this many processes of an engine, one after the other")
    options.add_argument("--seconds", type=float, default=0.2, help="the least length of a round")
    options.add_argument("--patience", type=float, default=5.0, help="how many seconds to wait for a round that nothing disturbs")
    options.add_argument("--first-call", action="store_true", help="also time first calls")
    options.add_argument("--memory", action="store_true", help="also measure the memory of steps")
    options.add_argument("--no-times", action="store_true", help="leave out the table of times")
    options.add_argument("--json", help="write all figures to this file")
    options.add_argument("--serve", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.serve:
        engines.serve(Answers(asked.serve))
        return 0
    rows, names = asked.rows.split(","), asked.engines.split(",")
    for given, known in ((rows, workloads.ROWS), (names, ENGINES)):
        if unknown := [name for name in given if name not in known]:
            options.error(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    short: list[str] = []
    out: dict = {}
    if not asked.no_times:
        out["times"] = time_rows(rows, names, asked, short)
    if asked.first_call:
        out["first call"] = first_rows(rows, names, short)
    if asked.memory:
        out["memory"] = memory_rows(rows, names, short)
    if short:
        print("\nShort of the goal:\n\n" + "\n".join(f"- {line}" for line in short))
    if asked.json:
        Path(asked.json).write_text(json.dumps({**out, "short": short}, indent=1) + "\n")
    return 1 if short else 0


if __name__ == "__main__":
    raise SystemExit(main())
