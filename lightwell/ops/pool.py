"""Pooling, resampling and padding of (N, C, *space): linear maps and their adjoints, and maxima with their places."""

from .op import op

__all__ = []


def _max_values(n):
    """The record of the maxima alone: their places are looked for only when a gradient is wanted."""

    def forward(xp, x, /, kernel, stride, padding, dilation, out):
        return xp.max_pool(x, kernel, stride, padding, dilation, out)

    def grad_x(xp, gy, x, y, kernel, stride, padding, dilation):
        return xp.max_pool_back(gy, x, y, kernel, stride, padding, dilation)

    doc = r"""y[n,c,o] = max_k x[n,c,o·s+k·d-pad].   Only the first maximum of a window counts,   hence   gy goes to its place:
    gx[n,c,q] = Σ gy[n,c,o] over the windows o whose maximum lies at q."""
    title = f"MaxPool{n}DWithIndicesBackward0"
    return op(type(f"max_pool{n}d_", (), {"__doc__": doc, "node_name": title, "redone": True, "forward": forward, "grad_x": grad_x}))


def _max_places(n):
    """The record of the maxima and their places in the flattened space."""

    def forward(xp, x, /, kernel, stride, padding, dilation, out):
        values = xp.max_pool(x, kernel, stride, padding, dilation, out)
        return values, xp.max_pool_indices(x, values, kernel, stride, padding, dilation)

    def grad_x(xp, gvalues, indices, x_shape):
        return xp.unpool(gvalues, indices, x_shape[2:])

    doc = r"""values[n,c,o] = max_k x[n,c,o·s+k·d-pad] and the flat place of each.   gx is gvalues added up at these places."""
    name = f"max_pool{n}d_with_indices_"
    return op(type(name, (), {"__doc__": doc, "outputs": ("values", "indices"), "forward": forward, "grad_x": grad_x}))


max_pool2d_, max_pool3d_ = _max_values(2), _max_values(3)
max_pool2d_with_indices_, max_pool3d_with_indices_ = _max_places(2), _max_places(3)


@op
class max_pool_back_:
    r"""y = x's values added up where the maxima v of u lie.   Linear in x,   hence   gx[n,c,o] = gy at the maximum of window o."""

    node_name = "MaxPool2DWithIndicesBackwardBackward0"

    def forward(xp, x, u, v, /, kernel, stride, padding, dilation):
        return xp.max_pool_back(x, u, v, kernel, stride, padding, dilation)

    def grad_x(xp, gy, u, v, kernel, stride, padding, dilation):
        return xp.pool_take(gy, xp.max_pool_indices(u, v, kernel, stride, padding, dilation))


def _taking(name):
    """The record of x's values at flat places of its space."""

    def forward(xp, x, /, index):
        return xp.pool_take(x, index)

    def grad_x(xp, gy, x_shape, index):
        return xp.unpool(gy, index, x_shape[2:])

    doc = r"""y[n,c,o] = x[n,c,index[n,c,o]], x's space flattened.   Linear,   hence   gx is gy added up at these places."""
    return op(type(name + "_", (), {"__doc__": doc, "forward": forward, "grad_x": grad_x}))


def _placing(name):
    """The record of values added up at flat places of an empty space."""

    def forward(xp, x, /, index, space):
        return xp.unpool(x, index, space)

    def grad_x(xp, gy, index):
        return xp.pool_take(gy, index)

    doc = r"""y[n,c,q] = Σ x[n,c,o] over the o with index[n,c,o] = q.   Linear,   hence   gx[n,c,o] = gy[n,c,index[n,c,o]]."""
    return op(type(name + "_", (), {"__doc__": doc, "forward": forward, "grad_x": grad_x}))


TAKES = {name: _taking(name) for name in "adaptive_max_pool2d adaptive_max_pool3d fractional_max_pool2d fractional_max_pool3d".split()}
TAKES.update((name, _placing(name)) for name in ("max_unpool2d", "max_unpool3d"))
pool_take_, unpool_ = _taking("pool_take"), _placing("unpool")


def _average(n):
    """The record of the average over windows; `divisor` is a number, or an array with one number per window."""

    def forward(xp, x, /, kernel, stride, padding, out, divisor):
        total = xp.window_sum(x, kernel, stride, padding, out)
        return xp.divide_by(total, divisor)

    def grad_x(xp, gy, x_shape, kernel, stride, padding, divisor):
        return xp.window_spread(xp.divide_by(gy, divisor), kernel, stride, padding, x_shape[2:])

    doc = r"""y[n,c,o] = Σ_k x[n,c,o·s+k-pad] / divisor[o].   Linear,   hence   gx[n,c,q] = Σ gy[n,c,o]/divisor[o] over the windows o
    that see q."""
    return op(type(f"avg_pool{n}d_", (), {"__doc__": doc, "forward": forward, "grad_x": grad_x}))


avg_pool2d_, avg_pool3d_ = _average(2), _average(3)


@op
class window_sum_:
    r"""y[n,c,o] = Σ_k x[n,c,o·s+k-pad].   Linear,   hence   gx[n,c,q] = Σ gy[n,c,o] over the windows o that see q."""

    def forward(xp, x, /, kernel, stride, padding, out):
        return xp.window_sum(x, kernel, stride, padding, out)

    def grad_x(xp, gy, x_shape, kernel, stride, padding):
        return xp.window_spread(gy, kernel, stride, padding, x_shape[2:])


@op
class window_spread_:
    r"""y[n,c,q] = Σ x[n,c,o] over the windows o that see q.   Linear,   hence   gx[n,c,o] = Σ_k gy[n,c,o·s+k-pad]."""

    def forward(xp, x, /, kernel, stride, padding, space):
        return xp.window_spread(x, kernel, stride, padding, space)

    def grad_x(xp, gy, x_shape, kernel, stride, padding):
        return xp.window_sum(gy, kernel, stride, padding, x_shape[2:])


def _resampling(name):
    """A record that gathers and weighs neighbours along some dimensions, under PyTorch's name for it."""

    def forward(xp, x, /, plans):
        return xp.resample(x, plans)

    def grad_x(xp, gy, plans):
        return xp.resample_adjoint(gy, plans)

    doc = r"""y[..,o,..] = Σ_t weight[t,o]·x[..,index[t,o],..], one dimension after the other.   Linear,   hence
    gx[..,i,..] = Σ weight[t,o]·gy[..,o,..] over the (t,o) with index[t,o] = i, the dimensions in reverse."""
    return op(type(name + "_", (), {"__doc__": doc, "forward": forward, "grad_x": grad_x}))


RESAMPLING = {
    name: _resampling(name)
    for name in (
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_nearest_exact1d upsample_nearest_exact2d "
        "upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d "
        "upsample_bilinear2d_aa upsample_bicubic2d_aa reflection_pad1d reflection_pad2d reflection_pad3d "
        "replication_pad1d replication_pad2d replication_pad3d circular_pad adaptive_avg_pool2d adaptive_avg_pool3d"
    ).split()
}


@op
class resample_adjoint_:
    r"""y[..,i,..] = Σ weight[t,o]·x[..,o,..] over the (t,o) with index[t,o] = i.   Linear,   hence   gx is gy resampled."""

    def forward(xp, x, /, plans):
        return xp.resample_adjoint(x, plans)

    def grad_x(xp, gy, plans):
        return xp.resample(gy, plans)


@op
class constant_pad_nd_:
    r"""y = x with `value` around it: `pad` holds a pair for each dimension, a negative number takes places away.
    The kept places pass gy on,   hence   gx = gy padded by -pad with zeros."""

    def forward(xp, x, /, pad, value):
        return xp.constant_pad(x, pad, value)

    def grad_x(xp, gy, pad):
        return xp.constant_pad(gy, tuple((-a, -b) for a, b in pad), 0)
