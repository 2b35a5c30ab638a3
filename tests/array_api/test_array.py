"""The Array class: indexing in both directions, operators, in-place rules, what results are, how it stays a tensor."""

import copy
import io
import pickle
import random

import numpy as np
import pytest

import lightwell as lw
import lightwell.array_api as xp


def random_key(shape, draw):
    """A key of numbers, slices of any step, new axes and an ellipsis."""

    def bound(n):
        return draw.choice([None, *range(-n, n + 1)])

    key = []
    for n in shape:
        r = draw.random()
        if r < 0.1:
            key.append(None)
        if r < 0.35 and n:
            key.append(draw.randrange(-n, n))
        elif r < 0.85:
            key.append(slice(bound(n), bound(n), draw.choice([None, 1, 2, 3, -1, -2, -3])))
        elif ... not in key:
            key.append(...)
            break
        else:
            key.append(slice(None))
    if draw.random() < 0.2:
        key.append(None)
    return key[0] if len(key) == 1 and draw.random() < 0.5 else tuple(key)


def test_keys_of_every_kind():
    draw = random.Random(0)
    for k in range(1500):
        shape = tuple(draw.randrange(5) for _ in range(draw.randrange(5)))
        a = np.asarray(np.random.default_rng(k).normal(size=shape))
        key = random_key(shape, draw)
        want, x = a[key], xp.asarray(a.copy())
        got = x[key]
        assert type(got) is xp.Array and got.shape == want.shape and np.array_equal(got._a, want), (shape, key)
        value = np.random.default_rng(k).normal(size=draw.choice([want.shape, (), want.shape[-1:]]))
        for v in (np.asarray(value), 2.5):
            a[key] = v
            x[key] = xp.asarray(v)
            assert np.array_equal(x._a, a), (shape, key)


def test_index_arrays_and_masks():
    a = np.arange(12).reshape(3, 4)
    x = xp.reshape(xp.arange(12), (3, 4))
    i, j = np.array([0, 2, -1]), np.array([[1], [2]])
    for d in (np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64):
        k = np.abs(i).astype(d)
        assert x[xp.asarray(k)].tolist() == a[k].tolist()
    for key in ((i, j), (1, i), (i, 0), (j, j)):
        ours = tuple(xp.asarray(k) if isinstance(k, np.ndarray) else k for k in key)
        assert np.array_equal(x[ours]._a, a[key]) and type(x[ours]) is xp.Array
    assert x[x > 5].tolist() == a[a > 5].tolist()
    x[x > 5] = 0
    assert int(xp.max(x)) == 5
    x[xp.asarray([0, 1]), xp.asarray([0, 1])] = xp.asarray([7, 8])
    assert int(x[0, 0]) == 7 and int(x[1, 1]) == 8
    z = xp.asarray(3.0)
    assert z[()].shape == z[...].shape == () and z[None].shape == z[xp.asarray(True)].shape == (1,)
    assert z[xp.asarray(False)].shape == (0,)
    for key in (3, -4, (0, 4), (0, 0, 0), xp.asarray([3]), (xp.asarray([0]), 4)):
        with pytest.raises(IndexError):
            x[key]
    with pytest.raises(IndexError, match="two steps"):
        x[::-1, xp.asarray([0])]


def test_a_reversed_slice_has_gradients():
    x = xp.asarray([1.0, 2.0, 3.0])
    x.requires_grad = True
    y = x * 1
    y[::-1] = xp.asarray([10.0, 20.0, 30.0]) * x
    xp.sum(y * x[::-2][0]).backward()
    # y = (30·x₂, 20·x₁, 10·x₀), all times x₂: d/dx = (10x₂, 20x₂, 2·30x₂ + 20x₁ + 10x₀)
    assert x.grad.tolist() == [30.0, 60.0, 230.0]


def test_promotion_knows_no_dimensions():
    x, y = xp.ones(2), xp.asarray(1.0, dtype=xp.float64)
    assert (x + y).dtype is (y * x).dtype is xp.float64
    assert (lw.ones(2) + lw.tensor(1.0, dtype=lw.float64)).dtype is lw.float32  # PyTorch's rule stays with tensors
    u = xp.asarray([1, 2], dtype=xp.uint16)
    assert (u + xp.asarray(1, dtype=xp.int32)).dtype is xp.int32 and (u + 1).dtype is xp.uint16
    assert (xp.ones(1, dtype=xp.complex64) * xp.ones(1, dtype=xp.float64)).dtype is xp.complex128
    assert (x + 1j).dtype is xp.complex64 and (xp.arange(2) == 1.5).dtype is xp.bool


def test_operators_with_numbers_on_the_left():
    x = xp.asarray([2, 3])
    assert (1 - x).tolist() == [-1, -2] and (2**x).tolist() == [4, 8] and (7 // x).tolist() == [3, 2] and (7 % x).tolist() == [1, 1]
    assert (1 / xp.asarray([2.0])).tolist() == [0.5] and (True ^ xp.asarray([True])).tolist() == [False]
    assert (1 << x).tolist() == [4, 8] and (x < 3).tolist() == (3 > x).tolist() == [True, False]
    assert abs(-x).tolist() == (+x).tolist() == [2, 3] and (~x).tolist() == [-3, -4]
    with pytest.raises(ValueError, match="negative integer powers"):
        x**-1
    with pytest.raises(OverflowError):
        xp.asarray([1], dtype=xp.int8) + 200


def test_in_place():
    x = xp.asarray([1.0, 2.0])
    y = x
    x += 1
    x *= xp.asarray([2.0, 3.0])
    x -= xp.asarray(1.0)
    x /= 2
    assert y is x and x.tolist() == [1.5, 4.0] and type(x) is xp.Array
    with pytest.raises(ValueError, match="in place"):
        x += xp.ones((2, 2))
    n = xp.asarray([1, 2])
    with pytest.raises(TypeError, match="in place"):
        n += 1.5
    n <<= 1
    n |= 1
    assert n.tolist() == [3, 5]
    m = xp.ones((2, 2))
    m @= xp.ones((2, 2))
    assert m.tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_conversions():
    assert bool(xp.asarray(2)) and int(xp.asarray(2.0)) == 2 and float(xp.asarray(1)) == 1.0 and complex(xp.asarray(2)) == 2
    assert [10, 20][xp.asarray(1)] == 20
    with pytest.raises(TypeError):
        xp.asarray(1.0).__index__()
    with pytest.raises(ValueError, match="only one element"):
        int(xp.ones(2))
    assert len(xp.ones((2, 3))) == 2 and [int(v) for v in xp.arange(3)] == [0, 1, 2]
    assert type(next(iter(xp.ones((2, 3))))) is xp.Array
    with pytest.raises(ValueError, match="streams"):
        xp.ones(1).to_device("cpu", stream=1)


def test_transposes():
    x = xp.ones((2, 3, 4))
    assert x.mT.shape == (2, 4, 3)
    with pytest.raises(ValueError, match="matrix"):
        x.T
    with pytest.raises(ValueError, match="at least 2"):
        xp.ones(2).mT


def test_size_is_a_number_and_answers_pytorch_too():
    x = xp.ones((2, 3))
    assert x.size == 6 and isinstance(x.size, int) and x.size() == (2, 3) and x.size(1) == 3
    assert lw.ones(2, 3).size() == (2, 3)


def test_what_results_are():
    t = lw.ones(2)
    x = xp.asarray(2.0)
    assert isinstance(x, lw.Tensor) and type(x + x) is xp.Array
    for plain in (xp.exp(t), t * x, x * t, xp.add(t, x), xp.asarray(t), xp.concat([t, xp.ones(1)]), *xp.unstack(t)):
        assert type(plain) is lw.Tensor
    assert xp.asarray(t) is t and type(xp.from_dlpack(t)) is xp.Array
    assert t.__array_namespace__() is xp
    assert type(lw.relu(xp.ones(2))) is lw.Tensor


def test_copies_and_files():
    x = xp.asarray([1.0, 2.0])
    assert type(copy.deepcopy(x)) is xp.Array and isinstance(copy.copy(x), lw.Tensor)
    assert type(pickle.loads(pickle.dumps(x))) is lw.Tensor
    file = io.BytesIO()
    lw.save({"x": x}, file)
    file.seek(0)
    assert lw.load(file)["x"].tolist() == [1.0, 2.0]
    assert repr(x) == "tensor([1., 2.])"


def test_it_is_a_tensor_for_networks():
    layer = lw.nn.Linear(3, 2)
    out = layer(xp.ones((4, 3)))
    out.sum().backward()
    assert out.shape == (4, 2) and layer.weight.grad.tolist() == [[4.0] * 3] * 2
