"""LW406"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.mu, self.lv = nn.Linear(30, 16), nn.Linear(16, 2), nn.Linear(16, 2)
        self.dec = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 30), nn.Sigmoid())

    def forward(self, x):
        h = torch.relu(self.enc(x))
        mu, lv = self.mu(h), self.lv(h)
        z = mu + torch.exp(0.5 * lv) * torch.randn_like(mu)
        return self.dec(z), mu, lv


model = VAE()
opt = torch.optim.Adam(model.parameters(), 1e-2)
X = torch.rand(120, 30)
for epoch in range(5):
    for i in torch.randperm(120).split(30):
        out, mu, lv = model(X[i])
        elbo = -F.binary_cross_entropy(out, X[i], reduction="sum") + 0.5 * torch.sum(1 + lv - mu.pow(2) - lv.exp())
        opt.zero_grad()
        elbo.backward()  # <- here
        opt.step()
    print(epoch, elbo.item())
