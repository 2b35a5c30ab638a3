"""Printed tensors: a table of fixed texts, the print options, and a seeded comparison with PyTorch."""

import warnings

import ml_dtypes
import numpy as np
import pytest

from lightwell import printing
from lightwell.printing import get_printoptions, meta_repr, printoptions, set_printoptions, sparse_repr, tensor_repr

NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True)
def default_options():
    """Every test starts from, and leaves behind, the default options."""
    set_printoptions(profile="default")
    yield
    set_printoptions(profile="default")


def f32(values):
    return np.array(values, dtype=np.float32)


FIXED = [
    (f32(3.5), "tensor(3.5000)"),
    (f32(3), "tensor(3.)"),
    (f32(-INF), "tensor(-inf)"),
    (f32(1e10), "tensor(1.0000e+10)"),
    (f32([0.1, 0.2]), "tensor([0.1000, 0.2000])"),
    (f32([1, NAN, INF, -INF]), "tensor([1., nan, inf, -inf])"),
    (f32([1.5, NAN, INF]), "tensor([1.5000,    nan,    inf])"),
    (f32([-0.0, 1.5]), "tensor([-0.0000, 1.5000])"),
    (f32([0, -1.5, 100]), "tensor([  0.0000,  -1.5000, 100.0000])"),
    (f32([1e8]), "tensor([100000000.])"),
    (f32([123456789]), "tensor([1.2346e+08])"),
    (f32([1001, 1]), "tensor([1.0010e+03, 1.0000e+00])"),
    (f32([1000, 1]), "tensor([1000.,    1.])"),
    (f32([1e-4]), "tensor([1.0000e-04])"),
    (np.array([1e-4]), "tensor([0.0001], dtype=torch.float64)"),
    (f32([1e-3, 0.5]), "tensor([0.0010, 0.5000])"),
    (f32([1e-10, NAN]), "tensor([1.0000e-10,        nan])"),
    (f32([1e-45, 2e-45]), "tensor([1.4013e-45, 1.4013e-45])"),
    (np.array([1e-320, 1.0]), "tensor([9.9999e-321,  1.0000e+00], dtype=torch.float64)"),
    (np.array([1e308, 1.5e-300]), "tensor([1.0000e+308, 1.5000e-300], dtype=torch.float64)"),
    (np.array([1e-7, 1.5], np.float16), "tensor([1.1921e-07, 1.5000e+00], dtype=torch.float16)"),
    (np.array([1e30, 3.25], ml_dtypes.bfloat16), "tensor([1.0003e+30, 3.2500e+00], dtype=torch.bfloat16)"),
    (np.array([1.5, 448], ml_dtypes.float8_e4m3fn), "tensor([  1.5000, 448.0000], dtype=torch.float8_e4m3fn)"),
    (np.array([2, NAN], ml_dtypes.float8_e8m0fnu), "tensor([2.0000,    nan], dtype=torch.float8_e8m0fnu)"),
    (np.array([1, 2.0**-127], ml_dtypes.float8_e8m0fnu), "tensor([1., 0.], dtype=torch.float8_e8m0fnu)"),
    (np.array([[1, 2], [4, 600]]), "tensor([[  1,   2],\n        [  4, 600]])"),
    (np.array(2**63, np.uint64), "tensor(9223372036854775808, dtype=torch.uint64)"),
    (np.array([-(2**63), 1]), "tensor([-9223372036854775808,                    1])"),
    (np.array(-5, np.int8), "tensor(-5, dtype=torch.int8)"),
    (np.array([True, False]), "tensor([ True, False])"),
    (np.array([1 + 2j], np.complex64), "tensor([1.+2.j])"),
    (np.array(1 + 2j), "tensor(1.+2.j, dtype=torch.complex128)"),
    (np.array([1.5 + 2j, complex(NAN, NAN)], np.complex64), "tensor([1.5000+2.j,    nan+nanj])"),
    (np.array([complex(INF, -INF), complex(1.5, -0.0)], np.complex64), "tensor([   inf-infj, 1.5000-0.j])"),
    (np.array([1.5 - 2j, -3 + 4e-7j], np.complex64), "tensor([ 1.5000-2.0000e+00j, -3.0000+4.0000e-07j])"),
    (np.zeros(2000, np.complex64), "tensor([0.+0.j, 0.+0.j, 0.+0.j,  ..., 0.+0.j, 0.+0.j, 0.+0.j])"),
    (f32([]), "tensor([])"),
    (np.zeros((0, 3), np.float32), "tensor([], size=(0, 3))"),
    (np.zeros((3, 0), np.int64), "tensor([], size=(3, 0), dtype=torch.int64)"),
    (np.zeros(0, bool), "tensor([], dtype=torch.bool)"),
    (np.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (np.ones((1, 1, 1, 1), np.float32), "tensor([[[[1.]]]])"),
    (
        np.ones((2, 1, 2, 2), np.float32),
        "tensor([[[[1., 1.],\n          [1., 1.]]],\n\n\n        [[[1., 1.],\n          [1., 1.]]]])",
    ),
    (
        np.arange(20),
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n        18, 19])",
    ),
    (
        np.full(9, 1.5, np.float16),
        "tensor([1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000],\n       dtype=torch.float16)",
    ),
]


@pytest.mark.parametrize(("array", "text"), FIXED, ids=range(len(FIXED)))
def test_fixed_texts(array, text):
    assert tensor_repr(array) == text


def test_summary_keeps_the_edges_of_every_dimension():
    set_printoptions(threshold=3, edgeitems=1)
    blocks = "[[0.,  ..., 0.],\n         ...,\n         [0.,  ..., 0.]]"
    assert tensor_repr(np.zeros((4, 4, 4), np.float32)) == f"tensor([{blocks},\n\n        ...,\n\n        {blocks}])"


def test_no_edge_items_leaves_dots_and_the_size():
    set_printoptions(threshold=3, edgeitems=0)
    assert tensor_repr(np.zeros((4, 4), np.int32)) == "tensor([...], size=(4, 4), dtype=torch.int32)"
    assert tensor_repr(np.array(3)) == "tensor(3, size=())"


def test_style_is_chosen_from_the_shown_elements_only():
    array = np.ones(5000, np.float32)
    array[2500] = 1e-9
    assert tensor_repr(array) == "tensor([1., 1., 1.,  ..., 1., 1., 1.])"


def test_a_large_array_is_not_read():
    huge = np.broadcast_to(np.float32(1.5), (10**6, 10**6))
    row = "[1.5000, 1.5000, 1.5000,  ..., 1.5000, 1.5000, 1.5000]"
    rows = [row] * 3 + ["..."] + [row] * 3
    assert tensor_repr(huge) == "tensor([" + ",\n        ".join(rows) + "])"


def test_parts_after_the_numbers():
    array = f32([1.5])
    assert tensor_repr(array, requires_grad=True) == "tensor([1.5000], requires_grad=True)"
    text = tensor_repr(array, requires_grad=True, grad_fn_name="MulBackward0")
    assert text == "tensor([1.5000], grad_fn=<MulBackward0>)"
    assert tensor_repr(array, device="cuda:0") == "tensor([1.5000], device='cuda:0')"
    assert tensor_repr(array, extra=("names=('N',)",)) == "tensor([1.5000], names=('N',))"
    assert tensor_repr(array, prefix="Mine(") == "Mine([1.5000])"
    assert tensor_repr(array, dtype_name="torch.float16") == "tensor([1.5000], dtype=torch.float16)"


def test_default_dtype_decides_which_dtype_is_told():
    assert tensor_repr(f32([0]), default_dtype="torch.float64") == "tensor([0.], dtype=torch.float32)"
    assert tensor_repr(np.zeros(1), default_dtype="torch.float64") == "tensor([0.])"
    assert tensor_repr(np.zeros(1, complex), default_dtype="torch.float64") == "tensor([0.+0.j])"
    assert tensor_repr(np.zeros(1, np.complex64), default_dtype="torch.float16") == "tensor([0.+0.j])"
    assert tensor_repr(np.zeros(0, np.complex64)) == "tensor([], dtype=torch.complex64)"


def test_long_parts_go_to_a_line_of_their_own():
    text = tensor_repr(np.full((2, 8), 1.25), grad_fn_name="MulBackward0", extra=("names=('left', 'right')",))
    assert text.splitlines()[-2:] == [
        "        [1.2500, 1.2500, 1.2500, 1.2500, 1.2500, 1.2500, 1.2500, 1.2500]],",
        "       dtype=torch.float64, grad_fn=<MulBackward0>, names=('left', 'right'))",
    ]


def test_meta():
    assert meta_repr((2, 3), dtype_name="torch.float32") == "tensor(..., device='meta', size=(2, 3))"
    text = meta_repr((2, 3), dtype_name="torch.float64", requires_grad=True)
    assert text == "tensor(..., device='meta', size=(2, 3), dtype=torch.float64,\n       requires_grad=True)"


def test_sparse():
    indices, values = np.array([[0, 1, 2], [0, 1, 1]]), f32([1.5, 2, 3])
    assert sparse_repr(indices, values, (3, 2), 3, requires_grad=True) == (
        "tensor(indices=tensor([[0, 1, 2],\n                       [0, 1, 1]]),\n"
        "       values=tensor([1.5000, 2.0000, 3.0000]),\n"
        "       size=(3, 2), nnz=3, layout=torch.sparse_coo, requires_grad=True)"
    )
    assert sparse_repr(np.zeros((2, 0), np.int64), np.zeros(0), (3, 2), 0) == (
        "tensor(indices=tensor([], size=(2, 0)),\n       values=tensor([], size=(0,)),\n"
        "       size=(3, 2), nnz=0, dtype=torch.float64, layout=torch.sparse_coo)"
    )
    compressed = (np.array([0, 1, 2]), np.array([0, 1]))
    assert sparse_repr(compressed, f32([1, 2]), (2, 2), 2, layout="torch.sparse_csr") == (
        "tensor(crow_indices=tensor([0, 1, 2]),\n       col_indices=tensor([0, 1]),\n"
        "       values=tensor([1., 2.]), size=(2, 2), nnz=2, layout=torch.sparse_csr)"
    )
    with pytest.raises(ValueError, match="unknown layout"):
        sparse_repr(indices, values, (3, 2), 3, layout="torch.strided")
    with pytest.raises(ValueError, match="crow_indices"):
        sparse_repr((indices,), values, (3, 2), 3, layout="torch.sparse_csr")


def test_options():
    default = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}
    assert get_printoptions() == default
    set_printoptions(profile="short", precision=7, sci_mode=True)
    assert get_printoptions() == default | {"precision": 7, "edgeitems": 2, "sci_mode": True}
    set_printoptions(linewidth=100)
    assert get_printoptions() == default | {"precision": 7, "edgeitems": 2, "linewidth": 100}
    set_printoptions(profile="full")
    assert get_printoptions() == default | {"threshold": INF}
    get_printoptions()["precision"] = 9
    assert get_printoptions()["precision"] == 4


def test_options_for_a_block_are_restored_after_an_error():
    before = get_printoptions()
    with pytest.raises(KeyError), printoptions(precision=2, sci_mode=True):
        assert tensor_repr(f32([1.5])) == "tensor([1.50e+00])"
        raise KeyError
    assert get_printoptions() == before


def test_forced_notation_and_precision():
    with printoptions(sci_mode=False):
        assert tensor_repr(f32([1.5, 1e-6])) == "tensor([1.5000, 0.0000])"
        assert tensor_repr(f32([1, 1e6])) == "tensor([      1., 1000000.])"
    with printoptions(sci_mode=True):
        assert tensor_repr(f32([NAN, 0])) == "tensor([nan, 0.])"
    with printoptions(precision=0):
        assert tensor_repr(f32([1.5, 2])) == "tensor([2, 2])"


@pytest.mark.parametrize(("precision", "error"), [(-1, ValueError), ("x", TypeError)])
def test_a_bad_precision_changes_nothing(precision, error):
    with pytest.raises(error, match="precision"):
        set_printoptions(precision=precision, linewidth=10)
    assert get_printoptions()["linewidth"] == 80


# ---- against PyTorch

DTYPES = (
    "float32 float64 float16 bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu "
    "int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64 complex128"
).split()
AWKWARD = [0.0, -0.0, 1, 1.5, NAN, INF, -INF, 1000, 1001, 1e-4, 1e8, 1e-5, 999.99995, 9.99995, 1e-45, 1e-310, 3e38]


def random_numbers(rng, shape):
    """Float64 numbers of one of several habits, at times with awkward ones strewn in."""
    numbers = [
        lambda: rng.standard_normal(shape) * 10.0 ** rng.integers(-8, 12),
        lambda: rng.standard_normal(shape) * 10.0 ** rng.uniform(-8, 8, shape),
        lambda: rng.integers(-(10 ** rng.integers(1, 10)), 10 ** rng.integers(1, 10), shape),
        lambda: np.round(rng.standard_normal(shape) * 100, int(rng.integers(0, 4))),
        lambda: rng.choice(AWKWARD, shape),
        lambda: np.abs(rng.standard_normal(shape)),
    ][rng.integers(6)]()
    return np.where(rng.random(shape) < rng.choice([0, 0, 0.1]), rng.choice(AWKWARD), numbers).astype(np.float64)


def random_array(rng, name):
    rank = rng.integers(6)
    shape = tuple(int(n) for n in rng.integers(rng.random() < 0.9, (1, 60, 20, 9, 6, 4)[rank], rank))
    if name == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if "int" in name:
        info, reach = np.iinfo(name), 2 ** int(rng.integers(1, 64))
        return np.asarray(rng.integers(max(info.min, -reach), min(info.max, reach), shape, name, endpoint=True))
    dtype = np.dtype(getattr(ml_dtypes, name, name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        if dtype.kind == "c":
            array = np.empty(shape, dtype)
            array.real, array.imag = random_numbers(rng, shape), random_numbers(rng, shape)
            return array
        return np.asarray(random_numbers(rng, shape).astype(dtype))


def random_options(rng):
    choices = {
        "threshold": [0, 5, 20, 100],
        "edgeitems": [0, 1, 2, 3, 4],
        "linewidth": [0, 10, 20, 30, 40, 60, 79, 80, 81, 100, 120],
        "precision": [0, 1, 2, 3, 6, 12],
        "sci_mode": [True, False],
    }
    return {name: rng.choice(values).item() for name, values in choices.items() if rng.random() < 0.35}


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    yield torch
    torch.set_printoptions(profile="default")


def as_torch(torch, array):
    """The same bits as a PyTorch tensor."""
    if array.dtype.kind != "V" and not array.dtype.name.startswith(("bfloat", "float8")):
        return torch.from_numpy(array)
    bits = np.ascontiguousarray(array).reshape(array.shape).view(f"int{8 * array.itemsize}")
    return torch.from_numpy(bits).view(getattr(torch, array.dtype.name))


@pytest.mark.parametrize("seed", range(4))
def test_dense_like_torch(torch, seed):
    rng = np.random.default_rng(seed)
    for _ in range(150):
        name, options = str(rng.choice(DTYPES)), random_options(rng)
        array = random_array(rng, name)
        tensor, marks = as_torch(torch, array), {}
        if rng.random() < 0.3 and (tensor.is_floating_point() or tensor.is_complex()):
            tensor, marks = tensor.requires_grad_(), {"requires_grad": True}
            if rng.random() < 0.5:
                tensor, marks = tensor.clone(), {"grad_fn_name": "CloneBackward0"}
        torch.set_printoptions(profile="default", **options)
        set_printoptions(profile="default", **options)
        assert get_printoptions() == torch._tensor_str.get_printoptions()
        assert tensor_repr(array, **marks) == repr(tensor), (name, array.shape, options)


@pytest.mark.filterwarnings("ignore:.*Sparse.*:UserWarning")
def test_sparse_like_torch(torch):
    rng = np.random.default_rng(9)
    for _ in range(100):
        options = random_options(rng)
        shape = tuple(int(n) for n in rng.integers(1, 30, 2))
        matrix = rng.standard_normal(shape) * (rng.random(shape) < 0.1)
        matrix = torch.from_numpy(matrix).to(getattr(torch, str(rng.choice(["float32", "float64", "int32", "int64"]))))
        torch.set_printoptions(profile="default", **options)
        set_printoptions(profile="default", **options)
        coo, csr, csc = matrix.to_sparse(), matrix.to_sparse_csr(), matrix.to_sparse_csc()
        parts = [
            (coo, coo.indices().numpy(), coo.values()),
            (csr, (csr.crow_indices().numpy(), csr.col_indices().numpy()), csr.values()),
            (csc, (csc.ccol_indices().numpy(), csc.row_indices().numpy()), csc.values()),
        ]
        for sparse, indices, values in parts:
            ours = sparse_repr(indices, values.numpy(), shape, sparse._nnz(), layout=str(sparse.layout))
            assert ours == repr(sparse), (shape, options)


def test_public_names_exist():
    assert all(callable(getattr(printing, name)) for name in printing.__all__)
