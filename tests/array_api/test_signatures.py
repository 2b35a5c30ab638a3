"""Every name of the 2024.12 standard is there, under the standard's signature."""

import inspect

import pytest

import lightwell.array_api as xp

ONE = (
    "abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor imag isfinite isinf isnan log log1p log2 log10 \
logical_not negative positive real reciprocal round sign signbit sin sinh square sqrt tan tanh trunc nonzero unique_all unique_counts \
unique_inverse unique_values matrix_transpose"
)
TWO = "add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide equal floor_divide greater \
greater_equal hypot less less_equal logaddexp logical_and logical_or logical_xor maximum minimum multiply nextafter not_equal pow \
remainder subtract matmul"
REDUCE = "(x, /, *, axis=None, keepdims=False)"
TOTAL = "(x, /, *, axis=None, dtype=None, keepdims=False)"
SPREAD = "(x, /, *, axis=None, correction=0.0, keepdims=False)"
RUNNING = "(x, /, *, axis=None, dtype=None, include_initial=False)"
SORT = "(x, /, *, axis=-1, descending=False, stable=True)"
NEW = "(shape, *, dtype=None, device=None)"
LIKE = "(x, /, *, dtype=None, device=None)"
MAIN = {
    **dict.fromkeys(ONE.split(), "(x, /)"),
    **dict.fromkeys(TWO.split(), "(x1, x2, /)"),
    **dict.fromkeys("all any count_nonzero max mean min argmax argmin".split(), REDUCE),
    **dict.fromkeys("sum prod".split(), TOTAL),
    **dict.fromkeys("std var".split(), SPREAD),
    **dict.fromkeys("cumulative_sum cumulative_prod".split(), RUNNING),
    **dict.fromkeys("sort argsort".split(), SORT),
    **dict.fromkeys("empty ones zeros".split(), NEW),
    **dict.fromkeys("empty_like ones_like zeros_like".split(), LIKE),
    **dict.fromkeys("tril triu".split(), "(x, /, *, k=0)"),
    "__array_namespace_info__": "()",
    "arange": "(start, /, stop=None, step=1, *, dtype=None, device=None)",
    "asarray": "(obj, /, *, dtype=None, device=None, copy=None)",
    "astype": "(x, dtype, /, *, copy=True, device=None)",
    "broadcast_arrays": "(*arrays)",
    "broadcast_to": "(x, /, shape)",
    "can_cast": "(from_, to, /)",
    "clip": "(x, /, min=None, max=None)",
    "concat": "(arrays, /, *, axis=0)",
    "diff": "(x, /, *, axis=-1, n=1, prepend=None, append=None)",
    "expand_dims": "(x, /, axis)",
    "eye": "(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None)",
    "finfo": "(type, /)",
    "flip": "(x, /, *, axis=None)",
    "from_dlpack": "(x, /, *, device=None, copy=None)",
    "full": "(shape, fill_value, *, dtype=None, device=None)",
    "full_like": "(x, /, fill_value, *, dtype=None, device=None)",
    "iinfo": "(type, /)",
    "isdtype": "(dtype, kind)",
    "linspace": "(start, stop, /, num, *, dtype=None, device=None, endpoint=True)",
    "meshgrid": "(*arrays, indexing='xy')",
    "moveaxis": "(x, source, destination, /)",
    "permute_dims": "(x, /, axes)",
    "repeat": "(x, repeats, /, *, axis=None)",
    "reshape": "(x, /, shape, *, copy=None)",
    "result_type": "(*arrays_and_dtypes)",
    "roll": "(x, /, shift, *, axis=None)",
    "searchsorted": "(x1, x2, /, *, side='left', sorter=None)",
    "squeeze": "(x, /, axis)",
    "stack": "(arrays, /, *, axis=0)",
    "take": "(x, indices, /, *, axis=None)",
    "take_along_axis": "(x, indices, /, *, axis=-1)",
    "tensordot": "(x1, x2, /, *, axes=2)",
    "tile": "(x, repetitions, /)",
    "unstack": "(x, /, *, axis=0)",
    "vecdot": "(x1, x2, /, *, axis=-1)",
    "where": "(condition, x1, x2, /)",
}
LINALG = {
    **dict.fromkeys("det eigh eigvalsh inv matrix_transpose slogdet svdvals".split(), "(x, /)"),
    **dict.fromkeys("matmul outer solve".split(), "(x1, x2, /)"),
    **dict.fromkeys("matrix_rank pinv".split(), "(x, /, *, rtol=None)"),
    "cholesky": "(x, /, *, upper=False)",
    "cross": "(x1, x2, /, *, axis=-1)",
    "diagonal": "(x, /, *, offset=0)",
    "matrix_norm": "(x, /, *, keepdims=False, ord='fro')",
    "matrix_power": "(x, n, /)",
    "qr": "(x, /, *, mode='reduced')",
    "svd": "(x, /, *, full_matrices=True)",
    "tensordot": "(x1, x2, /, *, axes=2)",
    "trace": "(x, /, *, offset=0, dtype=None)",
    "vecdot": "(x1, x2, /, *, axis=-1)",
    "vector_norm": "(x, /, *, axis=None, keepdims=False, ord=2)",
}
FFT = {
    **dict.fromkeys("fft ifft rfft irfft hfft ihfft".split(), "(x, /, *, n=None, axis=-1, norm='backward')"),
    **dict.fromkeys("fftn ifftn rfftn irfftn".split(), "(x, /, *, s=None, axes=None, norm='backward')"),
    **dict.fromkeys("fftfreq rfftfreq".split(), "(n, /, *, d=1.0, dtype=None, device=None)"),
    **dict.fromkeys("fftshift ifftshift".split(), "(x, /, *, axes=None)"),
}
ALL = [(m, name, text) for m, names in (("", MAIN), ("linalg", LINALG), ("fft", FFT)) for name, text in names.items()]


@pytest.mark.parametrize(("module", "name", "text"), ALL, ids=[f"{m}.{n}".strip(".") for m, n, _ in ALL])
def test_signature(module, name, text):
    f = getattr(getattr(xp, module) if module else xp, name)
    assert str(inspect.signature(f)) == text
    assert f.__name__ == name and f.__doc__


def test_nothing_else_in_the_extensions():
    assert sorted(xp.linalg.__all__) == sorted(LINALG) and sorted(xp.fft.__all__) == sorted(FFT)
    assert [n for n in dir(xp.linalg) if not n.startswith("_")] == sorted(LINALG)


def test_operators_and_attributes_of_arrays():
    names = "abs add and array_namespace bool complex dlpack dlpack_device eq float floordiv ge getitem gt index int invert le lshift lt \
    matmul mod mul ne neg or pos pow rshift setitem sub truediv xor"
    binary = "add and floordiv lshift matmul mod mul or pow rshift sub truediv xor".split()
    for name in names.split() + ["r" + b for b in binary] + ["i" + b for b in binary]:
        assert callable(getattr(xp.Array, f"__{name}__")), name
    x = xp.ones((2, 3))
    assert x.dtype is xp.float32 and x.shape == (2, 3) and x.ndim == 2 and x.size == 6
    assert x.T.shape == (3, 2) and x.mT.shape == (3, 2) and x.device == xp.__array_namespace_info__().default_device()
    assert str(inspect.signature(x.to_device)) == "(device, /, *, stream=None)"
    assert x.to_device(x.device) is x


def test_constants_and_version():
    assert xp.__array_api_version__ == "2024.12"
    assert xp.newaxis is None and xp.pi == 3.141592653589793 and xp.e == 2.718281828459045
    assert xp.inf > 1e308 and xp.nan != xp.nan
    for version in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
        assert xp.ones(1).__array_namespace__(api_version=version) is xp
    with pytest.raises(ValueError, match="2020"):
        xp.ones(1).__array_namespace__(api_version="2020.01")


def test_info():
    info = xp.__array_namespace_info__()
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}
    assert info.devices() == [info.default_device()]
    assert info.default_dtypes() == {
        "real floating": xp.float32, "complex floating": xp.complex64, "integral": xp.int64, "indexing": xp.int64,
    }  # fmt: skip
    assert len(info.dtypes()) == 13 and info.dtypes(kind="bool") == {"bool": xp.bool}
    assert set(info.dtypes(kind=("signed integer", "complex floating"))) == {"int8", "int16", "int32", "int64", "complex64", "complex128"}
    assert set(info.dtypes(kind="numeric", device=info.default_device())) == set(info.dtypes()) - {"bool"}
    with pytest.raises(ValueError, match="unknown kind"):
        info.dtypes(kind="float")
