"""Inputs that a graph didn't keep, got back from what it did keep: a = l·lᵀ from the factor l, x = y⁻¹ from the inverse y."""

from typing import Any

import numpy as np


def recovered(name: str, saved: dict[str, Any]) -> dict[str, np.ndarray]:
    """The inputs of a matrix function that its saved values determine, by name; {} where they don't.

    >>> recovered("linalg_inv", {"y": np.array([[2.0]])})
    {'x': array([[0.5]])}
    """
    known = {k: v for k, v in saved.items() if v is not None}
    made = _FROM.get(name)
    if made is None or not made[0] <= known.keys():
        return {}
    with np.errstate(all="ignore"):
        return {made[1]: made[2](**{k: known[k] for k in made[0]}, **({"params": known} if made[3] else {}))}


def _turned(a: np.ndarray) -> np.ndarray:
    return np.conj(np.swapaxes(a, -1, -2))


def _from_cholesky(y, params):
    return _turned(y) @ y if params.get("upper") else y @ _turned(y)


def _from_lu(lu, pivots):
    from ...backend.linalg import permutation_matrix

    k = min(lu.shape[-2:])
    low = np.tril(lu[..., :, :k], -1) + np.eye(lu.shape[-2], k, dtype=lu.dtype)
    return permutation_matrix(pivots, lu.shape[-2], lu.dtype) @ low @ np.triu(lu[..., :k, :])


def _from_eig(w, v, params):
    a = v * w[..., None, :] @ np.linalg.inv(v)
    return a if params.get("is_complex") else np.ascontiguousarray(a.real)


def _from_triangular(a, y, params):
    t = np.triu(a) if params.get("upper") else np.tril(a)
    if params.get("unitriangular"):
        t = t * (1 - np.eye(a.shape[-1], dtype=a.dtype)) + np.eye(a.shape[-1], dtype=a.dtype)
    return t @ y


# name: (what must be known, the input, how, whether parameters are needed)
_FROM: dict[str, tuple] = {
    "linalg_cholesky": ({"y"}, "a", _from_cholesky, True),
    "linalg_inv": ({"y"}, "x", lambda y: np.linalg.inv(y), False),
    "linalg_eigh": ({"w", "v"}, "a", lambda w, v: v * w[..., None, :] @ _turned(v), False),
    "linalg_eig": ({"w", "v"}, "a", _from_eig, True),
    "linalg_lu_factor": ({"lu", "pivots"}, "a", _from_lu, False),
    "linalg_svd": ({"u", "s", "vh"}, "x", lambda u, s, vh: (u[..., : s.shape[-1]] * s[..., None, :]) @ vh[..., : s.shape[-1], :], False),
    "linalg_solve": ({"a", "y"}, "b", lambda a, y: a @ y, False),
    "linalg_solve_triangular": ({"a", "y"}, "b", _from_triangular, True),
}
