"""What the words of windows, convolutions, pooling and resampling mean with indices; see indexed_meanings.py."""

import numpy as np

from .indexed_calculus import added, delta, over, plus, shifted, times
from .indexed_meanings import element, flat_place, means, pair, places_of, shape, two
from .reader import compute
from .terms import Term, call, symbol, term

# ---- windows and convolutions ---------------------------------------------------------------------------------------------


def _geometry(t, n) -> tuple:
    return tuple(pair(t.params.get(name, usual), n) for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1)))


def _seen(p, k, s, d, pad) -> Term:
    """The place that a window starting at p·s - pad sees in its k-th row."""
    return shifted((s, p), (d, k), constant=-pad)


def _channels(out, c, groups, total, own, letters):
    """The input channel of the c-th channel that output channel `out` sees."""
    if groups == 1:
        return c
    return shifted((own, out if total == groups else call("floor_divide", out, total // groups)), (1, c))


@means("convolve")
def _convolve(t, places, letters):
    x, w = t.args[:2]
    space = len(places) - 2
    stride, padding, dilation = _geometry(t, space)
    groups = t.params.get("groups", 1)
    n, o, *ps = places
    c = letters.fresh(shape(w)[1], "c")
    ks = [letters.fresh(m, "klsm") for m in shape(w)[2:]]
    channel = _channels(o, c, groups, shape(w)[0], shape(w)[1], letters)
    seen = [_seen(p, k, s, d, q) for p, k, s, d, q in zip(ps, ks, stride, dilation, padding)]
    body = added([c, *ks], times(element(w, (o, c, *ks), letters), element(x, (n, channel, *seen), letters)))
    return plus(body, element(t.args[2], (o,), letters)) if len(t.args) > 2 else body


@means("convolve_adjoint")
def _convolve_adjoint(t, places, letters):
    """Every value of g, times w, is added where its window lies: Σ over (o, p, k) with p·s + k·d - pad = q."""
    g, w = t.args[:2]
    space = len(places) - 2
    stride, padding, dilation = _geometry(t, space)
    groups = t.params.get("groups", 1)
    n, channel, *qs = places
    o = letters.fresh(shape(w)[0], "o")
    ps = [letters.fresh(m, "pqrs") for m in shape(g)[2:]]
    ks = [letters.fresh(m, "klsm") for m in shape(w)[2:]]
    met = [delta(_seen(p, k, s, d, pad), q) for p, k, s, d, pad, q in zip(ps, ks, stride, dilation, padding, qs)]
    if groups == 1:
        body = times(element(w, (o, channel, *ks), letters), element(g, (n, o, *ps), letters), *met)
        indices = [o, *ps, *ks]
    else:
        c = letters.fresh(shape(w)[1], "c")
        met.append(delta(_channels(o, c, groups, shape(w)[0], shape(w)[1], letters), channel))
        body = times(element(w, (o, c, *ks), letters), element(g, (n, o, *ps), letters), *met)
        indices = [o, c, *ps, *ks]
    made = added(indices, body)
    return plus(made, element(t.args[2], (channel,), letters)) if len(t.args) > 2 else made


@means("convolve_weight")
def _convolve_weight(t, places, letters):
    x, g = t.args
    o, c, *ks = places
    stride, padding, dilation = _geometry(t, len(ks))
    groups = t.params.get("groups", 1)
    n = letters.fresh(shape(x)[0], "n")
    ps = [letters.fresh(m, "pqrs") for m in shape(g)[2:]]
    channel = _channels(o, c, groups, shape(t)[0], shape(t)[1], letters)
    seen = [_seen(p, k, s, d, q) for p, k, s, d, q in zip(ps, ks, stride, dilation, padding)]
    return added([n, *ps], times(element(g, (n, o, *ps), letters), element(x, (n, channel, *seen), letters)))


@means("windows")
def _windows(t, places, letters):
    n, c, *rest = places
    space = len(rest) // 2
    stride, _, dilation = _geometry(t, space)
    seen = [shifted((s, p), (d, k)) for p, k, s, d in zip(rest[:space], rest[space:], stride, dilation)]
    return element(t.args[0], (n, c, *seen), letters)


@means("unwindow")
def _unwindow(t, places, letters):
    x = t.args[0]
    n, c, *qs = places
    space = len(qs)
    stride, _, dilation = _geometry(t, space)
    ps = [letters.fresh(m, "pqrs") for m in shape(x)[2 : 2 + space]]
    ks = [letters.fresh(m, "klsm") for m in shape(x)[2 + space :]]
    met = [delta(shifted((s, p), (d, k)), q) for p, k, s, d, q in zip(ps, ks, stride, dilation, qs)]
    return added([*ps, *ks], times(*met, element(x, (n, c, *ps, *ks), letters)))


@means("window_sum")
def _window_sum(t, places, letters):
    n, c, *ps = places
    stride, padding, _ = _geometry(t, len(ps))
    ks = [letters.fresh(m, "klsm") for m in pair(t.params["kernel"], len(ps))]
    seen = [_seen(p, k, s, 1, pad) for p, k, s, pad in zip(ps, ks, stride, padding)]
    return added(ks, element(t.args[0], (n, c, *seen), letters))


@means("window_spread")
def _window_spread(t, places, letters):
    n, c, *qs = places
    x = t.args[0]
    stride, padding, _ = _geometry(t, len(qs))
    ps = [letters.fresh(m, "pqrs") for m in shape(x)[2:]]
    ks = [letters.fresh(m, "klsm") for m in pair(t.params["kernel"], len(qs))]
    met = [delta(_seen(p, k, s, 1, pad), q) for p, k, s, pad, q in zip(ps, ks, stride, padding, qs)]
    return added([*ps, *ks], times(*met, element(x, (n, c, *ps), letters)))


@means("sliding")
def _sliding(t, places, letters):
    axis = t.params["axis"]
    inner = list(places[:-1])
    inner[axis] = shifted((t.params["step"], places[axis]), (1, places[-1]))
    return element(t.args[0], tuple(inner), letters)


@means("pool_take")
def _pool_take(t, places, letters):
    """x's element at a flat place of its space."""
    x, index = two(t, "index")
    return element(x, (*places[:2], *places_of(shape(x)[2:], element(index, places, letters))), letters)


@means("unpool")
def _unpool(t, places, letters):
    """The values of g added at flat places of the space."""
    g, index = two(t, "index")
    ps = [letters.fresh(m, "pqrs") for m in shape(g)[2:]]
    inner = (*places[:2], *ps)
    return added(ps, times(delta(element(index, inner, letters), flat_place(shape(t)[2:], places[2:])), element(g, inner, letters)))


# ---- resampling: a plan is (axis, size, index, weight), see backend/resample.py ----------------------------------------------


def _plan_symbols(nr: int, plan, several: bool) -> tuple:
    mark = str(nr) if several else ""
    index, weight = plan[2], plan[3]
    if isinstance(index, tuple):
        return symbol("start" + mark, np.asarray(index[0])), symbol("stop" + mark, np.asarray(index[1]))
    return symbol("at" + mark, np.asarray(index)), None if weight is None else symbol("w" + mark, np.asarray(weight))


@means("resample")
def _resample(t, places, letters):
    x, plans, inner, indices, parts = t.args[0], t.params["plans"], list(places), [], []
    for nr, plan in reversed(list(enumerate(plans, 1))):
        axis, n = plan[0], plan[1]
        first, second = _plan_symbols(nr, plan, len(plans) > 1)
        o = inner[axis]
        if isinstance(plan[2], tuple):
            k = letters.fresh(n, "klm")
            start, stop = Term("at", (first, o)), Term("at", (second, o))
            inside = call("logical_and", call("less_equal", start, k), call("less", k, stop))
            indices.append(k)
            parts.append(over(Term("iverson", (inside,)), stop - start))
            inner[axis] = k
        else:
            one = len(plan[2]) == 1
            s = term(0) if one else letters.fresh(len(plan[2]), "tsuv")
            indices += [] if one else [s]
            parts += [] if second is None else [Term("at", (second, s, o))]
            inner[axis] = Term("at", (first, s, o))
    return added(indices, times(*parts, element(x, tuple(inner), letters)))


@means("resample_adjoint")
def _resample_adjoint(t, places, letters):
    g, plans, inner, indices, parts = t.args[0], t.params["plans"], list(places), [], []
    for nr, plan in enumerate(plans, 1):
        axis = plan[0]
        first, second = _plan_symbols(nr, plan, len(plans) > 1)
        o = letters.fresh(len(plan[2][0]) if isinstance(plan[2], tuple) else plan[2].shape[1], "pqr")
        indices.append(o)
        if isinstance(plan[2], tuple):
            start, stop = Term("at", (first, o)), Term("at", (second, o))
            inside = call("logical_and", call("less_equal", start, inner[axis]), call("less", inner[axis], stop))
            parts.append(over(Term("iverson", (inside,)), stop - start))
        else:
            s = term(0) if len(plan[2]) == 1 else letters.fresh(len(plan[2]), "tsuv")
            indices += [s] if s.word == "index" else []
            parts += [delta(Term("at", (first, s, o)), inner[axis])] + ([] if second is None else [Term("at", (second, s, o))])
        inner[axis] = o
    return added(indices, times(*parts, element(g, tuple(inner), letters)))


@means("max_pool_back")
def _max_pool_back(t, places, letters):
    """The values of g added where the largest element of each window of x lies."""
    g, x, y = t.args
    params = {k: v for k, v in t.params.items() if k != "out"}
    index = symbol("indices", compute("max_pool_indices", [x.value, y.value], params))
    return _unpool(Term("unpool", (g, index), {}, t.value), places, letters)
