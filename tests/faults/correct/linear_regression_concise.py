"""Linear regression with nn.Linear and a DataLoader; the loss of the whole set is looked at once an epoch."""

import torch
from torch import nn
from torch.utils import data

torch.manual_seed(2)
features = torch.randn(200, 2)
labels = features @ torch.tensor([[2.0], [-3.4]]) + 4.2 + 0.01 * torch.randn(200, 1)


def load_array(arrays, batch_size, is_train=True):
    return data.DataLoader(data.TensorDataset(*arrays), batch_size, shuffle=is_train)


net = nn.Sequential(nn.Linear(2, 1))
net[0].weight.data.normal_(0, 0.01)
net[0].bias.data.fill_(0)
loss = nn.MSELoss()
trainer = torch.optim.SGD(net.parameters(), lr=0.03)
for epoch in range(3):
    for X, y in load_array((features, labels), 10):
        l = loss(net(X), y)
        trainer.zero_grad()
        l.backward()
        trainer.step()
    l = loss(net(features), labels)
    print(f"epoch {epoch + 1}, loss {l:f}")
w = net[0].weight.data
print("error of w:", torch.tensor([2.0, -3.4]) - w.reshape(2))
