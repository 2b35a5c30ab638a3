"""Native code for convolutions: which of the ways to compute one is taken for which shapes.

    columns    windows packed as columns, products by BLAS: any geometry
    across     sums in registers, lanes across the channels of y: where columns would cost more than they bring
    along      sums in registers, lanes along the rows of y: few channels, stride 1
    tiles 2, tiles 4   Winograd's: fewer multiplications, 3×3 of stride 1 on planes
    batch      products along the batch, none for padding: planes of few places, stride 1

The adjoint of stride 1 is a convolution too, by the weight turned around.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from . import convolution_across as across
from . import convolution_along as along
from . import convolution_batch as batch
from . import convolution_columns as columns
from . import convolution_winograd as winograd
from .calls import Kernel, native
from .convolution_parts import Geometry, floating, geometry, register_bytes, workers

LARGE = 24_000_000  # bytes of transformed tiles of a sample beyond which the cache can't hold them any more
# way → (its code, the scratch memory it needs)
FORWARD: dict[str, tuple[Callable, Callable]] = {
    "columns": (columns.forward, columns.forward_scratch),
    "across": (across.forward, lambda geo, turned: across.forward_scratch(geo)),
    "along": (along.forward, lambda geo, turned: along.forward_scratch(geo)),
    "batch": (batch.forward, lambda geo, turned: batch.scratch(geo)),
    "tiles 2": (partial(winograd.forward, m=2), lambda geo, turned: winograd.forward_scratch(geo, 2)),
    "tiles 4": (partial(winograd.forward, m=4), lambda geo, turned: winograd.forward_scratch(geo, 4)),
}
WEIGHT: dict[str, tuple[Callable, Callable]] = {
    "columns": (columns.weight, columns.weight_scratch),
    "across": (across.weight, across.weight_scratch),
    "along": (along.weight, along.weight_scratch),
    "batch": (batch.weight, batch.scratch),
    "tiles 2": (partial(winograd.weight, m=2), partial(winograd.weight_scratch, m=2)),
    "tiles 4": (partial(winograd.weight, m=4), partial(winograd.weight_scratch, m=4)),
}


def possible(geo: Geometry) -> list[str]:
    """The ways that this geometry allows."""
    ways, plain = ["columns"], set(geo.stride) == {1}
    if min(geo.padding) < 0:
        return ways
    if plain and geo.kernel[2] <= 12:
        ways.append("along")
    if geo.groups == 1:
        ways.append("across")
        if plain and geo.space[0] == geo.kernel[0] == geo.out[0] == 1 and geo.area <= 25 and geo.taps <= 25:
            ways.append("batch")
        if plain and geo.kernel == (1, 3, 3) and set(geo.dilation) == {1} and geo.space[0] == 1 and max(geo.padding) <= 2:
            ways += ["tiles 2", "tiles 4"]
    return ways


def choose(geo: Geometry, word: str) -> str:
    """The way for "forward" (of a convolution or an adjoint of stride 1) or "weight"."""
    ways, area = possible(geo), geo.out[1] * geo.out[2]
    if "along" in ways and geo.og < geo.lanes and geo.out[2] >= geo.lanes // 2:
        return "along"
    if "batch" in ways and min(geo.c, geo.o) >= 64 and geo.n >= geo.lanes:
        if 4 * sum(length for *_, length in batch.runs(geo)) <= 3 * geo.area * geo.taps:  # the rest is padding
            return "batch"
    if "tiles 2" in ways and min(geo.c, geo.o) >= 32 and area >= 16 and winograd.Tiles(geo, 4).mine < LARGE:
        return "tiles 4" if area >= 100 else "tiles 2"
    # Without columns the weight is read anew for each few windows: it should be small, or the windows many.
    if "across" in ways and geo.o >= geo.lanes and geo.taps > 1 and (geo.rows <= 1200 or area >= 100):
        return "across"
    return "columns"


def _key(word: str, geo: Geometry, *more: Any) -> str:
    return f"{word} {geo} {' '.join(map(str, more))} registers {register_bytes()} threads {workers()}"


def _told(shapes: Callable, *values) -> bool:
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
    if not _told(shapes, x, w, b, out):
        return None
    (n, c, *space), (o, _, *kernel) = x.shape, w.shape
    geo = geometry(shapes(x)[1], n, c, o, groups, tuple(space), tuple(kernel), tuple(stride), tuple(padding), tuple(dilation))
    return _forward(geo, _operands(x, w, b, out), b is not None, False)


def _forward(geo: Geometry, operands: list[int], bias: bool, turned: bool) -> Kernel:
    """The kernel of a convolution; `turned`: the weight is that of the convolution whose adjoint this one is."""
    way = choose(geo, "forward")
    build, scratch = FORWARD[way]
    return Kernel(
        _key(f"convolution {way}", geo, bias, turned), lambda: build(geo, bias, turned), operands, scratch=scratch(geo, turned),
        together=turned or way != "columns", operations=2 * geo.work,
    )  # fmt: skip


@native("convolve_adjoint")
def convolve_adjoint(call, shapes: Callable) -> Kernel | list[Kernel] | None:
    """x[n, c] = b[c] + the transpose of x ↦ convolve(x, w)."""
    g, w, b, space, stride, padding, dilation, groups = call.args
    out = call.outs[0]
    if not _told(shapes, g, w, b, out):
        return None
    (n, o, *seen), (_, cg, *kernel) = g.shape, w.shape
    dtype, c, bias = shapes(g)[1], cg * groups, b is not None
    if set(stride) == {1}:
        around = tuple(d * (k - 1) - p for d, k, p in zip(dilation, kernel, padding))
        geo = geometry(dtype, n, o, c, groups, tuple(seen), tuple(kernel), tuple(stride), around, tuple(dilation), tuple(space))
        return _forward(geo, _operands(g, w, b, out), bias, True)
    geo = geometry(dtype, n, c, o, groups, tuple(space), tuple(kernel), tuple(stride), tuple(padding), tuple(dilation), tuple(seen))
    key = _key("convolution columns adjoint", geo, bias)
    return Kernel(
        key, lambda: columns.adjoint(geo, bias), _operands(g, w, b, out), scratch=columns.adjoint_scratch(geo), together=False,
        operations=2 * geo.work,
    )  # fmt: skip


@native("convolve_weight")
def convolve_weight(call, shapes: Callable) -> Kernel | list[Kernel] | None:
    """v[o, c, k] = Σ_{n, p} g[n, o, p]·x[n, c, p·stride + k·dilation - padding]."""
    x, g, kernel, stride, padding, dilation, groups = call.args
    out = call.outs[0]
    if not _told(shapes, x, g, out):
        return None
    (n, c, *space), (_, o, *seen) = x.shape, g.shape
    geo = geometry(shapes(x)[1], n, c, o, groups, tuple(space), tuple(kernel), tuple(stride), tuple(padding), tuple(dilation), tuple(seen))
    way = choose(geo, "weight")
    build, scratch = WEIGHT[way]
    key = _key(f"convolution {way} weight", geo)
    return Kernel(key, lambda: build(geo), _operands(x, g, out), scratch=scratch(geo), operations=2 * geo.work)
