"""Native recurrent layers, scatters and random streams beside PyTorch's: milliseconds forward and backward, and ratios.

    python benchmarks/kernels_recurrent.py [--no-torch] [--threads=1] [name ...]     cases whose names begin so; all without names

Each figure is the smallest of many runs, on all threads unless said, all memory warm. Backward is all gradients: of x, the state, the weights.
"""

import ctypes
import os
import sys
import time

import numpy as np

from lightwell.backend import threads
from lightwell.compile import calls, native, runtime, streams
from lightwell.compile.graph import compute
from lightwell.compile.nest import Call, Ref
from lightwell.random import engine

# name: steps, batch, input features, hidden features
SIZES = {
    "35x32x256": (35, 32, 256, 256), "35x20x650": (35, 20, 650, 650), "50x64x128": (50, 64, 128, 128), "20x128x512": (20, 128, 512, 512),
    "100x8x64": (100, 8, 64, 64), "28x100x28-100": (28, 100, 28, 100), "64x1x256": (64, 1, 256, 256), "1x32x256": (1, 32, 256, 256),
}  # fmt: skip
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
REPEAT = float(os.environ.get("REPEAT", "0.4"))  # seconds for each figure


def quickest(call):
    """The smallest time of one call, in milliseconds."""
    best, end, count = 1e9, time.perf_counter() + REPEAT, 0
    call()
    while count < 10 or time.perf_counter() < end:
        count += 1
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best * 1e3


class Word:
    """A word on given arrays as a native job; `results` are arrays like NumPy's."""

    def __init__(self, word, *args):
        self.arrays = []
        refs = self.refs(args)
        made = compute(word, args, {})
        self.results = [None if r is None else np.empty(r.shape, r.dtype) for r in (made if isinstance(made, (tuple, list)) else [made])]
        outs = []
        for r in self.results:
            outs.append(None if r is None else len(self.arrays))
            self.arrays += [] if r is None else [r]

        def shapes(x):
            return (x.shape, self.arrays[x.buffer].dtype) if isinstance(x, Ref) else (self.arrays[x].shape, self.arrays[x].dtype)

        kernels = calls.lower(Call(word, refs, {}, outs), shapes)
        assert kernels, f"no native code for {word}"
        self.keep, entries = [], []
        for kernel, address in zip(kernels, native.functions([(k.key, k.build) for k in kernels])):
            scratch = np.zeros(kernel.scratch + 64, np.uint8)
            slots = [0, *[self.arrays[o].ctypes.data for o in kernel.operands]]
            slots += ([(scratch.ctypes.data + 63) // 64 * 64] if kernel.scratch else []) + kernel.integers
            table = (ctypes.c_int64 * len(slots))(*slots)
            self.keep += [scratch, table]
            how = runtime.ALONE if not kernel.threads else runtime.TOGETHER if kernel.together else 0
            entries.append((address, ctypes.addressof(table), runtime.BARRIER | how))
        self.job = runtime.Job(entries)

    def __call__(self):
        self.job()

    def refs(self, x):
        """Arguments with Refs for arrays."""
        if isinstance(x, np.ndarray):
            self.arrays.append(np.ascontiguousarray(x))
            return Ref(len(self.arrays) - 1, x.shape)
        return tuple(map(self.refs, x)) if isinstance(x, tuple) else x


def layer(word, size):
    """(forward, backward) of ours."""
    steps, batch, inputs, hidden = size
    rng, rows = np.random.default_rng(0), GATES[word] * hidden
    make = lambda *shape: rng.uniform(-0.1, 0.1, shape).astype(np.float32)
    states = [make(batch, hidden) for _ in range(2 if word == "lstm" else 1)]
    given = (make(steps, batch, inputs), *states, make(rows, inputs), make(rows, hidden), make(rows), make(rows))
    ahead = (False,) if word == "rnn" else ()
    forward = Word(word, *ahead, *given, False)
    forward()
    kept = tuple(forward.results[1 + len(states) :])
    gradients = (make(steps, batch, hidden), *(make(batch, hidden) for _ in states))
    return forward, Word(word + "_back", *ahead, (True,) * len(given), gradients, given, kept, False)


def theirs(word, size):
    """(forward, forward and backward) of PyTorch's."""
    import torch

    steps, batch, inputs, hidden = size
    module = getattr(torch.nn, word.upper())(inputs, hidden)
    x, h = torch.randn(steps, batch, inputs, requires_grad=True), torch.randn(1, batch, hidden, requires_grad=True)
    state, g = (h, h) if word == "lstm" else h, torch.randn(steps, batch, hidden)

    def both():
        y, _ = module(x, state)
        y.backward(g)

    return lambda: module(x, state), both


def recurrent(names, torch):
    for word in GATES:
        for name, size in SIZES.items():
            if names and not f"{word} {name}".startswith(tuple(names)):
                continue
            one, two = map(quickest, layer(word, size))
            steps, batch, inputs, hidden = size
            rate = 6 * steps * batch * GATES[word] * hidden * (inputs + hidden) / (one + two) / 1e6
            text = f"{word} {name:16} {one:8.3f} + {two:8.3f} ms {rate:6.0f} GFLOP/s"
            if torch:
                forward, both = map(quickest, theirs(word, size))
                text += f"   PyTorch {forward:8.3f}, both {both:8.3f} ms   {both / (one + two):5.2f} times"
            print(text, flush=True)


def scatters(names, torch):
    rng = np.random.default_rng(0)
    for name, (places, width, count) in {"embedding 10000x256": (10000, 256, 1120), "embedding 65x128": (65, 128, 768)}.items():
        if names and not name.startswith(tuple(names)):
            continue
        index, v = rng.integers(0, places, count), rng.standard_normal((count, width)).astype(np.float32)
        text = f"{name:20} {quickest(Word('index_add', (places, width), (index,), v)):8.3f} ms"
        if torch:
            import torch as T

            i, g = T.tensor(index), T.tensor(v)
            text += f"   PyTorch {quickest(lambda: T.ops.aten.embedding_dense_backward(g, i, places, -1, False)):8.3f} ms"
        print(text, flush=True)


def random_numbers(names, torch):
    g = engine.Generator().manual_seed(0)
    for n in (10_000, 1_000_000):
        for word, parameter in (("bernoulli", 0.9), ("uniform", None), ("normal", None)):
            name = f"{word} {n}"
            if names and not name.startswith(tuple(names)):
                continue
            ours = getattr(streams, word)
            text = f"{name:20} {quickest(lambda: ours(g, parameter, n) if parameter else ours(g, n)):8.3f} ms"
            if torch:
                import torch as T

                x = T.empty(n)
                text += f"   PyTorch {quickest(lambda: getattr(x, word + '_')(*([parameter] if parameter else []))):8.3f} ms"
            print(text, flush=True)


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("--")]
    torch = "--no-torch" not in sys.argv
    for a in sys.argv:
        if a.startswith("--threads="):
            threads.set_num_threads(int(a[10:]))
    if torch:
        import torch as T

        T.set_num_threads(threads.get_num_threads())
    recurrent(names, torch)
    scatters(names, torch)
    random_numbers(names, torch)


if __name__ == "__main__":
    main()
