"""The memory map: storages and views of tensors and arrays, as a text with bars and as a picture."""

import itertools
import sys

import numpy as np

from ...errors.teaching import TypeError, ValueError
from ...language import say
from ...tensor import Tensor
from .files import write_text
from .names import argument_names
from .storages import Storage, View, collect, common_bytes, shares_memory

CELLS = 48  # a bar of a storage that has too many elements to show one by one
SHADES = "·░▒▓█"


def memory(*values, **named):
    """Which storages the tensors and arrays have, who views which part of which, with which strides and offsets.

    Takes tensors, NumPy arrays, modules (all their parameters and buffers), and lists or dicts of them; names are read from the
    call, or given as keywords. Prints as text; `_repr_svg_`, `svg()` and `save("map.svg")` (also .html, .txt) draw it.
    TypeError: anything else.

    >>> import lightwell as torch
    >>> x = torch.arange(6).reshape(2, 3)
    >>> print(torch.memory(x, x.t(), column=x[:, 1]))
    1 storage, 48 bytes, 3 views
    <BLANKLINE>
    storage A  48 bytes  6 elements of int64  0x...
      name            shape   strides  offset  0    5
      x       tensor  (2, 3)  (3, 1)        0  ██████  a view of an unlisted tensor; contiguous
      x.t()   tensor  (3, 2)  (1, 3)        0  ██████  a view of an unlisted tensor; not contiguous
      column  tensor  (2,)    (3,)          1  ·█··█·  a view of an unlisted tensor; not contiguous
        x, x.t() show the same 6 elements
        column ⊂ x: 2 elements
    """
    names = argument_names(values, sys._getframe(1), "memory")
    found: list = []
    for name, value in itertools.chain(zip(names, values), named.items()):
        _spread(name, value, found)
    return MemoryMap(found)


def _spread(name: str, value, found: list) -> None:
    """Add (name, tensor or array, kind) of a value, or of what it holds."""
    if isinstance(value, Tensor):
        found.append((name, value, "parameter" if type(value).__name__ == "Parameter" else "tensor"))
    elif isinstance(value, np.ndarray):
        found.append((name, value, "array"))
    elif isinstance(value, dict):
        for key, v in value.items():
            _spread(f"{name}[{key!r}]", v, found)
    elif isinstance(value, (list, tuple)):
        for i, v in enumerate(value):
            _spread(f"{name}[{i}]", v, found)
    elif hasattr(value, "named_parameters") and hasattr(value, "named_buffers"):
        for key, t in value.named_parameters(remove_duplicate=False):
            found.append((f"{name}.{key}", t, "parameter"))
        for key, t in value.named_buffers(remove_duplicate=False):
            found.append((f"{name}.{key}", t, "buffer"))
    else:
        raise TypeError(
            f"memory(): argument '{name}' must be Tensor, numpy.ndarray, nn.Module, or a list or dict of them, not {type(value).__name__}"
        )


class MemoryMap:
    """What `memory` found: `storages` (each with its `views`) and `elsewhere`, the tensors that have no memory."""

    def __init__(self, named: list):
        self.storages, self.elsewhere = collect(named)

    @property
    def views(self) -> list[View]:
        """All views, storage by storage."""
        return [v for s in self.storages for v in s.views]

    @property
    def bytes(self) -> int:
        """The bytes of all storages together: what the tensors really take."""
        return sum(s.bytes for s in self.storages)

    def storage_of(self, name: str) -> Storage:
        """The storage behind the tensor of this name; KeyError where there is none."""
        for v in self.views:
            if name in v.names and v.storage is not None:
                return v.storage
        raise KeyError(f"no tensor {name!r} in this map: there are {', '.join(v.name for v in self.views)}")

    def __str__(self) -> str:
        return text(self)

    __repr__ = __str__

    def svg(self) -> str:
        """The map as an SVG picture."""
        from .picture import draw

        return draw(self)

    _repr_svg_ = svg

    def _repr_html_(self) -> str:
        return self.svg()

    def save(self, path) -> None:
        """Write the map to a file: .svg, .html (the picture and the text) or .txt. ValueError: another ending."""
        ending = str(path).rpartition(".")[2].lower()
        if ending == "svg":
            content = self.svg()
        elif ending == "html":
            from .picture import page

            content = page(self)
        elif ending == "txt":
            content = text(self) + "\n"
        else:
            raise ValueError(f"save(): argument 'path' must end in .svg, .html or .txt, not {str(path)!r}")
        write_text(path, content)


# ---- words -----------------------------------------------------------------------------------------------------------


def size(n: float) -> str:
    """Bytes as people read them: 96 bytes, 3.1 KB, 4.0 MB."""
    if n < 1024:
        return f"{int(n)} {say('byte' if n == 1 else 'bytes', '字节')}"
    for unit in ("KB", "MB", "GB", "TB"):
        n /= 1024
        if n < 1024 or unit == "TB":
            break
    return f"{n:.3g} {unit}" if n < 1000 else f"{n:.0f} {unit}"


def tuple_text(values) -> str:
    """A shape or strides as Python writes them."""
    values = [str(v) for v in values]
    return f"({values[0]},)" if len(values) == 1 else f"({', '.join(values)})"


def kind_text(v: View) -> str:
    """What a view is."""
    if v.kind == "array":
        return say("array", "数组")
    if v.kind == "parameter":
        return say("parameter", "参数")
    if v.kind == "buffer":
        return say("buffer", "缓冲区")
    return say("tensor", "张量")


def remarks(v: View) -> list[str]:
    """What is worth knowing of one view, in words."""
    out = []
    if len(v.names) > 1:
        out.append(
            say("one object under several names", "同一个对象，有多个名字") + (say(": tied", ":权重绑定") if v.kind == "parameter" else "")
        )
    if v.base:
        out.append(say(f"a view of {v.base}", f"{v.base} 的视图"))
    elif v.base == "":
        out.append(say("a view of an unlisted tensor", "某个未列出的张量的视图"))
    elif v.kind == "array":
        tensors = [w.name for w in v.storage.views if w.kind != "array"] if v.storage else []
        if tensors:
            out.append(say(f"NumPy's view of the memory of {tensors[0]}", f"NumPy 看 {tensors[0]} 的同一块内存"))
    if v.expanded:
        dims = ", ".join(map(str, v.expanded))
        one, many = f"dimension {dims} has stride 0: every step reads the same place", f"dimensions {dims} have stride 0"
        out.append(say(one if len(v.expanded) == 1 else many, f"第 {dims} 维步幅为 0：每一步读的都是同一处"))
    elif v.overlapping:
        out.append(say("its own elements overlap", "自身的元素有重叠"))
    if v.array is not None and not v.contiguous:
        out.append(say("not contiguous", "不连续"))
    elif v.array is not None and v.kind != "array" and v.array.size:
        out.append(say("contiguous", "连续"))
    if v.array is not None and not v.array.flags.writeable:
        out.append(say("read-only", "只读"))
    return out


def _writes_text(s: Storage) -> str:
    version, writer = s.writes
    if not version:
        return ""
    told = say(f"written in place {version} times" if version > 1 else "written in place once", f"被原地写过 {version} 次")
    if writer is not None and writer[1]:
        import os

        told += say(
            f", last by {writer[0]} at {os.path.basename(writer[1])}:{writer[2]}",
            f"，最近一次是 {os.path.basename(writer[1])}:{writer[2]} 的 {writer[0]}",
        )
    elif writer is not None:
        told += say(f", last by {writer[0]}", f"，最近一次是 {writer[0]}")
    return told


def width_of(text: str) -> int:
    """How many columns a text takes in a terminal: Chinese characters take two."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, width: int, right: bool = False) -> str:
    """The text filled up with blanks to so many columns."""
    gap = " " * max(0, width - width_of(text))
    return gap + text if right else text + gap


def cells_of(s: Storage) -> int:
    """How many cells a bar of this storage has: one per element where they fit."""
    n = s.bytes // s.itemsize if s.itemsize else 0
    return n if 0 < n <= 64 else CELLS


def bar(v: View, cells: int) -> str:
    """Which part of the storage a view covers: one character per cell, darker the more of it."""
    shades = v.coverage(cells)
    return "".join("·" if c <= 0 else "█" if c >= 0.999 else SHADES[1 + min(2, int(c * 3))] for c in shades)


def ruler(s: Storage, cells: int) -> str:
    """The numbers of elements above a bar."""
    n = s.bytes // s.itemsize
    every = 5 if cells == n else cells / 4
    line, at = "", 0.0
    while at < cells:
        mark = str(round(at * n / cells))
        if len(line) <= round(at):
            line = line.ljust(round(at)) + mark
        at += every
    return line[: cells + 4]


def relations(s: Storage) -> list[str]:
    """Which views of a storage show the same elements, which lie in others, which only meet, and which have nothing in common."""
    if not 1 < len(s.views) <= 16:
        return []
    same: list[list[View]] = []
    common: dict = {}
    for v in s.views:
        for group in same:
            n = common[id(group[0]), id(v)] = _met(group[0], v)
            if n is not None and n == v.covered == group[0].covered:
                group.append(v)
                break
        else:
            same.append([v])
    lines = []
    for group in same:
        if len(group) > 1:
            names, told = ", ".join(v.name for v in group), _count(group[0], group[0].covered)
            lines.append(say(f"{names} show the same {told}", f"{names}：同样的 {told}"))
    apart = []
    for i, one in enumerate(same):
        for two in same[i + 1 :]:
            a, b = one[0], two[0]
            n = common.get((id(a), id(b)), common.get((id(b), id(a))))
            if n is None:
                lines.append(f"{a.name} ∩ {b.name}: " + say("some elements (too many to count)", "有公共元素（太多，未逐一计数）"))
            elif not n:
                apart.append(f"{a.name} ∩ {b.name} = ∅")
            elif n == b.covered or n == a.covered:
                inner, outer = (b, a) if n == b.covered else (a, b)
                lines.append(f"{inner.name} ⊂ {outer.name}{say(': ', '：')}{_count(inner, n)}")
            else:
                lines.append(f"{a.name} ∩ {b.name}{say(': ', '：')}{_count(a, n)}")
    return lines + ([",  ".join(apart[:6]) + ("  …" if len(apart) > 6 else "")] if apart else [])


def _met(a: View, b: View) -> int | None:
    if a.array is None or b.array is None:
        return 0
    n = common_bytes(a.array, b.array)
    return 0 if n is None and not shares_memory(a.array, b.array, 1_000_000) else n


def _count(v: View, n: int | None) -> str:
    """So many bytes as elements of a view where they are whole ones."""
    n = n or 0
    if v.itemsize and n % v.itemsize == 0:
        k = n // v.itemsize
        return say(f"{k:,} element{'s' * (k != 1)}", f"{k:,} 个元素")
    return say(f"{n:,} bytes", f"{n:,} 字节")


def in_two(m: MemoryMap) -> tuple[list[Storage], list[Storage]]:
    """The storages to be drawn one by one, and those that are only listed: in a long map, all that have one plain view."""
    if len(m.storages) <= 8:
        return m.storages, []
    alone = [s for s in m.storages if len(s.views) == 1 and s.views[0].contiguous and s.views[0].covered == s.bytes]
    return [s for s in m.storages if s not in alone], alone


def heading(m: MemoryMap) -> str:
    """One line about the whole map."""
    n, k = len(m.storages), len(m.views)
    return say(
        f"{n} storage{'s' * (n != 1)}, {size(m.bytes)}, {k} view{'s' * (k != 1)}",
        f"{n} 块存储，共 {size(m.bytes)}，{k} 个视图",
    )


def storage_heading(s: Storage) -> str:
    """One line about a storage."""
    parts = [say(f"storage {s.letter}", f"存储 {s.letter}"), size(s.bytes)]
    if s.itemsize and s.bytes and len({v.dtype for v in s.views}) == 1:
        n = s.bytes // s.itemsize
        parts.append(say(f"{n:,} element{'s' * (n != 1)} of {s.views[0].dtype}", f"{n:,} 个 {s.views[0].dtype} 元素"))
    if s.bytes:
        parts.append(f"0x{s.start:x}")
    told = _writes_text(s)
    return "  ".join([*parts, told] if told else parts)


def offset_text(v: View) -> str:
    """Where in the storage a view begins, in its own elements where that is a whole number."""
    return str(v.offset // v.itemsize) if v.itemsize and v.offset % v.itemsize == 0 else f"{v.offset} B"


def text(m: MemoryMap) -> str:
    """The map as lines for a terminal."""
    apart, alone = in_two(m)
    lines = [heading(m)]
    for s in apart:
        lines += _storage_lines(s)
    if alone:
        lines += _listed_lines(alone)
    if m.elsewhere:
        lines += ["", say("without memory", "没有内存")]
        lines += [f"  {v.name}  {tuple_text(v.shape)}  {v.dtype}  {getattr(v.value, 'device', '')}" for v in m.elsewhere]
    return "\n".join(lines)


def _storage_lines(s: Storage) -> list[str]:
    """One storage: its views in a table, each with its bar and remarks, and how they overlap."""
    cells, semicolon = cells_of(s), say("; ", "；")
    rows = [[say("name", "名字"), "", say("shape", "形状"), say("strides", "步幅"), say("offset", "偏移")]]
    rows += [[v.name, kind_text(v), tuple_text(v.shape), tuple_text(v.strides or ()), offset_text(v)] for v in s.views]
    if len({v.dtype for v in s.views}) > 1:
        for row, dtype in zip(rows, ["dtype", *(v.dtype for v in s.views)]):
            row.append(dtype)
    widths = [max(width_of(r[i]) for r in rows) for i in range(len(rows[0]))]
    texts = ["  ".join(padded(c, w, i == 4) for i, (c, w) in enumerate(zip(r, widths))) for r in rows]
    lines = ["", storage_heading(s), f"  {texts[0]}  {ruler(s, cells) if s.bytes else ''}".rstrip()]
    for v, line in zip(s.views, texts[1:]):
        drawn = bar(v, cells) if s.bytes else ""
        lines.append(f"  {line}  {drawn}  {semicolon.join(remarks(v))}".rstrip())
    return lines + [f"    {line}" for line in relations(s)]


def _listed_lines(storages: list[Storage]) -> list[str]:
    """Storages with one plain view each: a line with a bar as long as they are large."""
    most = max(s.bytes for s in storages) or 1
    views = [s.views[0] for s in storages]
    rows = [[s.letter, v.name, tuple_text(v.shape), v.dtype, size(s.bytes)] for s, v in zip(storages, views)]
    widths = [max(width_of(r[i]) for r in rows) for i in range(5)]
    lines = ["", say("storages with one view each", "各只有一个视图的存储")]
    for row, s, v in zip(rows, storages, views):
        line = "  ".join(padded(c, w, i == 4) for i, (c, w) in enumerate(zip(row, widths)))
        told = say("one object under several names", "同一个对象，有多个名字") if len(v.names) > 1 else ""
        lines.append(f"  {line}  {'█' * round(24 * s.bytes / most)}  {told}".rstrip())
    return lines
