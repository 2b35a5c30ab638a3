"""Attention and transformers against PyTorch: parameters, values, masks, gradients, dropout's stream."""

import warnings

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")
F, T = lw.nn.functional, torch.nn.functional
rng = np.random.default_rng(0)


def pair(*shape):
    a = rng.standard_normal(shape).astype(np.float32)
    return lw.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)


def close(a, b, atol=1e-5):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=atol, rtol=1e-4)


def built(name, *args, **kw):
    """A layer on both sides from one seed, with equal parameters."""
    made = []
    for library in (lw, torch):
        library.manual_seed(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.append(getattr(library.nn, name)(*args, **kw))
    ours, theirs = (m.state_dict() for m in made)
    assert list(ours) == list(theirs)
    for key in ours:
        np.testing.assert_array_equal(ours[key].numpy(), theirs[key].numpy())
    return made


MASK = np.array([[1, 1, 0, 1, 0, 1, 1], [1] * 7, [0] * 7, [0, 0, 0, 0, 1, 0, 0], [1, 0, 1, 0, 1, 0, 1]], bool)


@pytest.mark.parametrize("kind", ("none", "causal", "scale", "bool", "float"))
def test_scaled_dot_product(kind):
    q, k, v = pair(2, 4, 5, 8), pair(2, 4, 7, 8), pair(2, 4, 7, 6)
    kw = {"causal": {"is_causal": True}, "scale": {"scale": 0.3}}.get(kind, {})
    added = np.where(MASK, 0.3, -np.inf).astype(np.float32)
    mask = {"bool": MASK, "float": added}.get(kind)
    y = F.scaled_dot_product_attention(q[0], k[0], v[0], None if mask is None else lw.tensor(mask), **kw)
    z = T.scaled_dot_product_attention(q[1], k[1], v[1], None if mask is None else torch.tensor(mask), **kw)
    close(y, z)
    (y**2).sum().backward()
    (z**2).sum().backward()
    for a, b in (q, k, v):
        close(a.grad, b.grad)


def test_grouped_queries():
    q, k, v = pair(2, 4, 5, 8), pair(2, 2, 7, 8), pair(2, 2, 7, 6)
    close(*(f.scaled_dot_product_attention(q[i], k[i], v[i], enable_gqa=True) for i, f in enumerate((F, T))))


def test_mask_beside_causal_is_refused():
    q = lw.zeros(2, 3, 4)
    with pytest.raises(RuntimeError, match="attn_mask should not be set"):
        F.scaled_dot_product_attention(q, q, q, lw.zeros(3, 3), is_causal=True)


@pytest.mark.parametrize(
    "kw", ({}, {"bias": False}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"kdim": 5, "vdim": 6}, {"batch_first": True})
)
def test_multihead(kw):
    ours, theirs = built("MultiheadAttention", 8, 2, **kw)
    first = kw.get("batch_first")
    sizes = [(4, 8), (6, kw.get("kdim", 8)), (6, kw.get("vdim", 8))]
    q, k, v = (pair(*((3, s, e) if first else (s, 3, e))) for s, e in sizes)
    padding, mask = rng.random((3, 6)) > 0.7, rng.random((4, 6)) > 0.7
    padding[:, 0] = mask[:, 0] = False
    for need in (True, False):
        for masks in ({}, {"key_padding_mask": padding}, {"attn_mask": mask}, {"key_padding_mask": padding, "attn_mask": mask}):
            y, weights = ours(q[0], k[0], v[0], need_weights=need, **{n: lw.tensor(m) for n, m in masks.items()})
            z, wanted = theirs(q[1], k[1], v[1], need_weights=need, **{n: torch.tensor(m) for n, m in masks.items()})
            close(y, z)
            assert (weights is None) == (wanted is None)
            if need:
                close(weights, wanted)
    if "kdim" not in kw:
        x = pair(5, 8)
        for a, b in zip(ours(*[x[0]] * 3, average_attn_weights=False), theirs(*[x[1]] * 3, average_attn_weights=False)):
            close(a, b)


@pytest.mark.parametrize("kw", ({}, {"batch_first": True}, {"norm_first": True, "activation": "gelu"}, {"bias": False}))
def test_transformer(kw):
    ours, theirs = built("Transformer", 8, 2, 2, 2, 16, **kw)
    assert repr(ours) == repr(theirs)
    src, tgt = pair(5, 5, 8), pair(5, 5, 8)
    results = []
    for i, (library, model) in enumerate(((lw, ours), (torch, theirs))):
        library.manual_seed(2)
        mask = library.nn.Transformer.generate_square_subsequent_mask(5)
        y = model(src[i], tgt[i], tgt_mask=mask)
        (y**2).sum().backward()
        results.append(y)
    close(*results)  # with dropout: the streams agree
    for (name, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters()):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), atol=1e-4, err_msg=name)
