"""Lazy modules without shapes yet: copied, pickled, and sent to PyTorch and back."""

import copy
import io
import pickle

import pytest

import lightwell as lw

NAMES = ["LazyLinear", "LazyConv2d", "LazyConvTranspose1d", "LazyBatchNorm2d", "LazyInstanceNorm1d"]


def _made(library, name):
    settings = {"LazyLinear": (3,), "LazyConv2d": (3, 2), "LazyConvTranspose1d": (3, 2)}
    return getattr(library.nn, name)(*settings.get(name, ()))


def _input(library, name):
    return library.ones({"2": (2, 4, 5, 5), "1": (2, 4, 5)}.get(name[-2], (2, 4)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(name, way):
    first = _made(lw, name)
    second = way(first)
    y = second(_input(lw, name))
    assert type(second).__name__ == name.removeprefix("Lazy") and type(first).__name__ == name
    assert not second._forward_pre_hooks and not second._load_state_dict_pre_hooks
    assert len(first._forward_pre_hooks) == 1 and first(_input(lw, name)).shape == y.shape


@pytest.mark.parametrize("name", NAMES)
def test_files_of_pytorch_and_back(name):
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    torch.save(_made(torch, name), file)
    file.seek(0)
    ours = lw.load(file, weights_only=False)
    assert type(ours) is getattr(lw.nn, name) and ours.has_uninitialized_params()
    back = io.BytesIO()
    lw.save(ours, back)
    back.seek(0)
    theirs = torch.load(back, weights_only=False)
    assert type(theirs) is getattr(torch.nn, name)
    ours(_input(lw, name)), theirs(_input(torch, name))
    theirs.load_state_dict({k: torch.from_numpy(v.numpy()) for k, v in ours.state_dict().items()})
    a, b = ours(_input(lw, name)), theirs(_input(torch, name))
    assert a.detach().numpy() == pytest.approx(b.detach().numpy(), abs=1e-5)
