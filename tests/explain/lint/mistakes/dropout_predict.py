"""LW431"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3))
opt = optim.Adam(model.parameters())
X, y = torch.randn(100, 8), torch.randint(0, 3, (100,))
for epoch in range(3):
    opt.zero_grad()
    loss = F.cross_entropy(model(X), y)
    loss.backward()
    opt.step()
with torch.no_grad():
    probs = F.softmax(model(X[:5]), dim=1)
    print(probs)
