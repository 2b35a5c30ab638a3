"""LW422"""

import torch
import torch.nn as nn

torch.manual_seed(0)


class EncoderBlock(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.attention = nn.MultiheadAttention(d, heads, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.ffn = nn.Sequential(nn.Linear(d, 2 * d), nn.ReLU(), nn.Linear(2 * d, d))

    def forward(self, x):
        x = self.norm1(x + self.attention(x, x, x, need_weights=False)[0])
        return self.norm2(x + self.ffn(x))


class Transformer(nn.Module):
    def __init__(self, vocab, d=16, layers=2):
        super().__init__()
        self.embed = nn.Embedding(vocab, d)
        blocks = []
        for _ in range(layers):
            blocks.append(EncoderBlock(d, 2))  # <- here
        self.blocks = blocks  # <- here
        self.head = nn.Linear(d, 2)

    def forward(self, ids):
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(1))


model = Transformer(30)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
ids, target = torch.randint(0, 30, (32, 6)), torch.randint(0, 2, (32,))
for step in range(5):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(ids), target)
    loss.backward()
    optimizer.step()
