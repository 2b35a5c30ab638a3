"""Does a compiled function give what the function gives? Helpers that the tests of whole programs share."""

import warnings
from contextlib import contextmanager

import numpy as np

import lightwell as lw
from lightwell.compile import CompileWarning

TOLERANCE = {"float64": 1e-12, "complex128": 1e-12, "float32": 1e-5, "complex64": 1e-5, "float16": 2e-3}


def flat(result) -> list:
    """The leaves of nested tuples, lists and dicts."""
    if isinstance(result, dict):
        return [t for r in result.values() for t in flat(r)]
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in flat(r)]
    return [result]


def numbers(t) -> np.ndarray:
    """A tensor as an array, bfloat16 as float32."""
    if not isinstance(t, lw.Tensor):
        return np.asarray(t)
    t = t.detach()
    return (t.float() if t.dtype is lw.bfloat16 else t).numpy()


def check(found, expected, what: str = "", loose: float = 1.0, scale: float = 0.0, kind: str = "") -> None:
    """Equal dtype, shape, places of NaN and infinities; numbers equal to rounding, relative to the largest.

    `scale`: the largest number of all that was computed beside it; `kind`: the dtype in which it was computed.
    """
    if expected is None or found is None:
        assert found is expected, f"{what}: {found}, expected {expected}"
        return
    a, b = numbers(found), numbers(expected)
    assert a.shape == b.shape and a.dtype == b.dtype, f"{what}: {a.dtype}{a.shape}, expected {b.dtype}{b.shape}"
    if isinstance(expected, lw.Tensor):
        assert found.dtype is expected.dtype, f"{what}: {found.dtype}, expected {expected.dtype}"
        assert found.requires_grad == expected.requires_grad, f"{what}: requires_grad {found.requires_grad}"
    if b.dtype.kind not in "fc":
        assert np.array_equal(a, b), f"{what}: {a.ravel()[:6]}, expected {b.ravel()[:6]}"
        return
    finite = np.isfinite(b)
    assert np.array_equal(np.isnan(a), np.isnan(b)), f"{what}: other places are NaN: {a.ravel()[:6]}, expected {b.ravel()[:6]}"
    assert np.array_equal(a[~finite], b[~finite], equal_nan=True), f"{what}: other infinities: {a[~finite][:6]}, {b[~finite][:6]}"
    if finite.any():
        scale = max(scale, float(np.abs(b[finite]).max()), 1e-3 if b.dtype.itemsize <= 8 else 1e-6)
        error = float(np.abs(a[finite].astype(np.complex128) - b[finite]).max()) / scale
        assert error <= loose * TOLERANCE[kind or b.dtype.name], (
            f"{what}: relative error {error:.1e}: {a.ravel()[:6]}, expected {b.ravel()[:6]}"
        )


@contextmanager
def compiled_whole(refusals: bool = False):
    """Everything within is compiled: a function that runs eagerly is a failure, unless `refusals`. Other warnings are nothing."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("ignore" if refusals else "error", CompileWarning)
        yield
