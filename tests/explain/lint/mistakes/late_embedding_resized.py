"""LW421"""

import torch
from torch import nn

torch.manual_seed(0)


class Tagger(nn.Module):
    def __init__(self, vocab, tags):
        super().__init__()
        self.embed = nn.Embedding(vocab, 8)
        self.rnn = nn.GRU(8, 8, batch_first=True)
        self.tag = nn.Linear(8, tags)

    def extend(self, vocab):
        old = self.embed
        self.embed = nn.Embedding(vocab, 8)  # <- here
        self.embed.weight.data[: old.num_embeddings] = old.weight.data

    def forward(self, x):
        return self.tag(self.rnn(self.embed(x))[0])


m = Tagger(10, 3)
opt = torch.optim.Adam(m.parameters(), 0.01)
m.extend(20)
X, y = torch.randint(0, 20, (30, 5)), torch.randint(0, 3, (30, 5))
for i in range(6):
    opt.zero_grad()
    l = nn.functional.cross_entropy(m(X).transpose(1, 2), y)
    l.backward()
    opt.step()
