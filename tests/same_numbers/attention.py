"""Sequence to sequence with additive attention by hand, multi-head attention, a transformer encoder by hand and nn's."""

import math

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(8)


def sequence_mask(X, valid_len, value=0):
    mask = torch.arange(X.size(1), dtype=torch.float32, device=X.device)[None, :] < valid_len[:, None]
    X[~mask] = value
    return X


def masked_softmax(X, valid_lens):
    if valid_lens is None:
        return F.softmax(X, dim=-1)
    shape = X.shape
    valid_lens = torch.repeat_interleave(valid_lens, shape[1]) if valid_lens.dim() == 1 else valid_lens.reshape(-1)
    X = sequence_mask(X.reshape(-1, shape[-1]), valid_lens, value=-1e6)
    return F.softmax(X.reshape(shape), dim=-1)


print(masked_softmax(torch.rand(2, 2, 4), torch.tensor([2, 3])))


class AdditiveAttention(nn.Module):
    def __init__(self, key_size, query_size, hidden, dropout):
        super().__init__()
        self.W_k = nn.Linear(key_size, hidden, bias=False)
        self.W_q = nn.Linear(query_size, hidden, bias=False)
        self.w_v = nn.Linear(hidden, 1, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries, keys, values, valid_lens):
        queries, keys = self.W_q(queries), self.W_k(keys)
        scores = self.w_v(torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1))).squeeze(-1)
        self.attention_weights = masked_softmax(scores, valid_lens)
        return torch.bmm(self.dropout(self.attention_weights), values)


class Encoder(nn.Module):
    def __init__(self, vocab, embed, hidden, layers, dropout=0.0):
        super().__init__()
        self.embedding = nn.Embedding(vocab, embed)
        self.rnn = nn.GRU(embed, hidden, layers, dropout=dropout)

    def forward(self, X):
        return self.rnn(self.embedding(X).permute(1, 0, 2))


class Decoder(nn.Module):
    def __init__(self, vocab, embed, hidden, layers, dropout=0.0):
        super().__init__()
        self.attention = AdditiveAttention(hidden, hidden, hidden, dropout)
        self.embedding = nn.Embedding(vocab, embed)
        self.rnn = nn.GRU(embed + hidden, hidden, layers, dropout=dropout)
        self.dense = nn.Linear(hidden, vocab)

    def forward(self, X, state):
        memory, hidden, lens = state
        X = self.embedding(X).permute(1, 0, 2)
        outputs, self._weights = [], []
        for x in X:
            query = torch.unsqueeze(hidden[-1], dim=1)
            context = self.attention(query, memory, memory, lens)
            x = torch.cat((context, torch.unsqueeze(x, dim=1)), dim=-1)
            out, hidden = self.rnn(x.permute(1, 0, 2), hidden)
            outputs.append(out)
            self._weights.append(self.attention.attention_weights)
        return self.dense(torch.cat(outputs, dim=0)).permute(1, 0, 2), [memory, hidden, lens]


class MaskedCrossEntropy(nn.CrossEntropyLoss):
    def forward(self, pred, label, valid_len):
        weights = sequence_mask(torch.ones_like(label), valid_len)
        self.reduction = "none"
        unweighted = super().forward(pred.permute(0, 2, 1), label)
        return (unweighted * weights).mean(dim=1)


def xavier(m):
    if type(m) == nn.Linear:
        nn.init.xavier_uniform_(m.weight)
    if type(m) == nn.GRU:
        for param in m._flat_weights_names:
            if "weight" in param:
                nn.init.xavier_uniform_(m._parameters[param])


source = torch.randint(4, 14, (24, 6))
target = source.flip(1)[:, :5].clone()
lens = torch.randint(3, 7, (24,))
encoder, decoder = Encoder(14, 8, 16, 2, 0.1), Decoder(14, 8, 16, 2, 0.1)
encoder.apply(xavier)
decoder.apply(xavier)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.01)
criterion = MaskedCrossEntropy()
for step in range(50):
    optimizer.zero_grad()
    out, hidden = encoder(source)
    bos = torch.tensor([1] * target.shape[0]).reshape(-1, 1)
    guess, _ = decoder(torch.cat([bos, target[:, :-1]], 1), [out.permute(1, 0, 2), hidden, lens])
    l = criterion(guess, target, torch.clamp(lens - 1, min=1))
    l.sum().backward()
    norm = nn.utils.clip_grad_value_([*encoder.parameters(), *decoder.parameters()], 0.5)
    optimizer.step()
    print(f"seq2seq {step}: {l.mean().item():.4f}")
print(torch.cat(decoder._weights, 1).shape, decoder._weights[0][0].sum())


class MultiHead(nn.Module):
    def __init__(self, width, heads, dropout=0.0, bias=False):
        super().__init__()
        self.heads = heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(width, width, bias=bias) for _ in range(4))
        self.dropout = nn.Dropout(dropout)

    def split(self, X):
        X = X.reshape(X.shape[0], X.shape[1], self.heads, -1).permute(0, 2, 1, 3)
        return X.reshape(-1, X.shape[2], X.shape[3])

    def forward(self, q, k, v, lens=None):
        q, k, v = self.split(self.W_q(q)), self.split(self.W_k(k)), self.split(self.W_v(v))
        if lens is not None:
            lens = torch.repeat_interleave(lens, repeats=self.heads, dim=0)
        scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(q.shape[-1])
        out = torch.bmm(self.dropout(masked_softmax(scores, lens)), v)
        out = out.reshape(-1, self.heads, out.shape[1], out.shape[2]).permute(0, 2, 1, 3)
        return self.W_o(out.reshape(out.shape[0], out.shape[1], -1))


class Positions(nn.Module):
    def __init__(self, width, longest=50):
        super().__init__()
        P = torch.zeros((1, longest, width))
        X = torch.arange(longest, dtype=torch.float32).reshape(-1, 1) / torch.pow(
            10000, torch.arange(0, width, 2, dtype=torch.float32) / width
        )
        P[:, :, 0::2], P[:, :, 1::2] = torch.sin(X), torch.cos(X)
        self.register_buffer("P", P)

    def forward(self, X):
        return X + self.P[:, : X.shape[1], :].to(X.device)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attention, self.norm1 = MultiHead(width, heads, 0.1), nn.LayerNorm(width)
        self.ffn = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, width))
        self.norm2 = nn.LayerNorm([width])

    def forward(self, X, lens):
        Y = self.norm1(X + self.attention(X, X, X, lens))
        return self.norm2(Y + self.ffn(Y))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.positions = nn.Embedding(14, 16), Positions(16)
        self.blks = nn.Sequential()
        for i in range(2):
            self.blks.add_module("block" + str(i), Block(16, 4))
        self.head = nn.Linear(16, 2)

    def forward(self, X, lens):
        X = self.positions(self.embedding(X) * math.sqrt(16))
        for blk in self.blks:
            X = blk(X, lens)
        return self.head(X.mean(1))


def fit(net, call, steps=8):
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for step in range(steps):
        optimizer.zero_grad()
        l = F.cross_entropy(call(net), truth)
        l.backward()
        optimizer.step()
        print(type(net).__name__, step, f"{l.item():.4f}")


truth = (source[:, 0] > source[:, 1]).long()
fit(Classifier(), lambda net: net(source, lens))


class Ready(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(14, 16, padding_idx=0)
        layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.1, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.mha = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, X):
        pad = torch.arange(6)[None] >= lens[:, None]
        X = self.encoder(self.embedding(X), src_key_padding_mask=pad)
        X, self.weights = self.mha(X, X, X, key_padding_mask=pad)
        return self.head(X[:, 0])


net = Ready()
fit(net, lambda net: net(source))
print(net.weights.shape, net.weights[0, 0])
q = torch.randn(2, 4, 5, 8)
causal = torch.ones(5, 5, dtype=torch.bool).tril()
print(
    F.scaled_dot_product_attention(q, q, q, attn_mask=causal).sum(), F.scaled_dot_product_attention(q, q, q, is_causal=True).sum()
)
whole = nn.Transformer(16, 2, 1, 1, 32, dropout=0.0, batch_first=True)
out = whole(torch.randn(2, 5, 16), torch.randn(2, 4, 16), tgt_mask=nn.Transformer.generate_square_subsequent_mask(4))
print(out.shape, out.std())
