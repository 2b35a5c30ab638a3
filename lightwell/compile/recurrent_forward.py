"""Recurrent layers forward in native code: one product for all inputs, then a loop over the steps whose tiles end in the cell.

Each thread has features of its own and computes all their gates; after each step the threads wait for one another, since
the next product reads all features.
"""

from collections.abc import Callable
from functools import partial

from .recurrent_form import STATES, Form, Layer, Tile, aligned
from .recurrent_parts import Vec, tile


def extra(form: Form) -> list[tuple[str, int, int]]:
    """The temporary arrays."""
    block = form.size * form.batch
    found = [("projected", form.gates * block, 0), ("hidden", block, block)]
    found += [("cells", block, block)] * (form.word == "lstm")
    return aligned([one for one in found if one[0] not in form.have])


def build(form: Form) -> str:
    """The kernel's text."""
    p = Layer(form, extra(form))
    f, size, batch = p.f, form.size, form.batch
    weights, x, projected = p.arrays["w_ih"], p.arrays["x"], p.arrays["projected"]
    if p.alone:
        p.gemm("m" if form.long else "n", 0, 1, p.count, form.rows, form.inputs, x, form.inputs, weights, form.inputs, projected, form.rows)
    else:
        p.gemm("n" if form.long else "m", 0, 1, form.rows, p.flat, form.inputs, weights, form.inputs, x, form.inputs, projected, p.flat)
    states = {"h": "hidden", "c": "cells"}
    with f.when(f.put("icmp eq i64 %tid, 0")):
        for name in STATES[form.word]:
            p.transpose(p.arrays[name], p.part(states[name], p.count if form.reverse else "0"), batch, size, size, batch)
    f.barrier()
    cell = {"rnn": _rnn, "relu": _rnn, "gru": _gru, "lstm": _lstm}[form.word]
    width = p.lanes if p.alone else tile(size, form.gates, 2 if batch > p.lanes else 1)
    with p.steps(form.reverse) as (t, before, after):
        p.tiles(width, partial(_advance, cell=cell, t=t, before=before, after=after))
        f.barrier()
    if p.has("y"):
        start, stop = f.share(p.count)
        with f.loop(start, stop) as t:
            p.transpose(
                p.part("hidden", t if form.reverse else p.add64(t, 1)), p.at(p.arrays["y"], p.mul64(t, p.block)), size, batch, batch, size
            )
    with f.when(f.put("icmp eq i64 %tid, 0")):
        for name in STATES[form.word]:
            if p.has(name + "n"):
                p.transpose(p.part(states[name], "0" if form.reverse else p.count), p.arrays[name + "n"], size, batch, batch, size)
    return f.text()


def _advance(at: Tile, cell: Callable, t: str, before: str, after: str) -> None:
    """One step of one tile: W·h with the sums in registers, what the input gives, then the cell."""
    p, n = at.p, at.n
    size, gates = p.size, p.form.gates
    given = [[at.far("projected", p.form.rows, t, g, i) for i in range(n)] for g in range(gates)]
    for row in given:  # they come from afar, while the product is at work
        for place in row:
            for v in at.vecs:
                p.prefetch(p.at(place, v.offset))
    w, hidden = p.at(p.arrays["w_hh"], p.mul64(at.j, size)), p.at(p.part("hidden", before), at.column)
    if p.alone:
        sums = [[p.dots(p.at(w, g * size * size), hidden, size, at.vecs[0])] for g in range(gates)]
    else:
        rows = [(g * size + i) * size for g in range(gates) for i in range(n)]
        zero = [["zeroinitializer" if v.lanes > 1 else "0.0" for v in at.vecs] for _ in rows]
        sums = p.product(zero, w, 1, rows, hidden, size, at.vecs)
    places = {name: at.at(p.part(name, after)) for name in ("hidden", "cells") if p.has(name)}
    places |= {name: at.at(p.part(name, t, size)) for name in ("inner", "tanhs") if p.has(name)}
    places |= {"gates": at.at(p.part("gates", t, gates * size))} if p.has("gates") else {}
    places |= {name + " before": at.at(p.part(name, before)) for name in ("hidden", "cells") if p.has(name)}
    for i in range(n):
        for k, v in enumerate(at.vecs):
            x = [p.load(given[g][i], v) for g in range(gates)]
            cell(at, i, v, x, [sums[g * n + i][k] for g in range(gates)], places)


def _bias(at: Tile, i: int, v: Vec, gate: int, names: tuple = ("b_ih", "b_hh")) -> str | None:
    """The biases of a gate, added up; None where there are none."""
    p, total = at.p, None
    for name in names:
        if p.has(name):
            place = p.at(p.arrays[name], at.j, gate * p.size + i)
            if p.alone:
                x = p.load(place, v)
                total = x if total is None else p.math(v).add(total, x)
            else:
                x = p.scalar(place)
                total = x if total is None else p.f.op("fadd", p.kind, total, x)
    return total if total is None or p.alone else p.splat(total, v)


def _whole(at: Tile, i: int, v: Vec, x: str, own: str, gate: int) -> str:
    """What a gate is given: W_ih x + W_hh h + both biases."""
    m, bias = at.p.math(v), _bias(at, i, v, gate)
    total = m.add(own, x)
    return total if bias is None else m.add(total, bias)


def _rnn(at: Tile, i: int, v: Vec, x: list, own: list, places: dict) -> None:
    """h = tanh(a) or max(0, a)."""
    p = at.p
    m, a = p.math(v), _whole(at, i, v, x[0], own[0], 0)
    out = m.tanh(a) if p.form.word == "rnn" else m.pick(m.test("olt", a, m.c(0.0)), m.c(0.0), a)  # NaN stays
    at.store(out, places["hidden"], i, v)


def _lstm(at: Tile, i: int, v: Vec, x: list, own: list, places: dict) -> None:
    """c = f·c + i·g, h = o·tanh c."""
    p = at.p
    m, a = p.math(v), [_whole(at, i, v, x[g], own[g], g) for g in range(4)]
    gates = [m.tanh(a[g]) if g == 2 else m.sigmoid(a[g]) for g in range(4)]
    cell = m.fma(gates[1], at.load(places["cells before"], i, v), m.mul(gates[0], gates[2]))
    bent = m.tanh(cell)
    if "gates" in places:
        for g, gate in enumerate(gates):
            at.store(gate, places["gates"], i, v, g)
    if "tanhs" in places:
        at.store(bent, places["tanhs"], i, v)
    at.store(cell, places["cells"], i, v)
    at.store(m.mul(gates[3], bent), places["hidden"], i, v)


def _gru(at: Tile, i: int, v: Vec, x: list, own: list, places: dict) -> None:
    """h = n + z·(h - n), n = tanh(x + b + r·(W_hn h + b_hn))."""
    p = at.p
    m = p.math(v)
    r, z = (m.sigmoid(_whole(at, i, v, x[g], own[g], g)) for g in range(2))
    inner, n = (
        y if bias is None else m.add(y, bias)
        for y, bias in ((own[2], _bias(at, i, v, 2, ("b_hh",))), (x[2], _bias(at, i, v, 2, ("b_ih",))))
    )
    n = m.tanh(m.fma(r, inner, n))
    if "gates" in places:
        for g, gate in enumerate((r, z, n)):
            at.store(gate, places["gates"], i, v, g)
    if "inner" in places:
        at.store(inner, places["inner"], i, v)
    at.store(m.fma(z, m.sub(at.load(places["hidden before"], i, v), n), n), places["hidden"], i, v)
