"""Ratings from 0 to 5."""

import torch
from torch import nn

torch.manual_seed(0)


class MF(nn.Module):
    def __init__(self, users, items, k):
        super().__init__()
        self.P, self.Q = nn.Embedding(users, k), nn.Embedding(items, k)
        self.bu, self.bi = nn.Embedding(users, 1), nn.Embedding(items, 1)
        self.mean = nn.Parameter(torch.tensor(3.0))

    def forward(self, u, i):
        return (self.P(u) * self.Q(i)).sum(1) + self.bu(u).squeeze(1) + self.bi(i).squeeze(1) + self.mean


users, items, scores = torch.randint(0, 20, (300,)), torch.randint(0, 30, (300,)), torch.randint(0, 6, (300,))
dl = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(users, items, scores), 50, shuffle=True)
net = MF(20, 30, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-4)
for epoch in range(3):
    for u, i, r in dl:
        loss = nn.functional.mse_loss(net(u, i), r.float())
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(torch.sqrt(nn.functional.mse_loss(net(users, items), scores.float())).item())
