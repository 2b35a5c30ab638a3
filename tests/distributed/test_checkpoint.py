"""Sharded checkpoints, and the wrappers that compute activations again."""

import json

import pytest
from ranks import run

import lightwell as torch
import lightwell.distributed.checkpoint as dcp
from lightwell import nn
from lightwell.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    CheckpointImpl,
    apply_activation_checkpointing,
    checkpoint_wrapper,
)  # fmt: skip


def test_saved_by_two_ranks_and_laid_anew(tmp_path):
    assert run("checkpoints.py", 2, tmp_path / "c").lines == ["done 0", "done 1"]


def test_one_process_and_refusals(tmp_path):
    folder = tmp_path / "c"
    dcp.save({"w": torch.arange(6.0).reshape(2, 3), "epoch": 3, "empty": torch.zeros(0)}, checkpoint_id=folder)
    state = {"w": torch.zeros(3, 2), "epoch": 0}
    with pytest.raises(ValueError, match=r"nothing was loaded.\nw: Size mismatch between saved \[2, 3\] and current: \[3, 2\]"):
        dcp.load(state, checkpoint_id=folder)
    assert state["epoch"] == 0
    with pytest.raises(RuntimeError, match="Missing key in checkpoint state_dict: v"):
        dcp.load({"v": torch.zeros(1)}, checkpoint_id=folder)
    state = {"w": torch.zeros(2, 3), "v": 1}
    dcp.load(state, checkpoint_id=folder, planner=dcp.DefaultLoadPlanner(allow_partial_load=True))
    assert state["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        dcp.load({}, checkpoint_id=tmp_path / "none")


def test_damaged_and_foreign_checkpoints_are_told(tmp_path):
    dcp.save_state_dict({"w": torch.ones(4)}, dcp.FileSystemWriter(tmp_path))
    (data,) = tmp_path.glob("*.distcp")
    data.write_bytes(data.read_bytes()[:-2])
    state = {"w": torch.zeros(4)}
    with pytest.raises(RuntimeError, match="cut off: w ends 2 bytes too early"):
        dcp.load_state_dict(state, dcp.FileSystemReader(tmp_path))
    assert state["w"].sum() == 0
    meta = json.loads((tmp_path / ".metadata").read_text())
    meta["entries"]["w"]["pieces"][0][2] = "../outside.distcp"
    (tmp_path / ".metadata").write_text(json.dumps(meta))
    with pytest.raises(RuntimeError, match="outside"):
        dcp.load(state, checkpoint_id=tmp_path)
    (tmp_path / ".metadata").write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(RuntimeError, match="pickled and is not read"):
        dcp.load(state, checkpoint_id=tmp_path)


@pytest.mark.parametrize("impl", list(CheckpointImpl))
def test_activation_wrappers(impl):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)))
    x = torch.randn(3, 4, requires_grad=True)
    net(x).sum().backward()
    names, grad, state = list(net.state_dict()), net[0].weight.grad.clone(), {k: v.clone() for k, v in net.state_dict().items()}
    apply_activation_checkpointing(net, lambda m: checkpoint_wrapper(m, impl), check_fn=lambda m: isinstance(m, nn.Linear))
    assert type(net[2][0]).__name__ == "CheckpointWrapper" and list(net.state_dict()) == names
    assert [n for n, _ in net.named_parameters()] != [] and net[0].in_features == 4
    net.load_state_dict(state)
    net.zero_grad()
    net(x).sum().backward()
    assert torch.equal(net[0].weight.grad, grad)
