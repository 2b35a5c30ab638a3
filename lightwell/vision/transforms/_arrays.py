"""The arithmetic of picture transforms on arrays of shape (..., C, H, W): resampling, geometry, colour."""

import math

import numpy as np


def as_kind(values, dtype):
    """Back to the picture's dtype; integers are rounded half to even and kept in range."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return np.clip(np.rint(values), info.min, info.max).astype(dtype)
    return values.astype(dtype, copy=False)


def work_dtype(dtype):
    """The float dtype to compute in."""
    return np.float64 if dtype == np.float64 else np.float32


def _kernel(name, antialias):
    """(weight function, support) of an interpolation. Keys' cubic: a = -1/2, or -3/4 without antialiasing."""
    if name == "bilinear":
        return (lambda x: np.maximum(0.0, 1.0 - np.abs(x))), 1.0
    a = -0.5 if antialias else -0.75

    def cubic(x):
        x = np.abs(x)
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((x - 5) * x + 8) * x * a - 4 * a
        return np.where(x < 1, near, np.where(x < 2, far, 0.0))

    return cubic, 2.0


def resize_matrix(n_in, n_out, name, antialias):
    """The (n_out, n_in) matrix of weights that resamples a line of pixels."""
    scale = n_in / n_out
    matrix = np.zeros((n_out, n_in))
    at = np.arange(n_out)
    if name in ("nearest", "nearest-exact"):
        source = (at + (0.5 if name == "nearest-exact" else 0.0)) * scale
        matrix[at, np.minimum(np.floor(source).astype(int), n_in - 1)] = 1
        return matrix
    weight, support = _kernel(name, antialias)
    if antialias:
        stretch = max(scale, 1.0)
        centre = (at[:, None] + 0.5) * scale
        where = np.arange(n_in)[None, :]
        matrix = weight((where + 0.5 - centre) / stretch)
        low = np.maximum(np.floor(centre - support * stretch + 0.5), 0)
        high = np.minimum(np.floor(centre + support * stretch + 0.5), n_in)
        matrix = np.where((where >= low) & (where < high), matrix, 0)
        return matrix / matrix.sum(1, keepdims=True)
    centre = (at + 0.5) * scale - 0.5
    if name == "bilinear":
        centre = np.maximum(centre, 0.0)
    first = np.floor(centre).astype(int)
    for step in range(1 - int(support), int(support) + 1):
        column = np.clip(first + step, 0, n_in - 1)
        np.add.at(matrix, (at, column), weight(centre - (first + step)))
    return matrix


def resize(a, height, width, name, antialias):
    """Resample (..., H, W) to (..., height, width)."""
    kind = work_dtype(a.dtype)
    out = a.astype(kind)
    if width != a.shape[-1]:
        out = out @ resize_matrix(a.shape[-1], width, name, antialias).T.astype(kind)
    if height != a.shape[-2]:
        out = resize_matrix(a.shape[-2], height, name, antialias).astype(kind) @ out
    return as_kind(out, a.dtype)


def inverse_affine(center, angle, translate, scale, shear):
    """The six numbers of the map from output to input pixels, for x -> T C (R S_x S_y scale) C^-1 x; angles in degrees."""
    turn, (sx, sy) = math.radians(angle), map(math.radians, shear)
    cx, cy = center
    a = math.cos(turn - sy) / math.cos(sy)
    b = -math.cos(turn - sy) * math.tan(sx) / math.cos(sy) - math.sin(turn)
    c = math.sin(turn - sy) / math.cos(sy)
    d = -math.sin(turn - sy) * math.tan(sx) / math.cos(sy) + math.cos(turn)
    m = [d / scale, -b / scale, 0.0, -c / scale, a / scale, 0.0]
    m[2] = cx - m[0] * (cx + translate[0]) - m[1] * (cy + translate[1])
    m[5] = cy - m[3] * (cx + translate[0]) - m[4] * (cy + translate[1])
    return m


def turned_size(matrix, height, width):
    """(height, width) of the picture that holds all corners after the map."""
    across, down = 0.5 * width, 0.5 * height
    corners = np.array([[-across, -down, 1], [-across, down, 1], [across, down, 1], [across, -down, 1]])
    turned = corners @ np.array(matrix).reshape(2, 3).T + [across, down]
    # a corner that misses a whole pixel by rounding alone makes no new pixel
    low, high = (np.trunc(v / 0.001 + np.copysign(0.5, v)) * 0.001 for v in (turned.min(0), turned.max(0)))
    new_w, new_h = (np.ceil(high) - np.floor(low)).astype(int).tolist()
    return new_h, new_w


def affine(a, matrix, name, fill, out_size=None):
    """Sample (..., C, H, W) at matrix · (x, y, 1), coordinates from the middle of the picture; outside lies ``fill``."""
    height, width = a.shape[-2:]
    out_h, out_w = out_size or (height, width)
    kind = work_dtype(a.dtype)
    x = np.arange(out_w, dtype=kind) + kind(0.5 - out_w * 0.5)
    y = (np.arange(out_h, dtype=kind) + kind(0.5 - out_h * 0.5))[:, None]
    # by way of coordinates in [-1, 1], as torchvision goes: points half way between two pixels fall to the same side
    grid_x, grid_y = (
        sum(kind(kind(m) / kind(0.5 * size)) * v for m, v in zip(row, (x, y, kind(1))))
        for row, size in ((matrix[:3], width), (matrix[3:], height))
    )
    at_x, at_y = (((g + kind(1)) * kind(size) - kind(1)) / kind(2) for g, size in ((grid_x, width), (grid_y, height)))
    return sample(a, at_x, at_y, name, fill)


def sample(a, at_x, at_y, name, fill):
    """Pixels of (..., C, H, W) at the coordinates at_x, at_y, 'nearest' or 'bilinear'; outside lies ``fill``."""
    height, width = a.shape[-2:]
    kind = work_dtype(a.dtype)
    values = a.astype(kind)

    def pick(column, row):
        """Pixels at whole coordinates, and where those lie inside."""
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        found = values[..., np.clip(row, 0, height - 1).astype(int), np.clip(column, 0, width - 1).astype(int)]
        return np.where(inside, found, 0), inside.astype(kind)

    if name == "nearest":
        out, cover = pick(np.rint(at_x), np.rint(at_y))
    else:
        left, top = np.floor(at_x), np.floor(at_y)
        fx, fy = at_x - left, at_y - top
        out, cover = kind(0), kind(0)
        for dx, wx in ((0, 1 - fx), (1, fx)):
            for dy, wy in ((0, 1 - fy), (1, fy)):
                found, inside = pick(left + dx, top + dy)
                out, cover = out + wx * wy * found, cover + wx * wy * inside
    if fill is not None:
        fill = np.asarray(fill, kind).reshape(-1, 1, 1)
        if name == "nearest":
            out = np.where(cover < 0.5, fill, out)
        else:
            out = out * cover + (1 - cover) * fill
    return as_kind(out, a.dtype)


def blur(a, across, down):
    """(..., H, W) with its lines folded with the odd kernels ``across`` and ``down``; the edges are mirrored."""
    kind = work_dtype(a.dtype)
    out = a.astype(kind)
    for axis, kernel in ((-1, across), (-2, down)):
        half, size = len(kernel) // 2, a.shape[axis]
        if half == 0:
            continue
        widths = [(0, 0)] * a.ndim
        widths[axis] = (half, half)
        padded = np.moveaxis(np.pad(out, widths, mode="reflect"), axis, -1)
        out = np.moveaxis(sum(kind(w) * padded[..., i : i + size] for i, w in enumerate(kernel)), -1, axis)
    return as_kind(out, a.dtype)


def gaussian(size, sigma, kind):
    """exp(-x²/2σ²) at whole steps about the middle, with the sum 1."""
    x = np.arange(size, dtype=kind) - kind((size - 1) * 0.5)
    values = np.exp(kind(-0.5) * (x / kind(sigma)) ** 2)
    return values / values.sum()


def grey(a):
    """Luma 0.2989 r + 0.587 g + 0.114 b as one channel, in the picture's dtype."""
    r, g, b = (a[..., i : i + 1, :, :] for i in range(3))
    kind = work_dtype(a.dtype)
    luma = kind(0.2989) * r + kind(0.587) * g + kind(0.114) * b
    return luma.astype(a.dtype)


def blend(a, other, ratio):
    """ratio · a + (1 - ratio) · other, kept within the range of the dtype."""
    kind = work_dtype(a.dtype)
    bound = 1.0 if a.dtype.kind == "f" else np.iinfo(a.dtype).max
    mixed = kind(ratio) * a.astype(kind) + kind(1.0 - ratio) * np.asarray(other).astype(kind)
    return np.clip(mixed, 0, bound).astype(a.dtype)


def turn_hue(a, factor):
    """Turn the hue of an RGB picture by ``factor`` of the full circle."""
    scale = 1.0 if a.dtype.kind == "f" else np.iinfo(a.dtype).max
    kind = work_dtype(a.dtype)
    rgb = a.astype(kind) / kind(scale)
    r, g, b = rgb[..., 0, :, :], rgb[..., 1, :, :], rgb[..., 2, :, :]
    high, low = rgb.max(-3), rgb.min(-3)
    span = high - low
    safe = np.where(span == 0, 1, span)
    saturation = span / np.where(high == 0, 1, high)
    hue = np.where(high == r, (g - b) / safe, np.where(high == g, 2 + (b - r) / safe, 4 + (r - g) / safe)) / 6
    hue = np.where(span == 0, 0, hue)
    hue = np.mod(np.mod(hue, 1) + kind(factor), 1)
    planes = []
    for shift in (5, 3, 1):  # v - v s max(0, min(k, 4 - k, 1)) with k = (shift + 6 h) mod 6
        k = np.mod(shift + 6 * hue, 6)
        planes.append(high - high * saturation * np.clip(np.minimum(k, 4 - k), 0, 1))
    out = np.stack(planes, -3)
    return (out * kind(scale + 1.0 - 1e-3) if a.dtype.kind in "iu" else out).astype(a.dtype)
