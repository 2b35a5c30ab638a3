"""LW417"""

import torch
from torch import nn

torch.manual_seed(0)

X = torch.randn(128, 4)
y = torch.randint(0, 3, (128,))
net = nn.Linear(4, 3)
opt = torch.optim.Adam(net.parameters(), 1e-3)
history = {"loss": []}
for e in range(20):
    loss = nn.CrossEntropyLoss()(net(X), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    history["loss"].append(loss)
