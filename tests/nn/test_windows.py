"""Convolution, pooling, padding, folding, resizing and sampling against PyTorch: values, names, both orders of gradients."""

import itertools
import warnings

import numpy as np
import pytest

import lightwell as lw
from lightwell.backend import convolve, threads

torch = pytest.importorskip("torch")
F, T = lw.nn.functional, torch.nn.functional
SPACES = {1: (9,), 2: (7, 8), 3: (5, 4, 6)}


def same(name, shapes, *args, named=True, **kw):
    """One function on both sides: value, indices, the node's name, gradients and gradients of gradients."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s) for s in shapes]
    a, b = [lw.tensor(v, requires_grad=True) for v in arrays], [torch.tensor(v, requires_grad=True) for v in arrays]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y, z = getattr(F, name)(*a, *args, **kw), getattr(T, name)(*b, *args, **kw)
    if isinstance(z, tuple):
        np.testing.assert_array_equal(y[1].numpy(), z[1].numpy())
        y, z = y[0], z[0]
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), atol=1e-9)
    if named:
        assert y.grad_fn.name() == z.grad_fn.name()
    g = rng.standard_normal(y.shape)
    first = lw.autograd.grad(y, a, lw.tensor(g, requires_grad=True), create_graph=True)
    wanted = torch.autograd.grad(z, b, torch.tensor(g, requires_grad=True), create_graph=True)
    for p, q in zip(first, wanted):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), atol=1e-8)
    second = lw.autograd.grad(sum((p**2).sum() for p in first), a, allow_unused=True)
    wanted = torch.autograd.grad(sum((p**2).sum() for p in wanted), b, allow_unused=True)
    for p, q in zip(second, wanted):
        p, q = (0 if v is None else v.numpy() for v in (p, q))
        np.testing.assert_allclose(p, q, atol=1e-7)


@pytest.mark.parametrize("n", (1, 2, 3))
@pytest.mark.parametrize(
    "options",
    ({}, {"stride": 2, "padding": 1}, {"padding": "same"}, {"padding": "valid", "dilation": 2}, {"stride": 3, "padding": 2}),
)
def test_conv(n, options):
    shape = (3, 4, *SPACES[n])
    same(f"conv{n}d", [shape, (6, 2, *(3, 2, 2)[:n]), (6,)], groups=2, **options)
    same(f"conv{n}d", [shape[1:], (6, 4, *(3, 2, 2)[:n])], named=False, **options)


@pytest.mark.parametrize("n", (1, 2, 3))
@pytest.mark.parametrize("options", ({}, {"stride": 2, "padding": 1, "output_padding": 1}, {"dilation": 2, "output_padding": 1}))
def test_conv_transpose(n, options):
    same(f"conv_transpose{n}d", [(3, 4, *SPACES[n]), (4, 3, *(3, 2, 2)[:n]), (6,)], groups=2, named=False, **options)


@pytest.mark.parametrize("size", (5, 12, 20))
@pytest.mark.parametrize("options", list(itertools.product((1, 2), (0, 2), (1, 2), (1, 2))))
def test_conv_sizes(size, options, monkeypatch):
    """Every way of laying out columns, on one thread and on several, in one piece and in many."""
    stride, padding, dilation, groups = options
    if size + 2 * padding < dilation * 2 + 1:
        pytest.skip("no window fits")
    rng = np.random.default_rng(size)
    x, w, b = rng.standard_normal((5, 4, size, size + 1)), rng.standard_normal((6, 4 // groups, 3, 2)), rng.standard_normal(6)
    tx, tw = torch.tensor(x, requires_grad=True), torch.tensor(w, requires_grad=True)
    z = T.conv2d(tx, tw, torch.tensor(b), stride, padding, dilation, groups)
    g = rng.standard_normal(z.shape)
    z.backward(torch.tensor(g))
    geometry = ((stride,) * 2, (padding,) * 2, (dilation,) * 2, groups)
    monkeypatch.setattr(convolve, "SPLIT", 0)
    for chunk, count in ((600_000, 1), (20_000, 2), (1, 3)):
        monkeypatch.setattr(convolve, "CHUNK", chunk)
        monkeypatch.setattr(convolve, "MERGED_CHUNK", chunk)
        monkeypatch.setattr(threads, "_count", count)
        monkeypatch.setattr(threads, "_pool", None)
        np.testing.assert_allclose(convolve.convolve(x, w, b, *geometry), z.detach().numpy(), atol=1e-10)
        np.testing.assert_allclose(convolve.convolve_weight(x, g, (3, 2), *geometry), tw.grad.numpy(), atol=1e-10)
        np.testing.assert_allclose(convolve.convolve_adjoint(g, w, None, x.shape[2:], *geometry), tx.grad.numpy(), atol=1e-10)


@pytest.mark.parametrize("name", ("float16", "bfloat16"))
def test_conv_halves(name):
    x, w = torch.randn(2, 8, 9, 9).to(getattr(torch, name)), torch.randn(4, 8, 3, 3).to(getattr(torch, name))
    y = F.conv2d(lw.tensor(x.float().numpy()).to(getattr(lw, name)), lw.tensor(w.float().numpy()).to(getattr(lw, name)))
    assert y.dtype is getattr(lw, name)
    exact = T.conv2d(x.double(), w.double()).numpy()
    step = 2.0 ** (-11 if name == "float16" else -8)
    np.testing.assert_allclose(y.float().numpy(), exact, rtol=1.01 * step, atol=1e-5)


def test_conv_empty_batch():
    x, w = lw.zeros(0, 3, 8, 8, requires_grad=True), lw.ones(4, 3, 3, 3, requires_grad=True)
    y = F.conv2d(x, w)
    y.sum().backward()
    assert y.shape == (0, 4, 6, 6) and x.grad.shape == x.shape and not w.grad.any()


@pytest.mark.parametrize(
    ("call", "words"),
    (
        (lambda f: f.conv2d(lw.zeros(1, 3, 8, 8), lw.zeros(4, 2, 3, 3)), ("2 channels", "3 channels", r"\[1, 3, 8, 8\]")),
        (lambda f: f.conv2d(lw.zeros(8, 8), lw.zeros(4, 2, 3, 3)), ("Expected 3D", "conv2d", "unsqueeze")),
        (lambda f: f.conv2d(lw.zeros(1, 2, 2, 8), lw.zeros(4, 2, 3, 3)), ("Kernel size", "pad the input")),
        (lambda f: f.conv1d(lw.zeros(1, 2, 8), lw.zeros(4, 2, 3), lw.zeros(3)), ("expected bias", "4 elements")),
        (lambda f: f.conv2d(lw.zeros(1, 2, 8, 8), lw.zeros(4, 2, 3, 3).double()), ("should be the same",)),
        (lambda f: f.conv2d(lw.zeros(1, 2, 8, 8), lw.zeros(4, 2, 3, 3), stride=(1, 2, 3)), ("stride", "2 ints")),
        (lambda f: f.conv_transpose2d(lw.zeros(1, 2, 8, 8), lw.zeros(2, 2, 3, 3), output_padding=1), ("output padding",)),
        (lambda f: f.max_pool2d(lw.zeros(1, 2, 2, 2), 3), ("Output size is too small",)),
        (lambda f: f.max_pool2d(lw.zeros(1, 2, 8, 8), 2, padding=2), ("at most half",)),
        (lambda f: f.avg_pool2d(lw.zeros(8), 2), ("Expected 3D", "avg_pool2d")),
        (lambda f: f.pad(lw.zeros(1, 2, 3), (3, 0), mode="reflect"), ("should be less than",)),
        (lambda f: f.fold(lw.zeros(1, 5, 4), (3, 3), 2), ("divisible by the product",)),
    ),
)
def test_errors(call, words):
    for word in words:
        with pytest.raises(RuntimeError, match=word):
            call(F)


@pytest.mark.parametrize("n", (1, 2, 3))
@pytest.mark.parametrize("options", ({}, {"stride": 1, "padding": 1}, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}))
def test_pools(n, options):
    shape, options = (3, 2, *SPACES[n]), {"kernel_size": 2, **options}
    same(f"max_pool{n}d", [shape], **options)
    same(f"max_pool{n}d", [shape], return_indices=True, dilation=2 if n < 3 else 1, **options)
    same(f"avg_pool{n}d", [shape], **options)
    same(f"avg_pool{n}d", [shape], count_include_pad=False, **options)
    if n > 1:
        same(f"avg_pool{n}d", [shape[1:]], divisor_override=3, named=False, **options)
        same(f"lp_pool{n}d", [shape], 3.0, 2, named=False)


@pytest.mark.parametrize("what", ("ties", "nan", "inf"))
@pytest.mark.parametrize("geometry", list(itertools.product((2, 3), (1, 2, 3), (0, 1), (1, 2))))
def test_max_pool_places(what, geometry):
    """Equal values, NaN and -inf: the maxima, their places, and where the gradient goes."""
    x = np.random.default_rng(1).standard_normal((2, 2, 7, 8)).astype(np.float32)
    x = {"ties": np.round(x), "nan": np.where(x > 1.2, np.nan, x), "inf": np.where(x < 0.9, -np.inf, x)}[what].astype(np.float32)
    a, b = lw.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, index = F.max_pool2d(a, *geometry, return_indices=True)
    z, places = T.max_pool2d(b, *geometry, return_indices=True)
    np.testing.assert_array_equal(y.detach().numpy(), z.detach().numpy())
    np.testing.assert_array_equal(index.numpy(), places.numpy())
    g = np.random.default_rng(2).standard_normal(z.shape).astype(np.float32)
    z.backward(torch.tensor(g))
    F.max_pool2d(a, *geometry).backward(lw.tensor(g))
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=1e-5)


def test_max_pool_keeps_infinite_gradients_in_their_place():
    x = lw.tensor([[[[1.0, 2.0], [3.0, 4.0]]]], requires_grad=True)
    F.max_pool2d(x, 2).backward(lw.tensor([[[[float("inf")]]]]))
    assert x.grad.tolist() == [[[[0.0, 0.0], [0.0, float("inf")]]]]


@pytest.mark.parametrize("n", (1, 2, 3))
@pytest.mark.parametrize("out", (1, 2, 3, 7))
def test_adaptive(n, out):
    same(f"adaptive_avg_pool{n}d", [(2, 3, *SPACES[n])], out, named=n > 1)
    same(f"adaptive_max_pool{n}d", [(2, 3, *SPACES[n])], out, return_indices=True)


@pytest.mark.parametrize("n", (2, 3))
def test_fractional(n):
    x = torch.randn(2, 3, *SPACES[n])
    for library in (torch, lw):
        library.manual_seed(3)
    name, ratio = f"fractional_max_pool{n}d", (0.5,) * n
    np.testing.assert_array_equal(
        getattr(F, name)(lw.tensor(x.numpy()), 2, output_ratio=ratio).numpy(), getattr(T, name)(x, 2, output_ratio=ratio).numpy()
    )


@pytest.mark.parametrize("n", (1, 2, 3))
@pytest.mark.parametrize("mode", ("constant", "reflect", "replicate", "circular"))
@pytest.mark.parametrize("pads", ((1, 2, 2, 1, 1, 1), (-1, 1, 2, -1, 0, 1)))
def test_pad(n, mode, pads):
    same("pad", [(2, 3, *SPACES[n])], pads[: 2 * n], mode=mode, named=mode != "circular")


@pytest.mark.parametrize("options", ({"kernel_size": 2}, {"kernel_size": (3, 2), "padding": 1, "stride": 2}, {"kernel_size": 1}))
def test_fold(options):
    same("unfold", [(2, 3, 6, 7)], **options)
    columns = T.unfold(torch.zeros(2, 3, 6, 7), **options).shape
    same("fold", [tuple(columns)], (6, 7), **options)


@pytest.mark.parametrize("n", (1, 2, 3))
@pytest.mark.parametrize(
    "size", ({"size": 6}, {"scale_factor": 0.6}, {"scale_factor": 1.7}, {"scale_factor": 1.7, "recompute_scale_factor": True})
)
def test_interpolate(n, size):
    smooth = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[n]
    for mode in ("nearest", "nearest-exact", "area"):
        same("interpolate", [(2, 2, *SPACES[n])], mode=mode, named=mode != "area", **size)
    for mode, align in itertools.product(smooth, (False, True)):
        same("interpolate", [(2, 2, *SPACES[n])], mode=mode, align_corners=align, **size)
        if n == 2:
            same("interpolate", [(2, 2, *SPACES[n])], mode=mode, align_corners=align, antialias=True, **size)


def test_shuffles():
    same("pixel_shuffle", [(2, 8, 3, 4)], 2, named=False)
    same("pixel_unshuffle", [(2, 2, 6, 4)], 2, named=False)
    x = torch.arange(12.0).reshape(1, 6, 2)
    np.testing.assert_array_equal(F.channel_shuffle(lw.tensor(x.numpy()), 3).numpy(), T.channel_shuffle(x, 3).numpy())


@pytest.mark.parametrize("n", (2, 3))
@pytest.mark.parametrize("mode", ("bilinear", "nearest", "bicubic"))
@pytest.mark.parametrize("outside", ("zeros", "border", "reflection"))
@pytest.mark.parametrize("align", (False, True))
def test_grid_sample(n, mode, outside, align):
    if n == 3 and mode == "bicubic":
        pytest.skip("two dimensions only")
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((2, 3, *(4, 5, 6)[:n])), rng.uniform(-1.6, 1.6, (2, *(3, 4, 2)[:n], n))
    a, b = [lw.tensor(v, requires_grad=True) for v in arrays], [torch.tensor(v, requires_grad=True) for v in arrays]
    y, z = F.grid_sample(*a, mode, outside, align), T.grid_sample(*b, mode, outside, align)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), atol=1e-9)
    (y**2).sum().backward()
    (z**2).sum().backward()
    np.testing.assert_allclose(a[0].grad.numpy(), b[0].grad.numpy(), atol=1e-8)
    if mode != "nearest":
        np.testing.assert_allclose(a[1].grad.numpy(), b[1].grad.numpy(), atol=1e-8)
    theta, size = rng.standard_normal((2, n, n + 1)), (2, 3, *(4, 5, 6)[:n])
    np.testing.assert_allclose(
        F.affine_grid(lw.tensor(theta), size, align).numpy(), T.affine_grid(torch.tensor(theta), size, align).numpy(), atol=1e-9
    )


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("n", [2, 7, 28, 33])
def test_affine_grid_of_the_identity_is_pytorchs_to_the_bit(n, align):
    torch = pytest.importorskip("torch")
    size = (1, 1, n, n + 1)
    mine = F.affine_grid(lw.eye(2, 3)[None], size, align_corners=align).numpy()
    assert (mine == torch.nn.functional.affine_grid(torch.eye(2, 3)[None], size, align_corners=align).numpy()).all()
