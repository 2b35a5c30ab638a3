import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(42)

G, D = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
og, od = optim.Adam(G.parameters()), optim.Adam(D.parameters())
for i in range(5):
    r, z = torch.randn(16, 2), torch.randn(16, 2)
    dl = -(torch.log(D(r)).mean() + torch.log(1 - D(G(z).detach())).mean())
    od.zero_grad()
    dl.backward()
    od.step()
    gl = torch.log(1 - D(G(z))).mean()
    og.zero_grad()
    gl.backward()
    og.step()
