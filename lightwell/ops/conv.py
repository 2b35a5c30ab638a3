"""Convolution, its transpose and its weight's gradient: three bilinear maps whose derivatives are one another.

With A(w) the matrix of x ↦ y = x ⋆ w: y is linear in x and in w, so gx = A(w)ᵀ·gy is the transposed convolution of gy,
and gw pairs each window of x with gy. Both are bilinear again, and their derivatives lead back to the three.
"""

from .op import op

__all__ = []


def _over_channels(xp, gy):
    """A bias's gradient: the sum over all but the channels."""
    return xp.sum(gy, axis=(0, *range(2, gy.ndim)))


@op
class convolution_:
    r"""y[n,o,p] = b[o] + Σ_{c,k} w[o,c,k]·x[n,c,p·s+k·d-pad].   Linear in x, w and b:
    gx[n,c,q] = Σ w[o,c,k]·gy[n,o,p] over all (o,p,k) with p·s+k·d-pad = q;   gw[o,c,k] = Σ_{n,p} gy[n,o,p]·x[n,c,p·s+k·d-pad];
    gb[o] = Σ_{n,p} gy[n,o,p]."""

    def forward(xp, x, w, b, /, stride, padding, dilation, groups):
        return xp.convolve(x, w, b, stride, padding, dilation, groups)

    def grad_x(xp, gy, w, x_shape, stride, padding, dilation, groups):
        return xp.convolve_adjoint(gy, w, None, x_shape[2:], stride, padding, dilation, groups)

    def grad_w(xp, gy, x, w_shape, stride, padding, dilation, groups):
        return xp.convolve_weight(x, gy, w_shape[2:], stride, padding, dilation, groups)

    def grad_b(xp, gy):
        return _over_channels(xp, gy)


@op
class convolution_transpose_:
    r"""y = A(w)ᵀ·x + b, where A(w) is the convolution by w.   ⟨A(w)ᵀx, gy⟩ = ⟨x, A(w)gy⟩,   hence   gx = gy ⋆ w,
    gw = the weight's gradient of the convolution gy ⋆ w for x,   gb[c] = Σ_{n,q} gy[n,c,q]."""

    node_name = "ConvolutionBackward0"

    def forward(xp, x, w, b, /, space, stride, padding, dilation, groups):
        return xp.convolve_adjoint(x, w, b, space, stride, padding, dilation, groups)

    def grad_x(xp, gy, w, stride, padding, dilation, groups):
        return xp.convolve(gy, w, None, stride, padding, dilation, groups)

    def grad_w(xp, gy, x, w_shape, stride, padding, dilation, groups):
        return xp.convolve_weight(gy, x, w_shape[2:], stride, padding, dilation, groups)

    def grad_b(xp, gy):
        return _over_channels(xp, gy)


@op
class convolution_weight_:
    r"""y[o,c,k] = Σ_{n,p} v[n,o,p]·x[n,c,p·s+k·d-pad].   Bilinear: ⟨y, gy⟩ = ⟨x ⋆ gy, v⟩,   hence
    gv = x ⋆ gy   and   gx = A(gy)ᵀ·v."""

    node_name = "ConvolutionBackward0"

    def forward(xp, x, v, /, kernel, stride, padding, dilation, groups):
        return xp.convolve_weight(x, v, kernel, stride, padding, dilation, groups)

    def grad_x(xp, gy, v, x_shape, stride, padding, dilation, groups):
        return xp.convolve_adjoint(v, gy, None, x_shape[2:], stride, padding, dilation, groups)

    def grad_v(xp, gy, x, stride, padding, dilation, groups):
        return xp.convolve(x, gy, None, stride, padding, dilation, groups)


def _columns(xp, x, kernel, stride, padding, dilation):
    """Blocks of (N, C, H, W) as columns (N, C·k, L)."""
    n, c = x.shape[:2]
    seen = xp.windows(xp.constant_pad(x, _around(padding), 0), kernel, stride, dilation)
    rows, columns = kernel[0] * kernel[1], seen.shape[2] * seen.shape[3]
    return xp.reshape(xp.permute_dims(seen, (0, 1, 4, 5, 2, 3)), (n, c * rows, columns))


def _image(xp, x, space, kernel, stride, padding, dilation):
    """Columns (N, C·k, L) added up where their blocks lie: (N, C, *space)."""
    n, rows = x.shape[:2]
    full = tuple(m + 2 * p for m, p in zip(space, padding))
    out = tuple((m - d * (k - 1) - 1) // s + 1 for m, k, s, d in zip(full, kernel, stride, dilation))
    blocks = xp.reshape(x, (n, rows // (kernel[0] * kernel[1]), *kernel, *out))
    y = xp.unwindow(xp.permute_dims(blocks, (0, 1, 4, 5, 2, 3)), full, stride, dilation)
    return xp.constant_pad(y, _around([-p for p in padding]), 0) if any(padding) else y


def _around(padding):
    return ((0, 0), (0, 0), *[(p, p) for p in padding])


@op
class im2col_:
    r"""y[n,(c,k),o] = x[n,c,o·s+k·d-pad]: blocks as columns.   Each x[n,c,q] stands in several columns,   hence
    gx[n,c,q] = Σ gy[n,(c,k),o] over the (k,o) with o·s+k·d-pad = q."""

    def forward(xp, x, /, kernel, stride, padding, dilation):
        return _columns(xp, x, kernel, stride, padding, dilation)

    def grad_x(xp, gy, x_shape, kernel, stride, padding, dilation):
        return _image(xp, gy, x_shape[2:], kernel, stride, padding, dilation)


@op
class col2im_:
    r"""y[n,c,q] = Σ x[n,(c,k),o] over the (k,o) with o·s+k·d-pad = q.   Each x is added at one place,   hence
    gx[n,(c,k),o] = gy[n,c,o·s+k·d-pad]."""

    def forward(xp, x, /, space, kernel, stride, padding, dilation):
        return _image(xp, x, space, kernel, stride, padding, dilation)

    def grad_x(xp, gy, kernel, stride, padding, dilation):
        return _columns(xp, gy, kernel, stride, padding, dilation)


@op
class windows_:
    r"""y[n,c,o,k] = x[n,c,o·s+k·d], a view.   Each x[n,c,q] is shown by several (o,k),   hence   gx[n,c,q] = Σ gy[n,c,o,k]
    over the (o,k) with o·s+k·d = q."""

    view = True

    def forward(xp, x, /, kernel, stride, dilation):
        return xp.windows(x, kernel, stride, dilation)

    def grad_x(xp, gy, x_shape, stride, dilation):
        return xp.unwindow(gy, x_shape[2:], stride, dilation)


@op
class unwindow_:
    r"""y[n,c,q] = Σ x[n,c,o,k] over the (o,k) with o·s+k·d = q.   Each x[n,c,o,k] is added at one place,   hence
    gx[n,c,o,k] = gy[n,c,o·s+k·d]."""

    def forward(xp, x, /, space, kernel, stride, dilation):
        return xp.unwindow(x, space, stride, dilation)

    def grad_x(xp, gy, kernel, stride, dilation):
        return xp.windows(gy, kernel, stride, dilation)
