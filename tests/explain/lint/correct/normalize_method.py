"""A method of the class called normalize."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Prototypes(nn.Module):
    def __init__(self, d, k):
        super().__init__()
        self.w = nn.Parameter(torch.randn(k, d))
        self.register_buffer("seen", torch.zeros(()))

    @torch.no_grad()
    def normalize(self):
        """Put the prototypes back on the sphere, in place."""
        self.w.copy_(F.normalize(self.w, dim=1))

    def forward(self, x):
        """Cosine scores."""
        assert x.ndim == 2, x.shape
        self.normalize()
        self.seen += len(x)
        x = F.normalize(x, dim=1)
        x *= 10
        return x @ self.w.t()


c = torch.randn(5, 8) * 2
net = Prototypes(8, 5)
opt = torch.optim.Adam(net.parameters(), 0.02)
for it in range(80):
    y = torch.randint(5, (50,))
    loss = F.cross_entropy(net(c[y] + torch.randn(50, 8)), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item(), net.seen.item())
