"""A moving average of the weights, kept in a copy of the model and updated by .data under no_grad; a mean teacher's targets."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(22)
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
teacher = copy.deepcopy(model)
for p in teacher.parameters():
    p.requires_grad_(False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
X, y = torch.randn(96, 6), torch.randint(0, 3, (96,))


def update_ema(decay=0.99):
    for ema, p in zip(teacher.parameters(), model.parameters()):
        ema.data.mul_(decay).add_(p.data, alpha=1 - decay)


for epoch in range(3):
    model.train()
    for batch in torch.randperm(96).split(24):
        logits = model(X[batch])
        with torch.no_grad():
            targets = teacher(X[batch] + 0.05 * torch.randn(len(batch), 6)).softmax(1)
        loss = F.cross_entropy(logits, y[batch]) + 0.1 * F.mse_loss(logits.softmax(1), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        update_ema()
    teacher.eval()
    with torch.no_grad():
        print(epoch, (teacher(X).argmax(1) == y).float().mean().item())
