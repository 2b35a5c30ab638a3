"""K-fold cross-validation: a fresh network and optimizer for each fold, log RMSE as the measure."""

import torch
from torch import nn
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset

torch.manual_seed(21)
X = torch.randn(120, 8)
y = (X @ torch.rand(8, 1) + 3).clamp(min=1)
dataset = TensorDataset(X, y)
loss = nn.MSELoss()


def get_net():
    return nn.Sequential(nn.Linear(8, 1))


def log_rmse(net, features, labels):
    with torch.no_grad():
        clipped = torch.clamp(net(features), 1, float("inf"))
        return torch.sqrt(loss(torch.log(clipped), torch.log(labels))).item()


def k_fold(k, epochs=3):
    folds = torch.randperm(120).chunk(k)
    total = 0.0
    for i in range(k):
        net = get_net()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        rest = torch.cat([f for j, f in enumerate(folds) if j != i])
        loader = DataLoader(dataset, batch_size=16, sampler=SubsetRandomSampler(rest.tolist()))
        for _ in range(epochs):
            for xb, yb in loader:
                optimizer.zero_grad()
                loss(net(xb), yb).backward()
                optimizer.step()
        total += log_rmse(net, X[folds[i]], y[folds[i]])
    return total / k


print(k_fold(4))
