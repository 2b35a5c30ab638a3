"""What the distributions share: broadcasting of parameters, probabilities and logits, values computed once, triangles as vectors."""

import lightwell as lw
from lightwell.errors.teaching import ValueError
from lightwell.tensor import Tensor

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.57721566490153286060


def is_number(value) -> bool:
    """Whether a parameter was given as a plain number."""
    return isinstance(value, (int, float, bool))


def broadcast_all(*values):
    """Tensors and numbers, brought to one shape; numbers take the first tensor's dtype, or the default one.

    Raises ValueError for anything else.

    >>> import lightwell as torch
    >>> from lightwell.distributions.utils import broadcast_all
    >>> broadcast_all(1.0, torch.zeros(2))
    (tensor([1., 1.]), tensor([0., 0.]))
    """
    for value in values:
        if not isinstance(value, Tensor) and not is_number(value):
            raise ValueError(
                "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__. "
                f"Got {type(value).__name__} {value!r}: write torch.tensor(...)"
            )
    first = next((v for v in values if isinstance(v, Tensor)), None)
    dtype = lw.get_default_dtype() if first is None else first.dtype
    tensors = [v if isinstance(v, Tensor) else lw.tensor(v, dtype=dtype) for v in values]
    return tuple(lw.broadcast_tensors(*tensors))


def standard_normal(shape, like):
    """Normal numbers in the dtype of the tensor `like`."""
    return lw.empty(shape, dtype=like.dtype).normal_()


def sum_rightmost(value, dim: int):
    """The sum over the last `dim` dimensions.

    >>> import lightwell as torch
    >>> from lightwell.distributions.utils import sum_rightmost
    >>> sum_rightmost(torch.ones(2, 3, 4), 2)
    tensor([12., 12.])
    """
    return value if dim == 0 else value.flatten(-dim).sum(-1)


def logits_to_probs(logits, is_binary: bool = False):
    """sigmoid of log-odds, or softmax over the last dimension."""
    return lw.sigmoid(logits) if is_binary else lw.softmax(logits, dim=-1)


def clamp_probs(probs):
    """Probabilities brought into [ε, 1-ε], ε the dtype's machine epsilon, so that their logarithms are finite."""
    eps = lw.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs, is_binary: bool = False):
    """log(p/(1-p)), or log p over categories, of clamped probabilities."""
    p = clamp_probs(probs)
    return lw.log(p) - lw.log1p(-p) if is_binary else lw.log(p)


class lazy_property:
    """A value computed at its first reading (with gradients on) and kept on the object.

    >>> from lightwell.distributions.utils import lazy_property
    >>> class A:
    ...     @lazy_property
    ...     def x(self):
    ...         print("computed")
    ...         return 3
    >>> a = A()
    >>> a.x, a.x
    computed
    (3, 3)
    """

    def __init__(self, wrapped):
        self.wrapped, self.__doc__, self.__name__ = wrapped, wrapped.__doc__, wrapped.__name__

    def __get__(self, instance, obj_type=None):
        if instance is None:
            return self
        with lw.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.__name__, value)
        return value


def _tril_mask(n: int, diag: int):
    at = lw.arange(n)
    return at < at.view(-1, 1) + (diag + 1)


def tril_matrix_to_vec(mat, diag: int = 0):
    """The elements of (…, n, n) on and below diagonal `diag`, row by row; ValueError for a diagonal outside the matrix.

    >>> import lightwell as torch
    >>> from lightwell.distributions.utils import tril_matrix_to_vec
    >>> tril_matrix_to_vec(torch.arange(4).view(2, 2))
    tensor([0, 2, 3])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _tril_mask(n, diag)]


def vec_to_tril_matrix(vec, diag: int = 0):
    """The inverse of `tril_matrix_to_vec`; ValueError where the length fits no square matrix.

    >>> import lightwell as torch
    >>> from lightwell.distributions.utils import vec_to_tril_matrix
    >>> vec_to_tril_matrix(torch.tensor([1, 2, 3]))
    tensor([[1, 0],
            [2, 3]])
    """
    length, b = vec.shape[-1], 1 + 2 * diag
    n = round((-b + (b * b + 8 * length + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2)
    mask = _tril_mask(n, diag) if n > 0 else None
    if mask is None or int(mask.sum()) != length:
        raise ValueError(
            f"The size of last dimension is {length} which cannot be expressed as the lower triangular part of a square D x D matrix."
        )
    mat = vec.new_zeros(vec.shape[:-1] + (n, n))
    mat[..., mask] = vec
    return mat


class ProbsOrLogits:
    """Mixin: the distribution has `probs` or `logits`; the other is computed when asked for."""

    _binary = True

    def _choose(self, probs, logits):
        """Which of the two was given, as ("probs" or "logits", value); ValueError for both or none."""
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self._given = "logits" if probs is None else "probs"
        return self._given, logits if probs is None else probs

    @property
    def _param(self):
        return getattr(self, self._given)

    def _new(self, *args, **kwargs):
        return self._param.new(*args, **kwargs)

    @property
    def param_shape(self):
        """The shape of `probs` and `logits`."""
        return self._param.size()

    @lazy_property
    def logits(self):
        """Log-odds, or logarithms of probabilities (of categories)."""
        return probs_to_logits(self.probs, self._binary)

    @lazy_property
    def probs(self):
        """Probabilities."""
        return logits_to_probs(self.logits, self._binary)
