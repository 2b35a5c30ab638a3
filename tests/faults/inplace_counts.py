"""Word counts are turned into frequencies in place, batch by batch; one text is empty. The NaN are made here, not in the data.

kind: explosion
expect: LW513
op: div
line: # <- here
phase: forward
rows: 1
"""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(5, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
counts, y = torch.randint(0, 4, (40, 5)).float(), torch.randint(0, 3, (40,))
counts[9] = 0


def frequencies(batch):
    batch = batch.clone()
    batch /= batch.sum(1, keepdim=True)  # <- here
    return batch


for i in range(0, 40, 8):
    loss = nn.functional.cross_entropy(net(frequencies(counts[i : i + 8])), y[i : i + 8])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
