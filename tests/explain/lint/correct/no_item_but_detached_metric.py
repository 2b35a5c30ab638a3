import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Linear(4, 3)
o = optim.SGD(net.parameters(), lr=0.05)
X, y = torch.randn(64, 4), torch.randint(0, 3, (64,))
run = 0.0
c = 0
for i in range(20):
    out = net(X)
    l = F.cross_entropy(out, y)
    o.zero_grad()
    l.backward()
    o.step()
    run += l.detach()
    c += (out.argmax(1) == y).sum()
print(run, c)
