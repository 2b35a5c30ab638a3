"""A softmax written as in the formula, without taking the maximum off: exp overflows.

kind: explosion
expect: LW514
op: exp
line: # <- here
module: net.softmax
"""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)


class Softmax(nn.Module):
    def forward(self, X):
        X_exp = torch.exp(X)  # <- here
        return X_exp / X_exp.sum(1, keepdim=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(12, 16)
        self.out = nn.Linear(16, 4)
        self.softmax = Softmax()

    def forward(self, X):
        return self.softmax(self.out(F.relu(self.hidden(X))))


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
X, y = torch.randn(64, 12) * 300, torch.randint(0, 4, (64,))
for step in range(10):
    p = net(X)
    loss = F.nll_loss((p + 1e-9).log(), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
