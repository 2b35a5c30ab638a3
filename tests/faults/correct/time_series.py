"""A sine with noise: windows of the past, batches in the order of time on purpose, an LSTM, the future predicted step by step."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(20)
T, tau = 300, 6
time = torch.arange(1, T + 1, dtype=torch.float32)
x = torch.sin(0.05 * time) + torch.normal(0, 0.1, (T,))
features = torch.zeros((T - tau, tau))
for i in range(tau):
    features[:, i] = x[i : T - tau + i]
labels = x[tau:].reshape((-1, 1))
train_iter = DataLoader(TensorDataset(features[:200], labels[:200]), batch_size=20, shuffle=False)


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.out = nn.LSTM(1, 12, batch_first=True), nn.Linear(12, 1)

    def forward(self, x):
        h, _ = self.lstm(x.unsqueeze(-1))
        return self.out(h[:, -1])


net, loss = Forecaster(), nn.MSELoss(reduction="none")
trainer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3):
    for X, y in train_iter:
        trainer.zero_grad()
        l = loss(net(X), y)
        l.sum().backward()
        trainer.step()
with torch.no_grad():
    onestep = net(features)
    window = features[200:201].clone()
    for _ in range(5):
        window = torch.cat([window[:, 1:], net(window)], 1)
    print(loss(onestep[200:], labels[200:]).mean().item(), window[0].tolist())
