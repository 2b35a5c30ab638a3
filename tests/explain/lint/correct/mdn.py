import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Linear(2, 6)
o = optim.Adam(net.parameters(), 1e-2)
X = torch.randn(64, 2)
y = X.sum(1, keepdim=True)
for i in range(5):
    pi, mu, ls = net(X).chunk(3, -1)
    pi = F.log_softmax(pi, -1)
    logp = -0.5 * ((y - mu) / ls.exp()) ** 2 - ls
    loss = -torch.logsumexp(pi + logp, -1).mean()
    o.zero_grad()
    loss.backward()
    o.step()
