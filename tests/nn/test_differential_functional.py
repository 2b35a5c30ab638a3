"""Every functional that no layer covers, against PyTorch's on at least twenty random option sets, forward and backward."""

import zlib

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.nn.differential import Case, check
from tests.nn.test_differential_layers import COUNT, FAMILIES, REDUCTIONS, draw, flag, pick, several


def shape_of(rng, low, high, most=5):
    return [int(v) for v in rng.integers(1, most, rng.integers(low, high + 1))]


def interpolate(rng):
    n = int(rng.integers(1, 4))
    modes = {1: ("linear",), 2: ("bilinear", "bicubic"), 3: ("trilinear",)}[n]
    mode = pick(rng, "nearest", "nearest-exact", "area", *modes * 2)
    size = dict(scale_factor=pick(rng, 2, 0.5, 1.7, tuple([0.6, 2.0, 1.3][:n]))) if flag(rng) else dict(size=several(rng, n, 1, 9))
    if mode in modes:
        size["align_corners"] = pick(rng, None, True, False)
        if mode in ("bilinear", "bicubic"):
            size["antialias"] = flag(rng)
    if "scale_factor" in size:
        size["recompute_scale_factor"] = pick(rng, None, True, False)
    return Case("interpolate", dict(mode=mode, **size), [draw(rng, 2, 2, *[int(v) for v in rng.integers(3, 7, n)])])


def grid_sample(rng):
    n = int(rng.integers(2, 4))
    options = dict(mode=pick(rng, "bilinear", "nearest", *["bicubic"] * (n == 2)), padding_mode=pick(rng, "zeros", "border", "reflection"))
    options["align_corners"] = flag(rng)
    x, g = (
        draw(rng, 2, 2, *[int(v) for v in rng.integers(3, 6, n)]),
        rng.uniform(-1.4, 1.4, (2, *[int(v) for v in rng.integers(2, 4, n)], n)),
    )
    return Case("grid_sample", options, [x, g])


def affine_grid(rng):
    n = int(rng.integers(2, 4))
    return Case(
        "affine_grid", dict(size=(2, 3, *[int(v) for v in rng.integers(2, 5, n)]), align_corners=flag(rng)), [draw(rng, 2, n, n + 1)]
    )


def pad(rng):
    mode = pick(rng, "constant", "reflect", "replicate", "circular")
    n = int(rng.integers(1, 4))
    low = -1 if mode == "constant" else 0
    options = dict(pad=tuple(int(v) for v in rng.integers(low, 3, 2 * n)), mode=mode)
    if mode == "constant":
        options["value"] = pick(rng, None, float(rng.uniform(-1, 1)))
    return Case("pad", options, [draw(rng, 2, 2, *[int(v) for v in rng.integers(3, 6, n)])])


def attention(rng):
    lead = shape_of(rng, 0, 2, 4)
    heads = int(rng.integers(1, 3))
    gqa = flag(rng) and flag(rng)
    q, k, e, v = (int(n) for n in rng.integers(1, 6, 4))
    options = dict(is_causal=flag(rng), scale=pick(rng, None, 0.3), enable_gqa=gqa)
    mask = pick(rng, None, "bool", "float") if not options["is_causal"] else None
    lead = [2] if gqa else lead
    qs, ks = (draw(rng, *lead, 2 * heads, q, e), [*lead, heads]) if gqa else (draw(rng, *lead, heads, q, e), [*lead, heads])
    inputs = [qs, draw(rng, *ks, k, e), draw(rng, *ks, k, v)]
    if mask == "bool":
        seen = rng.random((q, k)) < 0.7
        seen[:, 0] = True
        inputs.append(seen)
    elif mask == "float":
        inputs.append(draw(rng, q, k))
    return Case("scaled_dot_product_attention", options, inputs, lambda m, f, q, k, v, a=None: f(q, k, v, attn_mask=a))


def one_hot(rng):
    return Case("one_hot", dict(num_classes=pick(rng, -1, 7)), [rng.integers(0, 6, shape_of(rng, 0, 3))])


def normalize(rng):
    shape = shape_of(rng, 1, 3)
    return Case(
        "normalize", dict(p=pick(rng, 1.0, 2.0, 3.0), dim=int(rng.integers(-len(shape), len(shape))), eps=1e-6), [draw(rng, *shape)]
    )


def conv(rng, n, transposed):
    """Against the functional form: weights as inputs, so that their gradients are compared too."""
    g, k = pick(rng, 1, 2), [int(v) for v in rng.integers(1, 4, n)]
    cin, cout = 2 * g, g * int(rng.integers(1, 3))
    options = dict(stride=several(rng, n, 1, 2), padding=several(rng, n, 0, 2), dilation=several(rng, n, 1, 2), groups=g)
    x = draw(rng, *([2] if flag(rng) else []), cin, *[int(v) for v in rng.integers(6, 9, n)])
    w = draw(rng, cin, cout // g, *k) if transposed else draw(rng, cout, cin // g, *k)
    return Case(f"conv{'_transpose' * transposed}{n}d", options, [x, w, *([draw(rng, cout)] if flag(rng) else [])])


def norm(rng, name):
    c = int(rng.integers(2, 5))
    x = draw(rng, 3, c, *shape_of(rng, 1, 2, 5)[:2], 3)
    w, b = (draw(rng, c), draw(rng, c)) if flag(rng) else (None, None)
    if name == "batch_norm":
        options = dict(training=flag(rng), momentum=pick(rng, 0.1, 0.9), eps=1e-4)
        return Case(name, options, [x, draw(rng, c), rng.uniform(0.5, 2, c), *([w, b] if w is not None else [])], nograd=(1, 2))
    if name == "instance_norm":
        inputs = [x] if w is None else [x, w, b]
        return Case(name, dict(eps=1e-4), inputs, lambda m, f, x, w=None, b=None: f(x, weight=w, bias=b))
    if name == "group_norm":
        return Case(name, dict(eps=1e-4), [x] if w is None else [x, w, b], lambda m, f, x, w=None, b=None: f(x, c, w, b))
    shape = x.shape[int(rng.integers(1, x.ndim)) :]
    extra = [draw(rng, *shape)] * int(rng.integers(0, 2 if name == "rms_norm" else 3))
    return Case(name, dict(eps=pick(rng, 1e-4, 1e-2)), [x, *extra], lambda m, f, x, *wb: f(x, list(shape), *wb))


def embedding(rng):
    v, d = int(rng.integers(3, 7)), int(rng.integers(1, 4))
    options = dict(padding_idx=pick(rng, None, 1, -1), scale_grad_by_freq=flag(rng))
    return Case("embedding", options, [rng.integers(0, v, shape_of(rng, 0, 2)), draw(rng, v, d)])


def pairwise(rng, name):
    if name == "pdist":
        return Case(name, dict(p=pick(rng, 1.0, 2.0, 3.0)), [draw(rng, int(rng.integers(2, 6)), 3)])
    shape = shape_of(rng, 1, 3)
    return Case(name, dict(dim=int(rng.integers(-len(shape), len(shape)))), [draw(rng, *shape) + 2, draw(rng, *shape)])


def margins(rng):
    n, c = int(rng.integers(1, 5)), int(rng.integers(2, 6))
    options = dict(p=pick(rng, 1, 2), margin=float(rng.uniform(0.3, 2)), reduction=pick(rng, *REDUCTIONS))
    return Case("multi_margin_loss", options, [draw(rng, n, c), rng.integers(0, c, n), *([rng.uniform(0.2, 2, c)] if flag(rng) else [])],
                lambda m, f, x, t, w=None: f(x, t, weight=w), nograd=(2,))  # fmt: skip


def with_weights(rng, name):
    shape = shape_of(rng, 1, 3)
    x, y, w = draw(rng, *shape), rng.uniform(0, 1, shape), rng.uniform(0.2, 2, shape)
    x = 1 / (1 + np.exp(-x)) if name == "binary_cross_entropy" else x
    return Case(name, dict(reduction=pick(rng, *REDUCTIONS)), [x, y, w], lambda m, f, x, y, w: f(x, y, weight=w), nograd=(2,))


def pool(rng, name):
    n = int(name[-2])
    x = draw(rng, 2, 2, *[int(v) for v in rng.integers(7, 10, n)])
    options = dict(
        kernel_size=several(rng, n, 2, 3), stride=pick(rng, None, several(rng, n, 1, 3)), ceil_mode=flag(rng), padding=pick(rng, 0, 1)
    )
    if name.startswith("max"):
        return Case(name, dict(options, dilation=pick(rng, 1, 2), return_indices=flag(rng)), [x])
    return Case(name, dict(options, count_include_pad=flag(rng)), [x])


def linear_losses(rng):
    n, c, inner = int(rng.integers(1, 6)), int(rng.integers(2, 5)), shape_of(rng, 0, 2, 3)
    options = dict(reduction=pick(rng, *REDUCTIONS), label_smoothing=pick(rng, 0.0, 0.2))
    inputs = [draw(rng, n, 3), draw(rng, c, *inner, 3), rng.integers(0, c, (n, *inner))]
    return Case("linear_cross_entropy", options, [*inputs, *([draw(rng, c, *inner)] if flag(rng) else [])],
                lambda m, f, x, w, t, b=None: f(x, w, t, linear_bias=b))  # fmt: skip


FUNCTIONALS = {
    "interpolate": (interpolate,),
    "grid_sample": (grid_sample,),
    "affine_grid": (affine_grid,),
    "pad": (pad,),
    "scaled_dot_product_attention": (attention,),
    "one_hot": (one_hot,),
    "normalize": (normalize,),
    **{f"conv{n}d": (conv, n, False) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": (conv, n, True) for n in (1, 2, 3)},
    **{name: (norm, name) for name in ("batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm")},
    "embedding": (embedding,),
    **{name: (pairwise, name) for name in ("pdist", "cosine_similarity")},
    "multi_margin_loss": (margins,),
    **{name: (with_weights, name) for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits")},
    **{name: (pool, name) for name in ("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d")},
    "linear_cross_entropy": (linear_losses,),
}


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_functional(name):
    make, *args = FUNCTIONALS[name]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    compared = tried = 0
    while compared < COUNT:
        tried += 1
        assert tried < 4 * COUNT, f"{name}: most option sets are refused"
        compared += check(make(rng, *args))


def test_every_layer_has_a_family():
    import torch

    untested = {  # containers, names for the same class, layers tested elsewhere or random in training
        "Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "Parameter", "Buffer", "Container", "DataParallel",
        "UninitializedBuffer", "UninitializedParameter", "RNNBase", "RNNCellBase", "SyncBatchNorm", "CrossMapLRN2d", "NLLLoss2d",
        "LinearCrossEntropyLoss", "LinearCrossEntropyOptions", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout",
        "FeatureAlphaDropout",
    }  # fmt: skip
    layers = {n for n in dir(torch.nn) if isinstance(getattr(torch.nn, n), type) and not n.startswith(("_", "Lazy"))}
    assert layers - set(FAMILIES) - untested == set()
