"""An object that holds the state of training: losses without their graphs."""

import torch
from torch import nn

torch.manual_seed(0)


class State:
    pass


state = State()
state.model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
state.opt = torch.optim.Adam(state.model.parameters(), 0.01)
state.losses, state.ema = [], None
X = torch.randn(100, 4)
y = X[:, :1] ** 2


def step(state, xb, yb):
    state.loss = nn.functional.mse_loss(state.model(xb), yb)
    state.opt.zero_grad()
    state.loss.backward()
    state.opt.step()
    state.losses.append(state.loss.detach())
    value = state.loss.item()
    state.ema = value if state.ema is None else 0.9 * state.ema + 0.1 * value


for e in range(4):
    for i in torch.randperm(100).split(20):
        step(state, X[i], y[i])
print(torch.stack(state.losses).mean())
