"""LW421"""

import torch
import torch.nn.functional as F

torch.manual_seed(0)

X = torch.randn(64, 4)
y = torch.randint(0, 3, (64,))
W1 = torch.randn(4, 8, requires_grad=True)
W2 = torch.randn(8, 3, requires_grad=True)
opt = torch.optim.SGD([W1], lr=0.1)
for _ in range(4):
    opt.zero_grad()
    F.cross_entropy(torch.relu(X @ W1) @ W2, y).backward()
    opt.step()
