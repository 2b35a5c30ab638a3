"""LW441"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(42)

import numpy as np


class D(Dataset):
    def __init__(self):
        r = np.random.RandomState(0)
        self.x = r.randint(0, 255, (50, 10, 10))
        self.y = r.randint(0, 2, 50)

    def __len__(self):
        return 50

    def __getitem__(self, i):
        return torch.tensor(self.x[i], dtype=torch.float32)[None], int(self.y[i])


m = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 2))
o = optim.SGD(m.parameters(), 1e-5)
for a, b in DataLoader(D(), 10, shuffle=True):
    l = F.cross_entropy(m(a), b)
    o.zero_grad()
    l.backward()
    o.step()
