"""Help for the tests of words with native code: one call on arrays, lowered and run, next to what NumPy makes of it."""

import ctypes

import numpy as np

from lightwell.compile import calls, native, runtime
from lightwell.compile.graph import compute
from lightwell.compile.nest import Call, Ref

FENCE = 64  # bytes around each array that must stay as they are


class Fenced:
    """Room for an array between two fences, full of what no result should be."""

    def __init__(self, shape, dtype):
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        self.bytes = np.full(size + 2 * FENCE + 64, 0xA5, np.uint8)
        self.start = FENCE + -(self.bytes.ctypes.data + FENCE) % 64
        self.array = self.bytes[self.start : self.start + size].view(dtype).reshape(shape)

    def whole(self):
        """Whether nothing was written beyond the array."""
        end = self.start + self.array.nbytes
        return bool((self.bytes[: self.start] == 0xA5).all() and (self.bytes[end:] == 0xA5).all())


def native_and_numpy(word, *args, unused=(), threads=(1, 2, 3), reference=None, same_bits=True):
    """(native results, NumPy's) of a word with arrays among its arguments; None where it has no native code.

    The results numbered in `unused` are asked of neither. Every number of threads must give the same bits, or with
    same_bits=False (where BLAS has a part in them) the same numbers up to rounding.
    """
    made = compute(word, args, {}) if reference is None else reference
    single = not isinstance(made, (tuple, list))
    want = [None if i in unused or m is None else np.asarray(m) for i, m in enumerate([made] if single else made)]
    found = None
    for count in threads:
        got = _run(word, args, want, count)
        if got is None:
            return None
        for a, b in zip(got, found or got):
            if a is not None and (same_bits or not np.allclose(a, b, 1e-3, 1e-3 * np.abs(b).max(), equal_nan=True)):
                assert a.tobytes() == b.tobytes(), f"{word} differs between 1 and {count} threads"
        found = got
    return found, want


def _run(word, args, want, threads):
    arrays, outs = [], []

    def refs(x):
        if isinstance(x, np.ndarray):
            arrays.append(np.ascontiguousarray(x))
            return Ref(len(arrays) - 1, x.shape)
        if isinstance(x, (tuple, list)):
            return type(x)(refs(v) for v in x)
        return x

    told = refs(args)
    given, copies, fences = len(arrays), [a.copy() for a in arrays], []
    for w in want:
        if w is None:
            outs.append(None)
            continue
        fences.append(Fenced(w.shape, w.dtype))
        arrays.append(fences[-1].array)
        outs.append(len(arrays) - 1)

    def shapes(x):
        return (x.shape, arrays[x.buffer].dtype) if isinstance(x, Ref) else (arrays[x].shape, arrays[x].dtype)

    kernels = calls.lower(Call(word, told, {}, outs), shapes)
    if kernels is None:
        return None
    entries, keep, numbers = [], [], np.zeros(1)
    for kernel in kernels:
        slots = [numbers.ctypes.data, *(arrays[b].ctypes.data for b in kernel.operands)]
        if kernel.scratch:
            fences.append(Fenced((kernel.scratch,), np.uint8))
            slots.append(fences[-1].array.ctypes.data)
        slots += kernel.integers
        table = (ctypes.c_int64 * len(slots))(*slots)
        keep.append(table)
        flags = runtime.BARRIER | (runtime.ALONE if not kernel.threads else runtime.TOGETHER if kernel.together else 0)
        entries.append((native.function(kernel.key, kernel.build), ctypes.addressof(table), flags))
    from lightwell.backend import threads as setting

    old = setting.get_num_threads()
    setting.set_num_threads(threads)
    try:
        runtime.Job(entries)()
    finally:
        setting.set_num_threads(old)
    assert all(fence.whole() for fence in fences), f"{word} wrote outside its memory"
    for a, b in zip(arrays[:given], copies):
        assert a.tobytes() == b.tobytes(), f"{word} wrote into an argument"
    return [None if o is None else arrays[o] for o in outs]
