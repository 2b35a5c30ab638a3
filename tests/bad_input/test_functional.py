"""Bad calls of nn.functional where no layer stands before it, and of its losses with every reduction and index."""

import numpy as np
import pytest

from tests.bad_input.harness import check, do


def call(name, *shapes, **options):
    """A functional of ones of these shapes; what is no shape is passed as it is."""
    return lambda f: do(getattr(f.nn.functional, name), *[f.ones(s) if isinstance(s, tuple) else s for s in shapes], **options)


def q(f, *shape):
    return f.ones(shape)


CASES = {
    "linear: in": (RuntimeError, "linear [2, 3] [4, 5]", call("linear", (2, 3), (4, 5))),
    "linear: bias": (RuntimeError, "3 4", call("linear", (2, 3), (4, 3), (3,))),
    "linear: missing": (TypeError, "weight", call("linear", (2, 3))),
    "linear: array": (TypeError, "weight ndarray", call("linear", (2, 3), np.ones((4, 3)))),
    "bilinear: weight": (RuntimeError, "bilinear", call("bilinear", (2, 3), (2, 4), (5, 4, 4))),
    "embedding: weight rank": (RuntimeError, "weight 2-D", lambda f: do(f.nn.functional.embedding, f.tensor([0]), f.ones(3))),
    "embedding: padding": (AssertionError, "padding_idx", lambda f: do(f.nn.functional.embedding, f.tensor([0]), f.ones(3, 2), padding_idx=5)),
    "embedding: swapped": (RuntimeError, "embedding float32", lambda f: do(f.nn.functional.embedding, f.ones(3, 2), f.tensor([0]))),
    "conv2d: weight rank": (RuntimeError, "conv2d", call("conv2d", (1, 1, 4, 4), (1, 1, 3))),
    "conv2d: bias": (RuntimeError, "bias 4 2", call("conv2d", (1, 1, 4, 4), (4, 1, 3, 3), (2,))),
    "conv2d: groups": (RuntimeError, "groups", call("conv2d", (1, 4, 4, 4), (4, 1, 3, 3), groups=3)),
    "conv2d: stride count": (RuntimeError, "stride", call("conv2d", (1, 1, 4, 4), (1, 1, 3, 3), stride=(1, 1, 1))),
    "conv2d: same strided": (RuntimeError, "same strid", call("conv2d", (1, 1, 4, 4), (1, 1, 3, 3), padding="same", stride=2)),
    "conv_transpose2d: bias": (RuntimeError, "bias", call("conv_transpose2d", (1, 1, 4, 4), (1, 4, 3, 3), (2,))),
    "max_pool2d: missing": (TypeError, "kernel_size", call("max_pool2d", (1, 1, 4, 4))),
    "max_pool2d: str": (TypeError, "kernel_size", call("max_pool2d", (1, 1, 4, 4), "a")),
    "avg_pool2d: stride": (RuntimeError, "stride", call("avg_pool2d", (1, 1, 4, 4), 2, 0)),
    "adaptive: missing": (TypeError, "output_size", call("adaptive_avg_pool2d", (1, 4, 4))),
    "lp_pool2d: str": (TypeError, "pow str", call("lp_pool2d", (1, 1, 4, 4), "a", 2)),
    "pad: odd": (RuntimeError, "divisible by 2", call("pad", (1, 3), pad=(1, 1, 1))),
    "pad: long": (RuntimeError, "padding length", call("pad", (3,), pad=(1, 1, 1, 1))),
    "pad: mode": (NotImplementedError, "mirror", call("pad", (1, 1, 3, 3), pad=(1, 1), mode="mirror")),
    "pad: value": (RuntimeError, "value reflect", call("pad", (1, 1, 3, 3), pad=(1, 1, 1, 1), mode="reflect", value=2.0)),
    "pad: negative": (RuntimeError, "negative", call("pad", (3,), pad=(-2, -2))),
    "interpolate: both": (ValueError, "size scale_factor", call("interpolate", (1, 1, 3, 3), size=2, scale_factor=2)),
    "interpolate: none": (ValueError, "size scale_factor", call("interpolate", (1, 1, 3, 3))),
    "interpolate: count": (ValueError, "size", call("interpolate", (1, 1, 3, 3), size=(2, 2, 2))),
    "interpolate: mode": (NotImplementedError, "cube", call("interpolate", (1, 1, 3, 3), size=2, mode="cube")),
    "interpolate: corners": (ValueError, "align_corners", call("interpolate", (1, 1, 3, 3), size=2, align_corners=True)),
    "interpolate: antialias": (ValueError, "Anti-alias bicubic", call("interpolate", (1, 1, 3, 3), size=2, antialias=True)),
    "interpolate: zero": (RuntimeError, "0", call("interpolate", (1, 1, 3, 3), size=(0, 2))),
    "grid_sample: mode": (ValueError, "mode", call("grid_sample", (1, 1, 3, 3), (1, 2, 2, 2), mode="cubic")),
    "grid_sample: padding": (ValueError, "padding_mode", call("grid_sample", (1, 1, 3, 3), (1, 2, 2, 2), padding_mode="wrap")),
    "grid_sample: batch": (RuntimeError, "batch", call("grid_sample", (1, 1, 3, 3), (2, 2, 2, 2), align_corners=False)),
    "grid_sample: last": (RuntimeError, "2", call("grid_sample", (1, 1, 3, 3), (1, 2, 2, 3), align_corners=False)),
    "affine_grid: theta": (ValueError, "Nx2x3 [1, 3, 3]", call("affine_grid", (1, 3, 3), [1, 1, 2, 2], align_corners=False)),
    "affine_grid: size": (ValueError, "size", call("affine_grid", (1, 2, 3), [1, 1, 0, 2], align_corners=False)),
    "fold: divides": (RuntimeError, "fold 3 kernel_size (2, 2)", call("fold", (1, 3, 9), output_size=(4, 4), kernel_size=2)),
    "pixel_shuffle: zero": (RuntimeError, "upscale_factor", call("pixel_shuffle", (1, 4, 2, 2), 0)),
    "channel_shuffle: zero": (RuntimeError, "groups", call("channel_shuffle", (1, 4, 2, 2), 0)),
    "dropout: p": (ValueError, "dropout 0 1 -0.1", call("dropout", (2, 3), -0.1)),
    "dropout1d: rank": (RuntimeError, "dropout1d", call("dropout1d", (3,))),
    "alpha_dropout: p": (ValueError, "dropout 0 1 1.1", call("alpha_dropout", (2, 3), 1.1)),
    "gumbel_softmax: dim": (IndexError, "Dimension", call("gumbel_softmax", (2, 3), dim=4)),
    "normalize: dim": (IndexError, "Dimension", call("normalize", (2, 3), dim=4)),
    "gelu: approximate": (RuntimeError, "approximate fast", call("gelu", (2,), approximate="fast")),
    "hardtanh: order": (ValueError, "min_val max_val", call("hardtanh", (2,), 1.0, -1.0)),
    "softplus: bool": (NotImplementedError, "softplus bool", lambda f: do(f.nn.functional.softplus, f.ones(2) > 0)),
    "glu: dim": (IndexError, "Dimension", call("glu", (2, 4), 5)),
    "threshold: missing": (TypeError, "value", call("threshold", (2,), 0.1)),
    "softmax: dtype": (TypeError, "dtype str", call("softmax", (2,), 0, dtype="float32")),
    "layer_norm: weight": (RuntimeError, "weight [2] [3]", lambda f: do(f.nn.functional.layer_norm, q(f, 2, 3), (3,), q(f, 2))),
    "layer_norm: empty": (RuntimeError, "normalized_shape", lambda f: do(f.nn.functional.layer_norm, q(f, 2, 3), ())),
    "group_norm: zero": (RuntimeError, "groups 0", call("group_norm", (2, 4), 0), "ZeroDivisionError of its own"),
    "batch_norm: eval": (RuntimeError, "running_mean", call("batch_norm", (2, 3), None, None)),
    "batch_norm: mean size": (RuntimeError, "running_mean 3 4", call("batch_norm", (2, 3), (4,), (4,))),
    "local_response_norm: rank": (ValueError, "3D", call("local_response_norm", (2, 3), 2)),
    "sdpa: features": (RuntimeError, "", call("scaled_dot_product_attention", (1, 2, 4), (1, 2, 5), (1, 2, 5))),
    "sdpa: keys": (RuntimeError, "", call("scaled_dot_product_attention", (1, 2, 4), (1, 3, 4), (1, 5, 4))),
    "sdpa: rank": (RuntimeError, "dimension", call("scaled_dot_product_attention", (4,), (4,), (4,))),
    "sdpa: mask and causal": (
        RuntimeError, "attn_mask is_causal", lambda f: do(f.nn.functional.scaled_dot_product_attention, *[q(f, 1, 2, 4)] * 3, q(f, 2, 2), is_causal=True),
    ),
    "sdpa: mask": (RuntimeError, "3", lambda f: do(f.nn.functional.scaled_dot_product_attention, *[q(f, 1, 2, 4)] * 3, q(f, 3, 3))),
    "sdpa: mask ints": (
        RuntimeError, "mask int64", lambda f: do(f.nn.functional.scaled_dot_product_attention, *[q(f, 1, 2, 4)] * 3, q(f, 2, 2).long()),
    ),
    "sdpa: dtypes": (
        RuntimeError, "dtype", lambda f: do(f.nn.functional.scaled_dot_product_attention, q(f, 1, 2, 4), q(f, 1, 2, 4).double(), q(f, 1, 2, 4)),
    ),
    "cosine_similarity: dim": (IndexError, "Dimension", call("cosine_similarity", (2, 3), (2, 3), dim=4)),
    "pdist: rank": (RuntimeError, "pdist 2D", call("pdist", (3,))),
    "triplet: ranks": (RuntimeError, "anchor positive 2D 1D", call("triplet_margin_loss", (2, 3), (3,), (2, 3))),
    "ctc: ints": (RuntimeError, "input_lengths", lambda f: do(f.nn.functional.ctc_loss, q(f, 4, 2, 3), q(f, 2, 2).long(), f.tensor([4]), f.tensor([2, 2]))),
    "ce: two dims": (ValueError, "batch_size 2 1", lambda f: do(f.nn.functional.cross_entropy, q(f, 2, 3), f.tensor([[0, 1]]))),
    "ce: scalar": (ValueError, "2 0", lambda f: do(f.nn.functional.cross_entropy, q(f, 2, 3), f.tensor(0))),
    "ce: 1-d": (ValueError, "1D target size 2", lambda f: do(f.nn.functional.cross_entropy, q(f, 3), f.tensor([0, 1]))),
    "ce: deep": (IndexError, "9 position [0, 1, 1] [0, 2]", lambda f: do(f.nn.functional.cross_entropy, q(f, 1, 3, 2, 2), f.tensor([[[0, 1], [2, 9]]]))),
    "ce: ignored": (IndexError, "5 position [2] [0, 2]", lambda f: do(f.nn.functional.cross_entropy, q(f, 3, 3), f.tensor([-100, 1, 5]))),
    "ce: none": (IndexError, "3 position [1]", lambda f: do(f.nn.functional.cross_entropy, q(f, 2, 3), f.tensor([0, 3]), reduction="none")),
    "ce: probabilities": (RuntimeError, "float32", lambda f: do(f.nn.functional.cross_entropy, q(f, 2, 3), q(f, 2, 1))),
    "nll: ints": (RuntimeError, "nll int32", lambda f: do(f.nn.functional.nll_loss, q(f, 2, 3), f.tensor([0, 1], dtype=f.int32))),
    "bce: weight": (RuntimeError, "2 3", lambda f: do(f.nn.functional.binary_cross_entropy, q(f, 2) * 0.5, q(f, 2), q(f, 3))),
    "bce: bool": (RuntimeError, "bool", lambda f: do(f.nn.functional.binary_cross_entropy, q(f, 2) * 0.5, q(f, 2) > 0)),
    "huber: delta": (RuntimeError, "delta", call("huber_loss", (2,), (2,), delta=0.0)),
    "poisson: reduction": (ValueError, "avg", call("poisson_nll_loss", (2,), (2,), reduction="avg")),
    "one_hot: zero": (RuntimeError, "num_classes 0", lambda f: do(f.nn.functional.one_hot, f.tensor([0]), 0)),
    "one_hot: empty": (RuntimeError, "classes", lambda f: do(f.nn.functional.one_hot, f.zeros(0, dtype=f.int64))),
    "unknown": (AttributeError, "soft_max", lambda f: do(getattr, f.nn.functional, "soft_max")),
}  # fmt: skip

LOSSES = "mse_loss l1_loss smooth_l1_loss huber_loss cross_entropy nll_loss kl_div binary_cross_entropy binary_cross_entropy_with_logits soft_margin_loss"


@pytest.mark.parametrize("name", CASES)
def test_functional(name):
    check(CASES[name])


@pytest.mark.parametrize("name", LOSSES.split())
def test_reduction(name):
    check((ValueError, "avg reduction", lambda f: do(getattr(f.nn.functional, name), f.ones(2, 3) / 2, f.ones(2, 3) / 2, reduction="avg")))


@pytest.mark.parametrize("what", ["str", "list", "array"])
@pytest.mark.parametrize("name", LOSSES.split())
def test_target_is_no_tensor(name, what):
    value = {"str": "a", "list": [0.5, 0.5], "array": np.ones((2, 3), np.float32)}[what]
    kind = type(value).__name__
    check((TypeError, kind, lambda f: do(getattr(f.nn.functional, name), f.ones(2, 3) / 2, value), "TypeError or AttributeError"))
