import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 2))
o = optim.Adam(net.parameters(), 1e-2)
X = torch.rand(100, 1) * 2 - 1
y = X**3 + 0.01 * torch.randn(100, 1)
for i in range(40):
    out = net(X)
    mu, var = out[:, :1], F.softplus(out[:, 1:]) + 1e-6
    loss = F.gaussian_nll_loss(mu, y, var)
    o.zero_grad()
    loss.backward()
    o.step()
print(loss.item())
