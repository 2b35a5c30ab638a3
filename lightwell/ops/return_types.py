"""Named tuples for operations with several results; they print as PyTorch's `torch.return_types` do."""

from collections import namedtuple

_made: dict = {}


def named(op: str, *fields: str):
    """The result type of `op`: a named tuple of `fields`, made once."""
    found = _made.get(op)
    if found is None:

        def show(self):
            inner = ",\n".join(f"{f}={v!r}" for f, v in zip(self._fields, self))
            return f"torch.return_types.{op}(\n{inner})"

        found = _made[op] = type(op, (namedtuple(op, fields),), {"__slots__": (), "__repr__": show})
        found.__module__ = "torch.return_types"
        found.__reduce__ = lambda self: (_rebuild, (op, fields, tuple(self)))
        globals()[op] = found
    return found


def _rebuild(op, fields, values):
    return named(op, *fields)(*values)
