"""Layer normalisation written by hand, without eps: an example whose features are all equal has deviation 0.

kind: explosion
expect: LW513
op: div
line: # <- here
module: net.1.1
rows: 5
"""

import torch
from torch import nn

torch.manual_seed(0)


class Norm(nn.Module):
    def forward(self, X):
        centred = X - X.mean(-1, keepdim=True)
        return centred / centred.pow(2).mean(-1, keepdim=True).sqrt()  # <- here


net = nn.Sequential(nn.Linear(6, 6, bias=False), nn.Sequential(nn.ReLU(), Norm()), nn.Linear(6, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
X, y = torch.randn(12, 6), torch.randint(0, 2, (12,))
X[5] = 0.0
for step in range(3):
    loss = nn.functional.cross_entropy(net(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
