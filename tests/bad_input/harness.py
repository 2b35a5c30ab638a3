"""Bad calls in tables: what is raised, what the message must say, and that nothing was changed half-way.

A table maps a name to (exception, words, prepare) or (exception, words, prepare, why): `prepare(f)` builds everything with library
`f` and returns `do(function, *arguments, **keywords)`, the faulty call itself, not yet made. The exception must be one that PyTorch's
handler would catch too, unless `why` says in what PyTorch differs; `words` are all in the message.
"""

import re
import warnings

import numpy as np

import lightwell as lw

try:
    import torch
except ImportError:
    torch = None

RAW = re.compile(
    r"operands could not be broadcast together with shapes \(|ufunc|axis \d+ is out of bounds for array|shapes \(.*not aligned|^'(str|list|float|int|NoneType|numpy.ndarray|dict|tuple)' object has no attribute|"
    r"object is not (subscriptable|iterable|callable)|(list|tuple) index out of range|cannot unpack|not enough values to unpack|"
    r"too many values to unpack|has no len\(\)|unsupported operand type\(s\) for [^:]*: '(?!Tensor)|setting an array element|'NoneType' object|could not convert string|"
    r"negative dimensions are not allowed|out of bounds for axis|cannot reshape array|not supported between instances|"
    r"cannot select an axis|gufunc|could not broadcast|index_array|Kernel died|bad operand type|must be real number|"
    r"cannot be interpreted as an integer|invalid literal|einstein sum|array dimensions|dimensions, but \d+ were indexed|"
    r"need at least one array|repeated axis|axes don't match|boolean index did not match|shape mismatch: objects|'_a'"
)


def do(function, *args, **kwargs):
    """The call to make."""
    return function, args, kwargs


def snapshot(value):
    """All that a failed call must leave alone: numbers, dtypes, versions, gradients, states."""
    if isinstance(value, lw.nn.Module):
        return [type(value).__name__, value.training, *(snapshot(list(part)) for part in (value.named_parameters(), value.named_buffers()))]
    if isinstance(value, lw.Tensor):
        if value.layout is not lw.strided:
            return snapshot(value.to_dense().detach()), value.layout
        return (
            value._a.tobytes(), tuple(value.shape), str(value.dtype), value.requires_grad, value._version,
            None if not value.is_leaf or value.grad is None else value.grad._a.tobytes(),
        )  # fmt: skip
    if isinstance(value, np.ndarray):
        return value.tobytes(), value.shape
    if isinstance(value, lw.optim.Optimizer) or isinstance(value, lw.optim.lr_scheduler.LRScheduler):
        return snapshot(value.state_dict()), snapshot(getattr(value, "param_groups", None))
    if isinstance(value, dict):
        return [(snapshot(k), snapshot(v)) for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return [snapshot(v) for v in value]
    return value if isinstance(value, (int, float, str, bytes)) else None


def failure(f, prepare, *more):
    """(exception or None, changed or not) of the prepared call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function, args, kwargs = prepare(f, *more)
        watched = function, getattr(function, "__self__", None), args, kwargs
        state = (snapshot(watched), lw.get_rng_state()._a.tobytes()) if f is lw else None
        try:
            function(*args, **kwargs)
        except Exception as error:
            return error, f is lw and state != (snapshot(watched), lw.get_rng_state()._a.tobytes())
    return None, False


def check(case, *more):
    """One row of a table, against PyTorch too where it is installed."""
    kind, words, prepare, *why = case
    error, changed = failure(lw, prepare, *more)
    assert error is not None, "nothing raised"
    message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    said = f"{type(error).__name__}: {message}"
    assert isinstance(error, kind), f"{said}\nexpected {kind.__name__}"
    missing = [word for word in words.split() if word.lower() not in message.lower()]
    assert not missing, f"{missing} not in: {said}"
    assert not RAW.search(message), f"raw: {said}"
    assert not changed, f"something was changed by the failed call: {said}"
    if torch is not None and not why:
        theirs, _ = failure(torch, prepare, *more)
        assert theirs is not None, f"PyTorch accepts it; ours: {said}"
        assert isinstance(error, type(theirs)) or type(theirs).__name__.lstrip("_") == type(error).__name__, (
            f"{said}\nPyTorch raises {type(theirs).__name__}: {theirs}"
        )
