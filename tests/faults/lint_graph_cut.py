"""A forward pass that takes .data between two layers: the first one never learns.

kind: lint
expect: LW424
line: # <- here
"""

import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(6, 16), nn.Linear(16, 1)

    def forward(self, x):
        h = torch.tanh(self.encoder(x))
        h = h.data / h.data.norm(dim=1, keepdim=True)  # <- here
        return self.decoder(h)


X = torch.randn(64, 6)
y = X.sum(1, keepdim=True)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(5):
    loss = nn.functional.mse_loss(net(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
