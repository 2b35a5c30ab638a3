"""Whole modules: PyTorch's classes become ours and ours PyTorch's; users' classes keep their names."""

import io
import pathlib
import pickle
import zipfile

import numpy as np
import pytest

import lightwell as lw
from lightwell.serialization import load
from tests.serialization.helpers import loaded, saved

FILES = pathlib.Path(__file__).parent / "files"


class Net(lw.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = lw.nn.Sequential(lw.nn.Linear(3, 2), lw.nn.ReLU())
        self.tied = self.body[0]

    def forward(self, x):
        return self.body(x)


def test_pytorchs_module_becomes_ours():
    with pytest.raises(pickle.UnpicklingError, match=r"torch\.nn\.modules\.linear\.Linear"):
        load(FILES / "linear.pt")
    net = load(FILES / "linear.pt", weights_only=False)
    assert type(net) is lw.nn.Linear and type(net.weight) is lw.nn.Parameter
    assert net(lw.tensor([[1.0, 1.0]])).tolist() == [[3.5]]
    net.load_state_dict(load(FILES / "linear_state.pt"))
    with lw.serialization.safe_globals([lw.nn.Linear]):
        assert type(load(FILES / "linear.pt")) is lw.nn.Linear


def test_ours_is_written_under_pytorchs_name():
    data = saved(lw.nn.Linear(2, 1))
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        pkl = z.read("archive/data.pkl")
    assert b"ctorch.nn.modules.linear\nLinear\n" in pkl and b"lightwell" not in pkl


@pytest.mark.parametrize("new", [True, False])
def test_a_users_module(new):
    net = Net()
    again = loaded(saved(net, _use_new_zipfile_serialization=new), weights_only=False)
    assert type(again) is Net and again.tied is again.body[0]
    x = lw.ones(1, 3)
    assert np.array_equal(net(x).detach().numpy(), again(x).detach().numpy())


@pytest.mark.parametrize("new", [True, False])
def test_there_and_back_with_pytorch(new):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(4, 2)).eval()
    f = io.BytesIO()
    torch.save(theirs, f, _use_new_zipfile_serialization=new)
    ours = loaded(f.getvalue(), weights_only=False)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    wanted = theirs(torch.from_numpy(x)).detach().numpy()
    assert np.allclose(ours(lw.from_numpy(x)).detach().numpy(), wanted, atol=1e-6)
    again = torch.load(io.BytesIO(saved(ours, _use_new_zipfile_serialization=new)), weights_only=False)
    assert type(again[0]) is torch.nn.Linear and type(again[0].weight) is torch.nn.Parameter
    assert np.array_equal(again(torch.from_numpy(x)).detach().numpy(), wanted)


def test_a_class_that_only_pytorch_has():
    torch = pytest.importorskip("torch")
    f = io.BytesIO()
    torch.save(torch.nn.Identity(), f)
    z, out = zipfile.ZipFile(f), io.BytesIO()
    with zipfile.ZipFile(out, "w") as w:
        for n in z.namelist():
            w.writestr(n, z.read(n).replace(b"nn.modules.linear\nIdentity", b"nn.modules.no\nNoSuchThing"))
    with pytest.raises(AttributeError, match="NoSuchThing"):
        loaded(out.getvalue(), weights_only=False)
