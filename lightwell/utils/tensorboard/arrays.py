"""From what a user gives to NumPy arrays: numbers, tensors, pictures in any order of dimensions, figures."""

import numpy as np

from ...errors.teaching import AssertionError, NotImplementedError
from ...tensor import Tensor


def make_np(x) -> np.ndarray:
    """A tensor, array or number as an array; a number gets one dimension. NotImplementedError for anything else."""
    if isinstance(x, list):
        raise NotImplementedError(f"Got {type(x)}, but a number, a NumPy array or a tensor is expected")
    if isinstance(x, Tensor):
        a = x.detach()._a
        return a.astype(np.float32) if a.dtype.num >= 256 else np.asarray(a)
    if isinstance(x, np.ndarray):
        return x
    if np.isscalar(x) and not isinstance(x, (str, bytes)):
        return np.array([x])
    raise NotImplementedError(f"Got {type(x)}, but a number, a NumPy array or a tensor is expected")


def make_grid(pictures: np.ndarray, ncols: int = 8) -> np.ndarray:
    """(N, C, H, W) as one picture (3 or 4, H', W'), `ncols` in a row; one channel becomes three."""
    if pictures.ndim != 4 or pictures.shape[1] not in (1, 3, 4):
        raise AssertionError(f"expected pictures (N, C, H, W) with 1, 3 or 4 channels, got shape {pictures.shape}")
    if pictures.shape[1] == 1:
        pictures = np.concatenate([pictures] * 3, 1)
    n, c, h, w = pictures.shape
    ncols = min(n, ncols)
    nrows = -(-n // ncols)
    canvas = np.zeros((nrows * ncols, c, h, w), pictures.dtype)
    canvas[:n] = pictures
    return canvas.reshape(nrows, ncols, c, h, w).transpose(2, 0, 3, 1, 4).reshape(c, nrows * h, ncols * w)


def to_hwc(a: np.ndarray, order: str) -> np.ndarray:
    """A picture, or pictures, in `order` ("CHW", "NHWC", "HW" …) as one (H, W, C); AssertionError where the order doesn't fit."""
    if len(set(order)) != len(order):
        raise AssertionError(f"You can not use the same dimension shordhand twice. input_format: {order}")
    if a.ndim != len(order):
        raise AssertionError(f"size of input tensor and input format are different.         tensor shape: {a.shape}, input_format: {order}")
    order = order.upper()
    if len(order) == 4:
        return make_grid(a.transpose([order.find(c) for c in "NCHW"])).transpose(1, 2, 0)
    if len(order) == 3:
        a = a.transpose([order.find(c) for c in "HWC"])
        return np.concatenate([a] * 3, 2) if a.shape[2] == 1 else a
    return np.stack([a.transpose([order.find(c) for c in "HW"])] * 3, 2)


def to_bytes(a: np.ndarray) -> np.ndarray:
    """Values as 0 … 255: those of uint8 as they are, others from 0 … 1."""
    scale = 1 if a.dtype == np.uint8 else 255
    return (a.astype(np.float32) * scale).clip(0, 255).astype(np.uint8)


def figure_to_image(figures, close: bool = True) -> np.ndarray:
    """A matplotlib figure as (C, H, W), a list of them as (N, C, H, W); closed afterwards unless `close` is False."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    def render(figure):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        data = np.asarray(canvas.buffer_rgba()).copy()
        if close:
            import matplotlib.pyplot as plt

            plt.close(figure)
        return data[:, :, :3].transpose(2, 0, 1)

    return np.stack([render(f) for f in figures]) if isinstance(figures, list) else render(figures)


def video_to_frames(v: np.ndarray) -> np.ndarray:
    """Videos (N, T, C, H, W) side by side as one (T, H', W', C): as many as the next power of two, in about a square."""
    if v.ndim != 5:
        raise AssertionError(f"a video must be of shape (N, T, C, H, W), got {v.shape}")
    n, t, c, h, w = v.shape
    if v.dtype == np.int8:
        v = np.float32(v) / 255.0
    power = (n - 1).bit_length()
    v = np.concatenate([v, np.zeros((2**power - n, t, c, h, w), v.dtype)])
    rows = 2 ** (power // 2)
    return v.reshape(rows, -1, t, c, h, w).transpose(2, 0, 4, 1, 5, 3).reshape(t, rows * h, -1, c)
