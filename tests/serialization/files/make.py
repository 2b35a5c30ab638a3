"""Makes the fixtures in this folder; run with PyTorch installed. The tests read them without it."""

import os
from collections import OrderedDict

import torch

here = os.path.dirname(os.path.abspath(__file__))
base = torch.arange(12.0).reshape(3, 4)
content = OrderedDict(
    base=base, turned=base.t(), part=base[1:, ::2], point=torch.tensor(7), empty=torch.zeros(0, 3), flag=torch.tensor([True, False]),
    brain=torch.tensor([1.5, -2.0], dtype=torch.bfloat16), small=torch.tensor([1, 2, 300], dtype=torch.int16),
    wave=torch.tensor([1 + 2j]).conj(), weight=torch.nn.Parameter(torch.tensor([0.5])), size=torch.Size([2, 3]), kind=torch.float64,
    place=torch.device("cpu"), plain={"list": [1, 2.5, None, "text"], "set": {1, 2}, "bytes": b"\x00\xff", "long": 10**30},
)  # fmt: skip
torch.save(content, os.path.join(here, "old.pt"), _use_new_zipfile_serialization=False)
content["tiny"] = torch.tensor([1.0, -0.5], dtype=torch.float8_e4m3fn)
torch.save(content, os.path.join(here, "new.pt"))
net = torch.nn.Linear(2, 1)
with torch.no_grad():
    net.weight.copy_(torch.tensor([[1.0, 2.0]]))
    net.bias.copy_(torch.tensor([0.5]))
torch.save(net, os.path.join(here, "linear.pt"))
torch.save(net.state_dict(), os.path.join(here, "linear_state.pt"))
