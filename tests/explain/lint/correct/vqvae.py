import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


class VQ(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(6, 4)
        self.cb = nn.Embedding(8, 4)
        self.dec = nn.Linear(4, 6)

    def forward(self, x):
        z = self.enc(x)
        d = torch.cdist(z, self.cb.weight)
        i = d.argmin(1)
        q = self.cb(i)
        loss = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        q = z + (q - z).detach()
        return self.dec(q), loss


m = VQ()
o = optim.Adam(m.parameters(), 1e-2)
X = torch.randn(64, 6)
for i in range(4):
    r, l = m(X)
    loss = F.mse_loss(r, X) + l
    o.zero_grad()
    loss.backward()
    o.step()
