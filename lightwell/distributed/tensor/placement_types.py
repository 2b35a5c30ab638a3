"""Placements: how a tensor lies on one dimension of a mesh."""

from dataclasses import dataclass


class Placement:
    """Base of Shard, Replicate and Partial."""

    def is_shard(self, dim: int | None = None) -> bool:
        """Whether it is Shard (of that dimension)."""
        return isinstance(self, Shard) and (dim is None or self.dim == dim)

    def is_replicate(self) -> bool:
        """Whether it is Replicate."""
        return isinstance(self, Replicate)

    def is_partial(self, reduce_op: str | None = None) -> bool:
        """Whether it is Partial (of that reduction)."""
        return isinstance(self, Partial) and (reduce_op is None or self.reduce_op == reduce_op)


@dataclass(frozen=True)
class Shard(Placement):
    """Dimension `dim` is cut in parts, one for each rank, as `torch.chunk` cuts: the last ones may be smaller, or empty."""

    dim: int

    def __str__(self):
        return f"S({self.dim})"

    @staticmethod
    def cut(size: int, parts: int, index: int) -> tuple:
        """(first, behind the last) of part `index`."""
        each = -(-size // parts)
        return min(each * index, size), min(each * (index + 1), size)


@dataclass(frozen=True)
class Replicate(Placement):
    """Every rank has the whole."""

    def __str__(self):
        return "R"


@dataclass(frozen=True)
class Partial(Placement):
    """Every rank has a term: the value is their sum (or `avg`, `max`, `min`, `product`)."""

    reduce_op: str = "sum"

    def __repr__(self):
        return f"Partial({self.reduce_op})"

    def __str__(self):
        return f"P({self.reduce_op})"


@dataclass(frozen=True)
class TensorMeta:
    """The whole tensor's shape, strides and dtype."""

    shape: tuple
    stride: tuple
    dtype: object


@dataclass(frozen=True)
class DTensorSpec:
    """Where a tensor lies: mesh, placements and the whole's meta."""

    mesh: object
    placements: tuple
    tensor_meta: TensorMeta | None = None

    @property
    def shape(self):
        """The whole tensor's shape."""
        return self.tensor_meta.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.tensor_meta.shape)


_Partial = Partial
