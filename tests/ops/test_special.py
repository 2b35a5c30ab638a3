"""Special functions against mpmath's digits, and threads."""

import numpy as np
import pytest

import lightwell as lw
from lightwell.backend import special as S
from lightwell.backend import threads

mp = pytest.importorskip("mpmath")
rng = np.random.default_rng(0)


def between(lo, hi, n=60):
    return rng.uniform(lo, hi, n)


CASES = [
    ("erf", mp.erf, np.r_[between(-6, 6), between(-1e-3, 1e-3)]),
    ("erfc", mp.erfc, np.r_[between(-6, 26), between(-1, 1)]),
    ("erfcx", lambda x: mp.exp(x * x) * mp.erfc(x), between(-5, 26)),
    ("erfinv", mp.erfinv, np.r_[between(-1, 1), 1 - 10.0 ** -between(1, 15, 20)]),
    ("ndtr", mp.ncdf, between(-10, 10)),
    ("log_ndtr", lambda x: mp.log(mp.ncdf(x)), between(-30, 6)),
    ("lgamma", mp.loggamma, np.r_[between(0, 3), between(3, 1e4), between(0.99, 1.01), between(1.99, 2.01)]),
    ("digamma", mp.digamma, np.r_[between(0, 3), between(3, 1e4), between(1.46, 1.463)]),
    ("i0", lambda x: mp.besseli(0, x), np.r_[between(-10, 10), between(10, 600)]),
    ("i1", lambda x: mp.besseli(1, x), np.r_[between(-10, 10), between(10, 600)]),
    ("i0e", lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), between(-100, 100)),
    ("i1e", lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), between(-100, 100)),
    ("bessel_k0", lambda x: mp.besselk(0, x), between(0.01, 50)),
    ("bessel_k1", lambda x: mp.besselk(1, x), between(0.01, 50)),
]


@pytest.mark.parametrize("name, exact, x", CASES, ids=[c[0] for c in CASES])
def test_relative_error(name, exact, x):
    with mp.workdps(40):
        expected = [exact(mp.mpf(float(v))) for v in x]
        got = getattr(S, name)(x)
        worst = max(abs(float((mp.mpf(float(g)) - e) / e)) for g, e in zip(got, expected) if e != 0)
    assert worst < 2e-15
    narrow = getattr(S, name)(x.astype(np.float32))
    assert narrow.dtype == np.float32


@pytest.mark.parametrize("order", (0, 1))
def test_oscillating_bessel_functions(order):
    x = np.r_[between(0.1, 8), between(8, 100)]
    for name, exact in (("bessel_j", mp.besselj), ("bessel_y", mp.bessely)):
        got = getattr(S, f"{name}{order}")(x)
        assert max(abs(g - float(exact(order, mp.mpf(float(v))))) for g, v in zip(got, x)) < 3e-15


def test_polygamma_and_zeta():
    x = between(0.05, 20)
    for n in (1, 2, 5):
        got = S.polygamma(n, x)
        assert max(abs(float(g / mp.polygamma(n, mp.mpf(float(v)))) - 1) for g, v in zip(got, x)) < 1e-14
    assert abs(S.zeta(np.array(2.0), np.array(1.0)) - np.pi**2 / 6) < 1e-15


def test_special_values():
    inf, nan = np.inf, np.nan
    assert S.erf(np.array([inf, -inf, 0.0])).tolist() == [1, -1, 0]
    assert S.erfinv(np.array([1.0, -1.0, 0.0])).tolist() == [inf, -inf, 0]
    assert np.isnan(S.erfinv(np.array([1.5, nan]))).all()
    assert S.lgamma(np.array([0.0, -1.0, inf, 1.0, 2.0])).tolist() == [inf, inf, inf, 0, 0]
    assert np.isnan(S.digamma(np.array([-1.0, nan]))).all()


def test_float32_error_function_is_float32_exact():
    x = between(-4, 4, 2000).astype(np.float32)
    exact = np.array([float(mp.erf(float(v))) for v in x])
    assert (np.abs(S.erf(x) - exact) <= 6 * np.spacing(np.abs(exact).astype(np.float32))).all()


def test_threads_cover_all_rows_and_hand_errors_on():
    seen = np.zeros(1000, int)

    def count(start, stop):
        seen[start:stop] += 1

    threads.parallel_rows(count, 1000, 10)
    assert (seen == 1).all()

    def fail(start, stop):
        if stop == 1000:
            raise KeyError("from a worker")

    with pytest.raises(KeyError):
        threads.parallel_rows(fail, 1000, 10)


def test_number_of_threads():
    before = lw.get_num_threads()
    try:
        lw.set_num_threads(1)
        x = lw.ones(300_000)
        assert lw.get_num_threads() == 1 and lw.equal(x.exp()[:3], lw.ones(3).exp())
        with pytest.raises(RuntimeError, match="positive"):
            lw.set_num_threads(0)
    finally:
        lw.set_num_threads(before)
