"""LW401"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(20, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return F.softmax(self.fc2(x), dim=1)


X = torch.randn(200, 20)
y = torch.randint(0, 10, (200,))
loader = DataLoader(TensorDataset(X, y), batch_size=20, shuffle=True)
net = Net()
crit = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters())
for epoch in range(2):
    for xb, yb in loader:
        opt.zero_grad()
        loss = crit(net(xb), yb)
        loss.backward()
        opt.step()
