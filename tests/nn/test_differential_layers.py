"""Every layer against PyTorch's on at least twenty random option sets: forward, backward, buffers; weights copied by state_dict."""

import zlib

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.nn.differential import Case, check

COUNT = 20


def pick(rng, *values):
    return values[rng.integers(len(values))]


def draw(rng, *shape):
    return rng.standard_normal(shape)


def flag(rng):
    return bool(rng.integers(2))


def several(rng, n, low, high):
    """One number for all dimensions, or one for each."""
    return int(rng.integers(low, high + 1)) if flag(rng) else tuple(int(v) for v in rng.integers(low, high + 1, n))


def each(value, n):
    return (value,) * n if isinstance(value, int) else value


# ---- convolution, pooling, padding ----------------------------------------------------------------------------------


def conv(rng, n, transposed):
    g = pick(rng, 1, 1, 2, 3)
    cin, cout = g * int(rng.integers(1, 3)), g * int(rng.integers(1, 3))
    k, d, s = several(rng, n, 1, 3), several(rng, n, 1, 2), several(rng, n, 1, 3)
    options = dict(in_channels=cin, out_channels=cout, kernel_size=k, stride=s, dilation=d, groups=g, bias=flag(rng))
    space = [int(rng.integers(6, 9)) for _ in range(n)]
    if transposed:
        options["padding"] = several(rng, n, 0, 2)
        options["output_padding"] = tuple(int(rng.integers(0, max(a, b))) for a, b in zip(each(s, n), each(d, n)))
    else:
        how = pick(rng, "number", "number", "number", "same", "valid")
        if how == "same":
            options["stride"] = 1
        options["padding"] = several(rng, n, 0, 2) if how == "number" else how
        options["padding_mode"] = pick(rng, "zeros", "zeros", "reflect", "replicate", "circular")
    lead = [int(rng.integers(1, 4))] if rng.random() < 0.85 else []
    return Case(f"Conv{'Transpose' * transposed}{n}d", options, [draw(rng, *lead, cin, *space)])


def pooling(rng, n, kind):
    k = several(rng, n, 2, 3)
    s = pick(rng, None, several(rng, n, 1, 3))
    space = [int(rng.integers(7, 10)) for _ in range(n)]
    x = draw(rng, *([2] if flag(rng) else []), 3, *space)
    if kind == "Max":
        options = dict(kernel_size=k, stride=s, padding=pick(rng, 0, 1), dilation=several(rng, n, 1, 2), ceil_mode=flag(rng))
        return Case(f"MaxPool{n}d", dict(options, return_indices=flag(rng)), [x])
    if kind == "Avg":
        options = dict(kernel_size=k, stride=s, padding=pick(rng, 0, 1), ceil_mode=flag(rng), count_include_pad=flag(rng))
        if n > 1:
            options["divisor_override"] = pick(rng, None, None, 3)
        return Case(f"AvgPool{n}d", options, [x])
    return Case(
        f"LPPool{n}d",
        dict(
            norm_type=pick(rng, 1, 2, 3.0), kernel_size=k if n > 1 else 2, stride=s if n > 1 else pick(rng, None, 1, 3), ceil_mode=flag(rng)
        ),
        [np.abs(x) + 0.1],
    )


def adaptive(rng, n, kind):
    out = pick(rng, int(rng.integers(1, 5)), tuple(pick(rng, None, 1, 2, 3, 5) for _ in range(n)))
    if n == 1 and isinstance(out, tuple):
        out = (3,)
    x = draw(rng, *([2] if flag(rng) else []), 3, *[int(rng.integers(4, 9)) for _ in range(n)])
    return Case(f"Adaptive{kind}Pool{n}d", dict(output_size=out, **({"return_indices": flag(rng)} if kind == "Max" else {})), [x])


def fractional(rng, n):
    size = dict(output_ratio=float(rng.uniform(0.4, 0.7))) if flag(rng) else dict(output_size=several(rng, n, 2, 4))
    samples = rng.uniform(0, 1, (2, 3, n))
    options = dict(kernel_size=several(rng, n, 1, 2), return_indices=flag(rng), _random_samples=samples, **size)

    def call(m, f, x):
        f._random_samples = f._random_samples.to(x.dtype)
        return f(x)

    return Case(f"FractionalMaxPool{n}d", options, [draw(rng, 2, 3, *[int(rng.integers(8, 11)) for _ in range(n)])], call)


def unpooling(rng, n):
    k, s = several(rng, n, 2, 3), pick(rng, None, several(rng, n, 1, 3))
    space = [int(rng.integers(7, 10)) for _ in range(n)]
    p = pick(rng, 0, 1)

    def call(m, f, x):
        y, at = getattr(m.nn.functional, f"max_pool{n}d")(x, k, s, p, return_indices=True)
        return f(y, at, output_size=x.shape)

    return Case(f"MaxUnpool{n}d", dict(kernel_size=k, stride=k if s is None else s, padding=p), [draw(rng, 2, 3, *space)], call)


def padding(rng, n, kind):
    pad = pick(rng, int(rng.integers(0, 4)), tuple(int(v) for v in rng.integers(0, 4, 2 * n)))
    if kind in ("Zero", "Constant") and isinstance(pad, tuple):
        pad = tuple(int(v) for v in rng.integers(-1, 4, 2 * n))
    options = dict(padding=pad, **({"value": float(rng.uniform(-1, 1))} if kind == "Constant" else {}))
    return Case(f"{kind}Pad{n}d", options, [draw(rng, *([2] if flag(rng) else []), 2, *[int(rng.integers(4, 6)) for _ in range(n)])])


# ---- normalisation --------------------------------------------------------------------------------------------------


def batch_norm(rng, n):
    c = int(rng.integers(1, 5))
    options = dict(
        num_features=c, eps=pick(rng, 1e-5, 1e-3), momentum=pick(rng, 0.1, 0.5, None), affine=flag(rng), track_running_stats=flag(rng)
    )
    shape = [int(rng.integers(2, 5)), c, *[int(rng.integers(2, 5)) for _ in range(n)]]
    return Case(
        f"BatchNorm{n}d",
        options,
        [draw(rng, *(shape[:2] if n == 1 and flag(rng) else shape)) * 2 + 1],
        mode=pick(rng, "train", "train", "eval"),
    )


def instance_norm(rng, n):
    c = int(rng.integers(1, 4))
    options = dict(num_features=c, eps=pick(rng, 1e-5, 1e-3), momentum=pick(rng, 0.1, 0.5), affine=flag(rng), track_running_stats=flag(rng))
    x = draw(rng, *([3] if flag(rng) else []), c, *[int(rng.integers(3, 6)) for _ in range(n)])
    return Case(f"InstanceNorm{n}d", options, [x + 1], mode=pick(rng, "train", "train", "eval"))


def group_norm(rng):
    g = int(rng.integers(1, 4))
    c = g * int(rng.integers(1, 4))
    x = draw(rng, 2, c, *[int(rng.integers(2, 5)) for _ in range(rng.integers(1, 4))])
    return Case("GroupNorm", dict(num_groups=g, num_channels=c, eps=pick(rng, 1e-5, 1e-3), affine=flag(rng)), [x])


def layer_norm(rng, kind):
    shape = [int(v) for v in rng.integers(2, 5, rng.integers(1, 4))]
    wanted = shape[0] if len(shape) == 1 and flag(rng) else shape
    options = dict(normalized_shape=wanted, eps=pick(rng, 1e-5, 1e-3), elementwise_affine=flag(rng))
    if kind == "LayerNorm":
        options["bias"] = flag(rng)
    return Case(kind, options, [draw(rng, *[int(v) for v in rng.integers(1, 4, rng.integers(0, 3))], *shape)])


def response_norm(rng, kind):
    options = dict(size=int(rng.integers(1, 5)), alpha=pick(rng, 1e-4, 0.5), beta=pick(rng, 0.75, 1.5), k=pick(rng, 1.0, 2.0))
    return Case(kind, options, [draw(rng, 2, int(rng.integers(2, 6)), *[int(v) for v in rng.integers(2, 5, rng.integers(1, 4))])])


# ---- activations ----------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "CELU": lambda r: dict(alpha=pick(r, 0.5, 1.0, 2.0)),
    "ELU": lambda r: dict(alpha=pick(r, 0.5, 1.0, 2.0)),
    "GELU": lambda r: dict(approximate=pick(r, "none", "tanh")),
    "Hardshrink": lambda r: dict(lambd=float(r.uniform(0, 1))),
    "Hardtanh": lambda r: dict(min_val=-float(r.uniform(0.1, 1)), max_val=float(r.uniform(0.1, 1))),
    "LeakyReLU": lambda r: dict(negative_slope=float(r.uniform(0, 1))),
    "Softplus": lambda r: dict(beta=pick(r, 0.5, 1, 3.0), threshold=pick(r, 1, 20)),
    "Softshrink": lambda r: dict(lambd=float(r.uniform(0, 1))),
    "Threshold": lambda r: dict(threshold=float(r.uniform(-1, 1)), value=float(r.uniform(-1, 1))),
    **{
        n: lambda r: {}
        for n in "Hardsigmoid Hardswish LogSigmoid Mish ReLU ReLU6 SELU SiLU Sigmoid Softsign Tanh Tanhshrink Identity".split()
    },
}


def activation(rng, name):
    x = draw(rng, *[int(v) for v in rng.integers(1, 6, rng.integers(0, 4))]) * 2
    options = ACTIVATIONS[name](rng)
    inplace = name in (
        "CELU",
        "ELU",
        "Hardtanh",
        "LeakyReLU",
        "ReLU",
        "SELU",
        "SiLU",
        "Mish",
        "ReLU6",
        "Hardswish",
        "Hardsigmoid",
    ) and flag(rng)
    if inplace:
        options["inplace"] = True
    return Case(name, options, [np.asarray(x)], lambda m, f, x: f(x * 1))


def soft(rng, name):
    shape = [int(v) for v in rng.integers(1, 5, 4 if name == "Softmax2d" else rng.integers(1, 4))]
    return Case(name, {} if name == "Softmax2d" else dict(dim=int(rng.integers(-len(shape), len(shape)))), [draw(rng, *shape)])


def gated(rng):
    d = int(rng.integers(0, 3))
    shape = [int(v) for v in rng.integers(1, 5, 3)]
    shape[d] *= 2
    return Case("GLU", dict(dim=d - 3 if flag(rng) else d), [draw(rng, *shape)])


def prelu(rng):
    c = int(rng.integers(1, 5))
    return Case(
        "PReLU", dict(num_parameters=pick(rng, 1, c), init=float(rng.uniform(0, 1))), [draw(rng, 2, c, *[3] * int(rng.integers(0, 3)))]
    )


def rrelu(rng):
    return Case("RReLU", dict(lower=0.1, upper=float(rng.uniform(0.2, 0.6))), [draw(rng, 4, 5)], mode="eval")


# ---- linear, shapes, distances --------------------------------------------------------------------------------------


def linear(rng):
    i, o = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    return Case(
        "Linear",
        dict(in_features=i, out_features=o, bias=flag(rng)),
        [draw(rng, *[int(v) for v in rng.integers(1, 4, rng.integers(0, 4))], i)],
    )


def bilinear(rng):
    a, b, lead = int(rng.integers(1, 5)), int(rng.integers(1, 5)), [int(v) for v in rng.integers(1, 4, rng.integers(1, 3))]
    return Case(
        "Bilinear", dict(in1_features=a, in2_features=b, out_features=3, bias=flag(rng)), [draw(rng, *lead, a), draw(rng, *lead, b)]
    )


def flatten(rng):
    n = int(rng.integers(2, 5))
    start = int(rng.integers(0, n))
    return Case(
        "Flatten", dict(start_dim=start, end_dim=int(rng.integers(start, n))), [draw(rng, *[int(v) for v in rng.integers(1, 4, n)])]
    )


def unflatten(rng):
    a, b = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    return Case("Unflatten", dict(dim=pick(rng, 1, -1), unflattened_size=pick(rng, (a, b), (a, -1))), [draw(rng, 2, a * b)])


def distance(rng, name):
    x = draw(rng, *[int(v) for v in rng.integers(1, 5, rng.integers(1, 4))])
    y = draw(rng, *x.shape)
    if name == "CosineSimilarity":
        return Case(name, dict(dim=int(rng.integers(-x.ndim, x.ndim)), eps=pick(rng, 1e-8, 1e-3)), [x, y])
    return Case(name, dict(p=pick(rng, 1.0, 2.0, 3.0), eps=pick(rng, 1e-6, 1e-3), keepdim=flag(rng)), [x, y])


def folding(rng, name):
    k, d, s = several(rng, 2, 1, 3), several(rng, 2, 1, 2), several(rng, 2, 1, 2)
    p = several(rng, 2, 0, 1)
    space = [int(rng.integers(6, 9)) for _ in range(2)]
    options = dict(kernel_size=k, dilation=d, padding=p, stride=s)
    if name == "Unfold":
        return Case(name, options, [draw(rng, *([2] if flag(rng) else []), 2, *space)])
    blocks = [(m + 2 * q - e * (w - 1) - 1) // t + 1 for m, q, e, w, t in zip(space, each(p, 2), each(d, 2), each(k, 2), each(s, 2))]
    rows = 2 * each(k, 2)[0] * each(k, 2)[1]
    return Case(name, dict(output_size=tuple(space), **options), [draw(rng, *([2] if flag(rng) else []), rows, blocks[0] * blocks[1])])


def shuffle(rng, name):
    r = int(rng.integers(1, 4))
    lead = [int(v) for v in rng.integers(1, 3, rng.integers(0, 3))]
    if name == "PixelShuffle":
        return Case(name, dict(upscale_factor=r), [draw(rng, *lead, r * r * 2, 2, 3)])
    if name == "PixelUnshuffle":
        return Case(name, dict(downscale_factor=r), [draw(rng, *lead, 2, 2 * r, 3 * r)])
    return Case("ChannelShuffle", dict(groups=r), [draw(rng, 2, r * 2, *[3] * int(rng.integers(1, 3)))])


def upsample(rng, name):
    if name != "Upsample":
        size = dict(scale_factor=pick(rng, 2, 1.5, (2.0, 3.0))) if flag(rng) else dict(size=several(rng, 2, 3, 8))
        return Case(name, size, [draw(rng, 2, 2, 4, 5)])
    n = int(rng.integers(1, 4))
    mode = pick(rng, "nearest", {1: "linear", 2: pick(rng, "bilinear", "bicubic"), 3: "trilinear"}[n])
    size = dict(scale_factor=pick(rng, 2, 1.7, tuple([0.6, 2.0, 1.3][:n]))) if flag(rng) else dict(size=several(rng, n, 2, 8))
    if mode != "nearest":
        size["align_corners"] = pick(rng, None, True, False)
    if "scale_factor" in size:
        size["recompute_scale_factor"] = pick(rng, None, True, False)
    return Case(name, dict(mode=mode, **size), [draw(rng, 2, 2, *[int(v) for v in rng.integers(3, 6, n)])])


# ---- recurrent ------------------------------------------------------------------------------------------------------


def recurrent(rng, kind):
    i, h, layers, both = int(rng.integers(1, 5)), int(rng.integers(2, 5)), int(rng.integers(1, 4)), flag(rng)
    options = dict(input_size=i, hidden_size=h, num_layers=layers, bias=flag(rng), batch_first=flag(rng), bidirectional=both, dropout=0.0)
    if kind == "RNN":
        options["nonlinearity"] = pick(rng, "tanh", "relu")
    p = int(rng.integers(1, h)) if kind == "LSTM" and rng.random() < 0.4 else 0
    if p:
        options["proj_size"] = p
    t, n = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    style = pick(rng, "batch", "batch", "packed", "single")
    shape = (t, i) if style == "single" else (n, t, i) if options["batch_first"] else (t, n, i)
    batch = () if style == "single" else (n,)
    states = []
    if flag(rng):
        d = layers * (2 if both else 1)
        states.append(draw(rng, d, *batch, p or h))
        if kind == "LSTM":
            states.append(draw(rng, d, *batch, h))
    lengths = [int(v) for v in rng.integers(1, t + 1, n)]
    lengths[0] = t

    def call(m, f, x, *hs):
        hs = (hs[0] if kind != "LSTM" else hs,) if hs else ()
        if style == "packed":
            x = m.nn.utils.rnn.pack_padded_sequence(x, m.tensor(lengths), options["batch_first"], enforce_sorted=False)
            y, last = f(x, *hs)
            return m.nn.utils.rnn.pad_packed_sequence(y, options["batch_first"])[0], last
        return f(x, *hs)

    return Case(kind, options, [draw(rng, *shape), *states], call)


def cell(rng, kind):
    i, h, n = int(rng.integers(1, 5)), int(rng.integers(1, 5)), [3] if flag(rng) else []
    options = dict(
        input_size=i, hidden_size=h, bias=flag(rng), **({"nonlinearity": pick(rng, "tanh", "relu")} if kind == "RNNCell" else {})
    )
    states = [draw(rng, *n, h) for _ in range(2 if kind == "LSTMCell" else 1)] if flag(rng) else []
    return Case(
        kind, options, [draw(rng, *n, i), *states], lambda m, f, x, *hs: f(x, *((hs if kind == "LSTMCell" else hs[0],) if hs else ()))
    )


# ---- attention ------------------------------------------------------------------------------------------------------


def attention(rng):
    heads = int(rng.integers(1, 4))
    e, same = heads * int(rng.integers(1, 4)), flag(rng)
    kd, vd = (None, None) if same else (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
    first, batched, n = flag(rng), rng.random() < 0.8, 2
    lq, lk = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    options = dict(embed_dim=e, num_heads=heads, bias=flag(rng), add_bias_kv=flag(rng) and flag(rng), add_zero_attn=flag(rng) and flag(rng))
    options.update(kdim=kd, vdim=vd, batch_first=first)

    def shaped(length, d):
        return draw(rng, *((n, length) if first else (length, n)) if batched else (length,), d)

    own = same and rng.random() < 0.3
    inputs = [shaped(lq, e)] if own else [shaped(lq, e), shaped(lk, kd or e), shaped(lk, vd or e)]
    lk = lq if own else lk
    extra = dict(need_weights=flag(rng), average_attn_weights=flag(rng))
    masks = {}
    if flag(rng):
        keep = rng.random((n, lk) if batched else (lk,)) < 0.7
        keep[..., 0] = True
        masks["key_padding_mask"] = ~keep
    if flag(rng):
        shape = (n * heads, lq, lk) if batched and flag(rng) else (lq, lk)
        if flag(rng):
            seen = rng.random(shape) < 0.7
            seen[..., 0] = True
            masks["attn_mask"] = ~seen
        elif "key_padding_mask" not in masks:
            masks["attn_mask"] = draw(rng, *shape)

    def call(m, f, *xs):
        made = {k: m.from_numpy(v.copy()) for k, v in masks.items()}
        if made.get("attn_mask") is not None and made["attn_mask"].is_floating_point():
            made["attn_mask"] = made["attn_mask"].to(xs[0].dtype)
        q, k, v = xs * 3 if own else xs
        return f(q, k, v, **made, **extra)

    return Case("MultiheadAttention", options, inputs, call, mode=pick(rng, "train", "eval"))


def transformer(rng, name):
    heads = int(rng.integers(1, 3))
    d, first, n = heads * int(rng.integers(3, 6)), flag(rng), 2
    options = dict(d_model=d, nhead=heads, dim_feedforward=int(rng.integers(1, 6)), dropout=0.0, activation=pick(rng, "relu", "gelu"))
    options.update(layer_norm_eps=pick(rng, 1e-5, 1e-3), batch_first=first, norm_first=flag(rng), bias=flag(rng))
    lq, lk = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    shape = lambda length: (n, length, d) if first else (length, n, d)
    causal, hidden = flag(rng), flag(rng)
    keep = rng.random((n, lq)) < 0.7
    keep[:, 0] = True
    if name == "Transformer":
        options.update(num_encoder_layers=int(rng.integers(1, 3)), num_decoder_layers=int(rng.integers(1, 3)))

    def call(m, f, *xs):
        square = m.nn.Transformer.generate_square_subsequent_mask(lq, dtype=xs[0].dtype) if causal else None
        pad = m.from_numpy(~keep) if hidden and not causal else None
        if name == "TransformerEncoderLayer":
            return f(xs[0], src_mask=square, src_key_padding_mask=pad)
        if name == "TransformerDecoderLayer":
            return f(xs[0], xs[1], tgt_mask=square, tgt_key_padding_mask=pad)
        return f(xs[1], xs[0], tgt_mask=square, tgt_key_padding_mask=pad)

    return Case(name, options, [draw(rng, *shape(lq))] + ([draw(rng, *shape(lk))] if name != "TransformerEncoderLayer" else []), call)


def stacked(rng, name):
    heads, first = 2, flag(rng)
    options = dict(depth=int(rng.integers(1, 4)), norm=flag(rng))
    layer = dict(
        d_model=4,
        nhead=heads,
        dim_feedforward=5,
        dropout=0.0,
        batch_first=first,
        norm_first=flag(rng),
        activation=pick(rng, "relu", "gelu"),
    )
    part = name.removesuffix("Layer")
    x, memory = draw(rng, 2, 3, 4), draw(rng, 2, 3, 4)
    mask = flag(rng)

    def call(m, f, x, *memory):
        m.manual_seed(1)
        one = getattr(m.nn, f"{part}Layer")(**layer).to(x.dtype)
        whole = getattr(m.nn, part)(one, options["depth"], m.nn.LayerNorm(4).to(x.dtype) if options["norm"] else None)
        square = m.nn.Transformer.generate_square_subsequent_mask(x.shape[1 if first else 0], dtype=x.dtype) if mask else None
        return whole(x, *memory, **({"mask": square} if part.endswith("Encoder") else {"tgt_mask": square}))

    return Case("Identity", {}, [x] if part.endswith("Encoder") else [x, memory], call)


# ---- embeddings -----------------------------------------------------------------------------------------------------


def embedding(rng):
    v, d = int(rng.integers(3, 8)), int(rng.integers(1, 5))
    options = dict(
        num_embeddings=v, embedding_dim=d, padding_idx=pick(rng, None, 0, -1), max_norm=pick(rng, None, 0.8), norm_type=pick(rng, 2.0, 1.0)
    )
    options["scale_grad_by_freq"] = flag(rng)
    return Case("Embedding", options, [rng.integers(0, v, [int(n) for n in rng.integers(1, 5, rng.integers(0, 3))])])


def embedding_bag(rng):
    v, d, mode = int(rng.integers(3, 8)), int(rng.integers(1, 5)), pick(rng, "sum", "mean", "max")
    options = dict(num_embeddings=v, embedding_dim=d, mode=mode, padding_idx=pick(rng, None, 1), max_norm=pick(rng, None, 0.8))
    options["scale_grad_by_freq"] = mode != "max" and flag(rng)
    weighted = mode == "sum" and flag(rng) and not options["scale_grad_by_freq"]
    if flag(rng):
        i = rng.integers(0, v, (3, 4))
        return Case("EmbeddingBag", options, [i, *([draw(rng, 3, 4)] if weighted else [])], lambda m, f, i, *w: f(i, None, *w))
    options["include_last_offset"] = last = flag(rng)
    offsets = np.array([0, 2, 2, 5] + ([7] if last else []))
    return Case("EmbeddingBag", options, [rng.integers(0, v, 7), offsets, *([draw(rng, 7)] if weighted else [])])


# ---- losses ---------------------------------------------------------------------------------------------------------

REDUCTIONS = ("mean", "sum", "none")


def loss(rng, name):
    options = dict(reduction=pick(rng, *REDUCTIONS))
    shape = [int(v) for v in rng.integers(1, 5, rng.integers(1, 4))]
    x, y = draw(rng, *shape), draw(rng, *shape)
    if name == "BCELoss":
        options["weight"] = pick(rng, None, "w")
        x, y = rng.uniform(0.05, 0.95, shape), rng.uniform(0, 1, shape)
    elif name == "BCEWithLogitsLoss":
        options["pos_weight"] = pick(rng, None, rng.uniform(0.5, 2, shape[-1]))
        y = rng.uniform(0, 1, shape)
    elif name == "HuberLoss":
        options["delta"] = float(rng.uniform(0.3, 2))
    elif name == "SmoothL1Loss":
        options["beta"] = pick(rng, 0.0, 0.5, 1.0)
    elif name == "KLDivLoss":
        options.update(reduction=pick(rng, *REDUCTIONS, "batchmean"), log_target=flag(rng))
        x, y = np.log(rng.uniform(0.05, 1, shape)), rng.uniform(0.05, 1, shape)
    elif name == "PoissonNLLLoss":
        options.update(log_input=flag(rng), full=flag(rng), eps=1e-6)
        x, y = rng.uniform(0.1, 2, shape), rng.poisson(2, shape).astype(float)
        return Case(name, options, [x, y], nograd=(1,))
    elif name == "GaussianNLLLoss":
        options.update(full=flag(rng), eps=1e-6)
        return Case(name, options, [x, y, rng.uniform(0.1, 2, shape)])
    elif name in ("SoftMarginLoss", "HingeEmbeddingLoss"):
        y = np.sign(y)
        options.update({"margin": float(rng.uniform(0.5, 2))} if name.startswith("Hinge") else {})
        return Case(name, options, [x, y], nograd=(1,))
    elif name == "MarginRankingLoss":
        options["margin"] = float(rng.uniform(0, 1))
        return Case(name, options, [x, y, np.sign(draw(rng, *shape))], nograd=(2,))
    if options.get("weight") == "w":
        del options["weight"]
    return Case(name, options, [x, y])


def class_loss(rng, name):
    n, c, space = int(rng.integers(1, 5)), int(rng.integers(2, 5)), [int(v) for v in rng.integers(1, 4, rng.integers(0, 3))]
    options = dict(reduction=pick(rng, *REDUCTIONS), ignore_index=pick(rng, -100, 1))
    single = not space and rng.random() < 0.2
    t = rng.integers(0, c, () if single else (n, *space))
    x = draw(rng, c) if single else draw(rng, n, c, *space)
    weighted = rng.uniform(0.3, 2, c) if flag(rng) else None
    if (np.asarray(t) == options["ignore_index"]).all():
        options["ignore_index"] = -100
    if name == "CrossEntropyLoss":
        options["label_smoothing"] = pick(rng, 0.0, 0.1, 0.4)
        if flag(rng):
            options["ignore_index"] = -100
            t = rng.uniform(0, 1, x.shape)
    else:
        x = x - 1

    def call(m, f, x, t):
        f.weight = None if weighted is None else m.from_numpy(weighted.copy()).to(x.dtype)
        return f(x, t)

    return Case(name, options, [x, np.asarray(t)], call)


def margin_loss(rng, name):
    n, c = int(rng.integers(1, 5)), int(rng.integers(2, 6))
    options = dict(reduction=pick(rng, *REDUCTIONS))
    single = flag(rng) and flag(rng)
    x = draw(rng, c) if single else draw(rng, n, c)
    if name == "MultiMarginLoss":
        options.update(p=pick(rng, 1, 2), margin=float(rng.uniform(0.5, 1.5)))
        t = rng.integers(0, c, () if single else n)
    elif name == "MultiLabelMarginLoss":
        t = np.full(x.shape, -1)
        for row in t.reshape(-1, c):
            k = int(rng.integers(0, c))
            row[:k] = rng.permutation(c)[:k]
    else:
        t = rng.integers(0, 2, x.shape).astype(float)
    return Case(name, options, [x, np.asarray(t)], nograd=(1,))


def pair_loss(rng, name):
    n, d = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    options = dict(reduction=pick(rng, *REDUCTIONS), margin=float(rng.uniform(0, 1)))
    if name == "CosineEmbeddingLoss":
        return Case(name, options, [draw(rng, n, d), draw(rng, n, d), np.sign(draw(rng, n))], nograd=(2,))
    options["margin"] += 0.1
    options["swap"] = flag(rng)
    if name == "TripletMarginLoss":
        options["p"] = pick(rng, 1.0, 2.0, 3.0)
    return Case(name, options, [draw(rng, n, d), draw(rng, n, d), draw(rng, n, d)])


def ctc(rng):
    t, n, c, s = int(rng.integers(4, 9)), int(rng.integers(1, 4)), int(rng.integers(2, 5)), int(rng.integers(1, 3))
    options = dict(blank=pick(rng, 0, c - 1), reduction=pick(rng, *REDUCTIONS), zero_infinity=flag(rng))
    labels = [v for v in range(c) if v != options["blank"]]
    targets = rng.choice(labels, (n, s))
    lengths, sizes = rng.integers(2 * s + 1, max(t, 2 * s + 1) + 1, n).clip(max=t), rng.integers(1, s + 1, n)
    return Case("CTCLoss", options, [draw(rng, t, n, c), targets, lengths, sizes], lambda m, f, x, *rest: f(x.log_softmax(2), *rest))


def adaptive_softmax(rng):
    options = dict(
        in_features=6, n_classes=12, cutoffs=pick(rng, [3], [3, 7], [2, 5, 9]), div_value=pick(rng, 2.0, 4.0), head_bias=flag(rng)
    )
    single = rng.random() < 0.2
    x, t = (draw(rng, 6), np.asarray(rng.integers(0, 12))) if single else (draw(rng, 5, 6), rng.integers(0, 12, 5))
    return Case(
        "AdaptiveLogSoftmaxWithLoss", options, [x, t], lambda m, f, x, t: (f(x, t), *(() if single else (f.log_prob(x), f.predict(x))))
    )


FAMILIES = {
    **{f"Conv{n}d": (conv, n, False) for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": (conv, n, True) for n in (1, 2, 3)},
    **{f"{k}Pool{n}d": (pooling, n, k) for k in ("Max", "Avg", "LP") for n in (1, 2, 3)},
    **{f"Adaptive{k}Pool{n}d": (adaptive, n, k) for k in ("Max", "Avg") for n in (1, 2, 3)},
    **{f"FractionalMaxPool{n}d": (fractional, n) for n in (2, 3)},
    **{f"MaxUnpool{n}d": (unpooling, n) for n in (1, 2, 3)},
    **{f"{k}Pad{n}d": (padding, n, k) for k in ("Reflection", "Replication", "Zero", "Constant", "Circular") for n in (1, 2, 3)},
    **{f"BatchNorm{n}d": (batch_norm, n) for n in (1, 2, 3)},
    **{f"InstanceNorm{n}d": (instance_norm, n) for n in (1, 2, 3)},
    "GroupNorm": (group_norm,),
    **{k: (layer_norm, k) for k in ("LayerNorm", "RMSNorm")},
    "LocalResponseNorm": (response_norm, "LocalResponseNorm"),
    **{k: (activation, k) for k in ACTIVATIONS},
    **{k: (soft, k) for k in ("Softmax", "Softmin", "LogSoftmax", "Softmax2d")},
    "GLU": (gated,),
    "PReLU": (prelu,),
    "RReLU": (rrelu,),
    "Linear": (linear,),
    "Bilinear": (bilinear,),
    "Flatten": (flatten,),
    "Unflatten": (unflatten,),
    **{k: (distance, k) for k in ("CosineSimilarity", "PairwiseDistance")},
    **{k: (folding, k) for k in ("Fold", "Unfold")},
    **{k: (shuffle, k) for k in ("PixelShuffle", "PixelUnshuffle", "ChannelShuffle")},
    **{k: (upsample, k) for k in ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d")},
    **{k: (recurrent, k) for k in ("RNN", "LSTM", "GRU")},
    **{k: (cell, k) for k in ("RNNCell", "LSTMCell", "GRUCell")},
    "MultiheadAttention": (attention,),
    **{k: (transformer, k) for k in ("TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer")},
    **{k: (stacked, k) for k in ("TransformerEncoder", "TransformerDecoder")},
    "Embedding": (embedding,),
    "EmbeddingBag": (embedding_bag,),
    **{
        k: (loss, k)
        for k in (
            "L1Loss MSELoss SmoothL1Loss HuberLoss BCELoss BCEWithLogitsLoss KLDivLoss PoissonNLLLoss GaussianNLLLoss SoftMarginLoss "
            "HingeEmbeddingLoss MarginRankingLoss"
        ).split()
    },
    **{k: (class_loss, k) for k in ("CrossEntropyLoss", "NLLLoss")},
    **{k: (margin_loss, k) for k in ("MultiMarginLoss", "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss")},
    **{k: (pair_loss, k) for k in ("CosineEmbeddingLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss")},
    "CTCLoss": (ctc,),
    "AdaptiveLogSoftmaxWithLoss": (adaptive_softmax,),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_layer(name):
    make, *args = FAMILIES[name]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    compared = tried = 0
    while compared < COUNT:
        tried += 1
        assert tried < 4 * COUNT, f"{name}: most option sets are refused"
        compared += check(make(rng, *args))
