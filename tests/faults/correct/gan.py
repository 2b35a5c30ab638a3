"""A GAN: two optimizers, the generator's output detached for the discriminator, gradients of one network left over by the other's step."""

import torch
from torch import nn

torch.manual_seed(7)
G = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
D = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(16, 1))
criterion = nn.BCEWithLogitsLoss()
opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
data = torch.randn(256, 2) @ torch.tensor([[1.0, 2.0], [-0.1, 0.5]])
for epoch in range(2):
    for real in data[torch.randperm(256)].split(32):
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        opt_d.zero_grad()
        loss_real = criterion(D(real), ones)
        loss_real.backward()
        fake = G(torch.randn(len(real), 4))
        loss_fake = criterion(D(fake.detach()), zeros)
        loss_fake.backward()
        opt_d.step()
        opt_g.zero_grad()
        loss_g = criterion(D(fake), ones)
        loss_g.backward()
        opt_g.step()
    print(epoch, loss_real.item() + loss_fake.item(), loss_g.item())
with torch.no_grad():
    G.eval()
    print(G(torch.randn(5, 4)))
