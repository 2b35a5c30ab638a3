"""Attention with a mask of -inf: of one sentence every position is padding, so a row of the scores is -inf throughout.

kind: explosion
expect: LW518
op: softmax
line: # <- here
module: net.attention
"""

import math

import torch
from torch import nn

torch.manual_seed(0)


class Attention(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(size, size), nn.Linear(size, size), nn.Linear(size, size)

    def forward(self, X, valid):
        scores = self.q(X) @ self.k(X).transpose(1, 2) / math.sqrt(X.shape[-1])
        hidden = torch.arange(X.shape[1])[None, :] >= valid[:, None]
        scores = scores.masked_fill(hidden[:, None, :], float("-inf"))
        weights = torch.softmax(scores, dim=-1)  # <- here
        return weights @ self.v(X)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.attention = Attention(16)
        self.out = nn.Linear(16, 2)

    def forward(self, tokens, valid):
        return self.out(self.attention(self.embedding(tokens), valid).mean(1))


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
tokens, labels = torch.randint(0, 50, (40, 7)), torch.randint(0, 2, (40,))
lengths = torch.randint(1, 8, (40,))
lengths[29] = 0
for i in range(0, 40, 8):
    part = slice(i, i + 8)
    loss = nn.functional.cross_entropy(net(tokens[part], lengths[part]), labels[part])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
