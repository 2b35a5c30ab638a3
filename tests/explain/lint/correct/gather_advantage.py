"""Policy gradient with a baseline, one sample at a time."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
best = torch.randint(3, (8,))
policy = nn.Sequential(nn.Embedding(8, 16), nn.Tanh(), nn.Linear(16, 3))
opt = torch.optim.Adam(policy.parameters(), 0.02)
baseline = 0.0
for episode in range(200):
    s = torch.randint(8, (1,))
    logp = F.log_softmax(policy(s), dim=-1)
    a = torch.multinomial(logp.exp().detach(), 1)
    reward = float(a.item() == best[s].item())
    advantage = reward - baseline
    baseline += 0.05 * advantage
    loss = -(logp.gather(1, a) * advantage).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(baseline)
