"""Storages and who views them: which bytes of which memory each tensor and array covers, counted exactly.

A view covers the addresses start + Σ iₖ·strideₖ. `Strides` walks them as runs of neighbouring bytes, so that coverage and
overlap come out exact without a mask of the memory, as long as there are not too many runs.
"""

import math

import numpy as np

from ...errors.teaching import TypeError
from ...tensor import VERSION, WRITER, Tensor

MANY = 1 << 21  # runs that are still walked one by one


def array_of(value) -> np.ndarray | None:
    """The array behind a tensor, or the array itself; None where there is no memory to speak of (meta, sparse)."""
    if isinstance(value, Tensor):
        if value.is_meta or str(value.layout) != "torch.strided":
            return None
        value = value._a
    return value if isinstance(value, np.ndarray) else None


def layout(value) -> tuple[tuple, tuple] | None:
    """(shape, strides in elements) of a tensor or array; None where it has none."""
    a = array_of(value)
    if a is None:
        return None
    strides = value.stride() if isinstance(value, Tensor) else tuple(s // a.itemsize for s in a.strides)
    return tuple(a.shape), tuple(strides)


def owner_of(a: np.ndarray) -> np.ndarray:
    """The array at the bottom of a chain of views."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def address(a: np.ndarray) -> int:
    """Where the first element lies."""
    return a.__array_interface__["data"][0]


def bounds(a: np.ndarray) -> tuple[int, int]:
    """The first address that an array covers and the one behind its last."""
    low = high = address(a)
    if not a.size:
        return low, low
    for n, step in zip(a.shape, a.strides):
        if step < 0:
            low += (n - 1) * step
        else:
            high += (n - 1) * step
    return low, high + a.itemsize


def runs(a: np.ndarray) -> tuple[np.ndarray, int] | None:
    """The bytes of an array as (sorted first addresses, length) of runs that don't overlap; None where there are too many."""
    if not a.size:
        return np.empty(0, np.int64), 0
    low, _ = bounds(a)
    dims = sorted((abs(step), n) for n, step in zip(a.shape, a.strides) if step and n > 1)
    length = a.itemsize
    while dims and dims[0][0] <= length:  # neighbours that touch (or overlap: windows) make one longer run
        step, n = dims.pop(0)
        length += (n - 1) * step
    if math.prod(n for _, n in dims) > MANY:
        return None
    starts = np.array([low], np.int64)
    for step, n in dims:
        starts = (starts[:, None] + np.arange(n, dtype=np.int64) * step).ravel()
    starts.sort()
    if len(starts) > 1 and (np.diff(starts) < length).any():  # strides that cross: merge byte by byte of the gaps
        starts, length = _disjoint(starts, length, a.itemsize)
    return starts, length


def _disjoint(starts: np.ndarray, length: int, item: int) -> tuple[np.ndarray, int]:
    """Overlapping runs of equal length as runs of single elements, each once."""
    step = math.gcd(item, length, *np.unique(np.diff(starts))[:64].tolist())
    step = step if not (np.diff(starts) % step).any() else 1
    return np.unique((starts[:, None] + np.arange(0, length, step)).ravel()), step


def common_bytes(a: np.ndarray, b: np.ndarray) -> int | None:
    """How many bytes two arrays share, exactly; None where that would take too long."""
    low, high = max(bounds(a)[0], bounds(b)[0]), min(bounds(a)[1], bounds(b)[1])
    if low >= high:
        return 0
    one, other = runs(a), runs(b)
    if one is None or other is None:
        return None
    (s, n), (t, m) = one, other
    if len(s) > len(t):
        s, n, t, m = t, m, s, n
    total = 0
    # For each run of the shorter list, the runs of the longer one that it meets lie next to each other.
    first, last = np.searchsorted(t, s - m, "right"), np.searchsorted(t, s + n, "left")
    inner = last - first
    if inner.sum() > 4 * MANY:
        return None
    rows = np.repeat(np.arange(len(s)), inner)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(inner) - inner, inner) + np.repeat(first, inner)
    if len(rows):
        overlap = np.minimum(s[rows] + n, t[places] + m) - np.maximum(s[rows], t[places])
        total = int(np.clip(overlap, 0, None).sum())
    return total


def shares_memory(a, b, max_work: int = 10_000_000) -> bool:
    """Whether two tensors (or arrays) have at least one byte in common: exactly, not only the same storage.

    `x[0]` and `x[1]` have one storage and share nothing; `x` and `x.t()` share everything. Meta tensors have no memory and
    share none; a sparse tensor shares where its indices or its values do. Two layouts whose crossing would take more than
    `max_work` steps to decide are taken to share if their ranges do. TypeError: neither a tensor nor an array.

    >>> import lightwell as torch
    >>> x = torch.arange(6).reshape(2, 3)
    >>> torch.shares_memory(x, x.t()), torch.shares_memory(x[0], x[1]), torch.shares_memory(x, x.numpy()), torch.shares_memory(x, x.clone())
    (True, False, True, False)
    """
    ones, others = parts_of(a, "shares_memory", "a"), parts_of(b, "shares_memory", "b")
    return any(_shared(p, q, max_work) for p in ones for q in others)


def _shared(a: np.ndarray, b: np.ndarray, max_work: int) -> bool:
    try:
        return bool(np.shares_memory(a, b, max_work))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return bool(np.may_share_memory(a, b))


def parts_of(value, function: str, name: str) -> list[np.ndarray]:
    """The arrays in which a tensor's numbers lie: one for a dense tensor, several for a sparse one, none for a meta tensor."""
    if isinstance(value, np.ndarray):
        return [value]
    if not isinstance(value, Tensor):
        raise TypeError(f"{function}(): argument '{name}' must be Tensor or numpy.ndarray, not {type(value).__name__}")
    found = array_of(value)
    if found is not None:
        return [found]
    return [t._a for _, t in sparse_fields(value) if isinstance(t._a, np.ndarray)]


def sparse_fields(t: Tensor) -> list:
    """(name, tensor) of what a sparse tensor is made of."""
    if t.is_meta or str(t.layout) == "torch.strided":
        return []
    if str(t.layout) == "torch.sparse_coo":
        return [("indices", t._indices()), ("values", t._values())]  # type: ignore[attr-defined]
    by_rows = str(t.layout) in ("torch.sparse_csr", "torch.sparse_bsr")
    names = ("crow_indices", "col_indices") if by_rows else ("ccol_indices", "row_indices")
    return [(name, getattr(t, name)()) for name in (*names, "values")]


class View:
    """One tensor or array in a memory map: its names, and which part of its storage it covers."""

    def __init__(self, name: str, value, kind: str):
        self.names, self.value, self.kind = [name], value, kind
        a = array_of(value)
        self.array = a
        self.shape = tuple(value.shape)
        self.dtype = str(value.dtype).removeprefix("torch.")
        self.itemsize = a.itemsize if a is not None else int(getattr(value, "itemsize", 0))
        self.bytes = math.prod(self.shape) * self.itemsize
        strides = (
            value.stride() if isinstance(value, Tensor) and a is not None else None if a is None else [s / a.itemsize for s in a.strides]
        )
        self.strides = None if strides is None else tuple(int(s) if s == int(s) else s for s in strides)
        self.contiguous = a is None or bool(a.flags.c_contiguous)
        self.expanded = [d for d, n in enumerate(self.shape) if a is not None and a.size and n > 1 and a.strides[d] == 0]
        self.storage: Storage | None = None
        self.base: str | None = None  # the name of the tensor that it is a view of

    @property
    def name(self) -> str:
        """All its names: two, where one object is known by two (a tied parameter)."""
        return " = ".join(self.names)

    @property
    def offset(self) -> int:
        """Bytes from the start of the storage to the first element."""
        return 0 if self.array is None or self.storage is None or not self.array.size else address(self.array) - self.storage.start

    @property
    def covered(self) -> int | None:
        """How many bytes of the storage it covers (each counted once); None where that would take too long to say."""
        if self.array is None:
            return 0
        found = runs(self.array)
        return None if found is None else len(found[0]) * found[1]

    @property
    def cell(self):
        """The version record that it shares with the other views of its memory; None for an array."""
        return getattr(self.value, "_cell", None) if isinstance(self.value, Tensor) else None

    @property
    def overlapping(self) -> bool:
        """Whether two of its own elements lie in one place (expanded, or windows)."""
        found = self.covered
        return found is not None and found < self.bytes

    def coverage(self, cells: int) -> np.ndarray:
        """For `cells` equal parts of the storage, the share of each part that it covers, 0 … 1."""
        out = np.zeros(cells)
        if self.array is None or self.storage is None or not self.storage.bytes or not self.array.size:
            return out
        found = runs(self.array)
        if found is None:  # too many runs to walk: evenly spread over its range
            start, stop = bounds(self.array)
            starts, length = np.array([start]), stop - start
            weight = min(1.0, self.bytes / max(1, length))
        else:
            (starts, length), weight = found, 1.0
        width = self.storage.bytes / cells
        low = (starts - self.storage.start) / width
        high = low + length / width
        # A run adds 1 to every cell that lies within it, and its share to the two at its ends.
        first, last = np.minimum(np.floor(low).astype(int), cells - 1), np.minimum(np.floor(high).astype(int), cells - 1)
        steps = np.zeros(cells + 1)
        np.add.at(steps, first, 1.0)
        np.add.at(steps, last, -1.0)
        out = np.cumsum(steps)[:cells]
        np.subtract.at(out, first, low - first)
        np.add.at(out, last, high - last)
        return np.clip(out * weight, 0, 1)


class Storage:
    """One stretch of memory, and the views of it in the map."""

    def __init__(self, start: int, stop: int, letter: str):
        self.start, self.stop, self.letter = start, stop, letter
        self.views: list[View] = []

    @property
    def bytes(self) -> int:
        """How long it is."""
        return self.stop - self.start

    @property
    def itemsize(self) -> int:
        """The width of its elements where all its views agree; else 1."""
        widths = {v.itemsize for v in self.views}
        return widths.pop() if len(widths) == 1 else math.gcd(*widths) or 1

    @property
    def writes(self) -> tuple[int, tuple | None]:
        """(version, (operation, file, line) of the last write, as far as that is known)."""
        cells = [v.cell for v in self.views if v.cell is not None]
        if not cells:
            return 0, None
        cell = max(cells, key=lambda c: c[VERSION])
        return cell[VERSION], cell[WRITER]


def collect(named: list) -> tuple[list[Storage], list[View]]:
    """(storages, views without memory) of (name, value, kind) triples; a value that comes twice has two names."""
    views: list[View] = []
    known: dict[int, View] = {}
    for name, value, kind in named:
        if id(value) in known:
            if name not in known[id(value)].names:
                known[id(value)].names.append(name)
            continue
        fields = sparse_fields(value) if isinstance(value, Tensor) else []
        for field, t in fields:
            views.append(View(f"{name}.{field}", t, kind))
        if not fields:
            views.append(View(name, value, kind))
        known[id(value)] = views[-1]
    ranges = []
    for v in views:
        if v.array is not None:
            owner = owner_of(v.array)
            low, high = bounds(owner)
            inner = bounds(v.array)
            ranges.append((min(low, inner[0]), max(high, inner[1]), v))
    storages: list[Storage] = []
    order = {id(v): i for i, v in enumerate(views)}
    groups: list[list] = []
    for low, high, v in sorted(ranges, key=lambda r: (r[0], -r[1])):
        if groups and low < groups[-1][1] and high > low:
            groups[-1][1] = max(groups[-1][1], high)
            groups[-1][2].append(v)
        else:
            groups.append([low, high, [v]])
    groups.sort(key=lambda g: min(order[id(v)] for v in g[2]))
    for number, (low, high, members) in enumerate(groups):
        s = Storage(low, high, _letter(number))
        for v in sorted(members, key=lambda v: order[id(v)]):
            s.views.append(v)
            v.storage = s
        storages.append(s)
    _find_bases(views)
    return storages, [v for v in views if v.array is None]


def _letter(number: int) -> str:
    """A, B, …, Z, A1, B1, …"""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 26] + (str(number // 26) if number >= 26 else "")


def _find_bases(views: list[View]) -> None:
    by_id = {id(v.value): v for v in views}
    for v in views:
        base = getattr(v.value, "_base", None) if isinstance(v.value, Tensor) else None
        if base is not None:
            v.base = by_id[id(base)].name if id(base) in by_id else ""
