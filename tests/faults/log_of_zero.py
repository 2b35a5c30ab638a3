"""A softmax and a cross-entropy written by hand: where logits are far apart, a probability underflows to 0.

kind: explosion
expect: LW510
op: log
line: # <- here
"""

import torch
from torch import nn

torch.manual_seed(0)


def cross_entropy(y_hat, y):
    return -torch.log(y_hat[range(len(y_hat)), y])  # <- here


net = nn.Sequential(nn.Flatten(), nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 5), nn.Softmax(dim=1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
features, labels = torch.randn(128, 4, 5) * 60, torch.randint(0, 5, (128,))
data = torch.utils.data.TensorDataset(features, labels)
for epoch in range(3):
    for X, y in torch.utils.data.DataLoader(data, batch_size=16, shuffle=True):
        loss = cross_entropy(net(X), y).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
