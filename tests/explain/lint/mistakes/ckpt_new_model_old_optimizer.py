"""LW421"""

import torch
from torch import nn

torch.manual_seed(0)


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.f = nn.Conv2d(1, 4, 3), nn.Linear(64, 2)

    def forward(self, x):
        return self.f(torch.relu(self.c(x)).flatten(1))


model = CNN()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
state = model.state_dict()
model = CNN()  # <- here
model.load_state_dict(state)
X, y = torch.randn(60, 1, 6, 6), torch.randint(0, 2, (60,))
for e in range(2):
    for i in torch.randperm(60).split(20):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(X[i]), y[i])
        loss.backward()
        optimizer.step()
