"""Interpolation, adaptive average pooling and padding by the border: linear maps along single dimensions, described by plans."""

import numpy as np

from ...nn.functional import resize as R
from ..sizes import Varying, values_of
from .reductions import reduce
from .table import to_onnx


def _arrays(v) -> list:
    """An array of a plan, in all runs."""
    return v.arrays if isinstance(v, Varying) else [v.array] * len(values_of(0))


def _ratio(plan):
    """Output size over input size, where it is one number in all runs; None otherwise."""
    _, n, index, _ = plan
    found = {a.shape[-1] / m for a, m in zip(_arrays(index), values_of(n))}
    return found.pop() if len(found) == 1 else None


def _matches(plan, make) -> bool:
    """Whether the plan is what `make(size, output size)` gives, in all runs."""
    _, n, index, weight = plan
    weights = [None] * len(values_of(0)) if weight is None else _arrays(weight)
    for a, w, m in zip(_arrays(index), weights, values_of(n)):
        wanted, heavy = make(m, a.shape[-1])
        if wanted.shape != a.shape or not np.array_equal(wanted, a):
            return False
        if (heavy is None) != (w is None) or (w is not None and not np.allclose(heavy, w, atol=1e-6)):
            return False
    return True


_RESIZE = {
    "nearest": (lambda n, o: R._nearest(n, o, None, "f", False), {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
    "linear": (lambda n, o: R._linear(n, o, None, np.float32, False), {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}),
    "corners": (lambda n, o: R._linear(n, o, None, np.float32, True), {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
}  # fmt: skip


@to_onnx(
    "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d",
    "upsample_nearest_exact1d", "upsample_nearest_exact2d", "upsample_nearest_exact3d", "upsample_bicubic2d", "upsample_bilinear2d_aa",
    "upsample_bicubic2d_aa",
)  # fmt: skip
def upsample(g, step, x, plans):
    """Resize, where the places and weights are its own; otherwise the weights themselves, for a fixed size."""
    if len({p[0] for p in plans}) == len(plans) and "aa" not in step.name and "exact" not in step.name and "cubic" not in step.name:
        for make, options in _RESIZE.values():
            if all(_matches(p, make) for p in plans):
                ratios = [_ratio(p) for p in plans]
                if all(ratio is not None and ratio == int(ratio) for ratio in ratios):
                    scales = np.ones(len(x.shape), np.float32)
                    for p, ratio in zip(plans, ratios):
                        scales[p[0]] = ratio
                    return g.op("Resize", g.name(x), None, g.const(scales), **options)
                return g.op("Resize", g.name(x), None, None, g.ints(g.dims(step.outputs[0])), **options)
    return along(g, step, x, plans)


def along(g, step, x, plans):
    """Each plan as a selection, or as a product with its matrix, along its dimension; the sizes must be fixed."""
    name, rank = g.name(x), len(x.shape)
    for axis, n, index, weight in plans:
        n = g.static(n, f"size of dimension {axis}")
        if isinstance(index, tuple):
            starts, stops = (_arrays(v)[0] for v in index)
            matrix = np.zeros((len(starts), n), x.dtype)
            for row, (a, b) in enumerate(zip(starts.reshape(-1), stops.reshape(-1))):
                matrix[row, a:b] = 1 / (b - a)
        else:
            places = _arrays(index)[0]
            if weight is None and len(places) == 1:
                name = g.op("Gather", name, g.const(places[0].astype(np.int64)), axis=axis)
                continue
            heavy = np.ones(places.shape, x.dtype) if weight is None else _arrays(weight)[0]
            matrix = np.zeros((places.shape[1], n), x.dtype)
            for t in range(len(places)):
                np.add.at(matrix, (np.arange(places.shape[1]), places[t]), heavy[t])
        order = [i for i in range(rank) if i != axis] + [axis]
        product = g.op("MatMul", g.op("Transpose", name, perm=order), g.const(np.ascontiguousarray(matrix.T)))
        name = g.op("Transpose", product, perm=[order.index(i) for i in range(rank)])
    return name


@to_onnx("adaptive_avg_pool2d", "adaptive_avg_pool3d")
def adaptive_avg_pool(g, step, x, plans):
    """To size 1 a mean; otherwise the weights, for a fixed size."""
    made = g.dims(step.outputs[0])
    if all(n == 1 for n in made[2:]):
        return reduce(g, "ReduceMean", g.name(x), range(2, len(x.shape)), True)
    return along(g, step, x, plans)


_PAD = {"reflection": "reflect", "replication": "edge"}


@to_onnx("reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "replication_pad1d", "replication_pad2d", "replication_pad3d")
def border_pad(g, step, x, plans):
    """Pad with the border's values; how wide is read off the places."""
    kind, rank = step.name.split("_")[0], len(x.shape)
    before, after = [0] * rank, [0] * rank
    for axis, n, index, _ in plans:
        widths = set()
        for a, size in zip(_arrays(index), values_of(n)):
            places = a[0]
            left = int(places[0]) if kind == "reflection" else int((places == 0).sum()) - 1
            if kind == "replication" and size == 1:
                return along(g, step, x, plans)
            widths.add((left, len(places) - size - left))
        if len(widths) > 1 or min(min(w) for w in widths) < 0:
            return along(g, step, x, plans)
        before[axis], after[axis] = widths.pop()
    return g.op("Pad", g.name(x), g.const(np.array(before + after)), mode=_PAD[kind])


@to_onnx("circular_pad")
def circular_pad(g, step, x, plans):
    """Pad by going round, as joined slices."""
    name = g.name(x)
    for axis, n, index, _ in plans:
        if len({(int(a[0][0]) - m, a.shape[1] - m) for a, m in zip(_arrays(index), values_of(n))}) > 1:
            return along(g, step, x, plans)
        places, size = _arrays(index)[0][0], values_of(n)[0]
        left = (size - int(places[0])) % size
        right = len(places) - size - left
        at, end = g.const(np.array([axis])), g.const(np.array([np.iinfo(np.int64).max]))
        parts = [name]
        if left:
            parts.insert(0, g.op("Slice", name, g.const(np.array([-left])), end, at))
        if right:
            parts.append(g.op("Slice", name, g.const(np.array([0])), g.const(np.array([right])), at))
        name = g.op("Concat", *parts, axis=axis) if len(parts) > 1 else name
    return name
