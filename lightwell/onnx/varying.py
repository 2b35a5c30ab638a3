"""Constants that grow with a dynamic axis (zeros, ranges, causal masks), written as nodes that make them at any size."""

import numpy as np

from .errors import SymbolicValueError


def rebuilt(g, varying) -> str:
    """The name of the constant, made from sizes; SymbolicValueError where no rule is found."""
    arrays, dims = varying.arrays, g.dims(varying)
    if all(a.shape == arrays[0].shape for a in arrays):
        raise SymbolicValueError(
            g.told(
                f"reads a tensor of shape {list(arrays[0].shape)} that is made outside of the traced operations and differs from run to run: "
                "it comes from random numbers, or from a tensor's numbers by way of Python or NumPy (item(), tolist(), numpy()), or from a "
                "write in place into a part of a tensor. Compute it with tensor operations."
            )
        )
    found = _filled(g, arrays, dims) or _range(g, arrays, dims) or _triangle(g, arrays, dims)
    if found is None:
        raise SymbolicValueError(
            g.told(
                f"reads a constant whose shape {list(dims)} follows a dynamic axis, and whose numbers have no rule that the export knows "
                "(one number, a range, a triangular mask): make it a buffer and slice it, compute it with tensor operations, or fix the axis."
            )
        )
    return found


def _filled(g, arrays, dims):
    """The same number everywhere."""
    numbers = [a.reshape(-1)[:1] for a in arrays if a.size]
    if not numbers or any(not np.array_equal(n, numbers[0], equal_nan=n.dtype.kind == "f") for n in numbers):
        return None
    if any(not (a == numbers[0]).all() for a in arrays if a.size):
        return None
    return g.op("ConstantOfShape", g.ints(dims), value=g.onnx.numpy_helper.from_array(numbers[0]))


def _along(g, size, dtype):
    """0, 1, …, size - 1."""
    stop = g.op("Squeeze", g.ints([size]), g.const(np.array([0])))
    made = g.op("Range", g.const(np.int64(0)), stop, g.const(np.int64(1)))
    return made if dtype == np.int64 else g.cast(made, dtype)


def _range(g, arrays, dims):
    """start, start + step, …, in one dimension."""
    if arrays[0].ndim != 1 or min(a.size for a in arrays) < 2 or arrays[0].dtype.kind not in "iuf":
        return None
    start, step = arrays[0][0], arrays[0][1] - arrays[0][0]
    if any(not np.allclose(a, start + step * np.arange(a.size), rtol=1e-6, atol=0) for a in arrays):
        return None
    made = _along(g, dims[0], arrays[0].dtype)
    if step != 1:
        made = g.op("Mul", made, g.const(np.asarray(step)))
    return made if start == 0 else g.op("Add", made, g.const(np.asarray(start)))


def _triangle(g, arrays, dims):
    """One number where column - row is at least some k, another elsewhere, in the last two dimensions."""
    a = max(arrays, key=lambda v: v.size)
    if a.ndim < 2 or any(n != 1 for n in dims[:-2]):
        return None
    last = a.reshape(a.shape[-2:])
    apart = np.arange(last.shape[1])[None] - np.arange(last.shape[0])[:, None]
    low, high = last[-1, 0], last[0, -1]
    if low == high:
        return None
    k = int(apart[last == high].min())
    if any(not np.array_equal(np.where(_apart(v) >= k, high, low), v.reshape(v.shape[-2:])) for v in arrays):
        return None
    rows = g.op("Unsqueeze", _along(g, dims[-2], np.dtype(np.int64)), g.const(np.array([1])))
    columns = g.op("Unsqueeze", _along(g, dims[-1], np.dtype(np.int64)), g.const(np.array([0])))
    over = g.op("GreaterOrEqual", g.op("Sub", columns, rows), g.const(np.int64(k)))
    made = over
    if not (a.dtype == bool and bool(high)):
        made = g.op("Not", over) if a.dtype == bool else g.op("Where", over, g.const(np.asarray(high)), g.const(np.asarray(low)))
    return made if a.ndim == 2 else g.op("Reshape", made, g.ints(dims))


def _apart(v):
    return np.arange(v.shape[-1])[None] - np.arange(v.shape[-2])[:, None]
