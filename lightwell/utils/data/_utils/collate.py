"""Making one batch of many samples: numbers become tensors, tensors and arrays are stacked, containers are entered."""

import builtins
import collections.abc as abc
import copy
import re

import numpy as np

from lightwell.errors.teaching import KeyError, RuntimeError, TypeError
from lightwell.tensor import Tensor, wrap

_TEXT_KIND = re.compile("[SaUO]")
_BAD = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _lw():
    """The front door, looked up late."""
    import lightwell

    return lightwell


def default_convert(data):
    """Turn arrays and NumPy scalars inside nested containers into tensors and leave everything else as it is.

    >>> import numpy as np
    >>> from lightwell.utils.data import default_convert
    >>> default_convert({"x": np.array([1, 2]), "y": (3, "four")})
    {'x': tensor([1, 2]), 'y': [3, 'four']}
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if _TEXT_KIND.search(data.dtype.str) else _lw().as_tensor(data)
    if isinstance(data, abc.Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, abc.Sequence) and not isinstance(data, (str, bytes)):
        return _like(data, [default_convert(value) for value in data])
    return data


def _like(sample, values):
    """Put collated values into a container of the sample's own type, or into a plain one where that fails."""
    plain = type(values)
    if type(sample) is plain:
        return values
    try:
        if plain is dict and isinstance(sample, abc.MutableMapping):
            clone = copy.copy(sample)  # keeps what else the container carries (a default factory, attributes)
            clone.update(values)
            return clone
        if plain is list and isinstance(sample, abc.MutableSequence):
            clone = copy.copy(sample)
            for i, value in enumerate(values):
                clone[i] = value
            return clone
        return values if isinstance(sample, range) else type(sample)(values)
    except (builtins.TypeError, ValueError):
        return values


def collate(batch, *, collate_fn_map=None):
    """Collate a list of samples by the first rule that fits the type of the first sample.

    ``collate_fn_map`` maps a type (or a tuple of types) to ``f(batch, *, collate_fn_map)``; containers are entered.
    Raises TypeError for a type without a rule, RuntimeError for lists of unequal length.
    """
    first = batch[0]
    kind = type(first)
    if collate_fn_map is not None:
        rule = collate_fn_map.get(kind)
        if rule is None:
            rule = next((f for t, f in collate_fn_map.items() if isinstance(first, t)), None)
        if rule is not None:
            return rule(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, abc.Mapping):
        try:
            rows = {key: [d[key] for d in batch] for key in first}
        except builtins.KeyError as error:
            raise KeyError(f"{error}: default_collate: not every example of the batch has the key") from None
        columns = {key: collate(row, collate_fn_map=collate_fn_map) for key, row in rows.items()}
        return _like(first, columns)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return kind(*(collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)))
    if isinstance(first, abc.Sequence):
        n = len(first)
        if any(len(sample) != n for sample in batch):
            raise RuntimeError(
                "default_collate: each element in list of batch should be of equal size, "
                f"found lengths {sorted({len(sample) for sample in batch})}; pad them or pass a collate_fn"
            )
        columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)]
        return columns if isinstance(first, tuple) else _like(first, columns)
    raise TypeError(_BAD.format(kind))


def collate_tensor_fn(batch, *, collate_fn_map=None):
    """Stack tensors along a new first dimension."""
    first = batch[0]
    if all(type(t) is Tensor and not t.requires_grad and t.device.type == "cpu" for t in batch):
        arrays = [t._a for t in batch]
        shape, dtype = arrays[0].shape, arrays[0].dtype
        if type(arrays[0]) is np.ndarray and all(a.shape == shape and a.dtype == dtype for a in arrays):
            return wrap(np.stack(arrays))
    for i, t in enumerate(batch):
        if t.shape != first.shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first.shape)} at entry 0 and "
                f"{list(t.shape)} at entry {i} (default_collate: crop, resize or pad the samples, or pass a collate_fn)"
            )
    return _lw().stack(list(batch), 0)


def collate_numpy_array_fn(batch, *, collate_fn_map=None):
    """Stack arrays of numbers into one tensor; arrays of text or objects are refused."""
    if _TEXT_KIND.search(batch[0].dtype.str):
        raise TypeError(_BAD.format(batch[0].dtype))
    return collate([_lw().as_tensor(a) for a in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch, *, collate_fn_map=None):
    """NumPy scalars keep their dtype."""
    return _lw().as_tensor(np.asarray(batch))


def collate_float_fn(batch, *, collate_fn_map=None):
    """Python floats become float64, which holds them exactly."""
    return _lw().tensor(batch, dtype=_lw().float64)


def collate_int_fn(batch, *, collate_fn_map=None):
    """Python integers become int64, truth values bool."""
    return _lw().tensor(batch)


def collate_str_fn(batch, *, collate_fn_map=None):
    """Text stays a list."""
    return batch


default_collate_fn_map = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_collate(batch):
    """Make one batch of a list of samples, keeping the structure of a sample.

    Tensors and arrays are stacked to (B, …); int → int64, float → float64; text stays a list; mappings, namedtuples and
    sequences are entered, a tuple becoming a list. Raises TypeError for other types, RuntimeError for unequal sizes.

    >>> import lightwell as torch
    >>> from lightwell.utils.data import default_collate
    >>> default_collate([(torch.tensor([1., 2.]), 3, "a"), (torch.tensor([4., 5.]), 6, "b")])
    [tensor([[1., 2.],
            [4., 5.]]), tensor([3, 6]), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
