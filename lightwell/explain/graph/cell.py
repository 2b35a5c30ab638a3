"""What a box looks like: small pieces of SVG, drawn once here, put in place by `svg` and by the page. Words come in both languages."""

from dataclasses import dataclass
from html import escape

from .fold import Group, Tree
from .layout import chips
from .model import Op, Value, bytes_text

FORWARD, BACKWARD, MIDDLE = 196, 164, 10  # widths of the two halves of a box, and of the gap between them
LINE, LABEL = 16, 13  # heights of a line in a box, of a line of the label under it
MOST = 6  # chips on a box before "and 3 more"

FAMILIES = {
    "product": "convolution linear mm bmm matmul addmm einsum dot mv conv_transpose baddbmm addmv outer tensordot",
    "activation": "relu sigmoid tanh gelu silu elu selu leaky_relu softmax log_softmax softplus hardtanh mish dropout threshold prelu celu "
    "hardswish hardsigmoid logsigmoid glu",
    "norm": "native_batch_norm native_layer_norm native_group_norm layer_norm batch_norm instance_norm rms_norm normalize var std",
    "pool": "max_pool2d max_pool1d avg_pool2d avg_pool1d adaptive_avg_pool2d adaptive_max_pool2d mean sum amax amin max min logsumexp upsample",
    "memory": "lstm gru rnn_tanh rnn_relu rnn attention scaled_dot_product_attention embedding index_select gather",
    "loss": "cross_entropy nll_loss mse_loss l1_loss binary_cross_entropy smooth_l1_loss huber_loss kl_div ctc_loss",
}
_FAMILY = {name: family for family, names in FAMILIES.items() for name in names.split()}


def family(op: Op) -> str:
    """The family of an operation, which gives it its colour."""
    return "shape" if op.view or op.name in ("reshape", "contiguous", "clone", "cat", "stack") else _FAMILY.get(op.name, "plain")


@dataclass
class Sprite:
    """A drawn box: its height, the lines of its label, its forward and its backward half. (0, 0) is the top of the line between the halves."""

    height: int
    label: int
    forward: str
    backward: str

    @property
    def whole(self) -> int:
        """The height with the label."""
        return self.height + (self.label * LABEL + 3 if self.label else 0)


def both(en: str, zh: str) -> str:
    """A word in both languages, of which one is shown."""
    return escape(en) if en == zh else f'<tspan class="en">{escape(en)}</tspan><tspan class="zh">{escape(zh)}</tspan>'


def cut(text: str, width: float, size: float) -> str:
    """Text for a monospaced line of that width, its middle left out where it is too long."""
    room = max(4, int(width / (size * 0.61)))
    long = sum(2 if ord(c) > 0x2E80 else 1 for c in text)
    return text if long <= room else text[: room // 2 - 1] + "…" + text[-(room - room // 2) :]


def _text(x: float, y: float, inner: str, kind: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{inner}</text>'


def _halves(height: int, kind: str, forward: str, backward: str | None, radius: int = 5) -> tuple[str, str]:
    """The frames of the two halves, with what is in them."""
    m = MIDDLE / 2
    left = f'<rect class="box {kind}" x="{-m - FORWARD:g}" y="0" width="{FORWARD}" height="{height}" rx="{radius}"/>{forward}'
    if backward is None:
        return left, ""
    y = min(height / 2, 13)
    right = (
        f'<path class="link" d="M{-m:g} {y:g}H{m:g}"/>'
        f'<rect class="box back" x="{m:g}" y="0" width="{BACKWARD}" height="{height}" rx="{radius}"/>{backward}'
    )
    return left, right


def _label(lines: list[str], height: int) -> tuple[str, str]:
    """What stands under a box: between the two lanes where there are two, beside the one otherwise."""
    middle = (BACKWARD - FORWARD) / 4
    two = "".join(_text(middle, height + LABEL * (i + 1) - 1, escape(cut(s, 170, 9.5)), "edge two") for i, s in enumerate(lines))
    one = "".join(
        _text(-MIDDLE / 2 - FORWARD / 2 + 7, height + LABEL * (i + 1) - 1, escape(cut(s, 170, 9.5)), "edge one")
        for i, s in enumerate(lines)
    )
    return two, one


def labels(values: list[Value]) -> list[str]:
    """Lines for the values that leave a box: at most three, equal ones counted."""
    counts: dict = {}
    for v in values:
        counts[v.text()] = counts.get(v.text(), 0) + 1
    counts.pop("?", None)
    lines = [f"{n} × {text}" if n > 1 else text for text, n in counts.items()]
    return lines if len(lines) <= 3 else [*lines[:2], f"+ {len(lines) - 2}"]


def chip_kind(value: Value, shared: set) -> str:
    """The class of a chip: "trainable", "frozen", "shared", "buffer" or "constant"."""
    if value.kind in ("parameter", "leaf"):
        return "shared" if id(value) in shared else "trainable" if value.grad else "frozen"
    return value.kind


def shared_parameters(tree: Tree) -> set:
    """Those that more than one operation reads, by different modules' calls or the same module's."""
    users: dict = {}
    for op in tree.graph.ops:
        for v in {id(v): v for v in op.inputs if v is not None and v.kind in ("parameter", "leaf")}.values():
            users[id(v)] = users.get(id(v), 0) + 1
    return {key for key, n in users.items() if n > 1}


def op_cell(op: Op, tree: Tree, shared: set, out: list[Value]) -> Sprite:
    """An operation beside its backward node, with the parameters that it reads."""
    x, right = -MIDDLE / 2 - FORWARD, MIDDLE / 2
    caption = tree.captions.get(id(op))
    rows: list = []
    if caption is not None:
        path, kind, _ = caption
        rows.append((_text_of(f"{path} · {kind}" if path and path != kind else path or kind, "module"), ""))
    attached = chips(op, tree)
    for name, v, grad in attached[: MOST if len(attached) <= MOST else MOST - 1]:
        own = v.name.rpartition(".")[2] if v.kind in ("parameter", "buffer") else ""
        text = v.name if v.shape is None else f"{own or v.name or name} {v.shape_text()}"
        if v.shape is None:
            text = f"{name} = {v.name}"
        mark = chip_kind(v, shared)
        rows.append((_chip(text, mark, v), f"→ {own or v.name or name}.grad" if grad and v.kind in ("parameter", "leaf") else ""))
    if caption is None and op.saved and any(grad for _, grad in rows):
        rows.insert(0, ("", ""))  # beside what is kept
    if len(attached) > MOST:
        n = len(attached) - MOST + 1
        rows.append((f'<text x="8" y="11" class="note">{both(f"and {n} more", f"另有 {n} 项")}</text>', ""))
    for name, shape, _ in [b for b in (caption[2] if caption else ()) if b[1]][:3]:
        text = f"{name} {'×'.join(map(str, shape)) or '()'}"
        rows.append((_chip(text, "buffer", None), ""))
    height = max(26 + LINE * len(rows), 26 + (LINE if op.node and op.saved else 0)) + (2 if rows else 0)
    badges = "".join(
        f'<tspan class="badge"> {both(en, zh)}</tspan>'
        for on, en, zh in ((op.view, "view", "视图"), (op.inplace, "in place", "原地"))
        if on
    )
    inner = f'<rect class="stripe" x="{x:g}" y="0" width="4" height="{height}" rx="2"/>'
    inner += _text(x + 12, 17, f"{escape(cut(op.name, FORWARD - (70 if badges else 20), 12))}{badges}", "name")
    inner += "".join(f'<g transform="translate({x + 8:g} {22 + LINE * i})">{row}</g>' for i, (row, _) in enumerate(rows))
    back = None
    if op.node:
        back = _text(right + 8, 17, escape(cut(op.node, BACKWARD - 14, 10)), "node")
        at = 33
        if op.saved:
            names = ", ".join(dict.fromkeys(name for name, _, _ in op.saved))
            size = f" {bytes_text(op.saved_bytes)}" if op.saved_bytes else ""
            told = cut(names, BACKWARD - 58 - 6 * len(size), 9.5)
            back += _text(right + 8, at, f'{both("keeps ", "保存 ")}{escape(told)}<tspan class="size">{escape(size)}</tspan>', "saves")
        for i, (_, grad) in enumerate(rows):
            if grad:
                y = 22 + LINE * i + 11
                if op.saved and y < at + 6:  # the first chip's line is taken
                    continue
                back += _text(right + 8, y, escape(cut(grad, BACKWARD - 14, 9.5)), "grad")
    forward, backward = _halves(height, f"op {family(op)}" + (" inplace" if op.inplace else ""), inner, back)
    return _finish(height, forward, backward, labels(out))


def _finish(height: int, forward: str, backward: str, lines: list[str]) -> Sprite:
    two, one = _label(lines, height)
    if not backward:  # one lane, in either view
        two = one.replace("edge one", "edge two alone")
    return Sprite(height, len(lines), forward + one + two, backward)


def _text_of(text: str, kind: str) -> str:
    return f'<text x="4" y="11" class="{kind}">{escape(cut(text, FORWARD - 20, 10))}</text>'


def _chip(text: str, kind: str, value: Value | None) -> str:
    full = "" if value is None else f"<title>{escape(value.name)} {escape(value.text())}</title>"
    key = f' data-value="{escape(value.name)}"' if value is not None and value.name else ""
    shown = escape(cut(text, FORWARD - 34, 9.5))
    return f'<g class="chip {kind}"{key}>{full}<rect x="4" y="3" width="8" height="8" rx="2"/><text x="17" y="11">{shown}</text></g>'


def leaf_cell(value: Value, out: list[Value]) -> Sprite:
    """A tensor that nothing made: an input, a leaf of the user's own, data."""
    en, zh = {"input": ("input", "输入"), "leaf": ("leaf", "叶子"), "constant": ("data", "数据")}.get(value.kind, (value.kind, value.kind))
    x = -MIDDLE / 2 - FORWARD
    inner = _text(x + FORWARD / 2, 18, _titled(en, zh, value.name), "mid")
    back = None
    if value.grad:
        back = _text(MIDDLE / 2 + 8, 18, escape(cut(f"→ {value.name or 'leaf'}.grad", BACKWARD - 14, 9.5)), "grad")
    forward, backward = _halves(27, f"leaf {value.kind}", inner, back, 13)
    return _finish(27, forward, backward, labels(out or [value]))


def _titled(en: str, zh: str, name: str) -> str:
    """What a leaf is and how it is called, said once where both are the same."""
    name = "" if name == en else name
    return both(en, zh) + (f' <tspan class="name">{escape(cut(name, 110, 12))}</tspan>' if name else "")


def output_cell(name: str, value: Value) -> Sprite:
    """Where a result leaves the picture, and the gradient comes in."""
    x = -MIDDLE / 2 - FORWARD
    inner = _text(x + FORWARD / 2, 18, _titled("output", "输出", name), "mid")
    back = None
    if value.grad:
        text = both("starts with 1", "从 1 开始") if value.shape == () else both("gradient given", "给定梯度")
        back = _text(MIDDLE / 2 + 8, 18, text, "saves")
    forward, backward = _halves(27, "leaf output", inner, back, 13)
    return Sprite(27, 0, forward, backward)


def counted(n: int) -> str:
    """A count for people: 11.2M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if n >= size:
            return f"{n / size:.3g}{unit}"
    return str(n)


def parameters_of(ops: list[Op]) -> list[Value]:
    """The parameters that operations read, each once."""
    found = {id(v): v for op in ops for v in op.inputs if v is not None and v.kind == "parameter"}
    return list(found.values())


def group_cell(group: Group, out: list[Value]) -> Sprite:
    """A folded group: its name, its class, how much is inside."""
    ops = group.ops()
    x = -MIDDLE / 2 - FORWARD
    weights = sum(p.size for p in parameters_of(ops))
    frozen = any(not p.grad for p in parameters_of(ops))
    label = cut(group.label, FORWARD - 40, 12)
    if group.kind in ("repeat", "stretch") and ", " in group.label and label != group.label:
        label = group.label[: len(label) - 1] + "…"  # what comes first says most
    inner = _text(x + 14, 18, f'<tspan class="fold">▸ </tspan>{escape(label)}', "name")
    kind = "" if group.kind in ("repeat", "stretch") else group.kind
    inner += _text(
        x + 14,
        33,
        escape(cut(kind, FORWARD - 24, 10)) if kind else both("repeated", "重复结构") if group.kind == "repeat" else "",
        "module",
    )
    told = both(f"{len(ops)} ops", f"{len(ops)} 个运算")
    if weights:
        told += both(f" · {counted(weights)} parameters", f" · {counted(weights)} 参数") + (
            both(", some frozen", "，部分冻结") if frozen else ""
        )
    inner += _text(x + 14, 48, told, "note")
    nodes = sum(1 for op in ops if op.node)
    back = None
    if nodes:
        back = _text(MIDDLE / 2 + 8, 18, both(f"{nodes} backward nodes", f"{nodes} 个反向结点"), "saves")
        saved = sum(op.saved_bytes for op in ops)
        if saved:
            back += _text(MIDDLE / 2 + 8, 33, f'{both("keeps ", "保存 ")}<tspan class="size">{bytes_text(saved)}</tspan>', "saves")
    under = f'<rect class="box folded under" x="{x + 4:g}" y="4" width="{FORWARD}" height="56" rx="6"/>'
    forward, backward = _halves(56, "folded", inner, back, 6)
    return _finish(60, under + forward, backward, labels(out))


def group_title(group: Group) -> str:
    """The line at the top of an unfolded group."""
    kind = "" if group.kind in ("repeat", "stretch") else f' <tspan class="module">{escape(group.kind)}</tspan>'
    words = f'<tspan class="fold">▾ </tspan>{escape(group.label)}{kind}</text>'
    return f'<text x="10" y="17" class="name halo" aria-hidden="true">{words}<text x="10" y="17" class="name">{words}'
