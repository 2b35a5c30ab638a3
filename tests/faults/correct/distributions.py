"""Maximum likelihood with torch.distributions, and a variational posterior: negative log-likelihoods that may fall below 0."""

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

torch.manual_seed(30)
data = Normal(1.5, 0.1).sample((200,))
mu, log_sigma = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
optimizer = torch.optim.Adam([mu, log_sigma], lr=0.1)
for step in range(40):
    optimizer.zero_grad()
    loss = -Normal(mu, log_sigma.exp()).log_prob(data).mean()
    loss.backward()
    optimizer.step()
print(loss.item(), mu.item(), log_sigma.exp().item())
loc, scale = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
X = torch.randn(100, 3)
y = X @ torch.tensor([1.0, -2.0, 0.5]) + 0.1 * torch.randn(100)
optimizer = torch.optim.SGD([loc, scale], lr=1e-4)
for step in range(20):
    q = Normal(loc, scale.exp())
    w = q.rsample()
    elbo = Normal(X @ w, 1.0).log_prob(y).sum() - kl_divergence(q, Normal(torch.zeros(3), torch.ones(3))).sum()
    optimizer.zero_grad()
    (-elbo).backward()
    optimizer.step()
print(elbo.item(), loc.tolist())
