"""Normalisation to mean 0 and variance 1, as records: one formula under the names of batch, layer and group norm.

x is looked at as a 3-dimensional array `view`; mean m and variance v are taken over `axes` of it:

    h = (x - m)·r,   r = 1/√(v + eps),   y = h·w + b   (w and b along `wide`, a second view of y).

m and r depend on x too. With g = gy·w and n the number of elements averaged:

    gx = r·(g - mean g - h·mean(g·h)),   gw = Σ gy·h,   gb = Σ gy.
"""

from .op import op


def _forward(xp, x, w, b, view, axes, wide, wshape, eps, stats):
    v = xp.reshape(x, view)
    m, r, var = xp.moments(v, axes, eps)
    if stats is not None:
        stats.extend((m, var))
    y = xp.scaled(v, m, r, w, b, view, wide, wshape)
    return xp.reshape(y, x.shape), m, r


def _pull(xp, needed, gy, x, w, m, r, view, axes, wide, wshape, eps):
    h = (xp.reshape(x, view) - m) * r
    g = xp.reshape(gy, wide)
    over = tuple(i for i in range(len(wide)) if wshape is not None and wshape[i] == 1 and wide[i] != 1) if wshape else ()
    gx = gw = gb = None
    if len(needed) > 1 and needed[1]:
        gw = xp.sum(g * xp.reshape(h, wide), axis=over) if over else g * xp.reshape(h, wide)
    if len(needed) > 2 and needed[2]:
        gb = xp.sum(g, axis=over) if over else g
    if needed[0]:
        g = g if w is None else g * xp.reshape(w, wshape)
        g = xp.reshape(g, view)
        if axes == (1,) and len(view) == 2:
            gx = xp.rows_pull(g, h, r)
        else:
            gx = (g - xp.mean(g, axis=axes, keepdims=True) - h * xp.mean(g * h, axis=axes, keepdims=True)) * r
        gx = xp.reshape(gx, x.shape)
    return gx, gw, gb


def _make(name: str, what: str):
    def forward(xp, x, w, b, /, view, axes, wide, wshape, eps, stats=None):
        return _forward(xp, x, w, b, view, axes, wide, wshape, eps, stats)

    def grads(xp, needed, gy, x, w, m, r, view, axes, wide, wshape, eps, w_shape, b_shape):
        gx, gw, gb = _pull(xp, needed, gy, x, w, m, r, view, axes, wide, wshape, eps)
        return gx, None if gw is None else xp.reshape(gw, w_shape), None if gb is None else xp.reshape(gb, b_shape)

    doc = f"y = (x - mean x)/√(var x + eps)·w + b, mean and variance taken {what}.   See the top of ops/norm_ops.py."
    return op(type(name + "_", (), {"__doc__": doc, "keeps": ("m", "r"), "outputs": ("y",), "forward": forward, "grads": grads}))


native_batch_norm_ = _make("native_batch_norm", "over the batch and all positions, for each channel")
native_layer_norm_ = _make("native_layer_norm", "over the last dimensions")
native_group_norm_ = _make("native_group_norm", "over the positions and channels of a group")


@op
class fixed_batch_norm_:
    r"""y = (x - m)·r·w + b, m and r given.   gx = gy·r·w,   gw = Σ gy·(x - m)·r,   gb = Σ gy."""

    node_name = "NativeBatchNormBackward0"
    outputs = ("y",)

    def forward(xp, x, w, b, /, m, r, over, wshape):
        scale = r if w is None else xp.reshape(w, wshape) * r
        y = (x - m) * scale
        return y if b is None else y + xp.reshape(b, wshape)

    def grads(xp, needed, gy, x, w, m, r, over, wshape, w_shape, b_shape):
        gx = gw = gb = None
        if needed[0]:
            gx = gy * r if w is None else gy * (xp.reshape(w, wshape) * r)
        if needed[1]:
            gw = xp.reshape(xp.sum(gy * ((x - m) * r), axis=over), w_shape)
        if needed[2]:
            gb = xp.reshape(xp.sum(gy, axis=over), b_shape)
        return gx, gw, gb
