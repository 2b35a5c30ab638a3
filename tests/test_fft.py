"""torch.fft, stft and istft against PyTorch: values, both derivatives, lengths, scales, errors."""

import numpy as np
import pytest

import lightwell as lw
from tests.compare import random, same, same_error

torch = pytest.importorskip("torch")

both = pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
norms = pytest.mark.parametrize("norm", [None, "ortho", "forward"])
NAMES = ("fft", "ifft", "hfft", "irfft", "rfft", "ihfft")


@both
@norms
@pytest.mark.parametrize("name", NAMES)
def test_one_dimension(name, norm, is_complex):
    x = random(3, 6, is_complex=is_complex)
    if is_complex and name in ("rfft", "ihfft"):
        assert "real input" in same_error(torch, lambda f: getattr(f.fft, name)(f.ones(3, dtype=f.complex64)))
        return
    for n in (None, 4, 9):
        for dim in (-1, 0):
            same(torch, lambda f, x: getattr(f.fft, name)(x, n, dim, norm), x)


@both
@norms
@pytest.mark.parametrize("name", NAMES)
def test_several_dimensions(name, norm, is_complex):
    if is_complex and name in ("rfft", "ihfft"):
        return
    x = random(3, 5, 4, is_complex=is_complex)
    same(torch, lambda f, x: getattr(f.fft, name + "2")(x, norm=norm), x)
    for options in ({}, {"s": (4, 7)}, {"s": (4, -1), "dim": (2, 0)}, {"dim": (1,)}):
        same(torch, lambda f, x: getattr(f.fft, name + "n")(x, norm=norm, **options), x)


def test_frequencies_and_shifts():
    for n in (4, 5):
        for dtype in ("float32", "float64"):
            same(torch, lambda f: f.fft.fftfreq(n, 0.3, dtype=getattr(f, dtype)), grad=False)
            same(torch, lambda f: f.fft.rfftfreq(n, 0.3, dtype=getattr(f, dtype)), grad=False)
        x = random(n, 3)
        same(torch, lambda f, x: f.fft.fftshift(x), x)
        same(torch, lambda f, x: f.fft.ifftshift(x, 0), x)


def test_dtypes():
    for kind in ("float32", "complex64", "int64", "bool"):
        x = (random(8) > 0).astype(kind)
        same(torch, lambda f, x: f.fft.fft(x), x, grad=False, tolerance=1e-5)
        same(torch, lambda f, x: f.fft.irfft(x), x, grad=False, tolerance=1e-5)


def test_large_prime_length():
    x = random(1009)
    np.testing.assert_allclose(lw.fft.ifft(lw.fft.fft(lw.tensor(x))).real.numpy(), x, atol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda f: f.fft.fft(f.ones(2), n=0),
        lambda f: f.fft.fft(f.ones(2), norm="x"),
        lambda f: f.fft.fft(f.ones(2), dim=3),
        lambda f: f.fft.fft(f.ones(2).half()),
        lambda f: f.fft.fftn(f.ones(2, 2), dim=(0, 0)),
        lambda f: f.fft.fftn(f.ones(2, 2), s=(1, 1), dim=(0,)),
        lambda f: f.fft.fftn(f.ones(2), s=(1, 1)),
        lambda f: f.fft.irfft(f.ones(1)),
        lambda f: f.stft(f.ones(8), 4),
        lambda f: f.stft(f.ones(8), 4, window=f.ones(3), return_complex=True),
        lambda f: f.stft(f.ones(8), 4, hop_length=0, window=f.ones(4), return_complex=True),
        lambda f: f.stft(f.ones(2, 2, 8), 4, window=f.ones(4), return_complex=True),
        lambda f: f.istft(f.ones(3, 5), 4, window=f.ones(4)),
        lambda f: f.istft(f.ones(4, 5, dtype=f.complex64), 9, window=f.ones(9)),
    ],
)
def test_errors(call):
    same_error(torch, call)


STFT = [{}, {"hop_length": 3}, {"center": False}, {"normalized": True}, {"onesided": False}, {"pad_mode": "constant"},
        {"pad_mode": "replicate"}, {"pad_mode": "circular"}]  # fmt: skip


@pytest.mark.parametrize("shape", [(40,), (2, 40)], ids=str)
@pytest.mark.parametrize("options", STFT, ids=str)
def test_stft(options, shape):
    def call(f, x, **more):
        return f.stft(x, 8, window=f.hann_window(8, dtype=f.float64), return_complex=True, **options, **more)

    same(torch, call, random(*shape))
    if options.get("onesided", True) and "pad_mode" not in options and options.get("center", True):
        back = {k: v for k, v in options.items() if k != "pad_mode"}
        for length in (None, 35):
            same(
                torch,
                lambda f, x: f.istft(call(f, x) * 2, 8, window=f.hann_window(8, dtype=f.float64), length=length, **back),
                random(*shape),
            )


def test_stft_of_complex_signals_and_short_windows():
    same(torch, lambda f, x: f.stft(x, 8, window=f.hann_window(8, dtype=f.float64)), random(40, is_complex=True))
    same(torch, lambda f, x: f.stft(x, 8, win_length=5, window=f.hann_window(5, dtype=f.float64), return_complex=True), random(40))
    with pytest.warns(UserWarning, match="window was not provided"):
        lw.stft(lw.ones(8), 4, return_complex=True)


def test_every_name_of_pytorchs_is_there():
    assert not {n for n in dir(torch.fft) if "fft" in n and n[0] != "_"} - set(dir(lw.fft))
