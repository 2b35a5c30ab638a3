"""LeNet in the manner of the book: a Sequential, init by apply, evaluate_accuracy with eval() and no_grad."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(5)
images = (torch.rand(96, 1, 28, 28) * 255).to(torch.uint8)
labels = torch.randint(0, 10, (96,))
train_set = TensorDataset(images[:64].float() / 255, labels[:64])
test_set = TensorDataset(images[64:].float() / 255, labels[64:])
train_iter, test_iter = DataLoader(train_set, 16, shuffle=True), DataLoader(test_set, 16, shuffle=False)
net = nn.Sequential(
    nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
    nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2), nn.Flatten(),
    nn.Linear(16 * 5 * 5, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
)  # fmt: skip
X = torch.rand(size=(1, 1, 28, 28), dtype=torch.float32)
for layer in net:
    X = layer(X)
    print(layer.__class__.__name__, "output shape:\t", X.shape)


def init_weights(m):
    if type(m) == nn.Linear or type(m) == nn.Conv2d:  # noqa: E721  (as the book has it)
        nn.init.xavier_uniform_(m.weight)


def evaluate_accuracy(net, data_iter, device=None):
    if isinstance(net, nn.Module):
        net.eval()
        device = next(iter(net.parameters())).device
    right = total = 0
    with torch.no_grad():
        for X, y in data_iter:
            X, y = X.to(device), y.to(device)
            right += (net(X).argmax(1) == y).sum().item()
            total += y.numel()
    return right / total


net.apply(init_weights)
optimizer = torch.optim.SGD(net.parameters(), lr=0.9)
loss = nn.CrossEntropyLoss()
for epoch in range(2):
    net.train()
    for X, y in train_iter:
        optimizer.zero_grad()
        y_hat = net(X)
        l = loss(y_hat, y)
        l.backward()
        optimizer.step()
        with torch.no_grad():
            train_l, train_acc = l * X.shape[0], (y_hat.argmax(1) == y).float().mean()
    print(f"loss {float(train_l):.3f}, train acc {float(train_acc):.3f}, test acc {evaluate_accuracy(net, test_iter):.3f}")
