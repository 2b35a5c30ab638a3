"""Sharded checkpoints saved by two ranks and read under other layouts; state dicts of wrapped models."""

import os
import sys

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.nn as nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    get_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
    set_state_dict,
)  # fmt: skip
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

folder = sys.argv[1]
mesh = init_device_mesh("cpu", (2,))
rank = dist.get_rank()
x = torch.arange(30.0).reshape(5, 6)
state = {
    "a": distribute_tensor(x, mesh, [Shard(0)]), "r": distribute_tensor(x, mesh, [Replicate()]),
    "n": {"b": distribute_tensor(x, mesh, [Shard(1)]), "k": 3, "l": [torch.ones(2), "s"]}, "p": torch.full((3,), 2.0, dtype=torch.bfloat16),
}  # fmt: skip
dcp.save(state, checkpoint_id=folder)
dcp.async_save(state, checkpoint_id=folder).result()
dist.barrier()
assert len(os.listdir(folder)) == 3
fresh = {
    "a": distribute_tensor(torch.zeros(5, 6), mesh, [Shard(1)]), "n": {"b": torch.zeros(5, 6), "k": 0, "l": [torch.zeros(2), ""]},
    "p": torch.zeros(3, dtype=torch.bfloat16), "r": distribute_tensor(torch.zeros(5, 6), mesh, [Shard(0)]),
}  # fmt: skip
dcp.load(fresh, checkpoint_id=folder)
assert torch.equal(fresh["a"].full_tensor(), x) and torch.equal(fresh["n"]["b"], x) and torch.equal(fresh["r"].full_tensor(), x)
assert fresh["n"]["k"] == 3 and fresh["n"]["l"][1] == "s" and fresh["n"]["l"][0].tolist() == [1, 1] and fresh["p"].tolist() == [2, 2, 2]
try:
    dcp.load({"a": torch.zeros(5, 6), "zz": 1}, checkpoint_id=folder)
    raise SystemExit("not refused")
except dcp.CheckpointException as error:
    assert sorted(error.failures) == [0, 1] and "zz" in str(error)

model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)))
opt = torch.optim.AdamW(model.parameters(), lr=0.1)
model(torch.ones(2, 4)).sum().backward()
opt.step()
weights, optim = get_state_dict(model, opt)
assert list(weights) == list(optim["state"]) == optim["param_groups"][0]["params"] == ["0.weight", "0.bias", "1.weight", "1.bias"]
dcp.save({"m": weights, "o": optim}, checkpoint_id=folder)
other = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
opt2 = torch.optim.AdamW(other.parameters(), lr=0.5)
weights, optim = get_state_dict(other, opt2)
state = {"m": weights, "o": optim}
dcp.load(state, checkpoint_id=folder)
set_state_dict(other, opt2, model_state_dict=state["m"], optim_state_dict=state["o"])
assert opt2.param_groups[0]["lr"] == 0.1 and torch.equal(other[0].weight, model.module[0].weight)
assert torch.equal(opt2.state[other[0].weight]["exp_avg"], opt.state[model.module[0].weight]["exp_avg"])

full = StateDictOptions(full_state_dict=True, cpu_offload=True)
spread = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
whole = get_model_state_dict(model, options=full)
assert len(whole) == (4 if rank == 0 else 0)
laid = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
for layer in laid:
    layer.weight = nn.Parameter(distribute_tensor(layer.weight.detach(), mesh, [Shard(0)]))
opt3 = torch.optim.AdamW(laid.parameters(), lr=0.2)
set_model_state_dict(laid, whole, options=spread)
set_optimizer_state_dict(laid, opt3, get_optimizer_state_dict(model, opt, options=full), options=spread)
assert torch.equal(laid[0].weight.full_tensor(), model.module[0].weight)
assert torch.equal(opt3.state[laid[0].weight]["exp_avg"].full_tensor(), opt.state[model.module[0].weight]["exp_avg"])
flat = get_optimizer_state_dict(model, opt, options=StateDictOptions(flatten_optimizer_state_dict=True))
assert "state.0.weight.exp_avg" in flat and flat["param_groups.1.bias.lr"] == 0.1
set_optimizer_state_dict(model, opt, flat, options=StateDictOptions(flatten_optimizer_state_dict=True))
dist.destroy_process_group()
print(f"done {rank}\n", end="", flush=True)  # one write: ranks share the pipe
