"""The discrete Fourier transform in its three forms (complex, real to half complex, and back), and the short-time transform."""

import math
import warnings

import numpy as np

from ..errors.level import users_level
from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor, wrap
from .op import op
from .precision import float32

__all__ = ["istft", "stft"]

ADJOINT = {"backward": "forward", "forward": "backward", "ortho": "ortho"}  # the adjoint's scale is the same: another name


@op
class fft_c2c_:
    r"""yₖ = c·Σ xⱼ·e^(∓2πi·jk/n).   Linear: the adjoint has the conjugate matrix, so the other sign and the same c:

    gxⱼ = c·Σ gyₖ·e^(±2πi·jk/n), its real part for a real x.
    """

    node_name = "FftC2CBackward0"
    conj_aware = True

    def forward(xp, x, /, axes, norm, inverse, is_real):
        return xp.fft.c2c(x, axes, norm, inverse)

    def grad_x(xp, gy, axes, norm, inverse, is_real):
        g = xp.fft.c2c(gy, axes, ADJOINT[norm], not inverse)
        return xp.real(g) if is_real else g


def fft_c2c_of(x, axes, norm, inverse) -> Tensor:
    """`fft_c2c` of a tensor that may be real."""
    return fft_c2c_(x, axes, norm, inverse, not x.is_complex())


@op
class fft_r2c_:
    r"""yₖ = c·Σ xⱼ·e^(-2πi·jk/n) for k ≤ n/2, x real.   gxⱼ = c·Re Σ gyₖ·e^(2πi·jk/n): `fft_c2r` of gy, but that counts each k
    twice that stands for n - k too, so those are halved before."""

    node_name = "FftR2CBackward0"
    conj_aware = True

    def forward(xp, x, /, axis, norm):
        return xp.fft.r2c(x, axis, norm)

    def grad_x(xp, gy, x_shape, axis, norm):
        n = x_shape[axis]
        return xp.fft.c2r(xp.fft.weigh(gy, n, axis, 0.5), n, axis, ADJOINT[norm])


@op
class fft_c2r_:
    r"""yⱼ = c·Σₖ xₖ·e^(2πi·jk/n) over all k < n, with xₙ₋ₖ = xₖ*.   gxₖ = c·w·Σ gyⱼ·e^(-2πi·jk/n), w = 2 where k stands for n - k too."""

    node_name = "FftC2RBackward0"
    conj_aware = True

    def forward(xp, x, /, n, axis, norm):
        return xp.fft.c2r(x, n, axis, norm)

    def grad_x(xp, gy, n, axis, norm):
        return xp.fft.weigh(xp.fft.r2c(gy, axis, ADJOINT[norm]), n, axis, 2)


# ---- the short-time transform ---------------------------------------------------------------------------------------------


def _frame_options(name, x, n_fft, hop_length, win_length, window):
    """(hop, window of n_fft values), checked: a shorter window is centred among zeros."""
    hop = n_fft // 4 if hop_length is None else int(hop_length)
    win = n_fft if win_length is None else int(win_length)
    if hop <= 0:
        raise RuntimeError(f"{name}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < win <= n_fft:
        raise RuntimeError(f"{name}: expected 0 < win_length <= n_fft, but got win_length={win}, n_fft={n_fft}")
    if window is not None and (window.ndim != 1 or window.shape[0] != win):
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={win}, but got window with size {list(window.shape)}"
        )
    real = x._a.real.dtype
    if window is None:
        window = wrap(np.ones(win, real))
    if win < n_fft:
        from .join import cat

        left = (n_fft - win) // 2
        zeros = wrap(np.zeros(n_fft, window._a.dtype))
        window = cat([zeros[:left], window, zeros[: n_fft - win - left]])
    return hop, window


def _padded(x, pad, mode):
    """x with `pad` more values at both ends of its last dimension."""
    n = x.shape[-1]
    if mode == "constant":
        from .join import cat

        zeros = wrap(np.zeros((*x._a.shape[:-1], pad), x._a.dtype))
        return cat([zeros, x, zeros], -1)
    i = np.arange(-pad, n + pad)
    if mode == "reflect":
        if pad >= n:
            raise RuntimeError(
                f"stft: Padding size should be less than the corresponding input dimension, but got: padding ({pad}, {pad}) "
                f"at dimension {x.ndim - 1} of input {list(x.shape)}: use a longer signal, a smaller n_fft or pad_mode='constant'"
            )
        i = np.where(i < 0, -i, np.where(i >= n, 2 * (n - 1) - i, i))
    elif mode == "replicate":
        i = i.clip(0, n - 1)
    elif mode == "circular":
        i = i % n
    else:
        raise RuntimeError(f"stft: Unrecognised padding mode {mode}")
    return x.index_select(-1, wrap(i))


@float32
def stft(
    input, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect", normalized=False,
    onesided=None, return_complex=None, align_to_window=None,
):  # fmt: skip
    """The Fourier transforms of frames of n_fft values, hop_length apart: X[k, t] = Σⱼ window[j]·x[t·hop + j]·e^(-2πi·jk/n_fft).

    `input` is (L) or (B, L), the result (…, n_fft//2 + 1 or n_fft frequencies, frames). `center` pads the signal so that frame
    t is centred at t·hop; `normalized` divides by √n_fft; `onesided` is the default for real signals.
    RuntimeError: shapes, lengths, `return_complex` not given for a real signal.

    >>> import lightwell as torch
    >>> torch.stft(torch.ones(8), 4, 2, window=torch.ones(4), return_complex=True).shape
    torch.Size([3, 5])
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"stft(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    n_fft = int(n_fft)
    complex_result = input.is_complex() or (window is not None and window.is_complex())
    if return_complex is None and not complex_result:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will further require that "
            "return_complex=True in a future PyTorch release."
        )
    if input.ndim not in (1, 2) or not (input.is_floating_point() or input.is_complex()):
        raise RuntimeError(
            f"stft(input, n_fft={n_fft}): expected a 1D or 2D tensor of floating point or complex values, got shape "
            f"{list(input.shape)} and dtype {input.dtype}"
        )
    if window is None:
        warnings.warn(
            "A window was not provided. A rectangular window will be applied, which is known to cause spectral leakage. "
            "Other windows such as torch.hann_window or torch.hamming_window are recommended to reduce spectral leakage. "
            "To suppress this warning and use a rectangular window, explicitly set `window=torch.ones(n_fft)`.",
            UserWarning,
            stacklevel=users_level(),
        )
    lone = input.ndim == 1
    x = input.unsqueeze(0) if lone else input
    if center:
        if align_to_window is not None:
            raise RuntimeError("stft align_to_window should only be set when center = false")
        x = _padded(x, n_fft // 2, pad_mode)
    if not 0 < n_fft <= x.shape[-1]:
        raise RuntimeError(f"stft(input, n_fft={n_fft}): expected 0 < n_fft <= {x.shape[-1]}, but got n_fft={n_fft}")
    hop, window = _frame_options("stft", x, n_fft, hop_length, win_length, window)
    frames = x.unfold(-1, n_fft, hop) * window
    norm = "ortho" if normalized else "backward"
    if complex_result and onesided:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if complex_result or onesided is False:
        X = fft_c2c_(frames, (2,), norm, False, not complex_result)
    else:
        X = fft_r2c_(frames, 2, norm)
    X = X.transpose(1, 2)
    X = X.squeeze(0) if lone else X
    if return_complex or (return_complex is None and complex_result):
        return X
    from .complexes import view_as_real

    return view_as_real(X)


def istft(
    input, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=None, length=None,
    return_complex=False,
):  # fmt: skip
    """The signal whose `stft` comes nearest to `input`: frames transformed back, windowed, added up, divided by Σ window².

    Griffin & Lim (1984). RuntimeError: shapes; a window whose squares don't overlap enough to divide by.

    >>> import lightwell as torch
    >>> w = torch.hann_window(4)
    >>> torch.istft(torch.stft(torch.arange(8.), 4, 2, window=w, return_complex=True), 4, 2, window=w).allclose(torch.arange(8.), atol=1e-5)
    True
    """
    if not isinstance(input, Tensor) or not input.is_complex():
        raise RuntimeError("istft requires a complex-valued input tensor matching the output from stft with return_complex=True.")
    if input.ndim not in (2, 3) or not input.numel():
        raise RuntimeError(f"istft: input must be a nonempty tensor of 2 or 3 dimensions, got shape {list(input.shape)}")
    lone = input.ndim == 2
    X = input.unsqueeze(0) if lone else input
    n_freq, n_frames = X.shape[1:]
    onesided = n_freq != n_fft if onesided is None else onesided
    if n_freq != (n_fft // 2 + 1 if onesided else n_fft):
        raise RuntimeError(
            f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match n_fft"
            f"{' / 2 + 1' if onesided else ''} when onesided={onesided}, but got {n_freq} with n_fft={n_fft}"
        )
    hop, window = _frame_options("istft", X, n_fft, hop_length, win_length, window)
    if hop > (n_fft if win_length is None else win_length):
        raise RuntimeError(f"istft: expected hop_length <= win_length, but got {hop}")
    norm = "ortho" if normalized else "backward"
    X = X.transpose(1, 2)
    if return_complex:
        if onesided:
            raise RuntimeError("Cannot have onesided output if window or input is complex")
        frames = fft_c2c_(X, (2,), norm, True, False)
    elif onesided:
        frames = fft_c2r_(X, n_fft, 2, norm)
    else:
        frames = fft_c2c_(X, (2,), norm, True, False).real
    total = n_fft + hop * (n_frames - 1)
    places = (np.arange(n_frames)[:, None] * hop + np.arange(n_fft)).reshape(-1)
    y = _overlap_add((frames * window).reshape(X.shape[0], -1), places, total)
    squares = (window * window).expand(n_frames, n_fft).reshape(1, -1)
    envelope = _overlap_add(squares, places, total)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - n_fft // 2 if center else total
    y, envelope = y[:, start:end], envelope[:, start:end]
    if not envelope.numel() or abs(envelope._a).min() < 1e-11:
        raise RuntimeError(
            f"istft(window): window overlap add min: {float(abs(envelope._a).min(initial=math.inf)):g} is too small: use a smaller "
            "hop_length, center=True, or a window without zeros at its ends"
        )
    y = y / envelope
    if length is not None and length > y.shape[1]:
        from .join import cat

        warnings.warn("The length of signal is shorter than the length parameter. Result is being padded with zeros in the tail. "
                      "Please check your center and hop_length settings.", UserWarning, stacklevel=users_level())  # fmt: skip
        y = cat([y, wrap(np.zeros((y.shape[0], length - y.shape[1]), y._a.dtype))], 1)
    return y.squeeze(0) if lone else y


def _overlap_add(values, places, total):
    """Zeros of `total` columns with the columns of `values` added at `places`."""
    return wrap(np.zeros((values.shape[0], total), values._a.dtype)).index_add(1, wrap(places), values)


Tensor.stft, Tensor.istft = stft, istft
