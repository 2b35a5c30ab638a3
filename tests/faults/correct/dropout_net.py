"""A network with F.dropout(training=self.training) and batch normalisation, evaluated in evaluation mode after each epoch."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(6)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 32)
        self.bn = nn.BatchNorm1d(32)
        self.fc2 = nn.Linear(32, 3)

    def forward(self, x):
        x = F.relu(self.bn(self.fc1(x)))
        x = F.dropout(x, p=0.5, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


def train(model, optimizer, X, y):
    model.train()
    for batch in torch.randperm(len(X)).split(20):
        optimizer.zero_grad()
        loss = F.nll_loss(model(X[batch]), y[batch])
        loss.backward()
        optimizer.step()


def test(model, X, y):
    model.eval()
    with torch.no_grad():
        output = model(X)
        test_loss = F.nll_loss(output, y, reduction="sum").item()
        pred = output.argmax(dim=1, keepdim=True)
        correct = pred.eq(y.view_as(pred)).sum().item()
    print(f"{test_loss / len(y):.4f} {correct}/{len(y)}")


X, y = torch.randn(160, 12), torch.randint(0, 3, (160,))
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    train(model, optimizer, X[:120], y[:120])
    test(model, X[120:], y[120:])
