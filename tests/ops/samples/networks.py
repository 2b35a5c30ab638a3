"""Samples of softmax, activations, losses, embeddings and normalisation."""

from tests.ops.samples import T, sample


def F(f):
    return f.nn.functional


def _one(record, name=None, *specs, **arguments):
    name = name or record
    return [sample(record, lambda f, x: getattr(F(f), name)(x, **arguments), spec, dtypes=False) for spec in specs or (T(3, 4), T())]


PROBABILITY = T(3, 4, lo=0.1, hi=0.9)
CLASSES = T(3, dtype="int64", lo=0, hi=4)

SAMPLES = [
    sample("softmax", lambda f, x: f.softmax(x, 1), T(3, 4)),
    sample("softmax", lambda f, x: f.softmax(x, 0), T(2, 3, 4, transposed=True)),
    sample("log_softmax", lambda f, x: f.log_softmax(x, -1), T(3, 4)),
    sample("log_softmax", lambda f, x: f.log_softmax(x, 1), T(2, 3, 4)),
    sample("nll_loss", lambda f, x, t: F(f).nll_loss(x, t), T(3, 4), CLASSES, dtypes=False, vary=False),
    sample("nll_loss", lambda f, x, t: F(f).nll_loss(x, t, reduction="none", ignore_index=1), T(3, 4), CLASSES, dtypes=False, vary=False),
    sample("cross_entropy", lambda f, x, t: F(f).cross_entropy(x, t), T(3, 4), CLASSES, dtypes=False, vary=False),
    sample("cross_entropy", lambda f, x, t: F(f).cross_entropy(x, t, reduction="none"), T(3, 4), CLASSES, dtypes=False, vary=False),
    sample(
        "cross_entropy",
        lambda f, x, t: F(f).cross_entropy(x, t, ignore_index=2, reduction="sum"),
        T(2, 4, 3), T(2, 3, dtype="int64", lo=0, hi=4), dtypes=False, vary=False,
    ),
    sample("relu", lambda f, x: f.relu(x), T(3, 4)),
    sample("relu", lambda f, x: f.relu(x), T()),
    *_one("leaky_relu"),
    *_one("hardtanh"),
    *_one("elu"),
    *_one("elu", "selu"),
    *_one("celu_record", "celu", alpha=1.5),
    *_one("erf_gelu", "gelu"),
    *_one("tanh_gelu", "gelu", approximate="tanh"),
    *_one("silu"),
    *_one("mish"),
    *_one("softplus", beta=2, threshold=3),
    *_one("log_sigmoid", "logsigmoid"),
    *_one("softshrink"),
    *_one("hardshrink"),
    # PyTorch's derivative has 1/6 in single precision: scaled so that only larger differences show.
    sample("hardsigmoid", lambda f, x: F(f).hardsigmoid(x) * 0.01, T(3, 4, lo=-4, hi=4), dtypes=False),
    *_one("hardswish", None, T(3, 4, lo=-4, hi=4)),
    sample("prelu_kernel", lambda f, x, w: F(f).prelu(x, w), T(3, 4), T(4), dtypes=False, vary=False),
    sample("rrelu_with_noise", lambda f, x: (f.manual_seed(0), F(f).rrelu(x, training=True))[1], T(3, 4), dtypes=False, vary=False),
    sample("mse_loss", lambda f, x, y: F(f).mse_loss(x, y, reduction="none"), T(3, 4), T(3, 4)),
    sample("mean_square", lambda f, x, y: F(f).mse_loss(x, y), T(3, 4), T(3, 4), dtypes=False),
    sample("mean_square", lambda f, x, y: F(f).mse_loss(x, y, reduction="sum"), T(3, 4), T(3, 4), dtypes=False),
    sample("huber_loss", lambda f, x, y: F(f).huber_loss(x, y, delta=0.7), T(3, 4), T(3, 4), dtypes=False),
    sample("smooth_l1_loss", lambda f, x, y: F(f).smooth_l1_loss(x, y, reduction="none"), T(3, 4), T(3, 4), dtypes=False),
    sample("binary_cross_entropy", lambda f, x, y: F(f).binary_cross_entropy(x, y), PROBABILITY, PROBABILITY, dtypes=False),
    sample("binary_cross_entropy_with_logits", lambda f, x, y: F(f).binary_cross_entropy_with_logits(x, y), T(3, 4), PROBABILITY, dtypes=False),
    sample(
        "binary_cross_entropy_with_logits",
        lambda f, x, y, p: F(f).binary_cross_entropy_with_logits(x, y, pos_weight=p, reduction="none"),
        T(3, 4), PROBABILITY, T(4, lo=0.5, hi=2, grad=False), dtypes=False, vary=False,
    ),
    sample("soft_margin_loss", lambda f, x, y: F(f).soft_margin_loss(x, y), T(3, 4), T(3, 4, grad=False), dtypes=False),
    sample("embedding", lambda f, w, i: F(f).embedding(i, w), T(4, 3), T(2, 5, dtype="int64", lo=0, hi=4), dtypes=False, vary=False),
    sample(
        "embedding", lambda f, w, i: F(f).embedding(i, w) ** 2,
        T(4, 3), T(dtype="int64", lo=0, hi=4), dtypes=False, vary=False,
    ),
    sample(
        "embedding_bag", lambda f, w, i, c: F(f).embedding_bag(i, w, per_sample_weights=c, mode="sum"),
        T(4, 3), T(2, 5, dtype="int64", lo=0, hi=4), T(2, 5), dtypes=False, vary=False,
        second=False, why="PyTorch has none for embedding_bag",
    ),
    sample(
        "native_batch_norm", lambda f, x, w, b: F(f).batch_norm(x, None, None, w, b, True), T(3, 4, 2), T(4), T(4), dtypes=False, vary=False
    ),
    sample("native_layer_norm", lambda f, x, w, b: F(f).layer_norm(x, (4,), w, b), T(3, 4), T(4), T(4), dtypes=False, vary=False),
    sample("native_layer_norm", lambda f, x: F(f).layer_norm(x, (3, 4)), T(2, 3, 4), dtypes=False, vary=False),
    sample("native_group_norm", lambda f, x, w, b: F(f).group_norm(x, 2, w, b), T(3, 4, 2), T(4), T(4), dtypes=False, vary=False),
    sample(
        "fixed_batch_norm",
        lambda f, x, m, v, w, b: F(f).batch_norm(x, m, v, w, b),
        T(3, 4, 2), T(4, grad=False), T(4, lo=0.5, grad=False), T(4), T(4), dtypes=False, vary=False,
    ),
]  # fmt: skip
