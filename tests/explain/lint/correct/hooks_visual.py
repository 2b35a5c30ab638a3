import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
feats = []
h = net[0].register_forward_hook(lambda m, i, o: feats.append(o.detach()))
o = optim.SGD(net.parameters(), 0.1)
X, y = torch.rand(16, 1, 8, 8), torch.randint(0, 3, (16,))
for i in range(4):
    l = F.cross_entropy(net(X), y)
    o.zero_grad()
    l.backward()
    o.step()
h.remove()
print(feats[-1].shape, [p.grad.abs().max().item() for p in net.parameters()])
# saliency
img = X[:1].clone().requires_grad_()
net.eval()
s = net(img).max()
s.backward()
print(img.grad.abs().sum().item())
