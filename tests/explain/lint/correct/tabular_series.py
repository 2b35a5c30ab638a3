import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(42)

# stock-like windows: no shuffle in time order, regression of the next value, GRU, standardised by the training part
t = torch.arange(0, 400).float()
s = torch.cumsum(torch.randn(400), 0)
s = (s - s[:300].mean()) / s[:300].std()
W = 12


class D(Dataset):
    def __init__(self, a, b):
        self.a, self.b = a, b

    def __len__(self):
        return self.b - self.a - W

    def __getitem__(self, i):
        i += self.a
        return s[i : i + W].unsqueeze(1), s[i + W]


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.g = nn.GRU(1, 8, batch_first=True)
        self.o = nn.Linear(8, 1)

    def forward(self, x):
        return self.o(self.g(x)[1][-1]).squeeze(-1)


m = M()
o = optim.Adam(m.parameters(), 1e-2)
tr, te = DataLoader(D(0, 300), 32, shuffle=False), DataLoader(D(300, 400), 32, shuffle=False)
for e in range(3):
    m.train()
    for x, y in tr:
        l = F.mse_loss(m(x), y)
        o.zero_grad()
        l.backward()
        o.step()
    m.eval()
    with torch.no_grad():
        print(sum(F.mse_loss(m(x), y).item() for x, y in te))
