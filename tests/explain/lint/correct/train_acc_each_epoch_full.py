import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Linear(4, 3)
o = optim.SGD(net.parameters(), lr=0.1)
X, y = torch.randn(64, 4), torch.randint(0, 3, (64,))
for i in range(10):
    out = net(X)
    loss = F.cross_entropy(out, y)
    acc = (out.argmax(1) == y).float().mean()
    o.zero_grad()
    loss.backward()
    o.step()
    print(loss.item(), acc.item())
