"""Recurrent layers backward through time in native code.

In the loop over the steps each thread has features of its own: it brings back their part of the gradient of h, W_hhᵀ·da
of the step behind, and turns it into the gates' slopes at once. What doesn't depend on another step is done behind the loop
for all steps together, from all slopes in one array (rows, T, N): the gradients of x, the weights and the biases.
"""

from collections.abc import Callable
from functools import partial

from .recurrent_form import Form, Layer, Tile, aligned
from .recurrent_parts import Vec, lanes, tile


def _width(form: Form) -> int:
    """How many features a tile has."""
    along = lanes(form.kind)
    if form.batch == 1:
        return along * min(8, max(1, form.size // (2 * along)))
    return tile(form.size, 1, 2 if form.batch > along else 1)


def slope_rows(form: Form) -> int:
    """Rows of slopes: a gru's new gate has two, as it meets x and as it meets h."""
    return form.rows + (form.size if form.word == "gru" else 0)


def extra(form: Form) -> list[tuple[str, int, int]]:
    """The temporary arrays."""
    block, alone = form.size * form.batch, form.batch == 1
    found = [("slopes", slope_rows(form) * form.batch, 0), ("carry", 0, block)]
    found += [("dc", 0, block)] * (form.word == "lstm")
    if not alone:
        found += [("da", 0, 2 * form.rows * form.batch), ("packed", 0, form.rows * form.size)]
        found += [("gy_columns", block, 0)] * ("gy" in form.have) + [("past", block, 0)] * ("gw_hh" in form.have)
    return aligned(found)


def build(form: Form) -> str:
    """The kernel's text."""
    p = Layer(form, extra(form))
    f, size, batch, width = p.f, form.size, form.batch, _width(form)
    _prepare(p, width)
    cell = {"rnn": _rnn, "relu": _rnn, "gru": _gru, "lstm": _lstm}[form.word]
    with p.steps(not form.reverse) as (t, after, before):
        if form.reverse:  # counted upwards, a step stands between the places t and t + 1: the state before it is at t + 1
            s = t
        else:
            s = f.put(f"sub i64 {f.put(f'sub i64 {p.count}, 1')}, {t}")
        first = f.put(f"icmp eq i64 {s}, 0")
        inner = f.select(first, "i64", "0", str(form.rows))
        now, last = _slopes_of_step(p, s, t), _slopes_of_step(p, p.add64(s, -1), p.add64(t, -1 if form.reverse else 1))
        p.tiles(
            width,
            partial(_retreat, cell=cell, t=t, before=before, after=after, first=first, inner=inner, now=now, last=last),
        )
        f.barrier()
    if p.has("gh"):
        end = p.add64(p.count, -1)
        p.tiles(width, partial(_to_start, last=_slopes_of_step(p, end, end if form.reverse else "0")))
        f.barrier()
    with f.when(f.put("icmp eq i64 %tid, 0")):
        for name, source in (("gh", "carry"), ("gc", "dc")):
            if p.has(name):
                p.transpose(p.arrays[source], p.arrays[name], size, batch, batch, size)
    _finish(p)
    return f.text()


def _slopes_of_step(p: Layer, s: str, t: str) -> str:
    """Where the gates' slopes stand that the next product reads: those of step t, the one that was number s to be done."""
    form = p.form
    if p.alone:
        return p.at(p.arrays["slopes"], p.mul64(t, slope_rows(form)), form.size if form.word == "gru" else 0)
    return p.part("da", p.f.put(f"and i64 {s}, 1"), form.rows)


def _prepare(p: Layer, width: int) -> None:
    """Gradients and states in the loop's layout, and W_hhᵀ packed by tiles."""
    f, form, size, batch = p.f, p.form, p.size, p.batch
    start, stop = f.share(p.count if not p.alone else "0")
    with f.loop(start, stop) as t:
        if p.has("gy_columns"):
            p.transpose(p.part("gy", t), p.part("gy_columns", t), batch, size, size, batch)
        if p.has("past"):
            before = p.part("hidden", p.add64(t, 1) if form.reverse else t)
            p.copy_rows(before, p.at(p.arrays["past"], p.mul64(t, batch)), str(size), batch, p.flat)
    with f.when(f.put("icmp eq i64 %tid, 0")):
        for name, target in (("ghn", "carry"), ("gcn", "dc")):
            if p.has(name):
                p.transpose(p.arrays[name], p.arrays[target], batch, size, size, batch)

    def pack(j: str, n: int) -> None:
        source, target = p.at(p.arrays["w_hh"], j), p.at(p.arrays["packed"], p.mul64(j, form.rows))
        with f.loop("0", str(form.rows)) as r:
            some = Vec(0, n, n)
            p.store(p.load(p.at(source, p.mul64(r, size)), some), p.at(target, p.mul64(r, n)), some)

    if not p.alone:
        p.features(size, width, pack)
    f.barrier()


def _from_behind(at: Tile, start: list, inner: str, slopes: str) -> list:
    """start + W_hhᵀ·da for the tile's features."""
    p, rows = at.p, at.p.form.rows
    if p.alone:
        return [p.spread(start[0], p.at(p.arrays["w_hh"], at.j), p.size, slopes, inner, at.vecs)]
    unroll = next(u for u in (4, 2, 1) if rows % u == 0)
    packed = p.at(p.arrays["packed"], p.mul64(at.j, rows))
    return p.product(start, packed, at.n, list(range(at.n)), p.at(slopes, at.column), inner, at.vecs, unroll)


def _retreat(at: Tile, cell: Callable, t: str, before: str, after: str, first: str, inner: str, now: str, last: str) -> None:
    """One step back of one tile: the gradient of h, with the sums in registers, then the cell's slopes."""
    p, form = at.p, at.p.form
    carry, always = at.at(p.arrays["carry"]), form.word == "gru"
    start = []
    for i in range(at.n):
        row = [at.load(carry, i, v) for v in at.vecs]
        if not always:  # nothing but the last state's gradient, at the first step
            row = [p.f.select(first, p.math(v).type, x, "zeroinitializer" if v.lanes > 1 else "0.0") for x, v in zip(row, at.vecs)]
        start.append(row)
    sums = _from_behind(at, start, inner, last)
    places = {"da": at.at(now), "carry": carry}
    places |= {name: at.at(p.part(name, t)) for name in ("tanhs", "inner", "gy", "gy_columns") if p.has(name)}
    places |= {"gates": at.at(p.part("gates", t, form.rows))} if p.has("gates") else {}
    places |= {"hidden after": at.at(p.part("hidden", after)), "hidden before": at.at(p.part("hidden", before))}
    if form.word == "lstm":
        places |= {"dc": at.at(p.arrays["dc"]), "cells before": at.at(p.part("cells", before))}
    for i in range(at.n):
        far = [at.far("slopes", slope_rows(form), t, g, i) for g in range(form.gates + always)]
        for k, v in enumerate(at.vecs):
            dh = sums[i][k]
            if p.has("gy"):
                dh = p.math(v).add(dh, at.load(places["gy" if p.alone else "gy_columns"], i, v))
            cell(at, i, v, dh, places, far)


def _to_start(at: Tile, last: str) -> None:
    """The gradient of the state before the first step, in the place of `carry`."""
    p = at.p
    carry, always = at.at(p.arrays["carry"]), p.form.word == "gru"
    start = [[at.load(carry, i, v) if always else "zeroinitializer" if v.lanes > 1 else "0.0" for v in at.vecs] for i in range(at.n)]
    for i, row in enumerate(_from_behind(at, start, str(p.form.rows), last)):
        for x, v in zip(row, at.vecs):
            at.store(x, carry, i, v)


def _rnn(at: Tile, i: int, v: Vec, dh: str, places: dict, far: list) -> None:
    """da = (1 - h²)·dh, or dh where h > 0."""
    p = at.p
    m, out = p.math(v), at.load(places["hidden after"], i, v)
    if p.form.word == "rnn":
        da = m.mul(m.sub(m.c(1.0), m.mul(out, out)), dh)
    else:  # dh·0 elsewhere, as NumPy has it: NaN and infinities show
        da = m.mul(dh, m.pick(m.test("ogt", out, m.c(0.0)), m.c(1.0), m.c(0.0)))
    at.store(da, places["da"], i, v)
    p.store(da, far[0], v)


def _lstm(at: Tile, i: int, v: Vec, dh: str, places: dict, far: list) -> None:
    """dc += dh·o·(1 - tanh²c); di = dc·g·i(1-i), df = dc·c₋·f(1-f), dg = dc·i·(1-g²), do = dh·tanh c·o(1-o); dc₋ = dc·f."""
    p = at.p
    m = p.math(v)
    gi, gf, gg, go = (at.load(places["gates"], i, v, g) for g in range(4))
    bent, one = at.load(places["tanhs"], i, v), m.c(1.0)
    dc = m.fma(m.mul(m.sub(one, m.mul(bent, bent)), go), dh, at.load(places["dc"], i, v))
    slopes = [m.sub(x, m.mul(x, x)) for x in (gi, gf)] + [m.sub(one, m.mul(gg, gg)), m.sub(go, m.mul(go, go))]
    factors = [m.mul(dc, x) for x in (gg, at.load(places["cells before"], i, v), gi)] + [m.mul(bent, dh)]
    for g in range(4):
        da = m.mul(slopes[g], factors[g])
        at.store(da, places["da"], i, v, g)
        p.store(da, far[g], v)
    at.store(m.mul(dc, gf), places["dc"], i, v)


def _gru(at: Tile, i: int, v: Vec, dh: str, places: dict, far: list) -> None:
    """dn = dh·(1-z)·(1-n²), dz = dh·(h₋ - n)·z(1-z), dr = dn·m·r(1-r), dm = dn·r; what stays of dh is dh·z."""
    p = at.p
    m = p.math(v)
    r, z, n = (at.load(places["gates"], i, v, g) for g in range(3))
    stays = m.mul(dh, z)
    dn = m.mul(m.sub(m.c(1.0), m.mul(n, n)), m.sub(dh, stays))
    dz = m.mul(m.mul(m.sub(z, m.mul(z, z)), m.sub(at.load(places["hidden before"], i, v), n)), dh)
    dr = m.mul(m.mul(m.sub(r, m.mul(r, r)), dn), at.load(places["inner"], i, v))
    dm = m.mul(dn, r)
    for g, da in enumerate((dr, dz, dm)):
        at.store(da, places["da"], i, v, g)
    for place, da in zip(far, (dn, dr, dz, dm)):
        p.store(da, place, v)
    at.store(stays, places["carry"], i, v)


def _finish(p: Layer) -> None:
    """The gradients of x, the weights and the biases, from all slopes: (rows, T·N), or (T, rows) for a batch of one."""
    form, size, inputs, flat = p.form, p.size, p.form.inputs, p.flat
    slopes, row, turned = p.arrays["slopes"], str(slope_rows(form)) if p.alone else flat, int(p.alone)

    def rows(n: int) -> str:
        return p.at(slopes, n * size if p.alone else p.mul64(flat, n * size))

    # (slopes that meet x, their first gate, how many gates): a gru's lie in two places
    met = [(rows(1), 0, 2), (slopes, 2, 1)] if form.word == "gru" else [(slopes, 0, form.gates)]
    own = rows(1) if form.word == "gru" else slopes
    for k, (source, gate, gates) in enumerate(met):
        w = gate * size * inputs
        if p.has("gx"):
            p.gemm(
                "m" if form.long else "n", 1 - turned, 0, flat, inputs, gates * size,
                source, row, p.at(p.arrays["w_ih"], w), inputs, p.arrays["gx"], inputs, float(k > 0),
            )  # fmt: skip
        if p.has("gw_ih"):
            split = "m" if gates * size >= inputs else "n"
            p.gemm(split, turned, 0, gates * size, inputs, flat, source, row, p.arrays["x"], inputs, p.at(p.arrays["gw_ih"], w), inputs)
    if p.has("gw_hh"):
        if p.alone:
            past, past_row = p.at(p.arrays["hidden"], size if form.reverse else 0), str(size)
        else:
            past, past_row = p.arrays["past"], flat
        p.gemm("m", turned, 1 - turned, form.rows, size, flat, own, row, past, past_row, p.arrays["gw_hh"], size)
    _biases(p, rows)


def _biases(p: Layer, rows: Callable[[int], str]) -> None:
    """The sums of the slopes over all steps and columns."""
    size, form = p.size, p.form

    def sums(first: int, count: int, targets: list[str]) -> None:
        if p.alone:
            p.sum_columns(rows(first), p.count, slope_rows(form), count * size, targets)
        else:
            p.sum_rows(rows(first), count * size, p.flat, targets)

    names = [name for name in ("gb_ih", "gb_hh") if p.has(name)]
    if names and form.word != "gru":
        sums(0, form.gates, [p.arrays[name] for name in names])
    elif names:
        sums(1, 2, [p.arrays[name] for name in names])
        for name in names:
            sums(0 if name == "gb_ih" else 3, 1, [p.at(p.arrays[name], 2 * size)])
