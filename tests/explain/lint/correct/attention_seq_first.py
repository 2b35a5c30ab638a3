import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


# (T, B) energies, softmax over dim 0 = time
class A(nn.Module):
    def __init__(self):
        super().__init__()
        self.g = nn.GRU(4, 8)
        self.v = nn.Linear(8, 1)
        self.o = nn.Linear(8, 2)

    def forward(self, x):
        h, _ = self.g(x)
        w = F.softmax(self.v(h).squeeze(-1), dim=0)
        return self.o((w.unsqueeze(-1) * h).sum(0))


m = A()
o = optim.Adam(m.parameters())
X, y = torch.randn(9, 16, 4), torch.randint(0, 2, (16,))
for i in range(4):
    l = F.cross_entropy(m(X), y)
    o.zero_grad()
    l.backward()
    o.step()
