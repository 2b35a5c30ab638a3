"""What the sparse layouts share: a Tensor whose values alone are in the graph, and element-wise functions on them."""

import math

from ..errors import NotStrided
from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Size, Tensor


class Sparse(Tensor):
    """What sparse layouts share: fields, place in the graph, element-wise functions that leave zeros zero.

    The graph knows the values alone: a sparse leaf's `grad` is a sparse tensor made of its values' gradient.
    """

    is_sparse = False

    def __new__(cls, *args, **kwargs):
        raise TypeError(f"{cls.__name__} is made by torch.sparse_coo_tensor, torch.sparse_csr_tensor or Tensor.to_sparse")

    def _fields(self, values, size):
        self._base = self._cell = self._grad = None
        self._v, self._size = values, tuple(int(n) for n in size)
        return self

    @property
    def _a(self):
        raise NotStrided(
            f"this operation is not implemented for {self.layout} (a tensor of size {list(self._size)} with {self._nnz()} entries): "
            "compute with x.to_dense()"
        )

    @property
    def _rg(self):
        return self._v._rg

    @property
    def _node(self):
        return self._v._node or (self._v if self._v._rg else None)

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(self._size)

    def size(self, dim=None):
        """The shape, or the size of one dimension."""
        return Size(self._size) if dim is None else self._size[dim]

    @property
    def dtype(self):
        """The values' dtype."""
        return self._v.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._size)

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._size)

    ndimension = dim

    def numel(self) -> int:
        """The number of elements, zeros included."""
        return math.prod(self._size)

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one value."""
        return self._v._a.itemsize

    def __len__(self):
        if not self._size:
            raise TypeError("len() of a 0-d tensor")
        return self._size[0]

    def _nnz(self) -> int:
        """How many entries are stored."""
        return self._v._a.shape[0]

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for the values."""
        return self._v.requires_grad

    @requires_grad.setter
    def requires_grad(self, flag):
        self._v.requires_grad = flag

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self._v.is_leaf

    @property
    def grad_fn(self):
        """The node of the graph that made the values; None for a leaf."""
        return self._v.grad_fn

    @property
    def grad(self):
        """The accumulated gradient, sparse with the same indices; None before the first backward."""
        g = self._v.grad
        return None if g is None else self._like(g)

    @grad.setter
    def grad(self, value):
        self._v.grad = None if value is None else value._v

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None) -> None:
        """As `Tensor.backward`; `gradient` is sparse with the same indices, or dense."""
        if gradient is None:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if not isinstance(gradient, Sparse):
            gradient = self.mask_of(gradient)
        self._v.backward(gradient._v, retain_graph, create_graph, inputs=inputs)

    def storage_offset(self):
        raise RuntimeError("sparse tensors do not have strides: use to_dense()")

    data_ptr = storage = untyped_storage = storage_offset

    def stride(self, dim=None):
        """Zeros: entries have no strides."""
        return (0,) * self.ndim if dim is None else 0

    def numpy(self, *, force=False):
        raise TypeError(f"can't convert {'Sparse' if self.is_sparse else 'SparseCsr'} layout tensor to numpy. Use Tensor.to_dense() first.")

    def __array__(self, dtype=None, copy=None):
        self.numpy()

    def is_contiguous(self, memory_format=None) -> bool:
        """Never: contiguity is a word for strided tensors."""
        return False

    def to(self, *args, **kwargs):
        """The same indices with values in another dtype."""
        return self._like(self._v.to(*args, **kwargs))

    def type(self, dtype=None, non_blocking=False):
        """Without argument the type's name, such as 'torch.sparse.FloatTensor'; otherwise the tensor in that type."""
        if dtype is None:
            return f"torch.sparse.{self.dtype.tensor_type}"
        from ..ops.convert import as_dtype

        return self.to(as_dtype(dtype.replace("sparse.", "") if isinstance(dtype, str) else dtype))

    def is_same_size(self, other) -> bool:
        """Whether the shapes are equal."""
        return self._size == tuple(other.shape)

    @property
    def data(self):
        """The same entries outside the graph."""
        return self.detach()

    @property
    def real(self):
        """The real parts."""
        return self._like(self._v.real)

    def new_zeros(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
        """A tensor without entries, in this layout."""
        from .functions import made_empty

        size = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
        return made_empty(size, dtype or self.dtype, layout or self.layout)

    def to_sparse_coo(self):
        """In coordinates."""
        return self.to_sparse()

    def to_sparse_bsr(self, blocksize, dense_dim=None):
        """In blocks, compressed by rows."""
        from .compressed import compress

        return compress(self, "sparse_bsr", blocksize)

    def to_sparse_bsc(self, blocksize, dense_dim=None):
        """In blocks, compressed by columns."""
        from .compressed import compress

        return compress(self, "sparse_bsc", blocksize)

    def detach(self):
        """The same values outside the graph."""
        return self._like(self._v.detach())

    def clone(self, *, memory_format=None):
        """A copy with its own values."""
        return self._like(self._v.clone())

    def tolist(self):
        """Nested lists of all elements, zeros included."""
        return self.to_dense().tolist()

    def item(self):
        """The number of a one-element tensor."""
        return self.to_dense().item()

    def __bool__(self):
        return bool(self.to_dense())

    def __deepcopy__(self, memo):
        made = self._like(self._v.__deepcopy__(memo))
        memo[id(self)] = made
        return made

    def __neg__(self):
        return self._like(-self._v)

    def __truediv__(self, other):
        return self.div(other)

    def __pow__(self, exponent):
        return self.pow(exponent)

    def __abs__(self):
        return self.abs()

    def div(self, other, *, rounding_mode=None):
        """Every value divided by a number (or a 0-dim tensor)."""
        if isinstance(other, Tensor) and other.ndim:
            raise RuntimeError("Sparse division requires a scalar or zero-dim dense tensor divisor")
        return self._like(self._merged()._v.div(other, rounding_mode=rounding_mode), self._merged())

    def pow(self, exponent):
        """Every value to a positive power."""
        if isinstance(exponent, Tensor) or exponent <= 0:
            raise RuntimeError(f"pow of a sparse tensor takes a positive number, not {exponent}: zeros must stay zero")
        m = self._merged()
        return self._like(m._v.pow(exponent), m)

    def norm(self, p="fro", dim=None, keepdim=False, dtype=None):
        """The norm of all elements."""
        if dim is not None:
            raise RuntimeError("norm of a sparse tensor is over all dimensions: use to_dense() for norm(dim=...)")
        return self._merged()._v.norm(p, dtype=dtype)

    def zero_(self):
        """Drop all entries, in place."""
        made = type(self).zero_like(self)
        self.__dict__.update(made.__dict__)
        return self


def _unary(name):
    def method(self):
        m = self._merged()
        return self._like(getattr(m._v, name)(), m)

    method.__name__, method.__doc__ = name, f"`{name}` of every stored value: it leaves zeros zero."
    return method


def _written(name):
    def method(self):
        self.__dict__.update(getattr(self, name)().__dict__)
        return self

    method.__name__, method.__doc__ = name + "_", f"`{name}`, written over this tensor."
    return method


for _name in ("abs neg sqrt square sin tan asin atan sinh tanh asinh atanh ceil floor round trunc sign sgn relu log1p expm1 "
              "erf erfinv deg2rad rad2deg isnan isinf positive conj nan_to_num").split():  # fmt: skip
    setattr(Sparse, _name, _unary(_name))
    setattr(Sparse, _name + "_", _written(_name))
for _name in "float double half bfloat16 int long bool cfloat cdouble".split():
    setattr(Sparse, _name, lambda self, _name=_name: self._like(getattr(self._v, _name)()))
