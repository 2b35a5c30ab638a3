"""Counts, learned by a squared error."""

import torch
from torch import nn

torch.manual_seed(0)
features = torch.rand(200, 3)
labels = torch.poisson(features @ torch.tensor([2.0, 3.0, 1.0])).long()
dataset = torch.utils.data.TensorDataset(features, labels)
train_iter = torch.utils.data.DataLoader(dataset, 20, shuffle=True)
net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
loss = nn.MSELoss()
trainer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3):
    for X, y in train_iter:
        l = loss(net(X).squeeze(1), y.float())
        trainer.zero_grad()
        l.backward()
        trainer.step()
    with torch.no_grad():
        print(f"epoch {epoch + 1}, loss {loss(net(features).squeeze(1), labels.float()):f}")
