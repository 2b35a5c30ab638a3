"""Shapes and memory orders: `Size`, layouts, memory formats."""

from .errors.teaching import TypeError

new_size = tuple.__new__


class Size(tuple):
    """A tensor's shape: a tuple that prints as `torch.Size([2, 3])` and knows `numel()`.

    >>> import lightwell as torch
    >>> torch.zeros(2, 3).shape.numel()
    6
    """

    __slots__ = ()

    def __new__(cls, sizes=()):
        out = []
        for i, s in enumerate(sizes):
            if type(s) is not int:
                if not hasattr(s, "__index__") or isinstance(s, float):
                    raise TypeError(f"torch.Size() takes an iterable of 'int' (item {i} is '{type(s).__name__}')")
                s = s.__index__()
            out.append(s)
        return new_size(cls, out)

    def numel(self) -> int:
        """The product of the sizes: the number of elements."""
        n = 1
        for s in self:
            n *= s
        return n

    def __repr__(self):
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __add__(self, other):
        return Size(tuple.__add__(self, other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other):
        return Size(tuple.__add__(other, self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, n):
        return Size(tuple.__mul__(self, n))

    __rmul__ = __mul__

    def __getitem__(self, key):
        found = tuple.__getitem__(self, key)
        return Size(found) if isinstance(key, slice) else found

    def __reduce__(self):
        return Size, (tuple(self),)


class layout:
    """How elements are stored: `torch.strided`, `torch.sparse_coo`, `torch.sparse_csr`."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"torch.{self.name}"

    def __reduce__(self):
        return self.name


strided, sparse_coo, sparse_csr = layout("strided"), layout("sparse_coo"), layout("sparse_csr")


class memory_format:
    """The order of dimensions in memory that a copy should have."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"torch.{self.name}"

    def __reduce__(self):
        return self.name


contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")
