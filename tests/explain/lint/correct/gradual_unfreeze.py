import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
X, y = torch.randn(64, 6), torch.randint(0, 2, (64,))
net[0].requires_grad_(False)
o = optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1)
for i in range(6):
    if i == 3:
        net[0].requires_grad_(True)
        o.add_param_group({"params": net[0].parameters(), "lr": 0.01})
    l = F.cross_entropy(net(X), y)
    o.zero_grad()
    l.backward()
    o.step()
