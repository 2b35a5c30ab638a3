import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

E_ = nn.Embedding(20, 8)
L = nn.LSTM(8, 8, bidirectional=True, batch_first=True)
O = nn.Linear(16, 4)
ps = [*E_.parameters(), *L.parameters(), *O.parameters()]
o = optim.Adam(ps)
X, y = torch.randint(0, 20, (32, 7)), torch.randint(0, 4, (32, 7))
for i in range(4):
    h, _ = L(E_(X))
    s = O(h)
    loss = F.cross_entropy(s.transpose(1, 2), y)
    o.zero_grad()
    loss.backward()
    o.step()
