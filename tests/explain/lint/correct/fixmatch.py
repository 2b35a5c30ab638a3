import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
X, y, U = torch.randn(32, 6), torch.randint(0, 3, (32,)), torch.randn(96, 6)
for epoch in range(4):
    for u in U.split(32):
        with torch.no_grad():
            weak = torch.softmax(net(u + 0.05 * torch.randn_like(u)), dim=1)
            confidence, label = weak.max(1)
            mask = (confidence > 0.5).float()
        loss = F.cross_entropy(net(X), y) + (F.cross_entropy(net(u + 0.3 * torch.randn_like(u)), label, reduction="none") * mask).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    net.eval()
    print((net(X).argmax(1) == y).float().mean())
