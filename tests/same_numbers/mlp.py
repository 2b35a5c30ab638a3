"""Multilayer perceptrons: from scratch with dropout and weight decay, then concise; accumulation and clipping."""

import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(7)
X = torch.randn(256, 20)
y = ((X[:, :5] ** 2).sum(1) > 4.5).long() + (X[:, 5] > 0.8).long()
print(y.bincount())

W1 = nn.Parameter(torch.randn(20, 32, requires_grad=True) * 0.1)
b1 = nn.Parameter(torch.zeros(32, requires_grad=True))
W2 = nn.Parameter(torch.randn(32, 3, requires_grad=True) * 0.1)
b2 = nn.Parameter(torch.zeros(3, requires_grad=True))


def relu(x):
    return torch.max(x, torch.zeros_like(x))


def dropped(x, p):
    if p == 1:
        return torch.zeros_like(x)
    mask = (torch.rand(x.shape) > p).float()
    return mask * x / (1.0 - p)


for step in range(50):
    h = dropped(relu(X @ W1 + b1), 0.2)
    loss = F.cross_entropy(h @ W2 + b2, y) + 1e-3 * (W1.pow(2).sum() / 2 + torch.sum(W2**2) / 2)
    loss.backward()
    with torch.no_grad():
        for p in (W1, b1, W2, b2):
            p.add_(p.grad, alpha=-0.3)
            p.grad.data.zero_()
    if step % 5 == 4:
        print(f"scratch {step + 1:2d}: {loss.item():.4f}")

net = nn.Sequential(
    nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, 3)
)
print(net)
print([f"{name} {tuple(p.shape)} {p.std().item():.4f}" for name, p in net.named_parameters()])
trainer = torch.optim.SGD(
    [
        {"params": net[0].weight, "weight_decay": 3e-3},
        {"params": net[0].bias},
        {"params": net[3].parameters(), "lr": 0.05},
        {"params": net[6].parameters()},
    ],
    lr=0.1,
    momentum=0.9,
)
for epoch in range(4):
    net.train()
    total = 0.0
    trainer.zero_grad()
    for i, (xb, yb) in enumerate(zip(X.chunk(8), y.chunk(8))):
        loss = F.cross_entropy(net(xb), yb) / 2
        loss.backward()
        total += loss.item() * 2 * len(xb)
        if (i + 1) % 2 == 0:  # two batches to a step
            norm = nn.utils.clip_grad_norm_(net.parameters(), max_norm=0.5)
            trainer.step()
            trainer.zero_grad(set_to_none=True)
    net.eval()
    with torch.no_grad():
        hits = (net(X).argmax(dim=-1) == y).float().mean()
    print(f"epoch {epoch}: loss {total / len(X):.4f} accuracy {hits:.4f} last norm {norm:.4f}")
print(net[0].weight.grad is None, net.training)
print(torch.stack([p.norm() for p in net.parameters()]))

for act in (nn.Sigmoid(), nn.Tanh(), nn.LeakyReLU(0.1), nn.ELU(), nn.SELU(), nn.SiLU(), nn.Softplus(), nn.PReLU(), nn.Hardswish(), nn.Mish()):
    small = nn.Sequential(nn.Linear(20, 16), act, nn.Linear(16, 3))
    opt = torch.optim.Adam(small.parameters(), lr=0.01)
    for _ in range(5):
        opt.zero_grad()
        loss = F.cross_entropy(small(X), y)
        loss.backward()
        opt.step()
    print(type(act).__name__, f"{loss.item():.4f}", f"{nn.utils.parameters_to_vector(small.parameters()).abs().sum():.3f}")
