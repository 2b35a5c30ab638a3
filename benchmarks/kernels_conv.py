"""Native convolutions and poolings beside PyTorch's, layer by layer: milliseconds, ratios, rates.

    python benchmarks/kernels_conv.py [name ...]     layers whose names begin so; all without names
    python benchmarks/kernels_conv.py --no-torch ...

Each figure is the smallest of many runs on all threads, all memory warm.
"""

import ctypes
import sys
import time

import numpy as np

from lightwell.backend.windows import outputs
from lightwell.compile import calls, native, runtime
from lightwell.compile.nest import Call, Ref

# name: batch, channels, side, output channels, kernel, stride, padding
CONVOLUTIONS = {
    "lenet 1": (256, 1, 28, 6, 5, 1, 2), "lenet 2": (256, 6, 14, 16, 5, 1, 0), "lenet 1, 16": (16, 1, 28, 6, 5, 1, 2),
    "lenet 2, 16": (16, 6, 14, 16, 5, 1, 0), "resnet 7x7": (32, 1, 96, 64, 7, 2, 3), "resnet 64": (32, 64, 24, 64, 3, 1, 1),
    "resnet 64-128": (32, 64, 24, 128, 3, 2, 1), "resnet 1x1": (32, 64, 24, 128, 1, 2, 0), "resnet 128": (32, 128, 12, 128, 3, 1, 1),
    "resnet 128-256": (32, 128, 12, 256, 3, 2, 1), "resnet 256": (32, 256, 6, 256, 3, 1, 1), "resnet 256-512": (32, 256, 6, 512, 3, 2, 1),
    "resnet 512": (32, 512, 3, 512, 3, 1, 1), "dcgan 512": (64, 256, 8, 512, 4, 2, 1), "dcgan 256": (64, 128, 16, 256, 4, 2, 1),
    "dcgan 128": (64, 64, 32, 128, 4, 2, 1), "dcgan 3": (64, 3, 64, 64, 4, 2, 1), "vgg 64": (16, 64, 56, 64, 3, 1, 1),
    "small 32": (64, 3, 32, 32, 3, 1, 1), "small 64": (64, 32, 16, 64, 3, 1, 1),
}  # fmt: skip
# name: batch, channels, side, kernel, stride, padding
POOLINGS = {
    "lenet pool 1": (256, 6, 28, 2, 2, 0), "lenet pool 2": (256, 16, 10, 2, 2, 0), "lenet pool 1, 16": (16, 6, 28, 2, 2, 0),
    "resnet pool": (32, 64, 48, 3, 2, 1),
}  # fmt: skip


class Word:
    """A word on given arrays as a native job."""

    def __init__(self, word, args, shape):
        arrays = [a for a in args if isinstance(a, np.ndarray)] + [np.empty(shape, np.float32)]
        numbers = iter(range(len(arrays)))
        refs = tuple(Ref(next(numbers), a.shape) if isinstance(a, np.ndarray) else a for a in args)

        def shapes(x):
            return (x.shape, arrays[x.buffer].dtype) if isinstance(x, Ref) else (arrays[x].shape, arrays[x].dtype)

        self.kernels = calls.lower(Call(word, refs, {}, [len(arrays) - 1]), shapes) or []
        assert self.kernels, f"no native code for {word}"
        start = time.perf_counter()
        addresses = native.functions([(k.key, k.build) for k in self.kernels])
        self.seconds = time.perf_counter() - start
        self.keep, entries = [arrays], []
        for kernel, address in zip(self.kernels, addresses):
            scratch = np.empty(kernel.scratch + 64, np.uint8)
            slots = [0, *[arrays[o].ctypes.data for o in kernel.operands]]
            slots += ([(scratch.ctypes.data + 63) // 64 * 64] if kernel.scratch else []) + kernel.integers
            table = (ctypes.c_int64 * len(slots))(*slots)
            self.keep += [scratch, table]
            flags = runtime.BARRIER | (runtime.TOGETHER if kernel.together else 0)
            entries.append((address, ctypes.addressof(table), flags))
        self.job = runtime.Job(entries)


def best(function, seconds=0.15):
    """The smallest time of a call, in milliseconds."""
    function()
    found, end = 1e9, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        function()
        found = min(found, time.perf_counter() - start)
    return found * 1e3


def _line(name, what, ours, theirs, work):
    told = "" if theirs is None else f"{theirs:9.3f} {theirs / ours:6.2f}x"
    rate = f"{work / ours / 1e6:6.0f} GFLOP/s" if work else ""
    print(f"{name:16s} {what:8s} {ours:9.3f} {told} {rate}", flush=True)


def convolution(name, torch):
    """The three maps of one layer."""
    n, c, side, o, k, s, p = CONVOLUTIONS[name]
    rng = np.random.default_rng(0)
    out = outputs((side, side), (k, k), (s, s), (p, p), (1, 1))
    x, w, g = (rng.standard_normal(shape).astype(np.float32) for shape in ((n, c, side, side), (o, c, k, k), (n, o, *out)))
    rest = ((s, s), (p, p), (1, 1), 1)
    work = 2 * g.size * c * k * k
    jobs = [
        ("forward", Word("convolve", (x, w, None, *rest), g.shape)),
        ("adjoint", Word("convolve_adjoint", (g, w, None, (side, side), *rest), x.shape)),
        ("weight", Word("convolve_weight", (x, g, (k, k), *rest), w.shape)),
    ]
    theirs = [None] * 3
    if torch is not None:
        tx, tw, tg = map(torch.from_numpy, (x, w, g))

        def back(*mask):
            return torch.ops.aten.convolution_backward(tg, tx, tw, None, (s, s), (p, p), (1, 1), False, (0, 0), 1, mask)

        theirs = [best(lambda: torch.nn.functional.conv2d(tx, tw, None, s, p)), best(lambda: back(True, False, False))]
        theirs.append(best(lambda: back(False, True, False)))
    for (what, word), other in zip(jobs, theirs):
        _line(name, what, best(word.job), other, work)
    print(f"{'':16s} compiled in {1e3 * sum(w.seconds for _, w in jobs):.0f} ms")


def pooling(name, torch):
    """Maxima and averages of one layer, both ways."""
    n, c, side, k, s, p = POOLINGS[name]
    rng = np.random.default_rng(0)
    out = outputs((side, side), (k, k), (s, s), (p, p), (1, 1))
    x, g = (rng.standard_normal((n, c, *shape)).astype(np.float32) for shape in ((side, side), out))
    y = np.empty(g.shape, np.float32)
    rest = ((k, k), (s, s), (p, p))
    jobs = [
        ("max", Word("max_pool", (x, *rest, (1, 1), out), g.shape)),
        ("max back", Word("max_pool_back", (g, x, y, *rest, (1, 1)), x.shape)),
        ("sum", Word("window_sum", (x, *rest, out), g.shape)),
        ("spread", Word("window_spread", (g, *rest, (side, side)), x.shape)),
    ]
    theirs = [None] * 4
    if torch is not None:
        tx, tg = torch.from_numpy(x), torch.from_numpy(g)
        _, places = torch.nn.functional.max_pool2d(tx, k, s, p, return_indices=True)
        aten = torch.ops.aten
        theirs = [
            best(lambda: torch.nn.functional.max_pool2d(tx, k, s, p)),
            best(lambda: aten.max_pool2d_with_indices_backward(tg, tx, (k, k), (s, s), (p, p), (1, 1), False, places)),
            best(lambda: torch.nn.functional.avg_pool2d(tx, k, s, p)),
            best(lambda: aten.avg_pool2d_backward(tg, tx, (k, k), (s, s), (p, p), False, True, None)),
        ]
    for (what, word), other in zip(jobs, theirs):
        _line(name, what, best(word.job), other, 0)
    print(f"{'':16s} compiled in {1e3 * sum(w.seconds for _, w in jobs):.0f} ms")


def main(names):
    """Print the table."""
    torch = None
    if "--no-torch" not in names:
        import torch

        torch.set_num_threads(2)
    names = [n for n in names if not n.startswith("--")]
    print(f"{'layer':16s} {'':8s} {'ours, ms':>9s} {'PyTorch':>9s}")
    with torch.no_grad() if torch else __import__("contextlib").nullcontext():
        for table, measure in ((CONVOLUTIONS, convolution), (POOLINGS, pooling)):
            for name in table:
                if not names or any(name.startswith(n) for n in names):
                    measure(name, torch)


if __name__ == "__main__":
    main(sys.argv[1:])
