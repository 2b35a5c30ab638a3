"""A character model with a GRU: the state carried from batch to batch in order and detached, gradients clipped, perplexity printed."""

import math

import torch
from torch import nn

torch.manual_seed(9)
text = "the time traveller for so it will be convenient to speak of him was expounding a recondite matter to us " * 4
chars = sorted(set(text))
corpus = torch.tensor([chars.index(c) for c in text])


class RNNModel(nn.Module):
    def __init__(self, vocab_size, hidden=24):
        super().__init__()
        self.rnn = nn.GRU(vocab_size, hidden)
        self.linear = nn.Linear(hidden, vocab_size)
        self.vocab_size = vocab_size

    def forward(self, inputs, state):
        X = nn.functional.one_hot(inputs.T.long(), self.vocab_size).to(torch.float32)
        Y, state = self.rnn(X, state)
        return self.linear(Y.reshape((-1, Y.shape[-1]))), state

    def begin_state(self, batch_size):
        return torch.zeros((1, batch_size, self.rnn.hidden_size))


def seq_data(batch_size, steps):
    n = (len(corpus) - 1) // batch_size * batch_size
    Xs, Ys = corpus[:n].reshape(batch_size, -1), corpus[1 : n + 1].reshape(batch_size, -1)
    for i in range(0, Xs.shape[1] - steps + 1, steps):
        yield Xs[:, i : i + steps], Ys[:, i : i + steps]


def predict(prefix, num_preds, net):
    state, outputs = net.begin_state(1), [chars.index(prefix[0])]
    for c in prefix[1:]:
        _, state = net(torch.tensor([[outputs[-1]]]), state)
        outputs.append(chars.index(c))
    for _ in range(num_preds):
        y, state = net(torch.tensor([[outputs[-1]]]), state)
        outputs.append(int(y.argmax(dim=1).reshape(1)))
    return "".join(chars[i] for i in outputs)


net = RNNModel(len(chars))
loss, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=1)
for epoch in range(3):
    state, total, n = None, 0.0, 0
    for X, Y in seq_data(4, 10):
        if state is None:
            state = net.begin_state(X.shape[0])
        else:
            state.detach_()
        y = Y.T.reshape(-1)
        y_hat, state = net(X, state)
        l = loss(y_hat, y.long()).mean()
        optimizer.zero_grad()
        l.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimizer.step()
        total, n = total + l.item() * y.numel(), n + y.numel()
    print(epoch, math.exp(total / n))
with torch.no_grad():
    print(predict("time traveller", 10, net))
