"""A recurrent net from scratch, without module or optimizer: the gradient through time explodes, and nothing clips it.

kind: explosion
expect: LW540
op: mm
line: # <- here
phase: backward
"""

import torch
from torch.nn import functional as F

torch.manual_seed(0)
words, hidden = 20, 32
W_xh = torch.randn(words, hidden) * 0.01
W_hh = torch.linalg.qr(torch.randn(hidden, hidden))[0] * 3.0
b_h = torch.zeros(hidden)
W_hq = torch.randn(hidden, words) * 0.1
b_q = torch.zeros(words)
params = [W_xh, W_hh, b_h, W_hq, b_q]
for p in params:
    p.requires_grad_(True)


def rnn(inputs, H):
    outputs = []
    for X in inputs:
        H = torch.relu(torch.mm(X, W_xh) + torch.mm(H, W_hh) + b_h)  # <- here
        outputs.append(torch.mm(H, W_hq) + b_q)
    return torch.cat(outputs)


def sgd(lr):
    with torch.no_grad():
        for p in params:
            p -= lr * p.grad
            p.grad.zero_()


text = torch.randint(0, words, (64, 71))
for epoch in range(10):
    X, Y = F.one_hot(text[:, :-1].T, words).float(), text[:, 1:].T.reshape(-1)
    F.cross_entropy(rnn(X, torch.zeros(64, hidden)), Y).backward()
    sgd(1)
