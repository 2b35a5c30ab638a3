"""How many bright spots an image has: a number."""

import torch
from torch import nn

torch.manual_seed(0)


def sample(n):
    k = torch.randint(0, 6, (n,))
    images = 0.05 * torch.rand(n, 1, 10, 10)
    for image, c in zip(images, k):
        where = torch.randperm(100)[: int(c)]
        image.view(-1)[where] = 1.0
    return images, k


images, k = sample(160)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(3):
    for i in torch.randperm(160).split(32):
        loss = nn.functional.mse_loss(net(images[i]).squeeze(-1), k[i].float())
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(loss.item())
