"""A transformer that writes: causal mask, (B, T, V) scores flattened for the loss, sampling from softmax without a graph."""

import torch
import torch.nn as nn
from torch.nn import functional as F

torch.manual_seed(32)
B, T, C, V = 8, 12, 16, 20
data = (torch.arange(400) * 7 % V + torch.randint(0, 2, (400,))) % V


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.proj = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.mlp = nn.Sequential(nn.Linear(C, 4 * C), nn.GELU(), nn.Linear(4 * C, C), nn.Dropout(0.1))
        self.register_buffer("mask", torch.tril(torch.ones(T, T)))

    def forward(self, x):
        t = x.shape[1]
        q, k, v = self.qkv(self.ln1(x)).chunk(3, dim=-1)
        att = (q @ k.transpose(-2, -1)) * C**-0.5
        att = F.softmax(att.masked_fill(self.mask[:t, :t] == 0, float("-inf")), dim=-1)
        x = x + self.proj(att @ v)
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok, self.pos = nn.Embedding(V, C), nn.Embedding(T, C)
        self.blocks = nn.Sequential(Block(), Block())
        self.ln, self.head = nn.LayerNorm(C), nn.Linear(C, V)

    def forward(self, idx, targets=None):
        x = self.tok(idx) + self.pos(torch.arange(idx.shape[1]))
        logits = self.head(self.ln(self.blocks(x)))
        loss = None if targets is None else F.cross_entropy(logits.view(-1, V), targets.view(-1))
        return logits, loss

    @torch.no_grad()
    def generate(self, idx, n):
        for _ in range(n):
            logits, _ = self(idx[:, -T:])
            probs = F.softmax(logits[:, -1, :], dim=-1)
            idx = torch.cat((idx, torch.multinomial(probs, num_samples=1)), dim=1)
        return idx


def get_batch():
    ix = torch.randint(len(data) - T, (B,))
    return torch.stack([data[i : i + T] for i in ix]), torch.stack([data[i + 1 : i + T + 1] for i in ix])


@torch.no_grad()
def estimate_loss(model):
    model.eval()
    losses = torch.zeros(4)
    for k in range(4):
        _, loss = model(*get_batch())
        losses[k] = loss.item()
    model.train()
    return losses.mean()


model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for it in range(8):
    if it % 4 == 0:
        print(it, float(estimate_loss(model)))
    _, loss = model(*get_batch())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
model.eval()
print(model.generate(torch.zeros((1, 1), dtype=torch.long), 10).tolist())
