"""Regression with targets (N, 1), standardised features, a validation loss under inference_mode, early stopping with the best state."""

import copy

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(14)
area, rooms = torch.rand(200) * 3000 + 500, torch.randint(1, 7, (200,)).float()
price = 120 * area + 9000 * rooms + 5000 * torch.randn(200)
X = torch.stack([area, rooms], 1)
X = (X - X.mean(0)) / X.std(0)
y = ((price - price.mean()) / price.std()).unsqueeze(1)
train_set, val_set = random_split(TensorDataset(X, y), [160, 40])
train_loader, val_loader = DataLoader(train_set, 32, shuffle=True), DataLoader(val_set, 40)
model = nn.Sequential(nn.Linear(2, 32), nn.GELU(), nn.Linear(32, 1))
criterion = nn.HuberLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-4)
best, best_state, patience = float("inf"), None, 3
for epoch in range(8):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        criterion(model(xb), yb).backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        val = sum(criterion(model(xb), yb).item() * len(xb) for xb, yb in val_loader) / 40
    if val < best:
        best, best_state, patience = val, copy.deepcopy(model.state_dict()), 3
    else:
        patience -= 1
        if not patience:
            break
model.load_state_dict(best_state)
print(epoch, best)
