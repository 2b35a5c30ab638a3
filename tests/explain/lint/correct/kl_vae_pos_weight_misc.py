import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

logits = nn.Parameter(torch.zeros(5))
o = optim.Adam([logits], 0.1)
target = torch.softmax(torch.randn(5), 0)
for i in range(10):
    loss = F.kl_div(F.log_softmax(logits, 0), target, reduction="sum")
    o.zero_grad()
    loss.backward()
    o.step()
p = torch.softmax(logits.detach(), 0)
print((p - target).abs().max())
