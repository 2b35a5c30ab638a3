"""From the operands and the result of an operation to the cause: which elements, what numbers, and which of the codes."""

import numpy as np

from .numbers import bad_places, finite, show

_LOGS = {"log": 0.0, "log2": 0.0, "log10": 0.0, "log1p": -1.0, "xlogy": 0.0, "special_xlog1py": -1.0}  # where the argument is a zero of it
_EXPS = frozenset("exp exp2 expm1 sinh cosh softplus".split())
_ROOTS = frozenset("sqrt power_half".split())
_MIXING = frozenset(
    "mm bmm mv dot addmm linear matmul convolution convolution_transpose cumsum cumprod logcumsumexp".split()
)  # not by element
_DOMAIN = frozenset("acos asin acosh atanh logit erfinv special_ndtri digamma lgamma polygamma".split())
_PROBABILITIES = frozenset("softmax sigmoid log_softmax log_sigmoid".split())
_VARIANCES = frozenset("var std var_mean std_mean".split())
NORMS = frozenset("native_batch_norm native_layer_norm native_group_norm fixed_batch_norm".split())
GENERIC = frozenset("LW521 LW522 LW525 LW535 LW536".split())  # what the history of the training may know better


class Diagnosis:
    """`code`, the `values` at fault, `count` of `size` elements, and `notes` (pairs of English and Chinese)."""

    def __init__(self, code: str, values=(), count: int = 0, notes=()):
        self.code, self.values, self.count, self.notes = code, list(values), count, list(notes)


def _at(operand, shape: tuple, place: tuple):
    """The operand's element that broadcasting brings to a place of the result; None where it isn't that kind of operand."""
    if isinstance(operand, bool | int | float | complex | np.generic):
        return operand
    if not isinstance(operand, np.ndarray):
        return None
    try:
        return np.broadcast_to(operand, shape)[place]
    except (ValueError, IndexError):
        return None


def elements(operands: list, result, limit: int = 3) -> tuple[int, list]:
    """(how many elements are not finite, the first of them with the numbers they came from)."""
    count, found = bad_places(result, limit)
    out = []
    for place in found:
        near = {name: _at(v, result.shape, place) for name, v in operands}
        near = {name: _number(v) for name, v in near.items() if v is not None}
        out.append({"at": place, "operands": near, "result": _number(result[place])})
    return count, out


def _number(v):
    v = v.item() if hasattr(v, "item") else v
    return v if isinstance(v, complex) else float(v)


def extent(a) -> tuple[float, float]:
    """(smallest, largest) of the finite elements."""
    a = np.asarray(a)
    if a.dtype.kind == "c":
        a = np.abs(a)
    good = a[np.isfinite(a)] if a.dtype.kind not in "iub" else a
    return (float(good.min()), float(good.max())) if good.size else (float("nan"),) * 2


def _ranges(operands: list) -> list:
    notes = []
    for name, v in operands:
        if isinstance(v, np.ndarray) and v.size > 1 and v.dtype.kind in "fiuc":
            en, zh = _range(v)
            notes.append((f"operand {name}, shape {list(v.shape)}: {en}", f"操作数 {name}，形状 {list(v.shape)}：{zh}"))
    return notes


def _range(a) -> tuple[str, str]:
    """From where to where the elements go, and how many are not finite."""
    low, high = extent(a)
    n = {} if a.dtype.kind in "iu" else {"nan": np.isnan(a).sum(), "inf": np.isposinf(np.abs(a) if a.dtype.kind == "c" else a).sum()}
    if a.dtype.kind == "f":
        n["-inf"] = np.isneginf(a).sum()
    others = [f"{count} × {what}" for what, count in n.items() if count]
    if sum(n.values()) == a.size:
        return ", ".join(others), "、".join(others)
    en, zh = (show(low), show(low)) if low == high else (f"from {show(low)} to {show(high)}", f"范围 {show(low)} 到 {show(high)}")
    return " and ".join([en, *others]), "，另有 ".join([zh, *others])


def forward(name: str, operands: list, params: dict, result, of_infinity: bool = False) -> Diagnosis:
    """Why an operation gave values that are not finite. `operands` are (name, array or number); `of_infinity`: an operand was infinite."""
    count, values = elements([] if name in _MIXING or name.startswith(("linalg", "fft")) else operands, result)
    arrays = [v for _, v in operands if isinstance(v, np.ndarray)]
    x = arrays[0] if arrays else None
    first = next(iter(values[0]["operands"].values()), None) if values else None
    second = list(values[0]["operands"].values())[1] if values and len(values[0]["operands"]) > 1 else None
    bad = values[0]["result"] if values else float("nan")
    notes: list = []
    code = None
    if name in _LOGS or name == "logit":
        at = second if name.startswith(("xlogy", "special_xlog1py")) else first
        if name == "logit":
            code = "LW517"
        elif at is not None and (not isinstance(at, complex) or at == 0):
            code = "LW510" if at == _LOGS[name] else "LW511" if not isinstance(at, complex) and at < _LOGS[name] else None
    elif name == "div" and second is not None:
        code = ("LW513" if first == 0 else "LW512") if second == 0 else None
    elif (name in ("reciprocal", "rsqrt") or (name == "div" and second is None)) and first is not None:
        code = "LW512" if first == 0 else "LW515" if name == "rsqrt" and first < 0 else None
    elif name in ("remainder", "fmod", "floor_divide") and second == 0:
        code = "LW513" if first == 0 or name != "floor_divide" else "LW512"
    elif name in _EXPS and not of_infinity:
        code = "LW514"
    elif name in _ROOTS and first is not None:
        code = "LW515" if first < 0 else None
    elif name == "pow" and first is not None and second is not None:
        code = "LW516" if first <= 0 and (second < 0 or second != int(second)) else None
    elif name in _DOMAIN:
        code = "LW517"
    elif name in _VARIANCES and x is not None:
        if finite(x) and not (x.dtype.itemsize == 2 and np.isinf(bad)) and np.isnan(bad):
            code = "LW519"
    elif name in ("mean", "mean_dim") and x is not None and (not x.size or (x.shape != result.shape and not x.size)):
        code = "LW520"
    elif name in ("softmax", "log_softmax", "logsumexp") and x is not None:
        code, note = _softmax(x, params.get("axis", -1), values)
        notes += note
    elif name in ("cross_entropy", "nll_loss"):
        c = params.get("c")
        if isinstance(c, np.ndarray) and not finite(c):
            code, values = "LW520", []
            notes.append(
                ("every target is ignored, or weighs 0: the divisor of the mean is 0", "所有标签都被忽略（或权重为 0）：平均的除数是 0")
            )
        elif x is not None and of_infinity:
            code, note = _softmax(x, params.get("axis", -1), values)
            code = code or "LW510"
            notes += note
    elif name in NORMS and not of_infinity:
        if params.get("eps") == 0 and np.isnan(bad):
            code = "LW524"
    elif name in ("linalg_vector_norm",) and not of_infinity:
        code = "LW522"
    if code is None and of_infinity:
        code = "LW521"
    if code is None and result.dtype == np.float16:
        code = "LW523"
    if code is None:
        code = "LW522" if not np.isnan(bad) or any(v.size and extent(v)[1] > 1e15 for v in arrays) else "LW525"
    if code in ("LW522", "LW523", "LW525", "LW521") or not values or not values[0]["operands"]:
        notes += _ranges(operands)
    if code in ("LW518", "LW519", "LW520", "LW524") or len(values and values[0]["operands"]) == 0:
        values = [{**v, "told": name + "(…)"} for v in values]
    return Diagnosis(code, values, count, notes)


def zeros(names: set) -> list:
    """A note on the 0 that a logarithm was given, by the operations that it went through: one that is no probability wants another mend."""
    if names & _PROBABILITIES or {"exp", "div"} <= names:
        return []
    if "relu" in names:
        return [("the 0 comes out of relu: F.softplus(x) + 1e-6 is always positive", "这个 0 来自 relu：F.softplus(x) + 1e-6 始终为正")]
    return [(
        "no softmax or sigmoid gave this 0: keep the argument positive, x.clamp(min=1e-8) or F.softplus(x) + 1e-6",
        "这个 0 不是 softmax 或 sigmoid 给出的：让自变量保持为正，x.clamp(min=1e-8) 或 F.softplus(x) + 1e-6",
    )]  # fmt: skip


def composed(name: str, inner: dict, operands: list, result, of_infinity: bool) -> Diagnosis:
    """The same for a function made of several operations, by its local variables."""
    if name == "ctc_loss" and result.ndim == 1 and "n_in" in inner:
        labels, frames = inner["n_out"], inner["n_in"]
        repeats = (inner["rows"][:, 1:] == inner["rows"][:, :-1]) & (np.arange(1, inner["rows"].shape[1]) < labels[:, None])
        needed = labels + repeats.sum(1)  # equal neighbours need a blank between them
        count, values = elements([], result)
        short = [v["at"][0] for v in values if frames[v["at"][0]] < needed[v["at"][0]]]
        if short:
            return Diagnosis("LW526", [{**v, "told": "ctc_loss(…)"} for v in values], count, [(
                f"example {i}: {labels[i]} labels need at least {needed[i]} frames, and there are {frames[i]}",
                f"样本 {i}：{labels[i]} 个标签至少需要 {needed[i]} 帧，而只有 {frames[i]} 帧",
            ) for i in short])  # fmt: skip
    if name in ("logdet", "slogdet") and not of_infinity:
        count, values = elements([], result)
        values = [{**v, "told": f"{name}(…)"} for v in values]
        if np.isneginf(result).any():
            return Diagnosis("LW510", values, count, [(
                "the matrix is singular: its determinant is 0; a little on the diagonal, A + 1e-6·I, mends a covariance",
                "矩阵是奇异的：行列式为 0；若是协方差矩阵，在对角线上加一点即可：A + 1e-6·I",
            )])  # fmt: skip
        if np.isnan(result).any():
            return Diagnosis("LW511", values, count, [(
                "the matrix has a negative determinant; torch.linalg.slogdet gives log |det| and the sign",
                "矩阵的行列式为负；torch.linalg.slogdet 给出 log |det| 和符号",
            )])  # fmt: skip
    return forward(name, operands, {}, result, of_infinity)


def _softmax(x, axis, values):
    """Of a softmax: is a row all -inf?"""
    axis = axis[0] if isinstance(axis, tuple) else axis
    try:
        rows = np.isneginf(x).all(axis=axis)
    except (TypeError, ValueError):
        return None, []
    if rows.any():
        where = [tuple(int(i) for i in p) for p in np.argwhere(rows)[:3]]
        told = ", ".join(str(list(p)) for p in where)
        return "LW518", [(
            f"{int(rows.sum())} of {rows.size} rows hold nothing but -inf, the first at {told}", f"{rows.size} 行中有 {int(rows.sum())} 行全是 -inf，最先出现在 {told}",
        )]  # fmt: skip
    if np.isposinf(x).any():
        return "LW521", [("an entry is +inf, and inf - inf is NaN", "有元素为 +inf，而 inf - inf 得 NaN")]
    return None, []


# ---- derivatives ----------------------------------------------------------------------------------------------------


def backward(name: str, g, operands: list, results: list, gradient, hidden: bool) -> Diagnosis:
    """Why an operation's derivative is not finite where its incoming gradient is. `hidden`: its own value was not finite either."""
    near = [*operands, *results]
    if isinstance(g, np.ndarray):
        near.append(("gradient", g))
    count, values = elements(near, gradient)
    values = [{**v, "told": _told(name, v)} for v in values]
    arrays = [v for _, v in operands if isinstance(v, np.ndarray)]
    notes: list = []
    x = (
        next(iter(values[0]["operands"].values()), None)
        if values and operands and "gradient" not in list(values[0]["operands"])[:1]
        else None
    )
    if hidden:
        code = "LW534"
    elif name in _ROOTS or name == "rsqrt":
        code = "LW530"
    elif name in ("linalg_vector_norm", "hypot") or name in _VARIANCES:
        code = "LW531"
    elif name == "pow" and (x is None or x == 0):
        code = "LW532"
    elif name in ("acos", "asin", "acosh", "atanh", "asinh"):
        code = "LW533"
    elif (
        name in ("log", "log2", "log10", "log1p", "div", "reciprocal")
        and x is not None
        and not any(v == 0 for v in values[0]["operands"].values())
    ):
        code = "LW535"
    elif gradient.dtype == np.float16:
        code = "LW523"
    else:
        large = max([extent(g)[1] if isinstance(g, np.ndarray) else 0.0, -extent(g)[0] if isinstance(g, np.ndarray) else 0.0])
        big = large > 1e10 or any(v.size and max(abs(e) for e in extent(v)) > 1e10 for v in arrays)
        code = ("LW540" if large > 1e10 else "LW535") if big else "LW536"
        if isinstance(g, np.ndarray) and g.size:
            en, zh = _range(g)
            notes.append((f"the gradient that came in, shape {list(g.shape)}: {en}", f"传入的梯度，形状 {list(g.shape)}：{zh}"))
        notes += _ranges(operands)
    return Diagnosis(code, values, count, notes)


def _told(name: str, v: dict) -> str:
    """The element at fault of a derivative: "d sqrt at x = 0.0, times 0.0"."""
    near = dict(v["operands"])
    g = near.pop("gradient", None)
    told = f"d {name}" + (" at " + ", ".join(f"{k} = {show(n)}" for k, n in near.items()) if near else "")
    return told + ("" if g is None else f", times gradient {show(g)}")
