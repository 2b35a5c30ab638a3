"""A run's report: the curves, the table of layers and the findings, as text, as a self-contained HTML page, and as a figure."""

import builtins
import html
import math
import os
import tempfile

from ...errors.teaching import ImportError
from ...language import get_language, say
from .finding import history_lines, value_line, wide
from .numbers import show, sparkline

__all__ = ["Report", "plot", "save_html"]


def _cell(text: str, width: int, right: bool = True) -> str:
    gap = " " * max(0, width - wide(text))
    return gap + text if right else text + gap


def _table(head: list, rows: list) -> list:
    """Rows of texts as aligned lines; the first two columns to the left."""
    widths = [max(wide(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
    return ["  " + "  ".join(_cell(str(v), w, i > 1) for i, (v, w) in enumerate(zip(r, widths))) for r in [head, *rows]]


class Report:
    """What a watch saw: prints as text, shows as HTML in a notebook.

    >>> import lightwell as torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> with torch.watch(net, optimizer) as w:
    ...     net(torch.ones(4, 2)).sum().backward(); optimizer.step()
    >>> [layer["path"] for layer in w.report().layers()]
    ['net.0', 'net.1', 'net.2']
    """

    def __init__(self, watch):
        self.watch = watch

    def layers(self) -> list:
        """For each layer: path, kind, shape, mean and std of its last output, the gradient's norm, update/parameter, dead share."""
        watch = self.watch
        out = []
        weights: dict[str, list] = {}
        for f in watch.training.followed.values():
            weights.setdefault(f.name.rpartition(".")[0], []).append(f)
        units: dict[str, list] = {}
        for u in watch.health.units.values():
            units.setdefault(u.path, []).append(u)
        paths = {}
        for layer in watch.health.layers.values():
            paths[layer.path] = layer
        for path, layer in paths.items():
            mine = weights.pop(path, [])
            acts = units.pop(path, [])
            out.append(self._row(path, layer.kind, layer.shape, layer.mean, layer.std, mine, acts))
        for path, mine in weights.items():
            out.append(self._row(path or mine[0].name, "", mine[0].tensor._a.shape, None, None, mine, []))
        for path, acts in units.items():
            for u in acts:
                out.append(self._row(path, u.op, (), None, None, [], [u]))
        return out

    @staticmethod
    def _row(path, kind, shape, mean, std, mine, acts) -> dict:
        g2, u2, p2 = sum(f.g2 for f in mine), sum(f.u2 for f in mine), sum(f.p2 for f in mine)
        dead = [u.dead for u in acts if u.meaning == "dead"]
        flat = [u.flat for u in acts if u.meaning == "flat"]
        return {
            "path": path, "kind": kind, "shape": tuple(shape), "mean": mean, "std": std,
            "gradient": math.sqrt(g2) if mine else None, "ratio": math.sqrt(u2 / p2) if mine and p2 else None,
            "dead": max(dead) if dead else None, "saturated": max(flat) if flat else None,
        }  # fmt: skip

    def __str__(self):
        watch = self.watch
        training = watch.training
        head = say(f"watch: {training.step} steps", f"watch：{training.step} 步")
        if watch.data.epoch:
            head += say(f", {watch.data.epoch} epochs of the last loader", f"，最后一个加载器读了 {watch.data.epoch} 轮")
        out = [head]
        for key, label in _curves():
            values = watch.history[key]
            if len(values) >= 2:
                thin = values[:: max(1, len(values) // 50)]
                out.append(f"  {_cell(label, 18, False)}{sparkline(thin)}  {show(values[0])} → {show(values[-1])}")
        rows = [
            [r["path"], r["kind"], _number(r["mean"]), _number(r["std"]), _number(r["gradient"]), _number(r["ratio"]), _share(r["dead"]), _share(r["saturated"])]
            for r in self.layers()
        ]  # fmt: skip
        if rows:
            out += ["", *_table(_columns(), rows)]
        out.append("")
        if watch.findings:
            out += [f"  {f.headline()}" for f in watch.findings]
        else:
            out.append(say("  nothing unusual", "  一切正常"))
        return "\n".join(out)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _body(self)

    def save(self, path) -> str:
        """Write the page; returns the path."""
        return save_html(self.watch, path)


def _curves() -> list:
    return [
        ("loss", say("loss", "损失")), ("gradient", say("gradient norm", "梯度范数")), ("ratio", say("update/parameter", "更新/参数")),
        ("norm", say("parameter norm", "参数范数")),
    ]  # fmt: skip


def _columns() -> list:
    return [say(*p) for p in (
        ("layer", "层"), ("kind", "类型"), ("mean", "均值"), ("std", "标准差"), ("gradient", "梯度范数"), ("update/param", "更新/参数"), ("dead", "死亡"),
        ("saturated", "饱和"),
    )]  # fmt: skip


def _number(v) -> str:
    return "" if v is None else f"{v:.3g}"


def _share(v) -> str:
    return "" if v is None else f"{v:.0%}"


# ---- HTML -----------------------------------------------------------------------------------------------------------

STYLE = """
.lww{font:15px/1.5 system-ui,"PingFang SC","Noto Sans CJK SC",sans-serif;color:#1c2733;max-width:980px;margin:0 auto}
.lww h1{font-size:22px;margin:.6em 0 .3em}.lww h2{font-size:17px;margin:1.2em 0 .4em}
.lww .grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:14px}
.lww .card{border:1px solid #d8dee6;border-radius:8px;padding:10px 12px;background:#fff}
.lww .card b{font-weight:600}.lww .card span{float:right;color:#5b6b7b}
.lww table{border-collapse:collapse;width:100%;font-size:13.5px}.lww th{text-align:left;border-bottom:2px solid #c6ced8;padding:4px 8px}
.lww td{border-bottom:1px solid #e8ecf1;padding:4px 8px;font-variant-numeric:tabular-nums}.lww td.n,.lww th.n{text-align:right}
.lww .bad{background:#fdecea}.lww .found{border-left:5px solid #c0392b;padding:8px 14px;margin:12px 0;background:#fff6f5;border-radius:0 8px 8px 0}
.lww .found.mild{border-color:#d68910;background:#fffaf0}.lww code{background:#eef2f6;padding:1px 4px;border-radius:4px;font-size:13px}
.lww pre{background:#f4f6f9;padding:8px 10px;border-radius:6px;overflow:auto;font-size:13px;margin:.4em 0}.lww dl{display:grid;grid-template-columns:7.5em 1fr;gap:2px 10px;margin:.4em 0}
.lww dt{color:#5b6b7b}.lww dd{margin:0}
@media(prefers-color-scheme:dark){body{background:#12181f}.lww{color:#dbe3ec}.lww .card{background:#1a222c;border-color:#33404e}.lww .found{background:#2b1c1c}
.lww .found.mild{background:#2b2518}.lww code,.lww pre{background:#222c37}.lww td{border-color:#2a3541}.lww .bad{background:#3a2020}}
"""


def _svg(values: list, width: int = 300, height: int = 90) -> str:
    """A curve; logarithmic where it spans orders of magnitude."""
    good = [v for v in values if v is not None and math.isfinite(v)]
    if len(good) < 2:
        return ""
    low, high = min(good), max(good)
    logs = low > 0 and high / low > 50
    f = math.log10 if logs else float
    a, b = f(low), f(high)
    span = (b - a) or 1.0
    points, breaks = [], []
    for i, v in enumerate(values):
        x = 4 + i * (width - 8) / (len(values) - 1)
        if v is None or not math.isfinite(v):
            breaks.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{height - 2}" stroke="#c0392b" stroke-dasharray="3 2"/>')
        else:
            points.append(f"{x:.1f},{height - 6 - (f(v) - a) / span * (height - 12):.1f}")
    return (
        f'<svg viewBox="0 0 {width} {height}" width="100%" role="img" aria-label="{show(good[0])} → {show(good[-1])}">{"".join(breaks)}'
        f'<polyline points="{" ".join(points)}" fill="none" stroke="#2471a3" stroke-width="1.6"/></svg>'
        f"<small>{show(low)} … {show(high)}{say(', log scale', '，对数坐标') if logs else ''}</small>"
    )


def _marked(text: str) -> str:
    """A text with code in backquotes, as HTML."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))


def finding_html(f) -> str:
    """One finding."""
    rows: list[tuple[str, str]] = []
    if f.module:
        rows.append((f.label(), f"<code>{html.escape(f.module)}</code>"))
    rows.append((say("when", "时间"), html.escape(f._phase())))
    if f.values:
        rows.append(
            (
                say("values", "数值"),
                "<br>".join(html.escape(value_line(f.op, v)) for v in f.values) + f" <small>({f.count}/{f.size})</small>",
            )
        )
    if f.rows:
        told = ", ".join(map(str, f.rows[:20]))
        if f.items:
            told += say("; in the dataset ", "；在数据集中 ") + ", ".join(map(str, f.items[:20]))
        rows.append((say("examples", "样本"), told))
    rows += [(say("note", "说明"), _marked(say(*n))) for n in f.notes]
    rows += [(say("why", "原因"), _marked(f.why)), (say("mend", "办法"), _marked(f.mend))]
    if f.file:
        rows.append((say("replay", "重放"), f"<code>lightwell replay {html.escape(f.file)}</code>"))
    place = f"<pre>{html.escape(str(f.place))}\n    {html.escape(f.place.text)}</pre>" if f.place else ""
    lines = history_lines(f)
    drawn = f"<pre>{html.escape(chr(10).join(lines))}</pre>" if lines else ""
    listed = "".join(f"<dt>{html.escape(k)}</dt><dd>{v}</dd>" for k, v in rows)
    kind = "found" if f.fatal else "found mild"
    return f'<div class="lww"><style>{STYLE}</style><div class="{kind}"><b>{f.code} {html.escape(f.cause)}</b>: <code>{html.escape(f.op)}</code>{place}<dl>{listed}</dl>{drawn}</div></div>'  # fmt: skip


def _body(report: Report) -> str:
    watch = report.watch
    cards = ""
    for key, label in _curves():
        values = watch.history[key]
        drawn = _svg(values)
        if drawn:
            cards += f'<div class="card"><b>{label}</b><span>{show(values[0])} → {show(values[-1])}</span>{drawn}</div>'
    head = "".join(f"<th{'' if i < 2 else ' class=n'}>{html.escape(c)}</th>" for i, c in enumerate(_columns()))
    rows = ""
    for r in report.layers():
        bad = (r["dead"] or 0) > 0.9 or (r["saturated"] or 0) > 0.9
        cells = [
            _number(r["mean"]),
            _number(r["std"]),
            _number(r["gradient"]),
            _number(r["ratio"]),
            _share(r["dead"]),
            _share(r["saturated"]),
        ]
        tail = "".join(f'<td class="n">{c}</td>' for c in cells)
        rows += (
            f"<tr{' class=bad' if bad else ''}><td><code>{html.escape(r['path'])}</code></td><td>{html.escape(r['kind'])}</td>{tail}</tr>"
        )
    found = "".join(finding_html(f) for f in watch.findings) or f"<p>{say('Nothing unusual.', '一切正常。')}</p>"
    title = say(f"{watch.training.step} steps", f"{watch.training.step} 步")
    return (
        f'<div class="lww"><style>{STYLE}</style><h1>lightwell watch · {title}</h1><div class="grid">{cards}</div>'
        f"<h2>{say('Findings', '发现')}</h2>{found}<h2>{say('Layers', '各层')}</h2><table><tr>{head}</tr>{rows}</table></div>"
    )


def write_whole(text: str, path) -> str:
    """Write a file, whole or not at all; returns the path."""
    path = os.fspath(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=".report-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def save_html(watch, path) -> str:
    """The report as a page that needs nothing else."""
    language = get_language()
    page = f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>lightwell watch</title><body>{_body(Report(watch))}</body></html>'  # fmt: skip
    return write_whole(page, path)


def plot(watch, path=None):
    """Four curves in a matplotlib figure."""
    try:
        from matplotlib.figure import Figure
    except builtins.ImportError as error:
        raise ImportError("w.plot() draws with matplotlib: pip install matplotlib; w.save_html(path) needs nothing") from error
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    names = {"loss": "loss", "gradient": "gradient norm", "ratio": "update/parameter", "norm": "parameter norm"}
    for i, (key, curve) in enumerate(watch.training.curves.items()):
        axes = figure.add_subplot(2, 2, i + 1)
        good = [(s, v) for s, v in zip(curve.steps, curve.values) if v is not None and math.isfinite(v)]
        if good:
            axes.plot(*zip(*good), lw=1.4)
            values = [v for _, v in good]
            if min(values) > 0 and max(values) > 50 * min(values):
                axes.set_yscale("log")
        for f in watch.findings:
            if f.fatal:
                axes.axvline(f.step, color="#c0392b", ls="--", lw=1)
        axes.set_title(names[key], fontsize=10)
        axes.set_xlabel("step", fontsize=9)
        axes.grid(alpha=0.3)
    if path is not None:
        figure.savefig(os.fspath(path), dpi=120)
    return figure
