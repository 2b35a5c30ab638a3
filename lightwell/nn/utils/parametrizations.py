"""Ready parametrizations: orthogonal matrices, weights as direction and length, weights of spectral norm 1."""

from __future__ import annotations

from enum import Enum, auto

from ...autograd.modes import no_grad
from ...errors.teaching import IndexError, NotImplementedError, ValueError
from .. import functional as F
from ..module import Module
from . import parametrize

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _orthogonalized(a):
    """The Q of A's QR decomposition, its columns signed so that R's diagonal is positive."""
    import lightwell as lw

    x, tau = lw.geqrf(a)
    return lw.linalg.householder_product(x, tau) * x.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def _is_orthogonal(q) -> bool:
    import lightwell as lw

    n, k = q.shape[-2:]
    return lw.allclose(q.mH @ q, lw.eye(k, dtype=q.dtype), atol=10.0 * n * lw.finfo(q.dtype).eps)


class _OrthMaps(Enum):
    matrix_exp = auto()
    cayley = auto()
    householder = auto()


class _Orthogonal(Module):
    """base·Q(X), Q a map from matrices to orthogonal ones; `base` is what was assigned last."""

    def __init__(self, weight, orthogonal_map: _OrthMaps, *, use_trivialization=True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map is _OrthMaps.householder:
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X):
        """An orthogonal matrix (or one with orthonormal rows or columns) of X's shape."""
        import lightwell as lw

        n, k = X.shape[-2:]
        wide = n < k
        if wide:
            X, n, k = X.mT, k, n
        if self.orthogonal_map is _OrthMaps.householder:
            A = X.tril(diagonal=-1)
            tau = 2.0 / (1.0 + (A * A).sum(dim=-2))
            Q = lw.linalg.householder_product(A, tau) * X.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            X = X.tril()
            if n != k:
                X = lw.cat([X, X.new_zeros(n, n - k).expand(*X.shape[:-2], -1, -1)], dim=-1)
            A = X - X.mH  # skew-symmetric: its exponential and its Cayley transform are orthogonal
            if self.orthogonal_map is _OrthMaps.matrix_exp:
                Q = lw.matrix_exp(A)
            else:
                one = lw.eye(n, dtype=A.dtype)
                Q = lw.linalg.solve(one - A * 0.5, one + A * 0.5)
            if n != k:
                Q = Q[..., :k]
        if hasattr(self, "base"):
            Q = self.base @ Q
        return Q.mT if wide else Q

    def right_inverse(self, Q):
        """An X that is mapped to Q: with a base, Q becomes the base and X the one that is mapped to 1."""
        import lightwell as lw

        with no_grad():
            if Q.shape != self.shape:
                raise ValueError(f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}.")
            given = Q
            n, k = Q.shape[-2:]
            wide = n < k
            if wide:
                Q, n, k = Q.mT, k, n
            if not hasattr(self, "base"):
                if self.orthogonal_map is not _OrthMaps.householder:
                    raise NotImplementedError(
                        "It is not possible to assign to the matrix exponential or the Cayley parametrizations when use_trivialization=False."
                    )
                A, tau = lw.geqrf(Q)
                d = A.diagonal(dim1=-2, dim2=-1)
                A = A - lw.diag_embed(d) if n == k else A.tril(-1) + A.triu(1)
                signs = lw.where(tau == 0.0, -d.sign(), d.sign())
                A.diagonal(dim1=-2, dim2=-1).copy_(signs)
                return A.mT if wide else A
            if n == k:
                Q = Q.clone() if _is_orthogonal(Q) else _orthogonalized(Q)
            else:
                more = lw.randn(*Q.shape[:-2], n, n - k, dtype=Q.dtype)
                Q = _orthogonalized(lw.cat([Q, more], dim=-1))
            self.base = Q
            minus_one = lw.zeros_like(given)
            minus_one.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
            return minus_one


def orthogonal(module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True) -> Module:
    """Keep a matrix orthogonal (rows or columns orthonormal where it is not square), as a parametrization; returns the module.

    `orthogonal_map`: "matrix_exp" exp(A), "cayley" (1 - A/2)⁻¹(1 + A/2), A skew-symmetric, or "householder", products of
    reflections; default matrix_exp for square and complex matrices, else householder. `use_trivialization`: relative to the
    matrix assigned last (Lezcano-Casado, 2019). ValueError for another map, or a tensor below two dimensions.

    >>> import lightwell as torch
    >>> m = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(3, 3))
    >>> torch.allclose(m.weight @ m.weight.T, torch.eye(3), atol=1e-5)
    True
    """
    weight = getattr(module, name, None)
    from ...tensor import Tensor

    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] or weight.is_complex() else "householder"
    found = getattr(_OrthMaps, orthogonal_map, None)
    if found is None:
        raise ValueError(f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}')
    parametrize.register_parametrization(module, name, _Orthogonal(weight, found, use_trivialization=use_trivialization), unsafe=True)
    return module


class _WeightNorm(Module):
    """g·v/‖v‖, the norm over all dimensions but `dim`."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g, weight_v):
        """The weight."""
        import lightwell as lw

        return weight_v * (weight_g / lw.norm_except_dim(weight_v, 2, self.dim))

    def right_inverse(self, weight):
        """(g, v) = (‖weight‖, weight)."""
        import lightwell as lw

        return lw.norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0):
    """weight = g·v/‖v‖, g (original0) and v (original1) trained apart (Salimans & Kingma, 2016); the norm leaves `dim` out.

    State dicts of the older form, with `weight_g` and `weight_v`, load too.

    >>> import lightwell as torch
    >>> m = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))
    >>> m.parametrizations.weight.original0.shape
    torch.Size([2, 1])
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def older(state_dict, prefix, *rest):
        for old, new in (("g", 0), ("v", 1)):
            if f"{prefix}{name}_{old}" in state_dict:
                state_dict[f"{prefix}parametrizations.{name}.original{new}"] = state_dict.pop(f"{prefix}{name}_{old}")

    module._register_load_state_dict_pre_hook(older)
    return module


class _SpectralNorm(Module):
    """weight/σ, σ its largest singular value, followed by power iteration in training."""

    def __init__(self, weight, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.dim, self.eps = dim % weight.ndim, eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._as_matrix(weight)
            rows, columns = matrix.shape
            u, v = matrix.new_empty(rows).normal_(0, 1), matrix.new_empty(columns).normal_(0, 1)
            self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _as_matrix(self, weight):
        if self.dim:
            weight = weight.permute(self.dim, *(d for d in range(weight.dim()) if d != self.dim))
        return weight.flatten(1)

    def _iterate(self, matrix, n: int) -> None:
        """n steps of power iteration: u ← Wv/‖Wv‖, v ← Wᵀu/‖Wᵀu‖, written over the buffers."""
        with no_grad():
            for _ in range(n):
                self._u.copy_(F.normalize(matrix.detach() @ self._v, dim=0, eps=self.eps))
                self._v.copy_(F.normalize(matrix.detach().mH @ self._u, dim=0, eps=self.eps))

    def forward(self, weight):
        """weight/σ; a vector is normalised."""
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._as_matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / u.vdot(matrix.mv(v))

    def right_inverse(self, value):
        """The value itself: what is assigned is divided by its norm when read."""
        return value


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None) -> Module:
    """weight/σ(weight), σ the largest singular value by power iteration (Miyato et al., 2018), as a parametrization.

    `dim`: the dimension of the rows, 1 for transposed convolutions, else 0. ValueError for n_power_iterations ≤ 0.

    >>> import lightwell as torch
    >>> m = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(20, 40))
    >>> bool(abs(torch.linalg.matrix_norm(m.weight, 2) - 1) < 0.3)
    True
    """
    from .. import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

    weight = getattr(module, name, None)
    from ...tensor import Tensor

    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    parametrize.register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module
