"""LW432"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)
model = nn.Linear(8, 3)
opt = optim.Adam(model.parameters())
X, y = torch.randn(100, 8), torch.randint(0, 3, (100,))
for epoch in range(3):
    opt.zero_grad()
    loss = F.cross_entropy(model(X[:80]), y[:80])
    loss.backward()
    opt.step()
    model.eval()
    test_pred = model(X[80:]).detach().numpy().argmax(1)
    print((test_pred == y[80:].numpy()).mean())
    model.train()
