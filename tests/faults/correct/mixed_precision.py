"""Automatic mixed precision on the CPU: autocast for the forward pass, a GradScaler around backward and step."""

import torch
from torch import nn

torch.manual_seed(28)
X, y = torch.randn(64, 8), torch.randint(0, 3, (64,))
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cpu", enabled=True)
criterion = nn.CrossEntropyLoss()
for epoch in range(4):
    for batch in torch.randperm(64).split(16):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = net(X[batch])
        loss = criterion(out.float(), y[batch])
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
    print(epoch, loss.item())
