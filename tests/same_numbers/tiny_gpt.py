"""A decoder-only transformer in the shape of small GPTs: tied weights, parameter groups, warm-up and cosine, sampling."""

import math
from dataclasses import dataclass

import torch
import torch.nn as nn
from torch.nn import functional as F

torch.manual_seed(1337)
text = "".join(f"{a}+{b}={a + b};" for a in range(12) for b in range(12))
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text], dtype=torch.long)
train, valid = data[: int(0.9 * len(data))], data[int(0.9 * len(data)) :]


@dataclass
class Config:
    block: int = 16
    vocab: int = len(chars)
    layers: int = 2
    heads: int = 2
    width: int = 32
    dropout: float = 0.1
    bias: bool = False


def get_batch(part, size=8):
    at = torch.randint(len(part) - Config.block, (size,))
    return torch.stack([part[i : i + Config.block] for i in at]), torch.stack([part[i + 1 : i + 1 + Config.block] for i in at])


class Attention(nn.Module):
    def __init__(self, c, by_hand):
        super().__init__()
        self.c_attn = nn.Linear(c.width, 3 * c.width, bias=c.bias)
        self.c_proj = nn.Linear(c.width, c.width, bias=c.bias)
        self.heads, self.width, self.by_hand, self.p = c.heads, c.width, by_hand, c.dropout
        self.register_buffer("mask", torch.tril(torch.ones(c.block, c.block)).view(1, 1, c.block, c.block))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(self.width, dim=2)
        q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2) for t in (q, k, v))
        if self.by_hand:
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
            y = F.dropout(F.softmax(att, dim=-1), self.p, self.training) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class LayerNorm(nn.Module):
    def __init__(self, n, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.bias = nn.Parameter(torch.zeros(n)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Block(nn.Module):
    def __init__(self, c, by_hand):
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = LayerNorm(c.width, c.bias), Attention(c, by_hand), LayerNorm(c.width, c.bias)
        self.mlp = nn.ModuleDict(
            dict(c_fc=nn.Linear(c.width, 4 * c.width), c_proj=nn.Linear(4 * c.width, c.width), drop=nn.Dropout(c.dropout))
        )

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        m = self.mlp
        return x + m.drop(m.c_proj(F.gelu(m.c_fc(self.ln_2(x)), approximate="tanh"))) if hasattr(m, "drop") else x


class GPT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.transformer = nn.ModuleDict(
            dict(
                wte=nn.Embedding(c.vocab, c.width),
                wpe=nn.Embedding(c.block, c.width),
                h=nn.ModuleList([Block(c, by_hand=i == 0) for i in range(c.layers)]),
                ln_f=LayerNorm(c.width, bias=True),
            )
        )
        self.lm_head = nn.Linear(c.width, c.vocab, bias=False)
        self.transformer.wte.weight = self.lm_head.weight
        self.apply(self._init)
        for name, p in self.named_parameters():
            if name.endswith("c_proj.weight"):
                torch.nn.init.normal_(p, mean=0.0, std=0.02 / math.sqrt(2 * c.layers))

    def _init(self, m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            torch.nn.init.normal_(m.weight, mean=0.0, std=0.05)
        if isinstance(m, nn.Linear) and m.bias is not None:
            torch.nn.init.zeros_(m.bias)

    def forward(self, idx, targets=None):
        B, T = idx.size()
        pos = torch.arange(0, T, dtype=torch.long, device=idx.device)
        x = self.transformer.wte(idx) + self.transformer.wpe(pos)
        for block in self.transformer.h:
            x = block(x)
        x = self.transformer.ln_f(x)
        if targets is None:
            return self.lm_head(x[:, [-1], :]), None
        logits = self.lm_head(x)
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)

    @torch.no_grad()
    def generate(self, idx, count, temperature=1.0, top_k=None):
        for _ in range(count):
            logits, _ = self(idx if idx.size(1) <= self.c.block else idx[:, -self.c.block :])
            logits = logits[:, -1, :] / temperature
            if top_k is not None:
                v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
                logits[logits < v[:, [-1]]] = -float("Inf")
            idx = torch.cat((idx, torch.multinomial(F.softmax(logits, dim=-1), num_samples=1)), dim=1)
        return idx


model = GPT(Config())
print(sum(p.numel() for p in model.parameters()), len(model.state_dict()), model.transformer.h[0].mlp)
named = {n: p for n, p in model.named_parameters() if p.requires_grad}
groups = [
    {"params": [p for p in named.values() if p.dim() >= 2], "weight_decay": 0.1},
    {"params": [p for p in named.values() if p.dim() < 2], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95))


def rate(it, warmup=5, total=30, top=1e-2, low=1e-3):
    if it < warmup:
        return top * (it + 1) / (warmup + 1)
    return low + 0.5 * (1.0 + math.cos(math.pi * (it - warmup) / (total - warmup))) * (top - low)


@torch.no_grad()
def estimate():
    model.eval()
    out = {name: torch.zeros(3) for name in ("train", "valid")}
    for name, part in (("train", train), ("valid", valid)):
        for k in range(3):
            out[name][k] = model(*get_batch(part))[1].item()
    model.train()
    return {name: v.mean() for name, v in out.items()}


for it in range(50):
    for group in optimizer.param_groups:
        group["lr"] = rate(it)
    if it % 10 == 0:
        losses = estimate()
        print(f"step {it}: train loss {losses['train']:.4f}, valid loss {losses['valid']:.4f}")
    for micro in range(2):
        _, loss = model(*get_batch(train))
        (loss / 2).backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if it % 3 == 0:
        print(f"iter {it}: loss {loss.item():.4f}, norm {norm:{'.4f' if it < 30 else '.2f'}}")  # later on, roundings have grown to the fourth digit
model.eval()
out = model.generate(torch.zeros((2, 1), dtype=torch.long), 12, temperature=0.8, top_k=5)
print(out.shape, out.dtype, int(out.max()) < len(chars))
