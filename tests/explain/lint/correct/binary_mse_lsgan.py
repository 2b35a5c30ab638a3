import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(42)

G, D = nn.Linear(2, 2), nn.Linear(2, 1)
og, od = optim.Adam(G.parameters()), optim.Adam(D.parameters())
mse = nn.MSELoss()
for i in range(5):
    r, z = torch.randn(16, 2), torch.randn(16, 2)
    one, zero = torch.ones(16, 1), torch.zeros(16, 1)
    og.zero_grad()
    gl = mse(D(G(z)), one)
    gl.backward()
    og.step()
    od.zero_grad()
    dl = 0.5 * (mse(D(r), one) + mse(D(G(z).detach()), zero))
    dl.backward()
    od.step()
