"""Segmentation: (N, C, H, W) scores, (N, H, W) classes, an ignored class, IoU in evaluation."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(16)


class UNet(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.mid = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(inplace=True))
        self.up = nn.Conv2d(24, classes, 3, padding=1)

    def forward(self, x):
        a = self.down(x)
        b = F.interpolate(self.mid(a), size=a.shape[2:], mode="bilinear", align_corners=False)
        return self.up(torch.cat([a, b], 1))


X, y = torch.rand(16, 3, 12, 12), torch.randint(0, 3, (16, 12, 12))
y[:, 0] = 255
net, criterion = UNet(), nn.CrossEntropyLoss(ignore_index=255)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=6)
for epoch in range(3):
    net.train()
    for i in torch.randperm(16).split(4):
        loss = criterion(net(X[i]), y[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        pred = net(X).argmax(1)
        valid = y != 255
        iou = [((pred == c) & (y == c) & valid).sum() / (((pred == c) | (y == c)) & valid).sum().clamp(min=1) for c in range(3)]
    print(epoch, loss.item(), torch.stack(iou).mean().item())
