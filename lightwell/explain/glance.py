"""A tensor at a glance: `t.lw`, one line of shape, dtype, range, mean, what is amiss, memory, graph, and a small histogram.

All numbers come from one pass over the elements, in blocks that stay in the cache; the histogram of a large tensor is that
of a sample, spread evenly over it.
"""

import math
import threading
from typing import Any

import numpy as np

from ..errors.teaching import AttributeError
from ..language import say
from ..tensor import Tensor
from .memory.storages import owner_of

BLOCK = 1 << 16  # elements looked at together
SAMPLE = 1 << 16  # elements from which the histogram of a larger tensor is drawn
BINS = 12
BARS = "▁▂▃▄▅▆▇█"


class Statistics:
    """Counts and moments of an array's numbers: `low`, `high`, `mean`, `std` of the finite ones, and how many are `zeros`,
    `nans`, `infs`; `histogram` are counts over equal parts of low … high. Of complex numbers the absolute values count."""

    def __init__(self, a: np.ndarray):
        self.size, self.zeros, self.nans, self.infs = a.size, 0, 0, 0
        self.low: Any = math.nan
        self.high: Any = math.nan
        self.mean = self.std = math.nan
        self.histogram: list[int] = []
        if a.size:
            self._look(a)

    def _look(self, a: np.ndarray) -> None:
        n, mean, spread, lows, highs = 0, 0.0, 0.0, [], []
        for block in _blocks(a):
            self.zeros += block.size - int(np.count_nonzero(block))
            low, high = block.min(), block.max()
            if block.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
                nans = np.isnan(block)
                self.nans += int(nans.sum())
                block = block[np.isfinite(block)]
                self.infs += int(nans.size - nans.sum() - block.size)
                if not block.size:
                    continue
                low, high = block.min(), block.max()
            lows.append(low.item())
            highs.append(high.item())
            # the block's own mean first, then the two means and spreads together: no large numbers cancel
            inner = float(block.mean(dtype=np.float64))
            off = block - block.dtype.type(inner) if block.dtype.kind == "f" else block - inner
            flat = off.ravel()
            m2 = float(np.dot(flat, flat)) if flat.dtype.itemsize > 2 else float((flat.astype(np.float64) ** 2).sum())
            if not math.isfinite(m2):
                m2 = float(((block.astype(np.float64) - inner) ** 2).sum())
            delta, k = inner - mean, block.size
            spread += m2 + delta * delta * n * k / (n + k)
            mean += delta * k / (n + k)
            n += k
        if n:
            self.low, self.high, self.mean = min(lows), max(highs), mean
            self.std = math.sqrt(spread / (n - 1)) if n > 1 else math.nan
            self.histogram = _histogram(a, float(self.low), float(self.high))


def _plain(block: np.ndarray) -> np.ndarray:
    """A block in a dtype that NumPy reckons with: float16 and its kin as float32, complex numbers by absolute value."""
    if block.dtype.kind == "c":
        return np.abs(block)
    if block.dtype.kind == "b":
        return block.view(np.uint8) if block.flags.c_contiguous else block.astype(np.uint8)
    return block.astype(np.float32) if block.dtype.num >= 256 or block.dtype == np.float16 else block


def _blocks(a: np.ndarray):
    """The elements in pieces of about BLOCK, each once, in whatever order they lie in memory."""
    if a.flags.c_contiguous or a.flags.f_contiguous or a.ndim <= 1:
        flat = a.reshape(-1) if a.flags.c_contiguous or a.ndim <= 1 else a.T.reshape(-1)
        for i in range(0, flat.size, BLOCK):
            yield _plain(flat[i : i + BLOCK])
        return
    rows = max(1, BLOCK // max(1, a[0].size))
    for i in range(0, a.shape[0], rows):
        part = a[i : i + rows]
        if part.size > 4 * BLOCK and part.ndim > 1:
            for p in part:
                yield from _blocks(p)
        else:
            yield _plain(part)


def _sample(a: np.ndarray) -> np.ndarray:
    """All elements, or SAMPLE of them spread evenly."""
    if a.size <= SAMPLE:
        return _plain(a).reshape(-1)
    step = -(-a.size // SAMPLE)
    if a.flags.c_contiguous:
        return _plain(a.reshape(-1)[:: step | 1].copy())
    places = np.arange(0, a.size, step | 1)  # odd steps don't fall in with rows of even length
    return _plain(a[np.unravel_index(places, a.shape)])


def _histogram(a: np.ndarray, low: float, high: float) -> list[int]:
    values = _sample(a).astype(np.float64)
    values = values[np.isfinite(values)]
    if a.dtype.kind == "b":
        ones = int(values.sum())
        return [values.size - ones, ones]
    if not high > low or not values.size or not math.isfinite(high - low):
        return [int(values.size)]
    bins = BINS
    if a.dtype.kind in "iu" and high - low + 1 < BINS:
        bins = int(high - low + 1)
        low, high = low - 0.5, high + 0.5
    return np.histogram(values, bins, (low, high))[0].tolist()


def sparkline(counts) -> str:
    """Counts as a row of bars, the highest as high as the line; only 0 has the lowest bar.

    >>> from lightwell.explain.glance import sparkline
    >>> sparkline([0, 1, 3, 8, 4, 1])
    '▁▂▄█▅▂'
    """
    most = max(counts, default=0)
    return "".join(BARS[max(1, round((len(BARS) - 1) * c / most))] if c else BARS[0] for c in counts)


def _number(x) -> str:
    """A number in four digits; integers whole."""
    if isinstance(x, (bool, int)):
        return f"{int(x):,}" if abs(int(x)) < 10**9 else f"{x:.3e}"
    return "nan" if math.isnan(x) else f"{x:.4g}"


def _share(count: int, size: int) -> str:
    """A count with its share of all elements."""
    part = 100 * count / size
    return f"{count:,} ({part:.0f}%)" if part >= 1 else f"{count:,}"


class Glance(str):
    """What `t.lw` is: a str of one line, with the numbers in it as attributes: `low`, `high`, `mean`, `std`, `zeros`, `nans`,
    `infs`, `histogram` (and `statistics`, which has them all; None for a tensor without numbers)."""

    statistics: Statistics | None

    def __new__(cls, tensor: Tensor):
        line, statistics = _line(tensor)
        self = super().__new__(cls, line)
        self.statistics = statistics
        return self

    def __repr__(self) -> str:
        return str(self)

    def __getattr__(self, name: str):
        if name in ("low", "high", "mean", "std", "zeros", "nans", "infs", "histogram"):
            return getattr(self.statistics, name) if self.statistics is not None else None
        raise AttributeError(f"'Glance' object has no attribute '{name}'", name=name, obj=self)

    def _repr_html_(self) -> str:
        import html

        return f'<code style="white-space:pre">{html.escape(str(self))}</code>'


def _line(t: Tensor) -> tuple[str, Statistics | None]:
    kind = type(t).__name__
    if kind.startswith("Uninitialized"):
        return f"{kind}  " + say("its shape comes with the first batch", "要等第一个批量才知道形状"), None
    shape = tuple(t.shape)
    parts = [f"{kind if kind in ('Parameter', 'Buffer') else 'Tensor'}{shape} {str(t.dtype).removeprefix('torch.')}"]
    if t.device.type != "cpu":
        parts[0] += f" {t.device}"
    a, found = None, None
    if t.is_meta:
        parts.append(say("no numbers: the meta device has none", "没有数值：meta 设备上没有数据"))
    elif str(t.layout) != "torch.strided":
        values = t.values() if str(t.layout) != "torch.sparse_coo" else t._values()  # type: ignore[attr-defined]
        a = values._a
        nnz = int(t._nnz())  # type: ignore[attr-defined]
        filled = nnz / max(1, math.prod(shape))
        parts[0] += f" {str(t.layout).removeprefix('torch.')}"
        parts.append(say(f"{nnz:,} entries ({100 * filled:.3g}%)", f"{nnz:,} 个非零项（{100 * filled:.3g}%）"))
    else:
        a = t._a
    if type(a) is np.ndarray:
        with np.errstate(all="ignore"):
            found = Statistics(a)
        parts += _numbers(found, a)
        parts += _memory(t) if str(t.layout) == "torch.strided" else []
    elif not t.is_meta:
        parts.append(say("no numbers to look at: in a vmap, or being compiled", "没有可看的数值：正在 vmap 或编译之中"))
    if t.grad_fn is not None:
        parts.append(f"grad_fn {t.grad_fn.name()}")
    elif t.requires_grad:
        parts.append("requires_grad" + (say(", has grad", "，已有梯度") if t._grad is not None else ""))
    return "  ".join(parts), found


def _numbers(s: Statistics, a: np.ndarray) -> list[str]:
    if not s.size:
        return [say("empty", "空")]
    if s.size == 1:
        return [f"= {_value(a)}"]
    if a.dtype.kind == "b":
        return [f"True {_share(s.size - s.zeros, s.size)}", sparkline(s.histogram)]
    out = []
    if s.nans + s.infs < s.size:
        low, high = _number(s.low), _number(s.high)
        what = "|z| " if a.dtype.kind == "c" else ""
        out.append(f"{what}{low} … {high}" if s.low != s.high else say(f"{what}all {low}", f"{what}全是 {low}"))
        if s.low != s.high:
            out += [say("mean", "均值") + f" {_number(float(s.mean))}", say("std", "标准差") + f" {_number(s.std)}"]
            out.append(sparkline(s.histogram))
    if s.nans:
        out.append(f"NaN {_share(s.nans, s.size)}")
    if s.infs:
        out.append(f"inf {_share(s.infs, s.size)}")
    if s.zeros and s.low != s.high:
        out.append(say("zeros ", "零 ") + _share(s.zeros, s.size))
    return out


def _value(a: np.ndarray) -> str:
    value = a.item() if a.dtype.num < 256 else float(a.item())
    return f"{value:.4g}" if isinstance(value, (float, complex)) else str(value)


def _memory(t: Tensor) -> list[str]:
    """Strides and sharing, as far as they are out of the ordinary."""
    out = []
    if not t.is_contiguous():
        out.append(say("strides ", "步幅 ") + str(t.stride()) + say(" not contiguous", " 不连续"))
    elif t.ndim and t._a.size > 1:
        out.append(say("contiguous", "连续"))
    if t._base is not None:
        offset = t.storage_offset()
        told = say("view of ", "视图，原张量 ") + str(tuple(t._base.shape))
        out.append(told + (say(f" at offset {offset}", f"，偏移 {offset}") if offset else ""))
    elif owner_of(t._a).size > t._a.size:
        out.append(say("part of a larger storage", "属于一块更大的存储"))
    return out


# ---- the mode of printing ----------------------------------------------------------------------------------------------

_mode: dict = {"on": False, "numbers": False}
_plainly: dict = {}  # class -> its own __repr__, while the mode is on
_local = threading.local()


def _repr_beside(own):
    """What stands for a class's own `__repr__` while the mode is on."""

    def __repr__(self, *, tensor_contents=None) -> str:
        if getattr(_local, "printing", False):  # the numbers are being printed, below
            return own(self)
        line = str(Glance(self))
        if not _mode["numbers"]:
            return line
        _local.printing = True
        try:
            return f"{own(self)}\n# {line}"
        finally:
            _local.printing = False

    return __repr__


class glance:
    """Have every tensor print as the line of `t.lw`: `glance()` at once, `glance(False)` back to numbers, or within a `with`.

    With `numbers=True` the numbers are printed as ever, and the line below them. What is off costs nothing.

    >>> import lightwell as torch
    >>> with torch.glance():
    ...     torch.tensor([1., 2., 3., 6.])
    Tensor(4,) float32  1 … 6  mean 3  std 2.16  █▁█▁█▁▁▁▁▁▁█  contiguous
    >>> torch.tensor([1.])
    tensor([1.])
    """

    def __init__(self, on: bool = True, *, numbers: bool = False):
        self._before = dict(_mode)
        _set({"on": bool(on), "numbers": bool(numbers)})

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        _set(self._before)

    def __repr__(self) -> str:
        return (
            say("tensors print at a glance", "张量以一行概览显示") if _mode["on"] else say("tensors print as numbers", "张量照常显示数值")
        )


def _set(mode: dict) -> None:
    """Put another `__repr__` on the kinds of tensors, or their own again."""
    if mode["on"] and not _mode["on"]:
        from ..meta import Meta
        from ..nn.parameter import Buffer, Parameter
        from ..sparse.compressed import SparseCompressed
        from ..sparse.coordinates import SparseTensor

        for kind in (Tensor, Parameter, Buffer, Meta, SparseTensor, SparseCompressed):
            if "__repr__" in kind.__dict__:
                _plainly[kind] = kind.__dict__["__repr__"]
                kind.__repr__ = _repr_beside(_plainly[kind])  # type: ignore[method-assign]
    elif _mode["on"] and not mode["on"]:
        while _plainly:
            kind, own = _plainly.popitem()
            kind.__repr__ = own
    _mode.update(mode)
