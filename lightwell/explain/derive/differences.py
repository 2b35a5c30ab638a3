"""What derivations are compared with: values and Jacobians of the operation itself, computed only when somebody asks."""

import numpy as np

from ...backend import numpy as NP
from .terms import Term


class Lazy:
    """An array that is computed when somebody asks for it: np.asarray(lazy)."""

    def __init__(self, compute):
        self._compute = compute

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._compute(), dtype)


def jacobian(reading, x: str, output: int = 0) -> Lazy:
    """∂output/∂x of an operation, from differences of its values: a dimension for each of the output's and each of x's."""
    return Lazy(lambda: _jacobian(reading, x, output))


def forward(reading, changed: dict) -> list:
    """The operation's values with some inputs replaced."""
    record = reading.record
    tensors = [changed.get(n, t.value if isinstance(t, Term) else t) for n, t in reading.inputs.items()]
    params = [getattr(v, "_a", v) for v in reading.params.values()]
    with np.errstate(all="ignore"):
        made = record.forward(NP, tensors, *params) if record.variadic else record.forward(NP, *tensors, *params)
    return [np.asarray(made)] if len(record.outputs) == 1 and not record.keeps else [None if m is None else np.asarray(m) for m in made]


def _jacobian(reading, x: str, output: int) -> np.ndarray:
    at = reading.inputs[x].value
    y = forward(reading, {})[output]
    out = np.zeros((*y.shape, *at.shape), np.result_type(y.dtype, at.dtype))
    for place in np.ndindex(at.shape):
        h = 1e-6 * max(1.0, abs(at[place]))
        up, down = at.copy(), at.copy()
        up[place] += h
        down[place] -= h
        step = up[place] - down[place]
        out[(..., *place)] = (forward(reading, {x: up})[output] - forward(reading, {x: down})[output]) / step
    return out
