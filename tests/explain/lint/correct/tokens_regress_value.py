"""The last number of a row of numbers, as a number."""

import torch
from torch import nn

torch.manual_seed(0)
seq = torch.randint(0, 10, (200, 6))
answer = seq[:, -1]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.GRU(1, 16, batch_first=True), nn.Linear(16, 1)

    def forward(self, s):
        y, _ = self.rnn(s.unsqueeze(-1).float() / 10)
        return self.out(y[:, -1]).squeeze(-1)


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3):
    for i in torch.randperm(200).split(40):
        loss = nn.functional.mse_loss(net(seq[i]), answer[i].float())
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(loss.item())
