"""Recurrent layers in all their options, fifty steps each: depth, direction, dropout, projections, packing, cells."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

torch.manual_seed(11)
lengths = torch.tensor([9, 7, 7, 5, 4, 2])
rows = [torch.randn(int(n), 4) for n in lengths]
batch = pad_sequence(rows)
target = torch.stack([row.sum(0).tanh()[:2] for row in rows])


def fit(name, parameters, predict, lr=0.02):
    optimizer = torch.optim.Adam(parameters, lr=lr)
    told = []
    for step in range(50):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(predict(), target)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if step % 7 == 0 or step == 49:
            told.append(f"{loss.item():.5f}")
    print(name, *told)


options = {
    "tanh": (nn.RNN, {}),
    "relu, two layers": (nn.RNN, {"nonlinearity": "relu", "num_layers": 2}),
    "GRU, both ways": (nn.GRU, {"bidirectional": True}),
    "GRU without biases": (nn.GRU, {"bias": False}),
    "LSTM with dropout between": (nn.LSTM, {"num_layers": 3, "dropout": 0.3}),
    "LSTM projected": (nn.LSTM, {"proj_size": 3, "num_layers": 2, "bidirectional": True}),
}
for name, (kind, choice) in options.items():
    layer = kind(4, 6, **choice)
    width = (choice.get("proj_size") or 6) * (2 if choice.get("bidirectional") else 1)
    head = nn.Linear(width, 2)

    def last(layer=layer, head=head):
        out, _ = layer(pack_padded_sequence(batch, lengths))
        padded, sizes = pad_packed_sequence(out)
        return head(padded[sizes - 1, torch.arange(len(rows))])

    fit(name, [*layer.parameters(), *head.parameters()], last)
    print(" ", layer, f"{sum(p.abs().sum() for p in layer.parameters()).item():.3f}")

layer, head = nn.GRU(4, 6, batch_first=True), nn.Linear(6, 2)
unsorted = pad_sequence(rows[::-1], batch_first=True)


def from_state():
    packed = pack_padded_sequence(unsorted, lengths.flip(0), batch_first=True, enforce_sorted=False)
    return head(layer(packed, torch.zeros(1, 6, 6))[1][-1].flip(0))


fit("unsorted, batch first", [*layer.parameters(), *head.parameters()], from_state)

cells = {"RNNCell": nn.RNNCell(4, 6), "GRUCell": nn.GRUCell(4, 6), "LSTMCell": nn.LSTMCell(4, 6)}
for name, cell in cells.items():
    head = nn.Linear(6, 2)

    def walk(cell=cell, head=head):
        state = None
        for x in batch[:5]:
            state = cell(x, state)
        return head(state[0] if isinstance(state, tuple) else state)

    fit(name, [*cell.parameters(), *head.parameters()], walk)
