"""forward calls the second layer twice and the third never.

kind: lint
expect: LW423
line: # <- here
"""

import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 16)
        self.fc2 = nn.Linear(16, 16)
        self.fc3 = nn.Linear(16, 16)  # <- here
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        x = torch.relu(self.fc2(x))
        return self.out(x)


X, y = torch.randn(64, 6), torch.randint(0, 2, (64,))
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(5):
    loss = nn.functional.cross_entropy(net(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
