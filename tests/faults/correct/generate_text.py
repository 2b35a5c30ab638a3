"""A decoder with its mask of -inf kept in a buffer, and sampling that sets all but the best scores to -inf in place."""

import math

import torch
from torch import nn

torch.manual_seed(0)


class Causal(nn.Module):
    def __init__(self, size, length):
        super().__init__()
        self.qkv = nn.Linear(size, 3 * size)
        self.register_buffer("mask", torch.triu(torch.full((length, length), float("-inf")), diagonal=1))

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        return torch.softmax(scores + self.mask[: x.shape[1], : x.shape[1]], -1) @ v


class Decoder(nn.Module):
    def __init__(self, words=20, size=16, length=10):
        super().__init__()
        self.embedding = nn.Embedding(words, size)
        self.blocks = nn.ModuleList(Causal(size, length) for _ in range(2))
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, words)

    def forward(self, t):
        h = self.embedding(t)
        for block in self.blocks:
            h = h + block(self.norm(h))
        return self.head(h)

    @torch.no_grad()
    def generate(self, t, n):
        for _ in range(n):
            scores = self(t[:, -10:])[:, -1]
            best, _ = torch.topk(scores, 5)
            scores[scores < best[:, [-1]]] = -float("inf")
            t = torch.cat([t, torch.multinomial(torch.softmax(scores, -1), 1)], 1)
        return t


net = Decoder()
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
text = torch.arange(200) % 20
for step in range(20):
    starts = torch.randint(0, 180, (8,))
    x = torch.stack([text[i : i + 10] for i in starts])
    y = torch.stack([text[i + 1 : i + 11] for i in starts])
    loss = nn.functional.cross_entropy(net(x).reshape(-1, 20), y.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
net.eval()
print(net.generate(text[None, :5], 12))
