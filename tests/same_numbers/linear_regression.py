"""Straight lines through noisy points: every step by hand, then with nn.Linear and a DataLoader."""

import torch
from torch import nn
from torch.utils import data

torch.manual_seed(1)
true_w, true_b = torch.tensor([2.0, -3.4]), 4.2


def noisy_points(w, b, count):
    X = torch.normal(0, 1, (count, len(w)))
    y = torch.matmul(X, w) + b
    y += torch.normal(0, 0.01, y.shape)
    return X, y.reshape(-1, 1)


features, labels = noisy_points(true_w, true_b, 400)
print("first point", features[0], labels[0])


def batches(size, X, y):
    order = torch.randperm(len(X))
    for start in range(0, len(X), size):
        picked = order[start : min(start + size, len(X))]
        yield X[picked], y[picked]


w = torch.normal(0, 0.01, size=(2, 1), requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for epoch in range(3):
    for X, y in batches(20, features, labels):
        error = (X @ w + b - y.reshape(w.shape[1], -1).T) ** 2 / 2
        error.sum().backward()
        with torch.no_grad():
            for p in (w, b):
                p -= 0.03 * p.grad / 20
                p.grad.zero_()
    with torch.no_grad():
        print(f"by hand: epoch {epoch + 1}, loss {float((((features @ w + b) - labels) ** 2 / 2).mean()):.4f}")
print("error of w", true_w - w.reshape(true_w.shape))
print("error of b", true_b - b)

loader = data.DataLoader(data.TensorDataset(features, labels), batch_size=16, shuffle=True)
net = nn.Sequential(nn.Linear(2, 1))
net[0].weight.data.normal_(0, 0.01)
net[0].bias.data.fill_(0)
print(next(iter(loader))[0][:3])
loss, trainer = nn.MSELoss(), torch.optim.SGD(net.parameters(), lr=0.03)
for epoch in range(3):
    for X, y in loader:
        value = loss(net(X), y)
        trainer.zero_grad()
        value.backward()
        trainer.step()
    print(f"concise: epoch {epoch + 1}, loss {loss(net(features), labels):.4f}")
print(net, net[0].weight.data, net[0].bias.data)

# ridge regression in closed form, and the same point found by descent
A = features.T @ features + 0.5 * torch.eye(2)
exact = torch.linalg.solve(A, features.T @ (labels - true_b))
print("ridge", [f"{v:.4f}" for v in exact.flatten().tolist()])
theta = nn.Parameter(torch.zeros(2, 1))
for step in range(50):
    goal = ((features @ theta - labels + true_b) ** 2).sum() + 0.5 * theta.square().sum()
    (slope,) = torch.autograd.grad(goal, theta)
    with torch.no_grad():
        theta.sub_(slope, alpha=5e-4)
    if step % 10 == 0:
        print(step, f"{goal.item():.4f}", f"{slope.norm():.4f}")
print(torch.allclose(theta, exact, atol=1e-2), theta)
