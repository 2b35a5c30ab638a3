"""PyTorch's module paths: what others' code imports from deep inside, and the small helpers found there."""

import importlib
import warnings
from collections import OrderedDict

import pytest

import lightwell as lw

PATHS = (
    "autograd.grad_mode autograd.anomaly_mode functional nn.modules.transformer nn.modules.utils nn.common_types nn._reduction "
    "backends.nnpack backends.mha backends.opt_einsum backends.cusparselt backends.kleidiai backends.xnnpack signal.windows nn.grad "
    "utils.benchmark utils.deterministic cuda.memory cuda.random accelerator.memory"
).split()


@pytest.mark.parametrize("path", PATHS)
def test_paths(path):
    module = importlib.import_module(f"lightwell.{path}")
    found = lw
    for part in path.split("."):
        found = getattr(found, part)
    assert found is module or path == "autograd.grad_mode"
    torch = pytest.importorskip("torch")
    theirs = importlib.import_module(f"torch.{path}")
    listed = set(getattr(theirs, "__all__", ())) - {
        "set_multithreading_enabled", "enforce_grad_layout_policy", "caching_allocator_disabled", "CUDAPluggableAllocator", "use_mem_pool",
    }  # fmt: skip
    assert not [name for name in listed if not hasattr(module, name)] and torch


def _states(module):
    state = OrderedDict({"module.a.weight": 1, "module.b": 2, "other": 3})
    state._metadata = OrderedDict({"": {"v": 0}, "module": {"v": 1}, "module.a": {"v": 2}})
    module.consume_prefix_in_state_dict_if_present(state, "module.")
    return dict(state), dict(state._metadata)


def test_sizes_and_prefixes():
    ours = importlib.import_module("lightwell.nn.modules.utils")
    assert _states(ours) == ({"other": 3, "a.weight": 1, "b": 2}, {"": {"v": 1}, "a": {"v": 2}})
    assert ours._pair(3) == (3, 3) and ours._triple([1, 2, 3]) == (1, 2, 3) and ours._ntuple(4)(0) == (0, 0, 0, 0)
    assert ours._reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1) and ours._list_with_default([None, 7], [1, 2, 3]) == [2, 7]
    with pytest.raises(ValueError, match="at least 3"):
        ours._list_with_default([1, 2], [1, 2])


def test_sizes_and_prefixes_as_pytorch_has_them():
    pytest.importorskip("torch")
    ours, theirs = (importlib.import_module(f"{library}.nn.modules.utils") for library in ("lightwell", "torch"))
    assert _states(ours) == _states(theirs)
    assert ours._list_with_default([None, 7], [1, 2, 3]) == theirs._list_with_default([None, 7], [1, 2, 3])


def test_reductions():
    from lightwell.nn import _reduction

    assert [_reduction.get_enum(word) for word in ("none", "mean", "sum")] == [0, 1, 2]
    with pytest.raises(ValueError, match="not a valid value"):
        _reduction.get_enum("max")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert _reduction.legacy_get_enum(False, True) == 2 and _reduction.legacy_get_string(None, False) == "none"
        assert _reduction.get_enum("elementwise_mean") == 1
    assert len(told) == 3


def test_switches():
    from lightwell.backends import mha, nnpack

    with nnpack.flags(False):
        assert nnpack.set_flags(False) == (False,)
    assert nnpack.set_flags(True) == (True,) and mha.get_fastpath_enabled()


def test_attention_is_the_package_not_the_layers_file():
    assert lw.nn.attention.SDPBackend.MATH == 0 and lw.nn.common_types._size_2_t
    assert lw.nn.modules.activation.MultiheadAttention is lw.nn.MultiheadAttention
    with pytest.raises(AttributeError, match="nothing"):
        lw.nn.nothing
