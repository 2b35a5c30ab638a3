"""A plain recurrent net over 60 steps with a recurrent weight whose powers grow: the gradient through time explodes, no clipping.

kind: explosion
expect: LW540
op: linear
line: # <- here
"""

import torch
from torch import nn

torch.manual_seed(0)


class RNN(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.inp = nn.Linear(inputs, hidden)
        self.rec = nn.Linear(hidden, hidden, bias=False)
        self.out = nn.Linear(hidden, 1)
        nn.init.orthogonal_(self.rec.weight, gain=1.5)

    def forward(self, X):
        h = torch.zeros(X.shape[1], self.rec.in_features)
        for x in X:
            h = self.inp(x) + self.rec(h)  # <- here
        return self.out(h)


net = RNN(3, 16)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
X, y = torch.randn(60, 8, 3) * 0.1, torch.randn(8, 1)
for step in range(10):
    loss = ((net(X) - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
