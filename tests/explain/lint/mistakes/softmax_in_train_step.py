"""LW401"""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(42)


class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(10, 8)
        self.r = nn.LSTM(8, 16, batch_first=True)
        self.f = nn.Linear(16, 10)

    def forward(self, x):
        o, _ = self.r(self.e(x))
        return self.f(o)


m = LM()
o = optim.Adam(m.parameters())
X = torch.randint(0, 10, (16, 7))
for i in range(3):
    probs = torch.softmax(m(X[:, :-1]), dim=-1)
    loss = nn.CrossEntropyLoss()(probs.reshape(-1, 10), X[:, 1:].reshape(-1))
    o.zero_grad()
    loss.backward()
    o.step()
