"""Ratings 1 to 5 by matrix factorisation: integer ratings as numbers, since a rating is a quantity; biases added."""

import torch
from torch import nn

torch.manual_seed(37)
users, items = torch.randint(0, 20, (300,)), torch.randint(0, 15, (300,))
ratings = torch.randint(1, 6, (300,))


class MF(nn.Module):
    def __init__(self, k=4):
        super().__init__()
        self.P, self.Q = nn.Embedding(20, k), nn.Embedding(15, k)
        self.user_bias, self.item_bias = nn.Embedding(20, 1), nn.Embedding(15, 1)

    def forward(self, u, i):
        return (self.P(u) * self.Q(i)).sum(1) + self.user_bias(u).squeeze(1) + self.item_bias(i).squeeze(1)


net, criterion = MF(), nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.02, weight_decay=1e-5)
for epoch in range(4):
    for batch in torch.randperm(300).split(50):
        loss = criterion(net(users[batch], items[batch]), ratings[batch].float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(epoch, criterion(net(users, items), ratings.float()).sqrt().item())
