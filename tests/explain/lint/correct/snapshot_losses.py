import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Linear(4, 1)
o = optim.SGD(net.parameters(), lr=0.05)
X = torch.randn(64, 4)
y = X.sum(1, keepdim=True)
losses, total = [], 0.0
for i in range(20):
    l = F.mse_loss(net(X), y)
    o.zero_grad()
    l.backward()
    o.step()
    losses.append(l.detach())
    total += l.item()
print(torch.stack(losses).mean(), total)
