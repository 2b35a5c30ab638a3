"""Optimizers with closures and averages: LBFGS with and without line search, weight averages, going on from a checkpoint."""

import copy
import io

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

torch.manual_seed(18)
X = torch.linspace(-2, 2, 48, dtype=torch.double).unsqueeze(1)
Y = torch.sin(3 * X) + 0.5 * X**2


def net():
    torch.manual_seed(6)
    return nn.Sequential(nn.Linear(1, 12), nn.Tanh(), nn.Linear(12, 1)).double()


for options in (
    {"lr": 0.3},
    {"lr": 1, "line_search_fn": "strong_wolfe"},
    {"lr": 0.5, "history_size": 3, "max_iter": 2, "tolerance_grad": 1e-4},
):
    model = net()
    optimizer = optim.LBFGS(model.parameters(), **options)
    calls = 0
    told = []
    for step in range(4):  # each of up to 20 iterations; further on, roundings grow visible

        def closure(model=model, optimizer=optimizer):
            global calls
            calls += 1
            optimizer.zero_grad()
            loss = F.mse_loss(model(X), Y)
            loss.backward()
            return loss

        told.append(f"{optimizer.step(closure).item():.6f}")
    print(options, *told, calls)

torch.set_default_dtype(torch.float32)
x, y = torch.cat([X, X.sin(), X**2 - 1, (2 * X).cos()], 1).float(), Y.float()


def train(model, optimizer, steps, scheduler=None, each=None):
    told = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
        if each:
            each(step)
        if step % 10 == 9:
            told.append(f"{loss.item():.5f}")
    return told


def normed():
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(4, 12, bias=False), nn.BatchNorm1d(12), nn.Tanh(), nn.Linear(12, 1))


model = normed()
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
mean, moving = AveragedModel(model), AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
print(
    *train(
        model,
        optimizer,
        50,
        SWALR(optimizer, swa_lr=0.02, anneal_epochs=20),
        lambda step: (step > 20 and mean.update_parameters(model), moving.update_parameters(model)),
    )
)
update_bn([x], mean)
for averaged in (mean, moving):
    averaged.eval()
    print(int(averaged.n_averaged), f"{F.mse_loss(averaged(x), y).item():.5f}")

for make in (
    lambda p: optim.Adam(p, lr=0.02, amsgrad=True),
    lambda p: optim.AdamW(p, lr=0.02, weight_decay=0.1),
    lambda p: optim.Adadelta(p, lr=1.0, rho=0.8),
    lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    lambda p: optim.Rprop(p, lr=0.01, etas=(0.6, 1.1)),
    lambda p: optim.Adafactor(p, lr=0.05),
    lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, maximize=False),
):
    model = normed()
    optimizer = make(model.parameters())
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.98)
    before = train(model, optimizer, 30, scheduler)
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, file)
    straight = train(model, optimizer, 20, scheduler)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    model = copy.deepcopy(model)
    optimizer = make(model.parameters())
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.98)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    print(
        type(optimizer).__name__,
        *before,
        *straight,
        train(model, optimizer, 20, scheduler) == straight,
        f"{scheduler.get_last_lr()[0]:.6f}",
    )
