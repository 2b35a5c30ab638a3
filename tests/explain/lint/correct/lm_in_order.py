import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

corpus = torch.randint(0, 12, (400,))
T = 10
X, Y = corpus[:390].view(-1, T), corpus[1:391].view(-1, T)


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(12, 8)
        self.r = nn.RNN(8, 16, batch_first=True)
        self.o = nn.Linear(16, 12)

    def forward(self, x):
        return self.o(self.r(self.e(x))[0])


m = M()
o = optim.Adam(m.parameters())
it = DataLoader(TensorDataset(X, Y), 4, shuffle=False)
for e in range(3):
    for a, b in it:
        l = F.cross_entropy(m(a).reshape(-1, 12), b.reshape(-1))
        o.zero_grad()
        l.backward()
        o.step()
