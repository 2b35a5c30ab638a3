"""Windows for spectral analysis: Hann, Hamming, Blackman, Bartlett, Kaiser."""

import math

import numpy as np

from ..errors.teaching import RuntimeError
from .fresh import finish, np_dtype

ndarray = np.ndarray

__all__ = [
    "bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window",
]  # fmt: skip


def _phase(n: int, length: int, turn: float, kind) -> ndarray:
    """turn·k/(n-1) for the `length` places k of a window, in the window's own dtype, as PyTorch computes it."""
    kind = np.dtype(kind)
    return np.arange(length).astype(kind) * kind.type(turn / max(n - 1, 1))


def _window(name, coefficients):
    def window(window_length, periodic=True, *, dtype=None, layout=None, device=None, requires_grad=False):
        if window_length < 0:
            raise RuntimeError(f"{name}: window_length must be non-negative, got {window_length}")
        n = window_length + 1 if periodic and window_length > 1 else window_length
        kind = np.dtype(np_dtype(dtype))
        work = kind if kind.num < 256 and kind.itemsize >= 4 else np.dtype(np.float32)
        phase = _phase(n, window_length, 2 * math.pi, work)
        w = np.ones(window_length, work)
        if window_length > 1:
            w = sum((work.type(c) * np.cos(k * phase) for k, c in enumerate(coefficients) if k), work.type(0)) + work.type(coefficients[0])
        return finish(w.astype(kind), device, requires_grad)

    window.__name__ = name
    window.__doc__ = f"The {name.split('_')[0].title()} window of a length; `periodic` for spectral analysis."
    return window


hann_window = _window("hann_window", (0.5, -0.5))
blackman_window = _window("blackman_window", (0.42, -0.5, 0.08))


def hamming_window(window_length, periodic=True, alpha=0.54, beta=0.46, **options):
    """The Hamming window alpha - beta·cos(2πk/(n-1)).

    >>> import lightwell as torch
    >>> torch.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    return _window("hamming_window", (alpha, -beta))(window_length, periodic, **options)


def bartlett_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, requires_grad=False):
    """The triangular window 1 - |2k/(n-1) - 1|.

    >>> import lightwell as torch
    >>> torch.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    n = window_length + 1 if periodic and window_length > 1 else window_length
    kind = np.dtype(np_dtype(dtype))
    rising = _phase(n, window_length, 2.0, np.float32 if kind.itemsize < 4 else kind)
    w = np.where(np.arange(window_length) <= (n - 1) // 2, rising, 2 - rising) if window_length > 1 else np.ones(window_length)
    return finish(w.astype(kind), device, requires_grad)


def kaiser_window(window_length, periodic=True, beta=12.0, *, dtype=None, layout=None, device=None, requires_grad=False):
    """The Kaiser window of shape `beta`.

    >>> import lightwell as torch
    >>> torch.kaiser_window(4)
    tensor([5.2773e-05, 2.1567e-01, 1.0000e+00, 2.1567e-01])
    """
    n = window_length + 1 if periodic and window_length > 1 else window_length
    return finish(np.kaiser(n, beta)[:window_length].astype(np_dtype(dtype)), device, requires_grad)
