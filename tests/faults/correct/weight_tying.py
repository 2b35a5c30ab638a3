"""One layer in two places: a shared Linear in a Sequential and a shared list of references beside a ModuleList."""

import torch
from torch import nn

torch.manual_seed(25)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        shared = nn.Linear(8, 8)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), shared, nn.ReLU(), shared, nn.ReLU(), nn.Linear(8, 1))
        self.blocks = nn.ModuleList(nn.Linear(1, 1) for _ in range(2))
        self.order = [self.blocks[1], self.blocks[0]]

    def forward(self, x):
        x = self.net(x)
        for block in self.order:
            x = block(x)
        return x


net = Shared()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
X = torch.rand(64, 4)
y = X.sum(1, keepdim=True)
for epoch in range(5):
    loss = nn.functional.smooth_l1_loss(net(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(epoch, loss.item(), net.net[2].weight.data[0, 0] == net.net[4].weight.data[0, 0])
