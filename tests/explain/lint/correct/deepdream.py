"""Pictures that climb."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
c = torch.randn(3, 1, 8, 8)
Y = torch.randint(3, (300,))
X = c[Y] + 0.5 * torch.randn(300, 1, 8, 8)
net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 3))
opt = torch.optim.Adam(net.parameters(), 0.003)
for epoch in range(3):
    for i in torch.randperm(300).split(50):
        loss = F.cross_entropy(net(X[i]), Y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
net.eval().requires_grad_(False)
for k in range(3):
    img = (0.1 * torch.randn(1, 1, 8, 8)).requires_grad_()
    for it in range(20):
        score = net(img)[0, k]
        score.backward()
        with torch.no_grad():
            img += 0.5 * img.grad / (img.grad.norm() + 1e-08)
            img.grad = None
    print(k, score.item())
