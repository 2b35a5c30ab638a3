"""WGAN with a gradient penalty: a critic without sigmoid, losses of either sign, second derivatives through autograd.grad."""

import torch
from torch import nn

torch.manual_seed(34)
G = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2))
D = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
opt_g, opt_d = torch.optim.Adam(G.parameters(), lr=1e-4, betas=(0, 0.9)), torch.optim.Adam(D.parameters(), lr=1e-4, betas=(0, 0.9))
real_data = torch.randn(128, 2) * 0.5 + 2


def penalty(real, fake):
    alpha = torch.rand(len(real), 1)
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    (g,) = torch.autograd.grad(D(mixed).sum(), mixed, create_graph=True)
    return ((g.norm(2, dim=1) - 1) ** 2).mean()


for step in range(6):
    for _ in range(3):
        real = real_data[torch.randint(0, 128, (32,))]
        fake = G(torch.randn(32, 3)).detach()
        d_loss = D(fake).mean() - D(real).mean() + 10 * penalty(real, fake)
        opt_d.zero_grad()
        d_loss.backward()
        opt_d.step()
    g_loss = -D(G(torch.randn(32, 3))).mean()
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
    print(step, d_loss.item(), g_loss.item())
