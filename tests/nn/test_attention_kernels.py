"""torch.nn.attention: the choice of kernels, causal biases, flex_attention and its block masks."""

import math
import warnings

import pytest

import lightwell as lw
from lightwell.backends import cuda
from lightwell.nn import functional as F
from lightwell.nn.attention import SDPBackend, sdpa_kernel
from lightwell.nn.attention import bias as B
from lightwell.nn.attention import flex_attention as X


@pytest.fixture
def q():
    return lw.rand(2, 2, 3, 4, generator=lw.Generator().manual_seed(0))


def causal(b, h, q, kv):
    return q >= kv


def test_kernels_that_a_cpu_has_and_those_it_lacks(q):
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION], set_priority=True):
        assert not cuda.math_sdp_enabled() and cuda.flash_sdp_enabled()
        F.scaled_dot_product_attention(q, q, q)
    with sdpa_kernel(SDPBackend.EFFICIENT_ATTENTION), pytest.raises(RuntimeError, match="No viable backend"):
        F.scaled_dot_product_attention(q, q, q)
    assert cuda.math_sdp_enabled() and cuda.mem_efficient_sdp_enabled()
    with pytest.raises(AssertionError, match="SDPBackend"), sdpa_kernel("math"):
        pass
    with pytest.warns(FutureWarning, match="sdpa_kernel"), cuda.sdp_kernel(enable_flash=False):
        assert not cuda.flash_sdp_enabled()
    assert cuda.flash_sdp_enabled()


def test_heads_that_lie_inside_lengths_stay_there():
    x = lw.rand(2, 5, 4, 3).transpose(1, 2)
    y = F.scaled_dot_product_attention(x, x, x)
    assert y.transpose(1, 2).view(2, 5, 12).shape == (2, 5, 12) and y.stride() == (60, 3, 12, 1)
    c = x.contiguous()
    assert F.scaled_dot_product_attention(c, c, c).is_contiguous()
    assert F.scaled_dot_product_attention(x, x, x, dropout_p=0.5).is_contiguous()


def test_causal_biases(q):
    assert lw.equal(
        F.scaled_dot_product_attention(q[:, :, :2], q, q, B.causal_upper_left(2, 3)),
        F.scaled_dot_product_attention(q[:, :, :2], q, q, is_causal=True),
    )
    mask = B.causal_lower_right((2, 3))
    assert mask.variant is B.CausalVariant.LOWER_RIGHT and mask.tolist() == [[True, True, False], [True, True, True]]
    with pytest.raises(RuntimeError, match="2D"):
        B.causal_upper_left(1, 2, 3)
    with pytest.raises(AssertionError, match="CausalVariant"):
        B.CausalBias(1, 2, 3)


def test_flex_attention_is_attention_with_programs(q):
    assert lw.allclose(X.flex_attention(q, q, q), F.scaled_dot_product_attention(q, q, q))
    wanted = F.scaled_dot_product_attention(q, q, q, is_causal=True)
    mask = X.create_block_mask(causal, None, None, 3, 3, BLOCK_SIZE=2)
    assert lw.allclose(X.flex_attention(q, q, q, block_mask=mask), wanted)
    scored = X.flex_attention(q, q, q, score_mod=lambda s, b, h, i, j: lw.where(i >= j, s, -math.inf))
    assert lw.allclose(scored, wanted)
    slope = lw.tensor([0.1, 0.3])
    x = q.clone().requires_grad_()
    y = X.flex_attention(x, q, q, score_mod=lambda s, b, h, i, j: s + slope[h] * (j - i) + b)
    line = lw.arange(3.0)
    twin = q.clone().requires_grad_()
    z = F.scaled_dot_product_attention(twin, q, q, attn_mask=slope[:, None, None] * (line - line[:, None]))
    y.square().sum().backward()
    z.square().sum().backward()
    assert lw.allclose(y, z, atol=1e-6) and lw.allclose(x.grad, twin.grad, atol=1e-6)


def test_queries_without_keys_give_zeros_and_no_nan(q):
    x = q.clone().requires_grad_()
    mask = X.create_block_mask(lambda b, h, i, j: (i > 0) & (j < 2), None, None, 3, 3)
    y, lse = X.flex_attention(x, q, q, block_mask=mask, return_lse=True)
    assert (y[:, :, 0] == 0).all() and (lse[:, :, 0] == -math.inf).all() and lse[:, :, 1:].isfinite().all()
    y.sum().backward()
    assert x.grad.isfinite().all()
    _, aux = X.flex_attention(q, q, q, return_aux=X.AuxRequest(lse=True, max_scores=True))
    assert lw.allclose(aux.lse, (q @ q.mT / 2).logsumexp(-1)) and aux.max_scores.shape == (2, 2, 3)


def test_refusals(q):
    with pytest.raises(NotImplementedError, match="4D"):
        X.flex_attention(q[0], q, q)
    with pytest.raises(ValueError, match="enable_gqa"):
        X.flex_attention(q, q[:, :1], q[:, :1])
    assert X.flex_attention(q, q[:, :1], q[:, :1], enable_gqa=True).shape == q.shape
    with pytest.raises(ValueError, match="embedding dimension"):
        X.flex_attention(q, q[..., :2], q)
    with pytest.raises(ValueError, match="block_mask was created for"):
        X.flex_attention(q, q, q, block_mask=X.create_block_mask(causal, None, None, 2, 2))


def test_masks_are_joined_and_written_out():
    both = X.and_masks(causal, lambda b, h, i, j: i - j < 2)
    assert X.create_mask(both, None, None, 3, 3)[0, 0].int().tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    some = X.or_masks(causal, lambda b, h, i, j: j == 2)
    assert X.create_mask(some, 2, 3, 3, 3).shape == (2, 3, 3, 3)
    with pytest.raises(RuntimeError, match="callable"):
        X.and_masks(causal, 3)


@pytest.mark.parametrize("separate", [True, False])
def test_block_masks_are_pytorchs(separate):
    torch = pytest.importorskip("torch")
    theirs = __import__("torch.nn.attention.flex_attention", fromlist=["x"])

    def window(b, h, q, kv):
        return (q >= kv) & (q - kv < 70 + 40 * b)

    made = [
        m.create_block_mask(window, 2, None, 300, 260, device="cpu", BLOCK_SIZE=(64, 32), separate_full_blocks=separate)
        for m in (theirs, X)
    ]
    for (
        name
    ) in "kv_num_blocks kv_indices full_kv_num_blocks full_kv_indices q_num_blocks q_indices full_q_num_blocks full_q_indices".split():
        a, b = (getattr(m, name) for m in made)
        assert (a is None and b is None) or (a.tolist() == b.tolist() and str(a.dtype) == str(b.dtype)), name
    assert made[0].shape == made[1].shape and made[0].sparsity() == pytest.approx(made[1].sparsity())
    assert made[0].to_dense().tolist() == made[1].to_dense().tolist() and made[0].numel() == made[1].numel()
    assert str(made[0]) == str(made[1])
    part, other = made[0][1], made[1][1]
    assert part.shape == other.shape and part.kv_indices.tolist() == other.kv_indices.tolist()
    x = torch.rand(2, 2, 300, 8)
    k = torch.rand(2, 2, 260, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is slow without torch.compile
        y = theirs.flex_attention(x, k, k, block_mask=made[0])
    mine = X.flex_attention(*(lw.from_numpy(t.numpy()) for t in (x, k, k)), block_mask=made[1])
    assert torch.allclose(y, torch.from_numpy(mine.numpy()), atol=1e-5)
