"""Recurrent layers: one record for a layer in one direction over a whole sequence, and the same written out step by step.

The records run forward and backward through time on arrays (backend/recurrent.py). Gradients that must carry a graph
themselves come from the written-out form: the reader runs it and differentiates it.
"""

from ..autograd import engine, modes
from ..errors.teaching import RuntimeError
from ..tensor import Tensor
from .op import op

__all__ = []


# ---- written out, in public operations ------------------------------------------------------------------------------


def linear(x, w, b=None):
    """x wᵀ + b."""
    return product(x, w.t(), b)


def product(h, w, b):
    """h w + b, w transposed already."""
    y = h.matmul(w)
    return y if b is None else y + b


def _step_tanh(gi, state, w, b):
    (h,) = state
    return ((gi + product(h, w, b)).tanh(),)


def _step_relu(gi, state, w, b):
    (h,) = state
    return ((gi + product(h, w, b)).relu(),)


def _step_lstm(gi, state, w, b):
    h, c = state
    i, f, g, o = (gi + product(h, w, b)).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _step_gru(gi, state, w, b):
    (h,) = state
    ir, iz, ig = gi.chunk(3, -1)
    hr, hz, hg = product(h, w, b).chunk(3, -1)
    z = (iz + hz).sigmoid()
    n = (ig + (ir + hr).sigmoid() * hg).tanh()
    return (n + z * (h - n),)


STEPS = {"RNN_TANH": _step_tanh, "RNN_RELU": _step_relu, "LSTM": _step_lstm, "GRU": _step_gru}


def advance(step, gi, state: tuple, w, b, w_hr) -> tuple:
    """One step, its h projected where there is a w_hr (transposed already)."""
    state = step(gi, state, w, b)
    return state if w_hr is None else (state[0].matmul(w_hr), *state[1:])


def unrolled(kind: str, x, state: tuple, w_ih, w_hh, b_ih, b_hh, w_hr, reverse: bool):
    """One layer in one direction over (T, N, I), step by step: the outputs (T, N, H) and the last state."""
    from .join import stack

    step, fold = STEPS[kind], kind != "GRU" and b_ih is not None  # the GRU's reset gate acts on h W + b
    gates = linear(x, w_ih, b_ih + b_hh if fold else b_ih).unbind(0)
    w, b = w_hh.t(), None if fold else b_hh
    w_hr = None if w_hr is None else w_hr.t()
    out = []
    for gi in reversed(gates) if reverse else gates:
        state = advance(step, gi, state, w, b, w_hr)
        out.append(state[0])
    if reverse:
        out.reverse()
    return stack(out), state


# ---- the vocabulary's words on tensors: see reader.py ---------------------------------------------------------------


def taped(kind: str, tensors: tuple, reverse: bool, keeps: int) -> tuple:
    """The layer written out on tensors: its outputs, and in place of each kept value what `untaped` needs."""
    states = 2 if kind == "LSTM" else 1
    with modes.enable_grad():
        # Inputs of their own: two that are the same tensor have two gradients.
        own = tuple(t.view_as(t) if t is not None and t._rg else t for t in tensors)
        y, last = unrolled(kind, own[0], own[1 : 1 + states], *own[1 + states :], None, reverse)
    return (y, *last, *((((y, *last), own),) * keeps))


def untaped(needed, gradients, tape) -> tuple:
    """The gradients of the layer's inputs, with a graph of their own where gradients are being recorded."""
    outs, own = tape
    outs, gradients = zip(*((y, g) for y, g in zip(outs, gradients, strict=True) if g is not None))
    wanted = [t for t, want in zip(own, needed, strict=True) if want]
    create = modes.state.grad
    with modes.enable_grad():
        found = iter(engine.grad(outs, wanted, gradients, retain_graph=True, create_graph=create, allow_unused=True))
    return tuple(next(found) if want else None for want in needed)


# ---- the records ----------------------------------------------------------------------------------------------------


@op
class rnn_tanh_:
    r"""hₜ = tanh(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh), y = (h₁, …, h_T).   With a the argument and dh the whole gradient of hₜ:
    da = (1 - hₜ²)·dh,   dhₜ₋₁ = gyₜ₋₁ + W_hhᵀ·da,   gxₜ = W_ihᵀ·da,   gW_ih = Σₜ da·xₜᵀ,   gW_hh = Σₜ da·hₜ₋₁ᵀ,   gb = Σₜ da."""

    outputs, keeps, node_name = ("y", "hn"), ("hidden",), "StackBackward0"

    def forward(xp, x, h, w_ih, w_hh, b_ih, b_hh, /, reverse):
        return xp.rnn(False, x, h, w_ih, w_hh, b_ih, b_hh, reverse)

    def grads(xp, needed, gy, ghn, x, h, w_ih, w_hh, b_ih, b_hh, hidden, reverse):
        return xp.rnn_back(False, needed, (gy, ghn), (x, h, w_ih, w_hh, b_ih, b_hh), (hidden,), reverse)


@op
class rnn_relu_:
    r"""hₜ = max(0, W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh).   As rnn_tanh, with da = dh where hₜ > 0 and 0 elsewhere."""

    outputs, keeps, node_name = ("y", "hn"), ("hidden",), "StackBackward0"

    def forward(xp, x, h, w_ih, w_hh, b_ih, b_hh, /, reverse):
        return xp.rnn(True, x, h, w_ih, w_hh, b_ih, b_hh, reverse)

    def grads(xp, needed, gy, ghn, x, h, w_ih, w_hh, b_ih, b_hh, hidden, reverse):
        return xp.rnn_back(True, needed, (gy, ghn), (x, h, w_ih, w_hh, b_ih, b_hh), (hidden,), reverse)


@op
class gru_:
    r"""hₜ = n + z·(hₜ₋₁ - n);   r, z = σ(W x + b + W h + b),   n = tanh(W_in x + b_in + r·m),   m = W_hn hₜ₋₁ + b_hn.
    dn = dh·(1-z)·(1-n²),   dz = dh·(hₜ₋₁-n)·z(1-z),   dr = dn·m·r(1-r),   dm = dn·r   are the gates' gradients;
    dhₜ₋₁ = gyₜ₋₁ + z·dh + W_hhᵀ·(dr, dz, dm);   the weights' are the sums over t of (dr, dz, dn)·xₜᵀ and (dr, dz, dm)·hₜ₋₁ᵀ."""

    outputs, keeps, node_name = ("y", "hn"), ("gates", "inner", "hidden"), "StackBackward0"

    def forward(xp, x, h, w_ih, w_hh, b_ih, b_hh, /, reverse):
        return xp.gru(x, h, w_ih, w_hh, b_ih, b_hh, reverse)

    def grads(xp, needed, gy, ghn, x, h, w_ih, w_hh, b_ih, b_hh, gates, inner, hidden, reverse):
        return xp.gru_back(needed, (gy, ghn), (x, h, w_ih, w_hh, b_ih, b_hh), (gates, inner, hidden), reverse)


@op
class lstm_:
    r"""cₜ = f·cₜ₋₁ + i·g,   hₜ = o·tanh cₜ;   i, f, o = σ(…), g = tanh(…) of W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh.
    dcₜ gains dh·o·(1 - tanh²cₜ);   di = dc·g·i(1-i),   df = dc·cₜ₋₁·f(1-f),   dg = dc·i·(1-g²),   do = dh·tanh(cₜ)·o(1-o);
    dcₜ₋₁ = f·dc,   dhₜ₋₁ = gyₜ₋₁ + W_hhᵀ·(di, df, dg, do);   the weights' are the sums over t of (di, df, dg, do)·xₜᵀ and ·hₜ₋₁ᵀ."""

    outputs, keeps, node_name = ("y", "hn", "cn"), ("gates", "hidden", "cells", "tanhs"), "MkldnnRnnLayerBackward0"

    def forward(xp, x, h, c, w_ih, w_hh, b_ih, b_hh, /, reverse):
        return xp.lstm(x, h, c, w_ih, w_hh, b_ih, b_hh, reverse)

    def grads(xp, needed, gy, ghn, gcn, x, h, c, w_ih, w_hh, b_ih, b_hh, gates, hidden, cells, tanhs, reverse):
        inputs = x, h, c, w_ih, w_hh, b_ih, b_hh
        return xp.lstm_back(needed, (gy, ghn, gcn), inputs, (gates, hidden, cells, tanhs), reverse)


@op
class rnn_tanh_cell_:
    r"""h' = tanh(W_ih x + b_ih + W_hh h + b_hh): one step of rnn_tanh, and its derivative."""

    outputs, keeps, node_name = ("hn",), ("hidden",), "TanhBackward0"

    def forward(xp, x, h, w_ih, w_hh, b_ih, b_hh, /):
        return xp.rnn(False, x[None], h, w_ih, w_hh, b_ih, b_hh, False)[1:]

    def grads(xp, needed, ghn, x, h, w_ih, w_hh, b_ih, b_hh, hidden):
        return _one(xp.rnn_back(False, needed, (None, ghn), (x[None], h, w_ih, w_hh, b_ih, b_hh), (hidden,), False))


@op
class rnn_relu_cell_:
    r"""h' = max(0, W_ih x + b_ih + W_hh h + b_hh): one step of rnn_relu, and its derivative."""

    outputs, keeps, node_name = ("hn",), ("hidden",), "ReluBackward0"

    def forward(xp, x, h, w_ih, w_hh, b_ih, b_hh, /):
        return xp.rnn(True, x[None], h, w_ih, w_hh, b_ih, b_hh, False)[1:]

    def grads(xp, needed, ghn, x, h, w_ih, w_hh, b_ih, b_hh, hidden):
        return _one(xp.rnn_back(True, needed, (None, ghn), (x[None], h, w_ih, w_hh, b_ih, b_hh), (hidden,), False))


@op
class gru_cell_:
    r"""h' = n + z·(h - n): one step of gru, and its derivative."""

    outputs, keeps, node_name = ("hn",), ("gates", "inner", "hidden"), "AddBackward0"

    def forward(xp, x, h, w_ih, w_hh, b_ih, b_hh, /):
        return xp.gru(x[None], h, w_ih, w_hh, b_ih, b_hh, False)[1:]

    def grads(xp, needed, ghn, x, h, w_ih, w_hh, b_ih, b_hh, gates, inner, hidden):
        return _one(xp.gru_back(needed, (None, ghn), (x[None], h, w_ih, w_hh, b_ih, b_hh), (gates, inner, hidden), False))


@op
class lstm_cell_:
    r"""c' = f·c + i·g,   h' = o·tanh c': one step of lstm, and its derivative."""

    outputs, keeps, node_name = ("hn", "cn"), ("gates", "hidden", "cells", "tanhs"), "MulBackward0"

    def forward(xp, x, h, c, w_ih, w_hh, b_ih, b_hh, /):
        return xp.lstm(x[None], h, c, w_ih, w_hh, b_ih, b_hh, False)[1:]

    def grads(xp, needed, ghn, gcn, x, h, c, w_ih, w_hh, b_ih, b_hh, gates, hidden, cells, tanhs):
        inputs = x[None], h, c, w_ih, w_hh, b_ih, b_hh
        return _one(xp.lstm_back(needed, (None, ghn, gcn), inputs, (gates, hidden, cells, tanhs), False))


def _one(gradients: tuple) -> tuple:
    """The gradient of x without the dimension of the single step."""
    gx, *others = gradients
    return (gx if gx is None else gx[0], *others)


_RECORDS = {"RNN_TANH": rnn_tanh_, "RNN_RELU": rnn_relu_, "GRU": gru_, "LSTM": lstm_}
_CELLS = {"RNN_TANH": rnn_tanh_cell_, "RNN_RELU": rnn_relu_cell_, "GRU": gru_cell_, "LSTM": lstm_cell_}


def _fits(x, state: tuple, weights: tuple, dims: int) -> bool:
    """Whether a record can run the layer: float32 or float64 throughout, biases both or neither, no empty sequence."""
    dtype = x._a.dtype
    return (
        dtype.char in "fd"
        and (weights[2] is None) == (weights[3] is None)
        and x._a.ndim == dims
        and x._a.size > 0
        and all(t is None or (isinstance(t, Tensor) and t._a.dtype == dtype) for t in (*state, *weights))
    )


_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4}


def _check(name: str, gates: int, x, state: tuple, w_ih, w_hh, b_ih, b_hh) -> None:
    """RuntimeError where the shapes of a record's tensors don't belong together."""
    batch, size = x._a.shape[-2:]
    hidden = w_hh._a.shape[-1]
    wanted = [("the weight of the input", w_ih, (gates * hidden, size)), ("the weight of the state", w_hh, (gates * hidden, hidden))]
    wanted += [(f"hidden{i}", t, (batch, hidden)) for i, t in enumerate(state)]
    wanted += [("a bias", t, (gates * hidden,)) for t in (b_ih, b_hh) if t is not None]
    for what, t, shape in wanted:
        if t._a.shape != shape:
            raise RuntimeError(
                f"{name}(): {what} has shape {list(t._a.shape)}, expected {list(shape)} for an input of shape "
                f"{list(x._a.shape)} and {hidden} hidden features"
            )


def layer(kind: str, x, state: tuple, w_ih, w_hh, b_ih, b_hh, w_hr, reverse: bool):
    """One layer in one direction over (T, N, I): the outputs (T, N, H) and the last state."""
    weights = w_ih, w_hh, b_ih, b_hh
    if w_hr is None and _fits(x, state, weights, 3):
        _check(kind.lower(), _GATES[kind], x, state, *weights)
        y, *last = _RECORDS[kind](x, *state, *weights, reverse)
        return y, tuple(last)
    return unrolled(kind, x, state, *weights, w_hr, reverse)


def cell(kind: str, x, state: tuple, w_ih, w_hh, b_ih, b_hh) -> tuple:
    """One step on x (N, I): the next state."""
    weights = w_ih, w_hh, b_ih, b_hh
    if _fits(x, state, weights, 2):
        _check(kind.lower() + "_cell", _GATES[kind], x, state, *weights)
        found = _CELLS[kind](x, *state, *weights)
        return found if kind == "LSTM" else (found,)
    return STEPS[kind](linear(x, w_ih, b_ih), state, w_hh.t(), b_hh)
