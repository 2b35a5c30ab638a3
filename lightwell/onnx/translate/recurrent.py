"""Recurrent layers and cells: ONNX's RNN, GRU and LSTM, whose gates stand in another order."""

import numpy as np

from .table import to_onnx

_ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}  # ours: i f g o, and r z n; ONNX's: i o f c, and z r h


def _gates(g, v, kind: str, hidden: int) -> str:
    """A weight or bias with its gates in ONNX's order, under a leading dimension for the direction."""
    name = g.name(v)
    if kind != "rnn":
        rows = np.concatenate([np.arange(hidden) + k * hidden for k in _ORDER[kind]])
        name = g.op("Gather", name, g.const(rows), axis=0)
    return g.op("Unsqueeze", name, g.const(np.array([0])))


def _layer(g, kind, x, states, w_ih, w_hh, b_ih, b_hh, reverse, activation=None):
    """[Y (T, N, H), last states (N, H) …]."""
    hidden = w_hh.shape[1]
    w, r = _gates(g, w_ih, kind, hidden), _gates(g, w_hh, kind, hidden)
    bias = None if b_ih is None else g.op("Concat", _gates(g, b_ih, kind, hidden), _gates(g, b_hh, kind, hidden), axis=1)
    zero, first = g.const(np.array([0])), g.const(np.array([1]))
    starts = [g.op("Unsqueeze", s if isinstance(s, str) else g.name(s), zero) for s in states]
    options = {"hidden_size": hidden, "direction": "reverse" if reverse else "forward"}
    if kind == "gru":
        options["linear_before_reset"] = 1
    if activation:
        options["activations"] = [activation]
    made = g.op(kind.upper(), x, w, r, bias, None, *starts, outputs=1 + len(states), **options)
    return [g.op("Squeeze", made[0], first), *(g.op("Squeeze", m, zero) for m in made[1:])]


@to_onnx("lstm")
def lstm(g, step, x, h, c, w_ih, w_hh, b_ih, b_hh, reverse):
    return _layer(g, "lstm", g.name(x), (h, c), w_ih, w_hh, b_ih, b_hh, reverse)


@to_onnx("gru")
def gru(g, step, x, h, w_ih, w_hh, b_ih, b_hh, reverse):
    return _layer(g, "gru", g.name(x), (h,), w_ih, w_hh, b_ih, b_hh, reverse)


@to_onnx("rnn_tanh", "rnn_relu")
def rnn(g, step, x, h, w_ih, w_hh, b_ih, b_hh, reverse):
    return _layer(g, "rnn", g.name(x), (h,), w_ih, w_hh, b_ih, b_hh, reverse, step.name[4:].title())


@to_onnx("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
def cell(g, step, x, *rest):
    """One step is a sequence of length 1."""
    states, weights = (rest[:2], rest[2:]) if step.name == "lstm_cell" else (rest[:1], rest[1:])
    kind = step.name.split("_")[0]
    activation = step.name.split("_")[1].title() if kind == "rnn" else None
    sequence = g.op("Unsqueeze", g.name(x), g.const(np.array([0])))
    found = _layer(g, kind, sequence, states, *weights, False, activation)[1:]
    return found if len(found) > 1 else found[0]
