import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)).eval()
for p in net.parameters():
    p.requires_grad_(False)
content, style = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
img = content.clone().requires_grad_(True)
o = optim.Adam([img], lr=0.05)


def gram(x):
    c = x.shape[1]
    f = x.reshape(c, -1)
    return f @ f.T / f.numel()


with torch.no_grad():
    cy, sg = net(content), gram(net(style))
for i in range(5):
    o.zero_grad()
    y = net(img)
    l = F.mse_loss(y, cy) + 10 * (gram(y) - sg).square().mean() + 0.1 * ((img[:, :, 1:] - img[:, :, :-1]).abs().mean())
    l.backward()
    o.step()
