"""LW424"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)
from torch.autograd import Variable

m = nn.Linear(6, 1)
opt = optim.Adam(m.parameters())
X = torch.randn(50, 6)
y = X.sum(1, keepdim=True)
for _ in range(5):
    loss = F.mse_loss(m(X), y)
    loss = Variable(loss.data, requires_grad=True)
    opt.zero_grad()
    loss.backward()
    opt.step()
