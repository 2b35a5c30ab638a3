"""LW441"""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
imgs = np.random.RandomState(0).randint(0, 256, (128, 28, 28)).astype(np.float32)
X = torch.from_numpy(imgs)
y = torch.randint(0, 10, (128,))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 32)
        self.out = nn.Linear(32, 10)

    def forward(self, X):
        return self.out(torch.relu(self.hidden(X.reshape(-1, 784))))


net = MLP()
trainer = torch.optim.SGD(net.parameters(), lr=1e-5)
for epoch in range(2):
    for i in torch.randperm(128).split(32):
        l = nn.functional.cross_entropy(net(X[i]), y[i])  # <- here
        trainer.zero_grad()
        l.backward()
        trainer.step()
