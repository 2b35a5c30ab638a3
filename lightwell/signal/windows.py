"""Windows of M samples, one function a window: symmetric for filter design (`sym=True`), periodic for spectral analysis."""

import functools
import math
from collections.abc import Iterable

import lightwell as lw

from ..errors.teaching import TypeError, ValueError

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann", "kaiser",
    "nuttall",
]  # fmt: skip


def _window(shape):
    """The public window of `shape(M, period, line, **its own settings)`, where `line(start, step)` gives start + step·k, k < M.

    `period` is the number of steps in a period: M - 1 for a symmetric window, M for a periodic one.
    """
    name = shape.__name__

    @functools.wraps(shape)
    def window(M, *, sym=True, dtype=None, layout=lw.strided, device=None, requires_grad=False, **settings):
        dtype = lw.get_default_dtype() if dtype is None else dtype
        if M < 0:
            raise ValueError(f"{name} requires non-negative window length, got M={M}")
        if layout is not lw.strided:
            raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
        if dtype not in (lw.float32, lw.float64):
            raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
        options = {"dtype": dtype, "device": device, "requires_grad": requires_grad}

        def line(start, step, most=math.inf):
            return lw.linspace(start, min(start + (M - 1) * step, most), M, **options)

        line.options = options
        return shape(M, M - 1 if sym or M < 2 else M, line, sym=sym, **settings)

    del window.__wrapped__  # its signature is not the shape's
    window.__signature__ = _signature(shape)
    return window


def _signature(shape):
    """The signature of the window of a shape: M, the shape's own settings, and those that every window has."""
    import inspect

    own = [p for p in inspect.signature(shape).parameters.values() if p.kind is p.KEYWORD_ONLY and p.name != "sym"]
    common = (("sym", True), ("dtype", None), ("layout", lw.strided), ("device", None), ("requires_grad", False))
    kw = inspect.Parameter.KEYWORD_ONLY
    first = inspect.Parameter("M", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([first, *own, *(inspect.Parameter(n, kw, default=d) for n, d in common)])


def _short(M, line):
    """The windows of no and of one sample; None for longer ones."""
    return lw.ones(M, **line.options) if M < 2 else None


@_window
def exponential(M, period, line, *, center=None, tau=1.0, sym):
    """exp(-|k - center|/tau); ValueError for tau <= 0, and for a center of a symmetric window.

    >>> import lightwell as torch
    >>> torch.signal.windows.exponential(3)
    tensor([0.3679, 1.0000, 0.3679])
    """
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    center = period / 2 if center is None else center
    return (-line(-center / tau, 1 / tau).abs()).exp()


@_window
def cosine(M, period, line, *, sym):
    """sin(π(k + ½)/(period + 1)): half a wave.

    >>> import lightwell as torch
    >>> torch.signal.windows.cosine(3)
    tensor([0.5000, 1.0000, 0.5000])
    """
    step = math.pi / (period + 1) if M else 0
    return line(step / 2, step).sin()


@_window
def gaussian(M, period, line, *, std=1.0, sym):
    """exp(-(k - center)²/(2·std²)); ValueError for std <= 0.

    >>> import lightwell as torch
    >>> torch.signal.windows.gaussian(3)
    tensor([0.6065, 1.0000, 0.6065])
    """
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    step = 1 / (std * math.sqrt(2))
    return (-(line(-period / 2 * step, step) ** 2)).exp()


@_window
def kaiser(M, period, line, *, beta=12.0, sym):
    """I₀(√(beta² - t²))/I₀(beta), t from -beta to beta; ValueError for a negative beta (Kaiser and Schafer, 1980).

    >>> import lightwell as torch
    >>> torch.signal.windows.kaiser(3, beta=2.0)
    tensor([0.4387, 1.0000, 0.4387])
    """
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    if M < 2:
        return _short(M, line)
    beta = lw.tensor(beta, dtype=line.options["dtype"])
    t = line(-beta.item(), (2 * beta / period).item(), beta.item())
    return lw.i0((beta * beta - t**2).sqrt()) / lw.i0(beta)


@_window
def bartlett(M, period, line, *, sym):
    """1 - |2k/period - 1|: a triangle.

    >>> import lightwell as torch
    >>> torch.signal.windows.bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _short(M, line) if M < 2 else 1 - line(-1, 2 / period).abs()


def _cosines(M, period, line, a):
    """Σ (-1)^i aᵢ cos(i·2πk/period)."""
    if M < 2:
        return _short(M, line)
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    weights = lw.tensor([(-1) ** i * w for i, w in enumerate(a)], **line.options)
    i = lw.arange(len(weights), dtype=weights.dtype)
    return (weights.unsqueeze(-1) * (i.unsqueeze(-1) * line(0, 2 * math.pi / period)).cos()).sum(0)


@_window
def general_cosine(M, period, line, *, a, sym):
    """Σ (-1)^i aᵢ cos(i·2πk/period); TypeError where `a` is no list, ValueError where it is empty.

    >>> import lightwell as torch
    >>> torch.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    return _cosines(M, period, line, a)


@_window
def general_hamming(M, period, line, *, alpha=0.54, sym):
    """alpha - (1 - alpha)·cos(2πk/period).

    >>> import lightwell as torch
    >>> torch.signal.windows.general_hamming(3, alpha=0.6)
    tensor([0.2000, 1.0000, 0.2000])
    """
    return _cosines(M, period, line, (alpha, 1.0 - alpha))


@_window
def hamming(M, period, line, *, sym):
    """0.54 - 0.46·cos(2πk/period).

    >>> import lightwell as torch
    >>> torch.signal.windows.hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return _cosines(M, period, line, (0.54, 1.0 - 0.54))


@_window
def hann(M, period, line, *, sym):
    """½ - ½·cos(2πk/period).

    >>> import lightwell as torch
    >>> torch.signal.windows.hann(3)
    tensor([0., 1., 0.])
    """
    return _cosines(M, period, line, (0.5, 0.5))


@_window
def blackman(M, period, line, *, sym):
    """0.42 - 0.5·cos(2πk/period) + 0.08·cos(4πk/period).

    >>> import lightwell as torch
    >>> torch.signal.windows.blackman(3).abs().round(decimals=4)
    tensor([0., 1., 0.])
    """
    return _cosines(M, period, line, (0.42, 0.5, 0.08))


@_window
def nuttall(M, period, line, *, sym):
    """The four-term cosine window with side lobes below -98 dB (Nuttall, 1981).

    >>> import lightwell as torch
    >>> torch.signal.windows.nuttall(3).round(decimals=4)
    tensor([4.0000e-04, 1.0000e+00, 4.0000e-04])
    """
    return _cosines(M, period, line, (0.3635819, 0.4891775, 0.1365995, 0.0106411))
