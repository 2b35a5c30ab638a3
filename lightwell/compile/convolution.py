"""Native code for convolutions: which of the ways to compute one is taken for which shapes.

    columns    windows packed as columns, products by BLAS: any geometry

The adjoint of stride 1 is a convolution too, by the weight turned around.
"""

from collections.abc import Callable
from typing import Any

from . import convolution_columns as columns
from .calls import Kernel, native
from .convolution_parts import Geometry, floating, geometry, register_bytes, workers


def _key(word: str, geo: Geometry, *more: Any) -> str:
    return f"{word} {geo} {' '.join(map(str, more))} registers {register_bytes()} threads {workers()}"


def _told(call, shapes: Callable, *values) -> bool:
    """Whether all are arrays of one of the two types that have code, and have elements."""
    found = [shapes(v) for v in values if v is not None]
    return floating(*[d for _, d in found]) and all(0 not in s for s, _ in found)


def _operands(*values) -> list[int]:
    return [v if isinstance(v, int) else v.buffer for v in values if v is not None]


@native("convolve")
def convolve(call, shapes: Callable) -> Kernel | list[Kernel] | None:
    """y[n, o] = b[o] + Σ_c w[o, c] ⋆ x[n, c]."""
    x, w, b, stride, padding, dilation, groups = call.args
    out = call.outs[0]
    if not _told(call, shapes, x, w, b, out):
        return None
    (n, c, *space), (o, _, *kernel) = x.shape, w.shape
    geo = geometry(shapes(x)[1], n, c, o, groups, tuple(space), tuple(kernel), tuple(stride), tuple(padding), tuple(dilation))
    return _forward(geo, _operands(x, w, b, out), b is not None, False)


def _forward(geo: Geometry, operands: list[int], bias: bool, turned: bool) -> Kernel:
    """The kernel of a convolution; `turned`: the weight is that of the convolution whose adjoint this one is."""
    return Kernel(
        _key("columns forward", geo, bias, turned), lambda: columns.forward(geo, bias, turned), operands,
        scratch=columns.forward_scratch(geo, turned),
    )  # fmt: skip


@native("convolve_adjoint")
def convolve_adjoint(call, shapes: Callable) -> Kernel | list[Kernel] | None:
    """x[n, c] = b[c] + the transpose of x ↦ convolve(x, w)."""
    g, w, b, space, stride, padding, dilation, groups = call.args
    out = call.outs[0]
    if not _told(call, shapes, g, w, b, out):
        return None
    (n, o, *seen), (_, cg, *kernel) = g.shape, w.shape
    dtype, c = shapes(g)[1], cg * groups
    if set(stride) == {1}:
        around = tuple(d * (k - 1) - p for d, k, p in zip(dilation, kernel, padding))
        geo = geometry(dtype, n, o, c, groups, tuple(seen), tuple(kernel), tuple(stride), around, tuple(dilation), tuple(space))
        return _forward(geo, _operands(g, w, b, out), b is not None, True)
    geo = geometry(dtype, n, c, o, groups, tuple(space), tuple(kernel), tuple(stride), tuple(padding), tuple(dilation), tuple(seen))
    bias = b is not None
    return Kernel(
        _key("columns adjoint", geo, bias), lambda: columns.adjoint(geo, bias), _operands(g, w, b, out),
        scratch=columns.adjoint_scratch(geo),
    )  # fmt: skip


@native("convolve_weight")
def convolve_weight(call, shapes: Callable) -> Kernel | list[Kernel] | None:
    """v[o, c, k] = Σ_{n, p} g[n, o, p]·x[n, c, p·stride + k·dilation - padding]."""
    x, g, kernel, stride, padding, dilation, groups = call.args
    out = call.outs[0]
    if not _told(call, shapes, x, g, out):
        return None
    (n, c, *space), (_, o, *seen) = x.shape, g.shape
    geo = geometry(shapes(x)[1], n, c, o, groups, tuple(space), tuple(kernel), tuple(stride), tuple(padding), tuple(dilation), tuple(seen))
    return Kernel(_key("columns weight", geo), lambda: columns.weight(geo), _operands(x, g, out), scratch=columns.weight_scratch(geo))
