"""torch.testing, torch.multiprocessing and the smaller namespaces."""

import pytest

import lightwell as torch


def test_close_values_pass_and_far_ones_say_where():
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1])
    torch.testing.assert_close({"x": [a, 1.0]}, {"x": [a + 1e-8, 1.0]})
    with pytest.raises(AssertionError, match=r"1 / 2 \(50.0%\)[\s\S]*index \(1,\)[\s\S]*item \['x'\]\[0\]"):
        torch.testing.assert_close({"x": [a]}, {"x": [b]})
    with pytest.raises(AssertionError, match="dtype"):
        torch.testing.assert_close(a, a.double())
    with pytest.raises(AssertionError, match="shape"):
        torch.testing.assert_close(a, a[:1])
    with pytest.raises(AssertionError, match="told so"):
        torch.testing.assert_close(1, 2, msg=lambda text: f"told so: {text}")
    with pytest.raises(TypeError):
        torch.testing.assert_close(a, [1.0, 2.0])
    with pytest.raises(ValueError):
        torch.testing.assert_close(a, a, rtol=0.1)
    nan = torch.tensor(float("nan"))
    torch.testing.assert_close(nan, nan, equal_nan=True)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(nan, nan)
    torch.testing.assert_allclose(a, [1.0, 2.0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8, torch.uint8, torch.bool, torch.complex64])
def test_random_tensors_for_trying(dtype):
    t = torch.testing.make_tensor(40, 30, dtype=dtype, exclude_zero=True)
    assert t.dtype is dtype and t.shape == (40, 30) and bool((t != 0).all())
    assert not torch.testing.make_tensor((4, 3), dtype=dtype, noncontiguous=True).is_contiguous()


def _square(index, path):
    path.joinpath(str(index)).write_text(str(int(torch.tensor(index + 2).square())))


def _fail(index):
    if index:
        raise ValueError("no luck")


def test_functions_run_in_processes(tmp_path):
    torch.multiprocessing.start_processes(_square, (tmp_path,), nprocs=2, start_method="fork")
    assert [tmp_path.joinpath(str(i)).read_text() for i in range(2)] == ["4", "9"]
    with pytest.raises(torch.multiprocessing.ProcessRaisedException, match="no luck"):
        torch.multiprocessing.start_processes(_fail, (), nprocs=2, start_method="fork")


def test_dlpack_and_return_types():
    x = torch.arange(3)
    y = torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x))
    y[0] = 7
    assert x[0] == 7
    assert isinstance(torch.max(torch.ones(2, 2), 0), torch.return_types.max)


def test_memory_order_can_be_changed_in_place():
    x = torch.arange(6)
    assert x.as_strided_((2, 2), (1, 3)) is x
    assert x.tolist() == [[0, 3], [1, 4]]
