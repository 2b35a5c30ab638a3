"""Every optimizer on the same small network, every scheduler in turn."""

import torch
from torch import nn, optim
from torch.optim import lr_scheduler as sch

torch.manual_seed(0)
X = torch.randn(64, 6)
Y = torch.sin(X.sum(1, keepdim=True))


def net():
    torch.manual_seed(9)
    return nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 1))


makers = {
    "SGD": lambda p: optim.SGD(p, 0.1),
    "SGD momentum": lambda p: optim.SGD(p, 0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "SGD nesterov": lambda p: optim.SGD(p, 0.1, momentum=0.8, nesterov=True),
    "SGD maximize": lambda p: optim.SGD(p, 0.001, maximize=True),
    "Adam": lambda p: optim.Adam(p, 0.02),
    "Adam amsgrad": lambda p: optim.Adam(p, 0.02, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1, amsgrad=True),
    "AdamW": lambda p: optim.AdamW(p, 0.02, weight_decay=0.1),
    "NAdam": lambda p: optim.NAdam(p, 0.02),
    "RAdam": lambda p: optim.RAdam(p, 0.02),
    "Adamax": lambda p: optim.Adamax(p, 0.02),
    "Adagrad": lambda p: optim.Adagrad(p, 0.1, lr_decay=0.01, initial_accumulator_value=0.1),
    "Adadelta": lambda p: optim.Adadelta(p, 1.0, rho=0.8),
    "RMSprop": lambda p: optim.RMSprop(p, 0.01),
    "RMSprop centered": lambda p: optim.RMSprop(p, 0.002, alpha=0.9, momentum=0.5, centered=True),
    "Rprop": lambda p: optim.Rprop(p, 0.01),
    "ASGD": lambda p: optim.ASGD(p, 0.1, t0=2),
    "Adafactor": lambda p: optim.Adafactor(p, 0.05),
}
for name, make in makers.items():
    model = net()
    optimizer = make(model.parameters())
    told = []
    for _ in range(50):
        optimizer.zero_grad()
        loss = ((model(X) - Y) ** 2).mean()
        loss.backward()
        optimizer.step()
        told.append(f"{loss.item():.4f}")
    print(name, *told)
print(optimizer)

model = net()
lbfgs = optim.LBFGS(model.parameters(), lr=0.5, max_iter=5, history_size=4, line_search_fn="strong_wolfe")


def closure():
    lbfgs.zero_grad()
    loss = nn.functional.mse_loss(model(X), Y)
    loss.backward()
    return loss


for _ in range(3):
    print("LBFGS", f"{lbfgs.step(closure).item():.3f}")

schedulers = {
    "StepLR": lambda o: sch.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda o: sch.MultiStepLR(o, milestones=[2, 5], gamma=0.1),
    "ExponentialLR": lambda o: sch.ExponentialLR(o, 0.8),
    "LambdaLR": lambda o: sch.LambdaLR(o, lambda e: 1 / (1 + e)),
    "MultiplicativeLR": lambda o: sch.MultiplicativeLR(o, lambda e: 0.95),
    "ConstantLR": lambda o: sch.ConstantLR(o, 0.3, total_iters=3),
    "LinearLR": lambda o: sch.LinearLR(o, 0.2, 1.0, total_iters=5),
    "PolynomialLR": lambda o: sch.PolynomialLR(o, 6, power=2),
    "CosineAnnealingLR": lambda o: sch.CosineAnnealingLR(o, T_max=6, eta_min=0.01),
    "CosineAnnealingWarmRestarts": lambda o: sch.CosineAnnealingWarmRestarts(o, 3, 2),
    "CyclicLR": lambda o: sch.CyclicLR(o, 0.01, 0.2, step_size_up=3, mode="triangular2"),
    "OneCycleLR": lambda o: sch.OneCycleLR(o, max_lr=0.3, total_steps=60),
    "SequentialLR": lambda o: sch.SequentialLR(
        o, [sch.ConstantLR(o, 0.1, total_iters=2), sch.ExponentialLR(o, 0.9)], milestones=[3]
    ),
    "ChainedScheduler": lambda o: sch.ChainedScheduler([sch.ConstantLR(o, 0.5, 3), sch.ExponentialLR(o, 0.9)]),
}
for name, make in schedulers.items():
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = make(optimizer)
    rates = []
    for _ in range(50):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        loss = ((model(X) - Y) ** 2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
    print(name, *(f"{r:.5f}" for r in rates), f"{loss:.4f}", [f"{r:.5f}" for r in scheduler.get_last_lr()])

model = net()
optimizer = optim.SGD(model.parameters(), lr=0.1)
plateau = sch.ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=1, threshold=0.2)
for epoch in range(10):
    optimizer.zero_grad()
    loss = ((model(X) - Y) ** 2).mean()
    loss.backward()
    optimizer.step()
    plateau.step(loss.item())
    print(epoch, f"{loss.item():.4f}", optimizer.param_groups[0]["lr"], plateau.num_bad_epochs)


class Warmup:
    """A schedule as a plain callable, as in home-made training loops."""

    def __init__(self, top, steps):
        self.top, self.steps = top, steps

    def __call__(self, epoch):
        return self.top * min(1.0, (epoch + 1) / self.steps)


schedule = Warmup(0.3, 4)
for epoch in range(5):
    for group in optimizer.param_groups:
        group["lr"] = schedule(epoch)
    print(f"{optimizer.param_groups[0]['lr']:.4f}", end=" ")
print()
averaged = optim.swa_utils.AveragedModel(model)
for _ in range(3):
    optimizer.zero_grad()
    ((model(X) - Y) ** 2).mean().backward()
    optimizer.step()
    averaged.update_parameters(model)
print(averaged.n_averaged, averaged.module[0].weight.norm(), model[0].weight.norm())
