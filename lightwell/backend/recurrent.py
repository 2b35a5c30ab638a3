"""Recurrent layers over whole sequences, forward and backward through time, on arrays.

Within, every step's values lie as (features, batch): the gates of a step are then blocks of whole rows, and W·h reads
both of its factors in the order they are stored in. What does not depend on the step before is done for all steps at
once: W_ih·x before the loop, and the gradients of x, the weights and the biases behind it, from the gates' slopes of
all steps in one buffer.
"""

import numpy as np

from .blas import share

__all__ = ["gru", "gru_back", "lstm", "lstm_back", "rnn", "rnn_back"]

empty, add, subtract, multiply, matmul, tanh = np.empty, np.add, np.subtract, np.multiply, np.matmul, np.tanh


def _order(steps: int, reverse: bool) -> list:
    """(step, place of the state before it, place of the state after it) in the order in which the steps run."""
    if reverse:
        return [(t, t + 1, t) for t in range(steps - 1, -1, -1)]
    return [(t, t, t + 1) for t in range(steps)]


def _project(w, x):
    """w xₜᵀ of all steps as (features, T, N)."""
    steps, batch, size = x.shape
    share(w.size * steps * batch)
    return matmul(w, x.reshape(steps * batch, size).T).reshape(len(w), steps, batch)


def _states(steps: int, state, reverse: bool):
    """Room for the states before, between and after the steps, as (T + 1, H, N), the first one filled in."""
    batch, size = state.shape
    out = empty((steps + 1, size, batch), state.dtype)
    out[steps if reverse else 0] = state.T
    return out


def _column(bias, batch: int):
    """A bias for each row of a step, repeated along the batch: adding it then is one pass over whole rows."""
    return np.repeat(bias[:, None], batch, axis=1)


def _sum(b_ih, b_hh):
    """The sum of two biases that may be missing."""
    if b_ih is None or b_hh is None:
        return b_ih if b_hh is None else b_hh
    return b_ih + b_hh


def _sequence(states, reverse: bool):
    """The states behind the steps, as (T, N, H)."""
    return np.array((states[:-1] if reverse else states[1:]).transpose(0, 2, 1), order="C", copy=True)


def _last(states, reverse: bool):
    """The state behind the last step, as (N, H)."""
    return _rows(states[0 if reverse else -1])


def _columns(gy):
    """(T, N, H) as (T, H, N); None where only the last state has a gradient."""
    return None if gy is None else np.ascontiguousarray(gy.transpose(0, 2, 1))


def _rows(state):
    """(H, N) as an (N, H) of its own."""
    return np.array(state.T, order="C", copy=True)


def _sigmoid(a) -> None:
    """σ(a) = tanh(a/2)/2 + 1/2 in place."""
    a *= 0.5
    tanh(a, out=a)
    a *= 0.5
    a += 0.5


def _over_batch(slopes):
    """The sum of each row, as a product: a bias's gradient."""
    return slopes @ np.ones(slopes.shape[1], slopes.dtype)


def _before(hidden, reverse: bool):
    """The states that the steps started from, as (T·N, H)."""
    states = hidden[1:] if reverse else hidden[:-1]
    return np.ascontiguousarray(states.transpose(0, 2, 1)).reshape(-1, states.shape[1])


def _finish(needed, slopes, x, w_ih, hidden, reverse: bool) -> list:
    """The gradients of x, w_ih, w_hh, b_ih and b_hh, the slopes (gates, T, N) acting on both products alike."""
    flat = slopes.reshape(len(slopes), -1)
    want_x, want_ih, want_hh, want_b, want_c = needed
    share(flat.size * x.shape[2])
    bias = _over_batch(flat) if want_b or want_c else None
    return [
        matmul(flat.T, w_ih).reshape(x.shape) if want_x else None,
        matmul(flat, x.reshape(-1, x.shape[2])) if want_ih else None,
        matmul(flat, _before(hidden, reverse)) if want_hh else None,
        bias if want_b else None,
        (bias.copy() if want_b else bias) if want_c else None,
    ]


# ---- RNN: hₜ = φ(W_ih xₜ + W_hh hₜ₋₁ + b) ---------------------------------------------------------------------------


def rnn(relu: bool, x, h, w_ih, w_hh, b_ih, b_hh, reverse: bool):
    """(y, hₙ; all states): hₜ = tanh(aₜ) or max(0, aₜ), aₜ = W_ih xₜ + W_hh hₜ₋₁ + b."""
    steps, batch, _ = x.shape
    hidden, given, bias = _states(steps, h, reverse), _project(w_ih, x), _sum(b_ih, b_hh)
    bias = None if bias is None else _column(bias, batch)
    share(w_hh.size * batch, in_a_row=True)
    for t, before, after in _order(steps, reverse):
        a = hidden[after]
        matmul(w_hh, hidden[before], out=a)
        a += given[:, t]
        if bias is not None:
            a += bias
        if relu:
            np.maximum(a, 0, out=a)
        else:
            tanh(a, out=a)
    return _sequence(hidden, reverse), _last(hidden, reverse), hidden


def rnn_back(relu: bool, needed, gradients, inputs, kept, reverse: bool):
    """The gradients of (x, h, w_ih, w_hh, b_ih, b_hh), through time: daₜ = φ'·dhₜ, dhₜ₋₁ = gyₜ₋₁ + W_hhᵀ daₜ."""
    (gy, gh), (x, _, w_ih, w_hh, *_), (hidden,) = gradients, inputs, kept
    steps, size, batch = len(x), *hidden.shape[1:]
    gy, dh, slopes = _columns(gy), np.array(gh.T, order="C"), empty((size, steps, batch), x.dtype)
    da, back = empty((size, batch), x.dtype), w_hh.T
    share(w_hh.size * batch, in_a_row=True)
    for t, _, after in reversed(_order(steps, reverse)):
        out = hidden[after]
        if gy is not None:
            dh += gy[t]
        if relu:
            multiply(dh, out > 0, out=da)
        else:
            multiply(out, out, out=da)
            subtract(1.0, da, out=da)
            da *= dh
        slopes[:, t] = da
        matmul(back, da, out=dh)
    gx, *others = _finish((needed[0], *needed[2:]), slopes, x, w_ih, hidden, reverse)
    return gx, _rows(dh) if needed[1] else None, *others


# ---- LSTM: cₜ = f cₜ₋₁ + i g, hₜ = o tanh cₜ ------------------------------------------------------------------------


def lstm(x, h, c, w_ih, w_hh, b_ih, b_hh, reverse: bool):
    """(y, hₙ, cₙ; gates, all h, all c, tanh c): (i, f, g, o) = (σ, σ, tanh, σ)(W_ih xₜ + W_hh hₜ₋₁ + b)."""
    (steps, batch, _), size = x.shape, h.shape[1]
    hidden, cells = _states(steps, h, reverse), _states(steps, c, reverse)
    gates, tanhs = empty((steps, 4 * size, batch), x.dtype), empty((steps, size, batch), x.dtype)
    given, bias = _project(w_ih, x), _sum(b_ih, b_hh)
    bias = None if bias is None else _column(bias, batch)
    entered = empty((size, batch), x.dtype)
    share(w_hh.size * batch, in_a_row=True)
    for t, before, after in _order(steps, reverse):
        a, cell, bent = gates[t], cells[after], tanhs[t]
        matmul(w_hh, hidden[before], out=a)
        a += given[:, t]
        if bias is not None:
            a += bias
        forgets, o = a[: 2 * size], a[3 * size :]  # σ(a) = tanh(a/2)/2 + 1/2: one tanh serves all four gates
        forgets *= 0.5
        o *= 0.5
        tanh(a, out=a)
        forgets *= 0.5
        forgets += 0.5
        o *= 0.5
        o += 0.5
        multiply(a[size : 2 * size], cells[before], out=cell)
        multiply(a[:size], a[2 * size : 3 * size], out=entered)
        cell += entered
        tanh(cell, out=bent)
        multiply(o, bent, out=hidden[after])
    return _sequence(hidden, reverse), _last(hidden, reverse), _last(cells, reverse), gates, hidden, cells, tanhs


def lstm_back(needed, gradients, inputs, kept, reverse: bool):
    """The gradients of (x, h, c, w_ih, w_hh, b_ih, b_hh), through time.

    dcₜ += dhₜ o (1 - tanh²cₜ);  di = dc g i(1-i), df = dc cₜ₋₁ f(1-f), dg = dc i (1-g²), do = dh tanh(cₜ) o(1-o);
    dcₜ₋₁ = dc f, dhₜ₋₁ = gyₜ₋₁ + W_hhᵀ (di, df, dg, do).
    """
    (gy, gh, gc), (x, _, _, w_ih, w_hh, *_), (gates, hidden, cells, tanhs) = gradients, inputs, kept
    steps, size, batch = len(x), *hidden.shape[1:]
    gy = _columns(gy)
    dh, dc = np.array(gh.T, order="C"), np.array(gc.T, order="C")
    slopes = empty((4 * size, steps, batch), x.dtype)
    da, p, back = empty((4 * size, batch), x.dtype), empty((size, batch), x.dtype), w_hh.T
    d_if, d_g, d_o = da[: 2 * size], da[2 * size : 3 * size], da[3 * size :]
    d_i, d_f, d_cell = da[:size], da[size : 2 * size], da[: 3 * size].reshape(3, size, batch)
    share(w_hh.size * batch, in_a_row=True)
    for t, before, _ in reversed(_order(steps, reverse)):
        a, bent = gates[t], tanhs[t]
        o = a[3 * size :]
        if gy is not None:
            dh += gy[t]
        multiply(bent, bent, out=p)
        subtract(1.0, p, out=p)
        p *= o
        p *= dh
        dc += p
        multiply(a, a, out=da)
        subtract(a[: 2 * size], d_if, out=d_if)
        subtract(1.0, d_g, out=d_g)
        subtract(o, d_o, out=d_o)
        d_cell *= dc
        d_i *= a[2 * size : 3 * size]
        d_f *= cells[before]
        d_g *= a[:size]
        d_o *= bent
        d_o *= dh
        dc *= a[size : 2 * size]
        slopes[:, t] = da
        matmul(back, da, out=dh)
    gx, *others = _finish((needed[0], *needed[3:]), slopes, x, w_ih, hidden, reverse)
    return gx, _rows(dh) if needed[1] else None, _rows(dc) if needed[2] else None, *others


# ---- GRU: hₜ = n + z (hₜ₋₁ - n) -------------------------------------------------------------------------------------


def gru(x, h, w_ih, w_hh, b_ih, b_hh, reverse: bool):
    """(y, hₙ; gates, W_hn h + b_hn, all h): r, z = σ(…), n = tanh(W_in xₜ + b_in + r (W_hn hₜ₋₁ + b_hn))."""
    (steps, batch, _), size = x.shape, h.shape[1]
    hidden, given = _states(steps, h, reverse), _project(w_ih, x)
    gates, inner = empty((steps, 3 * size, batch), x.dtype), empty((steps, size, batch), x.dtype)
    bias = bias_n = None
    if b_ih is not None:
        bias = b_ih.copy()
        bias[: 2 * size] += b_hh[: 2 * size]
        bias, bias_n = _column(bias, batch), _column(b_hh[2 * size :], batch)
    own = empty((3 * size, batch), x.dtype)
    share(w_hh.size * batch, in_a_row=True)
    for t, before, after in _order(steps, reverse):
        a, n_own, out = gates[t], inner[t], hidden[after]
        rz, n = a[: 2 * size], a[2 * size :]
        matmul(w_hh, hidden[before], out=own)
        if bias is None:
            a[...] = given[:, t]
            n_own[...] = own[2 * size :]
        else:
            add(given[:, t], bias, out=a)
            add(own[2 * size :], bias_n, out=n_own)
        rz += own[: 2 * size]
        _sigmoid(rz)
        multiply(a[:size], n_own, out=out)
        n += out
        tanh(n, out=n)
        subtract(hidden[before], n, out=out)
        out *= a[size : 2 * size]
        out += n
    return _sequence(hidden, reverse), _last(hidden, reverse), gates, inner, hidden


def gru_back(needed, gradients, inputs, kept, reverse: bool):
    """The gradients of (x, h, w_ih, w_hh, b_ih, b_hh), through time, with m = W_hn hₜ₋₁ + b_hn.

    dn = dh (1-z) (1-n²), dz = dh (hₜ₋₁ - n) z(1-z), dr = dn m r(1-r), dm = dn r;
    dhₜ₋₁ = gyₜ₋₁ + dh z + W_hhᵀ (dr, dz, dm).
    """
    (gy, gh), (x, _, w_ih, w_hh, *_), (gates, inner, hidden) = gradients, inputs, kept
    steps, size, batch = len(x), *hidden.shape[1:]
    gy, dh = _columns(gy), np.array(gh.T, order="C")
    # Rows dn, dr, dz, dm: those that meet h lie together, in the weights' order, and so do those that meet x, but for dn.
    slopes = empty((4 * size, steps, batch), x.dtype)
    da, past, back = empty((4 * size, batch), x.dtype), empty((size, batch), x.dtype), w_hh.T
    d_n, d_rz, d_m, d_own = da[:size], da[size : 3 * size], da[3 * size :], da[size:]
    d_r, d_z = d_rz[:size], d_rz[size:]
    share(w_hh.size * batch, in_a_row=True)
    for t, before, _ in reversed(_order(steps, reverse)):
        a = gates[t]
        rz, n, z = a[: 2 * size], a[2 * size :], a[size : 2 * size]
        if gy is not None:
            dh += gy[t]
        multiply(dh, z, out=past)
        multiply(n, n, out=d_n)
        subtract(1.0, d_n, out=d_n)
        subtract(dh, past, out=d_m)
        d_n *= d_m
        multiply(rz, rz, out=d_rz)
        subtract(rz, d_rz, out=d_rz)
        subtract(hidden[before], n, out=d_m)
        d_z *= d_m
        d_z *= dh
        d_r *= d_n
        d_r *= inner[t]
        multiply(d_n, a[:size], out=d_m)
        slopes[:, t] = da
        matmul(back, d_own, out=dh)
        dh += past
    flat = slopes.reshape(4 * size, -1)
    share(flat.size * x.shape[2])
    rz, n, own = flat[size : 3 * size], flat[:size], flat[size:]
    gx = gw_ih = gw_hh = gb_ih = gb_hh = None
    if needed[0]:
        gx = matmul(rz.T, w_ih[: 2 * size])
        gx += matmul(n.T, w_ih[2 * size :])
        gx = gx.reshape(x.shape)
    if needed[2]:
        gw_ih, rows = empty(w_ih.shape, x.dtype), x.reshape(-1, x.shape[2])
        matmul(rz, rows, out=gw_ih[: 2 * size])
        matmul(n, rows, out=gw_ih[2 * size :])
    if needed[3]:
        gw_hh = matmul(own, _before(hidden, reverse))
    if needed[4] or needed[5]:
        sums = _over_batch(flat)
        gb_ih, gb_hh = np.concatenate([sums[size : 3 * size], sums[:size]]), sums[size:].copy()
    return gx, _rows(dh) if needed[1] else None, gw_ih, gw_hh, gb_ih, gb_hh
