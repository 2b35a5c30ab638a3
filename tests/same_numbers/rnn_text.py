"""Character models of a text: an RNN from scratch with clipped gradients, then nn.RNN, nn.GRU and nn.LSTM."""

import math
import os
import random
import re
from collections import Counter

import torch
from torch import nn
from torch.nn import functional as F

path = os.path.join(os.environ.get("LIGHTWELL_DATA", ""), "text", "timemachine.txt")
if os.path.exists(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()[:40000]
else:
    words = "light falls down the well and the well keeps light for those who look down into water".split()
    pick = random.Random(4)
    text = " ".join(pick.choice(words) for _ in range(6000))
text = re.sub("[^A-Za-z]+", " ", text).lower().strip()
counts = Counter(text)
print(len(text), counts.most_common(4))
vocabulary = ["<unk>"] + sorted(counts)
index = {c: i for i, c in enumerate(vocabulary)}
corpus = torch.tensor([index.get(c, 0) for c in text])

batch, steps, hidden = 8, 12, 24
random.seed(11)
torch.manual_seed(11)


def windows(limit):
    offset = random.randint(0, steps)
    count = ((len(corpus) - offset - 1) // batch) * batch
    xs = corpus[offset : offset + count].reshape(batch, -1)
    ys = corpus[offset + 1 : offset + 1 + count].reshape(batch, -1)
    for i in range(min(limit, xs.shape[1] // steps)):
        yield xs[:, i * steps : (i + 1) * steps], ys[:, i * steps : (i + 1) * steps]


def normal(shape):
    return torch.randn(size=shape) * 0.01


V = len(vocabulary)
params = [normal((V, hidden)), normal((hidden, hidden)), torch.zeros(hidden), normal((hidden, V)), torch.zeros(V)]
for p in params:
    p.requires_grad_(True)


def forward(inputs, state):
    W_xh, W_hh, b_h, W_hq, b_q = params
    outputs = []
    for X in F.one_hot(inputs.T, V).type(torch.float32):
        state = torch.tanh(torch.mm(X, W_xh) + torch.mm(state, W_hh) + b_h)
        outputs.append(torch.mm(state, W_hq) + b_q)
    return torch.cat(outputs, dim=0), state


def clip(ps, theta):
    norm = torch.sqrt(sum(torch.sum(p.grad**2) for p in ps))
    if norm > theta:
        for p in ps:
            p.grad[:] *= theta / norm
    return norm


state, total, n = None, 0.0, 0
for i, (X, Y) in enumerate(windows(25)):
    if state is None:
        state = torch.zeros((batch, hidden))
    else:
        state.detach_()
    out, state = forward(X, state)
    loss = F.cross_entropy(out, Y.T.reshape(-1).long()).mean()
    loss.backward()
    norm = clip(params, 1)
    with torch.no_grad():
        for p in params:
            p -= 1.0 * p.grad
            p.grad.zero_()
    total += loss.item() * Y.numel()
    n += Y.numel()
    if i % 6 == 0:
        print(f"scratch {i}: perplexity {math.exp(total / n):.4f} norm {float(norm):.4f}")


class Model(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.rnn = layer
        self.vocab_size, self.num_hiddens = V, layer.hidden_size
        self.num_directions = 2 if layer.bidirectional else 1
        self.linear = nn.Linear(self.num_hiddens * self.num_directions, V)

    def forward(self, inputs, state):
        X = F.one_hot(inputs.T.long(), self.vocab_size).to(torch.float32)
        Y, state = self.rnn(X, state)
        return self.linear(Y.reshape((-1, Y.shape[-1]))), state

    def begin_state(self, device, batch_size=1):
        shape = (self.num_directions * self.rnn.num_layers, batch_size, self.num_hiddens)
        if not isinstance(self.rnn, nn.LSTM):
            return torch.zeros(shape, device=device)
        return torch.zeros(shape, device=device), torch.zeros(shape, device=device)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
for layer in (
    nn.RNN(V, hidden), nn.RNN(V, hidden, nonlinearity="relu"), nn.GRU(V, hidden, num_layers=2, dropout=0.1),
    nn.LSTM(V, hidden), nn.LSTM(V, 16, 2, bidirectional=True),
):
    net = Model(layer).to(device)
    trainer = torch.optim.SGD(net.parameters(), lr=1.0)
    state, told = None, []
    for X, Y in windows(12):
        if state is None:
            state = net.begin_state(device, batch_size=batch)
        elif isinstance(state, tuple):
            state = tuple(s.detach() for s in state)
        else:
            state = state.detach()
        out, state = net(X, state)
        loss = F.cross_entropy(out, Y.T.reshape(-1))
        trainer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1)
        trainer.step()
        told.append(f"{loss.item():.4f}")
    print(net.rnn, *told)

net.eval()
with torch.no_grad():
    state = net.begin_state(device)
    out, state = net(torch.tensor([[index[c] for c in "the "]]), state)
    print(out.argmax(1).tolist(), [vocabulary[i] for i in out.topk(3).indices[-1]])

# sequences of different lengths, packed; cells stepped by hand
lengths = [7, 5, 2]
rows = [torch.randn(k, 6) for k in lengths]
padded = nn.utils.rnn.pad_sequence(rows)
packed = nn.utils.rnn.pack_padded_sequence(padded, lengths)
lstm = nn.LSTM(6, 5)
out, (h, c) = lstm(packed)
unpacked, sizes = nn.utils.rnn.pad_packed_sequence(out)
print(unpacked.shape, sizes, f"{unpacked.sum():.4f} {h.sum():.4f} {c.sum():.4f}")
for cell in (nn.RNNCell(6, 4), nn.GRUCell(6, 4), nn.LSTMCell(6, 4)):
    state = None
    for x in padded:
        state = cell(x, state)
    print(cell, state[0].sum() if isinstance(state, tuple) else state.sum())
