import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

# net's parameters not frozen, only the image is optimised
net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
img = torch.rand(1, 3, 8, 8, requires_grad=True)
o = optim.LBFGS([img])
t = torch.rand(1, 4, 8, 8)
for i in range(3):

    def closure():
        o.zero_grad()
        l = F.mse_loss(net(img), t)
        l.backward()
        return l

    o.step(closure)
