"""Numerical derivatives of samples: torch.gradient."""

from ..errors.teaching import RuntimeError
from ..tensor import Tensor
from .dims import axes_of, need_tensor, one_axis
from .join import cat
from .public import public

__all__ = ["gradient"]


@public(method=False, out=False)
def gradient(input: Tensor, *, spacing=1, dim=None, edge_order=1) -> tuple:
    """The derivatives of samples along each of `dim` (all by default), as a tuple: central differences inside.

    With the distances a before and b after a sample, f' ≈ (a²f₊ + (b² - a²)f - b²f₋)/(ab(a + b)), exact for parabolas
    (B. Fornberg, "Generation of finite difference formulas", Math. Comput. 51, 1988); the edges take one-sided
    differences of `edge_order` 1 or 2. `spacing`: a number, one per dimension, or the coordinates of each, as tensors.
    RuntimeError: too few samples, spacings that don't fit the dimensions.

    >>> import lightwell as torch
    >>> torch.gradient(torch.tensor([1., 4., 9., 16.]))
    (tensor([3., 4., 6., 7.]),)
    """
    need_tensor(input, "gradient")
    if edge_order not in (1, 2):
        raise RuntimeError(f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}")
    if isinstance(dim, (list, tuple)):
        axes_of(input, dim, "gradient")  # for its errors: the order of the results is the caller's
        axes = [one_axis(input, d, "gradient") for d in dim]
    else:
        axes = list(range(input._a.ndim)) if dim is None else [one_axis(input, dim, "gradient")]
    steps = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(axes)
    if len(steps) != len(axes):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or one for each dimension: got {len(steps)} for {len(axes)}"
        )
    return tuple(_derivative(input, axis, step, edge_order) for axis, step in zip(axes, steps))


def _derivative(x, axis, step, edge_order):
    n = x._a.shape[axis]
    if n < edge_order + 1:
        raise RuntimeError(f"torch.gradient expected each dimension size to be at least {edge_order + 1}, got {n} for dim {axis}")
    if isinstance(step, Tensor) and step._a.ndim == 1:
        if step._a.shape[0] != n:
            raise RuntimeError(f"torch.gradient expected one coordinate for each of the {n} samples, got {step._a.shape[0]}")
        gaps = (step[1:] - step[:-1]).reshape((-1,) + (1,) * (x._a.ndim - axis - 1))
    else:
        gaps = None
    if x._a.dtype.kind in "iub":
        x = x.float() if gaps is None or not gaps.is_floating_point() else x.to(gaps.dtype)

    def at(i, count=1):
        return x.narrow(axis, i, count)

    def gap(i, count=1):
        return step if gaps is None else gaps.narrow(0, i, count)

    parts = []
    if n > 2:
        before, here, after = at(0, n - 2), at(1, n - 2), at(2, n - 2)
        if gaps is None:
            inner = (after - before) / (2 * step)
        else:
            a, b = gap(0, n - 2), gap(1, n - 2)
            inner = (a * a * after + (b * b - a * a) * here - b * b * before) / (a * b * (a + b))
        parts = [inner]
    if edge_order == 1:
        first, last = (at(1) - at(0)) / gap(0), (at(n - 1) - at(n - 2)) / gap(n - 2)
    else:
        first = _edge(at(0), at(1), at(2), gap(0), gap(1))
        last = _edge(at(n - 1), at(n - 2), at(n - 3), -gap(n - 2), -gap(n - 3))
    return cat([first, *parts, last], axis)


def _edge(f, f1, f2, a, b):
    """The derivative at an end, exact for parabolas, with neighbours at distances a and a + b."""
    return -(2 * a + b) / (a * (a + b)) * f + (a + b) / (a * b) * f1 - a / (b * (a + b)) * f2
