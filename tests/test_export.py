"""torch.export: one graph with its state as inputs, saved and read back."""

import pytest

import lightwell as lw
from lightwell import nn
from lightwell.export import Dim, export, load, save


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.register_buffer("scale", lw.tensor([2.0, 3.0]))

    def forward(self, x, *, shift):
        return lw.relu(self.fc(x)) * self.scale + shift, x.sum()


def _program(net):
    return export(net, (lw.ones(4, 3),), {"shift": lw.ones(2)}, dynamic_shapes={"x": {0: Dim("batch", min=1, max=8)}})


def test_signature_state_and_module():
    net = Net()
    ep = _program(net)
    s = ep.graph_signature
    assert (
        s.parameters == ("fc.weight", "fc.bias")
        and s.buffers == ("scale",)
        and s.user_inputs == ("x", "shift")
        and len(s.user_outputs) == 2
    )
    assert list(ep.state_dict) == list(net.state_dict()) and s.inputs_to_parameters["p_fc_weight"] == "fc.weight"
    ep.graph.lint()
    x = lw.randn(5, 3)
    got, want = ep.module()(x, shift=lw.zeros(2)), net(x, shift=lw.zeros(2))
    assert lw.equal(got[0], want[0]) and lw.equal(got[1], want[1])
    flat = ep.graph_module(*ep.parameters(), *ep.buffers(), x, lw.zeros(2))
    assert lw.equal(flat[0], want[0])
    with pytest.raises(RuntimeError, match="module"):
        ep(x)
    with pytest.raises(RuntimeError, match=r"\[1, 8\]"):
        ep.module()(lw.ones(9, 3), shift=lw.zeros(2))
    with pytest.raises(RuntimeError, match=r"shift\.shape\[0\]"):
        ep.module()(x, shift=lw.zeros(1))


def test_values_in_branches_and_bad_arguments_are_told():
    class Branch(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(RuntimeError, match=r"torch\.where"):
        export(Branch(), (lw.ones(1),))
    with pytest.raises(TypeError, match="tuple"):
        export(Net(), lw.ones(1))
    with pytest.raises(ValueError, match="Module"):
        export(lambda x: x, (lw.ones(1),))
    with pytest.raises(ValueError, match="names"):
        export(nn.ReLU(), (lw.ones(1),), dynamic_shapes={"y": {0: Dim.AUTO}})
    with pytest.raises(ValueError, match="inconsistent"):
        Dim("b", min=4, max=2)


def test_save_and_load(tmp_path):
    net = Net()
    save(_program(net), tmp_path / "p.pt2", extra_files={"a.txt": "hi"})
    extra = {"a.txt": ""}
    back = load(tmp_path / "p.pt2", extra_files=extra)
    x = lw.randn(6, 3)
    assert lw.equal(back.module()(x, shift=lw.ones(2))[0], net(x, shift=lw.ones(2))[0]) and extra["a.txt"] == b"hi"
    assert list(back.state_dict) == list(net.state_dict())
    with pytest.raises(RuntimeError, match="exported"):
        lw.jit.trace(nn.ReLU(), lw.ones(1)).save(tmp_path / "j.pt")
        load(tmp_path / "j.pt")
