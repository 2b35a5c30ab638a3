"""The memory map as a picture: each storage a strip of memory, below it one strip per view."""

import html

import numpy as np

from ...language import say
from .maps import MemoryMap, cells_of, heading, in_two, kind_text, offset_text, relations, remarks, size, storage_heading, tuple_text
from .storages import Storage, View, address

COLOURS = ("#4c78a8", "#e45756", "#54a24b", "#b279a2", "#f58518", "#72b7b2", "#9d755d", "#d8a400")
LEFT, CELL, ROW, WIDE = 190, 34, 30, 760
SMALL = 22  # storages of so many elements show each of them as a box with its number


def draw(m: MemoryMap) -> str:
    """The SVG text of a memory map."""
    parts: list[str] = []
    y = 34.0
    apart, alone = in_two(m)
    for s in apart:
        y = _storage(s, y, parts)
    y = _listed(alone, y, parts)
    for v in m.elsewhere:
        told = f"{v.name}  {tuple_text(v.shape)}  {v.dtype}: " + say("no memory", "没有内存")
        parts.append(_text(16, y + 14, told, "#666"))
        y += 22
    width, height = LEFT + WIDE + 320, int(y + 10)
    style = "text{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono','Noto Sans Mono CJK SC',monospace;font-size:12px}"
    top = _text(16, 22, heading(m), "#222", weight="bold", size=14)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{_escaped(heading(m))}</title><style>{style}</style>"
        f'<rect width="100%" height="100%" rx="8" fill="#fff"/>{top}{"".join(parts)}</svg>'
    )


def page(m: MemoryMap) -> str:
    """A self-contained HTML page: the picture, and the map as text."""
    from .maps import text

    title = say("Memory map", "内存图")
    return (
        f'<!doctype html><html lang="{say("en", "zh")}"><head><meta charset="utf-8"><title>{title}</title>'
        "<style>body{font-family:system-ui,sans-serif;margin:2em;background:#f6f7f9;color:#222}pre{background:#fff;padding:1em;"
        "border-radius:8px;overflow:auto}svg{max-width:100%;height:auto}</style></head><body>"
        f"<h1>{title}</h1>{draw(m)}<pre>{_escaped(text(m))}</pre></body></html>\n"
    )


def _storage(s: Storage, y: float, parts: list[str]) -> float:
    """Draw one storage from height y on; returns the height below it."""
    parts.append(_text(16, y + 20, storage_heading(s), "#222", weight="bold"))
    y += 32
    n = s.bytes // s.itemsize if s.itemsize else 0
    boxes = 0 < n <= SMALL and len({v.dtype for v in s.views}) == 1
    if not s.bytes:
        for v in s.views:
            parts.append(_text(16, y + 14, f"{v.name}  {tuple_text(v.shape)}  {v.dtype}", "#444"))
            y += 22
        return y + 12
    cell = min(CELL, WIDE / max(n, 1)) if boxes else 0
    if boxes:
        values = _values(s, n)
        for i in range(n):
            x = LEFT + i * cell
            parts.append(f'<rect x="{x:.1f}" y="{y}" width="{cell:.1f}" height="24" fill="#eef1f5" stroke="#9aa5b1"/>')
            parts.append(_text(x + cell / 2, y + 16, values[i], "#222", anchor="middle", size=11))
            if i % (1 if cell > 24 else 5) == 0:
                parts.append(_text(x + cell / 2, y + 35, str(i), "#98a1ab", anchor="middle", size=9))
        parts.append(_text(LEFT - 10, y + 16, say("memory", "内存"), "#555", anchor="end"))
        y += 42
    else:
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{WIDE}" height="18" fill="#eef1f5" stroke="#9aa5b1"/>')
        parts.append(_text(LEFT - 10, y + 13, say("memory", "内存"), "#555", anchor="end"))
        for k in range(5):
            parts.append(_text(LEFT + WIDE * k / 4, y + 31, size(s.bytes * k / 4) if k else "0", "#98a1ab", anchor="middle", size=9))
        y += 38
    for i, v in enumerate(s.views):
        _view(s, v, COLOURS[i % len(COLOURS)], y, parts, cell, n)
        y += ROW
    for line in relations(s)[:20]:
        parts.append(_text(LEFT, y + 12, line, "#777", size=11))
        y += 17
    return y + 16


def _listed(storages: list[Storage], y: float, parts: list[str]) -> float:
    """Storages with one plain view each, as bars as long as they are large; returns the height below them."""
    if not storages:
        return y
    most = max(s.bytes for s in storages) or 1
    parts.append(_text(16, y + 20, say("storages with one view each", "各只有一个视图的存储"), "#222", weight="bold"))
    y += 32
    for s in storages:
        v = s.views[0]
        parts.append(_text(16, y + 10, v.name, "#333", size=11))
        parts.append(f'<rect x="{LEFT + 200}" y="{y}" width="{max(1.0, WIDE / 2 * s.bytes / most):.1f}" height="12" fill="{COLOURS[0]}"/>')
        told = f"{tuple_text(v.shape)} {v.dtype}  {size(s.bytes)}"
        parts.append(_text(LEFT + 212 + WIDE / 2 * s.bytes / most, y + 10, told, "#777", size=10))
        y += 17
    return y + 12


def _view(s: Storage, v: View, colour: str, y: float, parts: list[str], cell: float, n: int) -> None:
    """Draw the strip of one view."""
    name = v.name if len(v.name) <= 22 else v.name[:10] + "…" + v.name[-11:]
    parts.append(_text(LEFT - 10, y + 15, name, colour, anchor="end", weight="bold"))
    width = cell * n if cell else WIDE
    parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="22" fill="#fafbfc" stroke="#e3e7eb"/>')
    if cell:
        for place, label in _labels(v, s).items():
            x = LEFT + place * cell
            parts.append(f'<rect x="{x + 1:.1f}" y="{y + 1}" width="{cell - 2:.1f}" height="20" rx="3" fill="{colour}"/>')
            parts.append(_text(x + cell / 2, y + 15, label, "#fff", anchor="middle", size=10 if len(label) < 5 else 8))
    else:
        cells = 4 * cells_of(s) if cells_of(s) < 100 else cells_of(s)
        shades = v.coverage(cells)
        start = 0
        for i in range(1, cells + 1):  # neighbours of one shade are one box
            if i == cells or abs(shades[i] - shades[start]) > 0.02:
                if shades[start] > 0:
                    x, w = LEFT + WIDE * start / cells, WIDE * (i - start) / cells
                    opacity = 0.25 + 0.75 * shades[start]
                    box = f'<rect x="{x:.1f}" y="{y + 2}" width="{max(w, 0.8):.1f}" height="18" fill="{colour}" opacity="{opacity:.2f}"/>'
                    parts.append(box)
                start = i
    told = f"{kind_text(v)} {tuple_text(v.shape)} {v.dtype}  " + say("strides ", "步幅 ") + tuple_text(v.strides or ())
    if v.offset:
        told += say("  offset ", "  偏移 ") + offset_text(v)
    notes = say("; ", "；").join(remarks(v))
    x = LEFT + width + 12
    parts.append(_text(x, y + 9, told, "#333", size=11))
    parts.append(_text(x, y + 21, notes, "#777", size=10))


def _labels(v: View, s: Storage) -> dict:
    """For each place in the storage that a view covers, the index under which the view shows it ("…" after the first of several)."""
    out: dict = {}
    a = v.array
    if a is None:
        return out
    base = address(a) - s.start
    for index in np.ndindex(a.shape):
        place = (base + sum(i * step for i, step in zip(index, a.strides))) // s.itemsize
        label = ",".join(map(str, index)) if index else "·"
        out[place] = out[place] if out.get(place, "").endswith("…") else out[place] + "…" if place in out else label
    return out


def _values(s: Storage, n: int) -> list[str]:
    """What stands in the memory, element by element, where some view shows it."""
    out = [""] * n
    for v in s.views:
        if v.array is None:
            continue
        base = address(v.array) - s.start
        for index in np.ndindex(v.array.shape):
            place = (base + sum(i * step for i, step in zip(index, v.array.strides))) // s.itemsize
            if not out[place]:
                out[place] = _number(v.array[index])
    return out


def _number(value) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "T" if value else "F"
    if isinstance(value, (np.integer, int)):
        return str(value) if len(str(value)) < 6 else "…"
    if isinstance(value, (np.complexfloating, complex)):
        return "z"
    return f"{float(value):.2g}"


def _text(x, y, content: str, fill: str, anchor: str = "start", weight: str = "normal", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-weight="{weight}" style="font-size:{size}px" '
        f'xml:space="preserve">{_escaped(content)}</text>'
    )


def _escaped(content: str) -> str:
    return html.escape(content, quote=False)
