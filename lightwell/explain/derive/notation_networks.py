"""The shapes in mathematics of the words that layers are made of: convolution, pooling, normalisation, recurrent steps.

`WORDS` here is the whole table, with those of notation_words.py and notation_linalg.py.
"""

from .notation import ATOM, BIG, POWER, PRODUCT, RELATION, SUM, Box, applied, argument, infix, layout, number, within
from .notation_linalg import MORE
from .notation_words import WORDS as _BASIC
from .notation_words import _enclosed, _key, _one, option, over, plain, plus, reduced, root, times
from .terms import Term


def _convolve(t, names):
    """x ⋆ w + b, with what isn't the default below the star."""
    x, w = layout(t.args[0], names), layout(t.args[1], names)
    told = []
    for i, (key, usual) in enumerate((("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1))):
        value = option(t, 3 + i, key)
        values = value if isinstance(value, tuple) else (value,)
        if any(v != usual for v in values if v is not None):
            said = values[0] if len(set(values)) == 1 else value
            told.append(f"{key}={said}")
    name = Box("infix", within(x, PRODUCT), "⋆", within(w, POWER), level=PRODUCT)
    if told:
        name = Box("sub", Box("fence", "(", name, ")"), Box("text", ", ".join(told)), level=ATOM)
    b = t.args[2] if len(t.args) > 2 else t.params.get("b")
    return name if plain(b) is None else plus(name, layout(b, names))


def _relu_pull(t, names):
    g, y = (layout(v, names) for v in t.args[:2])
    return times(
        _enclosed(g, ("",)), Box("fence", "[", infix(">", y, Box("number", "0"), level=RELATION), "]"), "⊙" if names.circled else "·"
    )


def _tensors_only(head: str, *shown: str):
    """A function whose plain arguments say little; those named in `shown` stand below its name."""

    def build(t, names):
        told = [f"{'×'.join(map(str, v)) if isinstance(v, tuple) else v}" for v in (option(t, 99, key) for key in shown) if v is not None]
        word, _, below = head.partition("_")
        name = Box("sub", Box("roman", word), Box("text", below)) if below else Box("roman", word)
        boxes = tuple(b for b in (argument(a, names) for a in t.args) if b is not None)
        return Box("apply", Box("sub", name, Box("text", ", ".join(told))) if told else name, boxes)

    return build


def _scaled(t, names):
    """(x - m)·r·w + b."""
    x, m, r, *rest = (layout(a, names) for a in t.args)
    sign = "⊙" if names.circled else "·"
    out = times(Box("infix", within(x, SUM), "-", within(m, BIG), level=SUM), r, sign)
    for i, v in enumerate(rest):
        out = times(out, v, sign) if i == 0 else plus(out, v)
    return out


def _rows_pull(t, names):
    """r·(g - mean g - h·mean(g·h))."""
    g, h, r = (layout(a, names) for a in t.args[:3])

    below = reduced(t, 99, "axis", 1)

    def mean(v):
        return Box("apply", Box("sub", Box("roman", "mean"), below), (v,))

    sign = "⊙" if names.circled else "·"
    inner = Box("infix", within(g, SUM), "-", mean(g), "-", times(h, mean(times(g, h, sign)), sign), level=SUM)
    return times(r, inner, sign)


def _nll_pull(t, names):
    """c·(onehot(index) - exp(logp))."""
    logp, index, c = (layout(a, names) for a in (*t.args, t.params.get("c"))[:3])
    hot = Box("apply", Box("roman", "onehot"), (index,))
    return times(c, Box("infix", hot, "-", Box("apply", Box("roman", "exp"), (logp,)), level=SUM))


def _part(t, names):
    """One of several results: what it means where that is known, else its number behind a bracket."""
    nr, inner = t.params.get("nr", 0), t.args[0]
    if inner.word == "moments":
        x = layout(inner.args[0], names)
        below = reduced(inner, 1, "axes")

        def of(head):
            return Box("apply", Box("roman", head) if below is None else Box("sub", Box("roman", head), below), (x,))

        if nr == 0:
            return of("mean")
        eps = inner.params.get("eps") if "eps" in inner.params else (inner.args[1] if len(inner.args) > 1 else None)
        spread = of("var") if eps is None else plus(of("var"), layout(eps, names))
        return over(_one(), root(spread)) if nr == 1 else of("var")
    result = _BASIC.get(inner.word, _several)(inner, names)
    return (
        Box("sub", result, number(nr + 1))
        if result.kind != "apply"
        else Box("apply", Box("sub", result.parts[0], number(nr + 1)), result.parts[1])
    )


def _several(t, names):
    """A function with several results, by its tensors alone."""
    if t.word.endswith("_back"):  # it reads nearly everything
        return Box("apply", Box("roman", t.word), (Box("text", "…"),))
    boxes = [argument(a, names) for a in t.args]
    for value in t.params.values():
        if isinstance(value, (tuple, list)) and any(isinstance(v, Term) for v in value):
            boxes += [layout(v, names) for v in value if isinstance(v, Term)]
    return Box("apply", Box("roman", t.word), tuple(b for b in boxes if b is not None))


def _placed(t, names):
    """Zeros with v at some places: the places stand below."""
    where = Box("list", _key(option(t, 99, "key"), names))
    return Box("apply", Box("sub", Box("roman", "place"), where), (layout(t.args[0], names),))


def _softplus(t, names):
    beta = option(t, 1, "beta", 1)
    if beta in (1, 1.0, None):
        return Box("apply", Box("roman", "softplus"), (layout(t.args[0], names),))
    return applied(t, names)


WORDS = {
    **_BASIC,
    **MORE,
    "convolve": _convolve,
    "softplus": _softplus,
    "relu_pull": _relu_pull,
    "index_add": _placed,
    "part": _part,
    "scaled": _scaled,
    "rows_pull": _rows_pull,
    "nll_pull": _nll_pull,
    "convolve_adjoint": _tensors_only("convᵀ"),
    "convolve_weight": _tensors_only("conv_w"),
    "max_pool": _tensors_only("maxpool", "kernel"),
    "max_pool_back": _tensors_only("maxpoolᵀ"),
    "window_sum": _tensors_only("windowsum", "kernel"),
    "window_spread": _tensors_only("windowsumᵀ", "kernel"),
    "resample": _tensors_only("resample"),
    "resample_adjoint": _tensors_only("resampleᵀ"),
    "region_resample": _tensors_only("resample"),
    "region_spread": _tensors_only("resampleᵀ"),
    "unwindow": _tensors_only("windowsᵀ"),
    "strided": _tensors_only("strided"),
    "strided_add": _tensors_only("stridedᵀ"),
    "strided_set": _tensors_only("strided_set"),
}
