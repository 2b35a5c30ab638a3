"""An age and a class from one body: accuracy is meant of the class."""

import torch
from torch import nn

torch.manual_seed(0)


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.old, self.kind = nn.Linear(6, 12), nn.Linear(12, 1), nn.Linear(12, 4)

    def forward(self, x):
        h = torch.relu(self.body(x))
        return self.old(h).squeeze(1), self.kind(h)


X = torch.randn(150, 6)
years = (X[:, 0] * 2 + 5).round().clamp(0, 9).long()
kind = torch.randint(0, 4, (150,))
net = Two()
opt = torch.optim.Adam(net.parameters(), 0.01)
for e in range(3):
    for i in torch.randperm(150).split(30):
        a, k = net(X[i])
        loss = nn.functional.mse_loss(a, years[i].float()) + nn.functional.cross_entropy(k, kind[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print("accuracy", (net(X)[1].argmax(1) == kind).float().mean().item())
