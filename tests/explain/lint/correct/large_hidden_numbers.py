"""A hidden layer with large numbers, evaluated under no_grad: it is not the input."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
X = torch.randn(300, 5)

y = X.sum(1, keepdim=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(5, 8), nn.Linear(8, 1)

    def forward(self, x):
        return self.b(torch.exp(4 * self.a(x)).clamp(max=1e4) * 1.0)


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-4)
for epoch in range(3):
    loss = F.smooth_l1_loss(net(X), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
net.eval()
with torch.no_grad():
    print(net(X).abs().max())
