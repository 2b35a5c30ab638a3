"""Fine-tuning: the new head is put on after the optimizer was made.

kind: lint
expect: LW421
line: # <- here
"""

import torch
from torch import nn

torch.manual_seed(0)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 32), nn.ReLU())
        self.fc = nn.Linear(32, 100)

    def forward(self, x):
        return self.fc(self.body(x))


model = Backbone()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
model.fc = nn.Linear(32, 2)  # <- here
X, y = torch.randn(64, 10), torch.randint(0, 2, (64,))
for epoch in range(4):
    optimizer.zero_grad()
    loss = nn.CrossEntropyLoss()(model(X), y)
    loss.backward()
    optimizer.step()
    print(epoch, loss.item())
