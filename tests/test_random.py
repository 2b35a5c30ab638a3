"""Random streams: bit for bit PyTorch's, by comparison where it is installed and by stored values everywhere."""

import math
import pickle

import ml_dtypes
import numpy as np
import pytest

from lightwell import random as R

BF16 = np.dtype(ml_dtypes.bfloat16)
SIZES = (0, 1, 5, 15, 16, 17, 31, 33, 1000, 100003)
FLOATS = ("float32", "float64", "float16", "bfloat16")
INTS = ("int8", "uint8", "int16", "int32", "int64", "bool")


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def npd(name):
    return BF16 if name == "bfloat16" else np.dtype(name)


def raw(t):
    """A torch tensor as an array that compares bit for bit."""
    import torch

    return t.contiguous().view(torch.int16).numpy() if t.dtype in (torch.bfloat16, torch.float16) else t.numpy()


def same(ours, theirs):
    theirs = raw(theirs)
    assert ours.shape == theirs.shape
    if ours.dtype.itemsize == 2 and theirs.dtype == np.int16 and ours.dtype != np.int16:
        ours = ours.view(np.int16)
    assert ours.dtype == theirs.dtype
    if ours.dtype.kind in "fc":
        ours, theirs = np.ascontiguousarray(ours).view(np.uint8), np.ascontiguousarray(theirs).view(np.uint8)
    np.testing.assert_array_equal(ours, theirs)


def pair(torch, seed=1234):
    return R.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)


def same_state(g, tg):
    np.testing.assert_array_equal(g._get_state_array(), tg.get_state().numpy())


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("n", SIZES)
def test_float_draws(torch, name, n):
    td, d = getattr(torch, name), npd(name)
    g, tg = pair(torch, n + 7)
    e = lambda: torch.empty(n, dtype=td)
    same(R.uniform(g, n, d), torch.rand(n, dtype=td, generator=tg))
    same(R.normal(g, (n,), d), torch.randn(n, dtype=td, generator=tg))
    same(R.uniform(g, n, d, -1.3, 2.9), e().uniform_(-1.3, 2.9, generator=tg))
    same(R.normal(g, n, d, 1.7, 2.3), e().normal_(1.7, 2.3, generator=tg))
    same_state(g, tg)
    m = min(n, 3000)
    e = lambda: torch.empty(m, dtype=td)
    same(R.exponential(g, m, d, 1.5), e().exponential_(1.5, generator=tg))
    same(R.geometric(g, m, d, 0.3), e().geometric_(0.3, generator=tg))
    same(R.cauchy(g, m, d, 0.5, 1.5), e().cauchy_(0.5, 1.5, generator=tg))
    same(R.log_normal(g, m, d, 0.5, 0.75), e().log_normal_(0.5, 0.75, generator=tg))
    same(R.bernoulli(g, 0.3, n, d), torch.empty(n, dtype=td).bernoulli_(0.3, generator=tg))
    same(R.random_full(g, m, d), e().random_(generator=tg))
    same(R.integers(g, m, d, -7, 90), e().random_(-7, 90, generator=tg))
    same_state(g, tg)


@pytest.mark.parametrize("name", INTS)
@pytest.mark.parametrize("n", (0, 1, 17, 1000))
def test_integer_draws(torch, name, n):
    td, d = getattr(torch, name), npd(name)
    g, tg = pair(torch, n)
    e = lambda: torch.empty(n, dtype=td)
    same(R.random_full(g, n, d), e().random_(generator=tg))
    same(R.bernoulli(g, 0.7, n, d), e().bernoulli_(0.7, generator=tg))
    low, high = (0, 2) if name == "bool" else (3, 100)
    same(R.integers(g, n, d, low, high), e().random_(low, high, generator=tg))
    same(R.integers(g, n, d, 1), e().random_(1, None, generator=tg))
    if name not in ("bool", "uint8"):
        same(R.integers(g, n, d, -100, -3), torch.randint(-100, -3, (n,), dtype=td, generator=tg))
    if name != "bool":
        same(R.geometric(g, n, d, 0.4), e().geometric_(0.4, generator=tg))
    same_state(g, tg)


@pytest.mark.parametrize("low,high", [(0, 2**28 - 1), (0, 2**28), (-5, 2**33), (-(2**63), 2**63 - 1), (2, 2**28 + 1)])
def test_wide_ranges_draw_64_bits(torch, low, high):
    g, tg = pair(torch)
    same(R.integers(g, 100, np.int64, low, high), torch.randint(low, high, (100,), generator=tg))
    same(R.integers(g, 9, np.int64, -(2**63)), torch.empty(9, dtype=torch.int64).random_(-(2**63), None, generator=tg))
    same_state(g, tg)


@pytest.mark.filterwarnings("ignore:.*out of bounds")
def test_float_targets_keep_the_bounds_after_rounding(torch):
    for name, high in (("float16", 65504), ("bfloat16", 1000), ("float32", 2**24 + 5), ("float64", 2**53 + 3)):
        g, tg = pair(torch)
        ours = R.integers(g, 200, npd(name), 3, high)
        same(ours, torch.empty(200, dtype=getattr(torch, name)).random_(3, high, generator=tg))
        same(R.integers(g, 20, npd(name), 5), torch.empty(20, dtype=getattr(torch, name)).random_(5, None, generator=tg))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 511, 512, 513, 5000, 60000])
def test_permutation(torch, n):
    g, tg = pair(torch, n)
    same(R.permutation(g, n), torch.randperm(n, generator=tg))
    if n < 2049:
        same(R.permutation(g, n, np.float16), torch.randperm(n, generator=tg, dtype=torch.float16))
    same_state(g, tg)


def test_bulk_permutation_is_the_swaps_one_after_the_other():
    rng = np.random.default_rng(0)
    for n in (2, 3, 7, 50, 3000):
        at = np.arange(n - 1)
        with_ = at + rng.integers(0, n - at)
        expected = list(range(n))
        for i, j in zip(at, with_, strict=True):
            expected[i], expected[j] = expected[j], expected[i]
        from lightwell.random.draws import _swapped

        np.testing.assert_array_equal(_swapped(at, with_, n), expected)


def test_very_long_permutations_shuffle_inside_out(monkeypatch):
    from lightwell.random.draws import _inside_out

    out = _inside_out(R.Generator().manual_seed(3), 1000, np.dtype(np.int64))
    words = R.Generator().manual_seed(3).words64(1000)
    expected = []
    for i, w in enumerate(words.tolist()):
        z = w % (i + 1)
        expected.append(i)
        expected[i] = expected[z]
        expected[z] = i
    np.testing.assert_array_equal(out, expected)


def test_mixed_calls_share_the_cached_normal(torch):
    g, tg = pair(torch)
    for n in (1, 2, 5, 16, 3, 1, 20, 7, 1, 1, 4):
        same(R.normal(g, n), torch.randn(n, generator=tg))
        same(R.uniform(g, n, np.float64), torch.rand(n, dtype=torch.float64, generator=tg))
        same(R.normal(g, n, np.float64, 2, 3), torch.empty(n, dtype=torch.float64).normal_(2, 3, generator=tg))
        same(R.log_normal(g, n), torch.empty(n).log_normal_(generator=tg))
        same_state(g, tg)


@pytest.mark.parametrize("name", ("complex64", "complex128"))
@pytest.mark.parametrize("n", (0, 1, 7, 8, 9, 100))
def test_complex(torch, name, n):
    g, tg = pair(torch)
    td = getattr(torch, name)
    same(R.uniform(g, n, np.dtype(name)), torch.rand(n, dtype=td, generator=tg))
    same(R.normal(g, n, np.dtype(name)), torch.randn(n, dtype=td, generator=tg))
    same_state(g, tg)


def test_strided_targets_are_filled_in_the_order_of_memory(torch):
    for make in (lambda b: b.T, lambda b: b[:, ::2], lambda b: b[1:].swapaxes(0, 1)):
        for shape in ((7, 9), (3, 5, 4)):
            base, tbase = np.zeros(shape, np.float32), torch.zeros(shape)
            ours = make(base)
            offset = ours.__array_interface__["data"][0] - base.__array_interface__["data"][0]
            theirs = torch.as_strided(tbase, ours.shape, [s // 4 for s in ours.strides], offset // 4)
            g, tg = pair(torch)
            R.fill(ours, lambda s, g=g: R.normal(g, s, np.float32, contiguous=False))
            theirs.normal_(generator=tg)
            np.testing.assert_array_equal(ours, theirs.numpy())
            R.fill(ours, lambda s, g=g: R.uniform(g, s, np.float32))
            theirs.uniform_(generator=tg)
            np.testing.assert_array_equal(base, tbase.numpy())
            same_state(g, tg)


@pytest.mark.parametrize("name", FLOATS)
def test_normal_of_tensors(torch, name):
    td = getattr(torch, name)
    torch.manual_seed(0)
    mean, std = torch.randn(5, 1, dtype=td), torch.rand(7, dtype=td)
    m, s = mean.float().numpy().astype(npd(name)), std.float().numpy().astype(npd(name))
    if name == "float64":
        m, s = mean.numpy(), std.numpy()
    g, tg = pair(torch)
    same(R.normal(g, (5, 7), npd(name), m, s), torch.normal(mean, std, generator=tg))
    same(R.normal(g, (5, 1), npd(name), m, 1.5), torch.normal(mean, 1.5, generator=tg))
    same(R.normal(g, (7,), npd(name), 0.5, s), torch.normal(0.5, std, generator=tg))
    same_state(g, tg)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("shape", [(5,), (40, 30)])
def test_bernoulli_of_a_tensor(torch, name, shape):
    p = torch.rand(shape, generator=torch.Generator().manual_seed(1)).to(getattr(torch, name))
    q = p.float().numpy().astype(npd(name)) if name != "float64" else p.numpy()
    g, tg = pair(torch)
    same(R.bernoulli(g, q, dtype=q.dtype), torch.bernoulli(p, generator=tg))
    theirs = torch.empty(3, *shape, dtype=torch.int32).bernoulli_(p, generator=tg)
    same(R.bernoulli(g, q, (3, *shape), np.int32), theirs)
    same_state(g, tg)


def test_dropout_mask_is_bernoulli_of_a_number(torch):
    torch.manual_seed(5)
    dropped = torch.nn.functional.dropout(torch.ones(3001), 0.4)
    mask = R.bernoulli(R.Generator().manual_seed(5), 0.6, 3001)
    np.testing.assert_array_equal(mask != 0, dropped.numpy() != 0)
    for p in (0.0, 1.0):
        g, tg = pair(torch)
        same(R.bernoulli(g, p, 50), torch.empty(50).bernoulli_(p, generator=tg))
        same_state(g, tg)


@pytest.mark.parametrize("name", FLOATS)
def test_multinomial(torch, name):
    gen = torch.Generator().manual_seed(3)
    for shape in ((6,), (4, 9), (2, 1000)):
        p = torch.rand(shape, generator=gen).to(getattr(torch, name))
        q = p.float().numpy().astype(npd(name)) if name != "float64" else p.numpy()
        g, tg = pair(torch)
        for n, replacement in ((1, False), (4, False), (1, True), (50, True)):
            same(R.multinomial(g, q, n, replacement), torch.multinomial(p, n, replacement, generator=tg))
        same_state(g, tg)


@pytest.mark.parametrize("name", ("float32", "float64"))
def test_rejection_samplers(torch, name):
    td = getattr(torch, name)
    rate = torch.tensor([0.0, 0.1, 3.3, 9.99, 10.0, 55.5, 1234.5] * 60, dtype=td)
    count = torch.tensor([0.0, 1, 7, 25, 100, 1000, 40] * 60, dtype=td)
    prob = torch.tensor([0.5, 0.0, 0.3, 0.9, 0.2, 0.75, 1.0, 0.01] * 60, dtype=td)[: len(count)]
    alpha = torch.tensor([0.0, 0.05, 0.7, 1.0, 3.3, 100.0] * 60, dtype=td)
    g, tg = pair(torch)
    same(R.normal(g, 1), torch.randn(1, generator=tg))
    same(R.poisson(g, rate.numpy()), torch.poisson(rate, generator=tg))
    same(R.binomial(g, count.numpy(), prob.numpy()), torch.binomial(count, prob, generator=tg))
    many = torch.full((50,), 3e7, dtype=td)
    same(R.binomial(g, many.numpy(), prob.numpy()[:50]), torch.binomial(many, prob[:50], generator=tg))
    same(R.gamma(g, alpha.numpy()), torch._standard_gamma(alpha, generator=tg))
    same_state(g, tg)
    a = torch.rand(6, 5, dtype=td, generator=tg) + 0.1
    R.uniform(g, (6, 5), npd(name))
    theirs = torch._sample_dirichlet(a, generator=tg)
    np.testing.assert_allclose(R.dirichlet(g, a.numpy()), theirs.numpy(), rtol=2e-15 if name == "float64" else 2e-7)
    same_state(g, tg)


@pytest.mark.parametrize("seed", [0, 1, -1, 2**32 - 1, 2**32, 2**40 + 3, 2**63, 2**64 - 1, -(2**63)])
def test_seeds(torch, seed):
    g, tg = R.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    assert g.initial_seed() == tg.initial_seed()
    same_state(g, tg)
    same(R.uniform(g, 700), torch.rand(700, generator=tg))
    same_state(g, tg)


def test_states_travel_both_ways(torch):
    g, tg = pair(torch)
    for n in (0, 3, 624, 621, 1000):
        torch.randn(3, generator=tg)
        torch.rand(n, generator=tg)
        g.set_state(tg.get_state().numpy())
        same_state(g, tg)
        other = torch.Generator()
        other.set_state(torch.from_numpy(np.array(g.get_state())))
        same(R.normal(g, 9), torch.randn(9, generator=other))
        same(R.uniform(g, 9), torch.rand(9, generator=other))
    assert R.Generator().initial_seed() == torch.Generator().initial_seed()


def test_two_million_pairs_of_float32_normals(torch):
    """About a tenth of the 2**24 values that the logarithm, the cosine and the sine are ever asked for."""
    g, tg = pair(torch, 99)
    same(R.normal(g, 4_000_000), torch.randn(4_000_000, generator=tg))


# -- without PyTorch -----------------------------------------------------------------------------------------------

# printed by PyTorch 2.13 for the draws of _stored, seed 0
STORED = """
    0x1.fc2ab00000000p-2 0x1.89545e0000000p-1 0x1.6a67500000000p-4 0x1.ccc09a4eb3430p-5 0x1.297dc5bebb618p-4
    0x1.ca00000000000p-1 0x1.d200000000000p-2 0x1.4b64160000000p-1 0x1.fdf4e00000000p-3 -0x1.5771d20000000p-2
    -0x1.96313c0000000p+0 0x1.3406780000000p+0 0x1.5a410e0000000p-4 0x1.779107c3069d9p-1 -0x1.5266d8f957969p+0
    0x1.0000000000000p+2 0x1.8000000000000p+1 0x1.2000000000000p+3 0x1.ce1ed5df52000p+39 0x1.cd5589c918000p+37
    0x1.8000000000000p+1 0x1.0000000000000p+2 0x0.0p+0 0x1.0000000000000p+1 0x1.0000000000000p+0
    0x1.0000000000000p+0 0x1.0000000000000p+0 0x0.0p+0 0x0.0p+0 0x0.0p+0 0x0.0p+0 0x1.50f6aa0000000p+1
    0x1.3ae4720000000p+1 0x1.e800000000000p+7 0x1.0600000000000p+7 0x1.0000000000000p+1 0x0.0p+0
    0x1.8000000000000p+1 0x1.0000000000000p+0 -0x1.114c6c0000000p+0 0x1.6d6e7c0000000p+1 0x1.b15e5c0000000p+2
    0x1.bca7da0000000p+0
"""


def _stored(g):
    """A run of every kind of draw, as a list of numbers."""
    out = [R.uniform(g, 3), R.uniform(g, 2, np.float64), R.uniform(g, 2, BF16), R.normal(g, 3), R.normal(g, 17)[-3:]]
    out += [R.normal(g, 16, np.float64)[:2], R.integers(g, 3, high=10), R.integers(g, 2, high=2**40)]
    out += [R.permutation(g, 5), R.bernoulli(g, 0.5, 6), R.exponential(g, 2), R.random_full(g, 2, np.uint8)]
    out += [R.multinomial(g, np.array([0.1, 0.2, 0.7]), 2), R.geometric(g, 2), R.cauchy(g, 2), R.log_normal(g, 2)]
    return [float(v).hex() for a in out for v in a]


@pytest.fixture
def g():
    return R.Generator().manual_seed(0)


def test_stored_stream(g):
    assert _stored(g) == STORED.split()


def test_get_set_and_clone(g):
    R.normal(g, 3)
    state = g.get_state()
    assert np.asarray(state).dtype == np.uint8 and tuple(state.shape) == (5056,)
    a = R.normal(g, 40)
    g.set_state(state)
    for other in (g.clone_state(), pickle.loads(pickle.dumps(g)), g):
        np.testing.assert_array_equal(R.normal(other, 40), a)
        assert other.initial_seed() == 0


def test_default_generator_and_fork():
    R.manual_seed(3)
    assert R.initial_seed() == 3 and R.default_generator.initial_seed() == 3
    state = R.get_rng_state()
    first = R.uniform(None, 4)
    R.set_rng_state(state)
    with R.fork_rng():
        np.testing.assert_array_equal(R.uniform(None, 4), first)
    np.testing.assert_array_equal(R.uniform(None, 4), first)
    R.set_rng_state(state)
    with R.fork_rng(enabled=False):
        R.uniform(None, 4)
    assert not np.array_equal(R.uniform(None, 4), first)
    drawn = R.seed()
    assert R.initial_seed() == drawn
    with pytest.raises(ZeroDivisionError), R.fork_rng():
        R.manual_seed(1)
        1 / 0
    assert R.initial_seed() == drawn


@pytest.mark.parametrize(
    "error,call",
    [
        (RuntimeError, lambda g: g.manual_seed(1.5)),
        (ValueError, lambda g: g.manual_seed(2**64)),
        (RuntimeError, lambda g: g.set_state(np.zeros(10, np.uint8))),
        (RuntimeError, lambda g: g.set_state(np.zeros(5056, np.uint8))),
        (TypeError, lambda g: g.set_state(np.zeros(5056, np.float32))),
        (TypeError, lambda g: g.set_state(3)),
        (RuntimeError, lambda g: R.Generator("cuda")),
        (RuntimeError, lambda g: g.get_offset()),
        (RuntimeError, lambda g: R.uniform(g, 3, np.float32, 2, 1)),
        (RuntimeError, lambda g: R.uniform(g, 3, np.float32, -3e38, 3e38)),
        (RuntimeError, lambda g: R.uniform(g, 3, np.float16, 0, 1e6)),
        (NotImplementedError, lambda g: R.uniform(g, 3, np.int32)),
        (NotImplementedError, lambda g: R.normal(g, 3, np.int32)),
        (RuntimeError, lambda g: R.normal(g, 3, np.float32, 0, -1)),
        (RuntimeError, lambda g: R.normal(g, (2,), np.float32, np.zeros(2), np.array([1.0, -1]))),
        (RuntimeError, lambda g: R.integers(g, 3, np.int64, 5, 5)),
        (RuntimeError, lambda g: R.integers(g, 3, np.uint8, 0, 300)),
        (RuntimeError, lambda g: R.integers(g, 3, np.float16, 0, 70000)),
        (RuntimeError, lambda g: R.permutation(g, -1)),
        (RuntimeError, lambda g: R.permutation(g, 3000, np.float16)),
        (RuntimeError, lambda g: R.bernoulli(g, 1.5, 3)),
        (RuntimeError, lambda g: R.bernoulli(g, np.array([1.5]))),
        (RuntimeError, lambda g: R.exponential(g, 3, np.float32, -1)),
        (RuntimeError, lambda g: R.exponential(g, 3, np.int32)),
        (RuntimeError, lambda g: R.geometric(g, 3, np.float32, 1.0)),
        (RuntimeError, lambda g: R.cauchy(g, 3, np.float32, 0, -1)),
        (RuntimeError, lambda g: R.log_normal(g, 3, np.float32, 0, -1)),
        (RuntimeError, lambda g: R.poisson(g, np.array([-1.0]))),
        (NotImplementedError, lambda g: R.binomial(g, np.ones(2, np.float16), np.ones(2, np.float16))),
        (RuntimeError, lambda g: R.multinomial(g, np.array([-1.0, 2]), 1)),
        (RuntimeError, lambda g: R.multinomial(g, np.array([0.0, 0]), 1)),
        (RuntimeError, lambda g: R.multinomial(g, np.array([1.0, 0]), 3)),
        (RuntimeError, lambda g: R.multinomial(g, np.array([1.0, 0]), 0)),
        (RuntimeError, lambda g: R.multinomial(g, np.array([1, 0]), 1)),
        (RuntimeError, lambda g: R.multinomial(g, np.array([np.inf, 0]), 1, True)),
        (RuntimeError, lambda g: R.multinomial(g, np.ones((2, 2, 2)), 1)),
    ],
)
def test_errors(g, error, call):
    with pytest.raises(error):
        call(g)


def test_fused_multiply_add_rounds_once():
    from fractions import Fraction

    from lightwell.random.rounding import fma32, fma64

    rng = np.random.default_rng(1)
    for dtype, fma in ((np.float32, fma32), (np.float64, fma64)):
        bits = 24 if dtype == np.float32 else 53
        a = rng.standard_normal(300).astype(dtype)
        for b, c in ((1.7, 2.3), (-0.3, 1e-5), (3.0, -3.0)):
            b, c = dtype(b), dtype(c)
            for x, got in zip(a, fma(a, b, c), strict=True):
                exact = Fraction(float(x)) * Fraction(float(b)) + Fraction(float(c))
                error = abs(Fraction(float(got)) - exact)
                spacing = Fraction(2) ** (math.frexp(float(got))[1] - bits)
                assert error <= spacing / 2
