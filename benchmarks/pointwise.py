"""Large single operations against the machine's limits: fused chains, optimizer passes, matrix products, row reductions, sums.

    python benchmarks/pointwise.py [--only WORD] [--engines torch,compiled] [--rounds 7] [--processes 1] [--json FILE]

Engines, turns and cells as in suite.py, milliseconds a call. Two limits are measured in the same run, in a process of their own:

- memory bandwidth: a[:] = b (counted as one read and one write of each byte) and a[:] = b + c (two reads, one write) in NumPy, in one
  thread per core (NumPy drops the interpreter lock meanwhile); the larger is the limit. Arrays are of `--megabytes` MiB a thread: 24
  make sums touch as much memory as Adam over 10M parameters does, 160 MB, since a large shared cache holds part of either.
- sgemm: the best of single-threaded OpenBLAS in one thread per core, each its own product of 1024³ or 2048³, and of the rows below.

"of the limit" is the share of it that each engine reaches: bytes that must move (each operand once, each result once) or
multiply-adds, over its time.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks import engines
from benchmarks.engines import ENGINES, Failed
from benchmarks.suite import Crew, Table, geometric, show

N = 10_000_000
OVER_TORCH = {"gelu(x*y+x), 10M": 8.0}
OF_LIMIT = {"Adam, 10M parameters": 0.7} | {f"product {n}³": 0.9 for n in (1024, 2048)}


class Case(NamedTuple):
    """One row: how to build its call on a library and on JAX, and what it must at least move or multiply."""

    build: Callable[[Any], Callable]
    jax: Callable[[], Callable]
    megabytes: float = 0.0
    gigaflops: float = 0.0


def _calls(make: Callable, *shapes: tuple[int, ...]) -> dict[str, Callable]:
    """build and jax of a pure function of uniform random arrays; `make(namespace)` gives the function."""

    def build(torch):
        torch.manual_seed(0)
        arrays = [torch.rand(*shape) for shape in shapes]
        f = make(torch)
        return f, arrays

    def in_jax():
        import jax

        keys = jax.random.split(jax.random.key(0), len(shapes))
        arrays = [jax.random.uniform(key, shape) for key, shape in zip(keys, shapes)]
        return jax.jit(make(jax)), arrays

    return {"build": build, "jax": in_jax}


def _gelu(m):
    """gelu(x·y + x), the exact gelu."""
    gelu = m.nn.functional.gelu if hasattr(m.nn, "functional") else lambda x: m.nn.gelu(x, approximate=False)
    return lambda x, y: gelu(x * y + x)


def _softmax(m):
    if hasattr(m.nn, "functional"):
        return lambda x: m.nn.functional.softmax(x, dim=-1)
    return lambda x: m.nn.softmax(x, axis=-1)


def _norm(m):
    if hasattr(m.nn, "functional"):
        return lambda x: m.nn.functional.layer_norm(x, (1024,))

    def norm(x):
        mean = x.mean(-1, keepdims=True)
        return (x - mean) * m.lax.rsqrt(m.numpy.square(x - mean).mean(-1, keepdims=True) + 1e-5)

    return norm


def _adam(torch):
    """A step of Adam on a parameter whose gradient is there already."""
    torch.manual_seed(0)
    parameter = torch.nn.Parameter(torch.rand(N))
    parameter.grad = torch.rand(N)
    optimizer = torch.optim.Adam([parameter], lr=1e-3)

    def step():
        optimizer.step()
        return parameter.detach()

    return step, []


def _adam_in_jax():
    import jax

    from benchmarks.peers.common import adam

    initial, update = adam(1e-3)
    p = jax.random.uniform(jax.random.key(0), (N,))
    held, g = [p, initial(p)], jax.random.uniform(jax.random.key(1), (N,))
    step = jax.jit(lambda p, state, g: update(p, g, state), donate_argnums=(0, 1))

    def run():
        held[:] = step(*held, g)
        return held[0]

    return run, []


def cases() -> dict[str, Case]:
    """The rows."""
    floats = 4 * N / 1e6
    out = {
        "gelu(x*y+x), 10M": Case(**_calls(_gelu, (N,), (N,)), megabytes=3 * floats),
        "Adam, 10M parameters": Case(_adam, _adam_in_jax, megabytes=7 * floats),
        "sum, 10M": Case(**_calls(lambda m: lambda x: x.sum(), (N,)), megabytes=floats),
        "sum over rows, 10k×1k": Case(**_calls(lambda m: lambda x: x.sum(0), (10_000, 1000)), megabytes=floats),
        "softmax 1024×32000": Case(**_calls(_softmax, (1024, 32000)), megabytes=2 * 4 * 1024 * 32000 / 1e6),
        "layer norm 4096×1024": Case(**_calls(_norm, (4096, 1024)), megabytes=2 * 4 * 4096 * 1024 / 1e6),
    }
    for m, k, n in ((1024, 1024, 1024), (2048, 2048, 2048), (768, 128, 512), (256, 784, 256)):
        name = f"product {m}³" if m == k == n else f"product {m}×{k}×{n}"
        out[name] = Case(**_calls(lambda _: lambda a, b: a @ b, (m, k), (k, n)), gigaflops=2 * m * k * n / 1e9)
    return out


# In a worker.


class Answers:
    """What a worker does, by name."""

    def __init__(self, engine: str):
        self.engine, self.run = engine, None

    def __call__(self, do: str, what: dict):
        return getattr(self, do)(**what)

    def build(self, case: str) -> list[float]:
        """Make the call ready; a few of its numbers, to compare."""
        self.run = None
        engines.settle()
        module = engines.library(self.engine)
        if module is None:
            f, arrays = cases()[case].jax()
        else:
            f, arrays = cases()[case].build(module)
            f = module.compile(f) if engines.compiles(self.engine) else f
        self.run = lambda: f(*arrays)
        result = self.run().reshape(-1)
        return [float(result[i].item()) for i in (0, len(result) // 2, -1)] if module is not None else []

    def time(self, seconds: float) -> float:
        """Seconds a call."""
        return engines.timed(self.run, seconds, engines.wait)

    def bandwidth(self, megabytes: int) -> dict[str, float]:
        """GB/s of copy and add."""
        return bandwidth(megabytes)

    def sgemm(self) -> dict[str, float]:
        """GFLOP/s of one product per thread."""
        return sgemm()


def _together(work: Callable[[int], None], rounds: int = 15) -> float:
    """The least seconds in which one thread per core does `work(thread)`, from the first's start to the last's end."""
    gate = threading.Barrier(engines.THREADS)
    spans: list[list[tuple[float, float]]] = [[] for _ in range(engines.THREADS)]

    def body(i):
        for _ in range(rounds):
            gate.wait()
            start = time.perf_counter()
            work(i)
            spans[i].append((start, time.perf_counter()))

    threads = [threading.Thread(target=body, args=(i,)) for i in range(engines.THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return min(max(end for _, end in turn) - min(start for start, _ in turn) for turn in zip(*spans))


def bandwidth(megabytes: int) -> dict[str, float]:
    """GB/s of copy and sum over `megabytes` MiB an array and thread."""
    import numpy as np

    n = megabytes << 18
    arrays = [[np.ones(n, np.float32) for _ in range(3)] for _ in range(engines.THREADS)]
    moved = 4 * n * engines.THREADS / 1e9
    return {
        "copy": 2 * moved / _together(lambda i: np.copyto(arrays[i][0], arrays[i][1])),
        "add": 3 * moved / _together(lambda i: np.add(arrays[i][1], arrays[i][2], out=arrays[i][0])),
    }


def sgemm() -> dict[str, float]:
    """GFLOP/s of single-threaded OpenBLAS in every thread at once, by size; {} without scipy_openblas32."""
    try:
        import ctypes

        import numpy as np
        import scipy_openblas32 as openblas
    except ImportError:
        return {}
    library = ctypes.CDLL(str(Path(openblas.get_lib_dir()) / f"lib{openblas.get_library()}.so"))
    library.scipy_openblas_set_num_threads(1)
    product, out = library.scipy_cblas_sgemm, {}
    number, real, pointer = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    product.argtypes = [number] * 6 + [real, pointer, number, pointer, number, real, pointer, number]
    product.restype = None
    for n in (1024, 2048):
        arrays = [[np.random.rand(n, n).astype(np.float32) for _ in range(3)] for _ in range(engines.THREADS)]

        def work(i):
            a, b, c = (x.ctypes.data for x in arrays[i])
            product(101, 111, 111, n, n, n, 1.0, a, n, b, n, 0.0, c, n)

        out[f"OpenBLAS {n}³"] = 2 * n**3 * engines.THREADS / 1e9 / _together(work, 7)
    return out


# In the process that asks.


class Bench(Crew):
    """Workers of this file."""

    script = __file__


def limits(megabytes: int) -> tuple[dict, dict]:
    """(GB/s by method, GFLOP/s by method), measured in fresh processes."""
    with engines.fresh("eager", __file__) as worker:
        moved = worker.ask_undisturbed("bandwidth", 10, megabytes=megabytes)[0]
    with engines.fresh("eager", __file__) as worker:
        multiplied = worker.ask_undisturbed("sgemm", 10)[0]
    return moved, multiplied


def measure(crew: Bench, case: str, asked: argparse.Namespace) -> dict:
    """{engine: {"min", "median", "rounds"} or {"failed"}}."""
    failed: dict[str, str] = {}
    taken: dict[str, list[float]] = {name: [] for name in crew.names}
    for process in range(asked.processes):
        if process:
            crew.close()
        wanted = None
        for name in crew.names:
            try:
                got = crew.ask(name, "build", case=case)
                wanted = wanted or got
                if got and not all(abs(a - b) <= 1e-3 * abs(b) + 1e-5 for a, b in zip(got, wanted)):
                    raise Failed(f"{got} where the first engine has {wanted}")
            except Failed as error:
                failed[name] = str(error)
        for turn in range(asked.rounds):
            shift = turn % len(crew.names)
            for name in crew.names[shift:] + crew.names[:shift]:
                if name not in failed:
                    taken[name].append(crew.time(name, asked.seconds, asked.patience)[0])
    return {
        name: {"failed": failed[name]} if name in failed else {"rounds": t, "min": min(t), "median": statistics.median(t)}
        for name, t in taken.items()
    }


def main() -> int:
    """Run what is asked; exit status 1 where a goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="", help="run the cases whose name contains this")
    options.add_argument("--engines", default=",".join(ENGINES), help="which engines: %(default)s")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--processes", type=int, default=1)
    options.add_argument("--seconds", type=float, default=0.2)
    options.add_argument("--patience", type=float, default=5.0)
    options.add_argument("--megabytes", type=int, default=24, help="the size of an array that bandwidth is measured on, MiB a thread")
    options.add_argument("--json", help="write all figures to this file")
    options.add_argument("--serve", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.serve:
        engines.serve(Answers(asked.serve))
        return 0
    names, known = asked.engines.split(","), cases()
    moved, multiplied = limits(asked.megabytes)
    print("bandwidth: " + ", ".join(f"{k} {v:.1f} GB/s" for k, v in moved.items()))
    print("sgemm: " + (", ".join(f"{k} {v:.0f} GFLOP/s" for k, v in multiplied.items()) or "no OpenBLAS") + "\n")
    shares = [f"{n}, of the limit" for n in names]
    compared = [f"{n} ×" for n in names if n != "torch"] if "torch" in names else []
    table = Table("call, ms", *(ENGINES[n] for n in names), *compared, *shares)
    crew, out, short, over = Bench(names), {}, [], {n: [] for n in names if n != "torch"}
    peak = max(multiplied.values(), default=0.0)
    try:
        for case in (c for c in known if asked.only in c):
            got = out[case] = measure(crew, case, asked)
            least = {n: got[n].get("min") for n in names}
            cells = [f"{show(got[n]['min'] * 1e3)} ({show(got[n]['median'] * 1e3)})" if least[n] else "failed" for n in names]
            if known[case].gigaflops:
                peak = max([peak, *(known[case].gigaflops / t for t in least.values() if t)])
            for name in over if compared else ():
                faster = least["torch"] / least[name] if least[name] and least["torch"] else 0.0
                over[name] += [faster] if faster else []
                cells.append(f"{faster:.2f}" if faster else "")
                if name == "compiled" and faster < OVER_TORCH.get(case, 0):
                    short.append(f"{case}: compiled {faster:.2f} ×, goal {OVER_TORCH[case]} ×")
            for name in names:
                limit = known[case].megabytes / 1e3 / max(moved.values()) if known[case].megabytes else known[case].gigaflops / (peak or 1)
                share = got[name]["share"] = limit / least[name] if least[name] else 0.0
                cells.append(f"{share:.0%}" if share else "")
                if name == "compiled" and share < OF_LIMIT.get(case, 0):
                    short.append(f"{case}: compiled at {share:.0%} of the limit, goal {OF_LIMIT[case]:.0%}")
            table.row(case, *cells)
    finally:
        crew.close()
    if compared:
        table.row(
            "geometric mean", *("" for _ in names), *(f"{geometric(v):.2f}" if v else "" for v in over.values()), *("" for _ in names)
        )
    for case, got in out.items():
        for name, figures in got.items():
            if "failed" in figures:
                print(f"- {case}, {ENGINES[name]}: {figures['failed']}")
    if short:
        print("\nShort of the goal:\n\n" + "\n".join(f"- {line}" for line in short))
    if asked.json:
        Path(asked.json).write_text(json.dumps({"bandwidth": moved, "sgemm": multiplied, "cases": out, "short": short}, indent=1) + "\n")
    return 1 if short else 0


if __name__ == "__main__":
    raise SystemExit(main())
