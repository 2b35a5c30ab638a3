"""A small adversarial pair with detached fakes, an autoencoder, a variational one, and style-like optimisation of an input."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(23)
A, shift = torch.tensor([[1, 2], [-0.1, 0.5]]), torch.tensor([1, 2])
real = torch.matmul(torch.normal(0.0, 1, (128, 2)), A) + shift
G = nn.Sequential(nn.Linear(2, 2))
D = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 1))
loss = nn.BCEWithLogitsLoss(reduction="sum")
for w in D.parameters():
    nn.init.normal_(w, 0, 0.02)
for w in G.parameters():
    nn.init.normal_(w, 0, 0.02)
trainer_D = torch.optim.Adam(D.parameters(), lr=0.05)
trainer_G = torch.optim.Adam(G.parameters(), lr=0.005)
for step in range(50):
    X = real[step % 4 * 32 : step % 4 * 32 + 32]
    Z = torch.normal(0, 1, size=(32, 2))
    ones, zeros = torch.ones((32,), device=X.device), torch.zeros((32,), device=X.device)
    trainer_D.zero_grad()
    fake = G(Z)
    real_Y, fake_Y = D(X), D(fake.detach())
    loss_D = (loss(real_Y, ones.reshape(real_Y.shape)) + loss(fake_Y, zeros.reshape(fake_Y.shape))) / 2
    loss_D.backward()
    trainer_D.step()
    trainer_G.zero_grad()
    fake_Y = D(G(Z))
    loss_G = loss(fake_Y, ones.reshape(fake_Y.shape))
    loss_G.backward()
    trainer_G.step()
    if step % 4 == 3:
        print(f"loss_D {loss_D.item() / 32:.4f}, loss_G {loss_G.item() / 32:.4f}")
print(f"{G[0].weight.sum():.4f}", torch.cov(real.T))

blk = nn.Sequential(
    nn.ConvTranspose2d(4, 8, 4, 1, 0, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
    nn.ConvTranspose2d(8, 1, 4, 2, 1, bias=False), nn.Tanh(),
)
judge = nn.Sequential(nn.Conv2d(1, 8, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(8, 1, 4, 1, 0), nn.Flatten())
pictures = torch.rand(16, 1, 8, 8) * 2 - 1
og, od = (torch.optim.Adam(m.parameters(), lr=0.005, betas=(0.5, 0.999)) for m in (blk, judge))
for step in range(6):
    made = blk(torch.randn(16, 4, 1, 1))
    od.zero_grad()
    d = F.binary_cross_entropy_with_logits(judge(pictures), torch.ones(16, 1)) + F.binary_cross_entropy(
        torch.sigmoid(judge(made.detach())), torch.zeros(16, 1)
    )
    d.backward()
    od.step()
    og.zero_grad()
    g = F.softplus(-judge(made)).mean()
    g.backward()
    og.step()
    print(f"convolutional {step}: {d.item():.4f} {g.item():.4f}")


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU())
        self.mu, self.logvar = nn.Linear(24, 3), nn.Linear(24, 3)
        self.decoder = nn.Sequential(nn.Linear(3, 24), nn.ReLU(), nn.Linear(24, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.decoder(z), mu, logvar


vae, data = VAE(), (pictures + 1) / 2
optimizer = torch.optim.RMSprop(vae.parameters(), lr=2e-3)
for step in range(8):
    out, mu, logvar = vae(data)
    bce = F.binary_cross_entropy(out, data, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    optimizer.zero_grad()
    (bce + kld).backward()
    optimizer.step()
    print(f"vae {step}: {bce.item() / 16:.4f} {kld.item() / 16:.4f}")

# optimising a picture until its features' Gram matrix is another's
extract = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2)).requires_grad_(False)


def gram(x):
    f = extract(x).reshape(6, -1)
    return torch.matmul(f, f.T) / f.numel()


style = gram(pictures[:1]).detach()
canvas = nn.Parameter(pictures[1:2].clone())
paint = torch.optim.Adam([canvas], lr=0.1)
schedule = torch.optim.lr_scheduler.StepLR(paint, 4, 0.8)
for step in range(8):
    paint.zero_grad()
    l = 1e3 * F.mse_loss(gram(canvas), style) + 0.1 * (
        torch.abs(canvas[:, :, 1:, :] - canvas[:, :, :-1, :]).mean() + torch.abs(canvas[..., 1:] - canvas[..., :-1]).mean()
    )
    l.backward()
    paint.step()
    schedule.step()
    print(f"paint {step}: {l.item():.4f}")
