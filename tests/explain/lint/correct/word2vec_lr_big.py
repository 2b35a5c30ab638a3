import torch
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

W = torch.randn(30, 8, requires_grad=True)
o = optim.SGD([W], lr=1.0)
for i in range(10):
    c, t = torch.randint(0, 30, (2, 16))
    s = (W[c] * W[t]).sum(1)
    l = F.binary_cross_entropy_with_logits(s, torch.ones(16))
    o.zero_grad()
    l.backward()
    o.step()
