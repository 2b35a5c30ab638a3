"""Samples of recurrent layers and cells: forward and reversed, with and without biases, one and several steps."""

from tests.ops.samples import T, sample


def _call(f, name, *args):
    """The function of that name: PyTorch's at the top, ours where the layers find it."""
    if f.__name__ == "torch":
        return getattr(f, name)(*args)
    from lightwell.nn.functional import recurrent

    return getattr(recurrent, name)(*args)


def _layer(name, states, biased=True, both=False):
    """A function of (x, states, weights of one direction), run through one layer, `both` ways if asked."""

    def run(f, x, *rest):
        hx, weights = rest[:states], rest[states:]
        if both:
            weights = (*weights, *(w * 0.5 for w in weights))
        y, *last = _call(f, name, x, hx if states == 2 else hx[0], weights, biased, 1, 0.0, False, both, False)
        return (y, *last)

    return run


def _cell(name, states):
    def run(f, x, *rest):
        hx, weights = rest[:states], rest[states:]
        return _call(f, name, x, hx if states == 2 else hx[0], *weights)

    return run


def _tensors(gates, states, steps, batch=2, size=3, hidden=2, biased=True, directions=1):
    """x, the states, w_ih, w_hh, and the biases."""
    lead = (directions,) if steps else ()
    x = T(steps, batch, size, seed=1) if steps else T(batch, size, seed=1)
    out = [x, *(T(*lead, batch, hidden, seed=2 + i) for i in range(states))]
    out += [T(gates * hidden, size, seed=4), T(gates * hidden, hidden, seed=5)]
    return out + [T(gates * hidden, seed=6), T(gates * hidden, seed=7)] * biased


SAMPLES = []
for _name, _gates, _states in (("rnn_tanh", 1, 1), ("rnn_relu", 1, 1), ("gru", 3, 1), ("lstm", 4, 2)):
    SAMPLES += [
        sample(_name, _layer(_name, _states), *_tensors(_gates, _states, 3)),
        sample(_name, _layer(_name, _states, both=True), *_tensors(_gates, _states, 2, batch=1, directions=2)),
        sample(_name, _layer(_name, _states, biased=False), *_tensors(_gates, _states, 1, biased=False)),
        sample(_name + "_cell", _cell(_name + "_cell", _states), *_tensors(_gates, _states, 0)),
        sample(_name + "_cell", _cell(_name + "_cell", _states), *_tensors(_gates, _states, 0, biased=False)),
    ]
