"""x[key] and x[key] = v against PyTorch: every kind of key, values, gradients, views, errors; and random keys."""

import warnings

import numpy as np
import pytest

import lightwell as lw
from tests.ops.agreement import agree

torch = pytest.importorskip("torch")

X = np.random.default_rng(5).standard_normal((4, 3, 5))
I, J = np.array([0, 2, -1, 0]), np.array([[1], [2]])
MASK = np.array([True, False, True, True])
MASK2 = np.arange(12).reshape(4, 3) % 5 < 2

NAMED = {
    "int": lambda f, x: x[1],
    "negative int": lambda f, x: x[-1],
    "ints": lambda f, x: x[1, 2, 3],
    "slice": lambda f, x: x[1:3],
    "slice steps": lambda f, x: x[::2, 1:, -4:-1:2],
    "slice then int": lambda f, x: x[1:, 0],
    "int then slice": lambda f, x: x[0, 1:],
    "None": lambda f, x: x[None],
    "None inside": lambda f, x: x[:, None, 1],
    "Ellipsis": lambda f, x: x[..., 0],
    "Ellipsis only": lambda f, x: x[...],
    "0-dim tensor": lambda f, x: x[f.tensor(2)],
    "tensor": lambda f, x: x[f.tensor(I)],
    "list": lambda f, x: x[[0, 0, 3]],
    "range": lambda f, x: x[range(2)],
    "array": lambda f, x: x[I],
    "second tensor": lambda f, x: x[:, f.tensor(J)],
    "two tensors": lambda f, x: x[f.tensor(I[:2]), f.tensor(J)],
    "tensors apart": lambda f, x: x[f.tensor([0, 1]), :, f.tensor([2, 2])],
    "int and tensor apart": lambda f, x: x[0, :, f.tensor([2, 2])],
    "tensor and None": lambda f, x: x[f.tensor([0, 1]), None, f.tensor([2, 2])],
    "mask": lambda f, x: x[f.tensor(MASK)],
    "mask of two dims": lambda f, x: x[f.tensor(MASK2)],
    "full mask": lambda f, x: x[x > 0],
    "mask and tensor": lambda f, x: x[f.tensor(MASK), f.tensor([0, 1, 1])],
    "mask and slice": lambda f, x: x[1:, f.tensor([True, False, True]), ::2],
    "empty list": lambda f, x: x[[]],
    "True": lambda f, x: x[True],
    "False": lambda f, x: x[False],
    "nested lists": lambda f, x: x[[[0, 1], [1, 2]]],
    "big repeats": lambda f, x: x[f.tensor(np.arange(400) % 3), 1:],
    "big repeats apart": lambda f, x: x[f.tensor(np.arange(400) % 3), :, f.tensor(np.arange(400) % 5)],
    "big repeats inside": lambda f, x: x[:, f.tensor(np.arange(400).reshape(20, 20) % 3 - 1)],
    "big repeats elements": lambda f, x: x[f.tensor(np.arange(900) % 3), f.tensor(np.arange(900) % 2), f.tensor(np.arange(900) % 5)],
}


@pytest.mark.parametrize("name", NAMED)
def test_getitem(name):
    call = NAMED[name]
    agree(torch, lambda f, x: call(f, x * x), X, grad=True, tolerance=1e-6)


WRITES = {
    "int": (lambda f: 1, (3, 5)),
    "ints": (lambda f: (1, 2, 3), ()),
    "slices": (lambda f: (slice(1, 3), slice(None, None, 2)), (5,)),
    "None": (lambda f: (None, 1), (1, 3, 5)),
    "Ellipsis": (lambda f: (..., 2), (4, 3)),
    "all": (lambda f: ..., (3, 1)),
    "leading ones": (lambda f: 0, (1, 1, 5)),
    "tensor": (lambda f: f.tensor([2, 0]), (2, 1, 5)),
    "list": (lambda f: [3, 1], (3, 5)),
    "mixed": (lambda f: (slice(1, None), f.tensor([0, 2]), 1), (3, 1)),
    "tensors apart": (lambda f: (f.tensor([0, 1]), slice(None), f.tensor([2, 4])), (2, 3)),
    "mask": (lambda f: f.tensor(MASK), (3, 3, 5)),
    "mask of two dims": (lambda f: f.tensor(MASK2), (5,)),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("through", ["itself", "view"])
def test_setitem(name, through):
    key, shape = WRITES[name]
    value = np.random.default_rng(9).standard_normal(shape)

    def call(f, x, v):
        y = x * x
        z = y.transpose(0, 0).expand(4, 3, 5) if through == "view" else y
        z[key(f)] = v * v
        return [y * y, z]

    agree(torch, call, X, value, grad=True, names=False)


@pytest.mark.parametrize("name", WRITES)
def test_setitem_of_a_number(name):
    key, _ = WRITES[name]

    def call(f, x):
        y = x * x
        y[key(f)] = 2
        return y * y

    agree(torch, call, X, grad=True)
    for dtype in ("int32", "bool", "float16", "bfloat16", "complex64"):

        def plain(f, dtype=dtype):
            y = f.zeros(4, 3, 5, dtype=getattr(f, dtype))
            y[key(f)] = 1
            return y.to(f.complex64 if dtype == "complex64" else f.float32)

        agree(torch, plain)


ERRORS = {
    "range": lambda f: f.zeros(3)[3],
    "negative range": lambda f: f.zeros(3)[-4],
    "0-dim": lambda f: f.tensor(1.0)[0],
    "0-dim slice": lambda f: f.tensor(1.0)[:],
    "many": lambda f: f.zeros(3)[0, 0],
    "many slices": lambda f: f.zeros(3)[:, :],
    "step": lambda f: f.zeros(3)[::-1],
    "step 0": lambda f: f.zeros(3)[::0],
    "float": lambda f: f.zeros(3)[1.0],
    "string": lambda f: f.zeros(3)["a"],
    "float tensor": lambda f: f.zeros(3)[f.tensor([1.0])],
    "int16 tensor": lambda f: f.zeros(3)[f.tensor([1], dtype=f.int16)],
    "tensor range": lambda f: f.zeros(3)[f.tensor([3])],
    "tensors": lambda f: f.zeros(3, 3)[f.tensor([0, 1]), f.tensor([0, 1, 2])],
    "mask": lambda f: f.zeros(3)[f.tensor([True, False])],
    "write shape": lambda f: f.zeros(3).__setitem__(slice(0, 2), f.zeros(3)),
    "write shape, tensor": lambda f: f.zeros(3).__setitem__(f.tensor([0, 1]), f.zeros(3)),
    "write a list": lambda f: f.zeros(3).__setitem__(0, [1]),
    "write a leaf": lambda f: f.zeros(3, requires_grad=True).__setitem__(0, 1.0),
    "write an overlap": lambda f: f.zeros(1).expand(3).__setitem__(slice(None), 1.0),
    "write out of range": lambda f: f.zeros(3).__setitem__(3, 1.0),
    "write a complex number": lambda f: f.zeros(3).__setitem__(0, 1j),
    "write a large number": lambda f: f.zeros(3, dtype=f.int8).__setitem__(0, 300),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    agree(torch, ERRORS[name])


def test_messages():
    with pytest.raises(IndexError, match="index 5 is out of bounds for dimension 1 with size 2"):
        lw.zeros(3, 2)[0, 5]
    with pytest.raises(IndexError, match="too many indices for tensor of dimension 1"):
        lw.zeros(3)[0, 0]
    with pytest.raises(IndexError, match=r"mask \[2\] at index 0 does not match the shape of the indexed tensor \[3\]"):
        lw.zeros(3)[lw.tensor([True, False])]


def test_basic_keys_give_views_and_tensors_give_copies():
    x = lw.arange(24.0).reshape(2, 3, 4)
    for view in (x[0], x[:, 1], x[0, 1, 2], x[..., None], x[lw.tensor(1)], x[None, 1:, ::2]):
        assert view._is_view() and view.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    for copy in (x[[0]], x[lw.tensor([0, 1])], x[:, [0, 1]], x[x > 3], x[True]):
        assert copy.untyped_storage().data_ptr() != x.untyped_storage().data_ptr() and copy.is_contiguous()
    x[0, 1, 2].zero_()
    assert x[0, 1, 2] == 0


def test_changing_an_index_after_use_is_noticed():
    x, i = lw.ones(3, requires_grad=True), lw.tensor([0, 1])
    y = x[i]
    i[0] = 2
    with pytest.raises(RuntimeError, match="inplace operation"):
        y.sum().backward()


def test_changing_a_saved_value_by_setitem_is_noticed():
    x = lw.ones(3, requires_grad=True)
    y = x * 2
    z = y * y
    y[0] = 5.0
    with pytest.raises(RuntimeError, match="__setitem__"):
        z.sum().backward()


def random_key(rng):
    kinds = (
        lambda: int(rng.integers(-4, 4)),
        lambda: slice(*[None if rng.random() < 0.4 else int(v) for v in rng.integers(-4, 5, 2)], [None, 1, 2][rng.integers(3)]),
        lambda: None,
        lambda: ...,
        lambda: bool(rng.integers(2)),
        lambda: rng.integers(-2, 2, 2),
        lambda: rng.integers(-2, 2, (3, 1)),
        lambda: rng.random(3) < 0.6,
        lambda: rng.random((2, 3)) < 0.5,
        lambda: rng.integers(-2, 2, ()),
        lambda: [0, 1],
    )
    key = tuple(kinds[rng.integers(len(kinds))]() for _ in range(rng.integers(0, 5)))
    return key[0] if len(key) == 1 and rng.random() < 0.7 else key


def with_tensors(key, f):
    if isinstance(key, tuple):
        return tuple(with_tensors(k, f) for k in key)
    return f.tensor(key) if isinstance(key, np.ndarray) else key


def outcome(f, shape, key):
    x = f.arange(float(np.prod(shape))).reshape(shape).requires_grad_()
    try:
        key = with_tensors(key, f)
        y = (x * 1)[key]
        (y * y).sum().backward()
        z, v = x * 1, f.ones(y.shape, requires_grad=True)
        z[key] = v * 3
        (z * z).sum().backward()
        v_grad = 0.0 if v.grad is None else v.grad.sum().item()
        return [y.tolist(), tuple(y.shape), x.grad.tolist(), z.tolist(), v_grad]
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("seed", range(8))
def test_random_keys(seed):
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(60):
            shape = [(2, 3, 4), (3,), (4, 3), (), (3, 2, 3), (2, 3, 3, 2)][rng.integers(6)]
            key = random_key(rng)
            if isinstance(key, tuple) and sum(k is ... for k in key) > 1:
                continue
            assert outcome(lw, shape, key) == outcome(torch, shape, key), (shape, key)
