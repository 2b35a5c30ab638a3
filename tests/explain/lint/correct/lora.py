import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


class LoRA(nn.Module):
    def __init__(self, base, r=2):
        super().__init__()
        self.base = base
        self.A = nn.Parameter(torch.randn(r, base.in_features) * 0.01)
        self.B = nn.Parameter(torch.zeros(base.out_features, r))
        for p in base.parameters():
            p.requires_grad = False

    def forward(self, x):
        return self.base(x) + x @ self.A.T @ self.B.T


net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
net[0] = LoRA(net[0])
net[2] = LoRA(net[2])
o = optim.AdamW(filter(lambda p: p.requires_grad, net.parameters()), lr=1e-2)
X, y = torch.randn(64, 6), torch.randint(0, 2, (64,))
for i in range(5):
    l = F.cross_entropy(net(X), y)
    o.zero_grad()
    l.backward()
    o.step()
