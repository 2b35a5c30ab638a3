"""Softmax regression from scratch on synthetic images, with an accumulator and a table of mistakes."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(42)
classes, side = 5, 8
centres = torch.rand(classes, side * side)
which = torch.randint(0, classes, (300,))
images = (centres[which] + 0.35 * torch.randn(300, side * side)).clamp(0, 1).reshape(-1, 1, side, side)
train_x, test_x = images[:240], images[240:]
train_y, test_y = which[:240], which[240:]
print(images.shape, images.dtype, which[:12])
print(torch.bincount(which, minlength=classes), f"{images.mean():.4f} {images.std():.4f}")


def softmax(X):
    e = torch.exp(X - X.max(dim=1, keepdim=True).values)
    return e / e.sum(1, keepdim=True)


def cross_entropy(p, y):
    return -torch.log(p[range(len(p)), y])


def accuracy(p, y):
    if len(p.shape) > 1 and p.shape[1] > 1:
        p = p.argmax(axis=1)
    hits = p.type(y.dtype) == y
    return float(hits.type(y.dtype).sum())


class Sums:
    def __init__(self, n):
        self.values = [0.0] * n

    def add(self, *more):
        self.values = [a + float(b) for a, b in zip(self.values, more)]

    def __getitem__(self, i):
        return self.values[i]


W = torch.normal(0, 0.01, size=(side * side, classes), requires_grad=True)
b = torch.zeros(classes, requires_grad=True)


def net(X):
    return softmax(torch.matmul(X.reshape((-1, W.shape[0])), W) + b)


for epoch in range(5):
    seen = Sums(3)
    for X, y in zip(train_x.split(32), train_y.split(32)):
        p = net(X)
        l = cross_entropy(p, y)
        l.sum().backward()
        with torch.no_grad():
            for q in [W, b]:
                q -= 0.5 * q.grad / len(X)
                q.grad = None
        seen.add(l.sum().item(), accuracy(p, y), y.numel())
    print(f"epoch {epoch + 1} loss {seen[0] / seen[2]:.4f} train {seen[1] / seen[2]:.4f} test {accuracy(net(test_x), test_y) / len(test_y):.4f}")

confusion = torch.zeros(classes, classes, dtype=torch.int64)
for t, p in zip(test_y, net(test_x).argmax(1)):
    confusion[t.long(), p.long()] += 1
print(confusion)


def init(m):
    if type(m) == nn.Linear:
        nn.init.normal_(m.weight, std=0.01)


model = nn.Sequential(nn.Flatten(), nn.Linear(side * side, classes))
model.apply(init)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
for reduction in ("none", "mean", "sum"):
    loss = nn.CrossEntropyLoss(reduction=reduction, label_smoothing=0.1 if reduction == "mean" else 0.0)
    for X, y in zip(train_x.split(48), train_y.split(48)):
        l = loss(model(X), y)
        optimizer.zero_grad()
        (l if l.ndim == 0 else l.mean()).div(len(X) if reduction == "sum" else 1).backward()
        optimizer.step()
    print(reduction, f"{l.mean().item():.4f}", tuple(l.shape))
with torch.no_grad():
    scores = model(test_x)
    print(torch.topk(F.softmax(scores[:3], -1), 2))
    print(F.log_softmax(scores[0], 0), F.nll_loss(F.log_softmax(scores, 1), test_y))
    weights = torch.tensor([1.0, 2.0, 0.5, 1.5, 1.0])
    print(F.cross_entropy(scores, test_y, weight=weights, ignore_index=2))
    print(F.one_hot(test_y[:4], classes))
