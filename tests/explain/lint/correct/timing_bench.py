import torch
import torch.nn as nn

torch.manual_seed(42)

import time

net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 4))
x = torch.randn(8, 16)
for _ in range(5):
    y = net(x)
    y.sum().backward()
t = time.time()
for _ in range(5):
    net(x)
print(net(x).shape, sum(p.numel() for p in net.parameters()))
