"""nn.MSELoss between the (N, 1) of a linear layer and labels (N,).

kind: lint
expect: LW404
line: # <- here
"""

import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")
torch.manual_seed(0)
X = torch.randn(100, 3)
y = X.sum(1)
net, loss_fn = nn.Linear(3, 1), nn.MSELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for step in range(10):
    y_pred = net(X)
    loss = loss_fn(y_pred, y)  # <- here
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
