"""Auto-decoder: latents and decoder take turns; latents by their own rule (Langevin), the decoder by Adam"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
c = torch.randn(4, 12)
X = c[torch.randint(4, (64,))] + 0.2 * torch.randn(64, 12)
dec = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 12))
opt = torch.optim.Adam(dec.parameters(), 0.005)
z = torch.randn(64, 3, requires_grad=True)
for it in range(60):
    for _ in range(3):
        e = 20 * F.mse_loss(dec(z), X, reduction="sum") / 64 + 0.5 * z.pow(2).sum() / 64
        (g,) = torch.autograd.grad(e, z)
        with torch.no_grad():
            z.add_(-0.1 * g + 0.01 * torch.randn_like(z))
    loss = F.mse_loss(dec(z), X)
    opt.zero_grad()
    loss.backward()
    opt.step()
img = torch.zeros(1, 3, requires_grad=True)
lb = torch.optim.LBFGS([img], max_iter=10)


def closure():
    lb.zero_grad()
    l = F.mse_loss(dec(img), X[:1])
    l.backward()
    return l


for _ in range(3):
    lb.step(closure)
print(loss.item(), closure().item())
