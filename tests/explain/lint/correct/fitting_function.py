import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(42)

x = torch.linspace(-3.14, 3.14, 2000)
y = torch.sin(x)
p = torch.tensor([1, 2, 3])
xx = x.unsqueeze(-1).pow(p)
model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1))
loss_fn = nn.MSELoss(reduction="sum")
o = optim.RMSprop(model.parameters(), lr=1e-3)
for t in range(10):
    y_pred = model(xx)
    loss = loss_fn(y_pred, y)
    o.zero_grad()
    loss.backward()
    o.step()
