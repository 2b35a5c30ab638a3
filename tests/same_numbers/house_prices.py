"""House prices with pandas: standardising, one-hot columns, k-fold validation, log-RMSE."""

import os
import sys

import numpy as np
import torch
from torch import nn

path = os.path.join(os.environ.get("LIGHTWELL_DATA", ""), "tabular", "kaggle_house_pred_train.csv")
if not os.path.exists(path):
    print("no data")
    sys.exit()
try:
    import pandas as pd
except ImportError:
    print("no data")
    sys.exit()

table = pd.read_csv(path).iloc[:600]
print(table.shape, table.iloc[0:2, [0, 1, 2, -2, -1]].values.tolist())
inputs = table.iloc[:, 1:-1].copy()
numeric = inputs.dtypes[(inputs.dtypes == "int64") | (inputs.dtypes == "float64")].index
inputs[numeric] = inputs[numeric].apply(lambda x: (x - x.mean()) / x.std())
inputs[numeric] = inputs[numeric].fillna(0)
inputs = pd.get_dummies(inputs, dummy_na=True)
features = torch.tensor(inputs.values.astype(np.float32))
labels = torch.tensor(table.SalePrice.values.reshape(-1, 1) / 1e5, dtype=torch.float32)
print(features.shape, labels.shape, features.dtype, f"{features.sum():.2f}", f"{labels.mean():.4f}")

torch.manual_seed(0)
loss = nn.MSELoss()


def log_rmse(net, X, y):
    clipped = torch.clamp(net(X), 1e-2, float("inf"))
    return torch.sqrt(loss(torch.log(clipped), torch.log(y))).item()


def fit(train, valid, epochs, lr, decay):
    net = nn.Sequential(nn.Linear(features.shape[1], 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=lr, weight_decay=decay)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*train), 64, shuffle=True)
    for _ in range(epochs):
        for X, y in loader:
            optimizer.zero_grad()
            loss(net(X), y).backward()
            optimizer.step()
    return log_rmse(net, *train), log_rmse(net, *valid), net


def fold(k, i, X, y):
    size = X.shape[0] // k
    parts = [slice(j * size, (j + 1) * size) for j in range(k)]
    held = (X[parts[i], :], y[parts[i]])
    rest = [p for j, p in enumerate(parts) if j != i]
    return (torch.cat([X[p] for p in rest], 0), torch.cat([y[p] for p in rest], 0)), held


totals = np.zeros(2)
for i in range(4):
    a, b, net = fit(*fold(4, i, features, labels), 5, 0.02, 1e-2)
    totals += a, b
    print(f"fold {i + 1}: train log rmse {a:.4f}, valid log rmse {b:.4f}")
print("means", *(f"{v:.4f}" for v in totals / 4))
with torch.no_grad():
    guesses = net(features[:5]).detach().numpy()
frame = pd.DataFrame({"Id": table["Id"][:5], "SalePrice": pd.Series(guesses.reshape(1, -1)[0])})
print(frame.round(2).to_string())
