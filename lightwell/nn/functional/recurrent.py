"""Recurrent computations: the cells, and whole stacks of them over padded or packed sequences.

Padded sequences run by the records of ops/recurrent.py, one per layer and direction; packed ones step by step, with one
matrix product for the input's projection of all steps.
"""

from __future__ import annotations

import functools

from ...errors import refusing_all
from ...ops.precision import lower, lower_inside, lowering
from ...ops.recurrent import STEPS, advance, cell, layer, linear

__all__ = ["gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell"]


@lower
def rnn_tanh_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    r"""h' = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh), x (N, I), h (N, H)."""
    return cell("RNN_TANH", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@lower
def rnn_relu_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    r"""h' = max(0, x W_ihᵀ + b_ih + h W_hhᵀ + b_hh), x (N, I), h (N, H)."""
    return cell("RNN_RELU", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@lower_inside
def lstm_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    r"""(h', c') with c' = σ(f) c + σ(i) tanh g, h' = σ(o) tanh c'; (i, f, g, o) = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh."""
    return cell("LSTM", input, tuple(hx), w_ih, w_hh, b_ih, b_hh)


@lower_inside
def gru_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    r"""h' = (1 - z) n + z h; r, z = σ(…), n = tanh(x W_inᵀ + b_in + r (h W_hnᵀ + b_hn)) (Cho et al., 2014)."""
    return cell("GRU", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


def _packed(kind: str, x, sizes: list[int], state: tuple, w_ih, w_hh, b_ih, b_hh, w_hr, reverse: bool):
    """The same over packed rows (ΣN_t, I), N_t falling: rows whose sequence has ended leave, or have yet to come."""
    import lightwell as lw

    step, fold = STEPS[kind], kind != "GRU" and b_ih is not None
    gates = linear(x, w_ih, b_ih + b_hh if fold else b_ih).split(sizes, 0)
    w, b = w_hh.t(), None if fold else b_hh
    w_hr = None if w_hr is None else w_hr.t()
    out = []
    if reverse:
        start, now = state, sizes[-1]
        state = tuple(s[:now] for s in start)
        for gi, n in zip(reversed(gates), reversed(sizes), strict=True):
            if n > now:
                state = tuple(lw.cat([s, s0[now:n]]) for s, s0 in zip(state, start, strict=True))
                now = n
            state = advance(step, gi, state, w, b, w_hr)
            out.append(state[0])
        out.reverse()
        return lw.cat(out), state
    ended: list[tuple] = []
    now = sizes[0]
    for gi, n in zip(gates, sizes, strict=True):
        if n < now:
            ended.append(tuple(s[n:] for s in state))
            state = tuple(s[:n] for s in state)
            now = n
        state = advance(step, gi, state, w, b, w_hr)
        out.append(state[0])
    ended.append(state)
    ended.reverse()
    return lw.cat(out), tuple(lw.cat(parts) if len(parts) > 1 else parts[0] for parts in zip(*ended, strict=True))


def _run(
    kind: str, input, hx: tuple, params, has_biases: bool, num_layers: int, dropout: float, train: bool,
    bidirectional: bool, batch_first: bool = False, batch_sizes=None,
) -> tuple:  # fmt: skip
    """A stack of recurrent layers: (output, h_n) or (output, h_n, c_n).

    `input` is (T, N, I), (N, T, I) if `batch_first`, or packed rows with `batch_sizes`; `hx` holds (L·D, N, H) states;
    `params` the weights of each layer and direction: w_ih, w_hh, then b_ih, b_hh if `has_biases`, then w_hr if projected.
    """
    import lightwell as lw

    directions = 2 if bidirectional else 1
    per = len(params) // (num_layers * directions)
    sizes = None if batch_sizes is None else [int(n) for n in batch_sizes.tolist()]
    x = input.transpose(0, 1) if batch_first and sizes is None else input
    states = [s.unbind(0) for s in hx]
    last: list[tuple] = []
    for level in range(num_layers):
        outs = []
        for direction in range(directions):
            at = level * directions + direction
            own = list(params[at * per : (at + 1) * per])
            w_ih, w_hh, *rest = own
            b_ih, b_hh = (rest.pop(0), rest.pop(0)) if has_biases else (None, None)
            w_hr = rest[0] if rest else None
            weights = (w_ih, w_hh, b_ih, b_hh, w_hr, direction == 1)
            state = tuple(s[at] for s in states)
            out, state = layer(kind, x, state, *weights) if sizes is None else _packed(kind, x, sizes, state, *weights)
            outs.append(out)
            last.append(state)
        x = outs[0] if directions == 1 else lw.cat(outs, -1)
        if dropout and train and level < num_layers - 1:
            from .dropout import dropout as drop

            x = drop(x, dropout, True)
    if batch_first and sizes is None:
        x = x.transpose(0, 1)
    return (x, *(lw.stack(parts) for parts in zip(*last, strict=True)))


_run_lower, _run_gru = lower(_run), lower_inside(_run)


@functools.wraps(_run)
def run(kind, *args, **kwargs):
    chosen = _run if not lowering() else _run_gru if kind == "GRU" else _run_lower
    return chosen(kind, *args, **kwargs)


def _entry(kind: str, doc: str):
    """`kind(input, hx, params, …)`, or for packed rows `kind(data, batch_sizes, hx, params, …)`."""

    def layers(input, second, third, fourth, *options):
        packed = not isinstance(fourth, bool)
        sizes, hx, params = (second, third, fourth) if packed else (None, second, third)
        has_biases, num_layers, dropout, train, bidirectional, *rest = options if packed else (fourth, *options)
        states = tuple(hx) if kind == "LSTM" else (hx,)
        batch_first = bool(rest and rest[0])
        return run(kind, input, states, params, has_biases, num_layers, dropout, train, bidirectional, batch_first, sizes)

    layers.__name__ = layers.__qualname__ = kind.lower()
    layers.__doc__ = doc
    return layers


rnn_tanh = _entry("RNN_TANH", "Layers of tanh cells over a sequence: (output, h_n); see `run` for the arguments.")
rnn_relu = _entry("RNN_RELU", "Layers of relu cells over a sequence: (output, h_n); see `run` for the arguments.")
gru = _entry("GRU", "Layers of GRU cells over a sequence: (output, h_n); see `run` for the arguments.")
lstm = _entry("LSTM", "Layers of LSTM cells over a sequence: (output, h_n, c_n); see `run` for the arguments.")

refusing_all(globals(), __all__)
