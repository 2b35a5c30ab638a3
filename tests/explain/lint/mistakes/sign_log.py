"""LW406"""

import torch
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)
p = torch.full((3,), 1 / 3).log().requires_grad_()
data = torch.randint(0, 3, (50,))
opt = optim.SGD([p], lr=0.1)
for _ in range(5):
    ll = F.log_softmax(p, 0)[data].sum()
    opt.zero_grad()
    ll.backward()
    opt.step()
