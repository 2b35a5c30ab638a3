"""Hidden layers appended to a plain list: only the output layer learns.

kind: lint
expect: LW422
line: # <- here
"""

import torch
from torch import nn

torch.manual_seed(0)


class MLP(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.hidden = []
        for n_in, n_out in zip(sizes[:-2], sizes[1:-1]):  # noqa: RUF007
            self.hidden.append(nn.Linear(n_in, n_out))  # <- here
        self.output = nn.Linear(sizes[-2], sizes[-1])

    def forward(self, x):
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.output(x)


X, y = torch.randn(64, 4), torch.randint(0, 3, (64,))
net = MLP([4, 16, 16, 3])
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(5):
    loss = nn.functional.cross_entropy(net(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
