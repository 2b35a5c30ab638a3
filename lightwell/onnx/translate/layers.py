"""Convolutions and pooling."""

import numpy as np

from ..sizes import Varying, values_of
from .reductions import reduce
from .table import to_onnx


def _with_bias(g, y, b, rank):
    return y if b is None else g.op("Add", y, g.op("Reshape", g.name(b), g.const(np.array([-1] + [1] * (rank - 2)))))


@to_onnx("convolution")
def convolution(g, step, x, w, b, stride, padding, dilation, groups):
    return g.op(
        "Conv", g.name(x), g.name(w), None if b is None else g.name(b),
        kernel_shape=list(w.shape[2:]), strides=list(stride), pads=[*padding, *padding], dilations=list(dilation), group=int(groups),
    )  # fmt: skip


@to_onnx("convolution_transpose")
def convolution_transpose(g, step, x, w, b, space, stride, padding, dilation, groups):
    kernel, had = w.shape[2:], g.dims(x)[2:]
    more = [m - ((n - 1) * s - 2 * p + d * (k - 1) + 1) for m, n, s, p, d, k in zip(space, had, stride, padding, dilation, kernel)]
    return g.op(
        "ConvTranspose", g.name(x), g.name(w), None if b is None else g.name(b),
        kernel_shape=list(kernel), strides=list(stride), pads=[*padding, *padding], dilations=list(dilation), group=int(groups),
        output_padding=[g.static(m, "output_padding") for m in more],
    )  # fmt: skip


def _ceils(g, x, kernel, stride, padding, dilation, out) -> bool:
    """Whether windows that stick out at the end are counted."""
    for n, k, s, p, d, o in zip(g.dims(x)[2:], kernel, stride, padding, dilation, out):
        for size, made in zip(values_of(n), values_of(o)):
            if (size + 2 * p - d * (k - 1) - 1) // s + 1 != made:
                return True
    return False


@to_onnx("max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices")
def max_pool(g, step, x, kernel, stride, padding, dilation, out):
    both = step.name.endswith("indices")
    found = g.op(
        "MaxPool", g.name(x), outputs=2 if both else 1, kernel_shape=list(kernel), strides=list(stride), pads=[*padding, *padding],
        dilations=list(dilation), ceil_mode=int(_ceils(g, x, kernel, stride, padding, dilation, out)),
    )  # fmt: skip
    if not both:
        return found
    # ONNX counts places through the whole tensor, we within one channel.
    size = 1
    for n in g.dims(x)[2:]:
        size = size * n
    return [found[0], g.op("Mod", found[1], g.operand(size, np.dtype(np.int64)))]


@to_onnx("avg_pool2d", "avg_pool3d")
def avg_pool(g, step, x, kernel, stride, padding, out, divisor):
    from ...nn.functional.pooling import _divisors

    ceils = _ceils(g, x, kernel, stride, padding, (1,) * len(kernel), out)
    count = int(np.prod(kernel))

    def pooled(include):
        return g.op(
            "AveragePool", g.name(x), kernel_shape=list(kernel), strides=list(stride), pads=[*padding, *padding], ceil_mode=int(ceils),
            count_include_pad=int(include),
        )  # fmt: skip

    if isinstance(divisor, int):
        if divisor == count and not ceils:
            return pooled(True)
        if not ceils:
            return g.op("Mul", pooled(True), g.const(np.asarray(count / int(divisor), x.dtype)))
    if isinstance(divisor, Varying):
        space, made, counts = [values_of(n)[0] for n in g.dims(x)[2:]], [values_of(n)[0] for n in out], divisor.arrays[0]
    else:
        space, made, counts = x.shape[2:], [int(n) for n in out], divisor if isinstance(divisor, int) else divisor.array

    def counted(include):
        found = _divisors(tuple(space[-len(kernel) :]), tuple(kernel), tuple(stride), tuple(padding), tuple(made), include)
        return np.array_equal(np.squeeze(found), np.squeeze(counts))

    if counted(False):
        return pooled(False)
    if ceils:
        raise g.unsupported("counts padding in windows that stick out at the end (ceil_mode with count_include_pad): leave one of them off")
    if counted(True):
        return pooled(True)
    raise g.unsupported("divides windows by numbers that are neither their sizes nor one number")


@to_onnx("adaptive_max_pool2d", "adaptive_max_pool3d")
def adaptive_max_pool(g, step, x, index):
    """To size 1 the largest of all; to sizes that divide the input's, ordinary pooling."""
    had, made = g.dims(x)[2:], g.dims(step.outputs[0])[2:]
    if all(n == 1 for n in made):
        return reduce(g, "ReduceMax", g.name(x), range(2, len(x.shape)), True)
    had, made = [g.static(n, "size") for n in had], [g.static(n, "size") for n in made]
    if any(n % o for n, o in zip(had, made)):
        raise g.unsupported(f"pools {had} to {made}, which are no equal windows; ONNX has no adaptive pooling")
    kernel = [n // o for n, o in zip(had, made)]
    return g.op("MaxPool", g.name(x), kernel_shape=kernel, strides=kernel)
