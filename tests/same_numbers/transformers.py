"""nn's transformers, fifty steps each: encoder, decoder, masks of every kind, dropout, attention weights, rotary positions."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(19)
vocabulary, width = 16, 12
source = torch.randint(3, vocabulary, (14, 7))
for i, n in enumerate([7, 7, 6, 5, 7, 4, 6, 7, 3, 7, 6, 5, 7, 7]):
    source[i, n:] = 0
target = source.flip(1)
shifted = torch.cat([torch.ones(14, 1, dtype=torch.long), target[:, :-1]], 1)
padding = source == 0
causal = nn.Transformer.generate_square_subsequent_mask(7)
triangle = torch.triu(torch.ones(7, 7, dtype=torch.bool), 1)


def embedded():
    return nn.Embedding(vocabulary, width, padding_idx=0), nn.Parameter(torch.randn(7, width) * 0.1)


def fit(name, parameters, logits, goal=target):
    optimizer = torch.optim.AdamW(parameters, lr=5e-3, betas=(0.9, 0.98), weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / 10, (10 / (step + 1)) ** 0.5))
    told = []
    for step in range(50):
        optimizer.zero_grad()
        loss = F.cross_entropy(logits().transpose(1, 2), goal, ignore_index=0)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        scheduler.step()
        if step % 7 == 0 or step == 49:
            told.append(f"{loss.item():.4f}/{norm.item():.3f}")
    print(name, *told)


for first, act, drop in ((False, "relu", 0.0), (True, "gelu", 0.1), (True, F.silu, 0.2)):
    table, place = embedded()
    layer = nn.TransformerEncoderLayer(width, 3, 24, drop, act, batch_first=True, norm_first=first)
    encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(width), enable_nested_tensor=False)
    head = nn.Linear(width, vocabulary)
    everything = [*table.parameters(), place, *encoder.parameters(), *head.parameters()]
    fit(
        f"encoder {first} {drop}", everything, lambda t=table, p=place, e=encoder, h=head: h(e(t(source) + p, src_key_padding_mask=padding))
    )
    encoder.eval()
    print(f"   {encoder(table(source) + place, mask=triangle).sum().item():.4f}")

table, place = embedded()
whole = nn.Transformer(width, 2, 1, 2, 20, dropout=0.1, batch_first=True)
head = nn.Linear(width, vocabulary)


def translate():
    out = whole(
        table(source) + place, table(shifted) + place, tgt_mask=causal, tgt_is_causal=True, src_key_padding_mask=padding,
        tgt_key_padding_mask=(shifted == 0), memory_key_padding_mask=padding,
    )  # fmt: skip
    return head(out)


import warnings

warnings.simplefilter("ignore")  # PyTorch would rather have both masks of one kind
fit("encoder and decoder", [*table.parameters(), place, *whole.parameters(), *head.parameters()], translate)

attention = nn.MultiheadAttention(width, 4, dropout=0.1, bias=False, add_zero_attn=True, batch_first=True)
table, place = embedded()
fit(
    "attention alone",
    [*table.parameters(), place, *attention.parameters()],
    lambda: attention(q := table(shifted) + place, k := table(source), k, padding, need_weights=False)[0] @ table.weight.T + 0 * q.sum(),
)
attention.eval()
out, weights = attention(table(shifted), table(source), table(source), key_padding_mask=padding, average_attn_weights=False)
print(weights.shape, f"{weights.std().item():.5f} {out.sum().item():.5f}")


class Rotary(nn.Module):
    """Causal attention with grouped heads and rotated positions."""

    def __init__(self):
        super().__init__()
        self.q, self.kv, self.o = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        angle = torch.outer(torch.arange(7.0), 1 / 100 ** (torch.arange(0, 3).float() / 3))
        self.register_buffer("turn", torch.polar(torch.ones_like(angle), angle), persistent=False)

    def rotate(self, x):
        pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * self.turn).flatten(-2).type_as(x)

    def forward(self, x):
        q = self.q(x).unflatten(-1, (2, 6)).transpose(1, 2)
        k, v = (t.unsqueeze(1) for t in self.kv(x).chunk(2, -1))
        y = F.scaled_dot_product_attention(self.rotate(q), self.rotate(k), v, is_causal=True, enable_gqa=True)
        return x + self.o(y.transpose(1, 2).flatten(-2))


table, _ = embedded()
body = nn.Sequential(nn.RMSNorm(width), Rotary(), nn.RMSNorm(width), nn.Linear(width, width), nn.SiLU())
fit("rotary", [*table.parameters(), *body.parameters()], lambda: F.linear(body(table(shifted)), table.weight))
