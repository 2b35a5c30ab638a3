"""A word model with an embedding, an LSTM and tied weights; (h, c) detached by a function."""

import torch
from torch import nn

torch.manual_seed(10)


def repackage_hidden(h):
    return h.detach() if isinstance(h, torch.Tensor) else tuple(repackage_hidden(v) for v in h)


class Model(nn.Module):
    def __init__(self, ntoken, nhid):
        super().__init__()
        self.drop = nn.Dropout(0.2)
        self.encoder = nn.Embedding(ntoken, nhid)
        self.rnn = nn.LSTM(nhid, nhid, 2, dropout=0.2)
        self.decoder = nn.Linear(nhid, ntoken)
        self.decoder.weight = self.encoder.weight
        self.encoder.weight.data.uniform_(-0.1, 0.1)

    def forward(self, x, hidden):
        output, hidden = self.rnn(self.drop(self.encoder(x)), hidden)
        decoded = self.decoder(self.drop(output))
        return torch.log_softmax(decoded.view(-1, decoded.size(-1)), dim=1), hidden


data = torch.randint(0, 30, (41, 6))
model, criterion = Model(30, 16), nn.NLLLoss()


def evaluate(source):
    model.eval()
    total, hidden = 0.0, (torch.zeros(2, 6, 16), torch.zeros(2, 6, 16))
    with torch.no_grad():
        for i in range(0, 40, 10):
            output, hidden = model(source[i : i + 10], hidden)
            hidden = repackage_hidden(hidden)
            total += criterion(output, source[i + 1 : i + 11].reshape(-1)).item()
    return total / 4


for epoch in range(2):
    model.train()
    hidden = (torch.zeros(2, 6, 16), torch.zeros(2, 6, 16))
    for i in range(0, 40, 10):
        model.zero_grad()
        hidden = repackage_hidden(hidden)
        output, hidden = model(data[i : i + 10], hidden)
        loss = criterion(output, data[i + 1 : i + 11].reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-0.5)
    print(epoch, evaluate(data))
