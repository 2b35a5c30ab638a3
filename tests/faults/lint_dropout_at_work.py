"""The test loop stands under no_grad and forgets eval(): dropout and batch normalisation are still at work.

kind: lint
expect: LW431
line: # <- here
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
images, labels = torch.rand(96, 1, 8, 8), torch.randint(0, 3, (96,))
train_loader = DataLoader(TensorDataset(images[:64], labels[:64]), 16, shuffle=True)
test_loader = DataLoader(TensorDataset(images[64:], labels[64:]), 16)
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(144, 3))
criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(2):
    for X, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(X), y)
        loss.backward()
        optimizer.step()
    correct = total = 0
    with torch.no_grad():
        for X, y in test_loader:
            outputs = model(X)  # <- here
            _, predicted = torch.max(outputs.data, 1)
            total += y.size(0)
            correct += (predicted == y).sum().item()
    print(epoch, correct / total)
