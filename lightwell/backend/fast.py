"""Large eager operations by native code: which operation on which form of arrays has a kernel, and the way to it.

    forward(record, plain, arrays, params)      plain(*arrays, *params), an operation's value
    pull(node's record, ...)                    the gradients of its inputs
    update(rule, arrays, numbers)               an optimizer's rule in place, if there is a kernel for it

Everything is known by a key: the operation, its arrays' shapes, dtypes and strides, its plain arguments. The first times NumPy
computes, and how long it takes is noted. A key that comes again is handed to a thread in the background, which traces the formula,
compiles it (`fast_make.py`) and leaves a callable; the next calls time that one, too, and the quicker of the two stays. So
nothing ever waits for a compiler, llvmlite is imported when there is work for it, and without it all is as it was.

LIGHTWELL_EAGER_NATIVE=0 turns this off, LIGHTWELL_NATIVE=0 all native code; `use_deterministic_algorithms(True)` turns it off too,
since results may differ in their last bits between NumPy and native code, and which one runs first depends on the clock.
"""

import os
from time import perf_counter
from typing import Any

import numpy as np

ndarray = np.ndarray
SIZE = 16384  # elements from which an operation may be worth a kernel of its own
RULES = 4096  # elements of a parameter from which an optimizer's rule is
MOST = 512  # keys kept; of those that weren't used lately some go when there are more
FORMS = 48  # keys of one operation that are compiled at most: where shapes change all the time compiling never ends
SEEN = 2  # calls by NumPy before a kernel is asked for
TRIALS = 5  # calls by which each way is judged

# Operations that only move numbers about, or compute as fast as memory gives them: NumPy is as quick.
MOVES = frozenset(
    "to_copy as_strided strided_add copy_slices copy add sub rsub mul div neg square reciprocal reshape clone expand cat stack index "
    "index_place index_put setitem repeat flip roll index_select gather take masked_select masked_scatter eq ne lt le gt ge maximum minimum "
    "fmax fmin bitwise_and bitwise_or bitwise_xor bitwise_not logical_and logical_or logical_xor logical_not isnan isinf isfinite signbit "
    "abs floor ceil trunc round sign conj sqrt fft_c2c fft_r2c fft_c2r sort topk kthvalue median nanmedian searchsorted isin bincount "
    "bincount_weighted histogram cumsum cumprod cummax cummin sparse_mm".split()
)
PRODUCTS = dict.fromkeys(("mm", "bmm", "addmm", "linear", "convolution", "convolution_transpose"), 2048)  # more work per element

ARITHMETIC = {"add": 1 << 16, "sub": 1 << 16, "mul": 1 << 16, "div": 1 << 16}  # elements from which threads may pay there

allowed = os.environ.get("LIGHTWELL_EAGER_NATIVE") != "0" and os.environ.get("LIGHTWELL_NATIVE") != "0"
on = allowed
# Trials begin when all kernels are there that were asked for, and OpenBLAS's threads, which spin for 30 ms after a product, sleep.
making = False
ready_at = 0.0
epoch = 0  # all kernels are tried anew when it changes: at the same time, since they share the threads; see fast_make.py
CALM = 0.1  # seconds
_KINDS = frozenset(np.dtype(t) for t in "fdbBhHiIlLqQ?")
_table: dict[tuple, "Entry"] = {}
_asked: dict[tuple, int] = {}  # operation → how many of its forms have been compiled
_never: set = set()  # operations for which there is no kernel at all, whatever the form


def enable(yes: bool) -> bool:
    """Turn native code for eager operations on or off; returns whether it was on."""
    global on
    before, on = on, bool(yes)
    return before


def clear() -> None:
    """Forget all kernels and measurements."""
    _table.clear()
    _asked.clear()
    _never.clear()


class Entry:
    """What is known of one key: `made` is its kernel, and `call` is that again where it has proved the quickest way."""

    __slots__ = ("call", "epoch", "forms", "made", "owner", "seen", "times", "turn", "used", "what")

    def __init__(self, owner: tuple):
        self.owner = owner
        self.what: Any = None  # all that the maker needs, without the arrays
        self.call: Any = None
        self.made: Any = None
        self.forms: Any = None  # of the results by NumPy
        self.seen = self.turn = 0
        self.times: list = [[], [], []]  # seconds by all threads, by one, by NumPy
        self.epoch = -1  # in which the way was chosen
        self.used = True

    def other(self, arrays, plain, args, describe, told=None):
        """The results where no way is chosen yet, or it is NumPy's. `told`: a list to which the formula appends further values."""
        self.used = True
        if self.made is None:
            return self.watch(plain, args, describe, told)
        if self.epoch != epoch and not making and perf_counter() > ready_at:
            return self.trial(arrays, plain, args, told)
        made = None if self.call is None else self.call(arrays)
        return plain(*args) if made is None else self.call.result(made, told)

    def watch(self, plain, args, describe, told):
        """By NumPy. The second time the kernel is ordered."""
        if self.seen < 0 or self.seen >= SEEN:  # there is none; or it is ordered
            return plain(*args)
        self.seen += 1
        made = plain(*args)
        if self.seen == SEEN:
            self.forms, self.what = _forms_of(made), describe()
            if told and self.forms is not None:
                more = _forms_of(told)
                self.forms = None if more is None else self.forms + more
            if self.forms is None or not _order(self):
                self.what, self.seen = None, -1
        return made

    def trial(self, arrays, plain, args, told):
        """By the kernel and all threads for some calls, then by one thread, then by NumPy; in the end the quickest way."""
        made, turn = self.made, self.turn
        if turn == 0:
            self.times = [[], [], []]
        way = turn // TRIALS
        start = perf_counter()
        if way < 2:
            made.most = 1 if way else None
            out = made(arrays)
            if out is None:  # not for these numbers
                return plain(*args)
            result = made.result(out, told)
        else:
            result = plain(*args)
        self.times[way].append(perf_counter() - start)
        self.turn = (turn + 1) % (3 * TRIALS)
        if not self.turn:
            together, alone, numpy = map(_median, self.times)
            made.most = None if together <= alone else 1
            self.call = made if min(together, alone) < numpy else None
            self.epoch = epoch
        return result


def _median(times: list) -> float:
    return sorted(times)[len(times) // 2]  # not the least: NumPy's may be one that the machine's other work left alone for once


def _forms_of(made):
    """(shape, dtype) of the results, None for one that is None; None altogether where a kernel's would look different."""
    out: list[Any] = []
    for a in made if isinstance(made, (tuple, list)) else (made,):
        if a is None:
            out.append(None)
        elif not isinstance(a, (ndarray, np.generic)) or (type(a) is ndarray and not a.flags.c_contiguous):
            return None
        else:
            out.append((a.shape, a.dtype))
    return out


def _order(entry: Entry) -> bool:
    """Ask for a kernel."""
    owner = entry.owner
    count = _asked.get(owner, 0)
    if count >= FORMS or owner in _never:
        return False
    _asked[owner] = count + 1
    from . import fast_make

    return fast_make.order(entry)


def _tidy() -> None:
    """Let go of what wasn't used since the last time."""
    for key, entry in list(_table.items()):
        if entry.used:
            entry.used = False
        else:
            _table.pop(key, None)
    if len(_table) >= MOST:
        _table.clear()


def _simple(x) -> bool:
    """Whether an argument is a plain value: equal ones mean the same, whenever."""
    if x is None or type(x) in (int, float, bool, str) or isinstance(x, (np.dtype, type)):
        return True
    return type(x) is tuple and all(map(_simple, x))


def _formed(parts: list, a) -> bool:
    """Append what a kernel has to know of an array; False where there can be none."""
    dtype, flags = a.dtype, a.flags
    parts += (a.shape, dtype)
    if flags.carray:
        return dtype in _KINDS
    if not flags.c_contiguous:
        parts.append(a.strides)
    return dtype in _KINDS and (flags.writeable or not _hollow(a))


def _hollow(a) -> bool:
    from ..meta import is_hollow

    return is_hollow(a)


def _told(parts: list, x) -> None:
    """Append a plain argument: numbers that are equal but of different types, or signs, aren't the same; NaN is."""
    parts += (type(x), x if type(x) is not float or 0 < x or x < 0 else str(x))


def _entry(key: tuple, owner: tuple) -> Entry | None:
    """A new entry for a key that wasn't known; None where its arguments aren't plain values."""
    for x in key[1:]:
        if not _simple(x):
            return None
    if len(_table) >= MOST:
        _tidy()
    made = _table[key] = Entry(owner)
    return made


# ---- operations ------------------------------------------------------------------------------------------------------


def forward(rec, plain, arrays, params):
    """plain(*arrays, *params): the value of a record's formula, with what it keeps."""
    if not on:
        return plain(*arrays, *params)
    parts: list = [rec]
    for a in arrays:
        if a is None:
            parts.append(None)
        elif type(a) is not ndarray or not _formed(parts, a):
            return plain(*arrays, *params)
    told = None
    for x in params:
        if type(x) is list and not x and told is None:
            told = x
            parts.append(list)
        else:
            _told(parts, x)
    key = tuple(parts)
    try:
        entry = _table.get(key)
    except TypeError:  # an argument that is no plain value
        return plain(*arrays, *params)
    if entry is None:
        entry = _entry(key, (rec, "forward"))
        if entry is None:
            return plain(*arrays, *params)
    call = entry.call
    if call is not None and entry.epoch == epoch:
        entry.used = True
        made = call(arrays)
        return plain(*arrays, *params) if made is None else call.result(made, told)

    def describe():
        return "forward", rec, [_like(a) for a in arrays], tuple([[] if x is told and x is not None else x for x in params])

    return entry.other(arrays, plain, (*arrays, *params), describe, told)


def _like(a):
    """(shape, dtype, strides or None where there are no gaps)."""
    return None if a is None else (a.shape, a.dtype, None if a.flags.c_contiguous else a.strides)


def pull(rec, plain, edges, fit, g, saved):
    """plain(rec, edges, fit, g, saved): the gradients of the inputs that have an edge, a list with None for the others."""
    parts: list = [rec, fit]
    arrays: list = []
    for a in (g,) if type(g) is ndarray else g:
        if type(a) is not ndarray or not _formed(parts, a):
            return plain(rec, edges, fit, g, saved)
        arrays.append(a)
    for i in rec.places:
        x = saved[i]
        if type(x) is ndarray:
            if not _formed(parts, x):
                return plain(rec, edges, fit, g, saved)
            arrays.append(x)
        else:
            _told(parts, x)
    wanted = tuple([e is not None for e in edges])
    parts.append(wanted)
    key = tuple(parts)
    try:
        entry = _table.get(key)
    except TypeError:
        return plain(rec, edges, fit, g, saved)
    if entry is None:
        entry = _entry(key, (rec, wanted))
        if entry is None:
            return plain(rec, edges, fit, g, saved)
    call = entry.call
    if call is not None and entry.epoch == epoch:
        entry.used = True
        made = call(arrays)
        return plain(rec, edges, fit, g, saved) if made is None else made

    def describe():
        many = None if type(g) is ndarray else len(g)
        read = [(_Array if type(x) is ndarray else x) if i in rec.places else None for i, x in enumerate(saved)]
        return "pull", rec, [_like(a) for a in arrays], many, read, wanted, fit

    return entry.other(arrays, plain, (rec, edges, fit, g, saved), describe)


class _Array:
    """Stands among saved values where an array does."""


# ---- optimizers ------------------------------------------------------------------------------------------------------


def update(rule, arrays, numbers) -> bool:
    """rule(arrays in place, *numbers) by a kernel; False, and nothing done, where there is none (yet)."""
    if not on:
        return False
    parts: list = [rule]
    first = arrays[0]
    shape, dtype = first.shape, first.dtype
    for i, a in enumerate(arrays):
        if a.shape != shape or a.dtype is not dtype or not a.flags.carray:
            return False
        parts.append(next(j for j, b in enumerate(arrays) if b is a) if i else first.size)
    parts.append(dtype)
    floats: list = []
    for x in numbers:
        if type(x) is float:
            floats.append(x)
            parts.append(float)
        else:
            parts += (type(x), x)
    key = tuple(parts)
    try:
        entry = _table.get(key)
    except TypeError:
        return False
    if entry is None:
        entry = _entry(key, (rule, "update"))
        if entry is None:
            return False
    call = entry.call
    if call is not None:
        entry.used = True
        return call(arrays, floats)
    if entry.seen >= 0:
        entry.seen += 1
        if entry.seen == SEEN:
            entry.what = ("update", rule, first.size, dtype, tuple(parts[1 : 1 + len(arrays)]), tuple(numbers))
            entry.forms = ()
            if not _order(entry):
                entry.seen = -1
    return False
