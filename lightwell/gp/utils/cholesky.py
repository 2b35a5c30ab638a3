"""Cholesky factors of covariance matrices that rounding may have made indefinite."""

import warnings

import lightwell as lw
from lightwell.gp import settings
from lightwell.gp.utils.errors import NanError, NotPSDError
from lightwell.gp.utils.warnings import NumericalWarning

from ...errors.level import users_level

__all__ = ["psd_safe_cholesky"]


def psd_safe_cholesky(A, upper: bool = False, out=None, jitter=None, max_tries=None):
    """The Cholesky factor of A; where there is none, of A plus `jitter`·I, then plus ten times as much, and so on.

    Each addition warns (NumericalWarning). NotPSDError after `max_tries` sizes (3), NanError for nan in A.

    >>> import lightwell as torch
    >>> from lightwell.gp.utils.cholesky import psd_safe_cholesky
    >>> psd_safe_cholesky(torch.eye(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    factor, info = lw.linalg.cholesky_ex(A)
    if info.any():
        factor = _with_jitter(
            A, settings.cholesky_jitter.value(A.dtype) if jitter is None else jitter, max_tries or settings.cholesky_max_tries.value()
        )
    return factor.mT if upper else factor


def _with_jitter(A, jitter, tries):
    if A.isnan().any():
        raise NanError(f"cholesky: {int(A.isnan().sum())} of {A.numel()} elements of the {tuple(A.shape)} tensor are NaN.")
    bad, identity = None, lw.eye(A.shape[-1], dtype=A.dtype)
    for i in range(tries):
        size = jitter * 10**i
        if bad is None:
            bad = lw.linalg.cholesky_ex(A).info > 0
        B = A + bad.to(A.dtype)[..., None, None] * size * identity
        warnings.warn(f"A not p.d., added jitter of {size:.1e} to the diagonal", NumericalWarning, stacklevel=users_level())
        factor, info = lw.linalg.cholesky_ex(B)
        if not info.any():
            return factor
    raise NotPSDError(
        f"Matrix not positive definite after repeatedly adding jitter up to {size:.1e}: shape {tuple(A.shape)}, {A.dtype}. "
        "Compute in float64, or raise settings.cholesky_jitter or the noise."
    )
