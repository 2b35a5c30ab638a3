"""SimCLR's loss on pairs of views: similarities of all pairs, targets on the diagonal; softmax only to look at confidence afterwards."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(24)
encoder = nn.Sequential(nn.Linear(10, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
X = torch.randn(96, 10)
for step in range(8):
    x = X[torch.randperm(96)[:32]]
    a = F.normalize(encoder(x + 0.1 * torch.randn_like(x)), dim=1)
    b = F.normalize(encoder(x + 0.1 * torch.randn_like(x)), dim=1)
    logits = a @ b.t() / 0.1
    targets = torch.arange(len(x))
    loss = (F.cross_entropy(logits, targets) + F.cross_entropy(logits.t(), targets)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    confidence = logits.detach().softmax(dim=1).diagonal().mean()
    print(step, loss.item(), confidence.item())
