"""OpenBLAS's threads: one place sets them, and products within `one_thread` stay on one."""

import threading

import numpy as np
import pytest

import lightwell as lw
from lightwell.backend import blas


@pytest.fixture
def told(monkeypatch):
    """What OpenBLAS is told, in order; two threads are allowed."""
    before, calls = lw.get_num_threads(), []
    lw.set_num_threads(2)
    monkeypatch.setattr(blas, "_functions", {"threads": calls.append})
    monkeypatch.setattr(blas, "_threads_now", 0)
    monkeypatch.setattr(blas, "_least", blas.ONE_THREAD)  # no kernels run beside
    yield calls
    lw.set_num_threads(before)


def test_share_by_size(told):
    for work in (10, 20, blas.ONE_THREAD, 10 * blas.ONE_THREAD, 10):
        blas.share(work)
    assert told == [1, 2, 1]  # told only where it changes
    lw.set_num_threads(3)
    blas.share(blas.ONE_THREAD)
    assert told == [1, 2, 1, 3]


def test_one_thread_holds_against_share(told):
    blas.share(blas.ONE_THREAD)
    with blas.one_thread():
        with blas.one_thread():
            blas.share(10 * blas.ONE_THREAD)
        blas.share(10 * blas.ONE_THREAD)
        assert told == [2, 1]
    assert told == [2, 1, 2]


def test_one_thread_ends_with_the_last_user(told):
    entered, leave = threading.Event(), threading.Event()

    def other():
        with blas.one_thread():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with blas.one_thread():
        thread.start()
        assert entered.wait(10)
    assert told == [1]  # the other still computes
    leave.set()
    thread.join()
    assert told == [1, 2]


def test_an_error_inside_gives_the_threads_back(told):
    with pytest.raises(ValueError), blas.one_thread():
        raise ValueError
    assert told == [1, 2] and blas._alone == 0


def test_openblas_is_found_and_obeys():
    found = blas._find()
    if not found:
        pytest.skip("this NumPy brings no OpenBLAS")
    for dtype in (np.float32, np.float64):
        x, y = np.arange(6, dtype=dtype), np.ones(6, dtype)
        assert blas.axpy(2.0, x, y)
        np.testing.assert_array_equal(y, 2 * np.arange(6) + 1)
    assert not blas.axpy(2.0, x[::2], y[::2])
    assert not blas.axpy(2.0, x.astype(np.float16), y.astype(np.float16))


def test_convolution_computes_within_one_thread(told, monkeypatch):
    monkeypatch.setattr("lightwell.backend.convolve.SPLIT", 0)
    y = lw.nn.functional.conv2d(lw.ones(4, 2, 6, 6), lw.ones(3, 2, 3, 3))
    assert y.shape == (4, 3, 4, 4) and (y == 18).all()
    assert told == [1, 2]
