"""Small pictures of operations, as SVG text: a curve with its derivative, or which inputs move which outputs. Used by make_op_docs.py."""

import numpy as np

_STYLE = (
    "<style>text{font:12px system-ui,sans-serif;fill:#5c6470}.a{stroke:#c9ced6;fill:none}.y{stroke:#7a3e9d;fill:none;stroke-width:2}"
    ".d{stroke:#d9822b;fill:none;stroke-width:2;stroke-dasharray:5 3}.ty{fill:#7a3e9d}.td{fill:#d9822b}"
    "@media (prefers-color-scheme:dark){text{fill:#a0a8b5}.a{stroke:#454b57}.y{stroke:#c79bea}.ty{fill:#c79bea}.d{stroke:#f0a455}.td{fill:#f0a455}}</style>"
)
WIDTH, HEIGHT, EDGE = 360, 220, 26


def _number(v: float) -> str:
    text = f"{v:.1f}"
    return text[:-2] if text.endswith(".0") else text


def _svg(width: int, height: int, inner: str, about: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
    return f"{head}<title>{about}</title>{_STYLE}{inner}</svg>\n"


def curves(x, y, slope, about: str) -> str:
    """y (a full line) and dy/dx (a dashed one; None: there is none) over x."""
    lines = [y] if slope is None else [y, slope]
    finite = np.concatenate([v[np.isfinite(v)] for v in lines])
    low, high = np.percentile(finite, 2), np.percentile(finite, 98)
    low, high = min(low, 0.0), max(high, 0.0)
    pad = 0.08 * ((high - low) or 1.0)
    low, high = low - pad, high + pad

    def across(v):
        return EDGE + (v - x[0]) / (x[-1] - x[0]) * (WIDTH - 2 * EDGE)

    def up(v):
        return HEIGHT - EDGE - (v - low) / (high - low) * (HEIGHT - 2 * EDGE)

    def path(values, kind):
        out, pen = [], False
        span = 0.6 * (high - low)
        for i, v in enumerate(values):
            inside = np.isfinite(v) and low - pad <= v <= high + pad
            jump = inside and pen and abs(v - values[i - 1]) > span
            if inside:
                out.append(f"{'L' if pen and not jump else 'M'}{_number(across(x[i]))} {_number(up(v))}")
            pen = inside
        return f'<path class="{kind}" d="{"".join(out)}"/>'

    zero = f'<path class="a" d="M{EDGE} {_number(up(0.0))}H{WIDTH - EDGE}"/>'
    if x[0] < 0 < x[-1]:
        zero += f'<path class="a" d="M{_number(across(0.0))} {EDGE}V{HEIGHT - EDGE}"/>'
    ticks = "".join(
        f'<text x="{_number(across(v))}" y="{HEIGHT - 8}" text-anchor="middle">{v:g}</text>' for v in (x[0], (x[0] + x[-1]) / 2, x[-1])
    )
    ticks += "".join(f'<text x="2" y="{_number(up(v) + 4)}">{v:.2g}</text>' for v in (low + pad, high - pad))
    legend = f'<text class="ty" x="{WIDTH - EDGE}" y="16" text-anchor="end">y</text>'
    if slope is not None:
        legend += f'<text class="td" x="{WIDTH - EDGE - 20}" y="16" text-anchor="end">∂y/∂x</text>'
    return _svg(WIDTH, HEIGHT, zero + ticks + path(y, "y") + ("" if slope is None else path(slope, "d")) + legend, about)


def reach(jacobian, rows: str, columns: str, about: str) -> str:
    """A Jacobian as squares: row i, column j is ∂y[i]/∂x[j]; violet is positive, orange negative, empty zero."""
    n, m = jacobian.shape
    cell = max(5, min(22, 300 // max(n, m, 1)))
    top = float(np.abs(jacobian[np.isfinite(jacobian)]).max(initial=0.0)) or 1.0
    out = [f'<rect class="a" x="40" y="26" width="{m * cell}" height="{n * cell}"/>']
    for i in range(n):
        for j in range(m):
            v = float(jacobian[i, j])
            if not np.isfinite(v) or abs(v) < 1e-9 * top:
                continue
            shade = 0.15 + 0.85 * min(1.0, abs(v) / top)
            colour = "#7a3e9d" if v > 0 else "#d9822b"
            out.append(
                f'<rect x="{40 + j * cell}" y="{26 + i * cell}" width="{cell - 1}" height="{cell - 1}" fill="{colour}" fill-opacity="{shade:.2f}"/>'
            )
    out.append(f'<text x="{40 + m * cell / 2:g}" y="16" text-anchor="middle">{columns}</text>')
    out.append(f'<text x="34" y="{30 + n * cell / 2:g}" text-anchor="end">{rows}</text>')
    return _svg(max(40 + m * cell + 10, 120), 26 + n * cell + 10, "".join(out), about)
