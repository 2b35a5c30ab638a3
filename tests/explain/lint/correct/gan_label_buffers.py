"""The labels of a GAN, cut from two constant rows."""

import torch
from torch import nn

torch.manual_seed(0)
G = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2))
D = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
og, od = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
REAL, FAKE = torch.ones(64, 1), torch.zeros(64, 1)
bce = nn.BCEWithLogitsLoss()


def adversarial(scores, real):
    return bce(scores, (REAL if real else FAKE)[: len(scores)])


data = torch.randn(200, 2) + 3
for step in range(20):
    x = data[torch.randint(0, 200, (32,))]
    fake = G(torch.randn(32, 3))
    od.zero_grad()
    (adversarial(D(x), True) + adversarial(D(fake.detach()), False)).backward()
    od.step()
    og.zero_grad()
    adversarial(D(fake), True).backward()
    og.step()
