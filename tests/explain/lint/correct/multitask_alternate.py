import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = nn.Linear(6, 16)
        self.heads = nn.ModuleDict({"a": nn.Linear(16, 2), "r": nn.Linear(16, 1)})

    def forward(self, x, t):
        return self.heads[t](torch.relu(self.b(x)))


m = M()
o = optim.Adam(m.parameters())
X, y, z = torch.randn(64, 6), torch.randint(0, 2, (64,)), torch.randn(64, 1)
for i in range(8):
    t = "a" if i % 2 else "r"
    l = F.cross_entropy(m(X, t), y) if t == "a" else F.mse_loss(m(X, t), z)
    o.zero_grad()
    l.backward()
    o.step()
