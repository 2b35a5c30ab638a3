"""Linear regression with a learning rate beyond 2/λ: loss, gradient and weights grow by a factor each step.

kind: explosion
expect: LW541
op: SGD.step
line: # <- here
"""

import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(200, 2) * 3
y = X @ torch.tensor([2.0, -3.4]) + 4.2 + 0.01 * torch.randn(200)
net = nn.Sequential(nn.Linear(2, 1))
trainer = torch.optim.SGD(net.parameters(), lr=0.5)
loss_fn = nn.MSELoss()
for epoch in range(20):
    for i in range(0, 200, 20):
        loss = loss_fn(net(X[i : i + 20]), y[i : i + 20, None])
        trainer.zero_grad()
        loss.backward()
        trainer.step()  # <- here
