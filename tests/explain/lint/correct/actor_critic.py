import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

from torch.distributions import Normal


class AC(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = nn.Linear(3, 16)
        self.mu = nn.Linear(16, 1)
        self.v = nn.Linear(16, 1)
        self.log_std = nn.Parameter(torch.zeros(1))

    def forward(self, s):
        h = torch.tanh(self.b(s))
        return Normal(self.mu(h), self.log_std.exp()), self.v(h).squeeze(-1)


ac = AC()
o = optim.Adam(ac.parameters(), 1e-3)
for it in range(4):
    S = torch.randn(32, 3)
    with torch.no_grad():
        d, v = ac(S)
        A = d.sample()
        logp_old = d.log_prob(A).sum(-1)
    R = -(A.squeeze(-1) - S[:, 0]).pow(2)
    adv = R - v
    adv = (adv - adv.mean()) / adv.std()
    for _ in range(2):
        d, v = ac(S)
        logp = d.log_prob(A).sum(-1)
        ratio = (logp - logp_old).exp()
        pl = -torch.min(ratio * adv, ratio.clamp(0.8, 1.2) * adv).mean()
        vl = F.mse_loss(v, R)
        ent = d.entropy().mean()
        loss = pl + 0.5 * vl - 0.01 * ent
        o.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(ac.parameters(), 0.5)
        o.step()
