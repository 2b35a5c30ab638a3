import torch
import torch.nn as nn

torch.manual_seed(42)

net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 5)).eval()
img = torch.rand(1, 3, 8, 8, requires_grad=True)
for i in range(6):
    loss = net(img)[0, 2]
    loss.backward()
    with torch.no_grad():
        img += 0.1 * img.grad / img.grad.norm()
        img.grad.zero_()
        net.zero_grad()
